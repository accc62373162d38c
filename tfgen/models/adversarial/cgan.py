"""Conditional GAN: both players are told the class.

Mirza and Osindero. Conditional Generative Adversarial Nets. 2014. https://arxiv.org/abs/1411.1784

The game of Goodfellow et al. (2014), where y enters both networks as a further input (eq. 2):

    min_G max_D  E[log D(x, y)] + E[log(1 - D(G(z, y), y))]

so that a real image with a wrong class, which never occurs, is as good as a fake, and the generator
has to obey y. It follows -E[log D(G(z, y), y)], the non-saturating form. y is a one-hot vector,
joined with z, and with the image as constant planes, one for each class. Fakes have the classes
of the real images of their batch.

Unlike the paper, whose networks are dense with maxout and dropout, they are `StandardGAN`'s, and
z is normal.
"""

from tfgen import losses
from tfgen.models.adversarial.base import ConditionalGAN
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="Conditional Generative Adversarial Nets", year=2014)
class CGAN(ConditionalGAN):
    """A generator of images of a class, and a discriminator that is told which class it should be.

    Args:
        image_shape, classes, kwargs: see `ConditionalGAN`.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, classes=3)
    recipe = Recipe("mnist", batch_size=128, epochs=15, model=dict(image_shape=(28, 28, 1), width=32))
    adversarial_loss = losses.Minimax()
