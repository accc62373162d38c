"""The game of a generator and a discriminator over images."""

import contextlib
import threading

import keras
import tensorflow as tf

from tfgen import losses, networks, random
from tfgen.errors import unknown
from tfgen.models.base import SEEDED, GenerativeModel, Objective

BODIES = ("convolutional", "dense")


class _Pass:
    """The generator's one pass of a step, under the tape of its update."""

    def __init__(self, tape):
        self.tape, self.made = tape, None


class AdversarialModel(GenerativeModel):
    """A generator of noise against a discriminator, updated in turn.

    A subclass builds `generator`, z (n, latent_dim) -> images (n, h, w, c) in [-1, 1], and
    `discriminator`, images -> logits or scores (n, 1), and states `adversarial_loss`, what both minimise
    of these scores: a `tfgen.losses.Loss`, of the class or set by its constructor. Both networks take
    [x, condition] if the model is conditional; fakes then have the labels of the batch.

    The discriminator is updated first, and normalises real and fake images in batches of their own.
    Where the generator is updated in every step too, both updates see the same fakes: the generator
    runs once, and its update, by the discriminator that has just learnt, continues that pass
    backwards. With `discriminator_steps` of k > 1 each update has fresh noise, and every k-th step
    updates the generator, so that the discriminator sees fresh data too.
    """

    adversarial_loss = losses.Loss()
    discriminator_logs = ()
    generator_logs = ()
    discriminator_steps = 1
    averaged_networks = ("generator",)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._passes = {}  # by thread: the devices' steps are traced in threads of their own

    def objectives(self):
        return {
            "discriminator": Objective(
                self.discriminator_objective, (self.discriminator,), self.discriminator_logs
            ),
            "generator": Objective(
                self.generator_objective, (self.generator,), self.generator_logs, self.discriminator_steps
            ),
        }

    @property
    def critic(self):
        """Whether the discriminator only scores, so that its zero decides nothing."""
        return not self.adversarial_loss.zero_decides

    def discriminator_objective(self, batch, training):
        images, labels = self.parted(batch)
        fakes, _ = self.fake(images, labels, training)
        real = self.score(images, labels, training)
        fake = self.score(tf.stop_gradient(fakes), labels, training)
        return self.adversarial_loss.discriminator(real, fake), {}

    def generator_objective(self, batch, training):
        images, labels = self.parted(batch)
        fakes, _ = self.fake(images, labels, training)
        fake = self.score(fakes, labels, training)
        real = self.score(images, labels, training) if self.adversarial_loss.relativistic else None
        return self.adversarial_loss.generator(fake, real), {}

    def default_optimizers(self):
        """Those of DCGAN (Radford et al., 2016, section 4)."""
        return {name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in self.objectives()}

    def latents(self, key, n, first_row=0):
        """z ~ N(0, I), float32 (n, latent_dim)."""
        return random.normal(key, (n, self.latent_dim), first_row)

    def score(self, images, labels=None, training=False):
        """What the discriminator says of images, (n, 1): high if it takes them for real."""
        return self.run("discriminator", images, labels, training)

    def fake(self, images, labels=None, training=False):
        """As many fakes as there are images, (n, h, w, c), and their z (n, latent_dim)."""
        shared = self._passes.get(threading.get_ident())
        if shared and shared.made:
            return shared.made
        n = tf.shape(images)[0]
        z = self.latents(self.next_key(), n, self._first_row(n))
        made = self.run("generator", z, labels, training), z
        if shared:
            shared.made = made
        return made

    def _play(self, batch, due=None):
        if self.discriminator_steps > 1:
            return super()._play(batch, due)
        with super().recording("generator", self.objectives()["generator"].variables) as tape:
            self._passes[threading.get_ident()] = _Pass(tape)
            try:
                return super()._play(batch, due)
            finally:
                del self._passes[threading.get_ident()]

    def recording(self, name, variables):
        shared = self._passes.get(threading.get_ident())
        if shared and name == "generator":
            return contextlib.nullcontext(shared.tape)
        return super().recording(name, variables)

    def generate(self, z, labels=None):
        """Images (n, h, w, c) in [-1, 1] of latents z (n, latent_dim), and of labels if conditional."""
        return self.run("generator", z, labels)

    def latents_from_seed(self, seed, n):
        """The latents (n, latent_dim) of `sample`; seed and n are int64 and int32 scalars."""
        return self.latents(random.key(seed), n)

    def draw(self, key, n, first_row, labels=None):
        return self.generate(self.latents(key, n, first_row), labels)

    def call(self, z, labels=None, training=False):
        return self.run("generator", z, labels, training)

    def signatures(self):
        labels = [] if self.label_spec is None else [self.label_spec]
        return {
            "generate": (self.generate, [tf.TensorSpec((None, self.latent_dim), tf.float32, "z"), *labels]),
            "latents": (self.latents_from_seed, [*SEEDED]),
            "sample": self.sampler(),
        }


class StandardGAN(AdversarialModel):
    """Networks that are not the point of the paper: DCGAN's, or dense ones.

    Args:
        image_shape: (height, width, channels), of any size from 8x8 on; with dense networks of any size,
            as (1, 1, 2) for points of a plane.
        latent_dim: size of z.
        width: filters of the layers next to the image, where each halving of the size doubles them;
            or units of each of two hidden layers.
        body: "convolutional" or "dense".
    """

    normalization = "batch"  # of the convolutional discriminator

    def __init__(self, image_shape=(64, 64, 3), latent_dim=100, width=64, body="convolutional", **kwargs):
        super().__init__(**kwargs)
        if body not in BODIES:
            raise unknown("body", body, BODIES)
        self.image_shape, self.latent_dim, self.width, self.body = image_shape, latent_dim, width, body
        with self.building():
            self.generator = networks.decoder(
                body, latent_dim, width, image_shape, self.classes, activation="relu", output="tanh"
            )
            self.discriminator = self.build_discriminator()

    def build_discriminator(self, outputs=1, conditions=None):
        conditions = self.classes if conditions is None else conditions
        slope = None if self.body == "convolutional" else "leaky_relu"
        return networks.encoder(
            self.body, self.image_shape, self.width, outputs, conditions, None, slope, self.normalization
        )
