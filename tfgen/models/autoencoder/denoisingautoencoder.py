"""Denoising autoencoder.

Vincent, Larochelle, Lajoie, Bengio and Manzagol. Stacked Denoising Autoencoders. JMLR 11, 2010.
https://jmlr.org/papers/v11/vincent10a.html
Alain and Bengio. What Regularized Auto-Encoders Learn from the Data-Generating Distribution. JMLR
15, 2014. https://jmlr.org/papers/v15/alain14a.html

    loss = E |x - r(x~)|^2,  r = g(f(.)),  x~ ~ q(x~|x)      (section 3.3 of the first; the sum
                                                              over pixels, the mean over images)
    gaussian          x~ = x + s e, e ~ N(0, I)
    masking           x~_i = 0 with probability nu, else x_i
    salt_and_pepper   x~_i = 0 or 1 with probability nu / 2 each, else x_i

The input is corrupted, the target is clean. With Gaussian noise the best r is Tweedie's formula,
r(x~) = x~ + s^2 grad log p_s(x~), where p_s is the density of the corrupted images.

Unlike the paper, each value is corrupted or not on its own, where the paper corrupts a given
number of them; encoder and decoder do not share weights; there is one model, not a stack of them.
"""

import tensorflow as tf

from tfgen import random
from tfgen.errors import InputError, unknown
from tfgen.models.autoencoder.base import ReconstructingModel
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model

CORRUPTIONS = ("gaussian", "masking", "salt_and_pepper")


@model(title="Stacked Denoising Autoencoders", year=2010)
class DenoisingAutoencoder(ReconstructingModel):
    """An encoder and a decoder that return the clean image; `reconstruct` of a noisy image denoises it.

    The paper's network of one hidden layer is `body="linear"` with `code_activation="sigmoid"`.

    Args:
        image_shape: (height, width, channels); images lie in [0, 1].
        latent_dim: size of the code; it may be larger than the image.
        width, body, code_activation, output_activation: as in `Autoencoder`.
        corruption: "gaussian", "masking" or "salt_and_pepper".
        level: the standard deviation s of "gaussian", else the probability nu.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, corruption="salt_and_pepper")
    recipe = Recipe("mnist", 128, 30, dict(ema_decay=0.999))

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=1000,
        width=1000,
        body="linear",
        code_activation="sigmoid",
        output_activation="sigmoid",
        corruption="gaussian",
        level=0.5,
        **kwargs,
    ):
        if corruption not in CORRUPTIONS:
            raise unknown("corruption", corruption, CORRUPTIONS)
        if level < 0 or (corruption != "gaussian" and level > 1):
            raise InputError(
                f"level must be a standard deviation >= 0 of gaussian noise, or a probability in [0, 1]; "
                f"received {level} for {corruption}"
            )
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim, self.width, self.body = image_shape, latent_dim, width, body
        self.code_activation, self.output_activation = code_activation, output_activation
        self.corruption, self.level = corruption, level
        with self.building():
            self.build_networks()

    def objectives(self):
        return {"denoising": Objective(self.denoising_loss, (self.encoder, self.decoder))}

    def denoising_loss(self, step):
        images = step.batch["images"]
        draw = step.normal if self.corruption == "gaussian" else step.uniform
        corrupted = self.corrupted(images, draw("corruption", *self.image_shape))
        return tf.reduce_mean(self.squared_error(images, corrupted, step.training)), {}

    def corrupted(self, images, noise):
        """x~ of images and of noise of their shape, normal for "gaussian", else uniform in (0, 1)."""
        if self.corruption == "gaussian":
            return images + self.level * noise
        if self.corruption == "masking":
            return tf.where(noise < self.level, 0.0, images)
        ends = tf.where(noise < self.level / 2, 0.0, 1.0)
        return tf.where(noise < self.level, ends, images)

    def corrupt(self, images, seed=None, first_row=0):
        """x~ ~ q(x~|x), (n, h, w, c), of images in [0, 1]; Gaussian noise leaves the range.

        Args:
            seed, first_row: of the noise, as in `sample`.
        """
        images = tf.convert_to_tensor(images, tf.float32)
        draw = random.normal if self.corruption == "gaussian" else random.uniform
        return self.corrupted(images, draw(self.key_of(seed), images.shape, first_row))
