"""The value of the game, what saturates, the pace, and Parzen windows."""

import numpy as np
import pytest
import tensorflow as tf
from discrete_game import P, Q, best, js_divergence

from tfgen.models import GAN


def build(**kwargs):
    return GAN((4, 4, 1), latent_dim=3, width=8, seed=0, **kwargs)


def test_the_value_at_the_best_discriminator_is_theorem_1():
    model = build()
    v, loss = best(model.adversarial_loss.discriminator)
    np.testing.assert_allclose(1 / (1 + np.exp(-v)), P / (P + Q), atol=1e-5)
    assert -loss == pytest.approx(2 * js_divergence() - np.log(4), abs=1e-8)


def test_only_the_game_as_it_stands_saturates():
    """Where D is sure of a fake, logit -10, minimax leaves G no gradient; the other way leaves all."""
    slopes = []
    for saturating in (True, False):
        v, model = tf.constant([[-10.0]]), build(saturating=saturating)
        with tf.GradientTape() as tape:
            tape.watch(v)
            loss = model.adversarial_loss.generator(v)
        slopes.append(float(tape.gradient(loss, v)[0, 0]))
    assert slopes == [pytest.approx(-4.5e-5, rel=0.01), pytest.approx(-1, rel=1e-3)]


def test_the_generator_moves_in_every_kth_step():
    model = build(discriminator_steps=3)
    model.compile()
    images, moves = tf.zeros((4, 4, 4, 1)), []
    for _ in range(6):
        before = model.generator.get_weights()
        model.train_on_batch(images)
        moves.append(any(not np.array_equal(a, b) for a, b in zip(before, model.generator.get_weights())))
    assert moves == [False, False, True] * 2


def test_networks_are_dense():
    kinds = {type(layer).__name__ for layer in build().discriminator.layers + build().generator.layers}
    assert "Dense" in kinds and not any("Conv" in kind or "Normalization" in kind for kind in kinds)
