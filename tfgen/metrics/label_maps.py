"""How well label maps, whose classes are colours, agree with the true ones."""

import os

import numpy as np

from tfgen import pictures
from tfgen.data import images as files
from tfgen.errors import InputError

CANDIDATES, MOST = 4096, 32  # colours looked at, and of a palette
RARE, FLAT = 5e-4, 0.8  # shares of the pixels: of the rarest colour, and of all of a palette
NEAR, APART = 2, 12  # levels within which pixels have a colour, and between colours
FAR = 64  # levels of a channel: so far from a colour is no noise and hardly a rim


def palette(images):
    """The flat colours of label maps or of ink on paper, by how often they occur: bytes (k, channels).

    None for images whose pixels are not nearly all of a few colours, as photographs.

    Args:
        images: bytes (n, h, w, channels).
    """
    colours, counts = np.unique(images.reshape(-1, images.shape[-1]), axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:CANDIDATES]
    colours, share = colours[order].astype(int), counts[order] / counts.sum()
    left, found, covered = np.ones(len(colours), bool), [], 0.0
    while left.any() and len(found) < MOST:
        best = np.argmax(left * share)
        if share[best] < RARE:
            break
        apart = abs(colours - colours[best]).max(axis=1)
        covered += share[left & (apart <= NEAR)].sum()  # JPEG's noise, of flat areas
        left &= apart > APART
        found.append(colours[best])
    return np.uint8(found) if covered >= FLAT else None


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
