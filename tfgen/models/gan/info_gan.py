"""InfoGAN: some latents are codes that can be read from the image.

Chen et al. InfoGAN: Interpretable Representation Learning by Information Maximizing Generative
Adversarial Nets. NeurIPS 2016. https://arxiv.org/abs/1606.03657

z = (c, noise), where c is a categorical code, all values alike, and continuous codes from U(-1, 1).
To the game of Goodfellow et al. (2014) comes the mutual information of c and the image, by its
variational lower bound with a recognition network Q (eq. 5 and 6):

    min_{G,Q} max_D  V(D, G) - lambda L_I,
    L_I = E[log Q(c|G(c, noise))] + H(c)  <=  I(c; G(c, noise))

Q(c|x) is a softmax, and Gaussians with mean and logarithm of the standard deviation from the
network, for the codes are independent. For the categorical code L_I <= H(c) = log(categories);
the continuous codes' part has no such limit. Q is D's body with outputs of its own, so that
-lambda L_I is in the loss of D, on fakes, and of G. G follows -E[log D(G(z))].

Unlike the paper, the networks are DCGAN's, Q's outputs are linear in the features that D's logit
is linear in, there is one categorical code, and the noise is uniform as the continuous codes are.
"""

import math

import keras
import numpy as np
import tensorflow as tf

from tfgen import losses, random
from tfgen.errors import InputError
from tfgen.models.base import Recipe
from tfgen.models.gan.base import StandardGAN


@keras.saving.register_keras_serializable("tfgen")
class InfoGAN(StandardGAN):
    """A generator whose first latents mean something, and a discriminator that reads them.

    z is the categorical code, one-hot, then the continuous codes, then noise.

    Args:
        image_shape: (height, width, channels), of any size from 8x8 on.
        latent_dim: size of all of z; what the codes leave is noise.
        categories: values of the categorical code, at least 2.
        continuous: number of continuous codes.
        categorical_weight, continuous_weight: lambda of L_I's two parts.
        kwargs: `width` and `body`, as StandardGAN has them.
    """

    recipe = Recipe("mnist", batch_size=128, epochs=15, model=dict(image_shape=(28, 28, 1), width=32))
    generator_logs = ("categorical_information", "continuous_information")
    input_values = {"z": {"distribution": "uniform", "low": -1.0, "high": 1.0}}

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=74,
        categories=10,
        continuous=2,
        categorical_weight=1.0,
        continuous_weight=0.1,
        **kwargs,
    ):
        if categories < 2 or continuous < 0:
            raise InputError(
                f"InfoGAN needs categories >= 2 and continuous >= 0; received {categories} and {continuous}"
            )
        if latent_dim < categories + continuous:
            raise InputError(
                f"latent_dim holds the codes: at least categories + continuous = {categories + continuous}; "
                f"received {latent_dim}"
            )
        self.categories, self.continuous = categories, continuous
        self.categorical_weight, self.continuous_weight = categorical_weight, continuous_weight
        super().__init__(image_shape, latent_dim, **kwargs)

    def build_discriminator(self):
        return super().build_discriminator(1 + self.categories + 2 * self.continuous)

    def default_optimizers(self):
        """Adam of beta_1 0.5, of rate 2e-4 for D and Q and 1e-3 for G (appendix C)."""
        rates = {"discriminator": 2e-4, "generator": 1e-3}
        return {name: keras.optimizers.Adam(rate, beta_1=0.5) for name, rate in rates.items()}

    def latents(self, key, n, first_row=0):
        """z, float32 (n, latent_dim): one-hot, then U(-1, 1)."""
        u = random.uniform(key, (n, 1 + self.latent_dim - self.categories), first_row)
        values = np.arange(self.categories, dtype="float32")
        category = tf.cast(tf.floor(u[:, :1] * self.categories) == values, tf.float32)
        return tf.concat([category, 2 * u[:, 1:] - 1], axis=1)

    def heads(self, images, training=False):
        """D's logit (n, 1), and of Q the logits (n, categories) and the means and log deviations
        (n, continuous)."""
        out = self.run("discriminator", images, training=training)
        return tf.split(out, [1, self.categories, self.continuous, self.continuous], axis=1)

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

    def discriminator_objective(self, images, training):
        fakes, z = self.fake(images, training=training)
        real = self.score(images, training=training)
        fake, *q = self.heads(tf.stop_gradient(fakes), training)
        return self.discriminator_loss(real, fake) - self._weighted(self.information(z, *q)), {}

    def generator_objective(self, images, training):
        fakes, z = self.fake(images, training=training)
        fake, *q = self.heads(fakes, training)
        parts = self.information(z, *q)
        return self.generator_loss(fake) - self._weighted(parts), dict(zip(self.generator_logs, parts))

    def discriminator_loss(self, real, fake):
        return losses.minimax_discriminator_loss(real, fake)

    def generator_loss(self, fake):
        return losses.non_saturating_generator_loss(fake)

    def signatures(self):
        return {**super().signatures(), "infer": (self.infer, [self.data_spec])}
