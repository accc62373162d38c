"""Models with a latent variable z that is never seen: bounds on log p(x) by an encoder."""

import math

import tensorflow as tf
import tensorflow_probability as tfp

from tfgen import random
from tfgen.errors import InputError
from tfgen.models.base import GenerativeModel

tfd = tfp.distributions


class LatentVariableModel(GenerativeModel):
    """p(x, z) = p(z) p(x|z) over images, with an encoder q(z|x).

    A subclass builds `encoder` and `decoder` and says `posterior(images, training)`, a
    distribution of batch shape (n,) and event shape (latent_dim,), `log_likelihood(images, z,
    training)`, log p(x|z) in nats, shape of z less its last axis, and `decode(z)`.
    """

    value_range = (0.0, 1.0)
    averaged_networks = ("encoder", "decoder")

    @property
    def data_spec(self):
        return tf.TensorSpec((None, *self.image_shape), tf.float32, "images")

    @property
    def prior(self):
        """p(z) = N(0, I), event shape (latent_dim,)."""
        return tfd.Independent(tfd.Normal(tf.zeros(self.latent_dim), 1.0), 1)

    def _log_weights(self, images, eps):
        """log p(x|z) + log p(z) - log q(z|x), shape (samples, n), for eps (n, samples, latent_dim)."""
        q = self.posterior(images)
        z = q.mean() + q.stddev() * tf.transpose(eps, (1, 0, 2))
        return self.log_likelihood(images, z) + self.prior.log_prob(z) - q.log_prob(z)

    def elbo(self, images, seed=None, first_row=0):
        """E_q[log p(x|z)] - KL(q(z|x) || p(z)) by one z an image: nats, shape (n,)."""
        images = tf.convert_to_tensor(images)
        eps = random.normal(self.key_of(seed), (tf.shape(images)[0], self.latent_dim), first_row)
        q = self.posterior(images)
        return self.log_likelihood(images, q.mean() + q.stddev() * eps) - q.kl_divergence(self.prior)

    def log_prob(self, images, samples=100, seed=None, first_row=0):
        """A lower bound on log p(x) that tightens with `samples`: nats, shape (n,).

        log 1/K sum_k p(x, z_k) / q(z_k|x), z_k ~ q(z|x) (Burda et al., 2016, eq. 8). The sum is
        streamed, so memory does not grow with `samples`.

        Args:
            images: (n, h, w, c) in [0, 1].
            samples: K.
            seed, first_row: of the noise, as in `sample`.
        """
        if samples < 1:
            raise InputError(f"log_prob needs samples >= 1; received {samples}")
        images = tf.convert_to_tensor(images)
        chunk = math.gcd(samples, 50)
        key, n = self.key_of(seed), tf.shape(images)[0]

        def add(k, total):
            eps = random.normal(random.fold_in(key, k), (n, chunk, self.latent_dim), first_row)
            return k + 1, tf.math.reduce_logsumexp(
                tf.concat([total[None], self._log_weights(images, eps)], axis=0), axis=0
            )

        start = (0, tf.fill([n], -math.inf))
        _, total = tf.while_loop(lambda k, _: k < samples // chunk, add, start)
        return total - math.log(samples)

    def encode(self, images):
        """The mean of q(z|x), (n, latent_dim), of images (n, h, w, c) in [0, 1]."""
        raise NotImplementedError(f"{type(self).__name__}.encode")

    def decode(self, z):
        """The mean of p(x|z), (n, h, w, c) in [0, 1], of z (n, latent_dim)."""
        raise NotImplementedError(f"{type(self).__name__}.decode")

    def reconstruct(self, images):
        """decode(encode(images)): (n, h, w, c) in [0, 1]."""
        return self.decode(self.encode(images))

    def draw(self, key, n, first_row):
        """The means of p(x|z) for z ~ p(z)."""
        return self.decode(random.normal(key, (n, self.latent_dim), first_row))

    def call(self, images, training=False):
        return self.reconstruct(images)

    def signatures(self):
        z = tf.TensorSpec((None, self.latent_dim), tf.float32, "z")
        return {
            "encode": (self.encode, [self.data_spec]),
            "decode": (self.decode, [z]),
            "reconstruct": (self.reconstruct, [self.data_spec]),
        }
