"""What all models share, run: on six probes, and on a model of each family.

tests/conformance shows of every model that it gives these mechanisms no cause to fail; the door (bytes,
types, wrong batches), the parts of a step and who is due are in test_door.py, test_step.py, test_due.py.
"""

import gc
import pathlib
import weakref
from typing import NamedTuple

import keras
import numpy as np
import probes
import pytest
import tensorflow as tf
import zoo
from zoo import assert_same, batch_of, build, fit

from tfgen.errors import InputError
from tfgen.models import VAE, WGANGP, Autoencoder, GaussianMixture, PixelCNN
from tfgen.models.step import Step

FAMILIES = (GaussianMixture, Autoencoder, VAE, PixelCNN, WGANGP)
STAGED = {probes.Stages}  # Python says what is due


def rows(classes):
    return [
        pytest.param(cls, id=cls.__name__, marks=pytest.mark.xdist_group(f"training {cls.__name__}"))
        for cls in classes
    ]


@pytest.fixture(scope="module", params=rows((*probes.ALL, *FAMILIES)))
def cls(request):
    return request.param


def only(*classes):
    return pytest.mark.parametrize("cls", rows(classes), indirect=True)


class Course(NamedTuple):
    """A model after four epochs, and what was seen after two and after four; tests leave it as it is."""

    model: keras.Model
    histories: list
    weights: list
    file: pathlib.Path  # of the model after two
    steps: list  # before the first step and after each: {averaged network: (its weights, their averages)}


@pytest.fixture(scope="module")
def course(cls, tmp_path_factory):
    model, steps = build(cls), []

    def look(*_, **__):
        each = model.averages.items()
        steps.append({name: (getattr(model, name).get_weights(), copy.get_weights()) for name, copy in each})

    first = keras.callbacks.LambdaCallback(on_train_begin=look, on_train_batch_end=look)
    histories, weights = [fit(model, epochs=2, callbacks=first)], [model.get_weights()]
    file = tmp_path_factory.mktemp("course") / "model.keras"
    model.save(file)
    then = keras.callbacks.LambdaCallback(on_train_batch_end=look)
    histories.append(fit(model, epochs=2, callbacks=then))
    return Course(model, histories, [*weights, model.get_weights()], file, steps)


def test_training_that_resumes_is_training_that_never_stopped(cls, course):
    resumed = keras.models.load_model(course.file)
    assert type(resumed) is cls
    assert_same(resumed.get_weights(), course.weights[0])
    assert_same(fit(resumed, epochs=2), course.histories[1])
    assert_same(resumed.get_weights(), course.weights[1])
    saved = [[v.numpy() for v in zoo.saved_variables(model)] for model in (resumed, course.model)]
    assert_same(*saved)
    given = zoo.given_to(course.model, 2)
    course.model.asked.assign(resumed.asked)
    first, second = (resumed.sample(2, **given).numpy() for _ in range(2))  # without a seed
    assert_same(first, course.model.sample(2, **given))
    assert_same(second, course.model.sample(2, **given))
    assert not np.allclose(first, second)


def test_xla_and_several_steps_in_an_execution_change_nothing(cls, course):
    """Three do not divide the four of an epoch."""
    model = build(cls, jit_compile=True, steps_per_execution=1 if cls in STAGED else 3)
    first, second = course.histories
    expected = {log: [*first[log], *second[log]] for log in first}
    assert_same(fit(model, epochs=4), expected, tolerance=1e-4)


@only(*probes.ALL, GaussianMixture, Autoencoder, PixelCNN)  # other families: test_devices.py
def test_two_devices_give_what_one_gives(cls, course, two_devices):
    with two_devices.scope():
        model = build(cls)
    assert_same(fit(model, epochs=2), course.histories[0])
    assert_same([w.numpy() for w in model.weights], course.weights[0])


@only(probes.State, PixelCNN, WGANGP)
def test_bfloat16_trains_saves_and_loads(cls, tmp_path):
    zoo.check_half_precision(cls, "mixed_bfloat16", tmp_path / "model.keras")


@only(probes.Two, probes.Given, VAE, WGANGP)
def test_float16_trains_saves_and_loads(cls, tmp_path):
    """Its losses are scaled, as are those of a gradient's gradient."""
    zoo.check_half_precision(cls, "mixed_float16", tmp_path / "model.keras")


@only(*probes.ALL, VAE, WGANGP)
def test_averages_follow_in_each_step_that_updates_their_network(cls, course):
    model, seen = course.model, course.steps
    assert set(model.averages) == set(cls.averaged_networks)
    for name, updates in zoo.check_averages(model, seen).items():
        assert updates and not np.allclose(seen[0][name][1][0], seen[-1][name][1][0])


@only(*probes.ALL)
def test_an_objective_is_played_when_it_is_due(cls, course):
    model = course.model
    for name, objective in model.objectives().items():
        played = sum(objective.due(k) for k in range(1, 17))
        assert int(model.optimizers[name].iterations.numpy()) == played, name
    assert int(model.step.numpy()) == 16


@only(*probes.ALL, VAE, WGANGP)
def test_each_objective_lowers_its_loss_and_moves_only_its_networks(cls):
    model = build(cls)
    batch = batch_of(model)
    for name, objective in model.objectives().items():
        own = {id(v) for v in objective.variables}
        before = [(v, v.numpy()) for v in model.trainable_variables]
        losses = []
        step = lambda: Step(model, batch, True)  # noqa: E731
        update = tf.function(lambda: model.minimize(name, objective, step()), autograph=False)
        for _ in range(8):  # the step stands still, so the noise stays the same
            model.reset_metrics()
            update()
            losses.append(float(model.trackers[name].result()[f"{name}_loss"]))
        assert losses[-1] < losses[0], (name, losses)
        moved = {id(v) for v, was in before if not np.array_equal(v, was)}
        assert moved and moved <= own, name


@only(probes.Two)
def test_a_model_that_is_gone_takes_its_graph_along(cls):
    """And so its weights: a process may train one model after the other."""

    def traced():
        model = build(cls)
        return weakref.ref(zoo.traced_step(model, batch_of(model)).concretes[0].graph)

    first, _ = traced(), traced()  # Keras remembers the last
    gc.collect()
    gc.collect()  # what the model alone held
    assert first() is None


@only(probes.Two)
def test_a_missing_optimizer_is_named(cls):
    with pytest.raises(InputError, match="Two needs its own optimizer for each of"):
        build(cls, {})


@only(*probes.ALL)
def test_one_seed_gives_one_model_and_one_list_of_samples(cls, course):
    assert_same(build(cls).get_weights(), build(cls).get_weights())
    other = build(cls, model=dict(seed=2)).get_weights()
    assert any(not np.allclose(a, b) for a, b in zip(build(cls).get_weights(), other))
    model, given = course.model, zoo.given_to(course.model, 5)
    five = model.sample(5, seed=3, **given).numpy()
    np.testing.assert_array_equal(model.sample(5, seed=3, **given), five)
    late = {name: x[2:] for name, x in given.items()}
    assert_same(model.sample(3, seed=3, first_row=2, **late), five[2:])
    assert not np.allclose(model.sample(5, seed=4, **given), five)
