"""What tests of all models share: small models, batches for them, and one traced training step."""

import contextlib
import functools
import re
from typing import NamedTuple
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
import traced
from keras import tree

from tfgen.models import door, plan
from tfgen.models.step import Step
from tfgen.priors import numpy_draw

DECAY = 0.5  # of averages: the warm-up's is less in the first seven updates, and more then


def build(cls, optimizer=None, model=None, **kwargs):
    """A compiled model of its smallest configuration."""
    model = cls(**{**dict(seed=1, ema_decay=DECAY), **cls.tiny, **(model or {})})
    model.compile(optimizer, **kwargs)
    return model


def example(field, size, rng):
    """An array of `size` values of a field; where a size of an image is free it is 8."""
    shape = (size, *(8 if length is None else length for length in field.shape))
    return np.asarray(numpy_draw(field.values, shape, rng)).astype(field.dtype.as_numpy_dtype)


def batch_of(model, size=8, seed=0):
    """{name: tensor} of a model's fields, by a NumPy generator."""
    rng = np.random.default_rng(seed)
    return {name: tf.constant(example(field, size, rng)) for name, field in model.fields.items()}


def given_to(model, size, seed=0):
    """What `sample` of a model is given for so many images: its conditions, by name."""
    rng = np.random.default_rng(seed)
    return {name: example(field, size, rng) for name, field in model.conditions.items()}


def data_for(model, batches=4):
    """Batches of 8 with an order of their own, so that a lost or repeated step shows."""
    rows = batch_of(model, 8 * batches)
    return tf.data.Dataset.from_tensor_slices(rows).batch(8, drop_remainder=True)


def fit(model, **kwargs):
    return model.fit(data_for(model), verbose=0, **kwargs).history


def loss_of(model, name, batch):
    """(loss, logs) of an objective in a training step, eagerly."""
    return model.objectives()[name].loss(Step(model, door.batch_of(model, batch), True))


def assert_same(a, b, tolerance=1e-5):
    """Nests of numbers, equal up to the order of sums."""
    tree.map_structure(lambda x, y: np.testing.assert_allclose(x, y, tolerance, tolerance), a, b)


def saved_variables(model):
    """All that a file of the model holds."""
    optimizers = [v for optimizer in model.optimizers.values() for v in optimizer.variables]
    return [*model.weights, *optimizers]


def check_half_precision(cls, precision, file):
    """Trains in that precision; what is saved and loaded is the same to the bit."""
    model = build(cls, model=dict(dtype=precision))
    history = fit(model)
    assert all(np.isfinite(values).all() for values in history.values())
    assert all(v.dtype == "float32" for v in model.trainable_variables)
    scaled = [isinstance(o, keras.optimizers.LossScaleOptimizer) for o in model.optimizers.values()]
    assert all(scaled) if precision == "mixed_float16" else not any(scaled)
    model.save(file)
    loaded = keras.models.load_model(file)
    assert loaded.dtype_policy.name == precision
    for ours, theirs in zip(saved_variables(model), saved_variables(loaded), strict=True):
        np.testing.assert_array_equal(theirs, ours, err_msg=ours.path)
    given = given_to(model, 2)
    assert_same(loaded.sample(2, seed=0, **given), model.sample(2, seed=0, **given))


def check_averages(model, seen):
    """Once a step, however many objectives move a network, and the warm-up counts those steps.

    Args:
        seen: before the first step and after each, {averaged network: (its weights, their averages)}.

    Returns:
        {averaged network: how many steps have moved it}.
    """
    objectives, counts = model.objectives().values(), {}
    for name in model.averages:
        network, counts[name] = getattr(model, name), 0
        own = {id(v) for v in network.trainable_variables}
        moving = [one for one in objectives if own & {id(v) for v in one.variables}]
        for step in range(1, len(seen)):
            (_, means), (weights, got) = seen[step - 1][name], seen[step][name]
            if any(objective.due(step) for objective in moving):
                counts[name] += 1
                decay = min(DECAY, (1 + counts[name]) / (10 + counts[name]))
                means = [
                    decay * mean + (1 - decay) * new if weight.trainable else new
                    for weight, mean, new in zip(network.weights, means, weights)
                ]
            assert_same(got, means)
    return counts


class Trace(NamedTuple):
    """A training step that was traced once; of a model with stages, once for each.

    Attributes:
        functions: {names of the objectives that are due, or None: a tf.function of a batch}.
        concretes: their traces.
        moved: {name of an objective: handles that its optimizer's updates write}.
        kept: handles that are written outside of all optimizers' updates.
    """

    functions: dict
    concretes: list
    moved: dict
    kept: list

    def play(self, batch, due=None):
        """What a model's `train_step` does, or in stages its `_train`, by what was traced."""
        return self.functions[due](batch)


@contextlib.contextmanager
def marked(model):
    """Inside, the operations of an optimizer's update are traced in a scope of its name."""
    names = {id(optimizer): name for name, optimizer in model.optimizers.items()}
    apply = keras.optimizers.Optimizer.apply

    def scoped(self, *args, **kwargs):
        with tf.name_scope(f"moves.{names[id(self)]}."):
            return apply(self, *args, **kwargs)

    with mock.patch.object(keras.optimizers.Optimizer, "apply", scoped):
        yield


def traced_step(model, batch):
    """The model's training step, traced once; nothing runs."""
    model.prepare()  # as `fit` does
    objectives = model.objectives()
    steps = {None: model.train_step}
    if any(objective.stage for objective in objectives.values()):
        stages = dict.fromkeys(plan.due(objectives, k) for k in range(1, 100))
        steps = {due: functools.partial(model._train, due=due) for due in stages}
    functions = {due: tf.function(step, autograph=False) for due, step in steps.items()}
    with marked(model):
        concretes = [function.get_concrete_function(batch) for function in functions.values()]
    moved, kept = {name: [] for name in model.optimizers}, []
    for concrete in concretes:
        for handle, scope in traced.writes(concrete):
            inside = re.search(r"moves\.(\w+)\.", scope)
            (moved[inside[1]] if inside else kept).append(handle)
    return Trace(functions, concretes, moved, kept)


def lowered(function, batch):
    """A traced step as XLA's HLO: an operation that XLA lacks is an error. No code is generated."""
    whole = tf.function(lambda rows: function(rows), jit_compile=True, autograph=False)
    return whole.experimental_get_compiler_ir(batch)(stage="hlo")
