"""Who is updated when: averages, turns, what data decide, and stages."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from toy import IMAGES, Toy, rested, toy, weights

from tfgen.errors import InputError
from tfgen.models.base import Objective
from tfgen.models.monitoring import Means, shared
from tfgen.models.step import Step


def averaged(given, steps=3, **how):
    model = Toy(given, seed=0, ema_decay=0.5)
    model.compile(jit_compile=False, **how)
    seen = [weights(model.body)]
    for _ in range(steps):
        model.train_on_batch(IMAGES)
        seen.append(weights(model.body))
    return model, seen


def test_averages_move_once_a_step_under_two_objectives_of_a_network():
    def both(model):
        return {
            "left": Objective(model.left_loss, (model.body, model.left)),
            "right": Objective(model.right_loss, (model.body, model.right)),
        }

    model, seen = averaged(both)
    copy = seen[0]
    for t, value in enumerate(seen[1:], start=1):
        decay = min(0.5, (1 + t) / (10 + t))
        copy = decay * copy + (1 - decay) * value
    np.testing.assert_allclose(weights(model.averages["body"]), copy, rtol=1e-5)
    assert int(model.average_updates["body"].numpy()) == 3


def test_an_average_follows_the_updates_of_its_network_alone():
    def rarely(model):
        return {
            "left": Objective(model.left_loss, (model.left,)),
            "body": Objective(model.game_loss, (model.body,), every=2),
        }

    model, seen = averaged(rarely, steps=5)
    assert int(model.average_updates["body"].numpy()) == 2
    copy = seen[0]
    for t, value in enumerate((seen[2], seen[4]), start=1):
        decay = min(0.5, (1 + t) / (10 + t))
        copy = decay * copy + (1 - decay) * value
    np.testing.assert_allclose(weights(model.averages["body"]), copy, rtol=1e-5)
    assert rested(seen) == [True, False, True, False, True]


@pytest.mark.parametrize("eagerly", [False, True])
def test_data_may_decide_whether_there_is_an_update(eagerly):
    """Under Adam a gradient of 0 would move the weights; no update does not, nor the clock, nor a copy."""

    def bright(model):
        return {
            "left": Objective(model.left_loss, (model.left,)),
            "body": Objective(
                model.game_loss, (model.body,), when=lambda step: tf.reduce_mean(step.batch["images"]) > 0
            ),
        }

    model = Toy(bright, seed=0, ema_decay=0.5)
    model.compile({name: keras.optimizers.Adam(0.1) for name in bright(model)}, run_eagerly=eagerly)
    seen, heads = [weights(model.body)], [weights(model.left)]
    for images in (abs(IMAGES), -abs(IMAGES), abs(IMAGES)):
        model.train_on_batch(images)
        seen.append(weights(model.body))
        heads.append(weights(model.left))
    assert rested(seen) == [False, True, False]
    assert not any(rested(heads))
    counts = {name: int(one.iterations.numpy()) for name, one in model.optimizers.items()}
    assert counts == {"left": 3, "body": 2} and int(model.average_updates["body"].numpy()) == 2
    plain = Toy(lambda model: {**bright(model), "body": Objective(model.game_loss, (model.body,))}, seed=0)
    plain.compile({name: keras.optimizers.Adam(0.1) for name in bright(plain)}, run_eagerly=eagerly)
    plain.train_on_batch(abs(IMAGES))
    np.testing.assert_allclose(seen[1], weights(plain.body), rtol=1e-5)  # an update is the usual one


def test_what_was_computed_before_serves_a_decided_update_that_needs_no_tape_of_it():
    """Inside of its branch: not what its own networks made, nor what names none, and nothing leaks out."""
    model, made = toy(lambda model: {"left": Objective(model.left_loss, (model.left,))}), []
    step = Step(model, {"images": tf.constant(IMAGES)}, True)

    def of_body(step):
        made.append("body")
        return tf.constant(len(made))

    def of_none(step):
        made.append("none")
        return tf.constant(len(made))

    first = step.once(of_body, model.body)
    step.once(of_none)
    with step.branch(Objective(None, (model.left,))):
        assert step.once(of_body, model.body) is first and made == ["body", "none"]
        step.once(of_none)
        assert made == ["body", "none", "none"]
    with step.branch(Objective(None, (model.left, model.body))):
        assert step.once(of_body, model.body) is not first
    assert step.once(of_body, model.body) is first and len(made) == 4
    step.close()


def test_data_decide_nothing_under_a_strategy(two_devices):
    with two_devices.scope():
        model = toy(lambda model: {"left": Objective(model.left_loss, (model.left,), when=lambda step: True)})
    with pytest.raises(
        InputError, match="Toy decides some updates by what the data say, which TensorFlow can"
    ):
        model.fit(tf.data.Dataset.from_tensors(IMAGES), verbose=0)


def stages(model):
    return {
        "first": Objective(model.left_loss, (model.body, model.left), stage=lambda k: k <= 2),
        "then": Objective(model.right_loss, (model.body, model.right), stage=lambda k: k > 2),
    }


def test_stages_have_an_optimizer_each():
    model = Toy(stages, seed=0)
    model.compile({name: keras.optimizers.Adam(0.1) for name in ("first", "then")}, jit_compile=False)
    left, right = [weights(model.left)], [weights(model.right)]

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            left.append(weights(model.left))
            right.append(weights(model.right))

    model.fit(tf.data.Dataset.from_tensors(IMAGES).repeat(5), verbose=0, callbacks=[Look()])
    assert rested(left) == [False, False, True, True, True]
    assert rested(right) == [True, True, False, False, False]
    counts = {name: int(one.iterations.numpy()) for name, one in model.optimizers.items()}
    assert counts == {"first": 2, "then": 3}
    model.fit(tf.data.Dataset.from_tensors(IMAGES), verbose=0)  # goes on where it was
    assert int(model.optimizers["then"].iterations.numpy()) == 4


def test_a_model_of_stages_is_told_of_each_step_before_it():
    model, told = Toy(stages, seed=0), []
    model.enter = lambda k: told.append((k, int(model.step.numpy())))
    model.compile(jit_compile=False, run_eagerly=True)
    for _ in range(3):
        model.train_on_batch(IMAGES)
    assert told == [(1, 0), (2, 1), (3, 2)]


def test_stages_and_several_steps_at_once_exclude_each_other():
    model = toy(stages, steps_per_execution=2)
    with pytest.raises(
        InputError,
        match="Toy updates some objectives in stages; that needs steps_per_execution=1; received 2",
    ):
        model.fit(tf.data.Dataset.from_tensors(IMAGES), verbose=0)


def test_a_log_of_two_objectives_is_the_mean_over_the_updates_of_both():
    one, other = Means(("a_loss", "x"), "a"), Means(("x", "b_loss"), "b")
    for x in (2.0, 4.0):
        one.update_state({"a_loss": 1.0, "x": x})
    assert {log: float(value) for log, value in shared([one, other]).items()} == {"x": 3}
    other.update_state({"b_loss": 1.0, "x": 9.0})
    assert float(shared([one, other])["x"]) == 5
