"""Adversarial losses at logits worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tfgen import losses

REAL, FAKE = tf.constant([[2.0], [0.0]]), tf.constant([[-1.0], [3.0]])
sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731


@pytest.mark.parametrize(
    "value, by_hand",
    [
        (
            losses.minimax_discriminator_loss(REAL, FAKE),
            -(np.log(sigmoid(2)) + np.log(0.5)) / 2 - (np.log(1 - sigmoid(-1)) + np.log(1 - sigmoid(3))) / 2,
        ),
        (losses.minimax_generator_loss(FAKE), (np.log(1 - sigmoid(-1)) + np.log(1 - sigmoid(3))) / 2),
        (losses.non_saturating_generator_loss(FAKE), -(np.log(sigmoid(-1)) + np.log(sigmoid(3))) / 2),
        (losses.wasserstein_discriminator_loss(REAL, FAKE), 1.0 - 1.0),
        (losses.wasserstein_generator_loss(FAKE), -1.0),
        (losses.hinge_discriminator_loss(REAL, FAKE), (0 + 1) / 2 + (0 + 4) / 2),
        (losses.hinge_generator_loss(FAKE), -1.0),
    ],
)
def test_losses_at_known_logits(value, by_hand):
    assert float(value) == pytest.approx(by_hand, abs=1e-6)


def test_the_penalty_of_a_linear_critic():
    """Its slope is the norm of its weights everywhere, so that the penalty is (|w| - 1)^2."""
    w = tf.constant(np.random.default_rng(0).normal(size=(3, 3, 1)), tf.float32)
    real, fake = tf.zeros((4, 3, 3, 1)), tf.ones((4, 3, 3, 1))
    penalty = losses.gradient_penalty(
        lambda x: tf.reduce_sum(x * w, (1, 2, 3))[:, None], real, fake, tf.fill((4, 1, 1, 1), 0.3)
    )
    assert float(penalty) == pytest.approx((np.linalg.norm(w) - 1) ** 2, rel=1e-5)


def test_the_penalty_is_taken_between_real_and_fake():
    """Of a critic x^2 / 2 on one pixel: slope x, at real + alpha (fake - real)."""
    real, fake = tf.fill((1, 1, 1, 1), 1.0), tf.fill((1, 1, 1, 1), 5.0)
    penalty = losses.gradient_penalty(lambda x: x[:, 0, 0] ** 2 / 2, real, fake, tf.fill((1, 1, 1, 1), 0.25))
    assert float(penalty) == pytest.approx((2.0 - 1) ** 2, rel=1e-5)
