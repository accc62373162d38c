"""A Bayesian GAN's losses are those of a posterior, and its players are chains of their own."""

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import BayesianGAN
from tfgen.optimizers import SGHMC

IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 1)), tf.float32)
HOW = {**BayesianGAN.tiny, "seed": 0, "observed": 50, "classes": 0}
FLAT = dict(prior_deviation=1e15)


@pytest.fixture(scope="module")
def several():
    """Of three generators and two discriminators, and a prior that weighs nothing."""
    return BayesianGAN(**{**HOW, **FLAT, "generator_samples": 3, "discriminator_samples": 2})


def softplus(x):
    return np.logaddexp(0, np.asarray(x))


def loss_of(model, name, step):
    return float(model.objectives()[name].loss(step)[0])


def test_one_of_each_without_prior_and_noise_plays_a_gan_s_game():
    model = BayesianGAN(**{**HOW, **FLAT, "generator_samples": 1, "burn_in": 0})
    step = step_of(model, IMAGES)
    generator, discriminator = model.generators[0], model.discriminators[0]
    z = model.noise(step, "z of component 1")
    assert z.shape == (6, 4) and -1 < np.min(z) < -0.5 and 0.5 < np.max(z) < 1
    real, fake = (discriminator(x, training=True) for x in (IMAGES, generator(z, training=True)))
    want = {
        "discriminator_1": np.mean(softplus(-real) + softplus(fake)),
        "generator_1": np.mean(softplus(-fake)),
    }
    assert {name: loss_of(model, name, step) for name in model.objectives()} == pytest.approx(want, rel=1e-5)


def test_a_player_faces_all_samples_of_the_other(several):
    """Means over them, so that a further sample of one is no further data for the other."""
    model, step = several, step_of(several, IMAGES)
    fakes = [chain.fakes(step) for chain in model.chains]
    assert not any(np.allclose(a, b) for a, b in zip(fakes, fakes[1:] + fakes[:1]))
    judges = [model.discriminators[k] for k in (0, 1)]
    for k, judge in enumerate(judges):
        want = np.mean(softplus(-judge(IMAGES, training=True)))
        want += np.mean([softplus(judge(fake, training=True)) for fake in fakes])
        assert loss_of(model, f"discriminator_{k + 1}", step) == pytest.approx(want, rel=1e-5)
    for k, fake in enumerate(fakes):
        want = np.mean([softplus(-judge(fake, training=True)) for judge in judges])
        assert loss_of(model, f"generator_{k + 1}", step) == pytest.approx(want, rel=1e-5)
    both = np.mean([judge(IMAGES) for judge in judges], axis=0)
    np.testing.assert_allclose(model.score(IMAGES), both, rtol=1e-5)


def test_few_labels_make_discriminators_that_classify():
    """Labels join D's loss; fakes have the logit 0; what is said is a mean of probabilities."""
    model = BayesianGAN(**{**HOW, **FLAT, "classes": 3, "discriminator_samples": 2})
    labels, others = np.array([0, 2, 1, 1, 0, 2]), IMAGES[::-1]
    step = step_of(model, IMAGES, labels, others)
    assert list(model.conditions) == [] and model.sample(2, seed=0).shape == (2, 8, 8, 1)
    fakes = [chain.fakes(step) for chain in model.chains]
    for k, judge in enumerate(model.discriminators):
        own, real, *fake = (judge(x, training=True).numpy() for x in (IMAGES, others, *fakes))
        entropy = np.mean(np.log(np.exp(own).sum(1)) - own[np.arange(6), labels])
        real, *fake = (np.log(np.exp(out).sum(1)) for out in (real, *fake))
        want = entropy + np.mean(softplus(-real)) + np.mean(softplus(np.stack(fake)))
        assert loss_of(model, f"discriminator_{k + 1}", step) == pytest.approx(want, rel=1e-5)
    said = np.mean([tf.nn.softmax(judge(IMAGES)) for judge in model.discriminators], axis=0)
    np.testing.assert_allclose(model.classify(IMAGES), said, rtol=1e-5)
    assert "classify" in model.signatures() and "classify" not in BayesianGAN(**HOW).signatures()


def test_the_prior_weighs_as_one_of_the_observed_examples():
    """The gradient of -log p / N by a weight is w / (s^2 N), in every player's loss."""
    model = BayesianGAN(**{**HOW, "prior_deviation": 0.5})
    flat = BayesianGAN(**{**HOW, **FLAT})
    flat.set_weights(model.get_weights())
    for name, objective in model.objectives().items():

        def gradients(own):
            one = own.objectives()[name]
            with tf.GradientTape() as tape:
                loss, _ = one.loss(step_of(own, IMAGES))
            return tape.gradient(loss, [v.value for v in one.variables])

        for got, without, weight in zip(gradients(model), gradients(flat), objective.variables, strict=True):
            np.testing.assert_allclose(got - without, weight / (0.25 * 50), atol=2e-6)


def test_chains_follow_the_first_steps_and_share_nothing():
    model = BayesianGAN(**HOW)
    model.compile(run_eagerly=True, jit_compile=False)
    chains, moved = ["discriminator_1", "generator_1", "generator_2"], []
    assert list(model.objectives()) == [f"{name}_burn_in" for name in chains] + chains
    optimizers = [model.optimizers[name] for name in chains]
    assert all(isinstance(one, SGHMC) and one.temperature == 1 / 50 for one in optimizers)
    assert len({one.seed for one in optimizers}) == 3
    for _ in range(4):
        model.train_on_batch(IMAGES)
        moved.append([name for name, one in model.optimizers.items() if int(one.iterations)])
    burnt = [f"{name}_burn_in" for name in chains]
    assert moved == [burnt, burnt, burnt + chains, burnt + chains]
    assert [int(one.iterations) for one in model.optimizers.values()] == [2] * 6
    shared = {v.path for v in model.generators[0].weights} & {v.path for v in model.generators[1].weights}
    assert not shared


def test_a_sample_is_of_one_of_the_generators(several):
    model = several
    kept = [network.get_weights() for network in model.generators]
    try:
        for network, value in zip(model.generators, (-0.5, 0.0, 0.5)):
            dense = network.layers[-2]
            dense.set_weights([0 * dense.kernel, np.full(dense.bias.shape, np.arctanh(value))])
        places = model.sample(900, seed=1).numpy()
    finally:
        for network, values in zip(model.generators, kept):
            network.set_weights(values)
    found = [np.mean(np.all(np.isclose(places, value, atol=1e-6), (1, 2, 3))) for value in (-0.5, 0.0, 0.5)]
    assert found == pytest.approx([1 / 3] * 3, abs=0.04)
    assert [game.generator for game in model.games()] == ["generator_1", "generator_2", "generator_3"]


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(ema_decay=0.9), "their average is no sample of it; received ema_decay=0.9; omit it"),
        (dict(prior_deviation=0.0), "prior_deviation above 0 and a friction in .*; received 0.0 and 0.1"),
        (dict(friction=1.5), "received 1.0 and 1.5"),
        (dict(observed=0), "observed of BayesianGAN must be at least 1; received 0"),
        (dict(generator_samples=0), "an ensemble has at least 1 generator; received 0"),
    ],
)
def test_what_is_no_posterior_is_named(wrong, message):
    with pytest.raises(InputError, match=message):
        BayesianGAN(**{**HOW, **wrong})
