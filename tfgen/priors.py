"""Priors of a code z: how it is drawn, its quantiles, and what a manifest or a page says of it.

Normal()                  N(0, I)
Uniform(low, high)        each value U(low, high)
OneHot()                  one of `size` unit vectors, all alike
Joint((prior, size), ...) parts side by side, as InfoGAN's z
"""

import math
from typing import NamedTuple

import numpy as np
import scipy.special
import tensorflow as tf
import tensorflow_probability as tfp

from tfgen import random
from tfgen.errors import InputError

tfd = tfp.distributions


class Normal(NamedTuple):
    """Independent standard normal values."""

    values = {"distribution": "normal"}

    def draw(self, key, shape, first_row=0, truncation=None):
        """z, float32 of `shape` (n, size); arguments as in `tfgen.random.normal`.

        Args:
            truncation: a number above 0, or a float32 scalar: values of a larger magnitude are not drawn,
                as if each were drawn anew until it is small enough. Noise of its own, whatever the number:
                see `tfgen.random.truncated_normal`.

        Raises:
            InputError: a truncation of 0 or less.
        """
        if truncation is None:
            return random.normal(key, shape, first_row)
        if not isinstance(truncation, tf.Tensor) and not truncation > 0:
            raise InputError(f"truncation must be above 0; received {truncation}")
        return random.truncated_normal(key, shape, truncation, first_row)

    def distribution(self, size):
        """N(0, I) of TensorFlow Probability, event shape (size,)."""
        return tfd.Independent(tfd.Normal(tf.zeros(size), 1.0), 1)

    def quantile(self, u):
        """The inverse distribution function of each value: u in (0, 1), any shape, float64."""
        return scipy.special.ndtri(u)


class Uniform(NamedTuple):
    """Independent values, uniform between `low` and `high`."""

    low: float = -1.0
    high: float = 1.0

    @property
    def values(self):
        return {"distribution": "uniform", "low": self.low, "high": self.high}

    def draw(self, key, shape, first_row=0):
        """z, float32 of `shape` (n, size); arguments as in `tfgen.random.uniform`."""
        return self.low + (self.high - self.low) * random.uniform(key, shape, first_row)

    def quantile(self, u):
        """The inverse distribution function of each value: u in (0, 1), any shape, float64."""
        return self.low + (self.high - self.low) * np.asarray(u)


class OneHot(NamedTuple):
    """One of the unit vectors, all alike."""

    values = {"distribution": "one_hot"}

    def draw(self, key, shape, first_row=0):
        """float32 of `shape` (n, size); arguments as in `tfgen.random.uniform`."""
        u = random.uniform(key, (shape[0], 1), first_row)
        return self.of_uniform(u, shape[1])

    @staticmethod
    def of_uniform(u, size):
        """The vectors (n, size) that u (n, 1) in (0, 1) chooses."""
        return tf.cast(tf.floor(u * size) == np.arange(size, dtype="float32"), tf.float32)

    def quantile(self, u):
        """Of a value alone, which is 1 or 0: 1 above the middle."""
        return np.where(np.asarray(u) > 0.5, 1.0, 0.0)


class Joint:
    """Several priors side by side.

    Args:
        parts: (prior, size) pairs, in the order of z.
    """

    def __init__(self, *parts):
        self.parts = parts

    @property
    def values(self):
        parts = [{**prior.values, "size": size} for prior, size in self.parts]
        return {"distribution": "parts", "parts": parts}

    def draw(self, key, shape, first_row=0):
        """z, float32 of `shape` (n, the sum of the sizes); each part has a key of its own."""
        drawn = [
            prior.draw(random.fold_in(key, k), (shape[0], size), first_row)
            for k, (prior, size) in enumerate(self.parts)
            if size
        ]
        return tf.concat(drawn, axis=1)

    def quantile(self, u):
        """Of each value by its part: u (..., the sum of the sizes), or (...) for a continuous part's."""
        u = np.asarray(u)
        ends = np.cumsum([size for _, size in self.parts])
        if u.ndim and u.shape[-1] == ends[-1]:
            parts = np.split(u, ends[:-1], axis=-1)
            return np.concatenate([prior.quantile(x) for (prior, _), x in zip(self.parts, parts)], axis=-1)
        return self.parts[-1][0].quantile(u)


def numpy_draw(values: dict, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """An array of what a prior's or a field's `values` say, by a NumPy generator, as for golden inputs.

    Args:
        values: as {"distribution": "uniform", "low": -1.0, "high": 1.0}.
        shape: of the result; the last axis is shared by "parts".
        rng: a `numpy.random.Generator`.
    """
    match values["distribution"]:
        case "uniform":
            return rng.uniform(values["low"], values["high"], shape)
        case "normal":
            return rng.standard_normal(shape)
        case "integers":
            return rng.integers(values["low"], values["high"], shape, "int64", endpoint=True)
        case "boxes":  # of start and size, the ends of which lie within the range, too
            sizes = rng.uniform(0.3, 0.7, (*shape[:-1], 2))
            return np.concatenate([rng.uniform(0, 1 - sizes), sizes], axis=-1)
        case "one_hot":
            return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
        case "parts":
            parts = [numpy_draw(part, (*shape[:-1], part["size"]), rng) for part in values["parts"]]
            return np.concatenate(parts, axis=-1)
        case other:
            raise ValueError(f"no values are drawn of {other!r}, shape {shape}, {math.prod(shape)} of them")
