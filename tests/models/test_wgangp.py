"""The penalty, its place, its derivatives, and the critic's pace."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen import losses
from tfgen.layers import BatchNormalization, LayerNormalization
from tfgen.models import WGANGP


def build(**kwargs):
    return WGANGP((16, 16, 1), latent_dim=4, width=4, seed=0, **kwargs)


IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (6, 16, 16, 1)), tf.float32)


def test_the_critic_treats_each_image_alone():
    critic = build().discriminator
    assert any(isinstance(layer, LayerNormalization) for layer in critic.layers)
    assert not any(isinstance(layer, BatchNormalization) for layer in critic.layers)
    np.testing.assert_allclose(
        critic(IMAGES, training=True)[:2], critic(IMAGES[:2], training=True), atol=1e-6
    )


def test_the_loss_is_equation_3():
    model = build()
    loss, logs = model.discriminator_objective(step_of(model, IMAGES))
    fakes, _ = model.fakes(step_of(model, IMAGES))
    alpha = step_of(model, IMAGES).uniform("alpha", 1, 1, 1)
    assert alpha.shape == (6, 1, 1, 1) and len(np.unique(alpha)) == 6  # each image its own
    penalty = losses.gradient_penalty(model.discriminator, IMAGES, fakes, alpha)
    distance = tf.reduce_mean(model.discriminator(fakes)) - tf.reduce_mean(model.discriminator(IMAGES))
    assert float(logs["gradient_penalty"]) == pytest.approx(float(penalty), rel=1e-5)
    assert float(loss) == pytest.approx(float(distance + 10 * penalty), rel=1e-5)


def test_the_penalty_trains_the_critic_by_the_right_gradient():
    """Of the whole normalised critic in float64, against finite differences in a random direction."""
    model = WGANGP((16, 16, 1), latent_dim=4, width=4, seed=0)
    double = type(model.discriminator).from_config(to_float64(model.discriminator.get_config()))
    rng = np.random.default_rng(1)
    for v in double.trainable_variables:
        v.assign(rng.normal(0, 0.3, v.shape))
    real, fake = tf.constant(rng.normal(size=(2, 3, 16, 16, 1)))
    alpha = tf.constant(rng.uniform(size=(3, 1, 1, 1)))
    variables = [v.value for v in double.trainable_variables]
    direction = [rng.normal(size=v.shape) for v in variables]
    with tf.GradientTape() as tape:
        value = losses.gradient_penalty(double, real, fake, alpha)
    gradient = tape.gradient(value, variables)
    exact = sum(np.sum(g * d) for g, d in zip(gradient, direction) if g is not None)
    ends = []
    for step in (1e-6, -2e-6):
        for v, d in zip(variables, direction):
            v.assign_add(step * d)
        ends.append(float(losses.gradient_penalty(double, real, fake, alpha)))
    assert exact == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)


def to_float64(config):
    if isinstance(config, dict):
        return {k: "float64" if k == "dtype" else to_float64(v) for k, v in config.items()}
    return [to_float64(v) for v in config] if isinstance(config, list) else config


def test_a_lower_penalty_is_a_slope_nearer_to_one():
    model = build(penalty_weight=100.0)
    model.compile({name: keras.optimizers.Adam(1e-2) for name in model.objectives()})
    history = model.fit(
        tf.data.Dataset.from_tensors(IMAGES).repeat(60), epochs=3, verbose=0, shuffle=False
    ).history
    assert history["gradient_penalty"][-1] < 0.1 < history["gradient_penalty"][0]


def test_the_generator_moves_in_every_fifth_step():
    model = build()
    model.compile()
    moves = []
    for _ in range(10):
        before = model.generator.get_weights()
        model.train_on_batch(IMAGES)
        moved = [
            not np.array_equal(a, b.numpy()) for a, b in zip(before, model.generator.weights) if b.trainable
        ]
        moves.append(any(moved))
    assert moves == [False, False, False, False, True] * 2
    assert int(model.optimizers["generator"].iterations) == 2


def test_each_update_has_fakes_of_its_own():
    model, step = build(), step_of(build(), IMAGES)
    fakes = []
    for name, objective in model.objectives().items():
        with step.recording(name, objective.variables):
            fakes.append(model.fakes(step)[0])
    assert np.abs(fakes[0] - fakes[1]).max() > 0.01


def test_constants_are_the_paper_s():
    model = WGANGP()
    assert model.penalty_weight == 10 and model.discriminator_steps == 5
    for optimizer in model.default_optimizers().values():
        assert (float(optimizer.learning_rate), optimizer.beta_1, optimizer.beta_2) == (
            pytest.approx(1e-4), 0.0, 0.9)  # fmt: skip
