"""f-GAN: any f-divergence as a game.

Nowozin, Cseke and Tomioka. f-GAN: Training Generative Neural Samplers using Variational Divergence
Minimization. NeurIPS 2016. https://arxiv.org/abs/1606.00709

For a convex f with f(1) = 0, the divergence D_f(P || Q) = E_Q[f(p / q)] is the largest value of

    F(T) = E_P[T(x)] - E_Q[f*(T(x))],      f* the conjugate of f                       (eq. 4)

over functions T, which is attained by T*(x) = f'(p(x) / q(x)) (eq. 5). T = g_f(V) gives the network's
score V the conjugate's domain (table 2; see `tfgen.losses.FDivergence`). The discriminator maximises F,
and the generator, of Q, minimises it; or, as in Goodfellow et al., it maximises E_Q[g_f(V)] (section
3.2), which is the default.
"""

from tfgen import losses
from tfgen.models.adversarial.base import StandardGAN
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(
    title="f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization",
    year=2016,
)
class FGAN(StandardGAN):
    """The players of `StandardGAN` under an f-divergence.

    Args:
        image_shape, latent_dim, width, body: see `StandardGAN`.
        divergence: "kl", "reverse_kl", "pearson", "squared_hellinger", "jensen_shannon" or "gan".
        saturating: whether the generator minimises F itself.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, body="dense")
    recipe = Recipe("fashion_mnist", batch_size=128, epochs=15, model=dict(image_shape=(28, 28, 1), width=32))

    def __init__(self, image_shape=(64, 64, 3), divergence="jensen_shannon", saturating=False, **kwargs):
        loss = losses.FDivergence(divergence, saturating)
        super().__init__(image_shape, **kwargs)
        self.divergence, self.saturating, self.adversarial_loss = divergence, saturating, loss
