"""The game of a generator and a discriminator over images."""

import keras
import tensorflow as tf

from tfgen import random
from tfgen.models.base import SEEDED, GenerativeModel, Objective


class AdversarialModel(GenerativeModel):
    """A generator of noise against a discriminator, updated in turn.

    A subclass builds `generator`, z (n, latent_dim) -> images (n, h, w, c) in [-1, 1], and
    `discriminator`, images -> logits or scores (n, 1), and states their losses.
    """

    critic = False  # whether the discriminator scores, so that its zero decides nothing
    discriminator_logs = ()
    discriminator_steps = 1
    averaged_networks = ("generator",)

    @property
    def data_spec(self):
        return tf.TensorSpec((None, *self.image_shape), tf.float32, "images")

    def objectives(self):
        return {
            "discriminator": Objective(
                self.discriminator_loss, (self.discriminator,), self.discriminator_logs
            ),
            "generator": Objective(self.generator_loss, (self.generator,), every=self.discriminator_steps),
        }

    def discriminator_loss(self, images, training):
        raise NotImplementedError(f"{type(self).__name__}.discriminator_loss")

    def generator_loss(self, images, training):
        raise NotImplementedError(f"{type(self).__name__}.generator_loss")

    def default_optimizers(self):
        """Those of DCGAN (Radford et al., 2016, section 4)."""
        return {name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in self.objectives()}

    def latents(self, key, n, first_row=0):
        """z ~ N(0, I), float32 (n, latent_dim)."""
        return random.normal(key, (n, self.latent_dim), first_row)

    def fake(self, images, training):
        """As many fakes as there are images, from fresh noise."""
        n = tf.shape(images)[0]
        return self.generator(self.latents(self.next_key(), n, self._first_row(n)), training=training)

    def generate(self, z):
        """Images (n, h, w, c) in [-1, 1] of latents z (n, latent_dim)."""
        return self.averaged("generator")(z, training=False)

    def latents_from_seed(self, seed, n):
        """The latents (n, latent_dim) of `sample`; seed and n are int64 and int32 scalars."""
        return self.latents(random.key(seed), n)

    def draw(self, key, n, first_row):
        return self.generate(self.latents(key, n, first_row))

    def call(self, z, training=False):
        return self.generator(z, training=training)

    def signatures(self):
        return {
            "generate": (self.generate, [tf.TensorSpec((None, self.latent_dim), tf.float32, "z")]),
            "latents": (self.latents_from_seed, [*SEEDED]),
            "sample": self.sampler(),
        }
