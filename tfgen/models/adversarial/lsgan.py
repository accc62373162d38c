"""Least squares GAN.

Mao et al. Least Squares Generative Adversarial Networks. ICCV 2017. https://arxiv.org/abs/1611.04076

The discriminator's score, with no sigmoid, is pulled to b on real images and to a on fakes, and the
generator pulls that of its fakes to c (eq. 2):

    discriminator: E[(D(x) - b)**2] / 2 + E[(D(G(z)) - a)**2] / 2      generator: E[(D(G(z)) - c)**2] / 2

so that fakes on the right side, but far from the boundary, still have a gradient. With b - c = 1 and
b - a = 2 the generator minimises Pearson's chi^2 between p_data + p_G and 2 p_G (section 3.2); with
c = b it makes fakes as real as can be. Both did alike in the paper.

Unlike the authors' code, where Adam's rate is 1e-3, z has 1024 values and weights start from N(0, 0.02), the
optimizers are DCGAN's, z has 100 values, and weights start as Glorot's.
"""

from tfgen import losses
from tfgen.models.adversarial.base import StandardGAN
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="Least Squares Generative Adversarial Networks", year=2017)
class LSGAN(StandardGAN):
    """The players of `StandardGAN` under least squares.

    Args:
        image_shape, latent_dim, width, body: see `StandardGAN`.
        a, b: the scores that the discriminator gives fakes and real images.
        c: the score that the generator wants for fakes.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, body="dense")
    recipe = Recipe("fashion_mnist", batch_size=128, epochs=15, model=dict(image_shape=(28, 28, 1), width=32))

    def __init__(self, image_shape=(64, 64, 3), a=0.0, b=1.0, c=1.0, **kwargs):
        super().__init__(image_shape, **kwargs)
        self.a, self.b, self.c = a, b, c
        self.adversarial_loss = losses.LeastSquares(a, b, c)
