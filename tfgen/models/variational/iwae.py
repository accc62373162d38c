"""Importance weighted autoencoder.

Burda, Grosse and Salakhutdinov. Importance Weighted Autoencoders. ICLR 2016.
https://arxiv.org/abs/1509.00519

    loss = -E[log 1/k sum_i p(x, z_i) / q(z_i|x)],  z_i ~ q(z|x)      (eq. 8; in nats an image)

The sum over pixels and latents is inside the log, the mean over the batch outside. k = 1 is the
VAE's bound by one sample (with the rate by that sample, not in closed form).

Unlike the authors' code (github.com/yburda/iwae), where Adam has beta_1 0.99 and epsilon 1e-4, at a rate that
falls from 1e-3, in batches of 20, it is Keras' own Adam of rate 1e-3.
"""

import math

import keras
import tensorflow as tf

from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.variational.base import LatentVariableModel


@model(title="Importance Weighted Autoencoders", year=2016)
class IWAE(LatentVariableModel):
    """A VAE whose objective is the bound by `samples` importance samples.

    Args:
        image_shape: (height, width, channels); images lie in [0, 1].
        latent_dim: size of z.
        width: units of each of the two hidden layers, or filters next to the image.
        body: "dense" (tanh, as in the paper), "convolutional" or "linear".
        likelihood: p(x|z), as in `VAE`.
        samples: k; the memory of a step grows with it.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, samples=3)
    recipe = Recipe("mnist", 128, 300, dict(samples=5, ema_decay=0.9999), dict(binarize="dynamic"))

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=50,
        width=200,
        body="dense",
        likelihood="bernoulli",
        samples=50,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim, self.width = image_shape, latent_dim, width
        self.body, self.likelihood, self.samples = body, likelihood, samples
        with self.building():
            self.build_networks(body)

    def objectives(self):
        return {"bound": Objective(self.bound_loss, (self.encoder, self.decoder))}

    def default_optimizers(self):
        return keras.optimizers.Adam(1e-3)

    def bound_loss(self, step):
        eps = step.normal("z", self.samples, self.latent_dim)
        weights = self.log_weights(step.batch["images"], eps, None, step.training)
        bound = tf.reduce_logsumexp(weights, axis=0) - math.log(self.samples)
        return -tf.reduce_mean(bound), {}
