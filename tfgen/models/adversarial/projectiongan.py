"""Projection discriminator: the class enters by an inner product with the features.

Miyato and Koyama. cGANs with Projection Discriminator. ICLR 2018. https://arxiv.org/abs/1802.05637

If log p(y|x) is linear in features, as in softmax regression, so is the part of the optimal D that
depends on y (eq. 3 to 6), which suggests

    D(x, y) = f(phi(x)) + <V_y, phi(x)>,

phi a network, f a layer, V one vector for each class. The loss is the hinge (eq. 10 and 11):

    discriminator: E[max(0, 1 - D(x, y))] + E[max(0, 1 + D(G(z, y), y))]
    generator: -E[D(G(z, y), y)]

Every layer of the discriminator, V too, has weights of spectral norm 1 (Miyato et al., 2018), by one
step of power iteration before each of its updates. The discriminator is updated in every step, on
fresh data and noise, the generator in every fifth.

Unlike the paper, the networks are `StandardGAN`'s, no residual ones: the generator is given y as
one-hot next to z, of 100 values instead of 128, without class-conditional normalisation, and phi is not
summed over the places of an image. Fakes have the classes of the real images of their batch.
"""

import keras

from tfgen import losses, networks
from tfgen.layers import advance
from tfgen.models.adversarial.base import ConditionalGAN
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="cGANs with Projection Discriminator", year=2018)
class ProjectionGAN(ConditionalGAN):
    """A generator of images of a class, and a discriminator that projects features on the class.

    Args:
        image_shape, classes, kwargs: see `ConditionalGAN`.
        discriminator_steps: the discriminator's updates for one of the generator.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, classes=3, discriminator_steps=2)
    # One update of D for each of G: with the paper's five, G would learn little in so few epochs.
    recipe = Recipe(
        "mnist",
        batch_size=64,
        epochs=15,
        model=dict(image_shape=(28, 28, 1), width=32, discriminator_steps=1),
    )
    adversarial_loss = losses.Hinge()
    normalization = "spectral"

    def __init__(self, image_shape=(28, 28, 1), classes=10, discriminator_steps=5, **kwargs):
        super().__init__(image_shape, classes, **kwargs)
        self.discriminator_steps = discriminator_steps

    def build_discriminator(self):
        net, one_hot = super().build_discriminator(None, conditions=0), keras.Input((self.classes,))
        (phi,) = net.outputs
        score = networks.projection(phi, one_hot)
        return keras.Model([*net.inputs, one_hot], score, name="discriminator")

    def discriminator_objective(self, step):
        if step.training:
            advance(self.discriminator)
        return super().discriminator_objective(step)

    def default_optimizers(self):
        """Adam of rate 2e-4, beta 0 and 0.9 (section 6)."""
        return {name: keras.optimizers.Adam(2e-4, beta_1=0.0, beta_2=0.9) for name in self.objectives()}
