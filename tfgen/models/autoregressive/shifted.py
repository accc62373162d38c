"""Layers of PixelCNN++: convolutions of shifted images with normalised weights, gates, dropout."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def normalised(v, g):
    """g v / |v|: kernels (..., rows, columns, inputs, filters) of directions v and lengths (..., filters)."""
    return tf.math.l2_normalize(v, axis=(-4, -3, -2)) * g[..., None, None, None, :]


@keras.saving.register_keras_serializable("tfgen")
class NormalisedConv2D(layers.Layer):
    """A convolution with the kernel g v / |v|, a length g and a direction v for each filter.

    Salimans and Kingma. Weight Normalization. NIPS 2016. https://arxiv.org/abs/1602.07868
    While `initialising`, a call sets g and the bias so that over its input each filter has the mean 0
    and the standard deviation `scale` (section 3). Where that would make g ten times longer than
    `scale` or more, as where a filter does not vary at all, g is 10 scale.

    Args:
        padding: zeros (above, below, left, right); -1 leaves out a row or a column.
        size: if given, the convolution is transposed, stride 2, cropped to this (height, width).
    """

    def __init__(self, filters, kernel_size, padding=(0,) * 4, strides=1, size=None, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.padding = filters, tuple(kernel_size), tuple(padding)
        self.strides, self.size, self.scale = strides, size and tuple(size), scale
        self.initialising = False

    def build(self, input_shape):
        shape = (*self.kernel_size, input_shape[-1], self.filters)
        kept = dict(dtype="float32", autocast=False)
        self.v = self.add_weight(shape, keras.initializers.RandomNormal(stddev=0.05), name="v", **kept)
        self.g = self.add_weight((self.filters,), keras.initializers.Constant(self.scale), name="g", **kept)
        self.bias = self.add_weight((self.filters,), "zeros", name="bias", **kept)

    def kernel(self):
        """(rows, columns, inputs, filters), float32."""
        return normalised(self.v, self.g)

    def call(self, x):
        if self.initialising:
            self._set(x)
        return self._convolve(x, tf.cast(self.kernel(), x.dtype)) + tf.cast(self.bias, x.dtype)

    def _convolve(self, x, kernel):
        if self.size:
            (height, width), (rows, columns) = self.size, self.kernel_size
            shape = (tf.shape(x)[0], 2 * x.shape[1] - 2 + rows, 2 * x.shape[2] - 2 + columns, self.filters)
            x = tf.nn.conv2d_transpose(x, tf.transpose(kernel, (0, 1, 3, 2)), shape, 2, "VALID")
            first = (columns - 1) // 2
            return x[:, :height, first : first + width]
        above, below, left, right = self.padding
        x = x[:, : x.shape[1] + min(below, 0), : x.shape[2] + min(right, 0)]
        x = tf.pad(x, [[0, 0], [above, max(below, 0)], [left, max(right, 0)], [0, 0]])
        return tf.nn.conv2d(x, kernel, self.strides, "VALID")

    def _set(self, x):
        kernel = normalised(self.v, tf.ones_like(self.g))
        y = tf.cast(self._convolve(x, tf.cast(kernel, x.dtype)), tf.float32)
        mean = tf.reduce_mean(y, (0, 1, 2))
        deviation = tf.sqrt(tf.reduce_mean((y - mean) ** 2, (0, 1, 2)))
        self.g.assign(self.scale / tf.maximum(deviation, 0.1))
        self.bias.assign(-mean * self.g)

    def compute_output_shape(self, input_shape):
        if self.size:
            return (input_shape[0], *self.size, self.filters)
        rows, columns = np.reshape(self.padding, (2, 2)).sum(axis=1)
        height = (input_shape[1] + rows - self.kernel_size[0]) // self.strides + 1
        width = (input_shape[2] + columns - self.kernel_size[1]) // self.strides + 1
        return (input_shape[0], int(height), int(width), self.filters)

    def get_config(self):
        names = ("filters", "kernel_size", "padding", "strides", "size", "scale")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def concat_elu(x):
    """elu of [x, -x] (Shang et al., 2016, who have ReLU; section 2.5 of PixelCNN++)."""
    return tf.nn.elu(tf.concat([x, -x], axis=-1))


def gated(x, y):
    """x + a sigmoid(b), y = [a, b]."""
    a, b = tf.split(y, 2, axis=-1)
    return x + a * tf.sigmoid(b)


@keras.saving.register_keras_serializable("tfgen")
class ConcatELU(layers.Layer):
    """`concat_elu` of one input, or of two side by side."""

    def call(self, x, other=None):
        return concat_elu(x) if other is None else tf.concat([concat_elu(x), concat_elu(other)], axis=-1)


@keras.saving.register_keras_serializable("tfgen")
class Gated(layers.Layer):
    """`gated` of two inputs."""

    def call(self, x, y):
        return gated(x, y)


@keras.saving.register_keras_serializable("tfgen")
class Dropout(layers.Layer):
    """x times 0, at the given rate, or 1 / (1 - rate), by the noise of a model.

    Unlike Keras' layer it draws none itself: the model sets `draw` to its step's `uniform`, so that the
    masks are those of the training step and the example, on whichever device.
    """

    draw = None

    def __init__(self, rate, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate

    def call(self, x, training=False):
        if not training or not self.rate:
            return x
        kept = self.draw(*x.shape[1:]) >= self.rate
        return x * (tf.cast(kept, x.dtype) / (1 - self.rate))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}
