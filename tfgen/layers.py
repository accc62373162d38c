"""Layers of two or more papers."""

import math
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfgen import random

ATTENDED = 1024  # places whose attention is computed at once


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
class SpectralNormalization(layers.Wrapper):
    """A Dense layer of vectors, or a Conv2D layer, of the kernel W / sigma(W), sigma(W) the largest singular
    value. Convolutions have neither groups nor dilations.

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
        # The gradient keeps what is scaled twice: of a kernel and a batch of 16 inputs, that is the smaller.
        layer, kernel, sigma = self.layer, tf.cast(self.layer.kernel, "float32"), self.sigma()
        if None not in x.shape[1:] and 16 * math.prod(x.shape[1:]) < math.prod(kernel.shape):
            x = x / tf.cast(sigma, x.dtype)
        else:
            kernel = kernel / sigma
        x, kernel = tf.cast(x, self.compute_dtype), tf.cast(kernel, self.compute_dtype)
        if len(kernel.shape) == 4:
            y = tf.nn.conv2d(x, kernel, layer.strides, layer.padding.upper())
        else:
            y = tf.matmul(x, kernel)
        return layer.activation(y + layer.bias if layer.use_bias else y)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)


def _linear(layer, spectral):
    return SpectralNormalization(layer) if spectral else layer


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
        self.gain, self.bias = (_linear(layers.Dense(x_shape[-1], **how), self.spectral) for _ in range(2))
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


@tf.recompute_grad
def _attended(query, key, value):
    """softmax(query key^T) value, of (n, places, size) each."""
    logits = tf.matmul(query, key, transpose_b=True)
    # Half precision has too few digits for the sum over places.
    weights = tf.cast(tf.nn.softmax(tf.cast(logits, tf.float32)), value.dtype)
    return tf.matmul(weights, value)


@keras.saving.register_keras_serializable("tfgen")
class SelfAttention(layers.Layer):
    """x + scale * out(what each place sees of all places), of x (n, h, w, channels); scale begins at 0.

    Zhang et al. Self-Attention Generative Adversarial Networks. ICML 2019. https://arxiv.org/abs/1805.08318

        seen = softmax(query(x) key(x)^T) value(x)

    over places, of convolutions 1x1 without biases: query and key have an eighth of the channels, value
    half of them. As in BigGAN (Brock et al., 2019), key and value are the largest of each 2x2 places.

    Args:
        spectral: whether the four kernels have a spectral norm of 1.
    """

    def __init__(self, spectral=False, **kwargs):
        super().__init__(**kwargs)
        self.spectral = spectral

    def build(self, input_shape):
        channels = input_shape[-1]
        few, half = max(1, channels // 8), max(1, channels // 2)
        how = dict(use_bias=False, kernel_initializer="orthogonal", dtype=self.dtype_policy)
        self.query, self.key, self.value, self.out = (
            _linear(layers.Conv2D(filters, 1, **how), self.spectral) for filters in (few, few, half, channels)
        )
        for linear in (self.query, self.key, self.value):
            linear.build(input_shape)
        self.out.build((*input_shape[:-1], half))
        self.scale = self.add_weight((), "zeros", name="scale")

    def call(self, x):
        def flat(maps):
            return tf.reshape(maps, (tf.shape(maps)[0], -1, maps.shape[-1]))

        def pooled(maps):
            return flat(tf.nn.max_pool2d(maps, 2, 2, "VALID"))

        value = pooled(self.value(x))
        query, key = flat(self.query(x)), pooled(self.key(x))
        # At 64x64 places an image has 17 MB of weights: they are made in parts, and again for the gradient,
        # so that all are never there at once.
        places = 0 if None in x.shape[1:3] else x.shape[1] * x.shape[2]
        count = max(1, places // ATTENDED)
        sizes = [places // count + (k < places % count) for k in range(count)]
        parts = [query] if count == 1 else tf.split(query, sizes, axis=1)
        seen = tf.concat([_attended(part, key, value) for part in parts], axis=1)
        maps = tf.reshape(seen, tf.concat([tf.shape(x)[:3], value.shape[-1:]], 0))
        return x + self.scale * self.out(tf.ensure_shape(maps, (*x.shape[:3], value.shape[-1])))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "spectral": self.spectral}


@keras.saving.register_keras_serializable("tfgen")
class ReflectionPadding(layers.Layer):
    """`margin` more pixels at each side of images (n, h, w, c), mirrored at the border pixel."""

    def __init__(self, margin, **kwargs):
        super().__init__(**kwargs)
        self.margin = margin

    def call(self, x):
        both = (self.margin, self.margin)
        return tf.pad(x, ((0, 0), both, both, (0, 0)), "REFLECT")

    def compute_output_shape(self, input_shape):
        n, *size, channels = input_shape
        return (n, *(s and s + 2 * self.margin for s in size), channels)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable("tfgen")
class PixelShuffle(layers.Layer):
    """Channels become places: (n, h, w, r^2 C) -> (n, r h, r w, C), r = `factor`.

    Shi et al. Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
    Neural Network. CVPR 2016, section 3.2. https://arxiv.org/abs/1609.05158

        out[r y + i, r x + j, c] = in[y, x, (r i + j) C + c]

    as TensorFlow's depth_to_space and ONNX's DepthToSpace of mode DCR have it; PyTorch's PixelShuffle has the
    channels in another order, c r^2 + r i + j.
    """

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return tf.nn.depth_to_space(x, self.factor)

    def compute_output_shape(self, input_shape):
        n, *size, channels = input_shape
        return (n, *(s and s * self.factor for s in size), channels // self.factor**2)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


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


class _Equalized(layers.Layer):
    """A linear layer of the kernel w * gain / sqrt(fan_in), w ~ N(0, 1) at the start.

    Karras et al. Progressive Growing of GANs. ICLR 2018, section 4.1. https://arxiv.org/abs/1710.10196
    As the constant is applied at run time, Adam's steps, which do not know the size of a gradient, are
    alike for the kernels of all layers.
    """

    def _build(self, *shape):
        self.kernel = self.add_weight(shape, keras.initializers.RandomNormal(stddev=1.0), name="kernel")
        self.bias = self.add_weight(shape[-1:], "zeros", name="bias")

    def scaled(self):
        """The kernel that is used."""
        fan_in = math.prod(self.kernel.shape[:-1])
        return self.kernel * (self.gain / math.sqrt(fan_in))


@keras.saving.register_keras_serializable("tfgen")
class EqualizedDense(_Equalized):
    __doc__ = _Equalized.__doc__

    def __init__(self, units, gain=math.sqrt(2), **kwargs):
        super().__init__(**kwargs)
        self.units, self.gain = units, gain

    def build(self, input_shape):
        self._build(input_shape[-1], self.units)

    def call(self, x):
        return tf.matmul(x, self.scaled()) + self.bias

    def get_config(self):
        return {**super().get_config(), "units": self.units, "gain": self.gain}


@keras.saving.register_keras_serializable("tfgen")
class EqualizedConv2D(_Equalized):
    __doc__ = _Equalized.__doc__ + "    Of stride 1; the output has the size of the input.\n    "

    def __init__(self, filters, size, gain=math.sqrt(2), padding="same", **kwargs):
        super().__init__(**kwargs)
        self.filters, self.size, self.gain, self.padding = filters, size, gain, padding

    def build(self, input_shape):
        self._build(self.size, self.size, input_shape[-1], self.filters)

    def call(self, x):
        return tf.nn.conv2d(x, self.scaled(), 1, self.padding.upper()) + self.bias

    def get_config(self):
        own = dict(filters=self.filters, size=self.size, gain=self.gain, padding=self.padding)
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("tfgen")
class PixelNormalization(layers.Layer):
    """x / sqrt(mean of x**2 over the channels + 1e-8), of x (..., channels) (Karras et al., 2018, 4.2)."""

    def call(self, x):
        wide = tf.cast(x, "float32") if x.dtype in (tf.float16, tf.bfloat16) else x
        return tf.cast(wide * tf.math.rsqrt(tf.reduce_mean(wide**2, -1, keepdims=True) + 1e-8), x.dtype)


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
class LocallyConnected2D(layers.Layer):
    """A convolution whose kernel is another at each place of its output.

        out[y, x] = sum over i, j of in[s y + i, t x + j] K[y, x, i, j] + bias[y, x],    (s, t) = `strides`

    Keras 3 has none; that of Keras 2 drew K by the fans of all places together, which makes it too small.
    Here K starts as that of Conv2D does, uniformly within sqrt(6 / (fan_in + fan_out)), by the fans of one
    place, times `gain`. It has H' W' size^2 c_in c_out numbers, for an output of (H', W').

    Args:
        filters: channels of the output.
        size: of a patch, in both directions.
        strides: between patches, one or (down, across).
        padding: "valid", or "same" as Conv2D has it.
        use_bias: whether each place and channel has a bias.
        gain: of the kernel's start.
    """

    def __init__(self, filters, size, strides=1, padding="valid", use_bias=True, gain=1.0, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.size = filters, size
        self.strides = (strides, strides) if isinstance(strides, int) else tuple(strides)
        self.padding, self.use_bias, self.gain = padding, use_bias, gain

    def build(self, input_shape):
        *places, channels = self.compute_output_shape(input_shape)[1:]
        inside, outside = (self.size**2 * n for n in (input_shape[-1], channels))
        limit = self.gain * math.sqrt(6 / (inside + outside))
        start = keras.initializers.RandomUniform(-limit, limit)
        self.kernel = self.add_weight((*places, inside, channels), start, name="kernel")
        if self.use_bias:
            self.bias = self.add_weight((*places, channels), "zeros", name="bias")

    def _padded(self, length, stride):
        """The places of the output along a side, and the zeros before and behind the input."""
        if self.padding == "valid":
            return (length - self.size) // stride + 1, 0, 0
        places = -(-length // stride)
        zeros = max((places - 1) * stride + self.size - length, 0)
        return places, zeros // 2, zeros - zeros // 2

    def _seen(self, sides):
        """The number of each input's place that a place of the output sees: (height, width, size, size).

        Places are numbered row by row; padding has the number behind the last.
        """
        rows, columns = (
            stride * np.arange(places)[:, None] + np.arange(self.size) - before
            for stride, (places, before, _) in zip(self.strides, map(self._padded, sides, self.strides))
        )
        rows, columns = rows[:, None, :, None], columns[:, None]
        inside = (rows >= 0) & (rows < sides[0]) & (columns >= 0) & (columns < sides[1])
        return np.where(inside, rows * sides[1] + columns, sides[0] * sides[1])

    def call(self, x):
        sides, seen = x.shape[1:3], self._seen(x.shape[1:3])

        # TensorFlow's gradient would be a padded copy of the input for each place of a patch.
        @tf.custom_gradient
        def product(x, kernel):
            patches = tf.reshape(_rows(x, seen), (*kernel.shape[:3], -1))

            def gradients(dy):
                return self._spread(dy, kernel, seen, sides), tf.matmul(patches, dy, transpose_b=True)

            return tf.matmul(kernel, patches, transpose_a=True), gradients

        y = product(tf.transpose(x, (1, 2, 3, 0)), tf.convert_to_tensor(self.kernel))
        y = tf.transpose(y, (3, 0, 1, 2))
        return y + self.bias if self.use_bias else y

    def _spread(self, dy, kernel, seen, sides):
        """dy (height, width, filters, n), the gradient of the output, as that of the input (h, w, c, n).

        It is a locally connected layer, too: an input's place sees the outputs whose patches it is in.
        """
        places, offsets = math.prod(sides), self.size**2
        counts = np.bincount(seen.ravel(), minlength=places + 1)[:places]
        order = np.argsort(seen.ravel(), kind="stable")[: counts.sum()]  # numbers of (output, offset)
        by = np.full((places, counts.max()), seen.size)
        by[np.arange(counts.max()) < counts[:, None]] = order
        k = tf.reshape(kernel, (seen.size, -1, self.filters))
        k = tf.transpose(tf.gather(tf.pad(k, ((0, 1), (0, 0), (0, 0))), by), (0, 1, 3, 2))
        k = tf.reshape(k, (places, by.shape[1] * self.filters, -1))
        outputs = tf.reshape(_rows(dy, by // offsets), (places, by.shape[1] * self.filters, -1))
        dx = tf.matmul(k, outputs, transpose_a=True)
        return tf.reshape(dx, (*sides, k.shape[2], -1))

    def compute_output_shape(self, input_shape):
        n, *sides, _ = input_shape
        return (n, *(self._padded(*side)[0] for side in zip(sides, self.strides)), self.filters)

    def get_config(self):
        own = dict(filters=self.filters, size=self.size, strides=self.strides, padding=self.padding)
        return {**super().get_config(), **own, "use_bias": self.use_bias, "gain": self.gain}


def _rows(x, numbers):
    """x (h, w, c, n) at numbered places, (*numbers.shape, c, n); 0 at the number behind the last."""
    x = tf.reshape(x, (x.shape[0] * x.shape[1], x.shape[2], -1))
    return tf.gather(tf.pad(x, ((0, 1), (0, 0), (0, 0))), numbers)


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
    """

    def __init__(self, kernels, size, include_self=True, **kwargs):
        super().__init__(**kwargs)
        self.kernels, self.size, self.include_self = kernels, size, include_self

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.kernels * self.size), name="kernel")

    def call(self, x):
        m = tf.cast(tf.matmul(x, self.kernel), "float32")
        m = tf.reshape(m, (-1, self.kernels, self.size))
        near = tf.exp(-tf.reduce_sum(abs(m[:, None] - m[None]), 3))
        return tf.cast(tf.reduce_sum(near, 1) - (not self.include_self), x.dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.kernels)

    def get_config(self):
        own = dict(kernels=self.kernels, size=self.size, include_self=self.include_self)
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("tfgen")
class Clip(keras.constraints.Constraint):
    """A constraint of weights: values in [-limit, limit] (Arjovsky et al., 2017, Algorithm 1)."""

    def __init__(self, limit):
        self.limit = limit

    def __call__(self, w):
        return tf.clip_by_value(tf.convert_to_tensor(w), -self.limit, self.limit)

    def get_config(self):
        return {"limit": self.limit}


def advance(network: keras.Model) -> None:
    """One step of power iteration of each spectrally normalised layer of a network, at whatever depth,
    before an update of the network."""
    for layer in network._flatten_layers():
        if isinstance(layer, SpectralNormalization):
            layer.advance()


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
