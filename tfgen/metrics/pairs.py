"""How far translations are from the images that they should be."""

import numpy as np


def l1(images, others, value_range):
    """|x - y|, mean over the values of each image, where black is 0 and white 1: float64 (n,)."""
    low, high = value_range
    return np.abs(np.subtract(images, others, dtype=np.float64)).mean(axis=(1, 2, 3)) / (high - low)


def psnr(images, others, value_range):
    """Peak signal-to-noise ratio of each image, in dB: -10 log10 of the mean of (x - y)^2, where black is 0
    and white 1: float64 (n,). Of what differs by less than 1e-5, 100."""
    low, high = value_range
    squares = (np.subtract(images, others, dtype=np.float64) / (high - low)) ** 2
    return -10 * np.log10(np.maximum(squares.mean(axis=(1, 2, 3)), 1e-10))
