"""CC-GAN: a generator that fills holes teaches a classifier what images are like.

Denton, Gross and Fergus. Semi-Supervised Learning with Context-Conditional Generative Adversarial Networks.
2016. https://arxiv.org/abs/1611.06430

m is 1 where an image x is known and 0 in a square hole, of half its sides at a random place:

    x_I = (1 - m) G(m x, m, z) + m x
    loss of D = -E log D(x) - E log(1 - D(x_I)) + w E CE(D_c(x'), y)     x' labelled, x not
    loss of G = -E log D(x_I)

D and the classifier D_c share all but the last layer. D sees the known pixels as they are, so that it looks
at what G made of the hole, and at whether that fits. In CC-GAN^2 G also makes whole images: here a share
`whole` of the holes are all of the image, which is what `sample` asks for.

Unlike the paper, whose w and networks we have not seen, w is 1, D is DCGAN's and G pix2pix's U-Net, whose
skips let what it makes continue what is known, with batch normalisation in both; z is a plane beside x, where
the paper's second variant has a copy of x of low resolution; the hole is scaled with the image (the authors'
code has 32 of 64 pixels), and targets of real images are 1.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses, networks
from tfgen.errors import InputError
from tfgen.fields import needs_classes
from tfgen.models.abilities import Completes
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.models.adversarial.classifying import Classifying, HalfLabelled, class_loss
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(
    title="Semi-Supervised Learning with Context-Conditional Generative Adversarial Networks",
    year=2016,
)
class CCGAN(Completes, HalfLabelled, AdversarialModel):
    """A generator that fills holes, and a classifier that learns from few labels.

    Its batches are {"images": (n, h, w, c), "labels": (n,), "unlabelled": (n, h, w, c)}, of
    `tfgen.data.load(..., labelled=1000)`; without classes they are images.

    Args:
        image_shape: (height, width, channels), of any size from 8x8 on.
        classes: at least 2; 0: there are no labels.
        latent_dim: size of z.
        width: filters of the layers next to the image; each halving of the size doubles them.
        class_weight: w.
        whole: share of holes that are the whole image, in [0, 1].
    """

    tiny = dict(image_shape=(16, 16, 1), latent_dim=4, width=8, classes=3)
    recipe = Recipe(
        "cifar10",
        batch_size=100,
        epochs=40,
        model=dict(image_shape=(32, 32, 3), ema_decay=0.999),
        data=dict(labelled=1000, flip=True),
    )
    averaged_networks = ("discriminator", "generator")
    adversarial_loss = losses.Minimax()
    parted = Classifying.parted

    def __init__(
        self,
        image_shape=(32, 32, 3),
        classes=10,
        latent_dim=100,
        width=64,
        class_weight=1.0,
        whole=0.25,
        **kwargs,
    ):
        if classes:
            needs_classes(classes, "CCGAN")
        if not 0 <= whole <= 1:
            raise InputError(f"whole is a share, in [0, 1]; received {whole}")
        super().__init__(**kwargs)
        self.image_shape, self.classes, self.latent_dim = image_shape, classes, latent_dim
        self.width, self.class_weight, self.whole = width, class_weight, whole
        with self.building():
            self.generator = self._generator()
            self.discriminator = networks.dcgan_discriminator(
                image_shape, width=width, outputs=self.outputs, normalization="batch"
            )

    @property
    def outputs(self):
        return 1 + self.classes

    def _generator(self):
        """[images, of which what is hidden is not looked at, m (n, h, w, 1), z] -> images."""
        *size, channels = self.image_shape
        images, mask = keras.Input(self.image_shape), keras.Input((*size, 1))
        z = keras.Input((self.latent_dim,))
        drawn = layers.Reshape((*size, 1))(layers.Dense(math.prod(size))(z))
        x = layers.Concatenate()([layers.Multiply()([images, mask]), mask, drawn])
        depth = max(1, int(math.log2(min(size) / 4)))
        around = [(k // 2, k - k // 2) for k in (-length % 2**depth for length in size)]
        x = layers.ZeroPadding2D(around)(x)
        how = dict(width=self.width, depth=depth, dropout=0, normalization="batch", name="completer")
        x = networks.unet(channels + 2, channels, **how)(x)
        x = layers.Cropping2D(around, dtype="float32")(x)
        return keras.Model([images, mask, z], x, name="generator")

    def holes(self, step):
        """m of a step, (n, h, w, 1): 0 in a square of half the sides, or in a share `whole` everywhere."""
        u = step.uniform("holes", 3)
        inside = []
        for place, length in enumerate(self.image_shape[:2]):
            first = tf.floor(u[:, place, None] * (length - length // 2 + 1))
            pixels = tf.range(length, dtype=tf.float32)
            inside.append((pixels >= first) & (pixels < first + length // 2))
        hole = inside[0][:, :, None] & inside[1][:, None, :] | (u[:, 2] < self.whole)[:, None, None]
        return 1 - tf.cast(hole[..., None], tf.float32)

    def complete(self, images, mask, z, training=False):
        """x_I (n, h, w, c) in [-1, 1]: images with their known pixels, and what G makes of the others.

        Args:
            images: (n, h, w, c) in [-1, 1] or bytes; what is hidden has no influence.
            mask: m, float32 (n, h, w, 1), 1 where a pixel is known, 0 where not.
            z: (n, latent_dim).
        """
        images = self.fields["images"].prepared(images)
        mask, z = (
            tf.convert_to_tensor(part, tf.float32) for part in (mask, z)
        )  # Keras takes no array among them
        made = self.network("generator", training)([images, mask, z], training=training)
        return tf.where(mask > 0, images, made)

    def completed(self, images, mask, seed=None, **given):
        n, key, options = self.request(len(images), seed, 0, given)
        return self.complete(images, mask, self.draw_codes(key, n, **options))

    def _fakes(self, step, name="z"):
        z = self.draw_codes(step.key(name), step.rows, step.first_row)
        if not step.batch:
            return self.generate(z), z
        return self.complete(self.unlabelled(step), self.holes(step), z, step.training), z

    def generate(self, z):
        """Images (n, h, w, c) in [-1, 1] of latents z (n, latent_dim), of which nothing is known."""
        blank = tf.zeros((tf.shape(z)[0], *self.image_shape))
        return self.complete(blank, blank[..., :1], z)

    def call(self, z, training=False):
        blank = tf.zeros((tf.shape(z)[0], *self.image_shape))
        return self.complete(blank, blank[..., :1], z, training)

    def draw(self, key, n, first_row):
        return self.generate(self.draw_codes(key, n, first_row))

    def discriminator_objective(self, step):
        fakes, _ = self.fakes(step)
        real, _ = self.heads(self.unlabelled(step), step.training)
        fake, _ = self.heads(tf.stop_gradient(fakes), step.training)
        loss = self.adversarial_loss.discriminator(real, fake)
        if not self.classes:
            return loss, {}
        _, classes = self.heads(step.batch["images"], step.training)
        entropy = class_loss(step.batch["labels"], classes)
        return loss + self.class_weight * entropy, {"class_loss": entropy}

    def generator_objective(self, step):
        fakes, _ = self.fakes(step)
        return self.adversarial_loss.generator(self.heads(fakes, step.training)[0]), {}

    def signatures(self):
        images = self.fields["images"].spec("images")
        mask = tf.TensorSpec((None, *self.image_shape[:2], 1), tf.float32, "mask")
        z = tf.TensorSpec((None, self.latent_dim), tf.float32, "z")
        return {**super().signatures(), "complete": (self.complete, [images, mask, z])}
