"""The generator's goal is the decision boundary, from either side."""

import numpy as np
import pytest
import tensorflow as tf
from discrete_game import P, Q, best

from tfgen.models import BSGAN


def build():
    return BSGAN((1, 1, 2), latent_dim=2, width=4, body="dense", seed=0)


def test_the_loss_is_of_the_log_odds():
    logits = np.array([[1.2], [-0.4]])
    d = 1 / (1 + np.exp(-logits))
    by_hand = np.mean((np.log(d) - np.log(1 - d)) ** 2) / 2
    assert float(build().adversarial_loss.generator(tf.constant(logits))) == pytest.approx(by_hand)


def test_fakes_that_are_too_real_come_back():
    logits = tf.constant([[3.0], [-2.0], [0.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = build().adversarial_loss.generator(logits)
    np.testing.assert_allclose(tape.gradient(loss, logits), [[1.0], [-2 / 3], [0.0]], atol=1e-6)


def test_the_best_logit_is_the_log_ratio():
    v, _ = best(build().adversarial_loss.discriminator)
    np.testing.assert_allclose(v, np.log(P / Q), atol=1e-5)
