"""Conditional variational autoencoder: p(x|y) of images x given a class y.

Sohn, Lee and Yan. Learning Structured Output Representation using Deep Conditional Generative
Models. NIPS 2015.
https://papers.nips.cc/paper/2015/hash/8d55a249e6baa5c06772297520da2051-Abstract.html

    loss = E_q[-log p(x|z, y)] + KL(q(z|x, y) || p(z)),  z ~ q(z|x, y)      (eq. 4; in nats an image)

The sum over pixels and latents of an image, the mean over the batch; its negative is a bound on
log p(x|y). Encoder and decoder are given the class as a one-hot vector.

Unlike the paper, where an image is the condition and a segmentation of it is the output, the
condition is a class, and the output is the image. p(z) = N(0, I) does not depend on the
condition, the relaxation that the paper names beside its prior network.
"""

import keras
import tensorflow as tf

from tfgen.fields import needs_classes
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.variational.base import LatentVariableModel


@model(title="Learning Structured Output Representation using Deep Conditional Generative Models", year=2015)
class CVAE(LatentVariableModel):
    """An encoder and a decoder that are told an image's class.

    `tfgen.analysis.supervised.GenerativeClassifier` classifies by the bound on log p(x|y).

    Args:
        image_shape: (height, width, channels); images lie in [0, 1].
        classes: number of classes, at least 2; labels are 0 to classes - 1.
        latent_dim: size of z.
        width: units of each of the two hidden layers, or filters next to the image.
        body: "dense" (tanh), "convolutional" or "linear".
        likelihood: p(x|z, y), as in `VAE`.
        samples: L, draws of z for each image in the loss.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, classes=3, samples=2)
    recipe = Recipe("mnist", 128, 60, dict(ema_decay=0.999), dict(binarize="dynamic"))

    def __init__(
        self,
        image_shape=(28, 28, 1),
        classes=10,
        latent_dim=50,
        width=200,
        body="dense",
        likelihood="bernoulli",
        samples=1,
        **kwargs,
    ):
        needs_classes(classes, "CVAE")
        super().__init__(**kwargs)
        self.image_shape, self.classes, self.latent_dim = image_shape, classes, latent_dim
        self.width, self.body, self.likelihood, self.samples = width, body, likelihood, samples
        with self.building():
            self.build_networks(body, conditions=classes)

    def objectives(self):
        return {"elbo": Objective(self.elbo_loss, (self.encoder, self.decoder), ("distortion", "rate"))}

    def default_optimizers(self):
        return keras.optimizers.Adam(1e-3)

    def elbo_loss(self, step):
        distortion, rate = map(tf.reduce_mean, self.terms(step, self.samples))
        return distortion + rate, {"distortion": distortion, "rate": rate}
