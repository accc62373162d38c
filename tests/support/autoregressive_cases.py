"""What tests of autoregressive models share: weights far from their start, and what depends on what."""

import itertools

import numpy as np
import tensorflow as tf

BINARY = np.array(list(itertools.product((0, 1), repeat=6)), "float32").reshape(64, 2, 3, 1)


def spread(model, scale=0.25, seed=1):
    """The model, with weights large enough for its distribution to be far from uniform."""
    rng = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign_add(scale * rng.normal(size=weight.shape).astype("float32"))
    return model


def labels_for(model, n):
    """{"labels": n of them} of a conditional model, else {}."""
    if model.label_spec is None:
        return {}
    return {"labels": tf.constant(np.arange(n) % model.classes, tf.int32)}


def assert_distributed(images, probability):
    """Chi-square: how often each of BINARY occurs among the images, against its probability."""
    code = np.asarray(images).reshape(len(images), 6) @ 2 ** np.arange(5, -1, -1)
    counts = np.bincount(code.astype(int), minlength=64)
    expected = len(images) * probability
    assert counts[expected == 0].sum() == 0
    rare = expected < 5
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], max(expected[rare].sum(), 1e-9))
    freedom = len(counts) - 1
    assert freedom > 5
    assert ((counts - expected) ** 2 / expected).sum() < freedom + 4 * np.sqrt(2 * freedom)


def sensitivity(model):
    """Whether the distribution of value i changes with value k of the image: (values, values).

    Seen with any of three sets of weights, which are left in the model: with the first nothing
    cancels and no rectified unit is off, with the others none is saturated.
    """
    height, width, channels = model.image_shape
    rng, seen = np.random.default_rng(3), False
    start = [weight.numpy() for weight in model.trainable_variables]
    for draw in range(3):
        for weight, value in zip(model.trainable_variables, start):
            value = value + 0.1 * rng.normal(size=value.shape)
            weight.assign(0.5 * np.abs(value) + 0.01 if draw == 0 else value)
        # One image for each value, and of each image the gradient of log p(highest level) of that value.
        x = tf.constant(rng.uniform(0.2, 0.8, (1, *model.image_shape)), tf.float32)
        x = tf.repeat(x, height * width * channels, axis=0)
        labels = {name: tf.repeat(label, len(x)) for name, label in labels_for(model, 1).items()}
        with tf.GradientTape() as tape:
            tape.watch(x)
            parameters = model(x, **labels)
            parameters = tf.reshape(parameters, (-1, *parameters.shape[3:]))
            pixels = tf.reshape(x, (-1, channels))
            nats = []
            for channel in range(channels):
                white = tf.concat([pixels[:, :channel], tf.ones_like(pixels[:, channel:])], axis=1)
                nats.append(model.log_likelihood(parameters, white)[:, channel])
            nats = tf.linalg.diag_part(tf.reshape(tf.stack(nats, axis=1), (len(x), len(x))))
        seen |= tf.reshape(tape.gradient(nats, x), (len(x), len(x))).numpy() != 0
    return seen
