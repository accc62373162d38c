"""What a model trains by: objectives, when each is due, and the averages that follow."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfgen.errors import InputError


class Objective(NamedTuple):
    """A loss, and the networks that are updated to reduce it.

    Objectives of a model may share variables. Under Adam each needs its own optimizer, whose clock
    counts its own updates: a stage of a growing network begins with a fresh one.

    Attributes:
        loss: `loss(step)` of a `Step` returns `(scalar, {log: scalar})`, means over the batch.
        networks: layers whose trainable variables are updated.
        logs: names of the extra scalars that `loss` returns.
        every: update once in so many steps, as the critic's head start in WGAN.
        stage: None, or `stage(k)` of the number of the step, from 1 on: whether the objective plays then.
            It is asked in Python, before the step is run, so that a stage may have networks of its own.
        when: None, or `when(step)` of a `Step`: a scalar bool tensor, whether to update by what the data
            say. No update is not an update by a gradient of 0, which moves weights under Adam.
    """

    loss: Callable
    networks: tuple
    logs: tuple = ()
    every: int = 1
    stage: Callable | None = None
    when: Callable | None = None

    @property
    def variables(self):
        """The trainable variables of the networks, each once, also where networks share layers."""
        found = {id(v): v for network in self.networks for v in network.trainable_variables}
        return list(found.values())

    @property
    def always(self):
        """Whether it plays in every step."""
        return self.every == 1 and self.stage is None and self.when is None

    def due(self, k):
        """Whether it may play in step k, as far as Python can tell."""
        return k % self.every == 0 and (self.stage is None or self.stage(k))


class Recipe(NamedTuple):
    """What `tfgen train NAME` runs.

    Attributes:
        dataset: a TFDS name, or a built-in one.
        batch_size, epochs: of the training.
        model: arguments of the model; they fit `dataset`, and are not used for other data.
        data: options of `tfgen.data.load`; as `model`.
        schedule: factors of the optimizers' rates by epoch: ("linear", start, end), 1 until `start` and
            then linear to 0 at `end`, or ("halve", every). All are shares of the epochs, in (0, 1].
        learning_rate: of all optimizers, for a training so much shorter than the paper's that its rate
            would not do; as `model`.
    """

    dataset: str
    batch_size: int
    epochs: int
    model: dict = {}
    data: dict = {}
    schedule: tuple | None = None
    learning_rate: float | None = None


def needs_python(model, objectives):
    """Whether Python must say which objectives are due: stages, and what no cond may decide.

    Raises:
        InputError: several steps in an execution, or a `when` under a strategy.
    """
    replicated = model._distribute_strategy is not None
    if replicated and any(objective.when for objective in objectives.values()):
        raise InputError(
            f"{type(model).__name__} decides some updates by what the data say, which TensorFlow cannot do "
            f"under a strategy; train it on one device"
        )
    staged = any(objective.stage for objective in objectives.values())
    timed = any(objective.every > 1 for objective in objectives.values())
    if not staged and not (replicated and timed):
        return False
    if model.steps_per_execution > 1:
        raise InputError(
            f"{type(model).__name__} updates some objectives "
            f"{'in stages' if staged else 'every few steps'}; "
            f"{'that' if staged else 'under a strategy that'} needs steps_per_execution=1; "
            f"received {model.steps_per_execution}"
        )
    return True


def due(objectives, k):
    """Names of the objectives that may play in step k, in their order."""
    return tuple(name for name, objective in objectives.items() if objective.due(k))


def check_length(model, steps):
    """Raises an InputError if a stage of the model begins after so many steps, which are all of a run."""
    late = [
        name
        for name, objective in model.objectives().items()
        if objective.stage and not any(map(objective.stage, range(1, steps + 1)))
    ]
    if late:
        raise InputError(
            f"{type(model).__name__} has stages that are longer than the run, whose {steps} steps never "
            f"train {', '.join(late)}; shorten the stages by arguments of the model, or train longer"
        )


def play(model, step, names=None):
    """One update of each objective that is due, in their order, then of the averages.

    Args:
        step: a `Step`, of a model whose counter is this step's number.
        names: those that are due, where Python said so; None: the graph decides.
    """
    objectives, moved = model.objectives(), {}
    for name, objective in objectives.items():
        if names is not None and name not in names:
            continue
        conditions = []
        if names is None and objective.every > 1:
            conditions.append(model.step % objective.every == 0)
        if objective.when is not None:
            conditions.append(objective.when(step))
        moved[name] = _all(conditions)
        _if(moved[name], functools.partial(model.minimize, name, objective, step), step, objective)
    for average, copy in model.averages.items():
        network = getattr(model, average)
        own = {id(v) for v in network.trainable_variables}
        turns = [
            turn for name, turn in moved.items() if any(id(v) in own for v in objectives[name].variables)
        ]
        if turns:
            follows = True if any(turn is True for turn in turns) else tf.reduce_any(turns)
            _if(follows, functools.partial(_follow, model, average, copy, network))


def _all(conditions):
    return tf.reduce_all(conditions) if conditions else True


def _if(condition, function, step=None, objective=None):
    if condition is True:
        function()
        return

    def inside():
        if step is None:
            function()
        else:
            with step.branch(objective):
                function()

    tf.cond(condition, inside, lambda: None)


def _follow(model, name, copy, network):
    """copy = d * copy + (1 - d) * network, d by how often the copy has followed before."""
    updates = model.average_updates[name]
    updates.assign_add(1)
    t = tf.cast(updates.value, tf.float32)
    decay = tf.minimum(model.ema_decay, (1 + t) / (10 + t))
    for mean, value in zip(copy.weights, network.weights):
        # Batch statistics are averages already.
        mean.assign(decay * mean + (1 - decay) * value if value.trainable else value)
