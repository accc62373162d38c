"""What every model shares: fields, objectives, the training step, averages, samples, saving."""

import contextlib
import inspect
import operator
import random as python_random

import keras
import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.environment import check_settings
from tfgen.errors import InputError, unknown
from tfgen.fields import Classes, Image
from tfgen.keras_private import forget_layer
from tfgen.models import door, plan
from tfgen.models.monitoring import Means, Optimizers, StopAtNaN
from tfgen.models.plan import Objective, Recipe
from tfgen.models.step import TESTING, Step

__all__ = ["SEEDED", "GenerativeModel", "Objective", "Recipe"]
SEEDED = (tf.TensorSpec((), tf.int64, "seed"), tf.TensorSpec((), tf.int32, "n"))  # of an export that draws
LABELS = 0x1ABE15  # the word of a key that draws labels
COUNTER = dict(dtype="int64", initializer="zeros", trainable=False, aggregation="only_first_replica")

# One op after the other takes 0.7 ms.
_key_of = tf.function(random.key, [tf.TensorSpec((), tf.int64)], autograph=False)


class GenerativeModel(keras.Model):
    """A model trained by one or more objectives, in the order it lists them.

    A model says what it is by `fields`, `objectives`, `default_optimizers`, `signatures` and `recipe`.
    Every constructor argument is kept as an attribute of the same name, which is all that saving
    needs, and the networks are made inside `with self.building():`.

    Args:
        seed: an integer, for the initial weights and for all noise; drawn if None.
        ema_decay: if given, `averaged_networks` have copies that follow them by
            `copy = d * copy + (1 - d) * network` after each step that updates them, where at update t
            `d = min(ema_decay, (1 + t) / (10 + t))`, so that an early copy is not of the untrained
            network; the copies are what `sample`, `generate` and the exports use.
        dtype: as in Keras, "float32", "mixed_bfloat16" or "mixed_float16" (with loss scaling).
        kwargs: a network of yours in place of one of `own_networks`, by its name, as generator=...: a
            `keras.Model` of the same inputs and outputs, which is saved with the model.

    Raises:
        InputError: an argument out of its range, a network that does not fit.
    """

    value_range = (-1.0, 1.0)  # of the images that it makes
    classes = 0
    averaged_networks = ()
    own_networks = ()  # those that a user may give
    options = {}  # {argument of sample: Option}
    start_examples = None  # how many `start` looks at; None: a batch
    recipe = None
    tiny = {}  # arguments of the smallest model that shows all it does, for tests

    def __init__(self, *, seed: int | None = None, ema_decay: float | None = None, **kwargs):
        given = {name: kwargs.pop(name) for name in self.own_networks if name in kwargs}
        super().__init__(**kwargs)
        self._given_networks = {name: network for name, network in given.items() if network is not None}
        if ema_decay is not None and not (isinstance(ema_decay, (int, float)) and 0 <= ema_decay < 1):
            raise InputError(f"ema_decay must lie in [0, 1); received {ema_decay!r}")
        self.seed = python_random.randrange(2**31) if seed is None else operator.index(seed)
        self.ema_decay = ema_decay
        self.step = self.add_weight(name="step", **COUNTER)  # of training
        self.asked = self.add_weight(name="asked", **COUNTER)  # of unseeded draws outside training
        self.trackers = {}
        self.averages, self.average_updates, self.optimizers = {}, {}, {}

    def __setattr__(self, name, value):
        """Keeps NumPy's integers as Python's; refuses another network in the place of a model's own."""
        if isinstance(value, np.integer):
            value = int(value)
        elif isinstance(value, (tuple, list)) and any(isinstance(x, np.integer) for x in value):
            value = type(value)(int(x) if isinstance(x, np.integer) else x for x in value)
        current = self.__dict__.get(name)
        if isinstance(current, keras.Layer) and self.built and value is not current:
            remedy = f"give {name}=... to the constructor" if name in self.own_networks else "build a new one"
            raise InputError(f"{type(self).__name__} does not save a network that replaces its own; {remedy}")
        super().__setattr__(name, value)

    @contextlib.contextmanager
    def building(self):
        """Context in which a constructor builds its networks; ends every constructor.

        They use the model's seed and dtype policy. On exit a user's networks take the place of those
        that they are to replace, and averaged copies are made.
        """
        images = self.fields.get("images")
        if isinstance(images, Image) and (len(images.shape) < 3 or not all(images.shape)):
            raise InputError(f"image_shape must be (height, width, channels); received {images.shape}")
        check_settings()
        policy, state = keras.config.dtype_policy(), python_random.getstate()
        keras.config.set_dtype_policy(self.dtype_policy)
        python_random.seed(self.seed)  # where Keras' initializers take theirs
        try:
            yield
            for name, network in self._given_networks.items():
                self._replace(name, network)
            if self.ema_decay is not None:
                for name in self.averaged_networks:
                    self._average(name, getattr(self, name))
        finally:
            keras.config.set_dtype_policy(policy)
            python_random.setstate(state)
        self.built = True

    def _replace(self, name, network):
        own = getattr(self, name)
        wanted, received = (
            [[tuple(x.shape) for x in keras.tree.flatten(ends)] for ends in (net.inputs, net.outputs)]
            if isinstance(net, keras.Model) and net.built
            else type(net).__name__
            for net in (own, network)
        )
        if wanted != received:
            raise InputError(
                f"{name} of {type(self).__name__} must be a keras.Model of inputs and outputs {wanted}; "
                f"received {received}"
            )
        forget_layer(self, name)
        setattr(self, name, network)

    def _average(self, name, network):
        self.averages[name] = copy = type(network).from_config(network.get_config())
        if not copy.built:
            copy.build_from_config(network.get_build_config())
        copy.set_weights(network.get_weights())
        copy.trainable = False
        self.average_updates[name] = self.add_weight(name=f"{name}_updates", **COUNTER)

    def averaged(self, name):
        """The network to use once trained: its average where there is one."""
        return self.averages[name] if name in self.averages else getattr(self, name)

    def network(self, name, training):
        """The network that learns, or in use the one to use."""
        return getattr(self, name) if training else self.averaged(name)

    def run(self, name, x, labels=None, training=False):
        """The network `name` of x, and of the labels if the model is conditional."""
        conditions = self.conditions
        if (labels is None) != ("labels" not in conditions):
            raise InputError(
                f"{type(self).__name__} is not conditional; omit `labels`"
                if "labels" not in conditions
                else f"{type(self).__name__} is conditional; give labels {self.label_spec.shape}"
            )
        if labels is not None:
            field, labels = conditions["labels"], tf.convert_to_tensor(labels)
            if not field.takes(labels):
                shape = ", ".join(map(str, ("n", *field.shape))) + "," * (not field.shape)
                raise InputError(
                    f"{type(self).__name__} takes labels of shape ({shape}); received {labels.shape}"
                )
            # Keras takes a list of tensors, and no array among them.
            x = [tf.convert_to_tensor(x), tf.convert_to_tensor(field.encoded(field.prepared(labels)))]
        return self.network(name, training)(x, training=training)

    # What a model says of itself.

    @property
    def fields(self):
        """{name: `tfgen.fields.Field`} of a batch, in order: images, and labels of a model of `classes`."""
        fields = {"images": Image(self.image_shape, *self.value_range)}
        if self.classes:
            fields["labels"] = Classes(self.classes)
        return fields

    @property
    def conditions(self):
        """The fields that `sample` takes: those of a batch but for what the model makes."""
        return {name: field for name, field in self.fields.items() if name != "images"}

    @property
    def data_spec(self):
        """The tensors of a batch: one `tf.TensorSpec`, a tuple (images, labels), or else a dict."""
        specs = {name: field.spec(name) for name, field in self.fields.items()}
        if list(specs) == ["images"]:
            return specs["images"]
        return tuple(specs.values()) if list(specs) == ["images", "labels"] else specs

    @property
    def label_spec(self):
        """Of the labels that `sample` takes; None if the model takes none."""
        return self.conditions["labels"].spec("labels") if "labels" in self.conditions else None

    def objectives(self) -> dict[str, Objective]:
        raise NotImplementedError(f"{type(self).__name__}.objectives")

    def default_optimizers(self):
        """The paper's optimizer, or one for each objective."""
        raise NotImplementedError(f"{type(self).__name__}.default_optimizers")

    def signatures(self):
        """What the model exports: name -> (method, its input specs)."""
        raise NotImplementedError(f"{type(self).__name__}.signatures")

    def start(self, batch):
        """What comes before the first step of all, by the first examples: {name of a field: tensor}."""

    # Training.

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
        try:
            if int(self.step.numpy()) == 0 and type(self).start is not GenerativeModel.start:
                batch, x = door.first(self, x, batch_size or 32, self.start_examples)
                self.start(batch)
            history = super().fit(x, None, batch_size, *args, **kwargs)
            for name, objective in self.objectives().items():
                # Adam(use_ema=True) leaves its averages in the model: Keras does so for its one optimizer.
                self.optimizers[name].finalize_variable_values(objective.variables)
            return history
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
        try:
            return super().evaluate(x, y, *args, **kwargs)
        except tf.errors.InvalidArgumentError as error:
            foreign = door.error_of(error, self)
            if foreign is None:
                raise
            raise foreign from None

    def train_on_batch(self, x, y=None, *args, **kwargs):
        """Keras' `train_on_batch`, of arrays as for `fit`."""
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
        try:
            plan.play(self, step, due)
        finally:
            step.close()
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
            due = plan.due(objectives, int(self.step.numpy()) + 1)
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
        optimizer.apply_gradients(zip(tape.gradient(scaled, variables), variables))
        self._track(name, step, loss, logs)

    def _track(self, name, step, loss, logs):
        self.trackers[name].update_state({f"{name}_loss": loss, **logs}, step.share)

    def _results(self):
        results = self.get_metrics_result()
        if isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
            return {log: tf.reshape(value, [1]) for log, value in results.items()}  # Keras reduces axis 0
        return results

    @property
    def metrics(self):
        return list(self.trackers.values())

    # Samples.

    def key_of(self, seed):
        """The key of `seed`; if None, a fresh one of the model's own seed and of a count of such calls."""
        if isinstance(seed, tf.Tensor):
            return random.key(seed)
        if seed is not None:
            seed = operator.index(seed) % 2**64
            return _key_of(tf.constant(seed - (seed >> 63 << 64), tf.int64))
        self.asked.assign_add(1)
        return random.key(self.seed, TESTING, 0, self.asked.value)

    def sample(self, n, seed=None, *, first_row=0, **given):
        """n images, float32 (n, height, width, channels) in `value_range`.

        Args:
            seed: the same seed gives the same images; None gives new ones in every call.
            first_row: the number of the first image in the seed's endless list of images.
            given: the model's `conditions`, as labels=..., one for each image, or one for all; drawn if
                they are not given and can be drawn; and its `options`, as temperature=....

        Raises:
            InputError: n < 1, conditions or options that the model does not have, or out of range.
        """
        n, key, values = self.request(n, seed, first_row, given)
        return self.draw(key, n, first_row, **values)

    def request(self, n, seed, first_row, given):
        """(n, the seed's key, {condition or option: value}) of arguments of `sample`, checked."""
        owner, n = type(self).__name__, operator.index(n)
        if n < 1:
            raise InputError(f"sample needs n >= 1; received {n}")
        key = self.key_of(seed)
        conditions = {
            name: self._condition(name, field, given.pop(name, None), key, n, first_row)
            for name, field in self.conditions.items()
        }
        options = {
            name: option.checked(name, given.pop(name, option.default))
            for name, option in self.options.items()
        }
        if given.pop("labels", None) is not None:
            raise InputError(f"{owner} is not conditional; omit `labels`")
        given.pop("labels", None)
        for name in given:
            raise unknown(f"argument of {owner}.sample", name, [*self.conditions, *self.options, "first_row"])
        return n, key, {**conditions, **options}

    def _condition(self, name, field, value, key, n, first_row):
        if value is not None:
            return field.for_samples(value, n, name, type(self).__name__)
        drawn = field.draw(random.fold_in(key, LABELS), n, first_row)
        if drawn is None:
            raise InputError(f"{type(self).__name__} makes images of {name}; give {name}")
        return drawn

    def draw(self, key, n, first_row, labels=None):
        """n images from the noise of a key, the first of them numbered `first_row`."""
        raise NotImplementedError(f"{type(self).__name__}.draw")

    def sample_from_seed(self, seed, n, *given):
        """`sample`, of plain tensors, so that it can be exported: the same images for the same seed.

        Args:
            seed, n: int64 and int32 scalars.
            given: the conditions, of n images or one for all, then the options, float32 scalars.
        """
        names = [*self.conditions, *self.options]
        values = dict(zip(names, given)) if given else {}
        for name in self.conditions.keys() & values.keys():
            value = values[name]
            values[name] = tf.broadcast_to(value, tf.stack([n, *value.shape[1:]]))
        return self.draw(random.key(seed), n, 0, **values)

    def sampler(self):
        """The signature of `sample_from_seed`."""
        conditions = [field.spec(name) for name, field in self.conditions.items()]
        options = [tf.TensorSpec((), tf.float32, name) for name in self.options]
        return self.sample_from_seed, [*SEEDED, *conditions, *options]

    @property
    def input_values(self):
        """{name: values} of what the signatures take, as `tfgen.priors` and `tfgen.fields` describe them."""
        values = {name: field.values for name, field in self.fields.items()}
        values["n"] = {"distribution": "batch"}
        return values

    # Use by Keras.

    def predict_step(self, data):
        """Keras' `predict`: the call of one part, or of several, as (z, labels)."""
        data = data[0] if isinstance(data, (tuple, list)) and len(data) == 1 else data
        if isinstance(data, dict):
            return self(**data, training=False)
        return self(*data, training=False) if isinstance(data, (tuple, list)) else self(data, training=False)

    # Saving.

    def save(self, filepath, *args, **kwargs):
        """Keras' `save`, as a .keras file.

        Raises:
            InputError: an .h5 file, which cannot hold a model of several optimizers.
        """
        if str(filepath).endswith((".h5", ".hdf5")):
            raise InputError(f"{type(self).__name__} is saved as .keras; received {filepath}")
        return super().save(filepath, *args, **kwargs)

    def get_config(self):
        names = {
            parameter.name
            for cls in type(self).__mro__
            if issubclass(cls, GenerativeModel)
            for parameter in inspect.signature(cls.__init__).parameters.values()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        }
        config = {name: getattr(self, name) for name in sorted(names - {"self"})}
        networks = {
            name: keras.saving.serialize_keras_object(network)
            for name, network in self._given_networks.items()
        }
        return {"name": self.name, "dtype": self.dtype_policy.name, **config, **networks}

    @classmethod
    def from_config(cls, config):
        networks = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in cls.own_networks
            if isinstance(config.get(name), dict)
        }
        return cls(**{**config, **networks})

    def get_compile_config(self):
        if not self.compiled:
            return {}
        return keras.saving.serialize_keras_object(
            {"optimizer": dict(self.optimizers), **self.compile_kwargs}
        )

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
