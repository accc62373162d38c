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


def feature_distance(images, others, value_range, features):
    """How far images are from others in the maps of a feature network: float64 (n,), 0 for equal ones.

    At every place a map's channels are scaled to unit norm; the squared difference is averaged over places
    and channels, and summed over the maps. So Zhang et al. (The Unreasonable Effectiveness of Deep Features
    as a Perceptual Metric. CVPR 2018. https://arxiv.org/abs/1801.03924) compare, whose LPIPS weighs channels
    by what people said; these are not weighed. Numbers of different networks or taps cannot be compared.

    Args:
        features: a `tfgen.features.Features`; a record keeps its `protocol`.
    """
    distance = np.zeros(len(images))
    for a, b in zip(features(images, value_range), features(others, value_range)):
        distance += ((_directions(a) - _directions(b)) ** 2).mean(axis=(1, 2, 3))
    return distance


def _directions(maps):
    maps = np.asarray(maps, np.float64)
    return maps / np.sqrt((maps**2).sum(axis=-1, keepdims=True) + 1e-10)
