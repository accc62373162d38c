"""Dense layers that keep an order of values, and sampling from networks of them.

Germain et al. MADE. ICML 2015, eq. 12 to 15. https://arxiv.org/abs/1502.03509

    degree m of a unit: how many of the values it may see, the first m
    W[k, l] may be other than 0 where m(k) <= m(l)

Value i, of 0, ..., D - 1, has degree i + 1 as an input, and i as an output, which does not see itself.
"""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfgen.models.autoregressive.base import inverse_cdf


@keras.saving.register_keras_serializable("tfgen")
class MaskedDense(layers.Layer):
    """A dense layer whose units see those of no higher degree.

    Args:
        units: their number.
        inputs, outputs: (lowest, highest) degree of the inputs and of the units. Degrees lie evenly
            between these, in order: unlike the paper's, which are drawn, they leave out no value where
            there are as many units as degrees.
    """

    def __init__(self, units, inputs, outputs, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.inputs, self.outputs = units, tuple(inputs), tuple(outputs)
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units))
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self.degrees = [degrees(*self.inputs, input_shape[-1]), degrees(*self.outputs, self.units)]

    def call(self, x):
        return self.activation(tf.matmul(x, self.masked()) + self.bias)

    def masked(self):
        """The kernel, zero where it may not see."""
        return mask(tf.convert_to_tensor(self.kernel), *(tf.constant(one, tf.int32) for one in self.degrees))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        own = dict(units=self.units, inputs=self.inputs, outputs=self.outputs)
        own["activation"] = keras.activations.serialize(self.activation)
        return {**super().get_config(), **own}


def mask(kernel, before, after):
    """A kernel, or a part of one, zero where the degree of the input exceeds that of the unit."""
    # The degrees are compared in the graph: a table of all places is nothing to store in an export.
    return tf.where(before[:, None] <= after, kernel, tf.zeros((), kernel.dtype))


def degrees(lowest, highest, units):
    """The degrees of so many units, evenly from the lowest to the highest."""
    return lowest + np.arange(units) * (highest - lowest + 1) // units


def masked_network(image_shape, levels, width=0, depth=0):
    """Images to logits (n, h, w, c, levels), through `depth` hidden layers of `width` ReLU units.

    The first level's logit is zero, so that two levels have p(1) = sigmoid(logit), as in the papers.
    """
    size = math.prod(image_shape)
    images = keras.Input(image_shape)
    x, seen = layers.Flatten()(images), (1, size)
    for _ in range(depth):
        hidden = (1, size - 1)  # a unit of degree 0 would be a constant, one of `size` of no use
        x, seen = MaskedDense(width, seen, hidden, "relu")(x), hidden
    x = MaskedDense(size * (levels - 1), seen, (0, size - 1), dtype="float32")(x)
    return keras.Model(images, level_logits(x, image_shape, levels), name="predictor")


def level_logits(x, image_shape, levels):
    """Logits (n, h * w * c * (levels - 1)) of all levels but the first as (n, h, w, c, levels)."""
    x = layers.Reshape((*image_shape, levels - 1), dtype="float32")(x)
    return keras.ops.pad(x, [[0, 0]] * 4 + [[1, 0]])


def draw_by_rows(predictor, levels, noise, known, temperature):
    """The image that noise selects, `AutoregressiveModel.values_from`, of a `masked_network`.

    What earlier rows add to each unit is summed up when they are drawn, so that in all the work is that
    of one run of the network. The values of a row are drawn from a guess, and again from what
    came of it, until nothing changes. As none depends on itself or on a later one, that is the
    row that drawing them one by one gives, and takes at most a round for each value and one more; as few of
    them hang on their neighbours, it takes some rounds only (Song et al., 2021, "Accelerating
    feedforward computation via parallel nonlinear equation solving").

    It computes in float32 whatever the network's precision, and keeps n x units sums.
    """
    height, *row_shape = noise.shape[1:]
    size, n = math.prod(row_shape), noise.shape[0] or tf.shape(noise)[0]
    stack = [layer for layer in predictor.layers if isinstance(layer, MaskedDense)]
    kernels = [tf.convert_to_tensor(layer.kernel) for layer in stack]
    tables = [[tf.constant(one, tf.int32) for one in layer.degrees] for layer in stack]
    # Units are in the order of their degrees. Those that a row completes: from `first` on, `count` at most.
    edges = [np.searchsorted(layer.degrees[1], np.arange(height + 1) * size + 1) for layer in stack[:-1]]
    counts = [np.diff(edge).max() for edge in edges]
    firsts = [np.minimum(e[:-1], layer.units - k) for e, layer, k in zip(edges, stack, counts)]
    own = [
        (f[:, None] + np.arange(k) >= e[:-1, None]) & (f[:, None] + np.arange(k) < e[1:, None])
        for f, k, e in zip(firsts, counts, edges)
    ]
    firsts = np.stack([np.arange(height) * size, *firsts, np.arange(height) * size * (levels - 1)], axis=1)
    counts = [size, *counts, size * (levels - 1)]
    firsts, own = tf.constant(firsts, tf.int32), [tf.constant(one, tf.float32) for one in own]

    def by_row(images):
        return tf.transpose(tf.reshape(images, (-1, height, size)), (1, 0, 2))

    noise, known = by_row(noise), None if known is None else by_row(known)

    def draw(row, image, *sums):
        first = tf.unstack(firsts[row])
        noise_here, known_here = noise[row], None if known is None else known[row]
        rest = [tf.slice(y, [0, f], [n, k]) for y, f, k in zip(sums, first[1:], counts[1:])]
        # What this row adds to others needs no mask: all later ones may see it, and earlier ones are drawn.
        rows = [tf.slice(w, [f, 0], [k, w.shape[1]]) for w, f, k in zip(kernels, first, counts)]
        blocks = []
        for i, ((before, after), w) in enumerate(zip(tables, rows)):
            block = tf.slice(w, [0, first[i + 1]], [counts[i], counts[i + 1]])
            seen = tf.slice(before, [first[i]], [counts[i]]), tf.slice(after, [first[i + 1]], [counts[i + 1]])
            blocks.append(mask(block, *seen))
        here = [one[row] for one in own]

        def features(x):
            """The values and the hidden units that this row completes."""
            found = [x]
            for seen, block, valid in zip(rest, blocks, here):
                found.append(tf.nn.relu(seen + tf.matmul(found[-1], block)) * valid)
            return found

        def again(x, _):
            logits = tf.reshape(rest[-1] + tf.matmul(features(x)[-1], blocks[-1]), (n, size, levels - 1))
            logits = tf.pad(logits, [[0, 0], [0, 0], [1, 0]])
            drawn = inverse_cdf(logits, noise_here, temperature) / (levels - 1)
            if known is not None:
                drawn = tf.where(tf.math.is_nan(known_here), drawn, known_here)
            return drawn, tf.reduce_any(drawn != x)

        x, _ = tf.while_loop(lambda _, changed: changed, again, (tf.zeros((n, size)), True))
        sums = [y + tf.matmul(v, w) for y, v, w in zip(sums, features(x), rows)]
        return row + 1, tf.tensor_scatter_nd_update(image, [[row]], x[None]), *sums

    sums = [tf.zeros((n, 1)) + tf.cast(tf.convert_to_tensor(layer.bias), tf.float32) for layer in stack]
    image = tf.zeros((height, n, size))
    _, image, *_ = tf.while_loop(lambda row, *_: row < height, draw, (0, image, *sums))
    return tf.reshape(tf.transpose(image, (1, 0, 2)), (-1, height, *row_shape))
