"""A stage of GoGAN ranks reals above its fakes, and these above those of the stage before, which rests."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.layers import Clip
from tfgen.models import GoGAN

IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)), tf.float32)
HOW = {**GoGAN.tiny, "seed": 0}


def gradients(model, loss):
    """Of the critic's variables, by a function of nothing."""
    variables = [v.value for v in model.discriminator.trainable_variables]
    with tf.GradientTape() as tape:
        value = loss()
    return [x.numpy() for x in tape.gradient(value, variables, unconnected_gradients="zero")]


def scored(model, step):
    return model.score(IMAGES), model.score(tf.stop_gradient(model.fakes(step)[0]))


def test_hinges_are_those_of_the_reals_over_both_fakes():
    """Fakes of one row, of margins e and 2 e; the former stage's are scored by the former critic."""
    model = GoGAN(**{**HOW, "margin": 0.2, "ranking_weight": 0.7})
    model.previous_discriminator.set_weights([1.1 * v for v in model.previous_discriminator.get_weights()])
    step = step_of(model, IMAGES)
    real, fake = (x.numpy() for x in scored(model, step))
    z = model.draw_codes(step.key("z of the stage before"), 4)
    before = model.previous_discriminator(model.previous_generator(z)).numpy()
    first, second = np.mean(np.maximum(0, fake + 0.2 - real)), np.mean(np.maximum(0, before + 0.4 - real))
    assert min(first, second) > 0
    loss, logs = model.ranking_objective(step)
    assert float(loss) == pytest.approx(first + 0.7 * second, rel=1e-5)
    assert [float(x) for x in logs.values()] == pytest.approx([first, second], rel=1e-5)
    assert float(model.discriminator_objective(step)[0]) == pytest.approx(first, rel=1e-5)
    assert float(model.generator_objective(step)[0]) == pytest.approx(-fake.mean(), rel=1e-5)


def test_a_wide_margin_leaves_wgan_s_gradient_and_a_pull_on_the_reals():
    model = GoGAN(**{**HOW, "margin": 1e3, "ranking_weight": 0.5})
    step = step_of(model, IMAGES)
    got = gradients(model, lambda: model.ranking_objective(step)[0])

    def by_hand():
        real, fake = scored(model, step)
        return tf.reduce_mean(fake) - 1.5 * tf.reduce_mean(real)

    for a, b in zip(got, gradients(model, by_hand)):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert got[-1] == pytest.approx(-0.5)  # of the bias of all scores


def test_reals_that_lead_by_the_margins_move_nothing():
    model = GoGAN(**{**HOW, "margin": 0.01})
    step = step_of(model, IMAGES)
    real = model.score

    def far(images, labels=None, training=False):
        return real(images) + (10.0 if images is step.batch["images"] else 0.0)

    model.score = far
    loss, _ = model.ranking_objective(step)
    assert float(loss) == 0
    assert not any(x.any() for x in gradients(model, lambda: model.ranking_objective(step)[0]))


def test_a_stage_begins_with_the_networks_of_the_former_which_then_rest():
    model = GoGAN(**{**HOW, "stages": 3})
    assert [model.stage(k) for k in range(1, 8)] == [0, 0, 1, 1, 2, 2, 2]
    model.compile(run_eagerly=True, jit_compile=False)
    seen = []
    for _ in range(6):
        model.train_on_batch(IMAGES)
        pairs = ("generator", "discriminator", "previous_generator", "previous_discriminator")
        seen.append({name: getattr(model, name).get_weights() for name in pairs})

    def same(a, b):
        return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))

    for place, ended in ((2, 1), (3, 1), (4, 3), (5, 3)):  # steps 3 and 4 look at the end of step 2
        for name in ("generator", "discriminator"):
            assert same(seen[place][f"previous_{name}"], seen[ended][name]), (place, name)
            assert not same(seen[place][name], seen[ended][name])
    assert model.optimizers["ranking"].iterations == 4 and model.optimizers["discriminator"].iterations == 2


@pytest.mark.parametrize("margin, least", [(0.5, 0.0), (1.0, 0.0), (1.5, 0.5)])
def test_a_critic_of_slope_one_keeps_points_at_a_distance_of_one_apart_by_a_margin_up_to_one(margin, least):
    critic = keras.Sequential([keras.Input((1, 1, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    config = dict(image_shape=(1, 1, 1), latent_dim=2, width=2, body="dense", clip=1.0, seed=0)
    model = GoGAN(**config, margin=margin, discriminator=critic)
    assert isinstance(critic.layers[-1].kernel.constraint, Clip)
    losses = []
    for slope in np.linspace(-1, 1, 9):
        critic.layers[-1].set_weights([np.full((1, 1), slope), np.zeros(1)])
        real, fake = model.score(tf.ones((1, 1, 1, 1))), model.score(tf.zeros((1, 1, 1, 1)))
        losses.append(float(model.adversarial_loss.discriminator(real, fake)))
    assert min(losses) == pytest.approx(least)


@pytest.mark.parametrize("wrong", [dict(stages=0), dict(stage_steps=0), dict(margin=-1.0)])
def test_stages_that_cannot_be_are_named(wrong):
    with pytest.raises(InputError, match="GoGAN has at least 1 stage, of at least 1 step, and a margin"):
        GoGAN(**{**HOW, **wrong})
