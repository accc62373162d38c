"""The two convolutional LSTM layers of PixelRNN, which see no pixel after one's own.

van den Oord, Kalchbrenner and Kavukcuoglu. Pixel Recurrent Neural Networks. ICML 2016,
sections 3.1 to 3.4. https://arxiv.org/abs/1601.06759

    [o_i, f_i, i_i, g_i] = sigma(K_ss * h_{i-1} + K_is * x_i)   (eq. 3; sigma is tanh for g)
    c_i = f_i c_{i-1} + i_i g_i,   h_i = o_i tanh(c_i)

i counts rows, or the diagonals of a skewed map. K_is has mask B, K_ss needs none: all channels of
the pixels that it meets come before one's own. States are zero outside of the image. Unlike the
paper, which does not say it, the bias of the forget gates starts at 1.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def skew(maps):
    """Row r of maps (n, h, w, k) moved r columns to the right: (n, h, h + w - 1, k), zero beside."""
    _, height, width, size = maps.shape
    maps = tf.pad(maps, [[0, 0], [0, 0], [0, height], [0, 0]])
    flat = tf.reshape(maps, (-1, height * (width + height), size))[:, :-height]
    return tf.reshape(flat, (-1, height, width + height - 1, size))


def unskew(maps):
    """The image's part (n, h, w, k) of skewed maps (n, h, h + w - 1, k)."""
    _, height, steps, size = maps.shape
    flat = tf.pad(tf.reshape(maps, (-1, height * steps, size)), [[0, 0], [0, height], [0, 0]])
    return tf.reshape(flat, (-1, height, steps + 1, size))[:, :, : steps + 1 - height]


def activated(gates):
    """o, f, i, g of gates (..., 4 * size) in this order: float32."""
    o, f, i, g = tf.split(tf.cast(gates, tf.float32), 4, axis=-1)
    return tf.sigmoid(o), tf.sigmoid(f), tf.sigmoid(i), tf.tanh(g)


def cell(gates, before):
    """(h, c) of gates (..., 4 * size) and the cells before: float32."""
    o, f, i, g = activated(gates)
    c = f * before + i * g
    return o * tf.tanh(c), c


def shifted(x, tap):
    """x (..., places, n, size) at the place `tap` further on; zero where there is none."""
    if tap == 0:
        return x
    inside = x[..., tap:, :, :] if tap > 0 else x[..., :tap, :, :]
    return tf.pad(inside, [*[[0, 0]] * (len(x.shape) - 3), [max(-tap, 0), max(tap, 0)], [0, 0], [0, 0]])


def scan(inputs, kernel, taps):
    """The states h (steps, directions, places, n, size) of LSTMs along the first axis: float32.

    The loops have a static length and are not unrolled. The gradient is said here: it keeps one
    tensor of each step, where TensorFlow's own would keep, and add up, one for each operation.

    Args:
        inputs: (steps, directions, places, n, k).
        kernel: (directions, k + len(taps) * size, 4 * size), for the input and for the states.
        taps: where a place finds the states of the step before: at place + tap.
    """
    steps, directions, places, _, k = inputs.shape
    size, dtype = kernel.shape[-1] // 4, inputs.dtype
    flat = (directions, -1)

    def times(x, matrix, **options):
        """x (directions, places, n, ...) by a matrix for each direction."""
        product = tf.matmul(tf.reshape(x, (*flat, x.shape[-1])), matrix, **options)
        return tf.reshape(product, (directions, places, -1, product.shape[-1]))

    def each(x):
        return tf.TensorArray(x.dtype, steps, element_shape=x.shape[1:]).unstack(x)

    def empty(dtype, count):
        return tf.TensorArray(dtype, steps, element_shape=(directions, places, inputs.shape[3], count))

    def loop(step, *state):
        return tf.while_loop(lambda t, *_: t < steps, step, (0, *state), maximum_iterations=steps)

    def stacked(array, count):
        return tf.ensure_shape(array.stack(), (*inputs.shape[:-1], count))

    def seen(x, h):
        return tf.concat([x, *(tf.cast(shifted(h, tap), dtype) for tap in taps)], axis=-1)

    @tf.custom_gradient
    def run(inputs, kernel):
        x = each(inputs)
        zero = tf.zeros_like(tf.repeat(inputs[0, ..., :1], size, axis=-1), tf.float32)

        def step(t, h, c, states, kept):
            o, f, i, g = activated(times(seen(x.read(t), h), kernel))
            kept = kept.write(t, tf.concat([h, c, o, f, i, g], axis=-1))
            c = f * c + i * g
            h = o * tf.tanh(c)
            return t + 1, h, c, states.write(t, h), kept

        *_, states, kept = loop(step, zero, zero, empty(tf.float32, size), empty(tf.float32, 6 * size))
        kept = stacked(kept, 6 * size)

        def gradient(dstates):
            x, was, more = each(inputs), each(kept), each(dstates)

            def step(s, dh, dc, dkernel, dinputs):
                t = steps - 1 - s
                h, c, o, f, i, g = tf.split(was.read(t), 6, axis=-1)
                top = tf.tanh(f * c + i * g)
                dh += more.read(t)
                dc += dh * o * (1 - top**2)
                slopes = [
                    dh * top * o * (1 - o),
                    dc * c * f * (1 - f),
                    dc * g * i * (1 - i),
                    dc * i * (1 - g**2),
                ]
                da = tf.cast(tf.concat(slopes, axis=-1), dtype)
                dseen = times(da, kernel, transpose_b=True)
                dx, *dnear = tf.split(dseen, [k, *[size] * len(taps)], axis=-1)
                dh = tf.add_n([shifted(part, -tap) for tap, part in zip(taps, dnear)])
                now, da = (tf.reshape(v, (*flat, v.shape[-1])) for v in (seen(x.read(t), h), da))
                dkernel += tf.cast(tf.matmul(now, da, transpose_a=True), tf.float32)
                return s + 1, tf.cast(dh, tf.float32), dc * f, dkernel, dinputs.write(t, dx)

            start = tf.zeros(kernel.shape)
            *_, dkernel, dinputs = loop(step, zero, zero, start, empty(dtype, k))
            return stacked(dinputs, k), tf.cast(dkernel, dtype)

        return stacked(states, size), gradient

    return run(inputs, tf.cast(kernel, dtype))


class MaskedLSTM(layers.Layer):
    """What the two layers share: maps (n, h, w, features) -> (n, h, w, width).

    A second input, `conditions` (n, h, w, k), is mapped to all gates (section 3.5).

    A subclass says
        directions: how many LSTMs there are;
        input_taps: how many pixels the input-to-state component sees in the row, the last its own;
        state_taps: as `scan`'s `taps`;
        steps(x): maps (n, h, w, k) -> `scan`'s inputs;
        maps(states): `scan`'s states -> (n, h, w, width).
    """

    def __init__(self, width, channels, **kwargs):
        super().__init__(**kwargs)
        self.width, self.channels = width, channels

    def build(self, x_shape, conditions_shape=None):
        features, gates = x_shape[-1], 4 * self.width

        def kernel(name, inputs):
            glorot = keras.initializers.VarianceScaling(self.directions, "fan_avg", "uniform")
            shape = (self.directions, inputs, gates)
            return self.add_weight(name=name, shape=shape, initializer=glorot)

        self.input_kernel = kernel("input_kernel", self.input_taps * features)
        self.state_kernel = kernel("state_kernel", len(self.state_taps) * self.width)
        self.condition_kernel = conditions_shape and kernel("condition_kernel", conditions_shape[-1])
        self.bias = self.add_weight(name="bias", shape=(self.directions, 1, gates), initializer="zeros")
        self.bias.assign(np.tile(np.repeat([0.0, 1.0, 0.0, 0.0], self.width), (self.directions, 1, 1)))
        group_in = np.arange(features)[:, None] * self.channels // features
        group_out = np.arange(self.width) * self.channels // self.width
        self.seen = np.ones(self.input_kernel.shape[1:], bool)  # NumPy: a tensor made here cannot be exported
        self.seen[-features:] = np.tile(group_in <= group_out, 4)

    def call(self, x, conditions=None):
        left = [[0, 0], [0, 0], [1, 0], [0, 0]]
        inputs = [x] if self.input_taps == 1 else [tf.pad(x[:, :, :-1], left), x]
        if conditions is not None:
            inputs.append(tf.cast(conditions, x.dtype))
        inputs.append(tf.ones_like(x[..., :1]))  # for the bias: outside of the image there is none
        kernel = tf.concat(self.kernels(), axis=1)
        return tf.cast(
            self.maps(scan(self.steps(tf.concat(inputs, axis=-1)), kernel, self.state_taps)), x.dtype
        )

    def kernels(self):
        """What maps the earlier inputs of the row and one's own, conditions, 1 and states to the gates.

        (directions, features, 4 * width) each, zero where it may not see.
        """
        kernel = tf.convert_to_tensor(self.input_kernel)
        inputs = tf.split(kernel * tf.cast(self.seen, kernel.dtype), self.input_taps, axis=1)
        others = [self.condition_kernel, self.bias, self.state_kernel]
        return [*inputs, *(tf.convert_to_tensor(other) for other in others if other is not None)]

    def compute_output_shape(self, x_shape, conditions_shape=None):
        return (*x_shape[:-1], self.width)

    def get_config(self):
        return {**super().get_config(), "width": self.width, "channels": self.channels}


@keras.saving.register_keras_serializable("tfgen")
class RowLSTM(MaskedLSTM):
    """From the top row to the bottom, all pixels of a row at once (section 3.1), with k = 3."""

    directions, input_taps, state_taps = 1, 2, (-1, 0, 1)

    def steps(self, x):
        return tf.transpose(x, (1, 2, 0, 3))[:, None]

    def maps(self, states):
        return tf.transpose(states[:, 0], (2, 0, 1, 3))


@keras.saving.register_keras_serializable("tfgen")
class DiagonalBiLSTM(MaskedLSTM):
    """From the top corners to the opposite ones, all pixels of a diagonal at once (section 3.2).

    Both directions run in one scan; the one from the right works on the mirrored map.
    """

    directions, input_taps, state_taps = 2, 1, (0, -1)

    def steps(self, x):
        both = (skew(x), skew(tf.reverse(x, [2])))
        return tf.stack([tf.transpose(one, (2, 1, 0, 3)) for one in both], axis=1)

    def maps(self, states):
        left, right = (unskew(tf.transpose(one, (2, 1, 0, 3))) for one in tf.unstack(states, axis=1))
        right = tf.reverse(right, [2])
        # One row down, so that no pixel sees those to its right.
        return left + tf.pad(right[:, :-1], [[0, 0], [1, 0], [0, 0], [0, 0]])
