"""The energy, the margin, and the repelling term."""

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.models import EBGAN
from tfgen.models.adversarial.ebgan import repelling_term

IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 1)), tf.float32)


def build(**kwargs):
    model = EBGAN((8, 8, 1), latent_dim=4, width=4, seed=0, **{"margin": 3.0, **kwargs})
    model.compile(jit_compile=False)
    return model


def test_the_energy_is_the_distance_to_the_reconstruction():
    model = build()
    again, codes = model.discriminator(IMAGES)
    by_hand = [np.linalg.norm(a - b) for a, b in zip(again.numpy(), IMAGES.numpy())]
    assert codes.shape == (6, 4)
    np.testing.assert_allclose(model.score(IMAGES), -np.array(by_hand)[:, None], rtol=1e-5)


def test_losses_by_hand():
    """Energies 2 and 1 of real images; 0.5 below the margin of 3 and 7 beyond it of fakes."""
    model, real, fake = build(), -tf.constant([[2.0], [1.0]]), -tf.constant([[0.5], [7.0]])
    assert float(model.adversarial_loss.discriminator(real, fake)) == pytest.approx(1.5 + (2.5 + 0) / 2)
    assert float(model.adversarial_loss.generator(fake)) == pytest.approx(3.75)


def test_fakes_beyond_the_margin_do_not_move_the_discriminator():
    def gradients(margin):
        model = build(margin=margin)
        variables = model.discriminator.trainable_variables
        fakes, _ = model.fakes(step_of(model, IMAGES))
        energies = -model.score(fakes, training=True)
        with tf.GradientTape() as tape:
            loss = model.adversarial_loss.discriminator(tf.zeros((6, 1)), model.score(fakes, training=True))
        values = tape.gradient(loss, variables)
        return float(loss), max(float(tf.reduce_max(abs(g))) for g in values), energies.numpy()

    *_, energies = gradients(0.0)
    assert gradients(float(energies.min()) * 0.9)[:2] == (0.0, 0.0)
    loss, slope, _ = gradients(float(energies.max()) + 1)
    assert loss > 1 and slope > 0


def test_the_repelling_term_by_hand():
    codes = np.random.default_rng(1).normal(size=(5, 3)).astype("float32")
    total = 0.0
    for i in range(5):
        for j in range(5):
            cosine = codes[i] @ codes[j] / np.linalg.norm(codes[i]) / np.linalg.norm(codes[j])
            total += cosine**2 * (i != j)
    assert float(repelling_term(tf.constant(codes))) == pytest.approx(total / 20, rel=1e-5)
    assert float(repelling_term(tf.eye(4))) == pytest.approx(0, abs=1e-6)
    assert float(repelling_term(tf.ones((4, 3)))) == pytest.approx(1, rel=1e-5)
    assert float(repelling_term(tf.ones((1, 3)))) == 0  # one code has no pairs


def test_the_repelling_term_weighs_on_the_generator_alone():
    losses = {}
    for weight in (0.0, 2.0):
        model = build(repelling_weight=weight)
        losses[weight] = {}
        for name, objective in model.objectives().items():
            losses[weight][name] = objective.loss(step_of(model, IMAGES))
    (plain, logs), (repelled, _) = (losses[w]["generator"] for w in (0.0, 2.0))
    assert 0 < float(logs["repelling"]) <= 1
    assert float(repelled - plain) == pytest.approx(2 * float(logs["repelling"]), rel=1e-4)
    assert float(losses[0.0]["discriminator"][0]) == pytest.approx(float(losses[2.0]["discriminator"][0]))


def test_the_term_of_two_devices_is_that_of_the_whole_batch(two_devices):
    """Its value, and the gradients' sum as Keras adds them up: each device's of half the loss."""
    codes = tf.constant(np.random.default_rng(2).normal(size=(6, 3)), tf.float32)
    weights = tf.constant(np.random.default_rng(3).normal(size=(3, 3)), tf.float32)

    def of(rows, share):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            value = repelling_term(rows @ weights)
            loss = value * share
        return value, tape.gradient(loss, weights)

    @tf.function
    def both():
        def one():
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            return of(tf.gather(tf.reshape(codes, (2, 3, 3)), replica), 0.5)

        value, gradient = two_devices.run(one)
        return two_devices.experimental_local_results(value), two_devices.reduce("SUM", gradient, axis=None)

    value, gradient = of(codes, 1.0)
    values, total = both()
    np.testing.assert_allclose(values, [value, value], rtol=1e-5)
    np.testing.assert_allclose(total, gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape, body", [((29, 40, 3), "convolutional"), ((1, 1, 2), "dense")])
def test_any_size(shape, body):
    model = EBGAN(shape, latent_dim=4, width=2, body=body, seed=0)
    images = model.sample(2, seed=0)
    assert images.shape == (2, *shape) and model.score(images).shape == (2, 1)
