"""b-GAN: the discriminator estimates the ratio of the densities, the generator a divergence by it.

Uehara, Sato, Suzuki, Nakayama and Matsuo. Generative Adversarial Nets from a Density Ratio Estimation
Perspective. 2016. https://arxiv.org/abs/1610.02920

Two steps alternate, of real images of density p and of fakes of q:

    r     minimises  E_q[f'(r) r - f(r)] - E_p[f'(r)], a Bregman distance that is least at r = p / q
    G     minimises  E_q[f(r(x))] with r held fixed, which at that r is the divergence D_f(P || Q)

Where p / q is large the first is unsteady; the relative ratio p / (a p + (1 - a) q) is bounded by 1 / a. With
T = f'(r) the first step is f-GAN's, but the second is another game: as r is held fixed, its gradient by r
is f'(r), so that under Pearson's divergence G moves samples towards r = 1 from both sides.

The generator's loss is recalled, not read in the paper, whose abstract states the alternation. Unlike the
paper, r is softplus of the network's score, scaled to 1 at 0, or where it is relative a scaled sigmoid.
"""

from tfgen import losses
from tfgen.models.adversarial.base import StandardGAN
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="Generative Adversarial Nets from a Density Ratio Estimation Perspective", year=2016)
class DensityRatioGAN(StandardGAN):
    """The players of `StandardGAN`, by an estimated ratio of the real and the generated density.

    Args:
        image_shape, latent_dim, width, body: see `StandardGAN`.
        divergence: "pearson", "kl" or "reverse_kl".
        relative: a, the share of the real density in the ratio's denominator, in [0, 1). Of 0, which leaves
            the ratio unbounded, Pearson's game ended in noise (results/studies/density_ratio).
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, body="dense", relative=0.25)
    recipe = Recipe("fashion_mnist", batch_size=128, epochs=15, model=dict(image_shape=(28, 28, 1), width=32))

    def __init__(self, image_shape=(64, 64, 3), divergence="pearson", relative=0.5, **kwargs):
        loss = losses.DensityRatio(divergence, relative)
        super().__init__(image_shape, **kwargs)
        self.divergence, self.relative, self.adversarial_loss = divergence, relative, loss

    def density_ratio(self, images):
        """r, float32 (n, 1), of images (n, h, w, c) in [-1, 1]: how much likelier they are as real ones."""
        return self.adversarial_loss.ratio(self.score(images))
