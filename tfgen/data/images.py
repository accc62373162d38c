"""Operations on batches of images: uint8, shape (n, h, w, c). All of them run inside tf.data."""

import functools
import io
import warnings
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from tfgen import random
from tfgen.errors import InputError

GREY_MODES = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "F"}  # Pillow's names

NOTES = 65536  # an EXIF lies within so many bytes

_WHOLE = ((b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"), (b"\xff\xd8\xff", b"\xff\xd9"))  # begins and ends
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
_TURN = Image.Transpose
_UPRIGHT = {  # by EXIF orientation
    2: _TURN.FLIP_LEFT_RIGHT,
    3: _TURN.ROTATE_180,
    4: _TURN.FLIP_TOP_BOTTOM,
    5: _TURN.TRANSPOSE,
    6: _TURN.ROTATE_270,
    7: _TURN.TRANSVERSE,
    8: _TURN.ROTATE_90,
}


def unreadable(path, error):
    # Another image under its name leaves a run the same number of examples, which it needs to go on.
    return InputError(
        f"cannot read the image {path}: {error}; repair it, or put another image in its place (a run can "
        f"then be resumed), or remove it"
    )


def _orientation(image):
    """1..8 of an opened image, from its EXIF; 1 is upright."""
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
        return exif.get(0x0112, 1)
    except _UNREADABLE:  # damaged notes say nothing
        return 1


def header(path):
    """(h, w, c) of an image file as it stands upright, c 1 or 3, and Pillow's mode, without its pixels."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                turned = _orientation(image) in (5, 6, 7, 8)
                size = image.size if turned else image.size[::-1]
                return (*size, 1 if image.mode in GREY_MODES else 3), image.mode
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise InputError(
            f"{path} has more than {Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels, the most that are "
            f"read; make it smaller, or cut it into pieces"
        ) from None
    except _UNREADABLE as error:
        raise unreadable(path, error) from None


def _by_pillow(contents, path):
    try:
        with Image.open(io.BytesIO(contents)) as image:
            grey = image.mode in GREY_MODES
            alpha = image.has_transparency_data
            turn = _UPRIGHT.get(_orientation(image))
            pixels = image.convert(("LA" if grey else "RGBA") if alpha else "L" if grey else "RGB")
            pixels = np.asarray(pixels if turn is None else pixels.transpose(turn))
    except _UNREADABLE as error:
        raise unreadable(path, error) from None
    return pixels.reshape(*pixels.shape[:2], -1)


def _is_turned(contents):
    with Image.open(io.BytesIO(contents)) as image:
        return _orientation(image) in _UPRIGHT


def for_tensorflow(contents, path):
    """Whether TensorFlow decodes the image, to the same bytes as Pillow; Pillow then reads the others.

    TensorFlow decodes whole PNG and JPEG files that stand upright. Pillow is slower and holds Python's lock,
    but reads webp, bmp and gif (its first frame), turns images as their EXIF says, and can name a file.

    Args:
        contents: the bytes of the file.
        path: for the error.

    Raises:
        InputError: neither can.
    """
    whole = any(contents.startswith(start) and contents.endswith(end) for start, end in _WHOLE)
    # EXIF has an orientation of almost every camera's image, most often 1.
    noted = b"Exif\0\0" in contents[:NOTES] or b"eXIf" in contents[:NOTES]
    try:
        if whole and not (noted and _is_turned(contents)):
            _by_tensorflow(contents)
            return True
    except (tf.errors.OpError, *_UNREADABLE):
        pass
    _by_pillow(contents, path)
    return False


def _by_tensorflow(contents):
    return tf.io.decode_jpeg(contents, dct_method="INTEGER_ACCURATE")  # reads PNG as well


def decode(contents, path, by_tensorflow):
    """The pixels of an encoded image: uint8 (h, w, c), where c is 1 or 3, and one more with alpha.

    Args:
        contents: string scalar, the bytes of the file.
        path: string scalar, for the error.
        by_tensorflow: boolean scalar, what `for_tensorflow` has said of the file.
    """
    image = tf.cond(
        by_tensorflow,
        lambda: _by_tensorflow(contents),
        lambda: tf.numpy_function(lambda x, name: _by_pillow(x, name.decode()), [contents, path], tf.uint8),
    )
    return tf.ensure_shape(image, (None, None, None))


def read(path, channels):
    """The pixels of an image file: uint8 (h, w, channels), with 1 channel or 3, as a training sees them.

    Raises:
        InputError: no such file, or one that is no image or damaged.
    """
    try:
        contents = Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; give a picture") from None
    if for_tensorflow(contents, path):
        image = _by_tensorflow(contents)
    else:
        image = tf.constant(_by_pillow(contents, path))
    return stack([image[None]], [channels])[0].numpy()


@functools.cache
def _traced(function, *settings):
    """function(images, *settings) for images of any size: traced once, and not for every data set anew."""
    images = tf.TensorSpec((None, None, None, None), tf.uint8)
    return tf.function(lambda images: function(images, *settings), [images], autograph=False)


def _resize_to_cover(images, height, width, resample):
    """The smallest images of the same proportions that cover (height, width)."""
    have = tf.shape(images)[1:3]
    want = tf.constant([height, width])
    scale = tf.reduce_max(want / have)
    if resample == "never":  # but what is too small
        scale = tf.maximum(scale, 1)
    size = tf.maximum(want, tf.cast(tf.round(scale * tf.cast(have, scale.dtype)), tf.int32))

    def resized():
        if resample == "nearest":
            return tf.image.resize(images, size, "nearest")
        pixels = tf.image.resize(images, size, antialias=True)
        return tf.saturate_cast(tf.round(pixels), tf.uint8)

    return tf.cond(tf.reduce_all(size == have), lambda: images, resized)


def _crop(images, height, width, place):
    room = tf.shape(images)[1:3] - (height, width)
    if place is None:
        top, left = room[0] // 2, room[1] // 2
        return images[:, top : top + height, left : left + width]
    corner = tf.cast(place * tf.cast(room + 1, tf.float32), tf.int32)
    corner = tf.minimum(corner, room)  # the product can round up to room + 1
    rows = corner[:, :1] + tf.range(height)
    columns = corner[:, 1:] + tf.range(width)
    images = tf.gather(images, rows, axis=1, batch_dims=1)
    return tf.gather(images, columns, axis=2, batch_dims=1)


def _convert(images, channels):
    have = tf.shape(images)[-1]

    def opaque():
        colour, alpha = tf.cast(images[..., :-1], tf.int32), tf.cast(images[..., -1:], tf.int32)
        return tf.cast((colour * alpha + 255 * (255 - alpha) + 127) // 255, tf.uint8)

    def converted():
        seen = tf.cond(have % 2 == 0, opaque, lambda: images)
        colour = tf.gather(seen, tf.where(have < 3, [0, 0, 0], [0, 1, 2]), axis=-1)
        if channels == 3:
            return colour
        # ITU-R 601 in 16-bit fractions, as Pillow's convert("L"); what is grey keeps its value.
        weighted = tf.cast(colour, tf.int32) * tf.constant([19595, 38470, 7471])
        return tf.cast((tf.reduce_sum(weighted, -1, keepdims=True) + 2**15) // 2**16, tf.uint8)

    return tf.cond(have == channels, lambda: images, converted)


def stack(parts, channels):
    """The images of an example's `parts`, of one size, one behind the other on the channel axis.

    Grey is repeated, colour weighted to grey, and what is transparent laid on white.

    Args:
        parts: uint8 (n, H, W, C) each.
        channels: of each part in the result; its C, 1 or 3.
    """
    parts = [
        p if p.shape[-1] == c else tf.ensure_shape(_traced(_convert, c)(p), (*p.shape[:3], c))
        for p, c in zip(parts, channels)
    ]
    return parts[0] if len(parts) == 1 else tf.concat(parts, axis=-1)


def fit(images, size, place=None, *, enlarged=None, mirror=None, resample="triangle"):
    """Images of `size` (h, w): resized to cover it, cropped, and mirrored.

    The shorter side (in proportion) is resized, the longer is cropped.

    Args:
        images: uint8 (n, H, W, C) of any size.
        size: (h, w).
        place: float32 (n, 2) in (0, 1), where to crop; None crops the middle.
        enlarged: (h, w) to cover before the crop, if that is more than `size`.
        mirror: booleans (n,), which to mirror; None mirrors none.
        resample: "triangle", antialiased; "nearest"; or "never", which resizes what is too small only.
    """
    channels = images.shape[-1]
    if images.shape[1:3] != (enlarged or size):  # else nothing is added to the graph
        images = _traced(_resize_to_cover, *(enlarged or size), resample)(images)
    if images.shape[1:3] != size:
        images = _crop(images, *size, place)
    if mirror is not None:
        images = tf.where(mirror[:, None, None, None], images[:, :, ::-1], images)
    return tf.ensure_shape(images, (None, *size, channels))


def uniform(key, index, shape):
    """Uniform in (0, 1), float32 (n, *shape), where row k depends on `key` and index[k] alone."""
    count = tf.size(index)
    return random.uniform(key, (count, *shape), first_row=index - tf.range(count))


def binarize(images, key, index):
    """Each value v becomes 255 with probability v / 255, else 0; example index[k] has its own draw."""
    ink = uniform(key, index, images.shape[1:]) * 255.0 < tf.cast(images, tf.float32)
    return tf.cast(ink, tf.uint8) * tf.constant(255, tf.uint8)


def scale(images, field):
    """Bytes 0..255, or floats in [-1, 1], as float32 in the range of a `tfgen.fields.Image`."""
    low, high = field.low, field.high
    if images.dtype.is_floating:
        return low + (images + 1) * ((high - low) / 2)
    return low + tf.cast(images, tf.float32) * ((high - low) / 255)
