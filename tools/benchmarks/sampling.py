"""Sampling from autoregressive models: each value's own work against the whole network's for each.

"cached" is `sample`, compiled by XLA, and "traced" the same without XLA; "forward" is one run of the
network over the batch, traced; "naive" runs the network over the batch for each value, as a traced loop:
its first values are timed and multiplied, as each step of the loop costs the same.

A new model adds a row to MODELS.
"""

import math

import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.models import (
    FVBN,
    MADE,
    NADE,
    GatedPixelCNN,
    MultiScalePixelRNN,
    PixelCNN,
    PixelCNNPlusPlus,
    PixelRNN,
)
from tools.benchmarks import ratio, take_turns

GREY, COLOUR = dict(image_shape=(28, 28, 1), levels=2), dict(image_shape=(32, 32, 3), levels=256)
PRIMARY = dict(COLOUR, levels=2)  # of models whose weights are one for each pair of values or level
MODELS = {  # name: (class, image, arguments)
    "FVBN 28x28x1, 2 levels": (FVBN, GREY, {}),
    "FVBN 32x32x3, 2 levels": (FVBN, PRIMARY, {}),
    "NADE 28x28x1, 2 levels, width 500": (NADE, GREY, dict(width=500)),
    "NADE 32x32x3, 2 levels, width 500": (NADE, PRIMARY, dict(width=500)),
    "MADE 28x28x1, 2 levels, width 2000": (MADE, GREY, dict(width=2000)),
    "MADE 32x32x3, 2 levels, width 2000": (MADE, PRIMARY, dict(width=2000)),
    "PixelCNN 28x28x1, 2 levels, width 32, depth 7": (PixelCNN, GREY, dict(width=32, depth=7)),
    "PixelCNN 32x32x3, 256 levels, width 48, depth 7": (PixelCNN, COLOUR, dict(width=48, depth=7, top=48)),
    "Gated PixelCNN 28x28x1, 2 levels, width 32, depth 7": (
        GatedPixelCNN, GREY, dict(width=32, depth=7)),
    "Gated PixelCNN 32x32x3, 256 levels, width 48, depth 7": (
        GatedPixelCNN, COLOUR, dict(width=48, depth=7, top=48)),
    "Row LSTM 28x28x1, 2 levels, width 16, depth 7": (PixelRNN, GREY, dict(width=16, depth=7, lstm="row")),
    "Row LSTM 32x32x3, 256 levels, width 48, depth 7": (
        PixelRNN, COLOUR, dict(width=48, depth=7, top=48, lstm="row")),
    "Diagonal BiLSTM 28x28x1, 2 levels, width 16, depth 7": (PixelRNN, GREY, dict(width=16, depth=7)),
    "Diagonal BiLSTM 32x32x3, 256 levels, width 48, depth 7": (
        PixelRNN, COLOUR, dict(width=48, depth=7, top=48)),
    "Multi-scale Row LSTM 28x28x1, 2 levels, width 16, depth 4": (
        MultiScalePixelRNN, GREY, dict(width=16, depth=4, lstm="row")),
    "Multi-scale Row LSTM 32x32x3, 256 levels, width 48, depth 4": (
        MultiScalePixelRNN, COLOUR, dict(width=48, depth=4, top=48, lstm="row")),
    "PixelCNN++ 28x28x1, 2 levels, width 24, a block each": (
        PixelCNNPlusPlus, GREY, dict(width=24, blocks=1, mixtures=5)),
    "PixelCNN++ 32x32x3, 256 levels, width 24, a block each": (
        PixelCNNPlusPlus, COLOUR, dict(width=24, blocks=1, mixtures=5)),
    "PixelCNN++ 32x32x3, 256 levels, width 64, two blocks each": (
        PixelCNNPlusPlus, COLOUR, dict(width=64, blocks=2, mixtures=5)),
}  # fmt: skip
VALUES = 6  # that the naive loop draws


def places(model):
    """Where the first values lie among all of an image."""
    if isinstance(model, MultiScalePixelRNN):
        return np.flatnonzero(model.in_small)[:VALUES]
    return np.arange(VALUES)


def naive(model):
    """A function that draws the first values of the images that noise (n, h, w, c) selects."""
    _, width, channels = model.image_shape
    place, order = tf.reshape(tf.range(math.prod(model.image_shape)), model.image_shape), places(model)

    def draw(k, images, noise):
        i = tf.gather(order, k)
        row, column, channel = i // (width * channels), i // channels % width, i % channels
        parameters = model(images)[:, row, column]
        noise_here = noise[:, row, column, channel]
        value = model.level(parameters, images[:, row, column], channel, noise_here, 1.0) / (model.levels - 1)
        return k + 1, tf.where(place == tf.cast(i, tf.int32), value[:, None, None, None], images), noise

    @tf.function
    def loop(noise):
        return tf.while_loop(lambda k, *_: k < VALUES, draw, (0, tf.zeros_like(noise), noise))[1]

    return loop


def run(batches=(1, 16, 64), models=MODELS):
    rows = []
    for name, (cls, image, arguments) in models.items():
        model = cls(**image, **arguments, seed=0)
        forward, traced, loop = tf.function(model.call), tf.function(model.sample_from), naive(model)
        for batch in batches:
            images = model.sample(batch, seed=0)
            noise = random.uniform(random.key(0), images.shape)
            first, same = (np.reshape(x, (batch, -1))[:, places(model)] for x in (loop(noise), images))
            assert (first == same).all(), name
            ways = {
                "cached": lambda: model.sample(batch, seed=0),
                "traced": lambda: traced(noise),
                "forward": lambda: forward(images),
                "naive": lambda: loop(noise),
            }
            times = take_turns(ways, rounds=12 if batch == 1 else 5, warm_up=1)
            steps = math.prod(model.image_shape) / VALUES
            times["naive"] = {key: round(steps * ms, 4) for key, ms in times["naive"].items()}
            rows.append(
                {
                    "model": name,
                    "batch": batch,
                    **times,
                    "naive_over_cached": ratio(times, "naive", "cached"),
                    "naive_over_traced": ratio(times, "naive", "traced"),
                    "cached_over_forward": ratio(times, "cached", "forward"),
                }
            )
            print(rows[-1], flush=True)
    return rows
