"""Edits of an image by strokes: the nearest image that a model makes, which has what was painted.

Zhu, Krahenbuhl, Shechtman and Efros. Generative Visual Manipulation on the Natural Image Manifold. ECCV 2016.
https://arxiv.org/abs/1609.03552

    z* = argmin_z sum M |G(z) - colours|^2 + sketch_weight |f(G(z)) - f(sketch)|^2 + smoothness |z - z0|^2

where M is 1 under the strokes, and f are histograms of the directions of edges (Dalal and Triggs, 2005), in
the cells that the sketch goes through. A part that is moved is a stroke of its colours (`moved`).

A photograph, whose code z0 a search has found, follows the motion and the colours from G(z0) to G(z*)
(`tfgen.analysis.motion`): it keeps its own details, and what moves in the edit moves in it. Weights are ours,
of sums over pixels; those of the authors' code are of other features.
"""

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfgen.analysis import blending, latent, motion
from tfgen.analysis.search import Found, search
from tfgen.errors import InputError
from tfgen.metrics import checks
from tfgen.models.abilities import Latents

BINS, CELL = 9, 4  # directions of edges, pixels of a side of what a histogram is of


def edit(
    model: Latents,
    z: ArrayLike,
    colours: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    sketch: ArrayLike | None = None,
    *,
    sketch_weight: float = 1.0,
    smoothness: float = 1.0,
    photos: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    **options,
) -> Found:
    """The images near G(z) that have the painted colours, and the edges of a sketch.

    Args:
        model: one that makes images (h, w, c) of codes.
        z: (n, latent_dim), the codes of the images to edit.
        colours: (h, w, c), or (n, h, w, c), in the model's `value_range`, or bytes; what is not under a
            stroke has no influence.
        mask: 1 where colours are painted: (h, w), (h, w, 1), or (n, h, w, 1).
        sketch: lines, 1 where they are, of a shape as the mask's.
        sketch_weight, smoothness: of the lines, and of staying near z.
        photos: (n, h, w, c), like G(z), to which the edit is carried over.
        labels: of a conditional model.
        options: steps, rate and verbose, as `search.search` has them.

    Returns:
        a `Found`, whose images are the edited photos, or G(z) where there are none.

    Raises:
        InputError: neither colours nor sketch, colours without a mask, parts of other shapes, or another
            number of photos than of codes.
    """
    z = np.asarray(z, np.float32)
    if (colours is None) != (mask is None) or (colours is None and sketch is None):
        raise InputError("an edit takes colours and their mask, or a sketch, or all three")
    start = latent.decode(model, z, labels)
    if start.ndim != 4:
        raise InputError(f"an edit is of images (n, h, w, c); {type(model).__name__} makes {start.shape}")
    painted = np.zeros((*start.shape[:3], 1), np.float32)
    if mask is not None:
        painted = blending.masks(mask, start.shape).astype(np.float32)
        shapes = (start.shape, start.shape[1:])
        if np.shape(colours) not in shapes:
            raise InputError(f"colours have one of the shapes {shapes}; received {np.shape(colours)}")
        colours = checks.images(model, np.broadcast_to(colours, start.shape))
    if photos is not None:
        photos = checks.images(model, photos)
        if len(photos) != len(z):
            raise InputError(f"an edit has a photo for each code; received {len(photos)} and {len(z)} codes")
    lines = np.zeros_like(painted)
    if sketch is not None:
        lines = blending.masks(sketch, start.shape).astype(np.float32)
    wanted = edges(tf.constant(lines)).numpy()
    near = np.linalg.norm(wanted, axis=-1, keepdims=True) > 0

    def apart(z, made, colours, painted, wanted, near, z0, *labels):
        loss = tf.reduce_sum(painted * (made - colours) ** 2, axis=(1, 2, 3))
        if sketch is not None:
            loss += sketch_weight * tf.reduce_sum(near * (edges(made) - wanted) ** 2, axis=(1, 2, 3))
        return loss + smoothness * tf.reduce_sum((z - z0) ** 2, axis=1)

    rows = (start if colours is None else colours, painted, wanted, near.astype(np.float32), z)
    found, losses = search(model, apart, rows, start=z, labels=labels, **options)
    made = latent.decode(model, found, labels)
    images = made
    if photos is not None:
        low, high = model.value_range
        images = motion.carried(*(2 * (x - low) / (high - low) - 1 for x in (start, made, photos)))
        images = np.float32(low + (high - low) * (images.clip(-1, 1) + 1) / 2)
    return Found(images, made, found, losses)


def edges(images: tf.Tensor) -> tf.Tensor:
    """Histograms of the directions of edges of images (n, h, w, c), (n, h / CELL, w / CELL, BINS).

    Each has the length 1, or 0 without edges. A pixel's gradient counts for the directions near its own, by
    the square of its part along them, so that opposite ones are alike; all is differentiable.
    """
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    padded = tf.pad(grey, ((0, 0), (1, 1), (1, 1), (0, 0)), "SYMMETRIC")
    dy, dx = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1], padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    angles = np.pi * np.arange(BINS, dtype=np.float32) / BINS
    shares = (dx * np.cos(angles) + dy * np.sin(angles)) ** 2
    cells = tf.nn.avg_pool2d(shares, CELL, CELL, "SAME")
    return cells * tf.math.rsqrt(tf.reduce_sum(cells**2, axis=3, keepdims=True) + 1e-6)


def moved(
    image: ArrayLike, box: tuple[int, int, int, int], to: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Colours and mask of an edit that moves a part of an image (h, w, c).

    Args:
        box: (top, left, height, width) of the part.
        to: (top, left) of where it goes.

    Returns:
        (colours (h, w, c), the image with the part there too; mask float32 (h, w, 1), 1 where it goes).

    Raises:
        InputError: a box, or a place, that is not inside of the image.
    """
    image = np.asarray(image)
    (top, left, height, width), (down, right) = box, to
    for name, y, x in (("box", top, left), ("place", down, right)):
        inside = 0 <= y and 0 <= x and y + height <= image.shape[0] and x + width <= image.shape[1]
        if not inside or min(height, width) < 1:
            raise InputError(
                f"a {name} of {height}x{width} pixels at ({y}, {x}) is not inside of an image of "
                f"{image.shape[0]}x{image.shape[1]}"
            )
    mask = np.zeros((*image.shape[:2], 1), np.float32)
    mask[down : down + height, right : right + width] = 1
    colours = image.copy()
    colours[down : down + height, right : right + width] = image[top : top + height, left : left + width]
    return colours, mask
