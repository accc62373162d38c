"""Blending: a part of one image in another, without a seam.

Perez, Gangnet and Blake. Poisson Image Editing. SIGGRAPH 2003. https://doi.org/10.1145/1201775.882269

    x = argmin_x sum over neighbours |(x_i - x_j) - (source_i - source_j)|^2,   x = target outside the mask

Its gradients are the source's, its level at the rim the target's. Neighbours are the four pixels beside one;
where the mask meets the border of the image, there is none, and so no condition.

Wu, Zheng, Zhang and Huang. GP-GAN: Towards Realistic High-Resolution Image Blending. ACM Multimedia 2019.
https://arxiv.org/abs/1703.07195

    x = argmin_x |grad x - v|^2 + weight |g * x - colour|^2

everywhere: v are the source's gradients inside the mask, the target's outside, their mean on the rim,
g is a Gaussian, and `colour` an image of the colours that are wanted, as a GAN makes them.
"""

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from numpy.typing import ArrayLike
from scipy.fft import dctn, idctn
from scipy.ndimage import label

from tfgen.errors import InputError


def poisson(source: ArrayLike, target: ArrayLike, mask: ArrayLike) -> np.ndarray:
    """The target with the source where the mask is 1, blended.

    Args:
        source, target: images (n, h, w, c) or (h, w, c), of any range.
        mask: 1 where the source goes: (h, w), (h, w, 1), or (n, h, w, 1) with n images.

    Returns:
        float64, of the target's shape; not clipped. Outside the mask it is the target exactly.

    Raises:
        InputError: unlike shapes, or a part of a mask that nothing of the target touches.
    """
    source, target = _alike(source, target)
    if target.ndim == 3:
        return poisson(source[None], target[None], mask)[0]
    inside = masks(mask, target.shape)[..., 0]
    result, solve = target.astype(np.float64), None
    for k, part in enumerate(inside):
        if solve is None or not np.array_equal(part, inside[k - 1]):
            solve = _solver(part)
        if part.any():
            result[k][part] = solve(source[k].astype(np.float64), result[k])
    return result


def gaussian_poisson(
    source: ArrayLike,
    target: ArrayLike,
    mask: ArrayLike,
    colour: ArrayLike,
    weight: float = 1.0,
    sigma: float = 0.5,
) -> np.ndarray:
    """An image of the source's details where the mask is 1, of the target's elsewhere, and of given colours.

    Its equation (L + weight g^2) x = D^T v + weight g colour, L = D^T D, is diagonal for the cosines of
    images that are mirrored at their borders. The authors' code has g in place of g^2, and no g on the right.

    Args:
        source, target, mask: as for `poisson`.
        colour: of the shape of the images.
        weight: beta, above 0, of the colours; small ones leave details as they are.
        sigma: deviation of the Gaussian, in pixels; it is cut to three.

    Returns:
        float64, of the target's shape; not clipped.

    Raises:
        InputError: unlike shapes, or a weight or deviation of 0 or less.
    """
    source, target, colour = _alike(source, target, colour)
    if not (weight > 0 and sigma > 0):
        raise InputError(f"weight and sigma are above 0; received {weight} and {sigma}")
    if target.ndim == 3:
        return gaussian_poisson(source[None], target[None], mask, colour[None], weight, sigma)[0]
    inside = masks(mask, target.shape).astype(np.float64)
    near = np.exp(-0.5 / sigma**2)
    right, left, blur = 0.0, 0.0, 1.0
    for axis in (1, 2):
        shape = [1, 1, 1, 1]
        shape[axis] = target.shape[axis]
        wave = np.cos(np.pi * np.arange(shape[axis]) / shape[axis]).reshape(shape)
        left, blur = left + 2 - 2 * wave, blur * (1 + 2 * near * wave) / (1 + 2 * near)
        share = (np.diff(inside, axis=axis) / 2) + np.delete(inside, -1, axis)  # the mean of two neighbours'
        steps = share * np.diff(source, axis=axis) + (1 - share) * np.diff(target, axis=axis)
        padded = [(0, 0)] * 4
        padded[axis] = (1, 1)
        right = right - np.diff(np.pad(steps, padded), axis=axis)
    both = [dctn(part, axes=(1, 2)) for part in (right, np.asarray(colour, np.float64))]
    return idctn((both[0] + weight * blur * both[1]) / (left + weight * blur**2), axes=(1, 2))


def masks(mask: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """A mask for each image of a shape (n, h, w, c), bool (n, h, w, 1), of one of 0 and 1.

    Args:
        mask: (h, w), (h, w, 1), or (n, h, w, 1).

    Raises:
        InputError: another shape, or other values.
    """
    n, height, width, _ = shape
    mask = np.asarray(mask)
    shapes = ((height, width), (height, width, 1), (n, height, width, 1))
    if mask.shape not in shapes:
        raise InputError(f"a mask has one of the shapes {shapes}; received {mask.shape}")
    if not np.isin(mask, (0, 1)).all():
        raise InputError("a mask is of 0 and 1; received other values")
    return np.broadcast_to(mask[..., None] if mask.ndim == 2 else mask, (n, height, width, 1)) > 0


def _alike(*images):
    """Images, or stacks of them, as arrays."""
    images = [np.asarray(one) for one in images]
    shapes = [one.shape for one in images]
    if len(set(shapes)) > 1 or len(shapes[0]) not in (3, 4):
        raise InputError(
            f"blending takes images, or stacks, of one shape, (h, w, c) or (n, h, w, c); received "
            f"{' and '.join(map(str, shapes))}"
        )
    return images


def _solver(inside):
    """A function of (source, target), (h, w, c) each, that gives the values (m, c) inside a mask (h, w)."""
    parts, count = label(inside)
    touched = np.unique(parts[_neighbours(~inside).any(axis=0) & inside])
    if len(touched) < count:
        raise InputError("a part of the mask touches nothing of the target, so that its level is free")
    places = np.argwhere(inside)
    number = np.full(inside.shape, -1)
    number[inside] = np.arange(len(places))
    rows, columns, rims = [], [], []
    for move in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        beside = places + move
        exists = ((beside >= 0) & (beside < inside.shape)).all(axis=1)
        own, other = np.flatnonzero(exists), beside[exists]
        hidden = inside[tuple(other.T)]
        rows.append(own[hidden])
        columns.append(number[tuple(other[hidden].T)])
        rims.append((own, other, own[~hidden], other[~hidden]))
    rows, columns = np.concatenate(rows), np.concatenate(columns)
    degree = np.bincount(np.concatenate([own for own, *_ in rims]), minlength=len(places)).astype(float)
    matrix = scipy.sparse.coo_matrix((-np.ones(len(rows)), (rows, columns)), shape=(len(places),) * 2)
    factors = scipy.sparse.linalg.splu((matrix + scipy.sparse.diags(degree)).tocsc()) if len(places) else None

    def solve(source, target):
        right = np.zeros((len(places), source.shape[-1]))
        for own, other, at_rim, rim in rims:
            np.add.at(right, own, source[tuple(places[own].T)] - source[tuple(other.T)])
            np.add.at(right, at_rim, target[tuple(rim.T)])
        return factors.solve(right)

    return solve


def _neighbours(values):
    """For each pixel of (h, w) whether the four beside it are so: (4, h, w), False beyond the border."""
    padded = np.pad(values, 1)
    return np.stack([padded[1:-1, 2:], padded[1:-1, :-2], padded[2:, 1:-1], padded[:-2, 1:-1]])
