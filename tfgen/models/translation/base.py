"""Models that turn images into images."""

import tensorflow as tf

from tfgen import networks, random
from tfgen.errors import InputError
from tfgen.fields import Image
from tfgen.models.abilities import Games, Translates
from tfgen.models.base import GenerativeModel
from tfgen.models.translating import nearest

__all__ = ["TranslationModel", "check_patches", "l1", "nearest"]


class TranslationModel(Translates, Games, GenerativeModel):
    """A translation of `inputs`.

    A subclass says `fields` and `translated`.

    Attributes:
        input_channels: of the inputs; `image_shape` is that of the images made in training.
    """

    def through(self, name, images, key, first_row=0, training=False):
        """Images (n, h, w, c) through the network `name`, with keys of noise if the model has any."""
        keys = [random.row_keys(key, tf.shape(images)[0], first_row)] if self.stochastic else []
        images = tf.convert_to_tensor(images)  # Keras takes no array beside tensors
        return self.network(name, training)([images, *keys] if keys else images, training=training)

    @property
    def conditions(self):
        """The images to translate."""
        return {"inputs": Image((*self.image_shape[:2], self.input_channels), *self.value_range)}

    def columns(self, batch, seed=0, first_row=0):
        inputs, (low, high) = self.inputs_of(batch, self.key_of(seed), first_row), self.value_range
        told = self.told_of(batch)
        made = self.sample(len(inputs), seed=seed, first_row=first_row, inputs=inputs, **told)
        field = self.conditions["inputs"]
        shown = low + (inputs - field.low) * ((high - low) / (field.high - field.low))
        return {"inputs": shown, "translation": made, "images": batch["images"]}


def l1(a, b):
    """The mean absolute difference, a scalar."""
    return tf.reduce_mean(abs(a - b))


def check_depth(owner, image_shape, depth):
    """Raises an InputError for images that a U-Net cannot halve so often."""
    if any(size % 2**depth for size in image_shape[:2]):
        raise InputError(
            f"a {owner} of depth {depth} takes images whose sizes are multiples of {2**depth}; received "
            f"{image_shape}; choose another depth"
        )


def check_patches(owner, image_shape, strided):
    """Raises an InputError for images that a discriminator of so many strided layers cannot take."""
    least = networks.smallest_patch(strided)
    if min(image_shape[:2]) < least:
        raise InputError(
            f"the discriminator of {owner} with strided={strided} takes images of {least}x{least} at least; "
            f"received {image_shape}; choose a smaller strided, or larger images"
        )
