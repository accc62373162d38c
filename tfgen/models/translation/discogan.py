"""DiscoGAN: what relates two domains is found by translations that lead back.

Kim, Cha, Kim, Lee and Kim. Learning to Discover Cross-Domain Relations with Generative Adversarial Networks.
ICML 2017. https://arxiv.org/abs/1703.05192

G: A -> B and F: B -> A, each against a discriminator of its target; F(G(a)) shall be a, and G(F(b)) b:

    translators:    L_GAN + L_CONST
        L_GAN = -E log D_B(G(a)) - E log D_A(F(b)),     L_CONST = E|F(G(a)) - a|^2 + E|G(F(b)) - b|^2
    discriminators: the standard losses of D_A and of D_B

The authors' code (github.com/SKTBrain/DiscoGAN) weighs these terms, and adds one that compares the means over
the batch of the discriminators' last three hidden layers f. As it does, the translators here minimise

    (1 - r) ((1 - w) L_GAN + w L_FM) + r L_CONST,     L_FM = sum over f of mean (E f(x) - E f(x~))^2

for x of a domain and x~ translated into it, w = 0.9, r = 0.01 in the first 10,000 steps and 0.5 from then on;
and in one of three steps the discriminators are updated, in the other two the translators. The weights
of the terms in the formula above, all alike, are those of feature_weight=0, starting_rate=0.5.

Unlike the code, the discriminators' losses are not halved, which does not change the steps of Adam, weights
do not decay, and start as Glorot and Bengio's.
"""

import functools

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses
from tfgen.errors import InputError
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.translation.base import nearest
from tfgen.models.translation.two_domains import TwoDomains
from tfgen.networks.blocks import chained, normalized

HALVINGS = 4


def _halved(x, filters, normalization):
    def convolution(bias):
        return layers.Conv2D(filters, 4, strides=2, padding="same", use_bias=bias)

    return chained(x, [*normalized(convolution, normalization), layers.LeakyReLU(0.2)])


def _doubled(x, filters):
    def convolution(bias):
        return layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=bias)

    return chained(x, [*normalized(convolution, "batch"), layers.ReLU()])


def translator(channels_in, channels_out, *, width, name):
    """Images -> images of the same size in (0, 1), of any size that is a multiple of 16."""
    x = images = keras.Input((None, None, channels_in))
    for step in range(HALVINGS):
        x = _halved(x, width * 2**step, "batch" if step else None)
    for step in reversed(range(HALVINGS - 1)):
        x = _doubled(x, width * 2**step)
    how = dict(strides=2, padding="same", activation="sigmoid", dtype="float32")
    return keras.Model(images, layers.Conv2DTranspose(channels_out, 4, **how)(x), name=name)


def discriminator(channels, *, size, width, name):
    """Images of one size -> [logits (n, 1), the maps of the last three hidden layers]."""
    x = images = keras.Input((*size, channels))
    maps = []
    for step in range(HALVINGS):
        x = _halved(x, width * 2**step, "batch" if step else None)
        maps.append(x)
    logits = layers.Dense(1, dtype="float32")(layers.Flatten()(x))  # a convolution of the maps' whole size
    return keras.Model(images, [logits, *maps[1:]], name=name)


@model(
    title="Learning to Discover Cross-Domain Relations with Generative Adversarial Networks",
    year=2017,
)
class DiscoGAN(TwoDomains):
    """Two translators without skips, and two discriminators; `translate` goes from A to B, `translate_back`
    from B to A.

    Its batches are {"images_a": (n, h, w, input_channels), "images_b": (n, h, w, channels)}, in [0, 1]. It
    trains on images of one size, and then translates those of any size.

    Args:
        image_shape: (height, width, channels) of domain B in training; sizes are multiples of 16, 64 in the
            paper.
        input_channels: of domain A.
        width: filters next to the image, of all networks.
        gan_curriculum: steps, of whichever update, with r = `starting_rate`; later it is `default_rate`.
        starting_rate, default_rate: r, in [0, 1].
        feature_weight: w, in [0, 1].
        interval: the discriminators are updated in one of so many steps, the translators in the others; with
            1 both are in each.
    """

    tiny = dict(image_shape=(16, 16, 1), input_channels=1, width=4, gan_curriculum=2, interval=1)
    recipe = Recipe(
        "cycle_gan/facades",
        batch_size=16,
        epochs=400,
        model=dict(image_shape=(64, 64, 3), input_channels=3, width=32, gan_curriculum=2500),
        data=dict(flip=True, enlarge=286 / 256),
    )
    value_range = (0.0, 1.0)
    adversarial_loss = losses.Minimax()
    multiple = smallest = 2**HALVINGS

    def __init__(
        self,
        image_shape=(64, 64, 3),
        input_channels=3,
        width=64,
        gan_curriculum=10_000,
        starting_rate=0.01,
        default_rate=0.5,
        feature_weight=0.9,
        interval=3,
        **kwargs,
    ):
        if any(size % self.multiple for size in image_shape[:2]):
            raise InputError(
                f"a DiscoGAN trains on images whose sizes are multiples of {self.multiple}; received "
                f"{image_shape}"
            )
        shares = dict(starting_rate=starting_rate, default_rate=default_rate, feature_weight=feature_weight)
        for name, value in shares.items():
            if not 0 <= value <= 1:
                raise InputError(f"{name} of DiscoGAN lies in [0, 1]; received {value}")
        if interval < 1:
            raise InputError(f"interval of DiscoGAN is at least 1; received {interval}")
        super().__init__(**kwargs)
        self.image_shape, self.input_channels, self.width = image_shape, input_channels, width
        self.gan_curriculum, self.feature_weight = gan_curriculum, feature_weight
        self.starting_rate, self.default_rate, self.interval = starting_rate, default_rate, interval
        with self.building():
            self.make_networks(
                functools.partial(translator, width=width),
                functools.partial(discriminator, size=image_shape[:2], width=width),
            )

    def objectives(self):
        def turn(first):
            if self.interval == 1:
                return None
            return lambda k: (k % self.interval == 1) == first  # k counts from 1

        discriminators = (self.discriminator_a, self.discriminator_b)
        translators = (self.translator_ab, self.translator_ba)
        logs = ("adversarial", "features", "cycle")
        return {
            "discriminators": Objective(self.discriminators_objective, discriminators, stage=turn(True)),
            "translators": Objective(self.translators_objective, translators, logs, stage=turn(False)),
        }

    def default_optimizers(self):
        """Adam of rate 2e-4 and beta_1 0.5 (the authors' code)."""
        return {name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in self.objectives()}

    def score(self, domain, images, training=False):
        return self.seen(domain, images, training)[0]

    def seen(self, domain, images, training=False):
        """[logits (n, 1), three hidden maps (n, h', w', c')] of the discriminator of a domain."""
        return getattr(self, f"discriminator_{domain}")(images, training=training)

    def rate(self):
        """r of the step, a float32 scalar."""
        early = self.step.value <= self.gan_curriculum  # the first step's number is 1
        return tf.where(early, self.starting_rate, self.default_rate)

    def feature_loss(self, step, real, fake):
        """L_FM of the maps of two batches, a scalar."""

        def mean(maps):
            return step.mean(tf.reduce_mean(tf.cast(maps, tf.float32), axis=0))

        return sum(tf.reduce_mean((mean(x) - mean(y)) ** 2) for x, y in zip(real, fake))

    def discriminators_objective(self, step):
        loss = 0.0
        for domain, fakes in (("a", self.to_a(step)), ("b", self.to_b(step))):
            fakes = tf.stop_gradient(fakes)
            images = step.batch[f"images_{domain}"]
            real, fake = (self.score(domain, seen, step.training) for seen in (images, fakes))
            loss += self.adversarial_loss.discriminator(real, fake)
        return loss, {}

    def translators_objective(self, step):
        adversarial, features = 0.0, 0.0
        for domain, fakes in (("a", self.to_a(step)), ("b", self.to_b(step))):
            _, *wanted = self.seen(domain, step.batch[f"images_{domain}"], step.training)
            logits, *maps = self.seen(domain, fakes, step.training)
            adversarial += self.adversarial_loss.generator(logits)
            features += self.feature_loss(step, wanted, maps)
        again_a, again_b = self.again(step)
        cycle = tf.reduce_mean((again_a - step.batch["images_a"]) ** 2)
        cycle += tf.reduce_mean((again_b - step.batch["images_b"]) ** 2)
        share, rate = self.feature_weight, self.rate()
        loss = (1 - rate) * ((1 - share) * adversarial + share * features) + rate * cycle
        return loss, {"adversarial": adversarial, "features": features, "cycle": cycle}

    @classmethod
    def fitting(cls, shape, **config):
        return nearest(shape, cls.multiple, cls.smallest)
