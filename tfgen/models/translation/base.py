"""Models that turn images into images."""

import numpy as np
import tensorflow as tf

from tfgen import networks, random
from tfgen.errors import InputError
from tfgen.fields import Image
from tfgen.models.abilities import Games, Translates
from tfgen.models.base import GenerativeModel

SEED = tf.TensorSpec((), tf.int64, "seed")


class TranslationModel(Translates, Games, GenerativeModel):
    """A translation of `inputs`, whose weights do not depend on the images' size.

    A subclass says `fields` and `translated`.

    Attributes:
        input_channels: of the inputs; `image_shape` is that of the images made in training.
    """

    smallest = 1  # height and width that the networks take at least

    def translated(self, inputs, key, first_row=0, training=False):
        """Translations of inputs (n, h, w, c) whose sizes are multiples of `multiple`.

        Args:
            key: of `tfgen.random`; row k has the noise of row first_row + k.
        """
        raise NotImplementedError(f"{type(self).__name__}.translated")

    @property
    def conditions(self):
        """The images to translate."""
        return {"inputs": Image((*self.image_shape[:2], self.input_channels), *self.value_range)}

    def translate(self, inputs, seed=0):
        """Translations, float32 (n, h, w, channels) in `value_range`.

        Sizes that are no multiple of `multiple` are continued by reflection, and the result is cut.

        Args:
            inputs: (n, h, w, input_channels), floats in their range or bytes; of any height and width.
            seed: where the model is `stochastic`, one seed gives one translation; image k of a batch has
                noise of its own.

        Raises:
            InputError: another number of axes or channels, values out of range.
        """
        return self._any_size(self.translated, self.conditions["inputs"], "inputs", inputs, seed)

    def _any_size(self, function, field, name, images, seed):
        field = Image((None, None, field.shape[-1]), field.low, field.high)
        owner, images = type(self).__name__, np.asarray(images)
        if images.ndim != 4 or images.shape[-1] != field.shape[-1] or 0 in images.shape:
            raise InputError(
                f"{owner} translates {name} (n, height, width, {field.shape[-1]}); received {images.shape}"
            )
        height, width = images.shape[1:3]
        images = field.prepared(field.received(images, name, owner))
        for axis, size in ((1, height), (2, width)):
            images = tf.gather(images, reflected(size, self.multiple, self.smallest), axis=axis)
        return function(images, self.key_of(seed))[:, :height, :width]

    def _condition(self, name, field, value, key, n, first_row):
        if value is None:
            raise InputError(f"{type(self).__name__} translates images; give inputs, or use translate")
        return super()._condition(name, field, value, key, n, first_row)

    def columns(self, batch, seed=0, first_row=0):
        inputs, images = batch["inputs"], batch["images"]
        made = self.sample(len(inputs), seed=seed, first_row=first_row, inputs=inputs)
        return {"inputs": inputs, "translation": made, "images": images}

    def draw(self, key, n, first_row, inputs):
        """Translations of n inputs of the training's size, with the noise of a key."""
        return self.translated(inputs, key, first_row)

    def translated_by_seed(self, inputs, seed=None):
        """`translate` of plain tensors, so that it can be exported: sizes are multiples of `multiple`."""
        return self.translated(inputs, random.key(0 if seed is None else seed))

    def signatures(self):
        seed = [SEED] if self.stochastic else []
        free = tf.TensorSpec((None, None, None, self.input_channels), tf.float32, "inputs")
        return {"translate": (self.translated_by_seed, [free, *seed])}

    @property
    def input_values(self):
        return {**super().input_values, "inputs": self.conditions["inputs"].values}

    def call(self, inputs, training=False):
        return self.translated(inputs, random.key(0), training=training)


def check_patches(owner, image_shape, strided):
    """Raises an InputError for images that a discriminator of so many strided layers cannot take."""
    least = networks.smallest_patch(strided)
    if min(image_shape[:2]) < least:
        raise InputError(
            f"the discriminator of {owner} with strided={strided} takes images of {least}x{least} at least; "
            f"received {image_shape}; choose a smaller strided, or larger images"
        )


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
