"""Normalisation by statistics: of a batch, of an example, of a place."""

from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfgen.layers.kernels import normed


@keras.saving.register_keras_serializable("tfgen")
class BatchNormalization(layers.Layer):
    """gain * (x - mean) / sqrt(variance + epsilon) + bias, by statistics of the batch.

    Ioffe and Szegedy. Batch Normalization. ICML 2015. https://arxiv.org/abs/1502.03167
    In use, running averages take the statistics' place. As Keras' own layer, but twice as fast
    on a CPU (one fused kernel), with right second derivatives, and over the whole global
    batch when several devices train. A layer with `trainable = False` keeps its averages.
    Unlike the paper's Algorithm 2, the running variance is that of the batches, as Keras has it, without
    the factor m / (m - 1) for m values a channel.

    Args:
        affine: whether there are a gain and a bias to learn; else they are 1 and 0.
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, affine=True, **kwargs):
        super().__init__(**kwargs)
        self.momentum, self.epsilon, self.affine = momentum, epsilon, affine

    def build(self, input_shape):
        self.single = all(size == 1 for size in input_shape[1:-1])  # an example has one value a channel
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        weight = dict(shape=input_shape[-1:], dtype=dtype, autocast=False)
        if self.affine:
            self.gain = self.add_weight(name="gain", initializer="ones", **weight)
            self.bias = self.add_weight(name="bias", initializer="zeros", **weight)
        else:
            self.gain, self.bias = np.ones(input_shape[-1:], dtype), np.zeros(input_shape[-1:], dtype)
        # The replicas compute equal values, so that the first one's stand for all.
        weight.update(trainable=False, aggregation="only_first_replica")
        self.mean = self.add_weight(name="mean", initializer="zeros", **weight)
        self.variance = self.add_weight(name="variance", initializer="ones", **weight)

    def call(self, x, training=False):
        if not (training and self.trainable):
            scale = tf.math.rsqrt(self.variance + self.epsilon) * self.gain
            shift = self.bias - self.mean * scale
            return x * tf.cast(scale, x.dtype) + tf.cast(shift, x.dtype)
        context = tf.distribute.get_replica_context()
        if x.dtype != tf.float64 and (context is None or context.num_replicas_in_sync == 1):
            y, mean, variance = self._fused(x)
        else:
            mean, variance = self._moments(x)
            scale = tf.math.rsqrt(variance + self.epsilon) * self.gain
            y = tf.cast((tf.cast(x, mean.dtype) - mean) * scale + self.bias, x.dtype)
        self._follow(mean, variance)
        return y

    def statistics(self, x, training=False):
        """(mean, variance), (channels,) each, by which x (n, ..., channels) is normalised."""
        if not (training and self.trainable):
            return self.mean, self.variance
        moments = self._moments(x)
        self._follow(*moments)
        return moments

    def _moments(self, x):
        """The mean and the variance of each channel, over the global batch."""
        wide, context = tf.cast(x, self.gain.dtype), tf.distribute.get_replica_context()
        axes = tuple(range(len(x.shape) - 1))
        number = tf.fill(x.shape[-1:], tf.cast(tf.size(x) / x.shape[-1], wide.dtype))
        sums = tf.stack([tf.reduce_sum(wide, axes), tf.reduce_sum(wide**2, axes), number])
        total, squares, number = tf.unstack(context.all_reduce("SUM", sums) if context else sums)
        mean = total / number
        return mean, squares / number - mean**2

    def _follow(self, *moments):
        for running, value in zip((self.mean, self.variance), moments):
            running.assign(self.momentum * running + (1 - self.momentum) * value)

    def _fused(self, x):
        images = tf.reshape(x, (-1, 1, 1, x.shape[-1])) if len(x.shape) != 4 else x
        # On a CPU the kernel takes float32 alone.
        if images.dtype == tf.float16:
            images = tf.cast(images, "float32")
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=images,
            scale=self.gain,
            offset=self.bias,
            mean=tf.zeros([0]),
            variance=tf.zeros([0]),
            epsilon=self.epsilon,
            is_training=True,
        )
        n = tf.cast(tf.size(images) / images.shape[-1], "float32")
        # The kernel reports the unbiased variance; the running one is the batch's own.
        return tf.reshape(tf.cast(y, x.dtype), tf.shape(x)), mean, variance * (n - 1) / n

    def get_config(self):
        own = dict(momentum=self.momentum, epsilon=self.epsilon, affine=self.affine)
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("tfgen")
class ConditionalBatchNormalization(layers.Layer):
    """(1 + gain(y)) * (x - mean) / sqrt(variance + epsilon) + bias(y), gain and bias linear in a vector y.

    Brock et al. Large Scale GAN Training for High Fidelity Natural Image Synthesis. ICLR 2019.
    https://arxiv.org/abs/1809.11096
    Statistics are those of `BatchNormalization`, of all examples, whatever their y; for y = 0 it is that
    layer, of gain 1 and bias 0.

    Args:
        momentum, epsilon: see `BatchNormalization`.
        spectral: whether the two linear maps have a spectral norm of 1.
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, spectral=False, **kwargs):
        super().__init__(**kwargs)
        self.momentum, self.epsilon, self.spectral = momentum, epsilon, spectral

    def build(self, x_shape, y_shape):
        own = dict(dtype=self.dtype_policy)
        self.normal = BatchNormalization(self.momentum, self.epsilon, affine=False, **own)
        self.normal.build(x_shape)
        how = dict(use_bias=False, kernel_initializer="orthogonal", **own)
        self.gain, self.bias = (normed(layers.Dense(x_shape[-1], **how), self.spectral) for _ in range(2))
        for linear in (self.gain, self.bias):
            linear.build(y_shape)

    def call(self, x, y, training=False):
        """x (n, ..., channels) and y (n, size) to the shape of x."""
        shape = (-1, *[1] * (len(x.shape) - 2), x.shape[-1])
        gain, bias = (tf.reshape(linear(y), shape) for linear in (self.gain, self.bias))
        mean, variance = self.normal.statistics(x, training)
        # Gain and bias in one, so that no other maps than x are kept for the gradient.
        scale = (1 + tf.cast(gain, mean.dtype)) * tf.math.rsqrt(variance + self.epsilon)
        shift = tf.cast(bias, mean.dtype) - mean * scale
        return x * tf.cast(scale, x.dtype) + tf.cast(shift, x.dtype)

    def compute_output_shape(self, x_shape, y_shape):
        return x_shape

    def get_config(self):
        own = dict(momentum=self.momentum, epsilon=self.epsilon, spectral=self.spectral)
        return {**super().get_config(), **own}


class _OwnStatistics(layers.Layer):
    """gain * (x - mean) / sqrt(variance + epsilon) + bias, each example by statistics of its own.

    Not Keras': its variance treats the mean as a constant, which leaves first derivatives
    right and makes second ones wrong by some percent, without an error. A gradient penalty
    is trained by second derivatives; here they are right to float64 finite differences.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=input_shape[-1:], initializer="ones")
        self.bias = self.add_weight(name="bias", shape=input_shape[-1:], initializer="zeros")

    def axes(self, rank):
        """Those that the statistics are taken over."""
        raise NotImplementedError(f"{type(self).__name__}.axes")

    def call(self, x):
        axes = self.axes(len(x.shape))
        wide = tf.cast(x, "float32") if x.dtype in (tf.float16, tf.bfloat16) else x
        centred = wide - tf.reduce_mean(wide, axes, keepdims=True)
        variance = tf.reduce_mean(centred**2, axes, keepdims=True)
        normal = tf.cast(centred * tf.math.rsqrt(variance + self.epsilon), x.dtype)
        return normal * self.gain + self.bias

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("tfgen")
class LayerNormalization(_OwnStatistics):
    """gain * (x - mean) / sqrt(variance + epsilon) + bias over all axes but the first.

    Ba et al. Layer Normalization. 2016. https://arxiv.org/abs/1607.06450
    The gain and the bias are one for each channel, as Gulrajani et al. (2017) use it in critics.
    """

    def axes(self, rank):
        return tuple(range(1, rank))


@keras.saving.register_keras_serializable("tfgen")
class InstanceNormalization(_OwnStatistics):
    """gain * (x - mean) / sqrt(variance + epsilon) + bias over the places of each channel.

    Ulyanov et al. Instance Normalization. 2016. https://arxiv.org/abs/1607.08022
    Where a channel has one place alone, nothing but the bias is left.
    """

    def axes(self, rank):
        return tuple(range(1, rank - 1))


@keras.saving.register_keras_serializable("tfgen")
class PixelNormalization(layers.Layer):
    """x / sqrt(mean of x**2 over the channels + 1e-8), of x (..., channels) (Karras et al., 2018, 4.2)."""

    def call(self, x):
        wide = tf.cast(x, "float32") if x.dtype in (tf.float16, tf.bfloat16) else x
        return tf.cast(wide * tf.math.rsqrt(tf.reduce_mean(wide**2, -1, keepdims=True) + 1e-8), x.dtype)


def standing_statistics(network: keras.Model, batches: Iterable) -> None:
    """Makes the running averages of a network's `BatchNormalization`, at whatever depth, anew: plain means of
    the statistics of each of `batches`, inputs of the network."""
    found = [layer for layer in network._flatten_layers() if isinstance(layer, BatchNormalization)]
    kept = [(layer.trainable, layer.momentum) for layer in found]
    try:
        for k, batch in enumerate(batches):
            for layer in found:
                layer.trainable, layer.momentum = True, k / (k + 1)
            network(batch, training=True)
    finally:
        for layer, (trainable, momentum) in zip(found, kept):
            layer.trainable, layer.momentum = trainable, momentum
