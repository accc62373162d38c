"""A locally connected layer, with its gradient, against a loop over its places, and a convolution."""

import keras
import numpy as np
import tensorflow as tf

from tfgen.layers import LocallyConnected2D
from tools.benchmarks import ratio, take_turns

BATCH = 100
LAYERS = {  # those of LAGAN at width 64: shape of the input, filters, size, strides
    "14x14x64, 6 filters of 5x5": ((14, 14, 64), 6, 5, 1),
    "25x25x32, 8 filters of 5x5, stride 2": ((25, 25, 32), 8, 5, 2),
    "28x28x6, 6 filters of 3x3": ((28, 28, 6), 6, 3, 1),
}


def by_loop(layer, x):
    """What the layer gives, place by place."""
    (height, width), (s, t), size = layer.bias.shape[:2], layer.strides, layer.size
    flat = keras.layers.Flatten()
    rows = [
        tf.stack(
            [
                tf.matmul(flat(x[:, s * i : s * i + size, t * j : t * j + size]), layer.kernel[i, j])
                for j in range(width)
            ],
            axis=1,
        )
        for i in range(height)
    ]
    return tf.stack(rows, axis=1) + layer.bias


def learning(function, x, variables):
    """A call of `function`(x) and the gradient of its sum of squares."""

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_sum(function(x) ** 2)
        return tape.gradient(value, [x, *(v.value for v in variables)])[0]

    return step


def run():
    rows = []
    for name, (shape, filters, size, strides) in LAYERS.items():
        x = tf.constant(np.random.default_rng(0).normal(size=(BATCH, *shape)).astype("float32"))
        layer = LocallyConnected2D(filters, size, strides)
        convolution = keras.layers.Conv2D(filters, size, strides)
        layer(x), convolution(x)
        np.testing.assert_allclose(layer(x), by_loop(layer, x), atol=1e-4)
        ways = {
            "tfgen": learning(layer, x, layer.weights),
            "loop": learning(lambda x, layer=layer: by_loop(layer, x), x, layer.weights),
            "convolution": learning(convolution, x, convolution.weights),
        }
        times = take_turns(ways, rounds=20)
        rows.append({"layer": name, "batch": BATCH, **times, **ratio(times, "tfgen", "loop")})
        print(rows[-1], flush=True)
    return rows
