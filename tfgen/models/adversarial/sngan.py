"""Spectral normalisation.

Miyato, Kataoka, Koyama and Yoshida. Spectral Normalization for Generative Adversarial Networks.
ICLR 2018. https://arxiv.org/abs/1802.05957

Every layer of the discriminator has the weights W / sigma(W), sigma(W) the largest singular value
(eq. 8), so that the discriminator as a whole is 1-Lipschitz. A vector u that is kept takes one
step of power iteration before each update of the discriminator (Algorithm 1), and no other: real and
fake images, and the generator's update, meet one and the same function.

The losses are the hinge's (eq. 16 and 17),

    discriminator: E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]      generator: -E[D(G(z))]

or those of Goodfellow et al. (2014). The optimizers are setting C of table 1 with one update of D for
each of G. Unlike the paper, the networks are `StandardGAN`'s, and the updates of a step see the same fakes.
"""

from tfgen import losses
from tfgen.layers import advance
from tfgen.models.adversarial.base import StandardGAN
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="Spectral Normalization for Generative Adversarial Networks", year=2018)
class SNGAN(StandardGAN):
    """The players of `StandardGAN`, the discriminator held at slopes of at most 1.

    Args:
        image_shape, latent_dim, width, body: see `StandardGAN`.
        hinge: whether the losses are the hinge's; else the non-saturating ones.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, body="dense")
    recipe = Recipe("fashion_mnist", batch_size=64, epochs=12, model=dict(image_shape=(28, 28, 1), width=32))
    normalization = "spectral"

    def __init__(
        self, image_shape=(64, 64, 3), latent_dim=128, width=64, body="convolutional", hinge=True, **kwargs
    ):
        super().__init__(image_shape, latent_dim, width, body, **kwargs)
        self.hinge = hinge
        self.adversarial_loss = losses.Hinge() if hinge else losses.Minimax()

    def discriminator_objective(self, step):
        if step.training:
            advance(self.discriminator)
        return super().discriminator_objective(step)
