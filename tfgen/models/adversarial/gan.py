"""Generative adversarial networks.

Goodfellow et al. Generative Adversarial Nets. NeurIPS 2014. https://arxiv.org/abs/1406.2661

A generator G and a discriminator D, the probability that an image is real, play (eq. 1)

    min_G max_D  E[log D(x)] + E[log(1 - D(G(z)))],

whose value at the best D is 2 JSD(p_data || p_G) - log 4 (theorem 1). Where D wins, the generator's
part saturates, so that it maximises E[log D(G(z))] instead (section 3). D is updated k times for
one update of G (Algorithm 1). z is uniform.

Unlike the paper, the dense networks have leaky ReLU in D in place of maxout and dropout, and Adam in
place of momentum; with k = 1 both updates of a step see the same fakes.
"""

from tfgen import losses, priors
from tfgen.models.adversarial.base import StandardGAN
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="Generative Adversarial Nets", year=2014)
class GAN(StandardGAN):
    """A generator and a discriminator of dense layers.

    Args:
        image_shape, latent_dim, width, body: see `StandardGAN`.
        discriminator_steps: k, updates of D for one of G.
        saturating: whether G minimises E[log(1 - D(G(z)))], the game as it stands.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, discriminator_steps=2)
    recipe = Recipe("mnist", batch_size=128, epochs=30, model=dict(image_shape=(28, 28, 1), width=512))
    prior = priors.Uniform(-1.0, 1.0)

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=100,
        width=1200,
        body="dense",
        discriminator_steps=1,
        saturating=False,
        **kwargs,
    ):
        super().__init__(image_shape, latent_dim, width, body, **kwargs)
        self.discriminator_steps, self.saturating = discriminator_steps, saturating
        self.adversarial_loss = losses.Minimax(saturating)
