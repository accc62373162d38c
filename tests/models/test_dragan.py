"""The penalty is on slopes around real images, and on nothing else."""

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen import losses
from tfgen.models import DRAGAN

IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (6, 16, 16, 1)), tf.float32)


def build(**kwargs):
    return DRAGAN((16, 16, 1), latent_dim=4, width=4, seed=0, **kwargs)


def test_the_loss_is_the_game_s_with_the_penalty_at_noisy_real_images():
    model = build(noise=0.2)
    loss, logs = model.discriminator_objective(step_of(model, IMAGES))
    fakes, _ = model.fakes(step_of(model, IMAGES))
    noise = step_of(model, IMAGES).normal("noise", 16, 16, 1)
    with tf.GradientTape() as tape:
        x = IMAGES + 0.2 * noise
        tape.watch(x)
        score = model.discriminator(x)
    slope = np.linalg.norm(tf.reshape(tape.gradient(score, x), (6, -1)), axis=1)
    penalty = np.mean((slope - 1) ** 2)
    game = losses.Minimax().discriminator(model.discriminator(IMAGES), model.discriminator(fakes))
    assert float(logs["gradient_penalty"]) == pytest.approx(penalty, rel=1e-4)
    assert float(loss) == pytest.approx(float(game) + 10 * penalty, rel=1e-4)


def test_each_image_is_treated_alone():
    critic = build().discriminator
    np.testing.assert_allclose(
        critic(IMAGES, training=True)[:2], critic(IMAGES[:2], training=True), atol=1e-6
    )
