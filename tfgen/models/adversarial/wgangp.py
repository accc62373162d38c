"""Wasserstein GAN with gradient penalty.

Gulrajani et al. Improved Training of Wasserstein GANs. NeurIPS 2017.
https://arxiv.org/abs/1704.00028

The critic is kept 1-Lipschitz by asking that its gradient have norm 1 on the lines between
real and fake images (eq. 3):

    E[D(G(z))] - E[D(x)] + penalty_weight * E[(||dD/dx(x_hat)||_2 - 1)**2],
    x_hat = x + alpha * (G(z) - x), alpha ~ U(0, 1)

The penalty is each image's own, so the critic must not mix the images of a batch: it has
layer normalisation instead of batch normalisation (section 4), in a form whose second
derivatives are right (tfgen.layers). The critic is updated in every step, on fresh data and
noise, the generator in every fifth (Algorithm 1).
"""

import functools

import keras
import tensorflow as tf

from tfgen import losses
from tfgen.models.adversarial.base import StandardGAN
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="Improved Training of Wasserstein GANs", year=2017)
class WGANGP(StandardGAN):
    """A generator against a critic whose slope is held at 1.

    Args:
        image_shape, latent_dim, width, body: see `StandardGAN`.
        penalty_weight: lambda of eq. 3.
        discriminator_steps: the critic's updates for one of the generator.
    """

    tiny = dict(latent_dim=4, width=8, image_shape=(16, 16, 1), discriminator_steps=2)
    recipe = Recipe("fashion_mnist", batch_size=64, epochs=12, model=dict(image_shape=(28, 28, 1), width=32))
    adversarial_loss = losses.Wasserstein()
    normalization = "layer"
    discriminator_logs = ("gradient_penalty",)

    def __init__(
        self, image_shape=(64, 64, 3), latent_dim=128, penalty_weight=10.0, discriminator_steps=5, **kwargs
    ):
        super().__init__(image_shape, latent_dim, **kwargs)
        self.penalty_weight, self.discriminator_steps = penalty_weight, discriminator_steps

    def default_optimizers(self):
        """Adam of rate 1e-4, beta 0 and 0.9 (Algorithm 1)."""
        return {name: keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9) for name in self.objectives()}

    def discriminator_objective(self, step):
        images = step.batch["images"]
        fakes = tf.stop_gradient(self.fakes(step)[0])
        critic = functools.partial(self.discriminator, training=step.training)
        alpha = step.uniform("alpha", 1, 1, 1)
        penalty = losses.gradient_penalty(critic, images, fakes, alpha)
        loss = self.adversarial_loss.discriminator(critic(images), critic(fakes))
        return loss + self.penalty_weight * penalty, {"gradient_penalty": penalty}
