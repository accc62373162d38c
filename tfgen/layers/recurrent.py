"""Layers that go through a sequence step by step."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import layers


def scan(step: Callable, x: tf.Tensor, states: list[tf.Tensor], size: int) -> tf.Tensor:
    """The outputs (n, steps, size) of a step in a loop over x (n, steps, k), a number of steps that is known.

    Its gradient computes each step once more, of the states that were kept. So it is a loop of known length,
    too, which XLA compiles wherever it stands, as in an update that depends on data; TensorFlow's own is not.

    Args:
        step: step(x (n, k), [states]) -> (output (n, size), [states]); what it computes with are its
            arguments and variables.
        states: a list of (n, size of the state) before the first step, which have no gradient.
        size: of an output.
    """
    steps, kind = x.shape[1], x.dtype

    def array(like):
        return tf.TensorArray(kind, steps, element_shape=(None, like))

    def loop(body, *state):
        return tf.while_loop(lambda t, *_: t < steps, body, (0, *state), maximum_iterations=steps)

    def each(rows):
        return array(rows.shape[2]).unstack(tf.transpose(rows, (1, 0, 2)))

    def together(made, width):
        return tf.ensure_shape(tf.transpose(made.stack(), (1, 0, 2)), (x.shape[0], steps, width))

    widths = [state.shape[1] for state in states]

    @tf.custom_gradient
    def run(x):
        rows = each(x)

        def forward(t, made, kept, *now):
            kept = [a.write(t, state) for a, state in zip(kept, now)]
            output, now = step(rows.read(t), list(now))
            return t + 1, made.write(t, output), kept, *now

        _, made, kept, *_ = loop(forward, array(size), [array(width) for width in widths], *states)
        outputs, kept = together(made, size), [together(*pair) for pair in zip(kept, widths)]

        def gradient(slopes, variables=()):
            rows, slopes, were = each(x), each(slopes), [each(state) for state in kept]

            def backward(s, dx, dstates, dvariables):
                t = steps - 1 - s
                row, now = rows.read(t), [state.read(t) for state in were]
                with tf.GradientTape() as tape:
                    tape.watch([row, *now])
                    output, after = step(row, now)
                found = tape.gradient(
                    [output, *after],
                    [row, *now, *variables],
                    [slopes.read(t), *dstates],
                    unconnected_gradients=tf.UnconnectedGradients.ZERO,
                )
                more = found[1 + len(now) :]
                dvariables = [a + tf.cast(b, a.dtype) for a, b in zip(dvariables, more)]
                return s + 1, dx.write(t, found[0]), found[1 : 1 + len(now)], dvariables

            zeros = [tf.zeros_like(state) for state in states]
            start = array(x.shape[2]), zeros, [tf.zeros(v.shape, tf.float32) for v in variables]
            _, dx, _, dvariables = loop(backward, *start)
            dx = together(dx, x.shape[2])
            return (dx, dvariables) if variables else dx

        return outputs, gradient

    return run(x)


@keras.saving.register_keras_serializable("tfgen")
class Scan(layers.Layer):
    """A cell in a loop over sequences of a fixed length: (n, steps, k) -> its outputs (n, steps, size).

    As `keras.layers.RNN` with return_sequences, by `scan`.

    Args:
        cell: a layer as Keras' LSTMCell, with lists of states, `state_size` and `output_size`; the states
            begin as zeros.
    """

    def __init__(self, cell, **kwargs):
        super().__init__(**kwargs)
        self.cell = cell

    def build(self, input_shape):
        if not self.cell.built:  # as that of a configuration is
            self.cell.build((input_shape[0], input_shape[2]))

    def call(self, x, training=False):
        zero = tf.zeros_like(x[:, 0, :1])
        states = [tf.repeat(zero, size, axis=1) for size in self.cell.state_size]
        return scan(lambda row, now: self.cell(row, now, training=training), x, states, self.cell.output_size)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self.cell.output_size)

    def get_config(self):
        return {**super().get_config(), "cell": keras.saving.serialize_keras_object(self.cell)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "cell": keras.saving.deserialize_keras_object(config["cell"])})


@keras.saving.register_keras_serializable("tfgen")
class BidirectionalLSTM(layers.Layer):
    """Two LSTMs, from the first step and from the last: (n, steps, k) -> (n, steps, 2 width), in one loop.

    Args:
        width: units of each.
    """

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.cells = [layers.LSTMCell(width), layers.LSTMCell(width)]

    def build(self, input_shape):
        for cell in self.cells:
            if not cell.built:  # as those of a configuration are
                cell.build((input_shape[0], input_shape[2]))

    def call(self, x, training=False):
        def step(row, states):
            parts, found = tf.split(row, 2, axis=1), []
            for cell, part, now in zip(self.cells, parts, (states[:2], states[2:])):
                found.append(cell(part, now, training=training))
            (left, after), (right, before) = found
            return tf.concat([left, right], axis=1), [*after, *before]

        zero = tf.repeat(tf.zeros_like(x[:, 0, :1]), self.width, axis=1)
        both = tf.concat([x, tf.reverse(x, [1])], axis=2)
        left, right = tf.split(scan(step, both, [zero] * 4, 2 * self.width), 2, axis=2)
        return tf.concat([left, tf.reverse(right, [1])], axis=2)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], 2 * self.width)

    def get_config(self):
        return {**super().get_config(), "width": self.width}
