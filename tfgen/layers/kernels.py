"""What is done to the weights of a layer before they are used, or after they were changed."""

import math

import keras
import tensorflow as tf
from keras import layers


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


def normed(layer: layers.Layer, spectral: bool) -> layers.Layer:
    """The layer, spectrally normalised where that is asked for."""
    return SpectralNormalization(layer) if spectral else layer


def advance(network: keras.Model) -> None:
    """One step of power iteration of each spectrally normalised layer of a network, at whatever depth,
    before an update of the network."""
    for layer in network._flatten_layers():
        if isinstance(layer, SpectralNormalization):
            layer.advance()


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
class Clip(keras.constraints.Constraint):
    """A constraint of weights: values in [-limit, limit] (Arjovsky et al., 2017, Algorithm 1)."""

    def __init__(self, limit):
        self.limit = limit

    def __call__(self, w):
        return tf.clip_by_value(tf.convert_to_tensor(w), -self.limit, self.limit)

    def get_config(self):
        return {"limit": self.limit}
