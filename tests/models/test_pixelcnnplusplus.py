"""PixelCNN++: the start of its weights, dropout, short-cuts and resolutions; see test_autoregressive too."""

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
import tf2onnx
from autoregressive_cases import BINARY, sensitivity, spread
from steps import step_of

from tfgen import random
from tfgen.errors import InputError
from tfgen.export.onnx import OPSET, convert
from tfgen.export.signature import Signature
from tfgen.models import PixelCNNPlusPlus
from tfgen.models.autoregressive.shifted import NormalisedConv2D


def tiny(image_shape=(8, 8, 1), levels=4, **kwargs):
    options = dict(width=4, blocks=1, scales=2, mixtures=2, seed=0) | kwargs
    return PixelCNNPlusPlus(image_shape, levels, **options)


def images_of(model, n=16):
    level = np.random.default_rng(0).integers(0, model.levels, (n, *model.image_shape))
    return (level / (model.levels - 1)).astype("float32")


def test_three_resolutions_of_sizes_that_do_not_divide():
    """Each value is the level that its noise selects by the predictor's parameters of the whole image.

    As these see earlier values alone, no other image has this of the same noise.
    """
    model = spread(tiny((5, 6, 3), levels=3, scales=3), 0.2)
    noise = random.uniform(random.key(0), (3, 5, 6, 3))
    images = model.values_from(noise, None, tf.constant(1.0), None)
    pixels, parameters = tf.reshape(images, (90, 3)), model(images)
    parameters = tf.reshape(parameters, (90, parameters.shape[-1]))
    for channel in range(3):
        chosen = tf.reshape(noise[..., channel], [-1])
        level = model.level(parameters, pixels, channel, chosen, tf.constant(1.0))
        np.testing.assert_array_equal(level / 2, pixels[:, channel])
    assert len(np.unique(images)) == 3
    small = spread(tiny((2, 3, 1), levels=2, scales=3))
    assert abs(np.exp(np.float64(small.log_prob(BINARY))).sum() - 1) < 1e-5


@pytest.mark.everything
def test_the_sampler_of_two_resolutions_is_the_same_in_onnx():
    """The suite of all models has one resolution; the loops between them are tried here."""
    model = spread(tiny((4, 5, 1), levels=256, scales=2), 0.2)
    signature = Signature(model, "sample_from", *model.signatures()["sample_from"])
    session = onnxruntime.InferenceSession(convert(signature).SerializeToString())
    for case in signature.cases:
        (image,) = session.run(None, case.inputs)
        assert case.difference({"sample_from": image}) < 1e-6  # a level is 4e-3
        assert len(np.unique(image)) > 10


def test_a_pixel_of_three_channels_and_256_levels_is_the_same_in_onnx():
    """In the sampler's loops stand these operations of a pixel, once for each of its channels."""
    model, rng = tiny((4, 5, 3), levels=256), np.random.default_rng(0)

    def channels(parameters, pixel, noise):
        return tf.stack([model.level(parameters, pixel, c, noise[:, c], 1.0) for c in range(3)], axis=-1)

    sizes = {"parameters": model.predictor.output.shape[-1], "pixel": 3, "noise": 3}
    specs = [tf.TensorSpec((None, size), tf.float32, name) for name, size in sizes.items()]
    given = {name: rng.uniform(size=(50, size)).astype("float32") for name, size in sizes.items()}
    given["parameters"] = 4 * given["parameters"] - 2
    proto, _ = tf2onnx.convert.from_function(tf.function(channels, autograph=False), specs, opset=OPSET)
    (levels,) = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, given)
    np.testing.assert_array_equal(levels, channels(**given))
    assert len(np.unique(levels)) > 20


def test_the_lower_resolution_is_what_sees_far():
    """One block at one resolution sees 5 rows up; the second resolution reaches about twice as far."""
    rows = []
    for scales in (1, 2):
        seen = sensitivity(tiny((16, 4, 1), scales=scales))[15 * 4 + 1].reshape(16, 4)
        rows.append(15 - np.flatnonzero(seen.any(axis=1))[0])
    assert rows[0] < rows[1]


def convolutions(model):
    return [layer for layer in model.predictor.layers if isinstance(layer, NormalisedConv2D)]


def test_features_have_mean_0_and_deviation_1_over_the_first_batch():
    model = tiny(ema_decay=0.5)
    images = images_of(model)
    model.initialise(images)
    layers = convolutions(model)
    watch = keras.Model(model.predictor.inputs, [layer.output for layer in layers])
    for layer, y in zip(layers, watch([images])):
        y = y.numpy()
        np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), 0, atol=1e-4)
        at_bound = layer.g.numpy() > 9.99 * layer.scale
        np.testing.assert_allclose(y.std(axis=(0, 1, 2))[~at_bound], layer.scale, rtol=1e-3)
        assert np.mean(at_bound) < 0.5
        length = np.linalg.norm(layer.kernel().numpy().reshape(-1, layer.filters), axis=0)
        np.testing.assert_allclose(length, layer.g, rtol=1e-4)
    for mean, weight in zip(model.averages["predictor"].weights, model.predictor.weights):
        np.testing.assert_array_equal(mean, weight)


def test_the_first_fit_and_no_other_starts_from_its_first_batch():
    data = images_of(tiny(), 16)
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(8)
    started = []
    for x, options in ((dataset, {}), (data, dict(batch_size=8, shuffle=False))):
        model, by_hand = (tiny(scales=1, dropout=0.0) for _ in range(2))
        by_hand.initialise(data[:8])
        model.compile(keras.optimizers.SGD(0.0))
        model.fit(x, verbose=0, **options)
        for one, other in zip(model.predictor.weights, by_hand.predictor.weights):
            np.testing.assert_allclose(one, other, atol=1e-6)
        started.append(model)
    before = started[0].get_weights()
    started[0].fit(tf.data.Dataset.from_tensor_slices(0 * data).batch(8), verbose=0)
    for one, weight in zip(before, started[0].weights):
        if weight.name != "step":
            np.testing.assert_array_equal(one, weight)


def test_dropout_is_for_training_alone_and_its_masks_are_the_steps():
    model = tiny(dropout=0.5)
    images = images_of(model, 4)
    model.initialise(images)
    np.testing.assert_array_equal(model.log_prob(images), model.log_prob(images))

    def trained(number, model=model, training=True):
        model.step.assign(number)
        return float(model.nll_loss(step_of(model, images, training=training))[0])

    assert trained(1) == trained(1) != trained(2)
    evaluated = -float(tf.reduce_mean(model.log_prob(images)))
    assert trained(1, training=False) == pytest.approx(evaluated, rel=1e-6)
    assert abs(trained(1) - evaluated) > 1e-3
    without = tiny(dropout=0.0)
    assert trained(1, without) == trained(1, without, training=False)


def test_dropout_keeps_the_mean():
    layer = next(one for one in tiny(dropout=0.25).predictor.layers if hasattr(one, "draw"))
    layer.draw = lambda *shape: random.uniform(random.key(0), (50, *shape))
    x = layer(tf.ones((50, 4, 4, 50)), training=True)
    values = np.unique(x)
    np.testing.assert_allclose(values, [0, 1 / 0.75], rtol=1e-6)
    assert abs(np.mean(x) - 1) < 0.01


def test_every_layer_counts():
    """Each weight has a gradient: no layer is built that the likelihood does not use."""
    model = spread(tiny((8, 8, 3), scales=3, classes=2), 0.1)
    with tf.GradientTape() as tape:
        nats = model.log_prob(images_of(model, 4), tf.constant([0, 1, 0, 1]))
    for weight, slope in zip(model.trainable_variables, tape.gradient(nats, model.trainable_variables)):
        assert slope is not None and np.isfinite(slope).all() and np.any(slope != 0), weight.path


@pytest.mark.parametrize(
    "wrong",
    [dict(width=0), dict(blocks=0), dict(scales=0), dict(mixtures=0), dict(dropout=1.0), dict(classes=1)],
)
def test_a_wrong_constructor_argument_is_named(wrong):
    (value,) = wrong.values()
    with pytest.raises(InputError, match=f"PixelCNNPlusPlus .*needs .*received .*{value}"):
        tiny(**wrong)
