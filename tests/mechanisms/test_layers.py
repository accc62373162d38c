"""Normalisation: what it normalises, and its derivatives."""

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
import tf2onnx

from tfgen import losses, random
from tfgen.layers import (
    BatchNormalization,
    ConditionalBatchNormalization,
    EqualizedConv2D,
    EqualizedDense,
    InstanceNormalization,
    KeyedDropout,
    LayerNormalization,
    LocallyConnected2D,
    MinibatchDeviation,
    MinibatchDiscrimination,
    PixelNormalization,
    ReflectionPadding,
    SelfAttention,
    SpectralNormalization,
    advance,
)


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


@pytest.mark.parametrize("layer", [LayerNormalization, InstanceNormalization, BatchNormalization])
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


def test_instance_normalisation_is_each_channel_s_own():
    x = np.random.default_rng(0).normal(2, 3, (4, 5, 6, 3)).astype("float32")
    y = InstanceNormalization()(x).numpy()
    np.testing.assert_allclose(y.mean((1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std((1, 2)), 1, atol=1e-3)
    assert np.all(InstanceNormalization()(x[:, :1, :1]) == 0)


def test_reflection_padding_mirrors_without_the_border_twice():
    x = np.arange(24, dtype="float32").reshape(1, 4, 6, 1)
    padded = ReflectionPadding(2)(x)
    np.testing.assert_array_equal(padded[0, ..., 0], np.pad(x[0, ..., 0], 2, mode="reflect"))
    assert ReflectionPadding(3)(keras.Input((None, 8, 2))).shape == (None, None, 14, 2)


def test_keyed_dropout_by_the_row_s_key():
    x = tf.ones((400, 50))
    keys = random.row_keys(random.key(3), 400)
    y = KeyedDropout(0.3)(x, keys).numpy()
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.01)
    np.testing.assert_array_equal(KeyedDropout(0.3)(x[7:9], keys[7:9]), y[7:9])
    other = KeyedDropout(0.3, number=1)(x, keys).numpy()
    assert ((y == 0) & (other == 0)).mean() == pytest.approx(0.09, abs=0.01)  # independent
    assert ((y[1:] == 0) & (y[:-1] == 0)).mean() == pytest.approx(0.09, abs=0.01)
    assert ((y[:, 1:] == 0) & (y[:, :-1] == 0)).mean() == pytest.approx(0.09, abs=0.01)


def test_an_equalised_kernel_starts_as_he_s_and_moves_by_the_rate():
    """Of fan-in 9 x 16 the kernel in use has deviation sqrt(2 / 144) = 0.11785, that of Adam's first step
    (beta_1 = 0) is the rate times the constant, whatever the gradient."""
    keras.utils.set_random_seed(0)  # the deviation of 9216 draws is that within 0.7 %
    layer = EqualizedConv2D(64, 3)
    x = np.random.default_rng(0).normal(size=(2, 5, 5, 16)).astype("float32")
    layer(x)
    assert float(tf.math.reduce_std(layer.kernel)) == pytest.approx(1, rel=0.02)
    assert float(tf.math.reduce_std(layer.scaled())) == pytest.approx(0.11785, rel=0.02)
    plain = keras.layers.Conv2D(64, 3, padding="same")
    plain.build(x.shape)
    plain.kernel.assign(layer.scaled())
    np.testing.assert_allclose(layer(x), plain(x), atol=1e-4)
    before = layer.scaled().numpy()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x) ** 2)
    optimizer = keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99, epsilon=1e-8)
    optimizer.apply_gradients(zip(tape.gradient(loss, layer.trainable_variables), layer.trainable_variables))
    moved = np.abs(layer.scaled() - before)
    np.testing.assert_allclose(moved, 1e-3 * 0.11785, rtol=1e-2)


def test_an_equalised_dense_layer_by_hand():
    layer = EqualizedDense(3, gain=1.0)
    x = np.random.default_rng(0).normal(size=(2, 16)).astype("float32")
    y = layer(x)
    np.testing.assert_allclose(y, x @ layer.kernel.numpy() / 4, atol=1e-5)


def test_pixel_normalisation_has_mean_square_one_and_no_scale():
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 8)).astype("float32")
    y = PixelNormalization()(x).numpy()
    np.testing.assert_allclose((y**2).mean(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(PixelNormalization()(7 * x), y, atol=1e-5)


def test_minibatch_deviation_by_hand():
    a, b = np.random.default_rng(0).normal(size=(2, 1, 3, 3, 2)).astype("float32")
    layer = MinibatchDeviation()
    same = layer(np.concatenate([a] * 4))
    assert same.shape == (4, 3, 3, 3)
    np.testing.assert_allclose(same[..., 2], 0, atol=2e-4)
    pair = layer(np.concatenate([a, b]))
    np.testing.assert_array_equal(pair[..., :2], np.concatenate([a, b]))
    np.testing.assert_allclose(pair[..., 2], np.abs(a - b).mean() / 2, rtol=1e-5)


@pytest.mark.parametrize("n, size", [(8, 4), (6, 3), (5, 1), (2, 2), (12, 4)])
def test_groups_of_minibatch_deviation_divide_the_batch(n, size):
    x = np.random.default_rng(n).normal(size=(n, 2, 2, 3)).astype("float32")
    groups = x.reshape(size, n // size, 2, 2, 3)
    by_hand = np.tile(groups.std(0).mean((1, 2, 3)), size)
    call = tf.function(MinibatchDeviation(), input_signature=[tf.TensorSpec((None, 2, 2, 3))])
    np.testing.assert_allclose(call(x)[:, 0, 0, 3], by_hand, rtol=1e-4, atol=2e-4)


SHAPES = [dict(size=3), dict(size=3, strides=2, padding="same"), dict(size=2, strides=(2, 1), use_bias=False)]


def shared_weights(layer, convolution):
    """Gives each place of a locally connected layer the weights of a convolution."""
    kernel = convolution.kernel.numpy()
    layer.kernel.assign(np.broadcast_to(kernel.reshape(-1, kernel.shape[-1]), layer.kernel.shape))
    if layer.use_bias:
        layer.bias.assign(np.broadcast_to(convolution.bias, layer.bias.shape))


@pytest.mark.parametrize("how", SHAPES, ids=str)
def test_a_locally_connected_layer_with_one_kernel_is_a_convolution(how):
    x = np.random.default_rng(0).normal(size=(2, 7, 6, 3)).astype("float32")
    names = dict(size="kernel_size")
    convolution = keras.layers.Conv2D(4, **{names.get(name, name): value for name, value in how.items()})
    layer = LocallyConnected2D(4, **how)
    y = layer(x)
    want = convolution(x)
    assert y.shape == layer.compute_output_shape(x.shape) == want.shape
    places = y.shape[1] * y.shape[2]
    assert layer.count_params() == places * (how["size"] ** 2 * 3 * 4 + 4 * layer.use_bias)
    shared_weights(layer, convolution)
    np.testing.assert_allclose(layer(x), want, atol=1e-6)
    gradients = []
    for one in (layer, convolution):
        with tf.GradientTape() as tape:
            each = tf.constant(x)
            tape.watch(each)
            value = tf.reduce_sum(one(each) ** 3)
        gradients.append(tape.gradient(value, [each, one.kernel.value]))
    (dx, dk), (want_x, want_k) = gradients
    np.testing.assert_allclose(dx, want_x, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(tf.reduce_sum(dk, (0, 1)), np.reshape(want_k, (-1, 4)), rtol=1e-4, atol=1e-3)


def test_a_locally_connected_layer_is_a_loop_over_places():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 7, 6, 3)).astype("float32")
    layer = LocallyConnected2D(4, 3, strides=2)
    layer.build(x.shape)
    layer.bias.assign(rng.normal(size=layer.bias.shape))
    y, (kernel, bias) = layer(x).numpy(), layer.get_weights()
    for i, j in np.ndindex(*y.shape[1:3]):
        patch = x[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].reshape(2, -1)
        np.testing.assert_allclose(y[:, i, j], patch @ kernel[i, j] + bias[i, j], atol=1e-5)


def test_a_place_of_a_locally_connected_layer_learns_alone():
    """The gradient of an output moves the kernel of its place; a kernel starts by the fans of a place."""
    keras.utils.set_random_seed(0)
    layer = LocallyConnected2D(8, 3, padding="same")
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 4)).astype("float32")
    layer.build(x.shape)
    assert np.abs(layer.kernel).max() == pytest.approx((6 / (9 * (4 + 8))) ** 0.5, rel=1e-2)
    with tf.GradientTape() as tape:
        one = tf.reduce_sum(layer(x)[:, 2, 3])
    moved = np.abs(tape.gradient(one, layer.kernel.value)).max((2, 3))
    assert moved[2, 3] > 0 and np.count_nonzero(moved) == 1


def test_locally_connected_layers_and_minibatch_discrimination_run_in_onnx_and_xla(tmp_path):
    x = np.random.default_rng(0).normal(size=(5, 7, 6, 3)).astype("float32")
    network = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            LocallyConnected2D(4, 3, strides=2, padding="same"),
            keras.layers.Flatten(),
            MinibatchDiscrimination(3, 2),
        ]
    )
    want = network(x).numpy()
    np.testing.assert_allclose(tf.function(network, jit_compile=True)(x), want, atol=1e-5)
    spec = [tf.TensorSpec((None, *x.shape[1:]), name="x")]
    proto, _ = tf2onnx.convert.from_function(tf.function(network, input_signature=spec), spec)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    np.testing.assert_allclose(session.run(None, {"x": x})[0], want, atol=1e-5)


@pytest.mark.parametrize("include_self", [True, False])
def test_minibatch_discrimination_by_hand(include_self):
    """n equal rows see n of them, or the other n - 1; two rows at the distance d see exp(-d)."""
    layer = MinibatchDiscrimination(2, 3, include_self)
    x = np.random.default_rng(0).normal(size=(2, 5)).astype("float32")
    same = layer(np.repeat(x[:1], 4, axis=0))
    np.testing.assert_allclose(same, np.full((4, 2), 4 - (not include_self)), atol=1e-6)
    np.testing.assert_allclose(layer(x[:1]), np.full((1, 2), include_self))
    m = (x @ layer.kernel.numpy()).reshape(2, 2, 3)
    near = np.exp(-np.abs(m[0] - m[1]).sum(-1)) + include_self
    np.testing.assert_allclose(layer(x), [near, near], rtol=1e-5)


def test_minibatch_discrimination_follows_the_order_of_its_batch():
    layer = MinibatchDiscrimination(4, 3)
    x = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    y, order = layer(x).numpy(), [3, 1, 5, 0, 4, 2]
    np.testing.assert_allclose(layer(x[order]), y[order], rtol=1e-5)
    assert not np.allclose(layer(x[:3]), y[:3])


def test_normalisation_is_what_its_configuration_says():
    for layer, names in (
        (BatchNormalization(momentum=0.5, epsilon=0.1), ("momentum", "epsilon")),
        (LayerNormalization(epsilon=0.1), ("epsilon",)),
        (BatchNormalization(affine=False), ("affine",)),
        (ConditionalBatchNormalization(0.5, 0.1, spectral=True), ("momentum", "epsilon", "spectral")),
        (SelfAttention(spectral=True), ("spectral",)),
    ):
        copy = type(layer).from_config(layer.get_config())
        assert [getattr(copy, name) for name in names] == [getattr(layer, name) for name in names]


def test_batch_normalisation_without_gain_and_bias_learns_nothing():
    plain, with_both = BatchNormalization(affine=False), BatchNormalization()
    x = tf.constant(IMAGES[0], tf.float32)
    for training in (True, False):
        np.testing.assert_allclose(plain(x, training=training), with_both(x, training=training), atol=1e-6)
    assert plain.trainable_variables == [] and len(plain.weights) == 2


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("shape", [(64, 3), (16, 4, 4, 3)])
def test_conditional_normalisation_is_keras_own_with_a_gain_and_a_bias_of_the_condition(shape, dtype):
    ours = ConditionalBatchNormalization(momentum=0.8, epsilon=1e-3, dtype=dtype)
    theirs = keras.layers.BatchNormalization(momentum=0.8, epsilon=1e-3)
    rng, tolerance = np.random.default_rng(0), 1e-5 if dtype == "float32" else 0.2
    y = rng.normal(size=(shape[0], 5)).astype("float32")
    ours.build(shape, y.shape)
    gain, bias = (np.reshape(y @ linear.kernel.numpy(), (shape[0], *[1] * (len(shape) - 2), 3))
                  for linear in (ours.gain, ours.bias))  # fmt: skip
    for _ in range(3):
        x = rng.normal(2, 3, shape).astype("float32")
        got = tf.cast(ours(x, y, training=True), "float32")
        np.testing.assert_allclose(got, theirs(x, training=True) * (1 + gain) + bias, atol=tolerance)
    for mine, other in zip((ours.normal.mean, ours.normal.variance), theirs.weights[2:], strict=True):
        np.testing.assert_allclose(mine, other, rtol=max(1e-5, tolerance / 10))
    got = tf.cast(ours(x, y), "float32").numpy()
    np.testing.assert_allclose(got, theirs(x) * (1 + gain) + bias, atol=3 * tolerance)
    # In use, an example's output is a matter of its own condition alone; without one gain is 1, bias 0.
    np.testing.assert_allclose(tf.cast(ours(x[:2], y[:2]), "float32"), got[:2], atol=tolerance)
    np.testing.assert_allclose(tf.cast(ours(x, 0 * y), "float32"), theirs(x), atol=3 * tolerance)


def test_self_attention_is_keras_own_over_places():
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 16)).astype("float32")
    layer = SelfAttention()
    np.testing.assert_array_equal(layer(x), x)  # at the start, whose scale is 0
    layer.scale.assign(0.7)
    query, key, value = (linear(x) for linear in (layer.query, layer.key, layer.value))
    assert [part.shape[-1] for part in (query, key, value)] == [2, 2, 8]
    pool, flat = keras.layers.MaxPooling2D(), lambda maps: tf.reshape(maps, (2, -1, maps.shape[-1]))
    seen = keras.layers.Attention()([flat(query), flat(pool(value)), flat(pool(key))])
    np.testing.assert_allclose(layer(x), x + 0.7 * layer.out(tf.reshape(seen, (2, 4, 6, 8))), atol=1e-5)
    assert layer(keras.Input((None, None, 16))).shape == (None, None, None, 16)


def test_attention_in_parts_is_attention_with_its_gradients(monkeypatch):
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 4, 6, 16)), tf.float32)
    layer = SelfAttention(spectral=True)
    layer.build(x.shape)
    layer.scale.assign(0.7)
    found = []
    for places in (1024, 5):  # one part of 24 places, or four
        monkeypatch.setattr("tfgen.layers.ATTENDED", places)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x) ** 3)
        found.append([loss, *tape.gradient(loss, [x, *layer.trainable_variables])])
    for one, parts in zip(*found):
        np.testing.assert_allclose(parts, one, rtol=1e-4, atol=1e-4)
        assert np.abs(one).max() > 0.1


def test_a_place_of_all_weight_is_what_attention_sees():
    """Logits of +-30 leave one place: each place then adds the value of the largest key, by hand."""
    x = np.zeros((1, 4, 4, 2), "float32")
    x[0, 3, 0] = 6.0, 5.0  # channel 0 is the key, of the lower left four places; channel 1 the value
    x[0, ..., 0] += 5.0  # the query of all
    layer = SelfAttention()
    layer.build(x.shape)
    for linear, kernel in ((layer.query, [1, 0]), (layer.key, [1, 0]), (layer.value, [0, 1])):
        linear.kernel.assign(np.reshape(kernel, (1, 1, 2, 1)))
    layer.out.kernel.assign(np.reshape([0.0, 1.0], (1, 1, 1, 2)))
    layer.scale.assign(2.0)
    np.testing.assert_allclose(layer(x)[0, ..., 1] - x[0, ..., 1], 2 * 5.0, rtol=1e-5)


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
