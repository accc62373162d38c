"""ID-CGAN: rain is taken out of a picture, by what pixels, features and a discriminator say.

Zhang, Sindagi and Patel. Image De-raining Using a Conditional Generative Adversarial Network. 2017, and IEEE
Transactions on Circuits and Systems for Video Technology 30(11), 2020. https://arxiv.org/abs/1701.05957

    generator:     E|y - G(x)|^2 - adversarial_weight E[log D(x, G(x))] + perceptual_weight L_P,
                   L_P = E|phi(y) - phi(G(x))|^2
    discriminator: -E[log D(x, y)] - E[log(1 - D(x, G(x)))]

x is the rainy picture, y the clear one, phi the maps of VGG16 behind its fourth convolution, and squares are
means over all values. The weights are those that others give for the paper; the authors' code has 150, 150
and 1 for the three terms, which is the same up to a factor. The networks are the code's: D scores patches.

Unlike the code, which shows VGG16 pictures in [-1, 1], it sees what it was trained on; the distance of its
maps is divided by the square of that factor.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses, networks, random
from tfgen.errors import InputError
from tfgen.features import Features, difference
from tfgen.fields import Image
from tfgen.layers import BatchNormalization
from tfgen.models.abilities import Played
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.translation.base import TranslationModel, check_patches, nearest
from tfgen.networks.blocks import small

REACH = 8  # pixels of a streak to each side of its middle, at most
ANGLES = (60.0, 120.0)  # of the streaks of a picture, in degrees from the horizontal
LENGTHS = (5.0, 2.0 * REACH + 1)  # of the streaks of a picture, in rows
LIGHT = (0.2, 0.8)  # of a streak


@model(title="Image De-raining Using a Conditional Generative Adversarial Network", year=2017)
class IDCGAN(TranslationModel):
    """Twelve convolutions against a discriminator of patches; `translate` takes the rain away.

    Its batches are {"inputs": (n, h, w, channels), "images": the clear pictures, as many}, in [-1, 1]; with
    `rain` they are clear pictures alone, on which the model draws rain itself.

    Args:
        image_shape: (height, width, channels) in training; of any size.
        width: filters of the generator; those of the discriminator begin with 3/4 of it.
        strided: layers of stride 2 of the discriminator: 3 see 70 pixels.
        perceptual_weight: lambda_p; 0 needs no feature network.
        adversarial_weight: lambda_a.
        features, tap: the feature network and its layer, as `tfgen.features.Features` takes them.
        rain: None, or the share of pixels at which a streak begins, at most: that of a picture is uniform
            between a third of it and all.
    """

    tiny = dict(image_shape=(8, 8, 3), width=4, strided=1, features="random", tap="conv2", rain=0.05)
    recipe = Recipe(
        "sr_classic",
        batch_size=7,
        epochs=100,
        model=dict(image_shape=(96, 96, 3), width=32, rain=0.03),
        data=dict(split="t91", repeat=16, crop="random", resample="never", flip=True),
    )
    averaged_networks = ("generator",)
    own_networks = ("generator", "discriminator")
    adversarial_loss = losses.Minimax()
    scores = ("l1", "psnr", "ssim", "feature_distance")
    reach = 12

    def __init__(
        self,
        image_shape=(256, 256, 3),
        width=64,
        strided=3,
        perceptual_weight=1.0,
        adversarial_weight=6.6e-3,
        features="vgg16",
        tap="block2_conv2",
        rain=None,
        **kwargs,
    ):
        if rain is not None and not 0 <= rain < 1:
            raise InputError(f"rain is a share of the pixels, as 0.03, or None for pairs; received {rain!r}")
        if kwargs.get("discriminator") is None:
            check_patches("IDCGAN", image_shape, strided)
        super().__init__(**kwargs)
        self.image_shape, self.width, self.strided = image_shape, width, strided
        self.perceptual_weight, self.adversarial_weight = perceptual_weight, adversarial_weight
        self.features, self.tap, self.rain = features, tap, rain
        self.phi = Features(features, (tap,)) if perceptual_weight else None
        (self.source, *_) = self.parts(rain=rain)
        channels = self.input_channels = image_shape[-1]
        with self.building():
            self.generator = derainer(channels, width)
            self.discriminator = networks.patch_discriminator(
                (channels, channels), width=3 * width // 4, strided=strided, normalization="batch"
            )

    @classmethod
    def parts(cls, *, rain=None, **config):
        return ("inputs", "images") if rain is None else ("images",)

    @property
    def fields(self):
        images = {"images": Image(self.image_shape, *self.value_range)}
        return {**self.conditions, **images} if self.rain is None else images

    @classmethod
    def fitting(cls, shape, *, strided, **config):
        return nearest(shape, 1, networks.smallest_patch(strided))

    def inputs_of(self, batch, key=None, first_row=0):
        if self.rain is None:
            return batch["inputs"]
        return rainy(batch["images"], self.rain, key, first_row)

    def objectives(self):
        logs = ("squares", "adversarial", *(["perceptual"] if self.perceptual_weight else []))
        return {
            "discriminator": Objective(self.discriminator_objective, (self.discriminator,)),
            "generator": Objective(self.generator_objective, (self.generator,), logs),
        }

    def default_optimizers(self):
        """Adam of rate 2e-4 and beta_1 0.5, as the authors' code."""
        return {name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in self.objectives()}

    def prepare(self):
        if self.phi is not None:
            self.phi.load()

    def translated(self, inputs, key, first_row=0, training=False):
        return self.network("generator", training)(inputs, training=training)

    def given(self, step):
        """The step's rainy pictures, (n, h, w, channels)."""
        return step.once(self._given)

    def _given(self, step):
        return self.inputs_of(step.batch, step.key("rain"), step.first_row)

    def fakes(self, step):
        """What is made of them, (n, h, w, channels)."""
        return step.once(self._fakes, self.generator)

    def _fakes(self, step):
        return self.translated(self.given(step), None, training=step.training)

    def distance(self, images, others):
        """E|phi(y) - phi(y')|^2 of images (n, h, w, channels), a scalar, as if phi took images in [-1, 1]."""
        maps = self.phi(images, self.value_range), self.phi(others, self.value_range)
        low, high = self.phi.value_range
        return difference(*maps) * (2 / (high - low)) ** 2

    def played(self, step):
        """What is seen of the game in a step: see `abilities.Game`."""
        images, fakes = step.batch["images"], self.fakes(step)
        real, fake = (
            self.discriminator([self.given(step), x], training=step.training) for x in (images, fakes)
        )
        return Played(real, fake, images, fakes)

    def discriminator_objective(self, step):
        images, fakes = step.batch["images"], tf.stop_gradient(self.fakes(step))
        real, fake = (
            self.discriminator([self.given(step), x], training=step.training) for x in (images, fakes)
        )
        return self.adversarial_loss.discriminator(real, fake), {}

    def generator_objective(self, step):
        images, fakes = step.batch["images"], self.fakes(step)
        score = self.discriminator([self.given(step), fakes], training=step.training)
        logs = {
            "squares": tf.reduce_mean((images - fakes) ** 2),
            "adversarial": self.adversarial_loss.generator(score),
        }
        loss = logs["squares"] + self.adversarial_weight * logs["adversarial"]
        if self.perceptual_weight:
            logs["perceptual"] = self.distance(images, fakes)
            loss += self.perceptual_weight * logs["perceptual"]
        return loss, logs


def derainer(channels, width):
    """Pictures -> pictures of the same size, any: 12 convolutions 3x3 of stride 1, the sixth of which leaves
    one channel, with skips from the second to the tenth and from the fourth to the eighth."""

    def convolution(filters, **how):
        return layers.Conv2D(filters, 3, padding="same", kernel_initializer=small(), **how)

    def down(x, filters):
        return BatchNormalization()(convolution(filters, use_bias=False)(layers.LeakyReLU(0.2)(x)))

    def up(x, filters, *skip):
        x = BatchNormalization()(convolution(filters, use_bias=False)(layers.ReLU()(x)))
        return layers.Add()([x, *skip]) if skip else x

    pictures = keras.Input((None, None, channels))
    first = convolution(width)(pictures)
    second = down(first, width)
    fourth = down(down(second, width), width)
    x = down(down(fourth, width // 2), 1)
    x = down(x, width // 2)
    x = up(x, width, fourth)
    x = up(up(x, width), width, second)
    x = layers.ReLU()(up(x, width))
    return keras.Model(
        pictures, convolution(channels, activation="tanh", dtype="float32")(x), name="generator"
    )


def rainy(images, share, key, first_row=0):
    """Images (n, h, w, c) in [-1, 1] with rain of a key of `tfgen.random`, of known height and width.

    Each has streaks r of a direction, a length and a number of its own, drawn by its key and number, and is
    1 - (1 - x)(1 - r) of x in [0, 1], as light adds up on a screen.

    Args:
        share: of the pixels at which a streak begins, at most.
    """
    images = tf.convert_to_tensor(images, tf.float32)
    n, (height, width) = tf.shape(images)[0], images.shape[1:3]
    tall, wide = height + 2 * REACH, width + 2 * REACH
    kind = random.uniform(random.fold_in(key, 0), (n, 3), first_row)
    drops = random.uniform(random.fold_in(key, 1), (n, tall, wide), first_row)
    share = share * (1 + 2 * kind[:, :1]) / 3
    low, high = ANGLES
    slope = 1 / tf.math.tan((low + (high - low) * kind[:, 1:2]) * (math.pi / 180))
    low, high = LENGTHS
    half = (low + (high - low) * kind[:, 2:3]) / 2
    # A streak's light is what is left of the number that made its drop.
    low, high = LIGHT
    share = share[:, :, None]
    drops = tf.where(drops < share, low + (high - low) * drops / tf.maximum(share, 1e-9), 0.0)
    streaks = tf.zeros((n, height, width))
    for row in range(-REACH, REACH + 1):
        shift = REACH + row * slope  # (n, 1), of columns: between two pixels
        whole = tf.floor(shift)
        place = tf.cast(whole, tf.int32) + tf.range(width)
        near, far = (
            tf.gather(drops[:, REACH + row : REACH + row + height], place + k, axis=2, batch_dims=1)
            for k in (0, 1)
        )
        part = (shift - whole)[:, :, None]
        there = tf.clip_by_value(half + 0.5 - abs(row), 0.0, 1.0)[:, :, None]
        streaks += there * ((1 - part) * near + part * far)
    clear = (1 - images) / 2
    return 1 - 2 * clear * (1 - tf.minimum(streaks, 1.0))[..., None]
