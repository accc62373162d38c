"""Feature networks: their maps, what is kept out of a model, what they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.applications import vgg19

from tfgen import features
from tfgen.errors import InputError
from tfgen.metrics.pairs import feature_distance

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(-1, 1, (2, 12, 12, 3)).astype("float32")


def own():
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, name="first")(images)
    return keras.Model(images, keras.layers.Conv2D(5, 3, name="last")(x))


def mobilenet_file(path):
    """The arrays of the layers up to block 2, which has a skip."""
    arrays = {}
    for name, shape in (
        ("stem", (32, 3, 3, 3)), ("b0_dw", (1, 3, 3, 32)), ("b0_project", (16, 1, 1, 32)),
        ("b1_expand", (96, 1, 1, 16)), ("b1_dw", (1, 3, 3, 96)), ("b1_project", (24, 1, 1, 96)),
        ("b2_expand", (144, 1, 1, 24)), ("b2_dw", (1, 3, 3, 144)), ("b2_project", (24, 1, 1, 144)),
    ):  # fmt: skip
        arrays[f"{name}/q"] = RNG.integers(0, 256, shape, np.uint8)
        arrays[f"{name}/sz"] = np.float32([0.004, 120])
        channels = shape[-1] if name.endswith("dw") else shape[0]
        arrays[f"{name}/b"] = RNG.normal(size=channels).astype("float32")
    np.savez(path, **arrays)
    return arrays


def test_the_random_network_is_always_the_same():
    one, two = (features.load("random") for _ in range(2))
    assert one.sha256 == two.sha256 and len(one.sha256) == 64
    assert [x.shape for x in one(IMAGES)] == [(2, 12, 12, 8), (2, 6, 6, 12), (2, 3, 3, 16)]
    (alone,) = features.load("random", ("conv2",))(IMAGES)
    np.testing.assert_array_equal(alone, one(IMAGES)[1])
    assert one.protocol == {
        "features": "random",
        "taps": ["conv1", "conv2", "conv3"],
        "features_sha256": one.sha256,
    }


def test_images_are_scaled_to_the_networks_range_and_grey_is_repeated():
    net = features.load("random")
    for bytes_, floats in zip(net((IMAGES + 1) * 127.5, (0, 255)), net(IMAGES)):
        np.testing.assert_allclose(bytes_, floats, atol=1e-4)
    for grey, colour in zip(net(IMAGES[..., :1]), net(np.repeat(IMAGES[..., :1], 3, axis=-1))):
        np.testing.assert_array_equal(grey, colour)
    with pytest.raises(InputError, match=r"takes images of 3 channels; received \(2, 12, 12, 2\)"):
        net(IMAGES[..., :2])


def test_mobilenet_is_read_from_its_8_bit_weights(tmp_path):
    arrays = mobilenet_file(tmp_path / "weights.npz")
    net = features.load(f"mobilenet_v2:{tmp_path}/weights.npz", ("stem", "b0", "b1", "b2"))
    stem, b0, b1, b2 = net(IMAGES)

    def weights(name):
        scale, zero = arrays[f"{name}/sz"]
        return scale * (arrays[f"{name}/q"].astype("float32") - zero), arrays[f"{name}/b"]

    def pointwise(x, name):
        kernel, bias = weights(name)
        return np.einsum("nhwi,oi->nhwo", x, kernel[:, 0, 0]) + bias

    def depthwise(x, name):
        kernel, bias = weights(name)
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        height, width = x.shape[1:3]
        parts = [
            padded[:, i : i + height, j : j + width] * kernel[0, i, j] for i in range(3) for j in range(3)
        ]
        return np.clip(sum(parts) + bias, 0, 6)

    kernel, bias = weights("stem")
    padded = np.pad(IMAGES, ((0, 0), (0, 1), (0, 1), (0, 0)))  # TensorFlow pads an even size behind
    want = sum(
        np.einsum("nhwi,oi->nhwo", padded[:, i : i + 11 : 2, j : j + 11 : 2], kernel[:, i, j])
        for i in range(3)
        for j in range(3)
    )
    np.testing.assert_allclose(stem, np.clip(want + bias, 0, 6), atol=1e-4)
    np.testing.assert_allclose(b0, pointwise(depthwise(stem.numpy(), "b0_dw"), "b0_project"), atol=1e-3)
    assert b1.shape == (2, 3, 3, 24)
    x = np.clip(pointwise(b1.numpy(), "b2_expand"), 0, 6)
    x = pointwise(depthwise(x, "b2_dw"), "b2_project")
    np.testing.assert_allclose(b2, b1 + x, rtol=1e-3, atol=1e-3)


def test_vgg_sees_blue_green_red_less_the_means(monkeypatch, tmp_path):
    asked = {}

    def build(**how):
        asked.update(how)
        images = keras.Input((None, None, 3))
        return keras.Model(images, keras.layers.Activation("linear", name="block5_conv4")(images))

    monkeypatch.setattr(keras.applications, "VGG19", build)
    (maps,) = features.load("vgg19", ("block5_conv4",))(IMAGES)
    want = (IMAGES[..., ::-1] + 1) * 127.5 - np.array([103.939, 116.779, 123.68])
    np.testing.assert_allclose(maps, want, atol=1e-3)
    assert asked == {"include_top": False, "weights": "imagenet", "input_shape": (None, None, 3)}
    (tmp_path / "own.h5").touch()
    features.load(f"vgg19:{tmp_path}/own.h5", ("block5_conv4",))
    assert asked["weights"] == f"{tmp_path}/own.h5"


@pytest.mark.parametrize("name", ["VGG16", "VGG19"])
def test_the_taps_of_vgg_are_keras_names(name):
    network = getattr(keras.applications, name)(include_top=False, weights=None)
    assert [layer.name for layer in network.layers[1:]] == list(features.KNOWN[name.lower()])
    assert set(features.VGG[name.lower()]) < set(features.KNOWN[name.lower()])


def test_vgg_offline_says_what_to_do(monkeypatch):
    def unreachable(*args, **kwargs):
        raise Exception("URL fetch failure on https://example.org: no network\nmore")

    monkeypatch.setattr(vgg19.file_utils, "get_file", unreachable)
    with pytest.raises(InputError) as error:
        features.load("vgg19")
    assert "cannot be downloaded (URL fetch failure on https://example.org: no network);" in str(error.value)
    assert "'vgg19:PATH'" in str(error.value) and "\n" not in str(error.value)


def test_a_network_of_the_users(tmp_path):
    network = own()
    network.save(tmp_path / "own.keras")
    for which in (network, f"{tmp_path}/own.keras"):
        first, last = features.load(which, ("first", "last"), value_range=(0, 1))(IMAGES)
        np.testing.assert_allclose(last, network((IMAGES + 1) / 2), atol=1e-5)
        np.testing.assert_allclose(first, network.get_layer("first")((IMAGES + 1) / 2), atol=1e-5)
        (whole,) = features.load(which)(IMAGES)
        np.testing.assert_allclose(whole, network(IMAGES), atol=1e-5)


def test_a_step_depends_on_no_variable_of_it_and_its_gradient_reaches_the_images():
    net = features.Features("random", ("conv2",))  # loaded while the step is traced

    @tf.function(autograph=False)
    def step(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = features.difference(net(images), net(tf.zeros_like(images)))
        return tape.gradient(loss, images)

    gradient = step(IMAGES)
    assert np.abs(gradient).min(axis=(1, 2, 3)).shape == (2,) and np.abs(gradient).max() > 0
    assert step.get_concrete_function(IMAGES).graph.variables == ()


def test_a_model_that_has_one_does_not_hold_its_weights_nor_its_precision(tmp_path):
    class Owner(keras.Model):
        def __init__(self):
            super().__init__()
            self.seen = features.Features("random")
            self.built = True

        def call(self, images):
            return self.seen(images)[0]

    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        owner = Owner()
        maps = owner.seen(IMAGES)
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")
    for half, full in zip(maps, features.load("random")(IMAGES)):
        assert half.dtype == tf.float32
        np.testing.assert_array_equal(half, full)
    assert owner.weights == []
    owner.save(tmp_path / "owner.keras")
    assert (tmp_path / "owner.keras").stat().st_size < 10_000


def test_difference_is_summed_over_maps_and_averaged_within_them():
    a, b = tf.zeros((2, 3, 3, 4)), tf.zeros((2, 1, 1, 5))
    assert float(features.difference([a, b], [a + 2, b + 3])) == pytest.approx(4 + 9)


def test_feature_distance_does_not_depend_on_the_strength_of_a_map():
    """Channels have unit norm: of two maps that are one another's multiples it is 0, of two that share no
    channel it is 2, averaged over the channels."""

    class Same:
        def __call__(self, images, value_range):
            return [np.asarray(images), np.asarray(images)[:, :1]]

    first = np.zeros((2, 3, 3, 4))
    first[..., 0] = 0.5
    other = 7 * first
    other[1] = np.roll(other[1], 1, axis=-1)
    distances = feature_distance(first, other, (-1, 1), Same())
    np.testing.assert_allclose(distances, [0, 2 * 2 / 4], atol=1e-6)
    net = features.load("random")
    near, far = (feature_distance(IMAGES, IMAGES + x * IMAGES[::-1], (-1, 1), net) for x in (0.01, 0.1))
    assert (0 < near).all() and (near < far).all()
    np.testing.assert_array_equal(feature_distance(IMAGES, IMAGES, (-1, 1), net), 0)


def test_what_is_no_feature_network_is_named(tmp_path):
    (tmp_path / "broken.keras").write_text("no model")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    flat = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
    for which, taps, message in (
        ("vgg91", None, "unknown feature network 'vgg91'; did you mean vgg19"),
        ("mobilenet_v2", None, "mobilenet_v2 needs a file of its weights, 'mobilenet_v2:PATH.npz'"),
        ("vgg19", ("block5_conv5",), "unknown tap of vgg19 'block5_conv5'; did you mean block5_conv4"),
        ("random", ("conv7",), "unknown tap of random 'conv7'; did you mean"),
        ("random", "conv1", "taps are names of layers"),
        ("missing.keras", None, "there is no feature network missing.keras"),
        ("vgg19:missing.h5", None, "there is no file of vgg19 weights missing.h5"),
        ("mobilenet_v2:missing.npz", None, "there is no file of MobileNetV2 weights missing.npz"),
        (f"{tmp_path}/broken.keras", None, "is no Keras model that can be read"),
        (f"mobilenet_v2:{tmp_path}/broken.keras", None, "is no .npz file of MobileNetV2 weights"),
        (f"mobilenet_v2:{tmp_path}/other.npz", None, "is no .npz file of MobileNetV2 weights"),
        (flat, None, "takes (None, 5)"),
        (own(), ("middle",), "'middle'; known are first, last"),
    ):
        with pytest.raises(InputError) as error:
            features.load(which, taps)
        assert message in str(error.value) and "\n" not in str(error.value)
