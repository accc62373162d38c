"""Sampling from PixelCNN: one pixel's work for each pixel against the whole network's.

"cached" is `sample`; "forward" is one run of the network over the batch, traced; "naive" runs the
network over the batch for each pixel, as a traced loop: one row of pixels is timed, and multiplied
by the number of rows, as each step of the loop costs the same.
"""

import tensorflow as tf

from tfgen import random
from tfgen.models import PixelCNN
from tfgen.models.autoregressive.base import inverse_cdf
from tools.benchmarks import ratio, take_turns

MODEL = dict(image_shape=(28, 28, 1), levels=2, width=32, depth=7)
ROWS, COLUMNS = 28, 28


def naive_row(model):
    """A function that draws the first row of the images that noise (n, 28, 28, 1) selects."""
    pixel = tf.reshape(tf.range(ROWS * COLUMNS), (ROWS, COLUMNS, 1))

    def draw(i, images, noise):
        row, column = i // COLUMNS, i % COLUMNS
        level = inverse_cdf(model(images)[:, row, column, 0], noise[:, row, column, 0])
        return i + 1, tf.where(pixel == i, level[:, None, None, None], images), noise

    @tf.function
    def loop(noise):
        return tf.while_loop(lambda i, *_: i < COLUMNS, draw, (0, tf.zeros_like(noise), noise))[1]

    return loop


def run(batches=(1, 16, 64)):
    model = PixelCNN(**MODEL, seed=0)
    forward, row = tf.function(model.call), naive_row(model)
    rows = []
    for batch in batches:
        images = model.sample(batch, seed=0)
        noise = random.uniform(random.key(0), (batch, ROWS, COLUMNS, 1))
        assert bool(tf.reduce_all(row(noise)[:, 0] == images[:, 0]))
        ways = {
            "cached": lambda: model.sample(batch, seed=0),
            "forward": lambda: forward(images),
            "naive": lambda: row(noise),
        }
        times = take_turns(ways, rounds=20 if batch == 1 else 8, warm_up=1)
        times["naive"] = {name: round(ROWS * ms, 4) for name, ms in times["naive"].items()}
        rows.append(
            {
                "model": "PixelCNN 28x28x1, 2 levels, width 32, depth 7",
                "batch": batch,
                **times,
                "naive_over_cached": ratio(times, "naive", "cached"),
                "cached_over_forward": ratio(times, "cached", "forward"),
            }
        )
    return rows
