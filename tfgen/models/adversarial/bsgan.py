"""Boundary-seeking GAN.

Hjelm et al. Boundary-Seeking Generative Adversarial Networks. ICLR 2018.
https://arxiv.org/abs/1702.08431

The discriminator is that of Goodfellow et al. (2014). At the best D the odds D / (1 - D) are
p_data / p_G, so that a perfect generator has its fakes on the decision boundary, where they are 1.
The generator of continuous images seeks it (section 3.4):

    generator: E[(log D(G(z)) - log(1 - D(G(z))))**2] / 2

half the square of the logit, whose gradient goes to zero with the distance from the boundary.

Unlike the authors' code, where Adam's rate is 1e-4 and z has 128 uniform values, the optimizers are DCGAN's
and z has 100 normal values.
"""

import tensorflow as tf

from tfgen import losses
from tfgen.models.adversarial.base import StandardGAN
from tfgen.models.base import Recipe
from tfgen.models.registry import model


class BoundarySeeking(losses.Minimax):
    """D's loss is that of Goodfellow et al.; the generator's is half the mean square of logits."""

    def generator(self, fake, real=None):
        return 0.5 * tf.reduce_mean(fake**2)


@model(title="Boundary-Seeking Generative Adversarial Networks", year=2018)
class BSGAN(StandardGAN):
    """The players of `StandardGAN`, whose generator seeks the decision boundary.

    Args:
        image_shape, latent_dim, width, body: see `StandardGAN`.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, body="dense")
    recipe = Recipe("fashion_mnist", batch_size=128, epochs=15, model=dict(image_shape=(28, 28, 1), width=32))
    adversarial_loss = BoundarySeeking()
