"""Adversarial losses at logits worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf
from discrete_game import best
from steps import step_of

from tfgen import losses
from tfgen.models import GAN

REAL, FAKE = tf.constant([[2.0], [0.0]]), tf.constant([[-1.0], [3.0]])
sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731


@pytest.mark.parametrize(
    "value, by_hand",
    [
        (
            losses.Minimax().discriminator(REAL, FAKE),
            -(np.log(sigmoid(2)) + np.log(0.5)) / 2 - (np.log(1 - sigmoid(-1)) + np.log(1 - sigmoid(3))) / 2,
        ),
        (
            losses.Minimax(saturating=True).generator(FAKE),
            (np.log(1 - sigmoid(-1)) + np.log(1 - sigmoid(3))) / 2,
        ),
        (losses.Minimax().generator(FAKE), -(np.log(sigmoid(-1)) + np.log(sigmoid(3))) / 2),
        (losses.Wasserstein().discriminator(REAL, FAKE), 1.0 - 1.0),
        (losses.Wasserstein().generator(FAKE), -1.0),
        (losses.Hinge().discriminator(REAL, FAKE), (0 + 1) / 2 + (0 + 4) / 2),
        (losses.Hinge().generator(FAKE), -1.0),
        (losses.LeastSquares(-1.0, 1.0, 0.5).discriminator(REAL, FAKE), (1 + 1) / 4 + (0 + 16) / 4),
        (losses.LeastSquares(-1.0, 1.0, 0.5).generator(FAKE), (1.5**2 + 2.5**2) / 4),
        (losses.FDivergence("pearson").discriminator(REAL, FAKE), (0.25 - 1 + 2.25 + 3) / 2 - 1.0),
        (losses.FDivergence("kl").generator(FAKE), -1.0),
        (losses.FDivergence("kl", saturating=True).generator(FAKE), -(np.exp(-2) + np.exp(2)) / 2),
    ],
)
def test_losses_at_known_logits(value, by_hand):
    assert float(value) == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize(
    "loss",
    [
        losses.Minimax(),
        losses.LeastSquares(),
        losses.LeastSquares(-1.0, 1.0, 0.0),
        *(losses.FDivergence(name) for name in losses.DIVERGENCES),
        losses.DensityRatio("pearson"),
        losses.DensityRatio("kl", relative=0.5),
    ],
    ids=lambda loss: f"{type(loss).__name__} {' '.join(map(str, vars(loss).values()))}",
)
def test_zero_decides_where_the_best_scores_change_sign_with_the_odds(loss):
    """At the best discriminator of P = (.4 .3 .2 .1) against Q = (.1 .2 .2 .5): real, real, even, fake."""
    v, _ = best(loss.discriminator)
    signs = np.where(abs(v) < 1e-3, 0, np.sign(v))
    assert loss.zero_decides == (signs.tolist() == [1, 1, 0, -1])


def test_a_constant_added_to_all_scores_is_nothing_to_a_critic():
    """So that its zero decides nothing; it moves the hinge, whose zero does."""
    for loss in (losses.Wasserstein(), losses.Hinge()):
        moved = loss.discriminator(REAL + 5, FAKE + 5) - loss.discriminator(REAL, FAKE)
        assert (abs(float(moved)) < 1e-5) != loss.zero_decides


def test_a_relativistic_loss_is_given_the_scores_of_real_images():
    """Jolicoeur-Martineau (2019): a fake's score counts by its lead over a real image's."""

    class Relativistic(losses.Loss):
        zero_decides, relativistic = False, True

        def discriminator(self, real, fake):
            return tf.reduce_mean(tf.nn.softplus(fake - real))

        def generator(self, fake, real=None):
            return self.discriminator(fake, real)

    model = GAN((4, 4, 1), latent_dim=3, width=8, seed=0)
    model.adversarial_loss = Relativistic()
    images = tf.constant(np.random.default_rng(0).uniform(-1, 1, (5, 4, 4, 1)), tf.float32)
    loss, _ = model.generator_objective(step_of(model, images, training=False))
    lead = model.score(images) - model.score(model.fakes(step_of(model, images, training=False))[0])
    assert float(loss) == pytest.approx(float(tf.reduce_mean(tf.nn.softplus(lead))), rel=1e-5)
    assert not model.games()[0].zero_decides


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


@pytest.mark.parametrize("shape", [(6,), (2, 3), (2, 3, 1, 1)])
def test_the_penalty_of_any_rank_and_target(shape):
    """A critic w x of |w| = 5 in all, at a wanted slope of 2."""
    w = tf.constant(np.reshape([3.0, 4.0, 0, 0, 0, 0], shape), tf.float32)
    x = tf.zeros((4, *shape))
    critic = lambda x: tf.reduce_sum(tf.reshape(x * w, (4, 6)), 1, keepdims=True)  # noqa: E731
    alpha = tf.ones((4, *(1 for _ in shape)))
    assert float(losses.gradient_penalty(critic, x, x, alpha, target=2.0)) == pytest.approx(9, rel=1e-5)
