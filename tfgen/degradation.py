"""How images are made small: by bicubic interpolation, as two constant matrices.

Keys. Cubic Convolution Interpolation for Digital Image Processing. IEEE Transactions on Acoustics, Speech,
and Signal Processing 29(6), 1981. With a = -1/2:

    k(x) = 3/2 |x|^3 - 5/2 |x|^2 + 1  for |x| < 1,   -1/2 |x|^3 + 5/2 |x|^2 - 4 |x| + 2  for 1 <= |x| < 2,
    and 0 beyond

Value i of an axis of `to` values in place of `size` is sum_j k((j + 1/2 - c) / s) x_j, divided by the sum of
its weights, where c = (i + 1/2) size / to is its place and s = max(size / to, 1): where the axis becomes
shorter the kernel is as much wider, so that fine patterns are averaged and do not become coarse
(antialiasing). At the border the sum is over what is there. Pillow's BICUBIC is the same but for its
roundings.
"""

import functools

import numpy as np
import tensorflow as tf


def keys(x):
    """Keys' kernel of a = -1/2, of any shape."""
    x = np.abs(x)
    return np.where(
        x < 1, (1.5 * x - 2.5) * x**2 + 1, np.where(x < 2, ((-0.5 * x + 2.5) * x - 4) * x + 2, 0.0)
    )


@functools.lru_cache(maxsize=64)
def bicubic_matrix(size, to):
    """The matrix, float64 (to, size), that takes an axis of `size` values to one of `to`; rows sum to 1."""
    centre = (np.arange(to)[:, None] + 0.5) * (size / to)
    weights = keys((np.arange(size) + 0.5 - centre) / max(size / to, 1))
    weights /= weights.sum(axis=1, keepdims=True)
    weights.flags.writeable = False
    return weights


def bicubic(images, height, width):
    """Images (n, height, width, c) of images (n, h, w, c), whose h and w are known; floats, not rounded.

    Linear in the images, by A y B^T of each channel y, with A and B of `bicubic_matrix`.
    """
    images = tf.convert_to_tensor(images)
    rows, columns = (
        tf.constant(bicubic_matrix(size, to), images.dtype)
        for size, to in zip(images.shape[1:3], (height, width))
    )
    images = tf.einsum("ph,nhwc->npwc", rows, images)
    return tf.einsum("qw,npwc->npqc", columns, images)


def rounded(images, low, high):
    """Images in [low, high] as a file keeps them: clipped, and at the nearest of 256 levels."""
    step = (high - low) / 255
    return low + step * tf.round((tf.clip_by_value(images, low, high) - low) / step)
