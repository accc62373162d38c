"""Spectral normalisation: by which number it divides, its gradient, and whom power iteration reaches."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen.layers import ConditionalBatchNormalization, SelfAttention, SpectralNormalization, advance


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


@pytest.mark.parametrize("units", [3, 40])  # the kernel of 7 inputs is smaller than 16 of them, and larger
def test_the_kernel_or_its_input_is_divided_alike(units):
    layer = SpectralNormalization(keras.layers.Dense(units, activation="relu"))
    layer.build((None, 7))
    rng = np.random.default_rng(0)
    kernel, bias = (
        rng.normal(size=v.shape).astype("float32") for v in (layer.layer.kernel, layer.layer.bias)
    )
    layer.layer.kernel.assign(kernel)
    layer.layer.bias.assign(bias)
    x = tf.constant(rng.normal(size=(5, 7)), tf.float32)
    by_hand = np.maximum(0, x @ kernel / float(layer.sigma()) + bias)
    np.testing.assert_allclose(layer(x), by_hand, rtol=1e-5, atol=1e-5)
    layer.layer.bias.assign(0 * bias)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(layer(x) ** 2)
    slope = tf.reduce_sum(tape.gradient(value, layer.layer.kernel.value) * kernel)
    assert float(slope) / float(value) == pytest.approx(0, abs=1e-5)


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


def test_power_iteration_reaches_nested_layers():
    """In a Sequential within a functional network within another; each one exactly once."""
    inner = keras.Sequential([keras.Input((6,)), SpectralNormalization(keras.layers.Dense(5))])
    x = keras.Input((6,))
    middle = keras.Model(x, SpectralNormalization(keras.layers.Dense(3))(inner(x)))
    network = keras.Sequential([keras.Input((6,)), middle])
    normal = [inner.layers[0], middle.layers[-1]]
    wanted = []
    for layer in normal:
        kernel, u = layer.layer.kernel.numpy(), layer.u.numpy()
        u = kernel.T @ (kernel @ u)
        wanted.append(u / np.linalg.norm(u))
    advance(network)
    for layer, u in zip(normal, wanted):
        np.testing.assert_allclose(layer.u, u, atol=1e-5)


@pytest.mark.parametrize("kind", [ConditionalBatchNormalization, SelfAttention])
def test_power_iteration_reaches_the_maps_inside_of_a_layer(kind):
    x, y = keras.Input((4, 4, 8)), keras.Input((3,))
    layer = kind(spectral=True)
    given = [x, y] if kind is ConditionalBatchNormalization else [x]
    network = keras.Model(given, layer(*given))
    linear = [one for one in layer._flatten_layers() if isinstance(one, SpectralNormalization)]
    assert len(linear) == (2 if kind is ConditionalBatchNormalization else 4)
    for one in linear:
        one.layer.kernel.assign(np.random.default_rng(0).normal(size=one.layer.kernel.shape))
    for _ in range(100):
        advance(network)
    for one in linear:
        assert float(one.sigma()) == pytest.approx(np.linalg.norm(matrix(one), 2), rel=1e-3)
