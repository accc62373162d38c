"""Variational autoencoder, and its weighted form, beta-VAE.

Kingma and Welling. Auto-Encoding Variational Bayes. ICLR 2014.
https://arxiv.org/abs/1312.6114
Higgins et al. beta-VAE. ICLR 2017. https://openreview.net/forum?id=Sy2fzU9gl

    loss = E_q[-log p(x|z)] + beta * KL(q(z|x) || p(z))      (eq. 3; in nats an image)
         = distortion       + beta * rate,     z = mu(x) + sigma(x) * eps, eps ~ N(0, I)

Both terms are sums over the pixels and the latents of an image and means over the batch; a
mean over pixels would silently multiply beta by their number.
"""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfgen import networks
from tfgen.errors import unknown
from tfgen.models.base import Objective, Recipe
from tfgen.models.vae.base import LatentVariableModel

tfd = tfp.distributions

LIKELIHOODS = ("bernoulli", "gaussian", "continuous_bernoulli", "discretized_logistic")
BODIES = ("convolutional", "dense")


@keras.saving.register_keras_serializable("tfgen")
class VAE(LatentVariableModel):
    """An encoder and a decoder of an image's latent variable.

    Args:
        image_shape: (height, width, channels); images lie in [0, 1].
        latent_dim: size of z.
        width: filters next to the image, or units of each of the two hidden layers ("dense").
        body: "convolutional", or "dense" (tanh, as in the paper).
        likelihood: p(x|z) of each value: "bernoulli"; "gaussian", of variance 1, whose -log is
            1/2 |x - mean|^2 and a constant; "continuous_bernoulli" (Loaiza-Ganem and Cunningham,
            2019); "discretized_logistic" over 256 levels (Kingma et al., 2016, eq. 15).
        unit_posterior: whether q(z|x) is N(mu(x), I) in place of N(mu(x), diag(sigma(x)^2)).
        beta: weight of the rate.
        samples: L, draws of z for each image in the loss (eq. 7).
    """

    recipe = Recipe(
        "mnist",
        batch_size=128,
        epochs=100,
        model=dict(body="dense", width=200, latent_dim=50, ema_decay=0.999),
        data=dict(binarize="dynamic"),
    )

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=20,
        width=32,
        body="convolutional",
        likelihood="bernoulli",
        unit_posterior=False,
        beta=1.0,
        samples=1,
        **kwargs,
    ):
        for kind, name, known in (("body", body, BODIES), ("likelihood", likelihood, LIKELIHOODS)):
            if name not in known:
                raise unknown(kind, name, known)
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim, self.width = image_shape, latent_dim, width
        self.body, self.likelihood, self.unit_posterior = body, likelihood, unit_posterior
        self.beta, self.samples = beta, samples
        codes = latent_dim if unit_posterior else 2 * latent_dim
        # The logistic's scale is one more number for each value.
        *size, channels = image_shape
        out = (*size, 2 * channels if likelihood == "discretized_logistic" else channels)
        with self.building():
            if body == "dense":
                self.encoder = networks.mlp(image_shape, (width, width), (codes,), name="encoder")
                self.decoder = networks.mlp((latent_dim,), (width, width), out, name="decoder")
            else:
                self.encoder = networks.dcgan_discriminator(image_shape, width, codes, name="encoder")
                self.decoder = networks.dcgan_generator(out, latent_dim, width, activation=None)

    def objectives(self):
        return {"elbo": Objective(self.elbo_loss, (self.encoder, self.decoder), ("distortion", "rate"))}

    def default_optimizers(self):
        return keras.optimizers.Adam(1e-3)

    def posterior(self, images, training=False):
        """q(z|x), batch shape (n,), event shape (latent_dim,)."""
        codes = self.network("encoder", training)(images, training=training)
        if self.unit_posterior:
            return tfd.Independent(tfd.Normal(codes, 1.0), 1)
        loc, scale = tf.split(codes, 2, axis=-1)
        return tfd.Independent(tfd.Normal(loc, tf.nn.softplus(scale) + 1e-5), 1)

    def observation(self, z, training=False):
        """p(x|z), batch shape that of z less its last axis, event shape image_shape.

        The event of "discretized_logistic" is the level 0..255, of the others the value in [0, 1].
        """
        flat = tf.reshape(z, (-1, self.latent_dim))
        out = self.network("decoder", training)(flat, training=training)
        out = tf.reshape(out, tf.concat([tf.shape(z)[:-1], out.shape[1:]], axis=0))
        if self.likelihood == "bernoulli":
            each = tfd.Bernoulli(logits=out, dtype=tf.float32)  # not integers: grey is a probability
        elif self.likelihood == "gaussian":
            each = tfd.Normal(out, 1.0)
        elif self.likelihood == "continuous_bernoulli":
            each = tfd.ContinuousBernoulli(logits=out)
        else:
            loc, scale = tf.split(out, 2, axis=-1)
            # Level k is the bin (k - 1, k] of the quantised variable, hence centred at k - 1/2.
            each = tfd.QuantizedDistribution(
                tfd.Logistic(255 * loc - 0.5, 255 * (tf.nn.softplus(scale) + 1e-3)), low=0.0, high=255.0
            )
        return tfd.Independent(each, len(self.image_shape))

    def log_likelihood(self, images, z, training=False):
        """log p(x|z) in nats, shape that of z less its last axis."""
        if self.likelihood == "discretized_logistic":
            images = tf.round(255 * images)
        return self.observation(z, training).log_prob(images)

    def elbo_loss(self, images, training):
        q = self.posterior(images, training)
        eps = self.normal(tf.shape(images)[0], self.samples, self.latent_dim)
        z = q.mean() + q.stddev() * tf.transpose(eps, (1, 0, 2))
        distortion = -tf.reduce_mean(self.log_likelihood(images, z, training))
        rate = tf.reduce_mean(q.kl_divergence(self.prior))
        return distortion + self.beta * rate, {"distortion": distortion, "rate": rate}

    def encode(self, images):
        """The mean of q(z|x), (n, latent_dim), of images (n, h, w, c) in [0, 1]."""
        return self.averaged("encoder")(images, training=False)[:, : self.latent_dim]

    def decode(self, z):
        """The mean of p(x|z), (n, h, w, c) in [0, 1], of z (n, latent_dim)."""
        out = self.averaged("decoder")(z, training=False)
        if self.likelihood == "bernoulli":
            return tf.sigmoid(out)
        if self.likelihood == "continuous_bernoulli":
            # 1 / (1 - exp(-l)) - 1 / l for logits l, and its series where that cancels.
            small = tf.abs(out) < 0.5
            safe = tf.where(small, tf.ones_like(out), out)
            series = 0.5 + out / 12 - out**3 / 720 + out**5 / 30240
            return tf.where(small, series, 1 / (1 - tf.exp(-safe)) - 1 / safe)
        return tf.clip_by_value(out[..., : self.image_shape[-1]], 0.0, 1.0)
