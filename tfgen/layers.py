"""Layers of two or more papers."""

import keras
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable("tfgen")
class BatchNormalization(layers.Layer):
    """gain * (x - mean) / sqrt(variance + epsilon) + bias, by statistics of the batch.

    Ioffe and Szegedy. Batch Normalization. ICML 2015. https://arxiv.org/abs/1502.03167
    In use, running averages take the statistics' place. As Keras' own layer, but twice as fast
    on a CPU (one fused kernel), with right second derivatives, and over the whole global
    batch when several devices train. A layer with `trainable = False` keeps its averages.
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, input_shape):
        self.single = all(size == 1 for size in input_shape[1:-1])  # an example has one value a channel
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        weight = dict(shape=input_shape[-1:], dtype=dtype, autocast=False)
        self.gain = self.add_weight(name="gain", initializer="ones", **weight)
        self.bias = self.add_weight(name="bias", initializer="zeros", **weight)
        # The replicas compute equal values, so that the first one's stand for all.
        weight.update(trainable=False, aggregation="only_first_replica")
        self.mean = self.add_weight(name="mean", initializer="zeros", **weight)
        self.variance = self.add_weight(name="variance", initializer="ones", **weight)

    def call(self, x, training=False):
        axes = tuple(range(len(x.shape) - 1))
        if not (training and self.trainable):
            scale = tf.math.rsqrt(self.variance + self.epsilon) * self.gain
            shift = self.bias - self.mean * scale
            return x * tf.cast(scale, x.dtype) + tf.cast(shift, x.dtype)
        context = tf.distribute.get_replica_context()
        if x.dtype != tf.float64 and (context is None or context.num_replicas_in_sync == 1):
            y, mean, variance = self._fused(x)
        else:
            wide = tf.cast(x, self.gain.dtype)
            number = tf.fill(x.shape[-1:], tf.cast(tf.size(x) / x.shape[-1], wide.dtype))
            sums = tf.stack([tf.reduce_sum(wide, axes), tf.reduce_sum(wide**2, axes), number])
            total, squares, number = tf.unstack(context.all_reduce("SUM", sums) if context else sums)
            mean = total / number
            variance = squares / number - mean**2
            y = (wide - mean) * tf.math.rsqrt(variance + self.epsilon) * self.gain + self.bias
            y = tf.cast(y, x.dtype)
        for running, value in ((self.mean, mean), (self.variance, variance)):
            running.assign(self.momentum * running + (1 - self.momentum) * value)
        return y

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
        return {**super().get_config(), "momentum": self.momentum, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("tfgen")
class LayerNormalization(layers.Layer):
    """gain * (x - mean) / sqrt(variance + epsilon) + bias over all axes but the first.

    Ba et al. Layer Normalization. 2016. https://arxiv.org/abs/1607.06450
    The gain and the bias are one for each channel, as Gulrajani et al. (2017) use it in critics.

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

    def call(self, x):
        axes = tuple(range(1, len(x.shape)))
        wide = tf.cast(x, "float32") if x.dtype in (tf.float16, tf.bfloat16) else x
        centred = wide - tf.reduce_mean(wide, axes, keepdims=True)
        variance = tf.reduce_mean(centred**2, axes, keepdims=True)
        normal = tf.cast(centred * tf.math.rsqrt(variance + self.epsilon), x.dtype)
        return normal * self.gain + self.bias

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("tfgen")
class SpectralNormalization(layers.Wrapper):
    """A Dense or Conv2D layer of the kernel W / sigma(W), sigma(W) the largest singular value.

    Miyato et al. Spectral Normalization for Generative Adversarial Networks. ICLR 2018.
    https://arxiv.org/abs/1802.05957
    sigma is |W u|, W of shape (all other axes, outputs) and u the vector that `advance` improves by one
    step of power iteration. A call changes nothing, so that several calls of a step are of one function.

    Not Keras': it overwrites the kernel by W / sigma in each call, of whichever update, and leaves
    out the gradient of sigma (the second term of eq. 10), without an error.
    """

    def __init__(self, layer, **kwargs):
        super().__init__(layer, **{"dtype": layer.dtype_policy, **kwargs})

    def build(self, input_shape):
        super().build(input_shape)
        # The replicas compute equal values, so that the first one's stand for all.
        kept = dict(dtype="float32", trainable=False, autocast=False, aggregation="only_first_replica")
        shape = (self.layer.kernel.shape[-1], 1)
        self.u = self.add_weight(shape, "random_normal", name="u", **kept)
        self.u.assign(tf.math.l2_normalize(self.u))

    def _kernel(self):
        return tf.reshape(tf.cast(self.layer.kernel, "float32"), (-1, self.u.shape[0]))

    def sigma(self):
        """The largest singular value of the kernel as far as u knows it, a float32 scalar."""
        return tf.norm(tf.matmul(self._kernel(), tf.stop_gradient(self.u)))

    def advance(self):
        """One step of power iteration (Algorithm 1), before an update of the kernel."""
        kernel = self._kernel()
        v = tf.math.l2_normalize(tf.matmul(kernel, self.u))
        self.u.assign(tf.math.l2_normalize(tf.matmul(kernel, v, transpose_a=True)))

    def call(self, x):
        # Of a linear layer, scaling the input is scaling the kernel; its bias and activation stay.
        return self.layer(x / tf.cast(self.sigma(), x.dtype))


def advance(network):
    """One step of power iteration of each spectrally normalised layer of a network, before its update."""
    for layer in network.layers:
        if isinstance(layer, SpectralNormalization):
            layer.advance()
