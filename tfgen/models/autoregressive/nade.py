"""NADE: one hidden layer for each value, all with the same weights.

Larochelle and Murray. The Neural Autoregressive Distribution Estimator. AISTATS 2011.
https://proceedings.mlr.press/v15/larochelle11a.html

    h_i = sigmoid(c + sum_{j < i} W_j x_j)                                          (eq. 9)
    p(x_i = 1 | x_<i) = sigmoid(b_i + V_i . h_i)                                    (eq. 10)

W_j is a row of H numbers, so that a = c + sum_{j < i} W_j x_j goes from a value to the next by one more
term: O(D H) work for an image of D values (section 3), for its likelihood and, in `values_from`, for drawing
it. Unlike the paper, values may have more levels than two, with a softmax in place of the sigmoid.
"""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfgen.errors import InputError
from tfgen.models.autoregressive.base import AutoregressiveModel, inverse_cdf
from tfgen.models.autoregressive.masked import level_logits
from tfgen.models.base import Recipe
from tfgen.models.registry import model


def hidden(start, x, before):
    """h_j of the values of a row, (B, n, H): a at the row's `start` (n, H), x (n, B), W (B, H) of the row."""
    earlier = np.tri(x.shape[1], k=-1, dtype="float32")[:, None]
    seen = tf.reshape(x * earlier, (-1, x.shape[1]))
    return tf.sigmoid(start + tf.reshape(tf.matmul(seen, before), (x.shape[1], -1, before.shape[1])))


def each_row(function, *shapes):
    """function(row) -> tensors, stacked over the rows: results of `shapes` (rows, ...)."""
    results = [tf.zeros(shape) for shape in shapes]

    def step(row, *results):
        found = function(row)
        return row + 1, *(tf.tensor_scatter_nd_update(y, [[row]], v[None]) for y, v in zip(results, found))

    return tf.while_loop(lambda row, *_: row < shapes[0][0], step, (0, *results))[1:]


@tf.custom_gradient
def row_logits(starts, x, before, after):
    """V_i . h_i, a row of the image at a time, both ways, for h of all rows fills the memory.

    Args:
        starts: (R, n, H), a at the first value of each row.
        x: (R, n, B).
        before: W (R, B, H).
        after: V (R, B, K, H).

    Returns:
        (R, B, n, K).
    """
    n = tf.shape(x)[1]
    rows, size, outputs, units = after.shape

    def forward(row):
        return [tf.matmul(hidden(starts[row], x[row], before[row]), after[row], transpose_b=True)]

    def backward(upstream):
        def slope(row):
            h = hidden(starts[row], x[row], before[row])
            return h, tf.matmul(upstream[row], after[row]) * (h * (1 - h))

        def of_weights(row):
            h, da = slope(row)
            seen = tf.reshape(x[row] * np.tri(size, k=-1, dtype="float32")[:, None], (-1, size))
            return (
                tf.reduce_sum(da, axis=0),
                tf.matmul(seen, tf.reshape(da, (-1, units)), transpose_a=True),
                tf.matmul(upstream[row], h, transpose_a=True),
            )

        def of_x(row):  # in a loop of its own, which a training step leaves out
            da = tf.reshape(slope(row)[1], (-1, units))
            seen = tf.reshape(tf.matmul(da, before[row], transpose_b=True), (size, -1, size))
            return [tf.reduce_sum(seen * np.tri(size, k=-1, dtype="float32")[:, None], axis=0)]

        starts_, before_, after_ = each_row(of_weights, (rows, n, units), before.shape, after.shape)
        return starts_, *each_row(of_x, (rows, n, size)), before_, after_

    return each_row(forward, (rows, size, n, outputs))[0], backward


@keras.saving.register_keras_serializable("tfgen")
class NADELayer(layers.Layer):
    """Images (n, h, w, c) to logits (n, h * w * c * outputs), in float32, as its sums are long."""

    def __init__(self, units, outputs, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.units, self.outputs = units, outputs

    def build(self, input_shape):
        size = math.prod(input_shape[1:])
        self.before = self.add_weight(name="before", shape=(size, self.units))
        self.after = self.add_weight(name="after", shape=(size * self.outputs, self.units))
        self.hidden_bias = self.add_weight(name="hidden_bias", shape=(self.units,), initializer="zeros")
        self.bias = self.add_weight(name="bias", shape=(size * self.outputs,), initializer="zeros")

    def call(self, images):
        rows, size = images.shape[1], math.prod(images.shape[2:])
        x = tf.transpose(tf.reshape(images, (-1, rows, size)), (1, 0, 2))
        before = tf.reshape(self.before, (rows, size, self.units))
        after = tf.reshape(self.after, (rows, size, self.outputs, self.units))
        starts = self.hidden_bias + tf.cumsum(tf.matmul(x, before), axis=0, exclusive=True)
        logits = tf.transpose(row_logits(starts, x, before, after), (2, 0, 1, 3))
        return tf.reshape(logits, (-1, rows * size * self.outputs)) + self.bias

    def compute_output_shape(self, input_shape):
        return (input_shape[0], math.prod(input_shape[1:]) * self.outputs)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "outputs": self.outputs}


@model(title="The Neural Autoregressive Distribution Estimator", year=2011)
class NADE(AutoregressiveModel):
    """A hidden layer for each value, on all values before it, that shares its weights with the others.

    The defaults are the paper's for binarised MNIST.

    Args:
        image_shape: (height, width, channels); images lie in [0, 1].
        levels: the number of values that each channel of a pixel can take; 2 for binary images.
        width: H, the units of the hidden layer.
    """

    tiny = dict(image_shape=(8, 8, 1), levels=4, width=8)
    recipe = Recipe(
        "mnist", batch_size=128, epochs=20, model=dict(ema_decay=0.999), data=dict(binarize="dynamic")
    )

    def __init__(self, image_shape=(28, 28, 1), levels=2, width=500, **kwargs):
        if width < 1:
            raise InputError(f"NADE needs width >= 1; received {width}")
        super().__init__(image_shape, levels, **kwargs)
        self.width = width
        with self.building():
            images = keras.Input(self.image_shape)
            logits = NADELayer(width, levels - 1)(images)
            logits = level_logits(logits, self.image_shape, levels)
            self.predictor = keras.Model(images, logits, name="predictor")

    def default_optimizers(self):
        return keras.optimizers.Adam(1e-3)

    def values_from(self, noise, known, temperature, labels):
        """As in the base; a step of the loop adds the last value's term to a, (n, H), all that is kept."""
        layer = next(one for one in self.averaged("predictor").layers if isinstance(one, NADELayer))
        size, outputs, n = math.prod(self.image_shape), self.levels - 1, tf.shape(noise)[0]
        before, hidden_bias = (tf.convert_to_tensor(v) for v in (layer.before, layer.hidden_bias))
        after = tf.reshape(layer.after, (size, outputs, self.width))
        bias = tf.reshape(layer.bias, (size, outputs))

        def by_value(images):
            return tf.transpose(tf.reshape(images, (-1, size)))

        noise, known = by_value(noise), None if known is None else by_value(known)

        def draw(i, image, a):
            logits = tf.matmul(tf.sigmoid(a), after[i], transpose_b=True) + bias[i]
            value = inverse_cdf(tf.pad(logits, [[0, 0], [1, 0]]), noise[i], temperature) / outputs
            if known is not None:
                value = tf.where(tf.math.is_nan(known[i]), value, known[i])
            image = tf.tensor_scatter_nd_update(image, [[i]], value[None])
            return i + 1, image, a + value[:, None] * before[i]

        start = (0, tf.zeros((size, n)), tf.zeros((n, 1)) + hidden_bias)
        _, image, _ = tf.while_loop(lambda i, *_: i < size, draw, start)
        return tf.reshape(tf.transpose(image), (-1, *self.image_shape))
