"""The critic's slope is bounded by its clipped weights, and its value is the earth mover's distance."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.layers import Clip
from tfgen.models import WGAN


def test_a_linear_critic_finds_the_earth_mover_s_distance_of_two_points():
    """Of slope at most `clip` in each value: clip * |shift|_1, the distance times its constant."""
    shift = np.random.default_rng(0).normal(size=(1, 4, 4, 1)).astype("float32")
    critic = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(1, kernel_constraint=Clip(0.1))]
    )
    how = dict(latent_dim=2, width=4, body="dense", clip=0.1, seed=0)
    model = WGAN((4, 4, 1), **how, discriminator=critic)
    model.compile({name: keras.optimizers.RMSprop(1e-2) for name in model.objectives()})
    real, fake = tf.zeros((1, 4, 4, 1)), tf.constant(shift)
    model.fakes = lambda step: (fake, None)
    for _ in range(100):
        model.minimize("discriminator", model.objectives()["discriminator"], step_of(model, real))
    loss, _ = model.discriminator_objective(step_of(model, real, training=False))
    assert -float(loss) == pytest.approx(0.1 * np.abs(shift).sum(), rel=1e-5)


def test_every_weight_of_the_critic_is_clipped_and_none_of_the_generator():
    model = WGAN((16, 16, 1), latent_dim=4, width=4, clip=0.002, discriminator_steps=2, seed=0)
    model.compile()
    model.train_on_batch(tf.zeros((4, 16, 16, 1)))
    assert all(np.abs(v).max() <= 0.002 for v in model.discriminator.trainable_variables)
    assert max(np.abs(v).max() for v in model.generator.trainable_variables) > 0.1


def test_constants_are_the_paper_s():
    model = WGAN((16, 16, 1), width=4)
    assert model.clip == 0.01 and model.discriminator_steps == 5
    start = model.generator.layers[0].kernel  # Glorot's, of all players of `StandardGAN`
    assert np.abs(start).max() == pytest.approx(np.sqrt(6 / sum(start.shape)), rel=0.01)
    for optimizer in model.default_optimizers().values():
        assert isinstance(optimizer, keras.optimizers.RMSprop)
        assert float(optimizer.learning_rate) == pytest.approx(5e-5)
