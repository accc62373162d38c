"""Least squares at known scores, and the divergence they stand for."""

import numpy as np
import pytest
import tensorflow as tf
from discrete_game import P, Q, best, scores

from tfgen.models import LSGAN

REAL, FAKE = tf.constant([[2.0], [0.0]]), tf.constant([[-1.0], [3.0]])


def build(**kwargs):
    return LSGAN((1, 1, 2), latent_dim=2, width=4, body="dense", seed=0, **kwargs)


def test_losses_at_known_scores():
    loss = build(a=-1.0, b=1.0, c=0.5).adversarial_loss
    assert float(loss.discriminator(REAL, FAKE)) == pytest.approx((1 + 1) / 4 + (0 + 16) / 4)
    assert float(loss.generator(FAKE)) == pytest.approx((1.5**2 + 2.5**2) / 4)


def test_the_generator_minimises_pearson_s_chi_squared():
    model = build(a=-1.0, b=1.0, c=0.0)  # b - c = 1 and b - a = 2
    v, _ = best(model.adversarial_loss.discriminator)
    np.testing.assert_allclose(v, (P - Q) / (P + Q), atol=1e-6)
    real, fake = scores(tf.constant(v, tf.float64))
    # Of real images the generator's loss is a constant, that the divergence counts (eq. 5).
    both = 2 * float(model.adversarial_loss.generator(real) + model.adversarial_loss.generator(fake))
    assert both == pytest.approx(np.sum((2 * Q - (P + Q)) ** 2 / (P + Q)), abs=1e-6)


def test_far_fakes_on_the_right_side_still_have_a_gradient():
    far = tf.constant([[9.0]])
    with tf.GradientTape() as tape:
        tape.watch(far)
        loss = build().adversarial_loss.generator(far)
    assert float(tape.gradient(loss, far)[0, 0]) == pytest.approx(8.0)
