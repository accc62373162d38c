"""How a model samples: by a seed, conditions and options, eagerly and in an exported graph."""

import operator

import tensorflow as tf

from tfgen import random
from tfgen.errors import InputError, unknown
from tfgen.models.step import TESTING

SEEDED = (tf.TensorSpec((), tf.int64, "seed"), tf.TensorSpec((), tf.int32, "n"))  # of an export that draws
LABELS = 0x1ABE15  # the word of a key that draws labels

# One op after the other takes 0.7 ms.
_key_of = tf.function(random.key, [tf.TensorSpec((), tf.int64)], autograph=False)


class Samples:
    """The part of a `GenerativeModel` that draws: a subclass says `draw`."""

    options = {}  # {argument of sample: Option}

    def key_of(self, seed):
        """The key of `seed`; if None, a fresh one of the model's own seed and of a count of such calls."""
        if isinstance(seed, tf.Tensor):
            return random.key(seed)
        if seed is not None:
            seed = operator.index(seed) % 2**64
            return _key_of(tf.constant(seed - (seed >> 63 << 64), tf.int64))
        self.asked.assign_add(1)
        return random.key(self.seed, TESTING, 0, self.asked.value)

    def sample(self, n: int, seed: int | None = None, *, first_row: int = 0, **given) -> tf.Tensor:
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
        return self.sample_from_seed, [*SEEDED, *conditions, *self.option_specs()]

    def option_specs(self):
        """The specs of the options, as inputs of an export."""
        return [tf.TensorSpec((), tf.float32, name) for name in self.options]
