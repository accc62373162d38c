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

from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.variational.base import LatentVariableModel


@model(title="Auto-Encoding Variational Bayes", year=2014)
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

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8)
    recipe = Recipe(
        "mnist",
        batch_size=128,
        epochs=500,
        model=dict(body="dense", width=200, latent_dim=50, ema_decay=0.9999),
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
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim, self.width = image_shape, latent_dim, width
        self.body, self.likelihood, self.unit_posterior = body, likelihood, unit_posterior
        self.beta, self.samples = beta, samples
        with self.building():
            self.build_networks(body)

    def objectives(self):
        return {"elbo": Objective(self.elbo_loss, (self.encoder, self.decoder), ("distortion", "rate"))}

    def default_optimizers(self):
        return keras.optimizers.Adam(1e-3)

    def elbo_loss(self, step):
        distortion, rate = map(tf.reduce_mean, self.terms(step, self.samples))
        return distortion + self.beta * rate, {"distortion": distortion, "rate": rate}
