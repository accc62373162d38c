"""The bound, its terms and its distributions, against closed forms."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp
from linear_gaussian import SHAPE, affine, linear_gaussian, poorly_encoded
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import VAE
from tfgen.models.variational import likelihoods

tfd = tfp.distributions


def test_with_the_exact_posterior_the_bound_is_the_evidence():
    model, x, evidence = linear_gaussian()
    bounds = np.reshape(model.elbo(tf.repeat(x, 4000, axis=0), seed=0), (5, 4000))
    assert np.all(abs(bounds.mean(1) - evidence) < 5 * bounds.std(1) / 4000**0.5)
    # Importance weights of the exact posterior are constant: any number of samples will do.
    for samples in (1, 7, 50):
        np.testing.assert_allclose(model.log_prob(x, samples, seed=0), evidence, atol=1e-3)


def test_more_samples_tighten_the_bound_and_never_pass_the_evidence():
    model, x, evidence = poorly_encoded()
    rows = tf.repeat(x, 1000, axis=0)

    def bound(samples):
        return np.mean(np.reshape(model.log_prob(rows, samples, seed=samples), (5, 1000)), axis=1)

    one, five, fifty, many = bound(1), bound(5), bound(50), bound(1000)
    assert np.all(one < five) and np.all(five < fifty) and np.all(fifty < evidence + 0.02)
    np.testing.assert_allclose(many, evidence, atol=0.02)
    elbo = np.reshape(model.elbo(rows, seed=0), (5, 1000))
    assert np.all(abs(elbo.mean(1) - one) < 10 * elbo.std(1) / 1000**0.5)  # the same in expectation


@pytest.mark.parametrize("unit_posterior", [False, True])
def test_the_rate_is_tfp_s_divergence_and_gaussian_s_formula(unit_posterior):
    model = VAE((8, 8, 1), 3, width=8, unit_posterior=unit_posterior, seed=0)
    x = tf.constant(np.random.default_rng(0).uniform(size=(4, 8, 8, 1)), tf.float32)
    _, logs = model.elbo_loss(step_of(model, x, training=False))
    q = model.posterior(x)
    mean, deviation = q.mean().numpy(), q.stddev().numpy()
    by_hand = 0.5 * (mean**2 + deviation**2 - 1 - 2 * np.log(deviation)).sum(1)
    assert float(logs["rate"]) == pytest.approx(by_hand.mean(), rel=1e-5)
    full = tfd.MultivariateNormalDiag(mean, deviation)
    np.testing.assert_allclose(
        tfd.kl_divergence(full, tfd.MultivariateNormalDiag(tf.zeros(3), tf.ones(3))), by_hand, rtol=1e-4
    )
    if unit_posterior:
        np.testing.assert_array_equal(deviation, 1)


def test_the_gradient_is_that_of_a_monte_carlo_of_the_bound():
    """Reparameterised: d/dm E[(z - 1)^2] = 2 (m - 1) for z ~ N(m, s), through a linear decoder."""
    decoder = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(6, use_bias=False), keras.layers.Reshape(SHAPE)]
    )
    decoder.set_weights([np.ones((1, 6), "float32")])
    networks = dict(encoder=affine(np.zeros((6, 2)), np.array([0.4, 0.2]), (2,)), decoder=decoder)
    how = dict(likelihood="gaussian", body="dense", width=4, samples=4000, seed=0)
    model = VAE(SHAPE, 1, **how, **networks)
    with tf.GradientTape() as tape:
        _, logs = model.elbo_loss(step_of(model, tf.ones((1, *SHAPE))))
    gradient = tape.gradient(logs["distortion"], model.encoder.trainable_variables[1])
    assert float(gradient[0]) == pytest.approx(6 * (0.4 - 1), abs=0.15)


@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous_bernoulli", "gaussian"])
def test_each_likelihood_is_scipy_s(likelihood):
    model = VAE((8, 8, 1), 2, width=8, likelihood=likelihood, seed=0)
    z = tf.constant([[0.3, -2.0]])
    out = model.decoder(z, training=False).numpy()[0]
    x = np.random.default_rng(0).uniform(size=out.shape).astype("float32")
    p = 1 / (1 + np.exp(-out.astype("float64")))
    if likelihood == "gaussian":
        by_hand = scipy.stats.norm(out, 1).logpdf(x).sum()
    else:
        by_hand = (x * np.log(p) + (1 - x) * np.log1p(-p)).sum()
        if likelihood == "continuous_bernoulli":
            by_hand += np.log(2 * np.arctanh(1 - 2 * p) / (1 - 2 * p)).sum()
    assert float(model.log_likelihood(x[None], z)[0]) == pytest.approx(by_hand, rel=1e-4)


@pytest.mark.parametrize("shape", [(28, 28, 1), (5, 7, 3), (8, 8, 3)])
def test_the_quick_bernoulli_is_tfp_s_and_so_are_its_gradients(shape):
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(3, *shape)).astype("float32")
    images[0] = images[0] < 0.5
    logits = rng.normal(0, 8, (4, 3, *shape)).astype("float32")
    logits.flat[:4] = 0.0, 80.0, -80.0, 1e-8
    upstream = tf.constant(rng.normal(size=(4, 3)), tf.float64)

    def naive(x, out):
        return tfd.Independent(tfd.Bernoulli(logits=out, dtype=tf.float64), 3).log_prob(x)

    def quick(x, out):
        return likelihoods.log_prob("bernoulli", x, out)

    found = []
    for function, dtype in ((naive, tf.float64), (quick, tf.float32)):
        x, out = tf.constant(images, dtype), tf.constant(logits, dtype)
        with tf.GradientTape() as tape:
            tape.watch([x, out])
            values = function(x, out)
            total = tf.reduce_sum(tf.cast(upstream, dtype) * values)
        found.append((values, *tape.gradient(total, [x, out])))
    for expected, got in zip(*found):
        np.testing.assert_allclose(got, expected, rtol=2e-6, atol=2e-6 * np.abs(expected).max())
    zeros = tf.zeros((1, 109, 89, 3))  # products of many halves
    assert float(quick(zeros, zeros)[0]) == pytest.approx(-109 * 89 * 3 * np.log(2), rel=1e-5)


def test_the_discretised_logistic_is_a_distribution_over_the_levels():
    model = VAE((8, 8, 1), 2, width=8, likelihood="discretized_logistic", seed=0)
    z = tf.zeros((256, 2)) + [[3.0, -3.0]]
    levels = np.broadcast_to(np.arange(256.0).reshape(256, 1, 1, 1), (256, 8, 8, 1)) / 255
    each = model.observation(z).distribution.log_prob(tf.constant(np.round(255 * levels), tf.float32))
    np.testing.assert_allclose(np.exp(each).sum(0), 1, atol=1e-4)
    out = model.decoder(z, training=False).numpy()[0]
    loc, scale = 255 * out[..., :1], 255 * (np.log1p(np.exp(out[..., 1:])) + 1e-3)
    middle = scipy.stats.logistic(loc, scale).cdf(100.5) - scipy.stats.logistic(loc, scale).cdf(99.5)
    np.testing.assert_allclose(np.exp(each[100]), middle, rtol=1e-2)


@pytest.mark.parametrize("level", [0, 1, 254, 255])
def test_the_discretised_logistic_keeps_its_digits_at_wide_scales(level):
    """A location of -1 and a scale of 50 images: a level has some 2e-5, a difference of two halves."""

    def exact(loc, raw):
        logistic = scipy.stats.logistic(255 * loc, 255 * (np.log1p(np.exp(raw)) + 1e-3))
        above = 1.0 if level == 0 else logistic.sf(level - 0.5)
        return np.log(above - (0.0 if level == 255 else logistic.sf(level + 0.5)))

    images, out = tf.fill((1, 1, 1, 1), level / 255), tf.constant([[[[-1.0, 50.0]]]])
    with tf.GradientTape() as tape:
        tape.watch(out)
        value = likelihoods.log_prob("discretized_logistic", images, out)[0]
    assert float(value) == pytest.approx(exact(-1.0, 50.0), abs=3e-6)
    slopes = [(exact(-1 + h, 50 + k) - exact(-1 - h, 50 - k)) / 2e-3 for h, k in ((1e-3, 0), (0, 1e-3))]
    np.testing.assert_allclose(tape.gradient(value, out)[0, 0, 0], slopes, rtol=1e-3)


@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous_bernoulli"])
def test_decode_is_the_mean(likelihood):
    model = VAE((8, 8, 1), 2, width=8, likelihood=likelihood, seed=0)
    z = tf.constant(np.random.default_rng(0).normal(0, 30, (50, 2)), tf.float32)
    np.testing.assert_allclose(model.decode(z), model.observation(z).mean(), atol=2e-4)


def test_beta_weighs_the_rate_and_samples_are_averaged():
    x = tf.constant(np.random.default_rng(0).uniform(size=(4, 8, 8, 1)), tf.float32)
    for beta in (0.0, 4.0):
        model = VAE((8, 8, 1), 3, width=8, beta=beta, samples=3, seed=0)
        loss, logs = model.elbo_loss(step_of(model, x, training=False))
        assert float(loss) == pytest.approx(float(logs["distortion"] + beta * logs["rate"]), rel=1e-6)


def test_log_prob_does_not_depend_on_how_images_are_batched():
    model = VAE((8, 8, 1), 3, width=8, seed=0)
    x = tf.constant(np.random.default_rng(0).uniform(size=(6, 8, 8, 1)), tf.float32)
    whole = model.log_prob(x, 20, seed=1)
    np.testing.assert_allclose(whole[4:], model.log_prob(x[4:], 20, seed=1, first_row=4), rtol=1e-5)


@pytest.mark.parametrize(
    "arguments, line",
    [
        (dict(likelihood="bernouli"), "unknown likelihood 'bernouli'; did you mean bernoulli"),
        (dict(body="mlp"), "unknown body 'mlp'; known are convolutional, dense"),
    ],
)
def test_bad_arguments_are_named(arguments, line):
    with pytest.raises(InputError, match=line):
        VAE(**arguments)


def test_images_that_are_no_probabilities_are_named():
    model = VAE((8, 8, 1), 2, width=8, seed=0)
    for bound in (model.elbo, model.log_prob):
        with pytest.raises(InputError, match=r"VAE takes images in \[0, 1\]; received 0 to 255"):
            bound(tf.concat([tf.zeros((1, 8, 8, 1)), tf.fill((1, 8, 8, 1), 255.0)], 0))


def test_codes_of_another_size_are_named():
    with pytest.raises(InputError, match=r"VAE has codes of size 2; received z \(1, 3\)"):
        VAE((8, 8, 1), 2, width=8, seed=0).decode(np.zeros((1, 3), np.float32))
