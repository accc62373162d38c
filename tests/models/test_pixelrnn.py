"""PixelRNN: its two LSTM layers, and what they see. See also test_autoregressive.py."""

import numpy as np
import pytest
import tensorflow as tf
from autoregressive_cases import sensitivity

from tfgen.errors import InputError
from tfgen.models import PixelRNN
from tfgen.models.autoregressive.lstm import DiagonalBiLSTM, RowLSTM, scan, skew, unskew

SIZE = dict(levels=2, width=4, depth=2, top=4, seed=0)


def test_a_skewed_map_has_the_diagonals_of_the_image_as_columns():
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype("float32")
    skewed = skew(x).numpy()
    assert skewed.shape == (2, 3, 7, 4)
    for row in range(3):
        np.testing.assert_array_equal(skewed[:, row, row : row + 5], x[:, row])
        assert not skewed[:, row, :row].any() and not skewed[:, row, row + 5 :].any()
    np.testing.assert_array_equal(unskew(skewed), x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_the_paper(layer, x, conditions):
    """The layer's output, pixel by pixel, from eq. 3 and its weights."""
    n, height, width, features = x.shape
    size, channels = layer.width, layer.channels
    k_is, k_ss, k_c, bias = (
        v.numpy().astype("float64")
        for v in (layer.input_kernel, layer.state_kernel, layer.condition_kernel, layer.bias)
    )
    for i in range(features):
        for o in range(4 * size):
            if i * channels // features > o % size * channels // size:
                k_is[:, i - features, o] = 0  # mask B, at the own pixel only
    row_lstm = isinstance(layer, RowLSTM)
    total = np.zeros((n, height, width, size))
    for direction in range(1 if row_lstm else 2):
        h, c = np.zeros((2, n, height + 1, width + 2, size))  # zeros above, left and right
        for r in range(height):
            for p in range(width):
                q = p if direction == 0 else width - 1 - p
                before = -1 if direction == 0 else 1
                if row_lstm:
                    states = [h[:, r, q + 1 + tap] for tap in (-1, 0, 1)]
                    memory = c[:, r, q + 1]
                    left = x[:, r, q - 1] if q else np.zeros((n, features))
                    inputs = np.concatenate([left, x[:, r, q]], axis=-1)
                else:
                    states = [h[:, r + 1, q + 1 + before], h[:, r, q + 1]]
                    memory = c[:, r + 1, q + 1 + before]
                    inputs = x[:, r, q]
                gates = inputs @ k_is[direction] + np.concatenate(states, axis=-1) @ k_ss[direction]
                gates += conditions[:, r, q] @ k_c[direction] + bias[direction]
                o, f, i, g = np.split(gates, 4, axis=-1)
                memory = sigmoid(f) * memory + sigmoid(i) * np.tanh(g)
                c[:, r + 1, q + 1] = memory
                h[:, r + 1, q + 1] = sigmoid(o) * np.tanh(memory)
        down = direction  # the second direction is shifted down by one row
        total += h[:, 1 - down : height + 1 - down, 1:-1]
    return total


@pytest.mark.parametrize("cls", [RowLSTM, DiagonalBiLSTM])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_layer_is_the_equations_of_the_paper(cls, channels):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 4, 7)).astype("float32")
    conditions = rng.normal(size=(2, 3, 4, 2)).astype("float32")
    layer = cls(4, channels)
    layer(x, conditions)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.7)
    np.testing.assert_allclose(layer(x, conditions), by_the_paper(layer, x, conditions), atol=1e-5)


@pytest.mark.parametrize("taps, directions", [((-1, 0, 1), 1), ((0, -1), 2)])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_gradient_of_a_scan_is_that_of_the_unrolled_loop(taps, directions, jit_compile):
    rng = np.random.default_rng(0)
    inputs, kernel, weights = (
        tf.constant(rng.normal(size=shape), tf.float32)
        for shape in (
            (4, directions, 5, 3, 3),
            (directions, 3 + 2 * len(taps), 8),
            (4, directions, 5, 3, 2),
        )
    )

    def unrolled(inputs, kernel):
        h = c = tf.zeros((directions, 5, 3, 2))
        states = []
        for x in tf.unstack(inputs):
            padded = tf.pad(h, [[0, 0], [1, 1], [0, 0], [0, 0]])
            seen = tf.concat([x, *(padded[:, 1 + tap : 6 + tap] for tap in taps)], axis=-1)
            o, f, i, g = tf.split(tf.einsum("dpni,dio->dpno", seen, kernel), 4, axis=-1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            h = tf.sigmoid(o) * tf.tanh(c)
            states.append(h)
        return tf.stack(states)

    def with_gradients(function):
        with tf.GradientTape() as tape:
            tape.watch([inputs, kernel])
            states = function(inputs, kernel)
            total = tf.reduce_sum(states * weights)
        return [states, *tape.gradient(total, [inputs, kernel])]

    compiled = tf.function(
        lambda: with_gradients(lambda a, b: scan(a, b, taps)), jit_compile=jit_compile, autograph=False
    )
    for got, want in zip(compiled(), with_gradients(unrolled), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-5)


def test_row_lstms_see_a_triangle():
    """Two layers: 3 + 2 pixels to the left in the row, and one more on each side with each row up."""
    row, column = 4, 8
    seen = sensitivity(PixelRNN((5, 15, 1), lstm="row", **SIZE))[row * 15 + column].reshape(5, 15)
    expected = np.zeros((5, 15), bool)
    for up in range(5):
        right = up + 2 if up else -1
        expected[row - up, max(0, column - 5 - up) : column + right + 1] = True
    np.testing.assert_array_equal(seen, expected)


@pytest.mark.parametrize("cls", [RowLSTM, DiagonalBiLSTM])
def test_nothing_is_unrolled(cls):
    def operations(height):
        layer = cls(4, 1)
        layer.build((None, height, 5, 6))

        @tf.function(autograph=False)
        def train(x):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(layer(x))
            return tape.gradient(loss, layer.trainable_variables)

        graph = train.get_concrete_function(tf.zeros((2, height, 5, 6))).graph.as_graph_def()
        return len(graph.node) + sum(len(one.node_def) for one in graph.library.function)

    assert abs(operations(14) - operations(4)) < 10  # of some 400


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(lstm="diagnal"), "diagnal.*diagonal"),
        (dict(image_shape=(8, 8, 3), width=2), "width and top >= 3"),
        (dict(depth=0), "depth >= 1"),
    ],
)
def test_a_wrong_constructor_argument_is_named(arguments, message):
    with pytest.raises(InputError, match=message):
        PixelRNN(**arguments)
