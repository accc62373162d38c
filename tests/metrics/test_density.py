"""A mixture on the codes: `sample` draws from it, and it is part of the model."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen import random
from tfgen.errors import InputError
from tfgen.models import CVAE, VAE, GaussianMixture

TINY = dict(image_shape=(8, 8, 1), latent_dim=2, width=8, body="linear", seed=0)


def images(n=400):
    """Black and white squares with some noise: codes in two heaps."""
    rng = np.random.default_rng(0)
    return np.abs(rng.integers(0, 2, (n, 1, 1, 1)) - rng.uniform(0, 0.2, (n, 8, 8, 1))).astype("float32")


X = images()


@pytest.fixture(scope="module")
def model():
    model = VAE(**TINY)
    model.compile()
    model.nll = model.fit_density(X, components=2)
    return model


def test_until_it_is_fitted_codes_are_standard_normal():
    key = random.key(3)
    plain = VAE(**TINY)
    np.testing.assert_array_equal(plain.draw_codes(key, 5, 2), random.normal(key, (5, 2), 2))
    for covariance in ("full", "diagonal"):
        ready = VAE(**TINY, density_components=3, density_covariance=covariance)
        z = ready.draw_codes(key, 4000, 0).numpy()
        np.testing.assert_allclose(z.mean(0), 0, atol=0.08)
        np.testing.assert_allclose(np.cov(z.T), np.eye(2), atol=0.1)


def test_codes_are_drawn_as_those_of_the_images(model):
    codes = model.encode(X).numpy()
    drawn = model.draw_codes(random.key(0), 4000, 0).numpy()
    np.testing.assert_allclose(drawn.mean(0), codes.mean(0), atol=0.1)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(codes.T), atol=0.1)
    # Two heaps, which no single Gaussian has: nothing is drawn between them.
    heap = codes[:, 0] > codes[:, 0].mean()
    assert heap.any() and not heap.all()
    gap = np.sort(codes[:, 0])[np.argmax(np.diff(np.sort(codes[:, 0]))) + np.array([0, 1])]
    inside = np.mean((drawn[:, 0] > gap[0] + 0.1 * np.ptp(gap)) & (drawn[:, 0] < gap[1] - 0.1 * np.ptp(gap)))
    assert inside < 0.02
    assert model.nll[-1] < model.nll[0]
    np.testing.assert_allclose(np.mean(model.density.log_prob(codes)), -model.nll[-1], atol=2e-3)


def test_it_is_the_mixture_of_the_codes(model):
    mixture = GaussianMixture((2,), 2, seed=0)
    mixture.compile()
    mixture.fit(model.encode(X).numpy(), batch_size=1000, epochs=len(model.nll), shuffle=False, verbose=0)
    np.testing.assert_allclose(mixture.means, model.density.means, rtol=1e-3, atol=1e-4)


def test_one_seed_gives_one_list_of_samples(model):
    five = model.sample(5, seed=3)
    np.testing.assert_array_equal(model.sample(5, seed=3), five)
    np.testing.assert_allclose(model.sample(3, seed=3, first_row=2), five[2:], atol=1e-6)
    np.testing.assert_allclose(model.decode(model.draw_codes(random.key(3), 5, 0)), five, atol=1e-6)


def test_it_is_saved_with_the_model_and_training_goes_on(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.density_components == 2
    np.testing.assert_array_equal(loaded.sample(4, seed=1), model.sample(4, seed=1))
    loaded.fit(X, batch_size=100, verbose=0)
    loaded(X[:2])
    loaded.save(tmp_path / "again.keras")
    again = keras.models.load_model(tmp_path / "again.keras")
    np.testing.assert_array_equal(again.density.means, model.density.means)
    again.fit_density(X, components=4)
    assert again.density.means.shape == (4, 2)


def test_a_second_fit_takes_the_place_of_the_first(model, tmp_path):
    other = VAE(**TINY)
    other.fit_density(X, components=2)
    bytes_ = tf.data.Dataset.from_tensor_slices(np.uint8(np.rint(255 * X))).batch(64)
    other.fit_density(bytes_, components=np.int64(3), covariance="diagonal", epochs=2)
    assert type(other.get_config()["density_components"]) is int  # of NumPy's 3
    assert sum("whitening" in w.path for w in other.weights) == 1
    other.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.sample(4, seed=1), other.sample(4, seed=1))


def test_conditional_models_are_refused():
    model = CVAE(image_shape=(8, 8, 1), latent_dim=2, width=8, classes=3, seed=0)
    with pytest.raises(InputError, match=r"CVAE is conditional.*fit_density takes models without labels"):
        model.fit_density((X, np.zeros(len(X), "int32")))
