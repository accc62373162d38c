"""How well label maps, whose classes are colours, agree with the true ones."""

import os

import numpy as np
from scipy import ndimage

from tfgen import pictures
from tfgen.data import images as files
from tfgen.errors import InputError

MOST, CANDIDATES = 32, 4096  # colours of a palette, and cubes of colours looked at
SMOOTH, CUBE = 24, 4  # levels: of the pixels around a flat one, and of a cube's side
NEAR, APART = 16, 32  # levels: JPEG's noise around a colour, and between two
PLAIN = 0.1  # share of pixels that are flat, at least
RARE, FLAT = 1e-3, 0.92  # shares of the flat pixels: of the rarest colour, and of all of a palette
FAR = 64  # levels of a channel: so far from a colour is no noise and hardly a rim


def palette(images):
    """The flat colours of label maps or of ink on paper, by how often they occur: bytes (k, channels).

    None for images whose flat places are not nearly all of a few colours, as photographs. Rims are left out,
    and JPEG's noise is forgotten.

    Args:
        images: bytes (n, h, w, channels).
    """
    pixels, counts = np.unique(images.reshape(-1, images.shape[-1]), axis=0, return_counts=True)
    if len(pixels) <= MOST:
        return pixels[np.argsort(-counts, kind="stable")]
    around = (1, 3, 3, 1)
    spread = ndimage.maximum_filter(images, around) - ndimage.minimum_filter(images, around)
    flat = images[(spread <= SMOOTH).all(axis=-1)].astype(int)
    if len(flat) * images.shape[-1] < PLAIN * images.size:
        return None
    cubes, which, counts = np.unique(flat // CUBE, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:CANDIDATES]
    left, found, covered = np.ones(len(order), bool), [], 0
    while left.any() and len(found) < MOST:
        best = np.argmax(left * counts[order])
        apart = CUBE * abs(cubes[order] - cubes[order[best]]).max(axis=1)
        near = left & (apart <= NEAR)
        if counts[order[near]].sum() < RARE * len(flat):
            break
        colours, times = np.unique(flat[which.ravel() == order[best]], axis=0, return_counts=True)
        found.append(colours[times.argmax()])
        covered += counts[order[near]].sum()
        left &= apart > APART
    return np.uint8(found) if covered > FLAT * len(flat) else None


def opened(what, channels):
    """The colours of classes, bytes (k, channels), of an array of them, or of the file of a picture."""
    if isinstance(what, (str, os.PathLike)):
        colours = palette(files.read(what, channels)[None])
        if colours is None or len(colours) < 2:
            raise InputError(
                f"{what} is no picture of 2 to {MOST} flat colours; give a label map that has each class, or "
                f"draw their colours side by side"
            )
        return colours
    colours = np.asarray(what)
    whole = colours.ndim == 2 and colours.size and (colours == np.rint(colours)).all()
    if not whole or colours.shape[1] != channels or colours.min() < 0 or colours.max() > 255:
        raise InputError(
            f"a palette is a picture's file, or bytes (classes, {channels}) in 0..255; received "
            f"{colours.dtype} of shape {colours.shape}"
        )
    if len(np.unique(colours, axis=0)) < max(len(colours), 2):
        raise InputError(f"a palette has at least 2 colours, each once; received {colours.tolist()}")
    return np.uint8(colours)


def _distances(image, colours):
    """Of an image's bytes (h, w, c) from each colour: the largest of a channel, and the square: (k, h, w)."""
    gaps = [image.astype(np.int32) - colour for colour in colours.astype(np.int32)]
    return np.stack([abs(gap).max(-1) for gap in gaps]), np.stack([(gap**2).sum(-1) for gap in gaps])


def check_fit(images, colours, value_range):
    """Raises an InputError for true images (n, h, w, c) whose colours are others."""
    bytes_of = pictures.to_uint8(images, value_range)
    far = np.mean([_distances(image, colours)[0].min(0) > FAR for image in bytes_of])
    if far > 0.5:
        raise InputError(
            f"the palette does not fit: {far:.0%} of the pixels of the true images are far from each of its "
            f"{len(colours)} colours; give those of their classes, as one of these label maps has them"
        )


def confusion(images, others, value_range, colours):
    """How many pixels of class i in `others` have class j in `images`, int64 (n, k, k).

    A pixel's class is the nearest colour: so noise of JPEG and rims of resizing are forgotten.

    Args:
        images, others: (n, h, w, c) in `value_range`; made and true ones.
        colours: bytes (k, c).
    """
    count, found = len(colours), []
    for pair in zip(pictures.to_uint8(others, value_range), pictures.to_uint8(images, value_range)):
        truth, made = (_distances(image, colours)[1].argmin(0).ravel() for image in pair)
        found.append(np.bincount(truth * count + made, minlength=count**2).reshape(count, count))
    return np.stack(found)


def agreement(counts):
    """pixel_accuracy, the share of pixels of the right class; class_accuracy and class_iou, the means over
    the classes of the truth of the share that is found of a class, and of intersection over union.

    Args:
        counts: the sum of `confusion` over the images, (k, k).
    """
    right, true, made = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    there = true > 0
    return {
        "pixel_accuracy": float(right.sum() / counts.sum()),
        "class_accuracy": float((right[there] / true[there]).mean()),
        "class_iou": float((right / np.maximum(true + made - right, 1))[there].mean()),
    }
