"""Adversarial models whose generator is inverted once it has learnt."""

import contextlib
import functools
from collections.abc import Callable

import keras
import tensorflow as tf

from tfgen.errors import InputError, unknown
from tfgen.models.adversarial.inference import Encoding
from tfgen.models.base import Objective

DISTANCES = ("image", "latent")


def inversion_loss(by: str, encode: Callable, decode: Callable, z: tf.Tensor) -> tf.Tensor:
    """How far an encoder is from the inverse of a generator, on the generator's own images: a scalar.

        "latent"    E_z |z - E(G(z))|^2
        "image"     E_z |G(z) - G(E(G(z)))|^2

    The first asks for all of z, the second for what of z is seen in the image. Squares are summed.

    Args:
        by: "image" or "latent".
        encode: E, of images (n, ...) to codes (n, latent_dim).
        decode: G, of codes to images.
        z: (n, latent_dim).
    """
    images = decode(z)
    codes = encode(images)
    error = codes - z if by == "latent" else decode(codes) - images
    return tf.reduce_mean(tf.reduce_sum(error**2, axis=range(1, error.shape.rank)))


class Inverting(Encoding):
    """A game that ends after `gan_steps` steps; then an encoder learns to invert the generator as it is.

    The encoder sees images of the generator alone, of the averaged one where there is an average. A subclass
    is an adversarial model, which says `build_encoder` and keeps `gan_steps` and `by`, once it has checked
    them by `check_inversion`.
    """

    @staticmethod
    def check_inversion(gan_steps, by):
        """Raises the InputError of another number of steps or another distance."""
        if gan_steps < 1:
            raise InputError(f"gan_steps must be at least 1; received {gan_steps}")
        if by not in DISTANCES:
            raise unknown("by", by, DISTANCES)

    @contextlib.contextmanager
    def building(self):
        with super().building():
            yield
            self.encoder = self.build_encoder()

    def build_encoder(self) -> keras.Model:
        """E, images (n, h, w, c) -> codes (n, latent_dim)."""
        raise NotImplementedError(f"{type(self).__name__}.build_encoder")

    def playing(self, k):
        """Whether step k is the game's."""
        return k <= self.gan_steps

    def inverting(self, k):
        """Whether step k is the encoder's."""
        return k > self.gan_steps

    def objectives(self):
        game = {name: one._replace(stage=self.playing) for name, one in super().objectives().items()}
        encoder = Objective(self.encoder_objective, (self.encoder,), stage=self.inverting)
        return {**game, "encoder": encoder}

    def encoder_objective(self, step):
        labels = step.batch.get("labels")
        z = self.draw_codes(step.key("z to be inferred"), step.rows, step.first_row)
        encode = functools.partial(self.encoder, training=step.training)
        return inversion_loss(self.by, encode, lambda z: self.generate(z, labels), z), {}
