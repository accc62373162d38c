"""Layers that know which examples are in a batch, or who they are."""

import keras
import tensorflow as tf
from keras import layers

from tfgen import random
from tfgen.errors import InputError


@keras.saving.register_keras_serializable("tfgen")
class MinibatchDeviation(layers.Layer):
    """Maps (n, h, w, c) and one more, the standard deviation within a group (Karras et al., 2018, 3).

    The deviation of each value over the images of a group, averaged over values, is the same number at
    every place of the group's images. With groups of k, image i is in that of the images i + n / k,
    i + 2 n / k, ...; k is the largest number up to `group` that divides n. On several devices a group
    is within a device's share of the batch.
    """

    def __init__(self, group=4, **kwargs):
        super().__init__(**kwargs)
        if group < 1:
            raise InputError(f"group must be at least 1, which is no deviation; received {group}")
        self.group = group

    def call(self, x):
        n, height, width, channels = (x.shape[k] or tf.shape(x)[k] for k in range(4))
        sizes = tf.range(1, self.group + 1)
        size = tf.reduce_max(tf.where(n % sizes == 0, sizes, 1))
        groups = tf.reshape(tf.cast(x, "float32"), (size, n // size, height, width, channels))
        variance = tf.reduce_mean((groups - tf.reduce_mean(groups, 0, keepdims=True)) ** 2, 0)
        # The small number keeps the root differentiable where a group's images are equal.
        deviation = tf.reduce_mean(tf.sqrt(variance + 1e-8), (1, 2, 3), keepdims=True)
        plane = tf.tile(deviation, tf.stack([size, height, width, 1]))
        return tf.concat([x, tf.cast(plane, x.dtype)], -1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self):
        return {**super().get_config(), "group": self.group}


@keras.saving.register_keras_serializable("tfgen")
class MinibatchDiscrimination(layers.Layer):
    """How near an example's features are to those of the others of its batch: (n, features) -> (n, kernels).

    Salimans et al. Improved Techniques for Training GANs. NeurIPS 2016, section 3.2.
    https://arxiv.org/abs/1606.03498

        M_i = f(x_i) T in R^(kernels x size),    o(x_i)_b = sum over j of exp(-|M_ib - M_jb|_1)

    The paper's sum includes j = i, the authors' code excludes it. Of a single example the output is 1, or 0.
    On several devices the others are those of a device's share of the batch.

    Args:
        kernels: b runs over so many.
        size: of the vectors whose distances are taken.
        include_self: whether the sum includes j = i.
        average: whether the sum is divided by the size of the batch, so that any batch gives the same range.
    """

    def __init__(self, kernels, size, include_self=True, average=False, **kwargs):
        super().__init__(**kwargs)
        self.kernels, self.size, self.include_self, self.average = kernels, size, include_self, average

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.kernels * self.size), name="kernel")

    def call(self, x):
        m = tf.cast(tf.matmul(x, self.kernel), "float32")
        m = tf.reshape(m, (-1, self.kernels, self.size))
        near = tf.exp(-tf.reduce_sum(abs(m[:, None] - m[None]), 3))
        total = tf.reduce_sum(near, 1) - (not self.include_self)
        if self.average:
            total /= tf.cast(tf.shape(x)[0], total.dtype)
        return tf.cast(total, x.dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.kernels)

    def get_config(self):
        own = dict(kernels=self.kernels, size=self.size)
        return {**super().get_config(), **own, "include_self": self.include_self, "average": self.average}


@keras.saving.register_keras_serializable("tfgen")
class KeyedDropout(layers.Layer):
    """x times 0, at the given rate, or 1 / (1 - rate), by a key of each example, in training and in use.

    The masks are a function of the example's key and of `number` alone, so that one key gives one answer,
    whatever else is in the batch, and an exported graph draws them too.

    Args:
        rate: share of zeros, in [0, 1).
        number: of the layer among those that share keys; each number has masks of its own.
    """

    def __init__(self, rate, number=0, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise InputError(f"dropout must be in [0, 1); received {rate}")
        self.rate, self.number = rate, number

    def call(self, x, keys):
        """x (n, ...) of any rank and size, keys uint32 (n, 2): see `tfgen.random.row_keys`."""
        columns = tf.reduce_prod(tf.shape(x)[1:])
        kept = random.uniform_of_rows(keys, columns, self.number) >= self.rate
        return x * tf.cast(tf.reshape(kept, tf.shape(x)), x.dtype) / (1 - self.rate)

    def compute_output_shape(self, x_shape, keys_shape):
        return x_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "number": self.number}


@keras.saving.register_keras_serializable("tfgen")
class KeyedNoise(layers.Layer):
    """x plus normal noise, in training, by a key of each example.

    Args:
        deviation: the standard deviation of the noise.
        number: as of `KeyedDropout`.
    """

    def __init__(self, deviation, number=0, **kwargs):
        super().__init__(**kwargs)
        self.deviation, self.number = deviation, number

    def call(self, x, keys, training=False):
        """x (n, ...) of any rank and size, keys uint32 (n, 2): see `tfgen.random.row_keys`."""
        if not training:
            return x
        columns = tf.reduce_prod(tf.shape(x)[1:])
        noise = random.normal_of_rows(keys, columns, self.number)
        return x + self.deviation * tf.cast(tf.reshape(noise, tf.shape(x)), x.dtype)

    def compute_output_shape(self, x_shape, keys_shape):
        return x_shape

    def get_config(self):
        return {**super().get_config(), "deviation": self.deviation, "number": self.number}
