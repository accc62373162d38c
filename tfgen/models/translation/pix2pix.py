"""pix2pix: a translation scored by a discriminator of patches, and by its distance to the truth.

Isola, Zhu, Zhou and Efros. Image-to-Image Translation with Conditional Adversarial Networks. CVPR 2017.
https://arxiv.org/abs/1611.07004

    discriminator: (-E[log D(x, y)] - E[log(1 - D(x, G(x, z)))]) / 2, halved to slow it down (section 3.3)
    generator:     -E[log D(x, G(x, z))] + l1_weight E|y - G(x, z)|      (eq. 3 and 4)

x is the input, y its image; D scores patches, and its losses are means over them (section 3.2.2). The noise z
is dropout, in use as in training (section 3.2); here it is a function of the seed. Both updates see the same
translation.

To colour grey images (section 4.5, and the authors' code) the networks see another pair: x is the lightness
L / 50 - 1 of the colour image in CIE Lab, and y is ab / 110.

Unlike the paper, which normalises by the batch's own statistics at use too, images are normalised one by
one: equal at the paper's batch of 1, and a translation does not depend on what else is in the batch.
"""

import keras
import tensorflow as tf

from tfgen import colour as colours
from tfgen import losses, networks
from tfgen.errors import InputError, unknown
from tfgen.fields import Image
from tfgen.models.abilities import Played
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.translation.base import TranslationModel, check_depth, check_patches, nearest


@model(title="Image-to-Image Translation with Conditional Adversarial Networks", year=2017)
class Pix2Pix(TranslationModel):
    """A U-Net against a discriminator that sees 70 x 70 pixels at a time.

    Its batches are {"inputs": (n, h, w, input_channels), "images": (n, h, w, channels)}, both in [-1, 1];
    with `colour` they are colour images alone, whose grey ones it makes.

    Args:
        image_shape: (height, width, channels) in training; height and width are multiples of 2**depth.
        input_channels: of the inputs; with `colour` it is 1.
        width: filters next to the image, of both networks.
        depth: halvings of the U-Net.
        strided: layers of stride 2 of the discriminator: 0 to 6, of which 3 see 70 pixels.
        l1_weight: lambda of eq. 4.
        adversarial_weight: of the generator's first term; 0 leaves L1 alone.
        conditional_discriminator: whether D sees the input too.
        dropout: rate of the U-Net's noise.
        colour: None, or "lab": grey images become colour images of the same lightness.
    """

    tiny = dict(image_shape=(8, 8, 1), input_channels=3, width=4, depth=2, strided=1)
    recipe = Recipe(
        "facades_paired",
        batch_size=1,
        epochs=200,
        model=dict(image_shape=(128, 128, 3), input_channels=3, width=32, depth=7),
        data=dict(flip=True, enlarge=286 / 256),
    )
    averaged_networks = ("generator",)
    own_networks = ("generator", "discriminator")
    adversarial_loss = losses.Minimax()
    scores = ("l1", "psnr", "ssim", "feature_distance", "pixel_accuracy", "class_accuracy", "class_iou")

    def __init__(
        self,
        image_shape=(256, 256, 3),
        input_channels=3,
        width=64,
        depth=8,
        strided=3,
        l1_weight=100.0,
        adversarial_weight=1.0,
        conditional_discriminator=True,
        dropout=0.5,
        colour=None,
        **kwargs,
    ):
        if colour not in (None, "lab"):
            raise unknown("colour", colour, ["lab"])
        if colour and image_shape[-1] != 3:
            raise InputError(
                f"colour={colour!r} learns from images of red, green and blue; received {image_shape}; give "
                f"colour images, and an image_shape of 3 channels"
            )
        check_depth("Pix2Pix", image_shape, depth)
        if kwargs.get("discriminator") is None:
            check_patches("Pix2Pix", image_shape, strided)
        super().__init__(**kwargs)
        self.image_shape, self.input_channels = image_shape, 1 if colour else input_channels
        self.colour, (self.source, *_) = colour, self.parts(colour=colour)
        self.width, self.depth, self.strided, self.dropout = width, depth, strided, dropout
        self.l1_weight, self.adversarial_weight = l1_weight, adversarial_weight
        self.conditional_discriminator = conditional_discriminator
        channels = 2 if colour else image_shape[-1]
        with self.building():
            self.generator = networks.unet(
                self.input_channels, channels, width=width, depth=depth, dropout=dropout, name="generator"
            )
            seen = (self.input_channels, channels) if conditional_discriminator else (channels,)
            self.discriminator = networks.patch_discriminator(seen, width=width, strided=strided)

    @classmethod
    def parts(cls, *, colour=None, **config):
        return ("images",) if colour else ("inputs", "images")

    @property
    def fields(self):
        images = {"images": Image(self.image_shape, *self.value_range)}
        return images if self.colour else {**self.conditions, **images}

    def inputs_of(self, batch, key=None, first_row=0):
        return colours.grey(batch["images"]) if self.colour else batch["inputs"]

    @property
    def multiple(self):
        return 2**self.depth

    @classmethod
    def fitting(cls, shape, *, depth, strided, **config):
        return nearest(shape, 2**depth, networks.smallest_patch(strided))

    @property
    def stochastic(self):
        return self.dropout > 0

    def objectives(self):
        return {
            "discriminator": Objective(self.discriminator_objective, (self.discriminator,)),
            "generator": Objective(self.generator_objective, (self.generator,), ("l1", "adversarial")),
        }

    def default_optimizers(self):
        """Adam of rate 2e-4 and beta_1 0.5 (section 3.3)."""
        return {name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in self.objectives()}

    def translated(self, inputs, key, first_row=0, training=False):
        lightness = colours.halves(inputs)[0] if self.colour else inputs
        return self.picture(lightness, self.made(lightness, key, first_row, training))

    def made(self, x, key, first_row=0, training=False):
        """G(x, z), as the networks see it."""
        return self.through("generator", x, key, first_row, training)

    def pair(self, step):
        """(x, y) of the step, as the networks see them: (n, h, w, ...) each."""
        return step.once(self._pair)

    def _pair(self, step):
        batch = step.batch
        return colours.halves(batch["images"]) if self.colour else (batch["inputs"], batch["images"])

    def picture(self, x, y):
        """The images (n, h, w, channels) of what the networks see."""
        return colours.joined(x, y) if self.colour else y

    def fakes(self, step):
        """G(x, z) of the step's x."""
        return step.once(self._fakes, self.generator)

    def _fakes(self, step):
        return self.made(self.pair(step)[0], step.key("dropout"), step.first_row, step.training)

    def score(self, x, y, training=False):
        """A logit for each patch, (n, h', w', 1): high if D takes y for that of x."""
        seen = [x, y] if self.conditional_discriminator else [y]
        return self.network("discriminator", training)(seen, training=training)

    def played(self, step):
        """What is seen of the game in a step: see `abilities.Game`."""
        (x, y), fakes = self.pair(step), self.fakes(step)
        real, fake = (self.score(x, seen, step.training) for seen in (y, fakes))
        return Played(real, fake, self.picture(x, y), self.picture(x, fakes))

    def discriminator_objective(self, step):
        (x, y), fakes = self.pair(step), tf.stop_gradient(self.fakes(step))
        real, fake = (self.score(x, seen, step.training) for seen in (y, fakes))
        return 0.5 * self.adversarial_loss.discriminator(real, fake), {}

    def generator_objective(self, step):
        (x, y), fakes = self.pair(step), self.fakes(step)
        l1 = tf.reduce_mean(abs(y - fakes))
        adversarial = self.adversarial_loss.generator(self.score(x, fakes, step.training))
        loss = self.adversarial_weight * adversarial + self.l1_weight * l1
        return loss, {"l1": l1, "adversarial": adversarial}
