"""Deep regret analytic GAN.

Kodali et al. On Convergence and Stability of GANs. 2017. https://arxiv.org/abs/1705.07215

Sharp gradients of the discriminator around real images go with mode collapse. They are asked to
have norm 1 there, at real images with a little noise (section 2.4):

    discriminator: -E[log D(x)] - E[log(1 - D(G(z)))]
                   + penalty_weight * E[(||dD/dx(x + delta)||_2 - 1)**2],  delta ~ N(0, noise**2 I)
    generator: -E[log D(G(z))]

The slope is that of the logit. It is each image's own, so D has layer normalisation in place of
batch normalisation. Unlike the authors' code (github.com/kodalinaveen3/DRAGAN), whose noise is uniform
from 0 to half the batch's standard deviation and of which a random share is taken for each image,
`noise` is a number, so that no image of a batch acts on another. The optimizer is DCGAN's.
"""

import functools

import tensorflow as tf

from tfgen import losses
from tfgen.models.adversarial.base import StandardGAN
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="On Convergence and Stability of GANs", year=2017)
class DRAGAN(StandardGAN):
    """The players of `StandardGAN` with a penalty on slopes around real images.

    Args:
        image_shape, latent_dim, width, body: see `StandardGAN`.
        penalty_weight: lambda.
        noise: standard deviation of the noise on real images, which lie in [-1, 1].
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8)
    recipe = Recipe("fashion_mnist", batch_size=64, epochs=10, model=dict(image_shape=(28, 28, 1), width=32))
    adversarial_loss = losses.Minimax()
    normalization = "layer"
    discriminator_logs = ("gradient_penalty",)

    def __init__(self, image_shape=(64, 64, 3), penalty_weight=10.0, noise=0.3, **kwargs):
        super().__init__(image_shape, **kwargs)
        self.penalty_weight, self.noise = penalty_weight, noise

    def discriminator_objective(self, step):
        loss, _ = super().discriminator_objective(step)
        images = step.batch["images"]
        n = tf.shape(images)[0]
        noisy = images + self.noise * step.normal("noise", *self.image_shape)
        score = functools.partial(self.score, training=step.training)
        penalty = losses.gradient_penalty(score, images, noisy, tf.ones((n, 1, 1, 1)))
        return loss + self.penalty_weight * penalty, {"gradient_penalty": penalty}
