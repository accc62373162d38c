"""BiGAN: pairs are told apart, and the encoder learns."""

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen import losses
from tfgen.models import BiGAN

IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 1)), tf.float32)


@pytest.fixture
def model():
    model = BiGAN(**BiGAN.tiny, weight_decay=0.0, seed=0)
    model.compile()
    return model


def value(real, fake):
    """V of logits, each with its probability."""
    real, fake = (sum(p * np.log(1 / (1 + np.exp(-sign * s))) for p, s in pairs)
                  for sign, pairs in ((1, real), (-1, fake)))  # fmt: skip
    return real + fake


def test_only_a_discriminator_of_pairs_sees_an_independent_generator():
    """Two atoms: (x, E(x)) is 00 or 11, (G(z), z) any of four; the marginals are equal."""
    # log D / (1 - D) of a pair: at 00 and 11, 1/2 against 1/4; at 01 and 10 it is fake, a logit of -40.
    best = value([(1.0, np.log(2))], [(0.5, np.log(2)), (0.5, -40.0)])
    assert best == pytest.approx(1.5 * np.log(4 / 3) - np.log(4), abs=1e-5)
    assert value([(1.0, 0.0)], [(1.0, 0.0)]) == pytest.approx(-np.log(4))  # the best that sees x alone
    real, fake = (tf.constant(scores)[:, None] for scores in ([np.log(2)] * 4, [np.log(2)] * 2 + [-40.0] * 2))
    assert float(losses.Minimax().discriminator(real, fake)) == pytest.approx(-best, rel=1e-5)


def test_the_losses_are_the_papers(model):
    step = step_of(model, IMAGES)
    fakes, z = model.fakes(step)
    real = model.pair_score(IMAGES, model.encoder(IMAGES, training=True), True).numpy()
    fake = model.pair_score(fakes, z, True).numpy()
    loss, _ = model.discriminator_objective(step)
    assert float(loss) == pytest.approx(np.mean(np.log1p(np.exp(-real))) + np.mean(np.log1p(np.exp(fake))))
    loss, _ = model.generator_objective(step)
    assert float(loss) == pytest.approx(np.mean(np.log1p(np.exp(real))) + np.mean(np.log1p(np.exp(-fake))))


def test_the_encoders_gradient_does_not_saturate_where_the_discriminator_is_sure(model):
    score = tf.constant([[8.0]])
    with tf.GradientTape() as tape:
        tape.watch(score)
        loss = model.adversarial_loss.discriminator(tf.constant([[0.0]]), score)  # as the objective has it
    assert float(tape.gradient(loss, score)[0, 0]) == pytest.approx(1 / (1 + np.exp(-8)), rel=1e-4)


def test_each_objective_moves_its_networks_and_the_encoder_learns(model):
    before = {name: getattr(model, name).get_weights() for name in model.own_networks}

    def moved(name):
        network = getattr(model, name)
        pairs = zip(network.weights, before[name])
        return [not np.array_equal(v, was) for v, was in pairs if v.trainable]

    for objective, networks in (
        ("discriminator", ["discriminator"]),
        ("generator", ["generator", "encoder"]),
    ):
        model.minimize(objective, model.objectives()[objective], step_of(model, IMAGES))
        for name in model.own_networks:
            assert any(moved(name)) == (name in networks), (objective, name)
            before[name] = getattr(model, name).get_weights()


def test_the_discriminator_sees_which_code_belongs_to_which_image(model):
    z = model.draw_codes(model.key_of(0), 6)
    images = model.generate(z)
    paired, shuffled = (model.pair_score(images, codes).numpy() for codes in (z, tf.roll(z, 1, axis=0)))
    assert np.abs(paired - shuffled).min() > 1e-6
    # Not by a sum of two scores: what a code adds is another number for another image.
    added = [model.pair_score(images, z) - model.pair_score(images, -z) for images in (images, IMAGES)]
    assert np.abs(added[0] - added[1]).min() > 1e-6


def test_weight_decay_adds_half_the_squares_of_the_objectives_own_weights():
    plain, decayed = (BiGAN(**BiGAN.tiny, weight_decay=w, seed=0) for w in (0.0, 0.5))
    for name, objective in plain.objectives().items():
        squares = sum(float(tf.reduce_sum(v**2)) for v in objective.variables)
        (loss, _), (other, _) = (
            model.objectives()[name].loss(step_of(model, IMAGES)) for model in (plain, decayed)
        )
        assert float(other - loss) == pytest.approx(0.25 * squares, rel=1e-4)


def test_reconstructions_are_of_the_codes(model):
    z = model.encode(IMAGES)
    assert z.shape == (6, 4)
    np.testing.assert_allclose(model.reconstruct(IMAGES), model.decode(z), atol=1e-6)
