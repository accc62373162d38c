"""Adversarial models with an encoder of images to codes."""

import tensorflow as tf

from tfgen import losses
from tfgen.models.abilities import Codes, Played
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.models.base import Objective


class Encoding(Codes):
    """An `encoder` of images beside the `generator` of an adversarial model."""

    averaged_networks = ("generator", "encoder")
    own_networks = ("generator", "encoder", "discriminator")

    def encode(self, images, labels=None):
        """The codes (n, latent_dim) of images (n, h, w, c) in [-1, 1]."""
        return self.run("encoder", images, labels)

    def decode(self, z, labels=None):
        """G(z), images (n, h, w, c) in [-1, 1] of codes z (n, latent_dim)."""
        return self.generate(z, labels)

    def signatures(self):
        images = self.fields["images"].spec("images")
        codes = {"encode": (self.encode, [images]), "reconstruct": (self.reconstruct, [images])}
        return {**super().signatures(), **codes}


class InferenceGAN(Encoding, AdversarialModel):
    """A discriminator that tells pairs (x, E(x)) of an image and its code from pairs (G(z), z).

        V(D, E, G) = E_x[log D(x, E(x))] + E_z[log(1 - D(G(z), z))]

    D minimises -V. E and G share an objective, in which real and fake are swapped in both terms, for that of
    V saturates:

        -E_x[log(1 - D(x, E(x)))] - E_z[log D(G(z), z)]

    A subclass builds `generator`, `encoder`, images (n, h, w, c) -> what `inferred` takes the codes from,
    and `discriminator`, [images, codes] -> logits (n, 1). D is updated first and then E and G, by the pairs
    of one pass.
    """

    adversarial_loss = losses.Minimax()

    def objectives(self):
        return {
            "discriminator": Objective(self.discriminator_objective, (self.discriminator,)),
            "generator": Objective(self.generator_objective, (self.generator, self.encoder)),
        }

    def pair_score(self, images, z, training=False):
        """The logit of a pair (x, E(x)) against a pair (G(z), z), (n, 1)."""
        return self.network("discriminator", training)([images, z], training=training)

    def score(self, images, labels=None, training=False):
        """The logit of (x, encode(x)), (n, 1), of images (n, h, w, c): high if D takes it for real."""
        return self.pair_score(images, self.encode(images), training)

    def codes(self, step):
        """E(x) of the step's images, (n, latent_dim)."""
        return step.once(self.inferred, self.encoder)

    def inferred(self, step):
        """E(x) of the step's images, (n, latent_dim), by the encoder that learns."""
        return self.encoder(step.batch["images"], training=step.training)

    def _scores(self, step, stop=tf.identity):
        """Logits of the step's real and fake pairs; `stop` is applied to what E and G give."""
        fakes, z = self.fakes(step)
        real = self.pair_score(step.batch["images"], stop(self.codes(step)), step.training)
        return real, self.pair_score(stop(fakes), z, step.training)

    def discriminator_objective(self, step):
        return self.adversarial_loss.discriminator(*self._scores(step, tf.stop_gradient)), {}

    def generator_objective(self, step):
        real, fake = self._scores(step)
        return self.adversarial_loss.discriminator(fake, real), {}

    def played(self, step):
        fakes, z = self.fakes(step)
        images = step.batch.get("images")
        real = None if images is None else self.pair_score(images, self.codes(step), step.training)
        return Played(real, self.pair_score(fakes, z, step.training), images, fakes)
