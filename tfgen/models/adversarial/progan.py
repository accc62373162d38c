"""Progressive growing: both networks begin at 4x4 pixels and gain a resolution after the other.

Karras, Aila, Laine and Lehtinen. Progressive Growing of GANs for Improved Quality, Stability, and Variation.
ICLR 2018. https://arxiv.org/abs/1710.10196

    discriminator: E D(G(z)) - E D(x) + 10 E(|dD/dx(x^)| - 1)^2 + 0.001 E D(x)^2      (appendix A.1)
    generator:     -E D(G(z))

A resolution is trained in two phases: it fades in (figure 2), while alpha goes from 0 to 1,

    G: (1 - alpha) up(to_rgb_old(h)) + alpha to_rgb_new(block(up(h)))
    D: block of from_rgb_new(x), weighed with from_rgb_old(down(x)) alike; real images are
       (1 - alpha) up(down(x)) + alpha x

and then it stabilises. The first only stabilises. Weights have an equalised rate (section 4.1), G normalises
each pixel's features (4.2), D sees the deviation within groups of images (3). Each resolution has optimizers
of its own, as the authors' code resets them. Up is by nearest neighbours, down by averages.

Unlike the paper, phases are counted in steps and not in images, and samples have the full size at each stage:
what is not grown yet is enlarged.
"""

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses, networks, priors
from tfgen.errors import InputError
from tfgen.layers import EqualizedConv2D, EqualizedDense, MinibatchDeviation, PixelNormalization
from tfgen.models.abilities import Played
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.networks import down, up


def faded(old, new, alpha):
    """(1 - alpha) old + alpha new, in the type of `new`."""
    alpha = tf.cast(alpha, new.dtype)
    return (1 - alpha) * tf.cast(old, new.dtype) + alpha * new


def _rectified(*stack):
    return keras.Sequential([part for layer in stack for part in (layer, layers.LeakyReLU(0.2))])


def _featured(*stack):
    """Convolutions of the generator: each is rectified, then its pixels are normalised."""
    parts = [(layer, layers.LeakyReLU(0.2), PixelNormalization()) for layer in stack]
    return keras.Sequential([part for three in parts for part in three])


@keras.saving.register_keras_serializable("tfgen")
class GrowingGenerator(layers.Layer):
    """z (n, latent_dim) -> images (n, h, w, channels) of a level's size, without an activation.

    Args:
        size: (height, width) of level 0.
        filters: of the features of each level.
        channels: of the images.
    """

    def __init__(self, size, filters, channels, **kwargs):
        super().__init__(**kwargs)
        self.size, self.filters, self.channels = tuple(size), tuple(filters), channels
        height, width = self.size
        self.first = keras.Sequential(
            [
                PixelNormalization(),
                EqualizedDense(height * width * self.filters[0], gain=2**0.5 / 4),
                layers.Reshape((height, width, self.filters[0])),
                layers.LeakyReLU(0.2),
                PixelNormalization(),
                EqualizedConv2D(self.filters[0], 3),
                layers.LeakyReLU(0.2),
                PixelNormalization(),
            ]
        )
        grown = self.filters[1:]
        self.blocks = [self.first, *(_featured(EqualizedConv2D(n, 3), EqualizedConv2D(n, 3)) for n in grown)]
        self.to_rgb = [EqualizedConv2D(channels, 1, gain=1.0, dtype="float32") for _ in self.filters]

    def build(self, input_shape):
        shape, (height, width) = input_shape, self.size
        for level, (block, head) in enumerate(zip(self.blocks, self.to_rgb)):
            block.build(shape)
            shape = (None, height * 2**level, width * 2**level, self.filters[level])
            head.build(shape)
            shape = (None, 2 * shape[1], 2 * shape[2], shape[3])
        self.built = True

    def active(self, level):
        """The layers that make images of a level, with those that fade out."""
        return (*self.blocks[: level + 1], *self.to_rgb[max(level - 1, 0) : level + 1])

    def call(self, z, level, alpha):
        h = self.blocks[0](z)
        for block in self.blocks[1:level]:
            h = block(up(h))
        if not level:
            return self.to_rgb[0](h)
        new = self.to_rgb[level](self.blocks[level](up(h)))
        return faded(up(self.to_rgb[level - 1](h)), new, alpha)

    def get_config(self):
        own = dict(size=self.size, filters=self.filters, channels=self.channels)
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("tfgen")
class GrowingDiscriminator(layers.Layer):
    """Images (n, h, w, channels) of a level's size -> scores (n, 1); arguments as of `GrowingGenerator`."""

    def __init__(self, size, filters, channels, group=4, **kwargs):
        super().__init__(**kwargs)
        self.size, self.filters, self.channels = tuple(size), tuple(filters), channels
        self.group = group
        last = self.filters[0]
        self.last = keras.Sequential(
            [
                MinibatchDeviation(group),
                *_rectified(EqualizedConv2D(last, 3)).layers,
                layers.Flatten(),
                *_rectified(EqualizedDense(last)).layers,
                EqualizedDense(1, gain=1.0, dtype="float32"),
            ]
        )
        pairs = zip(self.filters[1:], self.filters)
        self.blocks = [
            self.last,
            *(_rectified(EqualizedConv2D(n, 3), EqualizedConv2D(fewer, 3)) for n, fewer in pairs),
        ]
        self.from_rgb = [_rectified(EqualizedConv2D(n, 1)) for n in self.filters]

    def build(self, input_shape):
        height, width = self.size
        for level, (block, head) in enumerate(zip(self.blocks, self.from_rgb)):
            size = (None, height * 2**level, width * 2**level)
            head.build((*size, self.channels))
            block.build((*size, self.filters[level]))
        self.built = True

    def active(self, level):
        """The layers that score images of a level, with those that fade out."""
        return (*self.blocks[: level + 1], *self.from_rgb[max(level - 1, 0) : level + 1])

    def call(self, images, level, alpha):
        h = self.from_rgb[level](images)
        for place in range(level, 0, -1):
            h = down(self.blocks[place](h))
            if place == level:
                h = faded(self.from_rgb[level - 1](down(images)), h, alpha)
        return self.blocks[0](h)

    def get_config(self):
        own = dict(size=self.size, filters=self.filters, channels=self.channels, group=self.group)
        return {**super().get_config(), **own}


class _Stage:
    """A level's two objectives."""

    def __init__(self, model, level):
        self.model, self.level = model, level

    def due(self, k):
        return self.model.level(k) == self.level

    def fakes(self, step):
        return step.once(self._fakes, *self.model.generator.active(self.level))

    def _fakes(self, step):
        z = self.model.draw_codes(step.key("z"), step.rows, step.first_row)
        return self.model.images_at(z, self.level, self.model.alpha(self.level), True)

    def discriminator_objective(self, step):
        model, level = self.model, self.level
        alpha = model.alpha(level)
        images = model.reals_at(step.batch["images"], level, alpha)
        fakes = tf.stop_gradient(self.fakes(step))

        def critic(x):
            return model.discriminator(x, level=level, alpha=alpha)

        line = step.uniform("line", 1, 1, 1)
        penalty = losses.gradient_penalty(critic, images, fakes, line)
        real = critic(images)
        loss = model.adversarial_loss.discriminator(real, critic(fakes))
        loss += model.penalty_weight * penalty + model.drift_weight * tf.reduce_mean(real**2)
        return loss, {"gradient_penalty": penalty}

    def generator_objective(self, step):
        alpha = self.model.alpha(self.level)
        scores = self.model.discriminator(self.fakes(step), level=self.level, alpha=alpha)
        return self.model.adversarial_loss.generator(scores), {}


@model(title="Progressive Growing of GANs for Improved Quality, Stability, and Variation", year=2018)
class ProGAN(AdversarialModel):
    """A generator and a critic that grow from 4x4 pixels (or about) to the size of the images.

    Args:
        image_shape: (height, width, channels): 2**k times a size of 4 to 7 pixels.
        latent_dim: size of z.
        width: filters next to the full-sized image; each halving doubles them.
        max_width: most filters.
        phase_steps: steps of a phase; a level fades in for one and stabilises for another.
        penalty_weight: of the gradient penalty.
        drift_weight: of E D(x)^2.
        group: images among which D sees the deviation.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=4, max_width=8, phase_steps=2, group=2)
    recipe = Recipe(
        "celeb_a",
        batch_size=16,
        epochs=20,
        model=dict(image_shape=(32, 32, 3), latent_dim=128, width=32, max_width=128, ema_decay=0.999),
    )
    averaged_networks = ("generator",)
    own_networks = ()
    adversarial_loss = losses.Wasserstein()
    prior = priors.Normal()

    def __init__(
        self,
        image_shape=(128, 128, 3),
        latent_dim=512,
        width=32,
        max_width=512,
        phase_steps=37_500,
        penalty_weight=10.0,
        drift_weight=1e-3,
        group=4,
        **kwargs,
    ):
        levels = networks.halvings(image_shape)
        if not levels or phase_steps < 1:
            raise InputError(
                f"ProGAN grows images whose sizes can be halved to 4 to 7 pixels, in phases of at least "
                f"1 step; received image_shape={image_shape} and phase_steps={phase_steps}"
            )
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim = image_shape, latent_dim
        self.width, self.max_width, self.phase_steps = width, max_width, phase_steps
        self.penalty_weight, self.drift_weight, self.group = penalty_weight, drift_weight, group
        self.levels = levels + 1
        *size, channels = image_shape
        size = [n >> levels for n in size]
        filters = [min(width * 2 ** (levels - level), max_width) for level in range(self.levels)]
        with self.building():
            self.generator = GrowingGenerator(size, filters, channels, name="generator")
            self.generator.build((None, latent_dim))
            self.discriminator = GrowingDiscriminator(size, filters, channels, group, name="discriminator")
            self.discriminator.build((None, *size, channels))
        self.stages = [_Stage(self, level) for level in range(self.levels)]

    # Growth, a function of the number of the step.

    def level(self, k):
        """The level that step k trains, 0 for the smallest size."""
        return min((max(k - 1, 0) // self.phase_steps + 1) // 2, self.levels - 1)

    def alpha(self, level, k=None):
        """How far a level has faded in at step k (None: the counter's, a tensor), in [0, 1]."""
        if not level:
            return 1.0
        k = tf.cast(self.step.value, tf.float32) if k is None else k
        share = (k - (2 * level - 1) * self.phase_steps) / self.phase_steps
        return tf.clip_by_value(share, 0.0, 1.0)

    def _now(self):
        """(level, alpha) after the steps so far, as constants."""
        with tf.init_scope():
            k = int(self.step.numpy())
            level = self.level(k)
            return level, float(self.alpha(level, float(k)))

    def images_at(self, z, level, alpha, training=False):
        """Images of a level's size, float32 (n, h, w, c), of latents z (n, latent_dim)."""
        return tf.cast(self.network("generator", training)(z, level=level, alpha=alpha), tf.float32)

    def reals_at(self, images, level, alpha):
        """Images (n, h, w, c) at a level's size, as they are compared with fakes there."""
        for _ in range(self.levels - 1 - level):
            images = down(images)
        return images if not level else faded(up(down(images)), images, alpha)

    def objectives(self):
        objectives = {}
        for stage in self.stages:
            size = self.generator.size[0] << stage.level
            for name in ("discriminator", "generator"):
                logs = ("gradient_penalty",) if name == "discriminator" else ()
                objectives[f"{name}_{size}"] = Objective(
                    getattr(stage, f"{name}_objective"),
                    getattr(self, name).active(stage.level),
                    logs,
                    stage=stage.due,
                )
        return objectives

    def default_optimizers(self):
        """Adam of rate 1e-3, beta 0 and 0.99, epsilon 1e-8 (appendix A.1)."""
        how = dict(beta_1=0.0, beta_2=0.99, epsilon=1e-8)
        return {name: keras.optimizers.Adam(1e-3, **how) for name in self.objectives()}

    # Use.

    def score(self, images, labels=None, training=False):
        """What the critic of the level says of images of the full size, (n, 1)."""
        level, alpha = self._now()
        return self.discriminator(self.reals_at(images, level, alpha), level=level, alpha=alpha)

    def generate(self, z, labels=None):
        """Images (n, h, w, c) in [-1, 1] of latents z (n, latent_dim), enlarged from the level's size."""
        return self._generated(z, training=False)

    def _generated(self, z, training):
        level, alpha = self._now()
        images = self.images_at(z, level, alpha, training)
        for _ in range(self.levels - 1 - level):
            images = up(images)
        return tf.clip_by_value(images, *self.value_range)

    def played(self, step):
        images = step.batch.get("images")
        fakes = self._generated(self.draw_codes(step.key("z"), step.rows, step.first_row), step.training)
        real = None if images is None else self.score(images)
        return Played(real, self.score(fakes), images, fakes)

    def call(self, z, labels=None, training=False):
        return self._generated(z, training)
