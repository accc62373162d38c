"""What every model shares: objectives, the training step, averages, samples, saving."""

import contextlib
import inspect
import math
import random as python_random
from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf
from keras import tree

from tfgen import random
from tfgen.errors import InputError
from tfgen.models import ranges
from tfgen.models.conditions import Conditions
from tfgen.models.monitoring import Means, StopAtNaN
from tfgen.models.noise import Noise

SEEDED = (tf.TensorSpec((), tf.int64, "seed"), tf.TensorSpec((), tf.int32, "n"))  # of an export that draws


class Objective(NamedTuple):
    """A loss, and the networks that are updated to reduce it.

    Attributes:
        loss: `loss(batch, training)` returns `(scalar, {log: scalar})`, means over the batch.
        networks: layers whose trainable variables are updated.
        logs: names of the extra scalars that `loss` returns.
        every: update once in so many batches, as the critic's head start in
            WGAN or the lazy regularisation of StyleGAN2.
    """

    loss: Callable
    networks: tuple
    logs: tuple = ()
    every: int = 1

    @property
    def variables(self):
        return [v for network in self.networks for v in network.trainable_variables]


class Recipe(NamedTuple):
    """What `tfgen train NAME` runs: a data set, and arguments of the model and of the data."""

    dataset: str
    batch_size: int
    epochs: int
    model: dict = {}
    data: dict = {}


class GenerativeModel(Conditions, Noise, keras.Model):
    """A model trained by one or more objectives, in the order it lists them.

    A model says what it is by `data_spec`, `objectives`, `default_optimizers`, `signatures`
    and `recipe`. Every constructor argument is kept as an attribute of the same name, which
    is all that saving needs, and the networks are made inside `with self.building():`.

    Args:
        seed: an integer, for the initial weights and for all noise; drawn if None.
        ema_decay: if given, `averaged_networks` have copies that follow them by
            `copy = d * copy + (1 - d) * network` after each of their updates, where at update t
            `d = min(ema_decay, (1 + t) / (10 + t))`, so that an early copy is not of the untrained
            network; the copies are what `sample`, `generate` and the exports use.
        dtype: as in Keras, "float32", "mixed_bfloat16" or "mixed_float16" (with loss scaling).
    """

    value_range = (-1.0, 1.0)
    averaged_networks = ()
    input_values = {}  # {an export's input: {"distribution", "low", "high"}}, where it is not the usual
    recipe = None

    def __init__(self, *, seed=None, ema_decay=None, **kwargs):
        super().__init__(**kwargs)
        if ema_decay is not None and not 0 <= ema_decay < 1:
            raise InputError(f"ema_decay must lie in [0, 1); received {ema_decay}")
        self.seed = python_random.randrange(2**31) if seed is None else seed
        self.ema_decay = ema_decay
        self.add_clocks()
        self.trackers = {}
        self.averages = {}

    @contextlib.contextmanager
    def building(self):
        """Networks made inside have this model's seed and precision; ends every constructor."""
        policy, state = keras.config.dtype_policy(), python_random.getstate()
        keras.config.set_dtype_policy(self.dtype_policy)
        python_random.seed(self.seed)  # where Keras' initializers take theirs
        try:
            yield
            if self.ema_decay is not None:
                for name in self.averaged_networks:
                    network = getattr(self, name)
                    self.averages[name] = copy = type(network).from_config(network.get_config())
                    if not copy.built:
                        copy.build_from_config(network.get_build_config())
                    copy.set_weights(network.get_weights())
                    copy.trainable = False
        finally:
            keras.config.set_dtype_policy(policy)
            python_random.setstate(state)
        self.built = True

    def averaged(self, name):
        """The network to use once trained: its average where there is one."""
        return self.averages[name] if name in self.averages else getattr(self, name)

    def network(self, name, training):
        """The network that learns, or in use the one to use."""
        return getattr(self, name) if training else self.averaged(name)

    # What a model says of itself.

    def objectives(self) -> dict[str, Objective]:
        raise NotImplementedError(f"{type(self).__name__}.objectives")

    def default_optimizers(self):
        """The paper's optimizer, or one for each objective."""
        raise NotImplementedError(f"{type(self).__name__}.default_optimizers")

    def signatures(self):
        """What the model exports: name -> (method, its input specs)."""
        raise NotImplementedError(f"{type(self).__name__}.signatures")

    # Training.

    def compile(self, optimizer=None, *, jit_compile="auto", run_eagerly=False, steps_per_execution=1):
        """As in Keras; the losses are the model's own.

        Args:
            optimizer: None for the paper's, a name, an optimizer, or a dict of them with one
                for each objective. Under "mixed_float16" each is wrapped in a LossScaleOptimizer.
            jit_compile, run_eagerly, steps_per_execution: as in `keras.Model.compile`.
        """
        objectives = self.objectives()
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
            one = optimizers[name]
            if self.compute_dtype == "float16" and not hasattr(one, "inner_optimizer"):
                one = keras.optimizers.LossScaleOptimizer(one)
            one.build(objective.variables)
            self.optimizers[name] = one
            self.trackers[name] = Means((f"{name}_loss", *objective.logs), name=name)

    def fit(self, x=None, y=None, batch_size=None, *args, callbacks=None, validation_data=None, **kwargs):
        """Keras' `fit`; raises `Diverged` when a loss is no longer a number.

        Images that lie outside of `value_range`, or hold NaN, are an InputError; bytes are scaled. So are
        labels of classes that the model does not have, arrays of labels that are all of one class, and
        a batch of one example where batch normalisation would leave nothing of it.
        """
        callbacks = [] if callbacks is None else list(tree.flatten(callbacks))
        if isinstance(x, tf.data.Dataset):
            kwargs.setdefault("shuffle", False)  # Keras warns otherwise: a dataset has its own order
        ranges.check_several(x, self, y)
        share = 1 - (kwargs.get("validation_split") or 0)
        x = ranges.checked(x, self, y, ranges.sizes(x, batch_size or 32, share))
        if isinstance(validation_data, (tuple, list)):
            ranges.checked(validation_data[0], self, *validation_data[1:2], sizes=None)
        elif validation_data is not None:
            validation_data = ranges.checked(validation_data, self, sizes=None)
        kwargs.update(callbacks=[*callbacks, StopAtNaN()], validation_data=validation_data)
        try:
            return super().fit(x, y, batch_size, *args, **kwargs)
        except tf.errors.InvalidArgumentError as error:
            foreign = ranges.error_of(error, self)
            if foreign is None:
                raise
            raise foreign from None

    def train_on_batch(self, x, y=None, *args, **kwargs):
        """Keras' `train_on_batch`, of images and labels that are the model's, as for `fit`."""
        ranges.checked(x, self, y, ranges.sizes(x, math.inf))
        return super().train_on_batch(x, y, *args, **kwargs)

    def train_step(self, batch):
        return self._play(batch)

    def _play(self, batch, due=None):
        """One step of the game; `due` names the objectives to update where no cond may decide."""
        batch = self._checked(batch)
        self.step.assign_add(1)
        self._begin("step")
        for name, objective in self.objectives().items():
            if objective.every == 1 or (due is not None and name in due):
                self.minimize(name, objective, batch)
            elif due is None:
                tf.cond(
                    self.step % objective.every == 0,
                    lambda: self.minimize(name, objective, batch),
                    lambda: None,
                )
        return self._results()

    def make_train_function(self, force=False):
        objectives = self.objectives()
        if self._distribute_strategy is None or all(one.every == 1 for one in objectives.values()):
            return super().make_train_function(force)
        # An update inside a cond is refused under tf.distribute (merge_call): instead one
        # function for each set of objectives that are due together.
        if self.steps_per_execution > 1:
            raise InputError(
                f"{type(self).__name__} updates some objectives every few steps; under a "
                f"strategy that needs steps_per_execution=1; received {self.steps_per_execution}"
            )
        if self.train_function is not None and not force:
            return
        functions = {}

        def train_function(iterator):
            step = int(self.step.numpy()) + 1
            due = tuple(name for name, objective in objectives.items() if step % objective.every == 0)
            if due not in functions:
                functions[due] = self._make_function(lambda batch: self._play(batch, due))
            return functions[due](iterator)

        self.train_function = train_function

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing: constructors build everything. Keras' own averages a batch, which bytes refuse."""

    def test_step(self, batch):
        batch = self._checked(batch)
        self.asked.assign_add(1)
        self._begin("asked")
        for name, objective in self.objectives().items():
            self._track(name, *objective.loss(batch, training=False))
        return self._results()

    def minimize(self, name, objective, batch):
        """One update of the objective's networks, and of nothing else."""
        optimizer, variables = self.optimizers[name], objective.variables
        with self.recording(name, variables) as tape:
            loss, logs = objective.loss(batch, training=True)
            # Keras adds up the replicas' gradients.
            share = loss / tf.distribute.get_strategy().num_replicas_in_sync
            scaled = optimizer.scale_loss(share)
        optimizer.apply_gradients(zip(tape.gradient(scaled, variables), variables))
        for average, copy in self.averages.items():
            network = getattr(self, average)
            if any(network is trained for trained in objective.networks):
                self._follow(copy, network, self.step // objective.every)
        self._track(name, loss, logs)

    @contextlib.contextmanager
    def recording(self, name, variables):
        """The tape of an objective's update, which watches its variables and nothing else."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([v.value for v in variables])
            yield tape

    def _follow(self, copy, network, updates):
        updates = tf.cast(updates, tf.float32)
        decay = tf.minimum(self.ema_decay, (1 + updates) / (10 + updates))
        for mean, value in zip(copy.weights, network.weights):
            # Batch statistics are averages already.
            mean.assign(decay * mean + (1 - decay) * value if value.trainable else value)

    def _track(self, name, loss, logs):
        self.trackers[name].update_state({f"{name}_loss": loss, **logs})

    def _results(self):
        results = self.get_metrics_result()
        if isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
            return {log: tf.reshape(value, [1]) for log, value in results.items()}  # Keras reduces axis 0
        return results

    def _checked(self, batch):
        """The batch, once it is known to be what `data_spec` says; bytes are scaled here."""
        if isinstance(batch, tuple):  # Keras sends arrays as (x, y, sample_weight)
            batch = tuple(x for x in batch if x is not None)
            batch = batch[0] if len(batch) == 1 else batch
        want, got = tree.flatten(self.data_spec), tree.flatten(batch)
        fits = len(want) == len(got) and all(
            spec.shape.is_compatible_with(x.shape)
            and (spec.dtype == x.dtype or (spec.dtype == tf.float32 and x.dtype == tf.uint8))
            for spec, x in zip(want, got)
        )
        if not fits:
            want = ", ".join(f"{spec.name} {spec.shape} {spec.dtype.name}" for spec in want)
            got = ", ".join(f"{x.shape} {x.dtype.name}" for x in got)
            raise InputError(f"{type(self).__name__} expects a batch of {want}; received {got}")
        low, high = self.value_range
        scaled = [
            low + tf.cast(x, tf.float32) * ((high - low) / 255) if x.dtype == tf.uint8 else x for x in got
        ]
        return tree.pack_sequence_as(self.data_spec, scaled)

    @property
    def metrics(self):
        return list(self.trackers.values())

    # Samples.

    def sample(self, n, seed=None, first_row=0, labels=None):
        """n images, float32 (n, height, width, channels) in `value_range`.

        Args:
            seed: the same seed gives the same images; None gives new ones in every call.
            first_row: the number of the first image in the seed's endless list of images.
            labels: of a conditional model, one for each image, or one for all; drawn if None.
        """
        if n < 1:
            raise InputError(f"sample needs n >= 1; received {n}")
        key = self.key_of(seed)
        return self.draw(key, n, first_row, self.labels_for(labels, key, n, first_row))

    def sample_from_seed(self, seed, n, labels=None):
        """`sample`, of plain tensors, so that it can be exported: the same images for the same seed.

        Args:
            seed, n: int64 and int32 scalars.
            labels: of a conditional model, those of n images or one for all.
        """
        if labels is None:
            return self.draw(random.key(seed), n, 0)
        labels = tf.broadcast_to(labels, tf.stack([n, *labels.shape[1:]]))
        return self.draw(random.key(seed), n, 0, labels)

    def sampler(self):
        """The signature of `sample_from_seed`."""
        return self.sample_from_seed, [*SEEDED, *([self.label_spec] if self.label_spec is not None else [])]

    def draw(self, key, n, first_row, labels=None):
        """n images from the noise of a key, the first of them numbered `first_row`."""
        raise NotImplementedError(f"{type(self).__name__}.draw")

    # Saving.

    def get_config(self):
        names = {
            parameter.name
            for cls in type(self).__mro__
            if issubclass(cls, GenerativeModel)
            for parameter in inspect.signature(cls.__init__).parameters.values()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        }
        config = {name: getattr(self, name) for name in sorted(names - {"self"})}
        return {"name": self.name, "dtype": self.dtype_policy.name, **config}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def get_compile_config(self):
        if not self.compiled:
            return {}
        return keras.saving.serialize_keras_object(
            {"optimizer": dict(self.optimizers), **self.compile_kwargs}
        )

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
