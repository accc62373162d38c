"""The discretised logistic mixture: its numbers, its sums, and its tails."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfgen.models.autoregressive import logistic_mixture as mixture


def parameters(n, channels, components=3, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return tf.constant(scale * rng.normal(size=(n, components * mixture.size(channels))), tf.float32)


def in_float64(parameters, pixel, levels):
    """log p(pixel) as the paper's equations say it, of one pixel, in double precision."""
    parameters, x = np.float64(parameters), 2 * np.float64(pixel) - 1
    channels = len(x)
    k = len(parameters) // mixture.size(channels)
    weights, total = np.exp(parameters[:k]), 0
    for weight, rest in zip(weights / weights.sum(), parameters[k:].reshape(k, -1)):
        means, scales = rest[:channels], np.exp(np.clip(rest[channels : 2 * channels], -7, 7))
        coefficients = list(np.tanh(rest[2 * channels :]))
        for channel in range(channels):
            mean = means[channel] + sum(coefficients.pop(0) * x[before] for before in range(channel))
            ends = (x[channel] + np.array([-1, 1]) / (levels - 1) - mean) / scales[channel]
            low, high = 1 / (1 + np.exp(-ends))
            low, high = (0 if pixel[channel] == 0 else low), (1 if pixel[channel] == 1 else high)
            weight = weight * (high - low)
        total += weight
    return np.log(total)


@pytest.mark.parametrize("levels", [2, 5, 256])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_likelihood_is_that_of_the_equations(channels, levels):
    given = parameters(40, channels)
    level = np.random.default_rng(1).integers(0, levels, (40, channels))
    level[:4] = np.array([0, levels - 1, 0, levels - 1])[:, None]
    pixels = (level / (levels - 1)).astype("float32")
    got = tf.reduce_sum(mixture.log_likelihood(given, pixels, levels), axis=-1)
    want = [in_float64(p, x, levels) for p, x in zip(given.numpy(), pixels)]
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "scale", [1.0, 5.0, 20.0]
)  # the last: far outside of the image, all log scales at an end
@pytest.mark.parametrize("levels", [2, 3, 256])
def test_levels_have_the_probabilities_of_the_likelihood_and_these_sum_to_one(levels, scale):
    given = parameters(30, 3, scale=scale)
    pixels = np.random.default_rng(1).integers(0, levels, (30, 3)).astype("float32") / (levels - 1)
    for channel in range(3):
        logits = mixture.level_logits(given, pixels, tf.constant(channel), levels).numpy()
        np.testing.assert_allclose(np.exp(np.float64(logits)).sum(axis=1), 1, atol=1e-5)
        for level in {0, 1, levels // 2, levels - 2, levels - 1}:
            changed = pixels.copy()
            changed[:, channel] = level / (levels - 1)
            want = mixture.log_likelihood(given, changed, levels)[:, channel].numpy()
            likely = want > -60  # float32 has no logits below -85; the likelihood goes on
            np.testing.assert_allclose(logits[likely, level], want[likely], rtol=1e-4, atol=5e-4)
            assert (logits[~likely, level] < -59).all()


def test_later_channels_make_no_difference():
    given, pixels = parameters(5, 3), np.full((5, 3), 0.5, "float32")
    other = pixels + np.array([0.0, 0.25, 0.5], "float32")
    for channel, same in ((0, True), (1, True), (2, False)):
        pair = [mixture.level_logits(given, x, channel, 9).numpy() for x in (pixels, other)]
        assert np.array_equal(*pair) == same


@pytest.mark.parametrize("mean", [-1e4, -1.0, 0.0, 1.0, 1e4])
@pytest.mark.parametrize("log_scale", [-100.0, -7.0, 0.0, 7.0, 100.0])
def test_value_and_gradient_are_finite_at_the_borders_and_far_beyond(mean, log_scale):
    given = np.zeros((2, mixture.size(1)), "float32")
    given[:, 1], given[:, 2] = mean, log_scale
    given = tf.constant(np.repeat(given, 3, axis=0))
    pixels = tf.constant([[0.0], [0.5], [1.0]] * 2)
    with tf.GradientTape() as tape:
        tape.watch(given)
        nats = mixture.log_likelihood(given, pixels, 3)
    assert np.isfinite(nats).all() and (nats.numpy() <= 1e-6).all()
    assert np.isfinite(tape.gradient(nats, given)).all()
    assert np.isfinite(mixture.level_logits(given, pixels, 0, 3)).all()


def test_the_tail_keeps_its_slope():
    """Far from the mean log P falls by |x - mean| / sigma, which float32's eq. 2 would have as log 0."""
    given = tf.constant([[0.0, -1.0, math.log(0.01)]])
    high, higher = (
        mixture.log_likelihood(given, tf.constant([[x]]), 256)[0, 0] for x in (200 / 255, 210 / 255)
    )
    np.testing.assert_allclose(high - higher, 2 * (10 / 255) / 0.01, rtol=1e-4)


def test_half_precision_parameters_are_widened():
    given = tf.cast(parameters(8, 3), tf.bfloat16)
    pixels = tf.ones((8, 3))
    nats = mixture.log_likelihood(given, pixels, 256)
    assert nats.dtype == mixture.level_logits(given, pixels, 0, 256).dtype == tf.float32
    np.testing.assert_array_equal(nats, mixture.log_likelihood(tf.cast(given, tf.float32), pixels, 256))
