"""A step: noise by name, and what is computed once."""

import zlib

import keras
import numpy as np
import tensorflow as tf
from steps import step_of
from toy import IMAGES, RATE, Toy, toy, weights

from tfgen import random
from tfgen.models.base import Objective

# Noise.


def test_noise_is_a_function_of_seed_step_and_name():
    model = toy()
    model.step.assign(7)
    step = step_of(model, IMAGES)
    z = step.normal("z", 3).numpy()
    assert z.shape == (5, 3) and step.uniform("u", 2, 2).shape == (5, 2, 2)
    np.testing.assert_array_equal(step.normal("z", 3), z)  # one name, one draw
    again = step_of(model, IMAGES)
    again.uniform("other", 2)  # what else is drawn does not matter
    np.testing.assert_array_equal(again.normal("z", 3), z)
    few = step_of(model, IMAGES[:2])  # nor how many there are
    np.testing.assert_array_equal(few.uniform("u", 3), step.uniform("u", 3)[:2])
    np.testing.assert_allclose(few.normal("z", 3), z[:2], atol=1e-6)
    key = random.key(model.seed, 1, zlib.crc32(b"z"), 7)
    np.testing.assert_array_equal(step.key("z"), key)
    np.testing.assert_array_equal(random.normal(key, (5, 3)), z)
    others = [step.normal("y", 3), step_of(model, IMAGES, training=False).normal("z", 3)]
    others.append(step_of(Toy(seed=1), IMAGES).normal("z", 3))
    model.step.assign(8)
    others.append(step_of(model, IMAGES).normal("z", 3))
    for other in others:
        assert (np.abs(other - z) > 1e-6).all()


# What is computed once.


def test_a_computation_is_made_once_in_a_step():
    model = toy()
    step = step_of(model, IMAGES)
    assert model.shared(step) is model.shared(step) and model.passes == 1
    assert model.shared(step_of(model, IMAGES)) is not model.shared(step) and model.passes == 2


def play(objectives, once):
    """(the weights after a step, how often the body was run), by shared or by fresh features."""
    model = toy(lambda model: objectives(model))
    if not once:
        model.shared = model.features
    model.train_on_batch(IMAGES)
    return {name: weights(getattr(model, name)) for name in ("body", "left", "right")}, model.passes


def test_a_later_objective_continues_a_shared_pass_backwards():
    """The left head learns from the features, then the body by the new head: as if it ran again."""

    def game(model):
        return {
            "left": Objective(model.left_loss, (model.left,)),
            "body": Objective(model.game_loss, (model.body,)),
        }

    (shared, once), (fresh, twice) = play(game, True), play(game, False)
    assert (once, twice) == (1, 2)
    start = toy()
    for name in ("body", "left"):
        assert np.abs(shared[name] - weights(getattr(start, name))).max() > 1e-3
        np.testing.assert_allclose(shared[name], fresh[name], rtol=1e-5, atol=1e-7, err_msg=name)


def test_an_objective_s_gradient_reaches_its_own_networks_alone():
    def both(model):
        return {
            "left": Objective(model.left_loss, (model.left,)),
            "right": Objective(model.right_loss, (model.right,)),
            "body": Objective(model.game_loss, (model.body,)),
        }

    model = toy(both)
    before = {name: weights(getattr(model, name)) for name in ("body", "left", "right")}
    model.minimize("left", model.objectives()["left"], step_of(model, IMAGES))
    moved = {name for name, was in before.items() if (weights(getattr(model, name)) != was).any()}
    assert moved == {"left"}
    with tf.GradientTape() as tape:
        fresh = toy()
        loss, _ = fresh.left_loss(step_of(fresh, IMAGES))
    slopes = tape.gradient(loss, fresh.left.trainable_variables)
    moves = [w - RATE * g for w, g in zip(fresh.left.get_weights(), slopes)]
    np.testing.assert_allclose(weights(model.left), np.concatenate([np.ravel(m) for m in moves]), rtol=1e-5)


def test_two_objectives_that_share_variables_are_two_updates():
    """w1 = w0 - r g1(w0), w2 = w1 - r g2(w1): of fresh features, the second sees the first's update."""

    def both(model):
        return {
            "left": Objective(model.left_loss, (model.body, model.left)),
            "right": Objective(model.right_loss, (model.body, model.right)),
        }

    (ours, _) = play(both, False)
    model = toy()
    for head, loss in ((model.left, model.left_loss), (model.right, model.right_loss)):
        variables = [*model.body.trainable_variables, *head.trainable_variables]
        with tf.GradientTape() as tape:
            value, _ = loss(step_of(model, IMAGES))
        for variable, slope in zip(variables, tape.gradient(value, variables)):
            variable.assign_sub(RATE * slope)
    for name, ended in ours.items():
        np.testing.assert_allclose(ended, weights(getattr(model, name)), rtol=1e-5, atol=1e-7, err_msg=name)


def test_two_objectives_that_share_variables_and_a_pass_take_the_gradients_of_that_pass():
    """w2 = w0 - r (g1(w0) + g2(w0)) for the body, which ran once."""

    def both(model):
        return {
            "left": Objective(model.left_loss, (model.body, model.left)),
            "right": Objective(model.right_loss, (model.body, model.right)),
        }

    ours, passes = play(both, True)
    model = toy()
    with tf.GradientTape() as tape:
        step = step_of(model, IMAGES)
        value = model.left_loss(step)[0] + model.right_loss(step)[0]
    slopes = tape.gradient(value, model.body.trainable_variables)
    moved = [w - RATE * g for w, g in zip(model.body.get_weights(), slopes)]
    assert passes == 1
    np.testing.assert_allclose(ours["body"], np.concatenate([np.ravel(m) for m in moved]), rtol=1e-5)


def test_networks_that_share_a_layer_have_its_variables_once():
    model = toy()
    objective = Objective(model.left_loss, (model.body, keras.Sequential([*model.body.layers, model.left])))
    kernels = [*model.body.trainable_variables, *model.left.trainable_variables]
    assert [id(v) for v in objective.variables] == [id(v) for v in kernels]
