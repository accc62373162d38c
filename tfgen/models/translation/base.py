"""Models that turn images into images."""

from tfgen import networks
from tfgen.errors import InputError
from tfgen.fields import Image
from tfgen.models.abilities import Games, Translates
from tfgen.models.base import GenerativeModel
from tfgen.models.translating import nearest

__all__ = ["TranslationModel", "check_patches", "nearest"]


class TranslationModel(Translates, Games, GenerativeModel):
    """A translation of `inputs`, whose weights do not depend on the images' size.

    A subclass says `fields` and `translated`.

    Attributes:
        input_channels: of the inputs; `image_shape` is that of the images made in training.
    """

    @property
    def conditions(self):
        """The images to translate."""
        return {"inputs": Image((*self.image_shape[:2], self.input_channels), *self.value_range)}

    def columns(self, batch, seed=0, first_row=0):
        inputs, images = batch["inputs"], batch["images"]
        made = self.sample(len(inputs), seed=seed, first_row=first_row, inputs=inputs)
        return {"inputs": inputs, "translation": made, "images": images}


def check_patches(owner, image_shape, strided):
    """Raises an InputError for images that a discriminator of so many strided layers cannot take."""
    least = networks.smallest_patch(strided)
    if min(image_shape[:2]) < least:
        raise InputError(
            f"the discriminator of {owner} with strided={strided} takes images of {least}x{least} at least; "
            f"received {image_shape}; choose a smaller strided, or larger images"
        )
