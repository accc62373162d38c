"""AffGAN: super-resolution whose results, made small again, are exactly what was given.

Sonderby, Caballero, Theis, Shi and Huszar. Amortised MAP Inference for Image Super-resolution. ICLR 2017.
https://arxiv.org/abs/1610.04490

Low-resolution images are y = A x, A linear. Whatever a network f makes is projected onto the solutions of it:

    G(y) = f(y) - A+ (A f(y) - y) = (I - A+ A) f(y) + A+ y,      A G(y) = y for any weights

Of those solutions the likely ones are looked for: q, the law of G(A x), comes near to p, that of images, in
KL(q || p) = E_q[log q / p], where a discriminator's logit stands for log p / q:

    discriminator: -E[log D(x + e)] - E[log(1 - D(G(A x) + e'))]
    generator:     E[log((1 - D) / D)] = -E[logit of D(G(A x) + e')]     (criterion="kl")
                   E|x - G(A x)|^2, without a discriminator              (criterion="mse")

e and e' are instance noise, N(0, noise^2), by which real and generated images have a common support; noise
falls linearly to zero over the first `noise_steps` steps. This loss of the generator and the noise are of the
authors' notes, "An Alternative Update Rule for Generative Adversarial Networks" and "Instance Noise", at
https://www.inference.vc (2016).

Unlike the paper, which learns A and A+ as convolutions, A is the mean of 4x4 pixels, where A+ repeats pixels,
or bicubic interpolation, where A+ = A^T (A A^T)^-1 of its two matrices: both are exact. f is the network of
SRResNet; sizes of networks and optimizers are not the paper's. Its method by a denoiser is left out.
"""

import functools

import keras
import numpy as np
import tensorflow as tf

from tfgen import losses, networks
from tfgen.degradation import bicubic, bicubic_matrix
from tfgen.errors import InputError, unknown
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.superresolution.base import PlayedSuperResolution

KERNELS = ("box", "bicubic")
CRITERIA = ("kl", "mse")


class ReverseKL(losses.Minimax):
    """Goodfellow et al.'s discriminator; a generator of the least KL(q || p), where that is at its best."""

    def generator(self, fake, real=None):
        return -tf.reduce_mean(fake)


@functools.lru_cache(maxsize=64)
def pseudo_inverse(size, to):
    """A+ = A^T (A A^T)^-1, float64 (size, to), of A = `bicubic_matrix(size, to)`: A A+ is the identity."""
    a = bicubic_matrix(size, to)
    return a.T @ np.linalg.inv(a @ a.T)


@model(title="Amortised MAP Inference for Image Super-resolution", year=2017)
class AffGAN(PlayedSuperResolution):
    """A residual network, projected onto the images that are the given one when they are made small.

    Its batches are images (n, h, w, c) in [-1, 1]. What `translate` and `upscale` give is not cut to that
    range, by which the projection would be lost; samples and pictures are.

    Args:
        image_shape: (height, width, channels) in training; sizes are multiples of 4.
        width: filters of the network's layers.
        blocks: residual blocks.
        discriminator_width: filters of the discriminator next to the image.
        kernel: how images are made small: "box", by the mean of 4x4 pixels, or "bicubic". With the latter an
            export takes images of the training's size alone.
        criterion: of the generator: "kl" or "mse".
        projection: False leaves f(y) as it is, for comparison.
        noise: standard deviation of the instance noise at the start; 0 for none.
        noise_steps: training steps after which it is gone.
    """

    tiny = dict(image_shape=(16, 16, 3), width=4, blocks=1, discriminator_width=4)
    recipe = Recipe(
        "celeba_small",
        batch_size=32,
        epochs=10,
        model=dict(image_shape=(64, 64, 3), width=32, blocks=4, discriminator_width=32),
    )
    averaged_networks = ("generator",)
    own_networks = ("generator", "discriminator")
    adversarial_loss = ReverseKL()
    data_options = {}  # whole images, not patches

    def __init__(
        self,
        image_shape=(64, 64, 3),
        width=64,
        blocks=16,
        discriminator_width=64,
        kernel="box",
        criterion="kl",
        projection=True,
        noise=0.1,
        noise_steps=10000,
        **kwargs,
    ):
        self.check_sizes(image_shape)
        for name, value, known in (("kernel", kernel, KERNELS), ("criterion", criterion, CRITERIA)):
            if value not in known:
                raise unknown(name, value, known)
        if noise < 0 or noise_steps < 1:
            raise InputError(
                f"noise must be 0 or more and noise_steps 1 or more; received {noise} and {noise_steps}"
            )
        if criterion == "mse" and kwargs.get("discriminator") is not None:
            raise InputError("an AffGAN of criterion='mse' has no discriminator; omit one of the two")
        super().__init__(**kwargs)
        self.image_shape, self.width, self.blocks = image_shape, width, blocks
        self.discriminator_width = discriminator_width
        self.kernel, self.criterion, self.projection = kernel, criterion, projection
        self.noise, self.noise_steps = noise, noise_steps
        with self.building():
            self.generator = networks.residual_upscaler(image_shape[-1], width=width, blocks=blocks)
            if criterion == "kl":
                self.discriminator = networks.dcgan_discriminator(
                    image_shape, width=discriminator_width, normalization="batch"
                )

    @property
    def reach(self):
        if self.kernel == "bicubic" and self.projection:
            return None  # A+ sees the whole image
        return networks.residual_upscaler_reach(self.blocks)

    def objectives(self):
        if self.criterion == "mse":
            return {"generator": Objective(self.squared_error, (self.generator,))}
        return {
            "discriminator": Objective(self.discriminator_objective, (self.discriminator,)),
            "generator": Objective(self.generator_objective, (self.generator,)),
        }

    def default_optimizers(self):
        """Adam of rate 2e-4 and beta_1 0.5, as DCGAN has it."""
        return {name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in self.objectives()}

    def low_resolution(self, images):
        """A x, (n, h / 4, w / 4, c), of images x (n, h, w, c); not rounded, as A is linear."""
        images = tf.convert_to_tensor(images)
        if self.kernel == "box":
            return tf.nn.avg_pool2d(images, self.scale, self.scale, "VALID")
        return bicubic(images, *(size // self.scale for size in images.shape[1:3]))

    def least(self, inputs):
        """A+ y, the least of the solutions of A x = y: (n, 4 h, 4 w, c) of inputs y (n, h, w, c)."""
        inputs = tf.convert_to_tensor(inputs)
        if self.kernel == "box":
            return tf.nn.depth_to_space(tf.tile(inputs, (1, 1, 1, self.scale**2)), self.scale)
        rows, columns = (
            tf.constant(pseudo_inverse(self.scale * size, size), inputs.dtype) for size in inputs.shape[1:3]
        )
        return tf.einsum("wq,npqc->npwc", columns, tf.einsum("hp,npqc->nhqc", rows, inputs))

    def projected(self, images, inputs):
        """The solution of A x = inputs (n, h, w, c) that is nearest to images (n, 4 h, 4 w, c)."""
        return images - self.least(self.low_resolution(images) - inputs)

    def upscaled(self, inputs, training=False):
        images = self.network("generator", training)((inputs + 1) / 2, training=training)
        return self.projected(images, inputs) if self.projection else images

    def translated(self, inputs, key, first_row=0, training=False):
        return self.upscaled(inputs, training)

    def draw(self, key, n, first_row, inputs):
        return tf.clip_by_value(self.upscaled(inputs), *self.value_range)

    def signatures(self):
        if self.reach is not None:
            return super().signatures()
        return {"translate": (self.translated_by_seed, [self.conditions["inputs"].spec("inputs")])}

    def noisy(self, step, images, name):
        """Images of a training step with their instance noise, a draw of that name; in use as they are."""
        if not (self.noise and step.training):
            return images
        left = tf.maximum(1 - tf.cast(self.step.value, tf.float32) / self.noise_steps, 0)
        return images + self.noise * left * step.normal(name, *self.image_shape)

    def discriminator_objective(self, step):
        real = self.noisy(step, step.batch["images"], "noise_real")
        fake = self.noisy(step, tf.stop_gradient(self.fakes(step)), "noise_fake")
        scores = (self.score(images, step.training) for images in (real, fake))
        return self.adversarial_loss.discriminator(*scores), {}

    def generator_objective(self, step):
        fake = self.noisy(step, self.fakes(step), "noise_fake")
        return self.adversarial_loss.generator(self.score(fake, step.training)), {}

    def squared_error(self, step):
        return tf.reduce_mean((step.batch["images"] - self.fakes(step)) ** 2), {}

    def games(self):
        """None by the squared error, which has no discriminator's updates."""
        return [] if self.criterion == "mse" else super().games()
