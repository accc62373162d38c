"""Operations on batches of images: uint8, shape (n, h, w, c). All of them run inside tf.data."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from tfgen import random
from tfgen.errors import InputError

GREY_MODES = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "F"}  # Pillow's names

_PNG = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"  # how a file begins and ends
_JPEG = b"\xff\xd8\xff", b"\xff\xd9"


def _pillow(contents, path):
    try:
        with Image.open(io.BytesIO(contents)) as image:
            grey = image.mode in GREY_MODES
            pixels = np.asarray(image.convert("L" if grey else "RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"cannot read the image {path.decode()}: {error}") from None
    return pixels[:, :, None] if grey else pixels


def decode(contents, path):
    """The pixels of an encoded image: uint8 (h, w, c), where c is 1 or 3, and one more with alpha.

    A whole PNG or JPEG is decoded by TensorFlow, in parallel, to the same bytes as by Pillow; the
    rest (webp, bmp, gif: its first frame) by Pillow, and so is a file that ends too early, since
    Pillow's error can name it.

    Args:
        contents: string scalar, the bytes of the file.
        path: string scalar, for the error.
    """
    start = tf.strings.substr(contents, 0, 8)
    end = tf.strings.substr(contents, tf.maximum(tf.strings.length(contents) - 8, 0), 8)
    png = (start == _PNG[0]) & (end == _PNG[1])
    last = tf.maximum(tf.strings.length(end) - 2, 0)
    jpeg = (tf.strings.substr(start, 0, 3) == _JPEG[0]) & (tf.strings.substr(end, last, 2) == _JPEG[1])
    image = tf.cond(
        png | jpeg,
        lambda: tf.io.decode_jpeg(contents, dct_method="INTEGER_ACCURATE"),  # reads PNG as well
        lambda: tf.numpy_function(_pillow, [contents, path], tf.uint8),
    )
    return tf.ensure_shape(image, (None, None, None))


def _resize_to_cover(images, height, width):
    """The smallest images of the same proportions that cover (height, width)."""
    have = tf.shape(images)[1:3]
    want = tf.constant([height, width])
    scale = tf.reduce_max(want / have)
    size = tf.maximum(want, tf.cast(tf.round(scale * tf.cast(have, scale.dtype)), tf.int32))

    def resized():
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
    if images.shape[-1] == channels:
        return images
    have = tf.shape(images)[-1]

    def converted():
        colour = tf.gather(images, tf.where(have < 3, [0, 0, 0], [0, 1, 2]), axis=-1)
        if channels == 3:
            return colour
        # ITU-R 601 in 16-bit fractions, as Pillow's convert("L"); what is grey keeps its value.
        weighted = tf.cast(colour, tf.int32) * tf.constant([19595, 38470, 7471])
        return tf.cast((tf.reduce_sum(weighted, -1, keepdims=True) + 2**15) // 2**16, tf.uint8)

    return tf.cond(have == channels, lambda: images, converted)


def fit(images, shape, place=None):
    """Images of `shape` (h, w, c): resized to cover it, cropped, and with its channels.

    The shorter side (in proportion) is resized with an antialiased triangle filter, the longer
    is cropped. Grey is repeated, colour weighted to grey, alpha dropped.

    Args:
        images: uint8 (n, H, W, C) of any size.
        shape: (h, w, c); c is C, 1 or 3.
        place: float32 (n, 2) in (0, 1), where to crop; None crops the middle.
    """
    height, width, channels = shape
    images = _crop(_resize_to_cover(images, height, width), height, width, place)
    return tf.ensure_shape(_convert(images, channels), (None, *shape))


def uniform(key, index, shape):
    """Uniform in (0, 1), float32 (n, *shape), where row k depends on `key` and index[k] alone."""
    count = tf.size(index)
    return random.uniform(key, (count, *shape), first_row=index - tf.range(count))


def binarize(images, key, index):
    """Each value v becomes 255 with probability v / 255, else 0; example index[k] has its own draw."""
    ink = uniform(key, index, images.shape[1:]) * 255.0 < tf.cast(images, tf.float32)
    return tf.cast(ink, tf.uint8) * tf.constant(255, tf.uint8)


def scale(images, value_range):
    """Bytes 0..255, or floats in [-1, 1], as float32 from low to high."""
    low, high = value_range
    if images.dtype.is_floating:
        return low + (images + 1) * ((high - low) / 2)
    return low + tf.cast(images, tf.float32) * ((high - low) / 255)
