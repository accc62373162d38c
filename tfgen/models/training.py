"""How a model trains: objectives with optimizers of their own, by Keras' `fit`."""

import contextlib

import keras
import tensorflow as tf

from tfgen.errors import InputError
from tfgen.keras_private import gradients_of
from tfgen.models import door, plan
from tfgen.models.monitoring import Means, Optimizers, StopAtNaN, shared
from tfgen.models.plan import Objective
from tfgen.models.step import Step


class Trains:
    """The part of a `GenerativeModel` that Keras' `fit` drives, by its `objectives`."""

    start_examples = None  # how many `start` looks at; None: a batch

    def objectives(self) -> dict[str, Objective]:
        raise NotImplementedError(f"{type(self).__name__}.objectives")

    def default_optimizers(self):
        """The paper's optimizer, or one for each objective."""
        raise NotImplementedError(f"{type(self).__name__}.default_optimizers")

    def start(self, batch):
        """What comes before the first step of all, by the first examples: {name of a field: tensor}."""

    def prepare(self):
        """Loads what training needs and no file of the model holds, as a feature network; often called."""

    def enter(self, k):
        """What comes before step k of a model whose objectives have stages: outside of the graph."""

    def compile(
        self, optimizer=None, *, jit_compile="auto", run_eagerly=False, steps_per_execution=1, **other
    ):
        """As in Keras; the losses are the model's own.

        Args:
            optimizer: None for the paper's, a name, an optimizer, or a dict of them with one
                for each objective. Under "mixed_float16" each is wrapped in a LossScaleOptimizer.
            jit_compile, run_eagerly, steps_per_execution: as in `keras.Model.compile`.

        Raises:
            InputError: optimizers that do not fit the objectives, or losses and metrics of yours.
        """
        if other:
            raise InputError(
                f"{type(self).__name__} has its own losses and logs; received {', '.join(other)}; "
                f"look at samples with tfgen.metrics.evaluate"
            )
        if not isinstance(getattr(self, "history", None), keras.callbacks.History | None):
            raise InputError(
                f"{type(self).__name__} has an attribute `history`, where Keras keeps the logs of fit; "
                f"give it another name"
            )
        objectives = self.objectives()
        for name, objective in objectives.items():
            if objective.every < 1:
                raise InputError(
                    f"{type(self).__name__} updates its {name} once in so many steps, 1 at least; "
                    f"received {objective.every}"
                )
        given = self.default_optimizers() if optimizer is None else optimizer
        if not isinstance(given, dict):
            given = dict.fromkeys(objectives, given)
        optimizers = {name: keras.optimizers.get(value) for name, value in given.items()}
        if set(optimizers) != set(objectives) or len(set(map(id, optimizers.values()))) < len(objectives):
            raise InputError(
                f"{type(self).__name__} needs its own optimizer for each of "
                f"{list(objectives)}; received {optimizer}"
            )
        kwargs = dict(
            jit_compile=jit_compile, run_eagerly=run_eagerly, steps_per_execution=steps_per_execution
        )
        super().compile(optimizer=None, **kwargs)
        self.compile_kwargs = kwargs
        self.optimizers = {}
        for name, objective in objectives.items():
            optimizer = optimizers[name]
            if self.compute_dtype == "float16" and not hasattr(optimizer, "inner_optimizer"):
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
            optimizer.build(objective.variables)
            self.optimizers[name] = optimizer
            self.trackers[name] = Means((f"{name}_loss", *objective.logs), name=name)

    @property
    def optimizer(self):
        """What Keras' callbacks look for: all optimizers as one (`Optimizers`); None before `compile`."""
        return Optimizers(self.optimizers.values()) if self.optimizers else None

    @optimizer.setter
    def optimizer(self, value):
        if value is not None:  # Keras' compile sets None
            raise AttributeError("set the optimizers by compile(optimizer=...)")

    def fit(self, x=None, y=None, batch_size=None, *args, callbacks=None, validation_data=None, **kwargs):
        """Keras' `fit`, of arrays (x, y), a dict of arrays by the names of `fields`, a tf.data.Dataset, a
        PyDataset or a generator of such batches; bytes are scaled to each field's range.

        Raises:
            Diverged: a loss is no longer a number.
            InputError: images outside of their range or with NaN; labels of classes that the model does not
                have, or that are all of one class; a batch of one example, which batch normalisation
                would map to zeros; weights of samples or classes.
        """
        for name in ("sample_weight", "class_weight"):
            if kwargs.pop(name, None) is not None:
                raise InputError(
                    f"{type(self).__name__}.fit takes no {name}: its losses are means over examples"
                )
        callbacks = [] if callbacks is None else list(keras.tree.flatten(callbacks))
        if isinstance(x, tf.data.Dataset) or hasattr(x, "__next__"):
            kwargs.setdefault("shuffle", False)  # Keras warns otherwise: it has its own order
        share = 1 - (kwargs.get("validation_split") or 0)
        x = door.received(self, x, y, batch_size or 32, share=share)
        if isinstance(x, dict):
            door.several_classes(self, x)
        if isinstance(validation_data, (tuple, list)):
            validation_data = (door.received(self, *validation_data[:2], updates=False),)
        elif validation_data is not None:
            validation_data = door.received(self, validation_data, updates=False)
        kwargs.update(callbacks=[*callbacks, StopAtNaN()], validation_data=validation_data)
        self.prepare()
        with self._foreign_named():
            if int(self.step.numpy()) == 0 and type(self).start is not Trains.start:
                batch, x = door.first(self, x, batch_size or 32, self.start_examples)
                self.start(batch)
            history = super().fit(x, None, batch_size, *args, **kwargs)
            for name, objective in self.objectives().items():
                # Adam(use_ema=True) leaves its averages in the model: Keras does so for its one optimizer.
                self.optimizers[name].finalize_variable_values(objective.variables)
            return history

    @contextlib.contextmanager
    def _foreign_named(self):
        """What the check of a dataset's batches complains of, as an InputError."""
        try:
            yield
        except tf.errors.InvalidArgumentError as error:
            foreign = door.error_of(error, self)
            if foreign is None:
                raise
            raise foreign from None

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """Keras' `evaluate`, means of the objectives' losses and logs, of what `fit` takes.

        Raises:
            InputError: as `fit`.
        """
        if not kwargs.get("_use_cached_eval_dataset"):  # else it is validation, which `fit` has checked
            x, y = door.received(self, x, y, updates=False), None
            self.prepare()
        with self._foreign_named():
            return super().evaluate(x, y, *args, **kwargs)

    def train_on_batch(self, x, y=None, *args, **kwargs):
        """Keras' `train_on_batch`, of arrays as for `fit`."""
        self.prepare()
        given = keras.tree.flatten(x if y is None else (x, y))
        return super().train_on_batch(door.received(self, x, y, len(given[0])), None, *args, **kwargs)

    def train_step(self, data):
        return self._train(data)

    def _train(self, data, due=None):
        """One training step; `due` names the objectives to update, None lets the graph decide."""
        batch = door.batch_of(self, data)
        self.step.assign_add(1)
        objectives = self.objectives()
        sure = {name: one for name, one in objectives.items() if (one.always if due is None else name in due)}
        step = Step(self, batch, True, {name: one for name, one in sure.items() if one.when is None})
        with gradients_of(self), contextlib.closing(step):
            plan.play(self, step, due)
        return self._results()

    def make_train_function(self, force=False):
        objectives = self.objectives()
        if not plan.needs_python(self, objectives):
            return super().make_train_function(force)
        if self.train_function is not None and not force:
            return
        # One function for each set of objectives that are due together.
        functions = {}

        def train_function(iterator):
            k = int(self.step.numpy()) + 1
            self.enter(k)
            due = plan.due(objectives, k)
            if due not in functions:
                functions[due] = self._make_function(lambda data: self._train(data, due))
            return functions[due](iterator)

        self.train_function = train_function

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing: constructors build everything. Keras' own averages a batch, which bytes refuse."""

    def test_step(self, data):
        batch = door.batch_of(self, data)
        self.asked.assign_add(1)
        step = Step(self, batch, False)
        for name, objective in self.objectives().items():
            self._track(name, step, *objective.loss(step))
        return self._results()

    def minimize(self, name, objective, step):
        """One update of the objective's networks, and of nothing else."""
        optimizer, variables = self.optimizers[name], objective.variables
        with step.recording(name, variables) as tape:
            loss, logs = objective.loss(step)
            scaled = optimizer.scale_loss(loss * step.share)  # Keras adds up the replicas' gradients
        if variables:  # else all its networks are frozen
            optimizer.apply_gradients(zip(tape.gradient(scaled, variables), variables))
        self._track(name, step, loss, logs)

    def _track(self, name, step, loss, logs):
        self.trackers[name].update_state({f"{name}_loss": loss, **logs}, step.share)

    def get_metrics_result(self):
        """{log: mean}: of a log that several objectives have, over the updates of them all."""
        return {**super().get_metrics_result(), **shared(self.trackers.values())}

    def _results(self):
        results = self.get_metrics_result()
        if isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
            return {log: tf.reshape(value, [1]) for log, value in results.items()}  # Keras reduces axis 0
        return results

    @property
    def metrics(self):
        return list(self.trackers.values())
