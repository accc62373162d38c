"""How a model translates images: of any size, whole or in tiles, by a seed, and in an exported graph."""

import functools

import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.errors import InputError, unknown
from tfgen.fields import Image

SEED = tf.TensorSpec((), tf.int64, "seed")


class Translates:
    """Turns images into images: `translate(inputs, seed)`, of any size where the network allows it.

    A subclass says `translated`, and `conditions` with the field "inputs"; its other conditions, as labels,
    are what it is told beside them.

    Attributes:
        source, target: the fields that hold what is translated, or is made smaller or greyer to be
            translated (see `inputs_of`), and real images of what is made.
        multiple: sizes are padded to a multiple of it.
        smallest: height and width that the networks take at least.
        any_size: whether they take images of other sizes than the training's.
        scale: pixels of a translation along an axis, for one of its input.
        reach: how many pixels of the input to each side an output's pixel depends on; None where on all, as
            through statistics of the image. Only within a finite reach an image can be translated in tiles.
        stochastic: whether a translation depends on its seed.
        scores: names of the scores of pairs that say how good a translation is, for `tfgen.metrics.evaluate`.
    """

    source, target = "inputs", "images"
    scores = ()
    multiple, smallest, scale = 1, 1, 1
    any_size = True
    reach = None
    stochastic = False

    def translated(self, inputs, key, first_row=0, training=False, **told):
        """Translations of inputs (n, h, w, c) whose sizes are multiples of `multiple`.

        Args:
            key: of `tfgen.random`; row k has the noise of row first_row + k.
            told: the other conditions, (n, ...) each, where the model has some.
        """
        raise NotImplementedError(f"{type(self).__name__}.translated")

    @classmethod
    def parts(cls, **config):
        """As of every model; one name, where it makes its inputs of them."""
        return tuple(dict.fromkeys((cls.source, cls.target)))

    @property
    def further(self):
        """{name: field} of the conditions beside the inputs."""
        return {name: field for name, field in self.conditions.items() if name != "inputs"}

    def told_of(self, batch):
        """{name: values} of the conditions beside the inputs, of a batch {name: tensor or array}."""
        return {name: batch[name] for name in self.further}

    def inputs_of(self, batch, key=None, first_row=0):
        """What is translated of a batch {name of a field: tensor or array}: (n, h, w, c).

        Args:
            key: of `tfgen.random`, where the inputs are made with noise; row k has that of row first_row + k.
        """
        return batch[self.source]

    def translate(self, inputs, seed=0, *, tile=None, **told):
        """Translations, float32 (n, scale h, scale w, channels) in `value_range`.

        Sizes that are no multiple of `multiple` are continued by reflection, and the result is cut.

        Args:
            inputs: (n, h, w, c) with the channels of the inputs, floats in their range or bytes; of any
                height and width, where the model takes `any_size`.
            seed: where the model is `stochastic`, one seed gives one translation; image k of a batch has
                noise of its own.
            tile: pixels of the inputs, high and wide, to translate at a time, so that the memory for the
                networks' layers does not grow with the image; None: all. The translation is the same.
            told: the other conditions of a model that has some, as labels=..., for each image or one for
                all; drawn if they are not given and can be drawn.

        Raises:
            InputError: another number of axes or channels, a size that the model does not take, values out
                of range, tiles of a model whose `reach` is None, conditions that the model does not have.
        """
        function = self._telling(inputs, seed, told)
        return self._any_size(function, self.conditions["inputs"], "inputs", inputs, seed, tile)

    def translate_tiles(self, inputs, tile, seed=0, **told):
        """The parts of a translation one after another, for images whose translation fills the memory.

        Args:
            inputs, tile, seed, told: as for `translate`.

        Returns:
            an iterator of (top, left, part): `translate(inputs)[:, top : top + h, left : left + w]` is part,
            a float32 array (n, h, w, channels). The parts cover the translation, each pixel once.

        Raises:
            InputError: as `translate`.
        """
        field, key = self.conditions["inputs"], self.key_of(seed)
        images, tile = self._received(field, "inputs", inputs), self._checked_tile(tile)
        return self._parts(self._telling(inputs, seed, told), field, images, tile, key)

    def translate_back(self, images, seed=0):
        """From the target to the source, where the model has that direction too."""
        to = f", from {self.source} to {self.target}" if self.source != self.target else ""
        raise InputError(f"{type(self).__name__} translates in one direction{to}")

    def _telling(self, inputs, seed, told):
        """`translated`, with the conditions beside the inputs, once they are checked."""
        for name in told:
            if name not in self.further:
                known = ["seed", "tile", *self.further]
                raise unknown(f"argument of {type(self).__name__}.translate", name, known)
        if not self.further:
            return self.translated
        n, key = len(self._received(self.conditions["inputs"], "inputs", inputs)), self.key_of(seed)
        values = {
            name: self._condition(name, field, told.get(name), key, n, 0)
            for name, field in self.further.items()
        }
        return functools.partial(self.translated, **values)

    def _any_size(self, function, field, name, images, seed, tile=None):
        tile = None if tile is None else self._checked_tile(tile)
        images, key = self._received(field, name, images), self.key_of(seed)
        height, width = images.shape[1:3]
        if tile is None:
            images = field.prepared(images)
            for axis, size in ((1, height), (2, width)):
                images = tf.gather(images, reflected(size, self.multiple, self.smallest), axis=axis)
            return function(images, key)[:, : self.scale * height, : self.scale * width]
        whole = None
        for top, left, part in self._parts(function, field, images, tile, key):
            if whole is None:
                size = (self.scale * height, self.scale * width)
                whole = np.empty((len(images), *size, part.shape[-1]), part.dtype)
            whole[:, top : top + part.shape[1], left : left + part.shape[2]] = part
        return tf.convert_to_tensor(whole)

    def _received(self, field, name, images):
        """An array (n, h, w, c) of any size, checked and not yet scaled."""
        owner, images = type(self).__name__, np.asarray(images)
        if images.ndim != 4 or images.shape[-1] != field.shape[-1] or 0 in images.shape:
            raise InputError(
                f"{owner} translates {name} (n, height, width, {field.shape[-1]}); received {images.shape}"
            )
        size, own = "x".join(map(str, images.shape[1:3])), "x".join(map(str, field.shape[:2]))
        if not self.any_size and size != own:
            raise InputError(
                f"{owner} translates {name} of {own} (height x width) alone; received {size}; resize them"
            )
        return Image((None, None, field.shape[-1]), field.low, field.high).received(images, name, owner)

    def _checked_tile(self, tile):
        owner = type(self).__name__
        if self.reach is None:
            raise InputError(
                f"{owner} does not translate in tiles: each of its pixels depends on the whole image, so "
                f"that tiles would not fit together; translate a smaller image, and omit tile"
            )
        if isinstance(tile, bool) or not isinstance(tile, (int, np.integer)) or tile < 1:
            raise InputError(
                f"tile is how many pixels of the inputs are translated at a time, a whole number of at least "
                f"1, as 256; received {tile!r}"
            )
        return int(tile)

    def _parts(self, function, field, images, tile, key):
        """(top, left, part) of each tile; what a part depends on lies in the tile and within its rim."""
        spec = tf.TensorSpec((None, None, None, field.shape[-1]), tf.float32)
        # In a graph a layer's memory is free when the next has used it.
        run = tf.function(lambda inputs: function(inputs, key), [spec], autograph=False)
        run = run.get_concrete_function()
        height, width = (self.scale * size for size in images.shape[1:3])
        rows, columns = (
            reflected(size, self.multiple, self.smallest).astype(int) for size in images.shape[1:3]
        )
        for top, bottom, seen_rows in spans(len(rows), tile, self.reach, self.multiple):
            for left, right, seen_columns in spans(len(columns), tile, self.reach, self.multiple):
                seen = images[:, rows[seen_rows]][:, :, columns[seen_columns]]
                made = run(field.prepared(seen)).numpy()
                y, x = (
                    self.scale * (start - seen.start)
                    for start, seen in ((top, seen_rows), (left, seen_columns))
                )
                high, wide = (
                    min(self.scale * stop, end) - self.scale * start
                    for start, stop, end in ((top, bottom, height), (left, right, width))
                )
                if high > 0 and wide > 0:  # else all of it is reflection
                    yield self.scale * top, self.scale * left, made[:, y : y + high, x : x + wide]

    def _condition(self, name, field, value, key, n, first_row):
        if value is None and name == "inputs":
            raise InputError(f"{type(self).__name__} translates images; give inputs, or use translate")
        return super()._condition(name, field, value, key, n, first_row)

    def draw(self, key, n, first_row, inputs, **told):
        """Translations of n inputs of the training's size, with the noise of a key."""
        return self.translated(inputs, key, first_row, **told)

    def translated_by_seed(self, inputs, *given):
        """`translate` of plain tensors, so that it can be exported: sizes are multiples of `multiple`.

        Args:
            given: the other conditions, (n, ...) each, and the seed if the model is stochastic.
        """
        told = dict(zip(self.further, given))
        seed = given[len(told)] if len(given) > len(told) else None
        return self.translated(inputs, self._plain_key(seed), **told)

    def _plain_key(self, seed):
        return random.key(0 if seed is None else seed)

    def signatures(self):
        seed, (*size, channels) = [SEED] if self.stochastic else [], self.conditions["inputs"].shape
        size = (None, None) if self.any_size else size
        inputs = tf.TensorSpec((None, *size, channels), tf.float32, "inputs")
        told = [field.spec(name) for name, field in self.further.items()]
        return {"translate": (self.translated_by_seed, [inputs, *told, *seed])}

    @property
    def input_values(self):
        return {**super().input_values, "inputs": self.conditions["inputs"].values}

    def call(self, inputs, training=False, **told):
        return self.translated(inputs, random.key(0), training=training, **told)

    def columns(self, batch, seed=0, first_row=0):
        """{title: images (n, h, w, c)} in `value_range`: what shows translations of a batch of n examples.

        Args:
            batch: {name of a field: array (n, ...)}.
            seed, first_row: of the noise, as for `sample`.
        """
        raise NotImplementedError(f"{type(self).__name__}.columns")

    @classmethod
    def fitting(cls, shape, **config):
        """The image_shape next to `shape` that a model of that configuration trains on."""
        return tuple(shape)


def nearest(shape, multiple, smallest=1):
    """The (height, width, channels) next to `shape` whose sizes are multiples, at least `smallest`."""
    least = -(-smallest // multiple)
    *sizes, channels = shape
    return (*(max(least, round(size / multiple)) * multiple for size in sizes), channels)


def reflected(size, multiple, smallest=1):
    """Indices of an axis of `size` values, continued by reflection to a multiple, at least to `smallest`."""
    length = -(-max(size, smallest) // multiple) * multiple
    period = max(2 * size - 2, 1)
    place = np.arange(length) % period
    return np.minimum(place, period - place) if size > 1 else np.zeros(length, int)


def spans(size, tile, reach, multiple=1):
    """The tiles of an axis: [(start, stop, slice of what is seen)] of tiles of about `tile` values.

    All begin at multiples, for a network of strides is the same function at each multiple alone; what is seen
    goes `reach` values beyond the tile, or to the end of the axis.
    """
    step, rim = max(tile // multiple, 1) * multiple, -(-reach // multiple) * multiple
    return [
        (start, min(start + step, size), slice(max(start - rim, 0), min(start + step + rim, size)))
        for start in range(0, size, step)
    ]
