"""Wasserstein GAN.

Arjovsky, Chintala and Bottou. Wasserstein GAN. ICML 2017. https://arxiv.org/abs/1701.07875

The earth mover's distance is the largest difference of means that a 1-Lipschitz critic can make
(eq. 2). The critic is kept K-Lipschitz, for some K, by clipping its weights to [-clip, clip] after
each update (Algorithm 1):

    critic: E[D(G(z))] - E[D(x)]      generator: -E[D(G(z))]

The critic is updated in every step, on fresh data and noise, the generator in every fifth, both by
RMSprop, since momentum made the training of critics unstable (section 4).

Unlike the authors' code (github.com/martinarjovsky/WassersteinGAN), weights do not start from N(0, 0.02), the
mean of squares forgets at 0.9 instead of 0.99 a step, and the critic has no head starts: theirs is updated
100 times for one of the generator in the first 25 updates and in every 500th.
"""

import keras

from tfgen import losses
from tfgen.layers import Clip
from tfgen.models.adversarial.base import StandardGAN
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="Wasserstein GAN", year=2017)
class WGAN(StandardGAN):
    """The players of `StandardGAN`, the critic's weights clipped.

    Args:
        image_shape, latent_dim, width, body: see `StandardGAN`.
        clip: the limit of the critic's weights.
        discriminator_steps: the critic's updates for one of the generator.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, body="dense", discriminator_steps=2)
    # 562 updates of the generator at the paper's rate, 5e-5, left noise (results/studies/unconditional_gans);
    # 2,811 at this rate make garments (results/runs/wgan), smoother ones than at 2e-4.
    recipe = Recipe(
        "fashion_mnist",
        batch_size=64,
        epochs=15,
        model=dict(image_shape=(28, 28, 1), width=32),
        learning_rate=5e-4,
    )
    adversarial_loss = losses.Wasserstein()

    def __init__(self, image_shape=(64, 64, 3), clip=0.01, discriminator_steps=5, **kwargs):
        super().__init__(image_shape, **kwargs)
        self.clip, self.discriminator_steps = clip, discriminator_steps
        for v in self.discriminator.trainable_variables:
            v.constraint = Clip(clip)  # Keras' optimizers apply it after each update

    def default_optimizers(self):
        """RMSprop of rate 5e-5 (Algorithm 1)."""
        return {name: keras.optimizers.RMSprop(5e-5) for name in self.objectives()}
