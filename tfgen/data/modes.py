"""Sources whose modes are known, so that one can count those that a model finds.

ring, grid     8 Gaussians of standard deviation 0.02 on a circle of radius 2, as in
               Metz et al. Unrolled Generative Adversarial Networks. ICLR 2017,
               https://arxiv.org/abs/1611.02163, appendix; and 25 of standard deviation 0.05 on
               {-4, -2, 0, 2, 4}^2, as in Lin et al. PacGAN. NeurIPS 2018,
               https://arxiv.org/abs/1712.04086, section 4.1.
stacked_mnist  three random digits as the three channels of an image: 1000 classes, of
               Metz et al. (above), and in the sizes of
               Srivastava et al. VEEGAN. NeurIPS 2017, https://arxiv.org/abs/1705.07761.

Points are divided by `Mixture.scale`, so that the outermost centres have a coordinate of 0.8 and all
points lie in (-1, 1), where a generator that ends in tanh can reach them.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfgen.data.sources import Fixed, Source, numbers
from tfgen.data.splits import ranges
from tfgen.errors import InputError


class Mixture(NamedTuple):
    """Gaussians of equal share and one standard deviation, in the units of the literature.

    Attributes:
        centres: of the modes, (k, 2).
        std: of either coordinate.
        scale: what becomes 1 in the points of a source.
    """

    centres: np.ndarray
    std: float
    scale: float


def _ring(modes=8, radius=2.0):
    angles = 2 * np.pi * np.arange(modes) / modes
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _grid(side=5, spacing=2.0):
    ticks = spacing * (np.arange(side) - (side - 1) / 2)
    return np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)


MIXTURES = {"ring": Mixture(_ring(), 0.02, 2.5), "grid": Mixture(_grid(), 0.05, 5.0)}
POINTS = {"train": 100_000, "test": 10_000}
STACKED = {"train": 128_000, "test": 26_000}
SEEDS = {"train": 0, "test": 1}


class Points(Fixed):
    """Points of a mixture, as images of one pixel and two channels: float32 (n, 1, 1, 2) in (-1, 1).

    A label is the number of the mode. No byte could hold a point: it stays the float that it is.
    """

    def __init__(self, name, split):
        self.mixture = MIXTURES[name]
        modes = len(self.mixture.centres)
        parts = [_draw(self.mixture, part, start, stop) for part, start, stop in ranges(split, POINTS)]
        points, labels = map(np.concatenate, zip(*parts))
        super().__init__(points, labels, modes)
        self.shares = np.full(modes, 1 / modes)
        self.kind, self.measured = "points", None  # they have no unit


def _draw(mixture, split, start, stop):
    stream = np.random.RandomState(SEEDS[split])  # its stream is frozen
    modes = stream.randint(len(mixture.centres), size=POINTS[split])
    points = mixture.centres[modes] + mixture.std * stream.standard_normal((POINTS[split], 2))
    points = (points / mixture.scale).astype(np.float32).reshape(-1, 1, 1, 2)
    return points[start:stop], modes[start:stop].astype(np.int32)


class Stacked(Source):
    """Three digits a, b, c, drawn with replacement, as channels; the label is 100 a + 10 b + c.

    Args:
        digits: digits(split) are the `Arrays` of one channel to draw from.
        split: of this source; its digits are of the same split.
    """

    labelled, classes = True, 1000

    def __init__(self, digits, split):
        images, labels, drawn, shares = [], [], [], 0.0
        for name, start, stop in ranges(split, STACKED):
            found = digits(name)
            if found.images.shape[-1] != 1 or not 0 <= int(tf.reduce_max(found.labels)) <= 9:
                raise InputError("stacked digits are of one channel and have labels 0 to 9")
            stream = np.random.RandomState(SEEDS[name])  # its stream is frozen
            three = stream.randint(found.count, size=(STACKED[name], 3))[start:stop]
            drawn.append(three + sum(map(len, labels)))
            images.append(found.images)
            labels.append(found.labels.numpy())
            p = np.bincount(labels[-1], minlength=10) / found.count
            shares = shares + len(three) * np.einsum("a,b,c->abc", p, p, p).ravel()
        drawn = np.concatenate(drawn)
        self.count = len(drawn)
        self.shares = shares / self.count
        with tf.device("CPU"):
            self.drawn = tf.constant(drawn.astype(np.int32))
            self.digits = tf.concat(images, axis=0)[..., 0] if len(images) > 1 else images[0][..., 0]
            self.labels = tf.constant(np.concatenate(labels).astype(np.int32))

    @property
    def shapes(self):
        return {"images": (*self.digits.shape[1:], 3)}

    def examples(self, key):
        return numbers(self.count, key)

    def read(self, fit, index):
        three = tf.gather(self.drawn, index % self.count)
        images = tf.transpose(tf.gather(self.digits, three), (0, 2, 3, 1))
        labels = tf.tensordot(tf.gather(self.labels, three), tf.constant([100, 10, 1]), 1)
        return fit([images], index), labels
