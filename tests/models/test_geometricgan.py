"""The hinge: its value at the best discriminator is 2 (1 - total variation)."""

import numpy as np
import pytest
import tensorflow as tf
from discrete_game import P, Q, scores

from tfgen.models import GeometricGAN


def test_the_best_hinge_is_the_total_variation():
    model = GeometricGAN((1, 1, 2), latent_dim=2, width=4, body="dense", seed=0)
    loss = lambda v: float(model.adversarial_loss.discriminator(*scores(tf.constant(v, tf.float64))))  # noqa: E731
    best = np.where(P >= Q, 1.0, -1.0)
    least = loss(best)
    assert least == pytest.approx(2 * (1 - 0.5 * np.abs(P - Q).sum()), abs=1e-9)
    rng = np.random.default_rng(0)
    assert all(loss(best + rng.normal(size=4)) >= least - 1e-9 for _ in range(50))


def test_images_beyond_the_margin_do_not_move_the_discriminator():
    model = GeometricGAN((1, 1, 2), latent_dim=2, width=4, body="dense", seed=0)
    v = tf.constant([[1.5], [0.5]])
    with tf.GradientTape() as tape:
        tape.watch(v)
        loss = model.adversarial_loss.discriminator(v, tf.constant([[-1.5]]))
    np.testing.assert_allclose(tape.gradient(loss, v), [[0.0], [-0.5]])
    assert float(model.adversarial_loss.generator(v)) == pytest.approx(-1.0)
