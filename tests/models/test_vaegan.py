"""The three terms by hand, and Algorithm 1's routing of their gradients."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import VAEGAN

tfd = tfp.distributions
N, LATENT, GAMMA = 4, 3, 0.01


@pytest.fixture(scope="module")
def model():
    return VAEGAN((16, 16, 1), LATENT, width=4, gamma=GAMMA, seed=0)


@pytest.fixture(scope="module")
def images():
    return tf.constant(np.random.default_rng(0).uniform(-1, 1, (N, 16, 16, 1)), tf.float32)


def by_hand(model, images, playing=None):
    """L_prior, L_llike and L_GAN from the networks' outputs and an objective's two draws of the step."""
    step = step_of(model, images)
    eps, prior = (step.normal(f"{what} of {playing}", LATENT) for what in ("posterior", "prior"))
    loc, raw = tf.split(model.encoder(images, training=True), 2, axis=1)
    scale = tf.math.log1p(tf.exp(raw)) + 1e-5
    fakes = model.decoder(tf.concat([loc + scale * eps, prior], 0), training=True)
    features, logits = model.discriminator(tf.concat([images, fakes], 0), training=True)
    l_prior = 0.5 * tf.reduce_sum(loc**2 + scale**2 - 1 - 2 * tf.math.log(scale)) / N
    l_llike = sum(tf.reduce_sum((features[i] - features[N + i]) ** 2) / 2 for i in range(N)) / N
    score = tf.sigmoid(logits[:, 0])
    l_gan = -(
        tf.reduce_mean(tf.math.log(score[:N]))
        + tf.reduce_mean(tf.math.log(1 - score[N : 2 * N])) / 2
        + tf.reduce_mean(tf.math.log(1 - score[2 * N :])) / 2
    )
    return l_prior, l_llike, l_gan


def gradients(model, images):
    """Of each objective by its own networks, and of the three terms by all three networks."""
    routed = {}
    for name, objective in model.objectives().items():
        with tf.GradientTape() as tape:
            loss, _ = objective.loss(step_of(model, images))
        routed[name] = flat(tape.gradient(loss, objective.variables), objective.variables)
    with tf.GradientTape(persistent=True) as tape:
        terms = by_hand(model, images)
    return routed, {
        name: [flat(tape.gradient(term, one.variables), one.variables) for term in terms]
        for name, one in model.objectives().items()
    }


def flat(gradients, variables):
    return np.concatenate(
        [np.zeros(v.shape).ravel() if g is None else g.numpy().ravel() for g, v in zip(gradients, variables)]
    )


def test_the_terms_are_those_of_the_paper(model, images):
    l_prior, l_llike, l_gan = map(float, by_hand(model, images))
    losses = {}
    for name, objective in model.objectives().items():
        loss, logs = objective.loss(step_of(model, images))
        losses[name] = float(loss)
        if name == "encoder":
            assert float(logs["rate"]) == pytest.approx(l_prior, rel=1e-4)
            assert float(logs["feature_distortion"]) == pytest.approx(l_llike, rel=1e-4)
    assert losses["encoder"] == pytest.approx(l_prior + l_llike, rel=1e-4)
    assert losses["decoder"] == pytest.approx(GAMMA * l_llike - l_gan, rel=1e-4)
    assert losses["discriminator"] == pytest.approx(l_gan, rel=1e-4)


def test_each_network_has_the_gradient_of_algorithm_1(model, images):
    routed, terms = gradients(model, images)
    for name, weights in (("encoder", (1, 1, 0)), ("decoder", (0, GAMMA, -1)), ("discriminator", (0, 0, 1))):
        expected = sum(weight * term for weight, term in zip(weights, terms[name]))
        np.testing.assert_allclose(routed[name], expected, rtol=1e-3, atol=1e-5 * abs(expected).max())
        # The terms that are left out would have been felt.
        for weight, term in zip(weights, terms[name]):
            assert weight or name != "encoder" or abs(term).max() > 1e-4
    assert abs(terms["discriminator"][1]).max() > 1e-4  # of L_llike, which it must not feel


def test_each_objective_has_noise_of_its_own(model, images):
    for name, weights in (("encoder", (1, 1, 0)), ("discriminator", (0, 0, 1)), ("decoder", (0, GAMMA, -1))):
        step, objective = step_of(model, images), model.objectives()[name]
        with step.recording(name, objective.variables):
            loss, _ = objective.loss(step)
        own, others = (
            sum(w * float(term) for w, term in zip(weights, by_hand(model, images, playing)))
            for playing in (name, "nobody")
        )
        assert float(loss) == pytest.approx(own, rel=1e-4) and float(loss) != pytest.approx(others, rel=1e-4)


def test_each_objective_moves_its_own_network(model, images):
    model = VAEGAN((16, 16, 1), LATENT, width=4, seed=0)
    model.compile()
    networks = {name: getattr(model, name) for name in ("encoder", "discriminator", "decoder")}
    for name, objective in model.objectives().items():
        before = {other: flat_weights(net) for other, net in networks.items()}
        model.minimize(name, objective, step_of(model, images))
        moved = {other for other, net in networks.items() if np.any(flat_weights(net) != before[other])}
        assert moved == {name}


def flat_weights(network):
    return np.concatenate([v.numpy().ravel() for v in network.trainable_variables])


def test_features_are_those_of_the_last_convolution(model, images):
    features, logits = model.discriminator(images, training=False)
    assert features.shape == (N, 4, 4, 8) and logits.shape == (N, 1)
    kernel, bias = model.discriminator.layers[-1].get_weights()
    np.testing.assert_allclose(logits, features.numpy().reshape(N, -1) @ kernel + bias, rtol=1e-4, atol=1e-5)


def test_the_rate_is_tfp_s_divergence(model, images):
    q = model.posterior(images)
    full = tfd.MultivariateNormalDiag(q.mean(), q.stddev())
    prior = tfd.MultivariateNormalDiag(tf.zeros(LATENT), tf.ones(LATENT))
    rate = tf.reduce_mean(tfd.kl_divergence(full, prior))
    _, logs = model.encoder_loss(step_of(model, images, training=False))
    assert float(logs["rate"]) == pytest.approx(float(rate), rel=1e-5)
    np.testing.assert_allclose(model.encode(images), q.mean(), rtol=1e-6)


def test_a_negative_gamma_is_named():
    with pytest.raises(InputError, match="gamma must not be negative; received -1"):
        VAEGAN(gamma=-1)
