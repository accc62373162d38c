"""Extractors: their features, hashes, resizing, and what they refuse."""

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from onnx import helper

from tfgen.errors import InputError
from tfgen.metrics import extractor

IMAGES = np.random.default_rng(0).uniform(size=(6, 8, 8, 1)).astype(np.float32)


def network(shape=(8, 8, 1), seed=0):
    images = keras.Input(shape)
    x = keras.layers.Conv2D(4, 3, kernel_initializer=keras.initializers.GlorotUniform(seed))(images)
    return keras.Model(images, keras.layers.GlobalAveragePooling2D()(x))


def onnx_file(path, shape, axes):
    """A file whose features are the means over `axes`."""
    node = helper.make_node("ReduceMean", ["images", "axes"], ["features"], keepdims=0)
    kind = onnx.TensorProto
    graph = helper.make_graph(
        [node],
        "means",
        [helper.make_tensor_value_info("images", kind.FLOAT, shape)],
        [helper.make_tensor_value_info("features", kind.FLOAT, None)],
        [helper.make_tensor("axes", kind.INT64, [len(axes)], axes)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
    return str(path)


def test_a_keras_models_features_are_its_outputs_at_its_own_range():
    model = network()
    features = extractor(model, value_range=(-1, 1))(IMAGES, (0, 1))
    assert features.shape == (6, 4) and features.dtype == np.float32
    np.testing.assert_allclose(features, model(2 * IMAGES - 1), atol=1e-5)
    np.testing.assert_allclose(extractor(model)(IMAGES * 255, (0, 255)), model(IMAGES), atol=1e-5)


def test_images_in_many_batches_have_the_features_they_have_in_one():
    images = np.random.default_rng(0).uniform(size=(1100, 8, 8, 1)).astype(np.float32)
    one = extractor(network())
    np.testing.assert_allclose(one(images, (0, 1))[-3:], one(images[-3:], (0, 1)), atol=1e-5)


def test_the_hash_is_that_of_the_weights():
    model, same, other = network(), network(), network(seed=1)
    assert extractor(model).sha256 == extractor(same).sha256 != extractor(other).sha256
    kernel = same.layers[1].kernel
    kernel.assign(kernel + np.eye(3)[:, :, None, None] * 1e-6)
    assert extractor(same).sha256 != extractor(model).sha256


def test_a_keras_file_is_its_model(tmp_path):
    model = network()
    model.save(tmp_path / "features.keras")
    found = extractor(str(tmp_path / "features.keras"))
    assert found.protocol == extractor(model).protocol
    np.testing.assert_allclose(found(IMAGES, (0, 1)), model(IMAGES), atol=1e-6)


def test_images_are_resized_and_grey_ones_repeated():
    flat = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()])
    ramp = np.broadcast_to(np.linspace(0, 1, 8, dtype=np.float32)[None, :, None, None], (1, 8, 8, 1))
    features = extractor(flat)(ramp, (0, 1)).reshape(4, 4, 3)
    np.testing.assert_allclose(features, features[:, :1, :1] * np.ones((4, 3)), atol=1e-6)
    # A triangle of weights 1, 3, 3, 1 in the middle, cut to 3, 3, 1 at the border.
    rows = np.linspace(0, 1, 8)
    assert features[1, 0, 0] == pytest.approx(rows[1:5] @ [1, 3, 3, 1] / 8, abs=1e-6)
    assert features[0, 0, 0] == pytest.approx(rows[:3] @ [3, 3, 1] / 7, abs=1e-6)


@pytest.mark.parametrize(
    ("shape", "axes"), [(["n", 8, 8, 3], (1, 2)), (["n", 3, 8, 8], (2, 3)), (["n", 3, "h", "w"], (2, 3))]
)
def test_an_onnx_file_takes_its_channels_where_it_has_them(tmp_path, shape, axes):
    found = extractor(onnx_file(tmp_path / "means.onnx", shape, axes))
    images = np.random.default_rng(0).uniform(size=(3, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(found(images, (0, 1)), images.mean((1, 2)), atol=1e-6)
    assert len(found.sha256) == 64 and found.input_shape[2] == 3


def test_pixels_are_the_values_themselves_at_most_32_on_a_side():
    found = extractor("pixels", image_shape=(8, 8, 1))
    np.testing.assert_allclose(found(IMAGES * 2 - 1, (-1, 1)), IMAGES.reshape(6, 64), atol=1e-6)
    assert extractor("pixels", image_shape=(64, 48, 3)).input_shape == (32, 32, 3)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[0], "shape (n, h, w, c)"),
        (IMAGES * 3, "finite images in [0, 1]"),
        (IMAGES * np.nan, "finite images in [0, 1]"),
        (np.repeat(IMAGES, 2, axis=3), "expects 1 channels; received images of 2"),
    ],
)
def test_an_extractor_refuses_what_are_no_images_in_range(images, message):
    with pytest.raises(InputError) as error:
        extractor(network())(images, (0, 1))
    assert message in str(error.value)


def test_what_is_no_extractor_is_named(tmp_path):
    broken = tmp_path / "broken"
    for suffix in (".keras", ".onnx"):
        broken.with_suffix(suffix).write_text("no model")
    maps = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3)])
    for which, message in (
        ("inceptoin", "did you mean inception"),
        ("missing.onnx", "there is no extractor file missing.onnx"),
        ("inception:missing.h5", "no file of Inception v3 weights missing.h5"),
        (f"{broken}.keras", "is no Keras model that can be read"),
        (f"{broken}.onnx", "is no ONNX model that can be run"),
        (onnx_file(tmp_path / "fixed.onnx", [1, 8, 8, 3], (1, 2)), "n free"),
        (keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)]), "takes (None, 5)"),
    ):
        with pytest.raises(InputError) as error:
            extractor(which)
        assert message in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(InputError, match="end it in a pooling layer; it gave"):
        extractor(maps)(IMAGES, (0, 1))


def test_inception_without_its_weights_says_what_to_do(monkeypatch):
    def unreachable(*args, **kwargs):
        raise Exception("URL fetch failure on https://example.org: no network\nmore")

    from keras.src.applications import inception_v3

    monkeypatch.setattr(inception_v3.file_utils, "get_file", unreachable)
    with pytest.raises(InputError) as error:
        extractor("inception")
    assert "cannot be downloaded (URL fetch failure on https://example.org: no network);" in str(error.value)
    assert "'inception:PATH'" in str(error.value) and "\n" not in str(error.value)


def test_inception_is_the_fields_protocol(monkeypatch, tmp_path):
    asked = {}

    def inception(**kwargs):
        asked.update(kwargs)
        return network(kwargs["input_shape"])

    monkeypatch.setattr(keras.applications, "InceptionV3", inception)
    (tmp_path / "weights.h5").touch()
    found = extractor(f"inception:{tmp_path}/weights.h5")
    assert asked["include_top"] is False and asked["pooling"] == "avg"
    assert asked["weights"] == f"{tmp_path}/weights.h5"
    assert found.input_shape == (299, 299, 3) and found.value_range == (-1, 1)
    expected = network((299, 299, 3))(tf.repeat(tf.image.resize(2 * IMAGES - 1, (299, 299)), 3, axis=3))
    np.testing.assert_allclose(found(IMAGES, (0, 1)), expected, atol=1e-5)
