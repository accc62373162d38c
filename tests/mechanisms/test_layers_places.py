"""Layers that know places, or the examples beside one: locally connected, attention, minibatch statistics."""

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
import tf2onnx

from tfgen.layers import (
    CropBoxes,
    LocallyConnected2D,
    MinibatchDeviation,
    MinibatchDiscrimination,
    PasteBoxes,
    PointMaps,
    SelfAttention,
)


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
    mean = MinibatchDiscrimination(2, 3, include_self, average=True)
    mean.build(x.shape)
    mean.set_weights(layer.get_weights())
    np.testing.assert_allclose(mean(x), [near / 2, near / 2], rtol=1e-5)


def test_minibatch_discrimination_follows_the_order_of_its_batch():
    layer = MinibatchDiscrimination(4, 3)
    x = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    y, order = layer(x).numpy(), [3, 1, 5, 0, 4, 2]
    np.testing.assert_allclose(layer(x[order]), y[order], rtol=1e-5)
    assert not np.allclose(layer(x[:3]), y[:3])


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
        monkeypatch.setattr("tfgen.layers.places.ATTENDED", places)
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


BOX = np.float32([[[0.25, 0.5, 0.5, 0.25]], [[0.0, 0.0, 1.0, 1.0]]])


def test_what_is_pasted_lies_in_its_box_and_nowhere_else():
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    made = [PasteBoxes()(maps, BOX).numpy() for maps in (x, 1 + 0 * x)]
    assert made[0].shape == (2, 1, 8, 8, 3)
    canvas, ones = (part[:, 0] for part in made)
    outside = np.ones((8, 8), bool)
    outside[2:6, 4:6] = False
    assert (canvas[0][outside] == 0).all() and (np.abs(canvas[0][~outside]) > 0).all()
    np.testing.assert_allclose(ones[0][~outside], 1, rtol=1e-6)
    np.testing.assert_allclose(canvas[1], x[1], atol=1e-6)  # all of the image
    # A pixel of half the height is the mean of two rows, of a quarter of the width of the inner two of four.
    np.testing.assert_allclose(canvas[0, 2, 4], x[0, :2, 1:3].mean((0, 1)), rtol=1e-4)


def test_cropping_is_the_inverse_of_pasting():
    """Of what is linear, up to the half pixel at the rim, where there is nothing to lie between."""
    rows, columns = np.meshgrid(np.arange(16.0), np.arange(16.0), indexing="ij")
    x = np.float32(np.stack([rows, columns, 0 * rows + 3], -1))[None]
    boxes = np.float32([[[0.25, 0.5, 0.5, 0.25], [0.125, 0.0, 0.75, 0.5]]])
    again = CropBoxes()(PasteBoxes()(x, boxes), boxes).numpy()
    for k in range(2):
        np.testing.assert_allclose(again[0, k, 3:-3, 3:-3], x[0, 3:-3, 3:-3], atol=1e-4)
    # Of the affine maps of a spatial transformer: (s, t) is undone by (1 / s, -t / s).
    u = np.linspace(0.1, 0.9, 5)
    for top, height in ((0.25, 0.5), (0.1, 0.8)):
        s, t = height, 2 * top + height - 1  # of coordinates in [-1, 1]
        np.testing.assert_allclose((s * (2 * u - 1) + t) / s - t / s, 2 * u - 1, atol=1e-6)
        np.testing.assert_allclose((s * (2 * u - 1) + t + 1) / 2, top + height * u, atol=1e-6)


def test_a_crop_enlarges_what_is_in_the_box():
    x = np.zeros((1, 8, 8, 1), np.float32)
    x[0, 4:, :2] = 1
    for box, want in (([0.5, 0, 0.5, 0.25], 1), ([0, 0, 0.5, 1], 0), ([0.5, 0.25, 0.5, 0.75], 0)):
        made = CropBoxes((4, 6))(x, np.float32([[box]])).numpy()
        assert made.shape == (1, 1, 4, 6, 1)
        np.testing.assert_allclose(made[0, 0, 1:-1, 1:-1], want, atol=1e-6)


def test_each_point_has_a_map_of_its_own():
    points = np.float32([[[0.1, 0.9, 1], [0.5, 0.5, 0], [1.0, 1.0, 1]]])
    maps = PointMaps((4, 8))(points).numpy()
    assert maps.shape == (1, 4, 8, 3)
    assert [tuple(place) for place in np.argwhere(maps[0])] == [(0, 7, 0), (3, 7, 2)]
    turned = PointMaps((4, 8))(points[:, [2, 0, 1]]).numpy()
    np.testing.assert_array_equal(turned, maps[..., [2, 0, 1]])
