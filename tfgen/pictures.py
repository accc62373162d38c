"""Pictures of many images: what a run shows of its model."""

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from tfgen.errors import InputError

POINT = (1, 1, 2)  # the shape of a point of the plane, as an image
SIDE = 64  # pixels of the longer side of an image in a grid, at least
TITLE = 16  # pixels of the line above the columns
FAR = 0.3  # brightness of a volume's farthest voxels, that of the nearest is 1
FRAMES, SECONDS = 24, 2.4  # of a volume's turn
RATE = 8  # frames of a clip in a second
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def to_uint8(images: ArrayLike, value_range: tuple[float, float]) -> np.ndarray:
    """Images with values in `value_range`, cut off at its ends, as bytes 0 to 255.

    Args:
        images: float array of any shape; NaN is refused with an InputError.
        value_range: (low, high), the values of black and white.
    """
    low, high = value_range
    images = np.asarray(images, np.float64)
    if np.isnan(images).any():
        raise InputError("a picture needs numbers; received images with NaN in them")
    return np.rint(np.clip((images - low) / (high - low), 0, 1) * 255).astype(np.uint8)


def to_picture(image: np.ndarray) -> Image.Image:
    """One image of bytes, (h, w, c), as a PIL image; `visible` if c is not 1, 3 or 4; `views` of a volume."""
    if image.ndim == 4:
        image = views(image[None])[0]
    if image.ndim != 3 or not image.size:
        raise InputError(f"a picture is (h, w, c), none of them 0; received shape {image.shape}")
    image = visible(image)
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image, MODES[image.shape[-1]])


def visible(images: np.ndarray) -> np.ndarray:
    """Images (..., h, w, c); where c is not 1, 3 or 4, their channels side by side, (..., h, c w, 1)."""
    *_, height, width, channels = images.shape
    if channels in MODES:
        return images
    return np.moveaxis(images, -1, -2).reshape(*images.shape[:-3], height, channels * width, 1)


def decades(images: ArrayLike, high: float, n: int = 4) -> np.ndarray:
    """Images in [0, high] with a brightness that grows by each factor of 10, again in [0, high].

    Args:
        images: of any shape; energies, of which few are large.
        n: factors of 10 below `high` from where on a value is black.
    """
    logs = np.log10(np.maximum(np.asarray(images, np.float64) / high, 10.0**-n))
    return ((1 + logs / n) * high).astype(np.float32)


def seen(volumes: np.ndarray) -> np.ndarray:
    """Volumes of bytes (n, d, h, w, c) from the front, (n, h, w, c): the brightest voxel of each ray, where
    those behind are darker by their distance."""
    shade = np.linspace(1, FAR, volumes.shape[1])[:, None, None, None]
    return np.rint((volumes * shade).max(1)).astype(np.uint8)


def views(volumes: np.ndarray) -> np.ndarray:
    """Volumes of bytes (n, d, h, w, c) as `seen` from the front, above and the side: (n, h', w', c).

    The views stand side by side, dark where one is not as high as the others.
    """
    front, above, side = volumes, np.moveaxis(volumes, 2, 1), np.moveaxis(volumes, (3, 2), (1, 2))
    each = [seen(one) for one in (front, above, side)]
    height = max(view.shape[1] for view in each)
    rows = [np.pad(view, ((0, 0), (0, height - view.shape[1]), (0, 0), (0, 0))) for view in each]
    return np.concatenate(rows, axis=2)


def turning(volumes: ArrayLike, value_range: tuple[float, float], to: str | Path) -> None:
    """Writes a .gif file in which volumes turn about their vertical axis, side by side as in `grid`.

    Args:
        volumes: (n, d, h, w, c), values in `value_range`; h is the vertical axis.
        value_range: (low, high), the values of black and white.
        to: the file.
    """
    volumes = to_uint8(volumes, value_range)
    if volumes.ndim != 5 or not len(volumes):
        raise InputError(f"volumes have shape (n, depth, height, width, channels); received {volumes.shape}")
    turned = [
        ndimage.rotate(volumes, 360 * k / FRAMES, axes=(1, 3), reshape=False, order=1) for k in range(FRAMES)
    ]
    _animated([grid(seen(one) / 255) for one in turned], SECONDS / FRAMES, to)


def moving(clips: ArrayLike, value_range: tuple[float, float], to: str | Path) -> None:
    """Writes a .gif file in which clips are played again and again, side by side as in `grid`.

    Args:
        clips: (n, t, h, w, c), t frames each, values in `value_range`.
        value_range: (low, high), the values of black and white.
        to: the file.
    """
    clips = np.asarray(clips)
    if clips.ndim != 5 or 0 in clips.shape:
        raise InputError(f"clips have shape (n, frames, height, width, channels); received {clips.shape}")
    frames = [grid(clips[:, k], value_range) for k in range(clips.shape[1])]
    _animated(frames, 1 / RATE, to)


def _animated(frames, seconds, to):
    pace = dict(duration=round(1000 * seconds), loop=0)
    frames[0].save(to, format="GIF", save_all=True, append_images=frames[1:], **pace)


def scatter(points: ArrayLike, value_range: tuple[float, float] = (0.0, 1.0), side: int = 512) -> Image.Image:
    """Points of the plane, dark where there are many, the first coordinate to the right, the second up.

    Args:
        points: (n, 1, 1, 2) or (n, 2); those outside of `value_range` are drawn at the rim.
        value_range: (low, high), of both axes.
        side: pixels of the picture.

    Returns:
        a PIL image.
    """
    points = np.reshape(points, (-1, 2)).astype(np.float64)
    if np.isnan(points).any():
        raise InputError("a picture needs numbers; received points with NaN in them")
    low, high = value_range
    places = np.clip((points - low) / (high - low), 0, 1) * (side - 3)
    x, y = np.rint(places * (1, -1) + (1, side - 2)).astype(int).T
    count = np.zeros((side, side))
    for right, down in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
        np.add.at(count, (y + down, x + right), 1)
    return to_picture(np.rint(255 * 0.5**count).astype(np.uint8)[..., None])


def grid(
    images: ArrayLike,
    value_range: tuple[float, float] = (0.0, 1.0),
    columns: int | None = None,
    gap: int = 2,
    titles: Iterable | None = None,
) -> Image.Image:
    """Images side by side, row by row; points of the plane, (n, 1, 1, 2), as `scatter` draws them, and
    volumes (n, d, h, w, c) in three `views`.

    Args:
        images: (n, h, w, c) with n >= 1 and values in `value_range`, cut off at its ends; images whose sides
            are below 64 pixels are enlarged by a whole factor, and `visible` makes those of 2 channels.
        value_range: (low, high), the values of black and white.
        columns: images in a row; by default so many that few places are left empty (none, where n is
            no large prime), and the picture is about square.
        gap: grey pixels between images.
        titles: texts above the columns, one for each, as the names of classes; what is wider than its
            column is cut. Needs `columns`.

    Returns:
        a PIL image.

    Raises:
        InputError: images of another shape, NaN, titles that are not one for each column.
    """
    if np.shape(images)[1:] == POINT:
        return scatter(images, value_range)
    images = to_uint8(images, value_range)
    side = max(images.shape[1:-1], default=1)  # of one view
    if images.ndim == 5:
        images = views(images)
    if images.ndim != 4 or not len(images):
        raise InputError(f"a grid needs images of shape (n, h, w, c); received {images.shape}")
    images = visible(images)
    n, height, width, channels = images.shape
    columns = min(n, columns or _columns(n))
    if titles is not None and len(titles) != columns:
        raise InputError(f"a grid of {columns} columns needs as many titles; received {list(titles)}")
    rows = math.ceil(n / columns)
    factor = max(1, math.ceil(SIDE / side))
    images = images.repeat(factor, axis=1).repeat(factor, axis=2)
    down, across = height * factor + gap, width * factor + gap
    top = 0 if titles is None else TITLE
    canvas = np.full((top + rows * down - gap, columns * across - gap, channels), 128, np.uint8)
    canvas[:top] = 255
    for i, image in enumerate(images):
        y, x = top + i // columns * down, i % columns * across
        canvas[y : y + height * factor, x : x + width * factor] = image
    picture = to_picture(canvas)
    for column, title in enumerate(titles or ()):
        _write(picture, str(title), column * across, width * factor)
    return picture


def table(
    columns: dict[str, ArrayLike], value_range: tuple[float, float] = (0.0, 1.0), gap: int = 2
) -> Image.Image:
    """A row for each example: columns of images with a title above each.

    Args:
        columns: {title: images (n, h, w, c)}, as `grid` takes them; of grey and colour in any mixture.
        value_range: (low, high), the values of black and white.
        gap: grey pixels between images.

    Returns:
        a PIL image.
    """
    made = [grid(images, value_range, 1, gap, [title]) for title, images in columns.items()]
    mode = "L" if all(picture.mode == "L" for picture in made) else "RGB"
    width = sum(picture.width + gap for picture in made) - gap
    canvas = Image.new(mode, (width, max(picture.height for picture in made)), "#808080")
    x = 0
    for picture in made:
        canvas.paste(picture.convert(mode), (x, 0))
        x += picture.width + gap
    return canvas


def captioned(
    rows: dict[str, ArrayLike], value_range: tuple[float, float] = (0.0, 1.0), columns: int = 8, gap: int = 2
) -> Image.Image:
    """Images below their text.

    Args:
        rows: {text: images (n, h, w, c)}, as `grid` takes them; a text that is wider than the picture is cut.
        value_range: (low, high), the values of black and white.
        columns: images in a row.
        gap: grey pixels between images.

    Returns:
        a PIL image.
    """
    grids = {text: grid(images, value_range, columns, gap) for text, images in rows.items()}
    width, mode = max(one.width for one in grids.values()), next(iter(grids.values())).mode
    made = []
    for text, one in grids.items():
        line = Image.new(mode, (width, TITLE), "white")
        _write(line, text, 0, width)
        made += [line, one]
    canvas = Image.new(mode, (width, sum(part.height for part in made)), "#808080")
    y = 0
    for part in made:
        canvas.paste(part, (0, y))
        y += part.height
    return canvas


def _columns(n):
    """Of as many columns as rows up to about four times as many: those that leave fewest places empty."""
    least = math.ceil(math.sqrt(n))
    return min(range(least, 2 * least + 2), key=lambda columns: (-n % columns, columns))


def _write(picture, title, x, width):
    """A title in the middle of its column, black on white."""
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(TITLE - 4)
    while len(title) > 1 and draw.textlength(title, font) > width:
        title = title[:-1]
    ink = {"L": 0, "RGB": (0, 0, 0), "RGBA": (0, 0, 0, 255)}[picture.mode]
    draw.text((x + width / 2, TITLE / 2), title, ink, font, anchor="mm")
