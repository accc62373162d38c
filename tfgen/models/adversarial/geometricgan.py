"""Geometric GAN.

Lim and Ye. Geometric GAN. 2017. https://arxiv.org/abs/1705.02894

The discriminator is a support vector machine on the features of its last layer, so that only images
within its margin move it, and the generator moves its fakes along the normal of the hyperplane
(section 3.2), which is the hinge loss of later papers:

    discriminator: E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]      generator: -E[D(G(z))]

Unlike the paper, the optimizers are DCGAN's, without a weight decay for the hyperplane, and so are the
networks but for the weights' start, which is not N(0, 0.02). Unlike the authors' code, the generator is
updated once in a step, not ten times.
"""

from tfgen import losses
from tfgen.models.adversarial.base import StandardGAN
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="Geometric GAN", year=2017)
class GeometricGAN(StandardGAN):
    """The players of `StandardGAN` under the hinge loss.

    Args:
        image_shape, latent_dim, width, body: see `StandardGAN`.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, body="dense")
    recipe = Recipe("fashion_mnist", batch_size=128, epochs=15, model=dict(image_shape=(28, 28, 1), width=32))
    adversarial_loss = losses.Hinge()
