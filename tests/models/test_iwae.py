"""The importance weighted bound: its order, its loss and its gradient."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from linear_gaussian import linear_gaussian, poorly_encoded
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import CVAE, IWAE, VAE

ROWS = 2000


def losses(samples, rows, encoded=poorly_encoded):
    """Bounds of each of five images by so many draws, (5, rows), and the images' log p(x)."""
    model, x, evidence = encoded(IWAE, samples=samples)
    bounds = []
    for k, image in enumerate(x):
        batch = tf.repeat(image[None], rows, axis=0)
        eps = step_of(model, batch).normal(f"z of image {k}", samples, model.latent_dim)
        bounds.append(tf.reduce_logsumexp(model.log_weights(batch, eps), axis=0) - math.log(samples))
    return np.array(bounds), evidence


@pytest.fixture(scope="module")
def image_model():
    model = IWAE((8, 8, 1), 3, width=8, samples=5, seed=0)
    return model, tf.constant(np.random.default_rng(0).uniform(size=(6, 8, 8, 1)), tf.float32)


def test_the_bound_tightens_from_the_elbo_to_the_evidence():
    one, five, fifty = (losses(samples, ROWS) for samples in (1, 5, 50))
    evidence = one[1]
    means = [bounds.mean(axis=1) for bounds, _ in (one, five, fifty)]
    errors = [bounds.std(axis=1) / ROWS**0.5 for bounds, _ in (one, five, fifty)]
    vae, x, _ = poorly_encoded(VAE)
    elbo = np.reshape(vae.elbo(tf.repeat(x, ROWS, axis=0), seed=1), (5, ROWS))
    assert np.all(abs(elbo.mean(1) - means[0]) < 5 * np.hypot(errors[0], elbo.std(1) / ROWS**0.5))
    assert np.all(means[0] + 5 * np.hypot(errors[0], errors[1]) < means[1])
    assert np.all(means[1] + 5 * np.hypot(errors[1], errors[2]) < means[2])
    assert np.all(means[2] < evidence + 4 * errors[2])


@pytest.mark.parametrize("samples", [1, 4])
def test_with_the_exact_posterior_the_loss_is_the_evidence(samples):
    model, x, evidence = linear_gaussian(IWAE, samples=samples)
    loss, logs = model.bound_loss(step_of(model, x, training=False))
    assert float(loss) == pytest.approx(-evidence.mean(), abs=1e-4) and logs == {}


def test_the_loss_is_minus_log_prob_of_the_same_noise(image_model, monkeypatch):
    model, x = image_model
    eps = tf.constant(np.random.default_rng(1).normal(size=(6, 5, 3)), tf.float32)
    monkeypatch.setattr("tfgen.random.normal", lambda key, shape, first_row=0: eps)
    loss, _ = model.bound_loss(step_of(model, x, training=False))
    assert float(loss) == pytest.approx(-float(tf.reduce_mean(model.log_prob(x, 5, seed=0))), rel=1e-6)


def test_the_gradient_weighs_each_draw_by_its_importance(image_model, monkeypatch):
    """Equations 13 and 14: the gradient is sum_i w~_i grad log w_i, w~ the weights over their sum."""
    model, x = image_model
    eps = tf.constant(np.random.default_rng(1).normal(size=(6, 5, 3)), tf.float32)
    monkeypatch.setattr("tfgen.random.normal", lambda key, shape, first_row=0: eps)
    variables = [*model.encoder.trainable_variables, *model.decoder.trainable_variables]
    with tf.GradientTape(persistent=True) as tape:
        loss, _ = model.bound_loss(step_of(model, x))
        log_weights = model.log_weights(x, eps, None, True)
        share = tf.stop_gradient(tf.nn.softmax(log_weights, axis=0))
        weighted = -tf.reduce_mean(tf.reduce_sum(share * log_weights, axis=0))
    assert share.shape == (5, 6) and float(tf.reduce_max(share)) > 0.3  # not all alike
    for got, expected in zip(tape.gradient(loss, variables), tape.gradient(weighted, variables)):
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5)


def test_of_one_draw_it_is_the_bound_of_a_vae_with_the_rate_by_that_draw(monkeypatch):
    vae = VAE((8, 8, 1), 3, body="dense", width=8, seed=0)
    model = IWAE((8, 8, 1), 3, width=8, samples=1, seed=0)
    model.set_weights(vae.get_weights())
    x = tf.constant(np.random.default_rng(0).uniform(size=(6, 8, 8, 1)), tf.float32)
    eps = tf.constant(np.random.default_rng(1).normal(size=(6, 1, 3)), tf.float32)
    monkeypatch.setattr("tfgen.random.normal", lambda key, shape, first_row=0: eps)
    distortion, rate = vae.terms(step_of(vae, x))
    q = vae.posterior(x)
    z = q.mean() + q.stddev() * eps[:, 0]
    sampled = q.log_prob(z) - vae.prior_distribution.log_prob(z)
    loss, _ = model.bound_loss(step_of(model, x))
    assert float(loss) == pytest.approx(float(tf.reduce_mean(distortion + sampled)), rel=1e-5)
    assert not np.allclose(sampled, rate, rtol=1e-2)


def test_training_raises_the_bound():
    model = IWAE((8, 8, 1), 3, width=16, samples=5, seed=0)
    x = tf.constant(np.random.default_rng(0).uniform(size=(32, 8, 8, 1)) < 0.2, tf.float32)
    model.compile(keras.optimizers.Adam(1e-2))
    before = np.mean(model.log_prob(x, 50, seed=0))
    model.fit(tf.data.Dataset.from_tensors(x).repeat(60), verbose=0)
    assert np.mean(model.log_prob(x, 50, seed=0)) > before + 5


@pytest.mark.parametrize("cls", [IWAE, VAE, CVAE])
def test_it_needs_a_draw(cls):
    with pytest.raises(InputError, match="samples must be at least 1; received 0"):
        cls(**{**cls.tiny, "samples": 0})
