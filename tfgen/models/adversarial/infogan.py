"""InfoGAN: some latents are codes that can be read from the image.

Chen et al. InfoGAN: Interpretable Representation Learning by Information Maximizing Generative
Adversarial Nets. NeurIPS 2016. https://arxiv.org/abs/1606.03657

z = (c, noise), where c is a categorical code, all values alike, and continuous codes from U(-1, 1).
To the game of Goodfellow et al. (2014) comes the mutual information of c and the image, by its
variational lower bound with a recognition network Q (eq. 5 and 6):

    min_{G,Q} max_D  V(D, G) - lambda L_I,
    L_I = E[log Q(c|G(c, noise))] + H(c)  <=  I(c; G(c, noise))

Q(c|x) is a softmax, and Gaussians, for the codes are independent. For the categorical code L_I <= H(c) =
log(categories). The Gaussians have standard deviation 1, with lambda 1, as in the authors' code for MNIST
(github.com/openai/InfoGAN): L_I of the codes then stays below 0, log 2 - log(2 pi) / 2 each at the best,
and its gradient is that of a squared error. In the paper Q says the deviation too (`deviation=None`),
which rewards to read a code ever better without limit, and calls for a smaller lambda. Q is D's body with
outputs of its own, so that -lambda L_I is in the loss of D, on fakes, and of G. G follows -E[log D(G(z))].

The networks are the paper's for MNIST (appendix C.1) at width 64: G of dense layers of 1024 and 7x7x128
units, then up-convolutions of 64 filters and to the image; D of convolutions of 64 and 128 filters and a
dense layer of 1024 units, from which D's logit is linear, but Q has a layer of 128 of its own.

Unlike the paper, images end in tanh, slopes of D are 0.2, there is one categorical code, and the noise
is uniform as the continuous codes are.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses, networks, priors
from tfgen.errors import InputError
from tfgen.layers import BatchNormalization
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(
    title="InfoGAN: Interpretable Representation Learning by Information Maximizing "
    "Generative Adversarial Nets",
    year=2016,
)
class InfoGAN(AdversarialModel):
    """A generator whose first latents mean something, and a discriminator that reads them.

    z is the categorical code, one-hot, then the continuous codes, then noise.

    Args:
        image_shape: (height, width, channels), of any size from 8x8 on.
        latent_dim: size of all of z; what the codes leave is noise.
        width: filters of the layers next to the image; the first dense layers have 16 times as many units.
        categories: values of the categorical code, at least 2.
        continuous: number of continuous codes.
        categorical_weight, continuous_weight: lambda of L_I's two parts.
        deviation: of Q's Gaussians; None for Q to say it.
    """

    tiny = dict(image_shape=(8, 8, 1), width=8, latent_dim=6, categories=3, continuous=1)
    recipe = Recipe("mnist", batch_size=128, epochs=15, model=dict(image_shape=(28, 28, 1), width=32))
    adversarial_loss = losses.Minimax()
    generator_logs = ("categorical_information", "continuous_information")

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=74,
        width=64,
        categories=10,
        continuous=2,
        categorical_weight=1.0,
        continuous_weight=1.0,
        deviation=1.0,
        **kwargs,
    ):
        if categories < 2 or continuous < 0:
            raise InputError(
                f"InfoGAN needs categories >= 2 and continuous >= 0; received {categories} and {continuous}"
            )
        if deviation is not None and deviation <= 0:
            raise InputError(f"deviation must be above 0, or None; received {deviation}")
        if latent_dim < categories + continuous:
            raise InputError(
                f"latent_dim holds the codes: at least categories + continuous = {categories + continuous}; "
                f"received {latent_dim}"
            )
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim, self.width = image_shape, latent_dim, width
        self.categories, self.continuous = categories, continuous
        self.categorical_weight, self.continuous_weight = categorical_weight, continuous_weight
        self.deviation = deviation
        with self.building():
            self.generator = self._generator()
            self.discriminator = self._discriminator()

    def _generator(self):
        start = keras.initializers.RandomNormal(stddev=0.02)
        how = dict(width=self.width, hidden=(16 * self.width,), initializer=start)
        return networks.dcgan_generator(self.image_shape, self.latent_dim, **how)

    def _discriminator(self):
        """Images -> D's logit and what Q says, side by side: see `heads`."""
        start = keras.initializers.RandomNormal(stddev=0.02)
        how = dict(width=self.width, outputs=None, normalization="batch", initializer=start)
        body = networks.dcgan_discriminator(self.image_shape, **how)

        def hidden(x, units):
            x = layers.Dense(units, use_bias=False, kernel_initializer=start)(x)
            return layers.LeakyReLU(0.2)(BatchNormalization()(x))

        x = hidden(body.outputs[0], 16 * self.width)
        last = dict(kernel_initializer=start, dtype="float32")
        logit = layers.Dense(1, **last)(x)
        codes = layers.Dense(sum(self._said()), **last)(hidden(x, 2 * self.width))
        return keras.Model(
            body.inputs, layers.Concatenate(dtype="float32")([logit, codes]), name="discriminator"
        )

    def _said(self):
        """How many numbers Q says: of logits, means and log deviations."""
        return [self.categories, self.continuous, *([self.continuous] if self.deviation is None else [])]

    def default_optimizers(self):
        """Adam of beta_1 0.5, of rate 2e-4 for D and Q and 1e-3 for G (appendix C)."""
        rates = {"discriminator": 2e-4, "generator": 1e-3}
        return {name: keras.optimizers.Adam(rate, beta_1=0.5) for name, rate in rates.items()}

    @property
    def prior(self):
        """Of z: one-hot, then U(-1, 1)."""
        uniform = self.latent_dim - self.categories
        return priors.Joint((priors.OneHot(), self.categories), (priors.Uniform(), uniform))

    def heads(self, images, training=False):
        """D's logit (n, 1), and of Q the logits (n, categories) and the means and log deviations
        (n, continuous)."""
        out = self.run("discriminator", images, training=training)
        logit, logits, mean, *log_deviation = tf.split(out, [1, *self._said()], axis=1)
        if self.deviation is not None:
            log_deviation = [tf.fill(tf.shape(mean), math.log(self.deviation))]
        return [logit, logits, mean, *log_deviation]

    def score(self, images, labels=None, training=False):
        return self.heads(images, training)[0]

    def infer(self, images):
        """Q of images (n, h, w, c) in [-1, 1]: {"category": probabilities (n, categories),
        "mean": (n, continuous)}."""
        _, logits, mean, _ = self.heads(images)
        return {"category": tf.nn.softmax(logits), "mean": mean}

    def information(self, z, logits, mean, log_deviation):
        """L_I's two parts, scalars, nats an image, of the codes in z and what Q says of their images."""
        category = z[:, : self.categories]
        codes = z[:, self.categories : self.categories + self.continuous]
        log_q = -tf.nn.softmax_cross_entropy_with_logits(category, logits)
        normal = -0.5 * ((codes - mean) * tf.exp(-log_deviation)) ** 2 - log_deviation
        normal = tf.reduce_sum(normal - 0.5 * math.log(2 * math.pi), axis=1)
        return (
            tf.reduce_mean(log_q) + math.log(self.categories),
            tf.reduce_mean(normal) + self.continuous * math.log(2),  # H of U(-1, 1), each
        )

    def _weighted(self, parts):
        return self.categorical_weight * parts[0] + self.continuous_weight * parts[1]

    def discriminator_objective(self, step):
        training = step.training
        fakes, z = self.fakes(step)
        real = self.score(step.batch["images"], training=training)
        fake, *q = self.heads(tf.stop_gradient(fakes), training)
        return self.adversarial_loss.discriminator(real, fake) - self._weighted(self.information(z, *q)), {}

    def generator_objective(self, step):
        training = step.training
        fakes, z = self.fakes(step)
        fake, *q = self.heads(fakes, training)
        parts = self.information(z, *q)
        loss = self.adversarial_loss.generator(fake) - self._weighted(parts)
        return loss, dict(zip(self.generator_logs, parts))

    def signatures(self):
        return {**super().signatures(), "infer": (self.infer, [self.data_spec])}
