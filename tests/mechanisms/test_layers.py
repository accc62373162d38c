"""Normalisation: what it normalises, and its derivatives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen import losses
from tfgen.layers import BatchNormalization, LayerNormalization, SpectralNormalization


def penalty_gradient(critic, real, fake):
    """The gradient penalty's derivative by one number that moves all weights, and by differences."""
    variables = [v.value for v in critic.trainable_variables]
    rng = np.random.default_rng(1)
    direction = [tf.constant(rng.normal(size=v.shape)) for v in variables]
    alpha = tf.constant(rng.uniform(size=(len(real), 1, 1, 1)))

    def penalty():
        return losses.gradient_penalty(lambda x: critic(x, training=True), real, fake, alpha)

    with tf.GradientTape() as tape:
        value = penalty()
    exact = sum(
        float(tf.reduce_sum(g * d))
        for g, d in zip(tape.gradient(value, variables), direction)
        if g is not None
    )
    ends = []
    for step in (1e-5, -2e-5):
        for v, d in zip(variables, direction):
            v.assign_add(step * d)
        ends.append(float(penalty()))
    return exact, (ends[0] - ends[1]) / 2e-5


def critic_of(layer, dtype="float64"):
    layers = [
        keras.layers.Conv2D(5, 3, dtype=dtype),
        layer(dtype=dtype),
        keras.layers.LeakyReLU(0.2, dtype=dtype),
        keras.layers.Flatten(dtype=dtype),
        keras.layers.Dense(1, dtype=dtype),
    ]
    critic = keras.Sequential([keras.Input((6, 6, 2), dtype=dtype), *layers])
    rng = np.random.default_rng(0)
    for v in critic.trainable_variables:
        v.assign(rng.normal(size=v.shape))
    return critic


IMAGES = np.random.default_rng(2).normal(size=(2, 4, 6, 6, 2))


@pytest.mark.parametrize("layer", [LayerNormalization, BatchNormalization])
def test_a_gradient_penalty_through_normalisation_has_the_gradient_of_finite_differences(layer):
    exact, differences = penalty_gradient(critic_of(layer), *tf.constant(IMAGES))
    assert exact == pytest.approx(differences, rel=1e-6)


def test_the_fused_kernel_has_the_same_second_derivatives():
    gradients = []
    for dtype in ("float32", "float64"):
        critic = critic_of(BatchNormalization, dtype)
        real, fake = tf.constant(IMAGES, dtype)
        with tf.GradientTape() as tape:
            penalty = losses.gradient_penalty(
                lambda x: critic(x, training=True),
                real,
                fake,
                tf.fill((4, 1, 1, 1), tf.cast(0.3, dtype)),
            )
        gradients.append(tape.gradient(penalty, critic.trainable_variables[:3]))
    for single, double in zip(*gradients):
        np.testing.assert_allclose(single, double, rtol=1e-3, atol=1e-3 * np.abs(double).max() + 1e-5)


def test_keras_own_layer_normalisation_has_another():
    """Why this library has its own; to be dropped with it when Keras is right."""
    critic = critic_of(lambda dtype: keras.layers.LayerNormalization(axis=(1, 2, 3), dtype=dtype))
    exact, differences = penalty_gradient(critic, *tf.constant(IMAGES))
    assert exact != pytest.approx(differences, rel=1e-3)


def test_layer_normalisation_is_each_image_s_own():
    layer = LayerNormalization()
    x = np.random.default_rng(0).normal(2, 3, (4, 5, 5, 3)).astype("float32")
    y = layer(x).numpy()
    np.testing.assert_allclose(y.mean((1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std((1, 2, 3)), 1, atol=1e-3)
    np.testing.assert_allclose(layer(x[:1]), y[:1], atol=1e-6)


@pytest.mark.parametrize("shape", [(64, 3), (16, 4, 4, 3)])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_batch_normalisation_equals_keras_own(shape, dtype):
    ours = BatchNormalization(momentum=0.9, epsilon=1e-3, dtype=dtype)
    theirs = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-3)
    tolerance = 1e-5 if dtype == "float32" else 3e-2
    x = np.random.default_rng(0).normal(2, 3, shape).astype("float32")
    for _ in range(3):
        np.testing.assert_allclose(
            tf.cast(ours(x, training=True), "float32"), theirs(x, training=True), atol=tolerance
        )
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(mine, other, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(
        tf.cast(ours(x, training=False), "float32"), theirs(x, training=False), atol=3 * tolerance
    )


def spectral(dtype="float32", layer=None):
    layer = SpectralNormalization(layer or keras.layers.Conv2D(5, 3, activation="relu", dtype=dtype))
    layer.build((None, 6, 6, 2))
    rng = np.random.default_rng(0)
    layer.layer.kernel.assign(rng.normal(size=layer.layer.kernel.shape))
    layer.layer.bias.assign(rng.normal(size=layer.layer.bias.shape))
    return layer


def matrix(layer):
    return layer.layer.kernel.numpy().reshape(-1, layer.layer.kernel.shape[-1])


@pytest.mark.parametrize("kind", ["convolution", "dense"])
def test_sigma_becomes_the_largest_singular_value(kind):
    layer = spectral(layer=keras.layers.Dense(7) if kind == "dense" else None)
    exact = np.linalg.svd(matrix(layer), compute_uv=False)[0]
    first = float(layer.sigma())
    for _ in range(100):
        layer.advance()
    assert first < 0.99 * exact
    assert float(layer.sigma()) == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_spectral_normalisation_divides_the_kernel_alone(dtype):
    layer = spectral(dtype)
    x = np.random.default_rng(1).normal(size=(3, 6, 6, 2)).astype("float32")
    before = layer.get_weights()
    y = layer(x, training=True)
    assert y.dtype == layer.compute_dtype
    for now, was in zip(layer.get_weights(), before):
        np.testing.assert_array_equal(now, was)  # a call changes nothing
    plain = keras.layers.Conv2D(5, 3, activation="relu")
    plain.build(x.shape)
    plain.kernel.assign(layer.layer.kernel / layer.sigma())
    plain.bias.assign(layer.layer.bias)
    np.testing.assert_allclose(tf.cast(y, "float32"), plain(x), atol=1e-5 if dtype == "float32" else 3e-2)


def kernel_slope(layer):
    """The gradient of a loss of the normalised layer along its own kernel."""
    x = tf.constant(np.random.default_rng(1).normal(size=(3, 6, 6, 2)), tf.float32)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(layer(x, training=True) ** 2)
    kernel = layer.layer.kernel
    return float(tf.reduce_sum(tape.gradient(value, kernel.value) * kernel)) / float(value)


def test_the_gradient_knows_sigma():
    """W / sigma(W) does not change with the size of W, so that the slope along W is zero (eq. 10)."""
    assert kernel_slope(spectral()) == pytest.approx(0, abs=1e-5)


def test_keras_own_spectral_normalisation_overwrites_the_kernel():
    """Why this library has its own; to be dropped with it when Keras is right."""
    layer = keras.layers.SpectralNormalization(keras.layers.Conv2D(5, 3, activation="relu"))
    layer.build((None, 6, 6, 2))
    before = layer.layer.kernel.numpy()
    assert abs(kernel_slope(layer)) > 0.1
    assert not np.allclose(before, layer.layer.kernel)
