"""Colours as lightness and two opponent colours: sRGB and CIE Lab of the white D65.

IEC 61966-2-1 (sRGB), ISO/CIE 11664-4 (Lab). Of linear red, green and blue, X, Y and Z, and then

    L = 116 f(Y) - 16,   a = 500 (f(X / Xn) - f(Y)),   b = 200 (f(Y) - f(Z / Zn))

with f(t) = t^(1/3) above 0.008856, and 7.787 t + 16/116 below. Plain operations, which can be exported.
"""

import numpy as np
import tensorflow as tf

XYZ = np.float32(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
WHITE = np.float32([0.95047, 1.0, 1.08883])
OPPONENTS = np.float32([[0, 116, 0], [500, -500, 0], [0, 200, -200]])
INVERSE_XYZ, INVERSE_OPPONENTS = (np.linalg.inv(np.float64(x)).astype(np.float32) for x in (XYZ, OPPONENTS))


def _power(x, exponent):
    return tf.maximum(x, 1e-6) ** exponent  # where it is not used its derivative shall be a number


def lab_of(rgb):
    """Lab, float32 (..., 3): L in [0, 100], a and b about 0 for grey, of sRGB (..., 3) in [0, 1]."""
    rgb = tf.cast(rgb, tf.float32)
    linear = tf.where(rgb > 0.04045, _power((rgb + 0.055) / 1.055, 2.4), rgb / 12.92)
    xyz = tf.matmul(linear, XYZ / WHITE[:, None], transpose_b=True)
    f = tf.where(xyz > 0.008856, _power(xyz, 1 / 3), 7.787 * xyz + 16 / 116)
    return tf.matmul(f, OPPONENTS, transpose_b=True) - np.float32([16, 0, 0])


def rgb_of(lab):
    """sRGB, float32 (..., 3), of Lab (..., 3): in [0, 1] if that is a colour of sRGB, else
    outside, for it is not cut."""
    f = tf.matmul(tf.cast(lab, tf.float32) + np.float32([16, 0, 0]), INVERSE_OPPONENTS, transpose_b=True)
    xyz = tf.where(f > 0.2068966, f**3, (f - 16 / 116) / 7.787)
    linear = tf.matmul(xyz, INVERSE_XYZ * WHITE, transpose_b=True)
    return tf.where(linear > 0.0031308, 1.055 * _power(linear, 1 / 2.4) - 0.055, 12.92 * linear)


def halves(images):
    """(L / 50 - 1, ab / 110), (..., 1) and (..., 2), of colour or grey images in [-1, 1], as Isola et al.
    (2017) have them."""
    lab = lab_of((tf.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images) / 2 + 0.5)
    return lab[..., :1] / 50 - 1, lab[..., 1:] / 110


def joined(lightness, opponents):
    """The images (..., 3) of these halves, cut to [-1, 1]."""
    lab = tf.concat([50 * lightness + 50, 110 * opponents], axis=-1)
    return tf.clip_by_value(2 * rgb_of(lab) - 1, -1.0, 1.0)


def grey(images):
    """The grey images (..., 1) of the lightness of colour images (..., 3), both in [-1, 1]."""
    lightness, opponents = halves(images)
    return joined(lightness, 0 * opponents)[..., 1:2]


def colourfulness(images):
    """How colourful images (n, h, w, 3) in [-1, 1] are: float64 (n,), 0 for grey, 109 for "extremely
    colourful".

    Hasler and Suesstrunk. Measuring Colourfulness in Natural Images. Human Vision and Electronic Imaging,
    SPIE 5007, 2003. Of bytes, with rg = R - G and yb = (R + G) / 2 - B:

        sqrt(var(rg) + var(yb)) + 0.3 sqrt(mean(rg)^2 + mean(yb)^2)
    """
    red, green, blue = np.moveaxis((np.asarray(images, np.float64) + 1) * 127.5, -1, 0)
    both = np.stack([red - green, (red + green) / 2 - blue]).reshape(2, len(images), -1)
    spread, centre = both.var(axis=2).sum(axis=0), (both.mean(axis=2) ** 2).sum(axis=0)
    return np.sqrt(spread) + 0.3 * np.sqrt(centre)
