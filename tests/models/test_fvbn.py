"""FVBN: its logits are the papers', and its rows come right however much their values hang together.

See also test_autoregressive.py.
"""

import keras
import numpy as np
import pytest
from autoregressive_cases import spread

from tfgen import random
from tfgen.models import FVBN


@pytest.mark.parametrize("levels", [2, 4])
def test_each_value_is_regressed_on_all_before_it(levels):
    model = spread(FVBN((3, 4, 2), levels=levels, seed=0))
    kernel, bias = (w.numpy() for w in model.trainable_variables)
    images = np.random.default_rng(0).random((5, 3, 4, 2)).astype("float32")
    x = images.reshape(5, 24)
    logits = np.zeros((5, 24, levels))
    for i in range(24):
        for k in range(1, levels):
            unit = i * (levels - 1) + k - 1
            logits[:, i, k] = bias[unit] + x[:, :i] @ kernel[:i, unit]
    np.testing.assert_allclose(model(images), logits.reshape(5, 3, 4, 2, levels), atol=1e-5)
    if levels == 2:
        x = np.round(x)  # as the likelihood sees them
        logits = model(x.reshape(5, 3, 4, 2)).numpy().reshape(5, 24, 2)[..., 1]
        p = 1 / (1 + np.exp(-logits.astype("float64")))
        want = np.log(np.where(x == 1, p, 1 - p)).sum(axis=1)
        np.testing.assert_allclose(model.log_prob(images), want, rtol=1e-5)


def test_the_loss_has_one_minimum_to_which_training_goes():
    """Of pairs of values the maximum of the likelihood is known: the frequencies."""
    rng = np.random.default_rng(0)
    first = rng.random(2000) < 0.3
    second = np.where(first, rng.random(2000) < 0.9, rng.random(2000) < 0.2)
    images = np.stack([first, second], axis=1).astype("float32").reshape(-1, 1, 2, 1)
    model = FVBN((1, 2, 1), seed=0)
    model.compile(keras.optimizers.SGD(4.0))
    for _ in range(50):
        model.train_on_batch(images)
    want = [np.mean(first == a) * np.mean(second[first == a] == b) for a in (0, 1) for b in (0, 1)]
    pairs = np.array([(a, b) for a in (0, 1) for b in (0, 1)], "float32").reshape(4, 1, 2, 1)
    np.testing.assert_allclose(np.exp(model.log_prob(pairs)), want, atol=1e-3)


@pytest.mark.parametrize("weight", [100.0, -100.0])
def test_values_that_each_hang_on_the_one_before_need_as_many_rounds_as_there_are(weight):
    """Each value is its left neighbour, or its opposite, with certainty; the first one is a coin."""
    model = FVBN((3, 8, 1), seed=0)
    kernel, bias = model.trainable_variables
    after = np.diag(np.ones(23), 1)
    kernel.assign(weight * after)
    bias.assign(np.append(0, np.full(23, -weight / 2)))
    images = model.sample_from(random.uniform(random.key(0), (20, 3, 8, 1))).numpy().reshape(20, 24)
    assert 0 < images[:, 0].mean() < 1
    flips = np.arange(24) % 2 if weight < 0 else np.zeros(24)
    np.testing.assert_array_equal(images, (images[:, :1] + flips) % 2)


def test_a_row_of_an_image_does_not_depend_on_the_others_of_the_batch():
    model = spread(FVBN((4, 5, 1), levels=3, seed=0))
    noise = random.uniform(random.key(0), (9, 4, 5, 1))
    images = model.sample_from(noise)
    np.testing.assert_array_equal(model.sample_from(noise[4:5]), images[4:5])
