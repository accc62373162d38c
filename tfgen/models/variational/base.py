"""Models with a latent variable z that is never seen: bounds on log p(x) by an encoder."""

import math

import tensorflow as tf
import tensorflow_probability as tfp

from tfgen import networks, random
from tfgen.errors import InputError, unknown
from tfgen.models.abilities import Density
from tfgen.models.coding import CodingModel
from tfgen.models.variational import likelihoods

tfd = tfp.distributions


class LatentVariableModel(Density, CodingModel):
    """p(x, z) = p(z) p(x|z), or p(z) p(x|z, y), with an encoder q(z|x) or q(z|x, y).

    Here q is a Gaussian of diagonal covariance and p(x|z) one of `likelihoods.LIKELIHOODS`; a
    subclass calls `build_networks` and states its objective in terms of `posterior`,
    `log_likelihood` and `prior`.
    """

    likelihood = "bernoulli"
    unit_posterior = False  # whether q(z|x) is N(mu(x), I)
    samples = 1  # draws of z for each image in the loss

    def build_networks(self, body, conditions=0):
        """`encoder` and `decoder` of `networks.BODIES`, with so many inputs for the condition."""
        for kind, name, known in (
            ("body", body, networks.BODIES),
            ("likelihood", self.likelihood, likelihoods.LIKELIHOODS),
        ):
            if name not in known:
                raise unknown(kind, name, known)
        if self.samples < 1:
            raise InputError(f"samples must be at least 1; received {self.samples}")
        codes = self.latent_dim if self.unit_posterior else 2 * self.latent_dim
        out = likelihoods.output_shape(self.likelihood, self.image_shape)
        self.encoder = networks.encoder(
            body, self.image_shape, width=self.width, outputs=codes, conditions=conditions
        )
        self.decoder = networks.decoder(body, self.latent_dim, out, width=self.width, conditions=conditions)

    @property
    def prior_distribution(self):
        """p(z), event shape (latent_dim,)."""
        return self.prior.distribution(self.latent_dim)

    def posterior(self, images, labels=None, training=False):
        """q(z|x), batch shape (n,), event shape (latent_dim,)."""
        codes = self.run("encoder", images, labels, training)
        if self.unit_posterior:
            return tfd.Independent(tfd.Normal(codes, 1.0), 1)
        loc, scale = tf.split(codes, 2, axis=-1)
        return tfd.Independent(tfd.Normal(loc, tf.nn.softplus(scale) + 1e-5), 1)

    def decoded(self, z, labels=None, training=False):
        """The decoder's output for z (..., n, latent_dim) and labels of n examples."""
        lead = tf.shape(z)[:-1]
        if labels is not None and z.shape.rank > 2:
            labels = tf.broadcast_to(labels, tf.concat([lead, tf.shape(labels)[1:]], 0))
            labels = tf.reshape(labels, tf.concat([[-1], tf.shape(labels)[z.shape.rank - 1 :]], 0))
        out = self.run("decoder", tf.reshape(z, (-1, self.latent_dim)), labels, training)
        return tf.reshape(out, tf.concat([lead, out.shape[1:]], 0))

    def observation(self, z, labels=None, training=False):
        """p(x|z), batch shape that of z less its last axis, event shape image_shape.

        The event of "discretized_logistic" is the level 0..255, of the others the value in [0, 1].
        """
        return likelihoods.distribution(self.likelihood, self.decoded(z, labels, training))

    def log_likelihood(self, images, z, labels=None, training=False):
        """log p(x|z) in nats, shape that of z less its last axis."""
        return likelihoods.log_prob(self.likelihood, images, self.decoded(z, labels, training))

    def terms(self, step, samples=1):
        """Distortion -E_q[log p(x|z)], by `samples` draws of the step's noise, and rate KL(q || p).

        Nats, shape (n,) each: sums over the pixels and the latents of an image. A mean over
        pixels would silently multiply the weight of the rate by their number.
        """
        images, labels = step.batch["images"], step.batch.get("labels")
        q = self.posterior(images, labels, step.training)
        eps = step.normal("z", samples, self.latent_dim)
        z = q.mean() + q.stddev() * tf.transpose(eps, (1, 0, 2))
        distortion = -tf.reduce_mean(self.log_likelihood(images, z, labels, step.training), axis=0)
        return distortion, q.kl_divergence(self.prior_distribution)

    def log_weights(self, images, eps, labels=None, training=False):
        """log p(x|z) + log p(z) - log q(z|x), shape (samples, n), for eps (n, samples, latent_dim)."""
        q = self.posterior(images, labels, training)
        z = q.mean() + q.stddev() * tf.transpose(eps, (1, 0, 2))
        return (
            self.log_likelihood(images, z, labels, training)
            + self.prior_distribution.log_prob(z)
            - q.log_prob(z)
        )

    def checked_images(self, images):
        """Images as a tensor; eagerly, once they are known to lie in `value_range`.

        A Gaussian takes any number, but the other likelihoods are of probabilities and levels.
        """
        images, field = tf.convert_to_tensor(images), self.fields["images"]
        if tf.executing_eagerly() and self.likelihood != "gaussian":
            field.check(images, "images", type(self).__name__)
        return field.prepared(images)

    def elbo(self, images, labels=None, seed=None, first_row=0):
        """E_q[log p(x|z)] - KL(q(z|x) || p(z)) by one z an image: nats, shape (n,)."""
        images = self.checked_images(images)
        eps = random.normal(self.key_of(seed), (tf.shape(images)[0], self.latent_dim), first_row)
        q = self.posterior(images, labels)
        z = q.mean() + q.stddev() * eps
        return self.log_likelihood(images, z, labels) - q.kl_divergence(self.prior_distribution)

    def log_prob(self, images, samples=100, labels=None, seed=None, first_row=0):
        """A lower bound on log p(x) that tightens with `samples`: nats, shape (n,).

        log 1/K sum_k p(x, z_k) / q(z_k|x), z_k ~ q(z|x) (Burda et al., 2016, eq. 8). The sum is
        streamed, so memory does not grow with `samples`: it holds up to 50 draws of each image, so
        give about 100 images at once.

        Args:
            images: (n, h, w, c) in [0, 1].
            samples: K.
            labels: of a conditional model, log p(x|y).
            seed, first_row: of the noise, as in `sample`.
        """
        if samples < 1:
            raise InputError(f"log_prob needs samples >= 1; received {samples}")
        images = self.checked_images(images)
        chunk = max(size for size in range(1, 51) if samples % size == 0)
        key, n = self.key_of(seed), tf.shape(images)[0]

        def add(k, total):
            eps = random.normal(random.fold_in(key, k), (n, chunk, self.latent_dim), first_row)
            return k + 1, tf.math.reduce_logsumexp(
                tf.concat([total[None], self.log_weights(images, eps, labels)], axis=0), axis=0
            )

        start = (0, tf.fill([n], -math.inf))
        _, total = tf.while_loop(lambda k, _: k < samples // chunk, add, start)
        return total - math.log(samples)

    def encode(self, images, labels=None):
        """The mean of q(z|x), (n, latent_dim), of images (n, h, w, c) in [0, 1]."""
        return self.run("encoder", images, labels)[:, : self.latent_dim]

    def decode(self, z, labels=None):
        """The mean of p(x|z), (n, h, w, c) in [0, 1], of z (n, latent_dim)."""
        return likelihoods.mean(self.likelihood, self.run("decoder", self.checked_codes(z), labels))
