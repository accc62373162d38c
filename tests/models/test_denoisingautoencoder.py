"""The best denoiser of Gaussian data in closed form, and the three corruptions."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import DenoisingAutoencoder

SHAPE, S = (2, 2, 1), 0.5


@pytest.fixture(scope="module")
def gaussian():
    """A linear denoiser trained on Gaussian data; their mean and covariance."""
    rng = np.random.default_rng(0)
    covariance = np.diag([1.0, 0.6, 0.3, 0.1]) + 0.08
    x = rng.multivariate_normal([0.2, 0.8, 0.5, 0.4], covariance, size=2048).astype("float32")
    linear = dict(body="linear", code_activation="linear", output_activation="linear")
    model = DenoisingAutoencoder(SHAPE, 4, corruption="gaussian", level=S, seed=0, **linear)
    model.value_range = (-9.0, 9.0)  # of data that are no images
    rate = keras.optimizers.schedules.CosineDecay(0.02, 800)
    model.compile(keras.optimizers.Adam(rate), steps_per_execution=100)
    model.fit(tf.data.Dataset.from_tensors(x.reshape(-1, *SHAPE)).repeat(800), verbose=0)
    return model, x.mean(0), np.cov(x.T, bias=True)


def test_the_linear_optimum_points_along_the_score_of_the_noisy_density(gaussian):
    """r(x) - x = s^2 grad log p_s(x), p_s = N(mean, covariance + s^2 I)."""
    model, mean, covariance = gaussian
    x = np.random.default_rng(1).multivariate_normal(mean, covariance + S**2 * np.eye(4), 200)
    x = x.astype("float32")
    score = -(x - mean) @ np.linalg.inv(covariance + S**2 * np.eye(4))
    step = np.reshape(model.generated(model.encode(x.reshape(-1, *SHAPE))), x.shape) - x
    assert np.abs(step - S**2 * score).max() < 0.03
    assert np.abs(score).max() * S**2 > 1  # what the tolerance is of


def test_its_loss_is_the_posterior_variance(gaussian):
    """E |x - E[x|x~]|^2 = trace of covariance - covariance (covariance + s^2 I)^-1 covariance."""
    model, _, c = gaussian
    left = np.trace(c - c @ np.linalg.inv(c + S**2 * np.eye(4)) @ c)
    x = np.random.default_rng(2).multivariate_normal(gaussian[1], c, 20_000).astype("float32")
    loss, _ = model.denoising_loss(step_of(model, tf.constant(x.reshape(-1, *SHAPE)), training=False))
    assert float(loss) == pytest.approx(left, rel=0.03)


def corrupted(corruption, level, images, **kwargs):
    model = DenoisingAutoencoder((8, 8, 1), 4, corruption=corruption, level=level, seed=0)
    return model.corrupt(images, **kwargs).numpy()


def test_gaussian_noise_has_its_deviation_and_is_independent():
    noise = corrupted("gaussian", 0.3, np.full((500, 8, 8, 1), 0.7, "float32"), seed=1) - 0.7
    assert noise.mean() == pytest.approx(0, abs=0.01) and noise.std() == pytest.approx(0.3, rel=0.02)
    together = np.corrcoef(noise.reshape(500, 64).T)
    assert np.abs(together - np.eye(64)).max() < 0.25


@pytest.mark.parametrize("corruption, ends", [("masking", [0.25, 0]), ("salt_and_pepper", [0.125, 0.125])])
def test_values_are_replaced_with_their_probability(corruption, ends):
    images = np.random.default_rng(0).uniform(0.1, 0.9, (500, 8, 8, 1)).astype("float32")
    noisy = corrupted(corruption, 0.25, images, seed=1)
    black, white = noisy == 0, noisy == 1
    np.testing.assert_allclose([black.mean(), white.mean()], ends, atol=0.01)
    np.testing.assert_array_equal(noisy[~black & ~white], images[~black & ~white])
    assert corrupted(corruption, 0.0, images) == pytest.approx(images, abs=0)
    assert set(np.unique(corrupted(corruption, 1.0, images))) <= {0.0, 1.0}


@pytest.mark.parametrize("corruption", ["gaussian", "masking", "salt_and_pepper"])
def test_corruption_is_a_function_of_seed_and_row(corruption):
    images = np.full((6, 8, 8, 1), 0.5, "float32")
    whole = corrupted(corruption, 0.5, images, seed=3)
    np.testing.assert_array_equal(corrupted(corruption, 0.5, images[2:], seed=3, first_row=2), whole[2:])
    assert not np.array_equal(corrupted(corruption, 0.5, images, seed=4), whole)
    assert len(np.unique(whole.reshape(6, -1), axis=0)) == 6


def test_the_input_is_corrupted_and_the_target_is_clean():
    """With all of the input masked, only the target tells the images apart."""
    model = DenoisingAutoencoder((8, 8, 1), 4, corruption="masking", level=1.0, seed=0)
    black = model.generated(model.codes(tf.zeros((1, 8, 8, 1)))).numpy()
    x = np.random.default_rng(0).uniform(size=(5, 8, 8, 1)).astype("float32")
    for training in (True, False):
        loss, _ = model.denoising_loss(step_of(model, x, training=training))
        assert float(loss) == pytest.approx(np.square(x - black).sum((1, 2, 3)).mean(), rel=1e-5)


@pytest.mark.parametrize(
    "arguments, line",
    [
        (dict(corruption="salt"), "unknown corruption 'salt'"),
        (dict(corruption="masking", level=1.5), "probability in .0, 1.; received 1.5 for masking"),
        (dict(level=-0.1), "received -0.1 for gaussian"),
    ],
)
def test_bad_arguments_are_named(arguments, line):
    with pytest.raises(InputError, match=line):
        DenoisingAutoencoder(**arguments)
