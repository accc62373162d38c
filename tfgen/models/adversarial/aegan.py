"""AEGAN: the generator is the decoder of an autoencoder, whose encoder becomes its inverse.

Luo, Xu, Tang and Lv. Learning Inverse Mapping by Autoencoder based Generative Adversarial Nets. 2017.
https://arxiv.org/abs/1703.10094. Others of that name are AE-GAN (1707.05474) and a bijective one of 2020.

First a GAN; then its generator G is held fixed, and an encoder E, the "inverse generator", learns on images
that G makes:

    by="image"      E_z |G(z) - G(E(G(z)))|^2
    by="latent"     E_z |z - E(G(z))|^2

By the image a code may be any that gives the image; by the latent it is z itself, or the mean of what is left
open. Real images teach the encoder nothing.

The first objective is the paper's, as its abstract and later papers say; its text and constants were not at
hand. The second is the latent regressor that Donahue et al. (2017) compare with, and E_z of IcGAN. Networks
are `StandardGAN`'s and a mirror of its generator; the rates are DCGAN's.
"""

from tfgen import losses, networks
from tfgen.models.adversarial.base import StandardGAN
from tfgen.models.adversarial.inversion import Inverting
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="Learning Inverse Mapping by Autoencoder based Generative Adversarial Nets", year=2017)
class AEGAN(Inverting, StandardGAN):
    """The game of `StandardGAN`'s players, and an encoder that learns after it.

    Args:
        image_shape, latent_dim, width, body: see `StandardGAN`.
        gan_steps: steps of the game; after them the encoder learns alone.
        by: "image" or "latent": which error the encoder reduces.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, body="dense", gan_steps=2)
    recipe = Recipe(
        "mnist",
        batch_size=128,
        epochs=12,
        model=dict(image_shape=(28, 28, 1), latent_dim=32, width=32, gan_steps=3_700, ema_decay=0.999),
    )
    adversarial_loss = losses.Minimax()

    def __init__(self, image_shape=(64, 64, 3), gan_steps=10_000, by="image", **kwargs):
        self.check_inversion(gan_steps, by)
        super().__init__(image_shape, **kwargs)
        self.gan_steps, self.by = gan_steps, by

    def build_encoder(self):
        how = dict(width=self.width, outputs=self.latent_dim, activation="relu", normalization="batch")
        return networks.encoder(self.body, self.image_shape, **how)
