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


@pytest.mark.parametrize("scale", [1.0, 5.0, 20.0])  # the last: far outside of the image, scales at an end
@pytest.mark.parametrize("levels", [2, 3, 256])
def test_levels_are_drawn_with_the_probabilities_of_the_likelihood(levels, scale):
    pixel = np.random.default_rng(1).integers(0, levels, (1, 3)).astype("float32") / (levels - 1)
    noise = (np.arange(20_000, dtype="float32") + 0.5) / 20_000
    for case in range(5):
        given = parameters(1, 3, scale=scale, seed=case)
        for channel in range(3):
            every = np.repeat(pixel, levels, axis=0)
            every[:, channel] = np.arange(levels) / (levels - 1)
            nats = mixture.log_likelihood(tf.repeat(given, levels, axis=0), every, levels)[:, channel]
            want = np.exp(np.float64(nats))
            # Far outside, a channel's nats are the difference of two of some thousands.
            assert abs(want.sum() - 1) < (1e-3 if scale == 20 else 2e-5)
            given_to_all, pixels = (tf.repeat(one, len(noise), axis=0) for one in (given, pixel))
            drawn = mixture.level(given_to_all, pixels, tf.constant(channel), levels, noise, 1.0)
            assert (np.diff(drawn) >= 0).all()  # it is the inverse of a distribution function
            got = np.bincount(drawn.numpy().astype(int), minlength=levels) / len(noise)
            np.testing.assert_allclose(got, want / want.sum(), atol=2e-4)


def test_a_temperature_is_of_the_weights_and_the_scales():
    given = parameters(1, 3)
    k, t = 3, 0.5
    log_weights, rest = given[:, :k], tf.reshape(given[:, k:], (1, k, 9))
    cold = tf.concat([rest[..., :3], rest[..., 3:6] + math.log(t), rest[..., 6:]], axis=-1)
    cold = tf.concat([log_weights / t, tf.reshape(cold, (1, -1))], axis=-1)
    pixels = np.random.default_rng(1).uniform(size=(500, 3)).astype("float32")
    noise = np.random.default_rng(2).uniform(size=500).astype("float32")
    for channel in range(3):
        one, other = (
            mixture.level(tf.repeat(p, 500, axis=0), pixels, channel, 256, noise, by)
            for p, by in ((given, t), (cold, 1.0))
        )
        assert np.abs(one - other).max() <= 1  # where rounding decides
        assert np.mean(one != other) < 0.01
    coldest = mixture.level(tf.repeat(given, 500, axis=0), pixels, 0, 256, noise, 0.0).numpy()
    best = int(np.argmax(given[0, :k]))
    level = np.rint((np.clip(rest[0, best, 0], -1, 1) + 1) / 2 * 255)
    assert (np.abs(coldest - level) <= 1).all()


def test_later_channels_make_no_difference():
    pixels, noise = np.full((50, 3), 0.5, "float32"), np.linspace(0.01, 0.99, 50, dtype="float32")
    given = tf.repeat(parameters(1, 3), 50, axis=0)
    other = pixels + np.array([0.0, 0.25, 0.5], "float32")
    for channel, same in ((0, True), (1, True), (2, False)):
        pair = [mixture.level(given, x, channel, 9, noise, 1.0).numpy() for x in (pixels, other)]
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
    for temperature in (1.0, 0.0):
        drawn = mixture.level(given, pixels, 0, 3, tf.fill([6], 0.5), temperature).numpy()
        assert set(drawn) <= {0, 1, 2}


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
    assert nats.dtype == tf.float32
    np.testing.assert_array_equal(nats, mixture.log_likelihood(tf.cast(given, tf.float32), pixels, 256))
