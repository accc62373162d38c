"""Models that make images of four times the height and width.

They train on images alone, which they make small themselves: the low-resolution images are bicubic ones, in
bytes (`tfgen.degradation`), as those of the benchmarks Set5 and Set14 are.
"""

import numpy as np
import tensorflow as tf

from tfgen.degradation import bicubic, rounded
from tfgen.errors import InputError
from tfgen.fields import Image
from tfgen.models.abilities import Games, Played, Translates
from tfgen.models.base import GenerativeModel
from tfgen.models.translating import nearest


class SuperResolutionModel(Translates, GenerativeModel):
    """High-resolution images of low-resolution ones, `scale` times as high and wide, of any size.

    A subclass says `upscaled`, and calls `check_sizes` first of all. `image_shape` is that of the patches of
    high-resolution images in training: `low_resolution` of them is what the model is given.
    """

    source, scale = "images", 4
    scores = ("l1", "psnr", "ssim", "feature_distance")
    # Patches of the images as they are: what is resized has other details than a photograph.
    data_options = {"crop": "random", "resample": "never"}

    @classmethod
    def check_sizes(cls, image_shape):
        """Raises an InputError for patches that are not `scale` times as high and wide as others."""
        if any(size % cls.scale for size in image_shape[:2]):
            raise InputError(
                f"{cls.__name__} makes images {cls.scale} times as high and wide, so that its patches have "
                f"multiples of {cls.scale} pixels; received {image_shape}; choose "
                f"{nearest(image_shape, cls.scale)}"
            )

    @property
    def conditions(self):
        """The low-resolution images."""
        height, width, channels = self.image_shape
        return {"inputs": Image((height // self.scale, width // self.scale, channels), *self.value_range)}

    def low_resolution(self, images):
        """Low-resolution images (n, h / scale, w / scale, c) of images (n, h, w, c) in `value_range`.

        Bicubic, and rounded to bytes; h and w are known multiples of `scale`.
        """
        images = tf.convert_to_tensor(images)
        height, width = (size // self.scale for size in images.shape[1:3])
        return rounded(bicubic(images, height, width), *self.value_range)

    def inputs_of(self, batch, key=None, first_row=0):
        return self.low_resolution(batch[self.source])

    def upscaled(self, inputs, training=False):
        """The network's high-resolution images of low-resolution ones; they may leave `value_range`."""
        raise NotImplementedError(f"{type(self).__name__}.upscaled")

    def translated(self, inputs, key, first_row=0, training=False):
        return tf.clip_by_value(self.upscaled(inputs, training), *self.value_range)

    def upscale(self, images, *, tile=None):
        """High-resolution images, float32 (n, scale h, scale w, c) in `value_range`: as `translate`.

        Args:
            images: (n, h, w, c), floats in `value_range` or bytes; of any height and width.
            tile: pixels of the images, high and wide, to upscale at a time, for large ones; None: all.

        Raises:
            InputError: as `translate`.
        """
        return self.translate(images, tile=tile)

    def columns(self, batch, seed=0, first_row=0):
        images = batch["images"]
        low = self.low_resolution(images)
        plain = tf.clip_by_value(bicubic(low, *np.shape(images)[1:3]), *self.value_range)
        return {"bicubic": plain, "upscaled": self.translated(low, None), "images": images}

    @classmethod
    def fitting(cls, shape, **config):
        *sizes, channels = shape  # no larger: what is enlarged lacks the details to be learnt
        return (*(max(size // cls.scale, 1) * cls.scale for size in sizes), channels)


class PlayedSuperResolution(Games, SuperResolutionModel):
    """Super-resolution whose `generator` plays against a `discriminator` of whole patches."""

    def fakes(self, step):
        """The high-resolution images that are made of the step's, (n, h, w, c)."""
        return step.once(self._fakes, self.generator)

    def _fakes(self, step):
        return self.upscaled(self.low_resolution(step.batch["images"]), step.training)

    def score(self, images, training=False):
        """Logits (n, 1): high if D takes an image for real."""
        return self.discriminator(images, training=training)

    def played(self, step):
        """What is seen of the game in a step: see `abilities.Game`."""
        images, fakes = step.batch["images"], self.fakes(step)
        return Played(self.score(images, step.training), self.score(fakes, step.training), images, fakes)
