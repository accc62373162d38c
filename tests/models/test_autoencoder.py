"""The linear one against principal components, and eight inputs through three units."""

import itertools

import keras
import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf

from tfgen.errors import InputError
from tfgen.models import Autoencoder
from tools.studies.eight_three_eight import ONE_HOT, train


@pytest.fixture(scope="module")
def linear():
    """A trained linear autoencoder, its data (clear spectrum, mean not 0) and their components."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    scales = np.array([1.0, 0.8, 0.6] + [0.2] * 9)
    x = np.float32(0.3 + rng.normal(size=(256, 12)) * scales @ axes.T)
    model = Autoencoder((4, 3, 1), 3, body="linear", seed=0)
    model.value_range = (-9.0, 9.0)  # of data that are no images
    rate = keras.optimizers.schedules.CosineDecay(0.03, 1000)
    model.compile(keras.optimizers.Adam(rate), steps_per_execution=100)
    whole = tf.data.Dataset.from_tensors(x.reshape(256, 4, 3, 1)).repeat(1000)
    model.fit(whole, verbose=0)
    components = np.linalg.svd(x - x.mean(0), full_matrices=False)[2][:3]
    return model, x, components


def test_linear_decoder_and_encoder_span_the_principal_subspace(linear):
    model, _, components = linear
    decoder, encoder = model.decoder.get_weights()[0], model.encoder.get_weights()[0]
    for kernel in (decoder.T, encoder):
        assert max(scipy.linalg.subspace_angles(kernel, components.T)) < 1e-2


def test_linear_reconstruction_is_the_projection_about_the_mean(linear):
    model, x, components = linear
    projected = x.mean(0) + (x - x.mean(0)) @ components.T @ components
    got = model.generated(model.encode(x.reshape(-1, 4, 3, 1)))
    np.testing.assert_allclose(np.reshape(got, x.shape), projected, atol=1e-2)
    loss = model.evaluate(x.reshape(-1, 4, 3, 1), batch_size=256, verbose=0)
    residual = np.square(x - projected).sum(1).mean()  # of an image: a sum, and the mean over images
    assert np.ravel(loss)[0] == pytest.approx(residual, rel=1e-3)


def test_three_sigmoid_units_code_eight_inputs():
    model = train(seed=2)
    codes = model.encode(ONE_HOT).numpy()
    assert 0 < codes.min() and codes.max() < 1
    assert len(np.unique(np.rint(codes), axis=0)) == 8
    np.testing.assert_array_equal(np.rint(model.reconstruct(ONE_HOT)), ONE_HOT)


@pytest.mark.parametrize("body, hidden", [("dense", (8, 4, 2)), ("linear", ())])
def test_the_decoder_mirrors_the_encoder(body, hidden):
    model = Autoencoder((4, 4, 1), 3, width=8, body=body)
    sizes = (16, *hidden, 3)
    for network, path in ((model.encoder, sizes), (model.decoder, sizes[::-1])):
        shapes = [w.shape for w in network.get_weights() if w.ndim == 2]
        assert shapes == list(itertools.pairwise(path))


def test_hidden_units_are_rectified_and_both_ends_linear():
    model = Autoencoder((8, 8, 1), 3, width=8, body="dense", seed=0)
    x = np.random.default_rng(0).normal(size=(5, 8, 8, 1)).astype("float32")
    value = x.reshape(5, 64)
    for network in (model.encoder, model.decoder):
        weights = network.get_weights()
        for i in range(0, len(weights), 2):
            value = value @ weights[i] + weights[i + 1]
            value = np.maximum(value, 0) if i < len(weights) - 2 else value
    np.testing.assert_allclose(np.reshape(model.generated(model.codes(x)), (5, 64)), value, atol=1e-5)
    np.testing.assert_allclose(model.reconstruct(x), np.clip(value, 0, 1).reshape(x.shape), atol=1e-5)


def test_convolutions_are_rectified():
    model = Autoencoder((16, 16, 1), 3, width=4, body="convolutional", seed=0)
    names = [layer.get_config().get("activation") for layer in model.encoder.layers]
    assert names.count("relu") == 2 and "leaky_relu" not in str(model.encoder.get_config())


@pytest.mark.parametrize(
    "arguments, line",
    [
        (dict(body="densse"), "unknown body 'densse'; did you mean dense"),
        (dict(code_activation="sigmoyd"), "unknown code_activation 'sigmoyd'; did you mean sigmoid"),
        (dict(output_activation="softmax"), "unknown output_activation 'softmax'"),
    ],
)
def test_bad_arguments_are_named(arguments, line):
    with pytest.raises(InputError, match=line):
        Autoencoder(**arguments)
