"""How far translations are from the images that they should be."""

import numpy as np
from scipy import ndimage

from tfgen.errors import InputError

TAPS, SIGMA = 11, 1.5  # of the window of `ssim`
SHAVED = 4  # pixels at each border that the scores of luminance leave out


def _unit(images, value_range):
    """float64, where black is 0 and white 1."""
    low, high = value_range
    return (np.asarray(images, np.float64) - low) / (high - low)


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


def sharpness(images, others, value_range):
    """How alike the sharpness of each image and its other is, in dB: float64 (n,); of what is equal, 100.

    Mathieu, Couprie and LeCun. Deep Multi-Scale Video Prediction Beyond Mean Square Error. ICLR 2016.
    https://arxiv.org/abs/1511.05440: where black is 0 and white 1,

        -10 log10 mean |s(x) - s(y)|,    s(x)_ij = |x_ij - x_{i-1,j}| + |x_ij - x_{i,j-1}|

    the mean over the pixels that have both neighbours, and the channels.
    """

    def steps(x):
        inner = x[:, 1:, 1:]
        return abs(inner - x[:, :-1, 1:]) + abs(inner - x[:, 1:, :-1])

    x, y = _unit(images, value_range), _unit(others, value_range)
    return -10 * np.log10(np.maximum(abs(steps(x) - steps(y)).mean(axis=(1, 2, 3)), 1e-10))


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


def ssim(images, others, value_range):
    """The structural similarity of each image, at most 1, which is that of equal ones: float64 (n,).

    Wang, Bovik, Sheikh and Simoncelli. Image Quality Assessment: From Error Visibility to Structural
    Similarity. IEEE Transactions on Image Processing 13(4), 2004, with m, v and c the means, variances and
    covariance in a Gaussian window of 11x11 pixels and sigma 1.5, K1 = 0.01 and K2 = 0.03:

        (2 m_x m_y + K1^2) (2 c_xy + K2^2) / ((m_x^2 + m_y^2 + K1^2) (v_x + v_y + K2^2))     (eq. 13)

    where black is 0 and white 1; the mean over the places where the window lies inside of the image, and over
    the channels.

    Raises:
        InputError: images (n, h, w, c) smaller than the window.
    """
    x, y = _unit(images, value_range), _unit(others, value_range)
    if min(x.shape[1:3]) < TAPS:
        raise InputError(
            f"ssim looks through a window of {TAPS}x{TAPS} pixels; received images of "
            f"{x.shape[1]}x{x.shape[2]}"
        )
    place = np.arange(TAPS) - TAPS // 2
    window = np.exp(-(place**2) / (2 * SIGMA**2))
    window /= window.sum()

    def mean(values):
        for axis in (1, 2):
            values = ndimage.correlate1d(values, window, axis)
        return values[:, TAPS // 2 : -(TAPS // 2), TAPS // 2 : -(TAPS // 2)]

    mx, my = mean(x), mean(y)
    vx, vy, c = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    k1, k2 = 0.01**2, 0.03**2
    values = (2 * mx * my + k1) * (2 * c + k2) / ((mx**2 + my**2 + k1) * (vx + vy + k2))
    return values.mean(axis=(1, 2, 3))


def luminance(images, value_range):
    """Y of BT.601 in 16..235, of images (n, h, w, 1 or 3) rounded to bytes first: float64 (n, h, w, 1)."""
    values = np.rint(np.clip(_unit(images, value_range), 0, 1) * 255) / 255
    if values.shape[-1] == 1:
        return 16 + 219 * values
    return 16 + values @ np.array([[65.481], [128.553], [24.966]])


def _compared(images, others, value_range):
    pair = luminance(images, value_range), luminance(others, value_range)
    return *(y[:, SHAVED:-SHAVED, SHAVED:-SHAVED] for y in pair), (0, 255)


def psnr_y(images, others, value_range):
    """`psnr` of the luminance as super-resolution's benchmarks have it: float64 (n,).

    Of `luminance`, without 4 pixels at each border (those that an upscaling by 4 sees a border at), of a peak
    of 255. The luminance of the range 0..255, or the colours' own error, give 1.3 to 1.7 dB less.
    """
    return psnr(*_compared(images, others, value_range))


def ssim_y(images, others, value_range):
    """`ssim` of what `psnr_y` compares, of a peak of 255: float64 (n,)."""
    return ssim(*_compared(images, others, value_range))
