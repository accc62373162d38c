"""What every model shares: its construction, what it says of itself, and saving."""

import contextlib
import functools
import inspect
import operator
import random as python_random

import keras
import tensorflow as tf

from tfgen import random
from tfgen.arguments import plain
from tfgen.environment import check_settings
from tfgen.errors import InputError
from tfgen.fields import Classes, Image
from tfgen.keras_private import forget_layer
from tfgen.models.plan import Objective, Recipe
from tfgen.models.sampling import LABELS, SEEDED, Samples
from tfgen.models.training import Trains
from tfgen.pictures import decades

__all__ = ["LABELS", "SEEDED", "GenerativeModel", "Objective", "Recipe"]
COUNTER = dict(dtype="int64", initializer="zeros", trainable=False, aggregation="only_first_replica")


def _of_plain(init):
    """A constructor that is given NumPy's numbers as Python's."""

    @functools.wraps(init)
    def plainly(self, *args, **kwargs):
        init(self, *plain(args), **plain(kwargs))

    plainly.__signature__ = inspect.signature(init)  # for Keras, which does not look behind wrappers
    return plainly


def copied(network):
    """A network of the same layers and values, which does not learn."""
    copy = type(network).from_config(network.get_config())
    if not copy.built:
        copy.build_from_config(network.get_build_config())
    copy.set_weights(network.get_weights())
    copy.trainable = False
    return copy


class GenerativeModel(Trains, Samples, keras.Model):
    """A model trained by one or more objectives, in the order it lists them.

    A model says what it is by `fields`, `objectives`, `default_optimizers`, `signatures` and `recipe`.
    Every constructor argument is kept as an attribute of the same name, which is all that saving
    needs, and the networks are made inside `with self.building():`. A constructor receives NumPy's numbers
    as Python's.

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
    decades = 0  # factors of 10 that pictures of its images show, in which each is brighter; 0: evenly
    classes = 0
    averaged_networks = ()
    own_networks = ()  # those that a user may give
    recipe = None
    data_options = {}  # of `tfgen.data.load`, that suit it whatever the data
    tiny = {}  # arguments of the smallest model that shows all it does, for tests

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = _of_plain(cls.__init__)

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

    @classmethod
    def parts(cls, **config):
        """The names of the images that a model of that configuration trains on, those that it makes last."""
        return ("images",)

    def __setattr__(self, name, value):
        """Refuses another network in the place of a model's own."""
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
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.dtype_policy)
        try:
            with random.initial_weights(self.seed):
                yield
            for name, network in self._given_networks.items():
                self._replace(name, network)
            if self.ema_decay is not None:
                for name in self.averaged_networks:
                    self._average(name, getattr(self, name))
        finally:
            keras.config.set_dtype_policy(policy)
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
        self.averages[name] = copied(network)
        self.average_updates[name] = self.add_weight(name=f"{name}_updates", **COUNTER)

    def averaged(self, name):
        """The network to use once trained: its average where there is one."""
        return self.averages[name] if name in self.averages else getattr(self, name)

    def network(self, name, training):
        """The network that learns, or in use the one to use."""
        return getattr(self, name) if training else self.averaged(name)

    def run(self, name, x, labels=None, training=False):
        """The network `name` of x, and of the labels if the model is conditional; bytes are images'."""
        return self.network(name, training)(self.told(x, labels), training=training)

    def told(self, x, labels=None):
        """What a network is given for x: x, or [x, encoded labels] if the model is conditional."""
        conditions, x = self.conditions, tf.convert_to_tensor(x)
        if x.dtype == tf.uint8:
            x = self.fields["images"].prepared(x)
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
            x = [x, tf.convert_to_tensor(field.encoded(field.prepared(labels)))]
        return x

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

    def signatures(self):
        """What the model exports: name -> (method, its input specs)."""
        raise NotImplementedError(f"{type(self).__name__}.signatures")

    @property
    def input_values(self):
        """{name: values} of what the signatures take, as `tfgen.priors` and `tfgen.fields` describe them."""
        values = {name: field.values for name, field in self.fields.items()}
        values["n"] = {"distribution": "batch"}
        return values

    def predict_step(self, data):
        """Keras' `predict`: the call of one part, or of several, as (z, labels)."""
        data = data[0] if isinstance(data, (tuple, list)) and len(data) == 1 else data
        if isinstance(data, dict):
            return self(**data, training=False)
        return self(*data, training=False) if isinstance(data, (tuple, list)) else self(data, training=False)

    def picture(self, images):
        """Images (n, ...) as pictures show them, in `value_range`: by `decades`, where it says so."""
        return decades(images, self.value_range[1], self.decades) if self.decades else images

    # Saving.

    def save(self, filepath, *args, **kwargs):
        """Keras' `save`, as a .keras file.

        Raises:
            InputError: an .h5 file, which cannot hold a model of several optimizers.
        """
        if str(filepath).endswith((".h5", ".hdf5")):
            raise InputError(f"{type(self).__name__} is saved as .keras; received {filepath}")
        return super().save(filepath, *args, **kwargs)

    def export(self, filepath, *args, **kwargs):
        """Not Keras', which knows one function of a model: a model here has several, `signatures`.

        Raises:
            InputError: always; it says what to use.
        """
        raise InputError(
            f"{type(self).__name__} is exported by tfgen.export.to_saved_model(model, {str(filepath)!r}), or "
            f"to_onnx, with each of its signatures: {', '.join(self.signatures())}"
        )

    def get_config(self):
        names = {
            parameter.name
            for cls in type(self).__mro__
            if issubclass(cls, GenerativeModel)
            for parameter in inspect.signature(cls.__init__).parameters.values()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        }
        config = plain({name: getattr(self, name) for name in sorted(names - {"self"})})
        networks = {
            name: keras.saving.serialize_keras_object(network)
            for name, network in self._given_networks.items()
        }
        frozen = [place for place, layer in enumerate(self._learning()) if not layer.trainable]
        frozen = {"frozen": frozen} if frozen else {}  # by the user
        return {"name": self.name, "dtype": self.dtype_policy.name, **config, **networks, **frozen}

    def _learning(self):
        """All layers but those of averages, in the order in which they were made."""
        copies = {id(layer) for copy in self.averages.values() for layer in copy._flatten_layers()}
        return [layer for layer in self._flatten_layers(include_self=False) if id(layer) not in copies]

    @classmethod
    def from_config(cls, config):
        networks = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in cls.own_networks
            if isinstance(config.get(name), dict)
        }
        frozen = config.get("frozen", ())
        model = cls(**{name: value for name, value in {**config, **networks}.items() if name != "frozen"})
        layers = model._learning() if frozen else ()
        for place in frozen:
            layers[place].trainable = False
        return model

    def get_compile_config(self):
        if not self.compiled:
            return {}
        return keras.saving.serialize_keras_object(
            {"optimizer": dict(self.optimizers), **self.compile_kwargs}
        )

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
