"""Deep convolutional GAN.

Radford, Metz and Chintala. Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks. ICLR 2016. https://arxiv.org/abs/1511.06434

Its guidelines (section 3): strided convolutions for pooling; batch normalisation in both
networks, but not at the generator's output nor at the discriminator's input; no hidden dense
layers; ReLU in the generator with tanh at the end; leaky ReLU (0.2) in the discriminator.
Weights start from N(0, 0.02), z is uniform. The losses are those of Goodfellow et al. (2014):

    discriminator: -E[log D(x)] - E[log(1 - D(G(z)))]      generator: -E[log D(G(z))]

The discriminator normalises real and fake images in batches of their own. One step updates
the discriminator, then the generator, on the same fakes. Unlike the paper by Goodfellow et al.,
which draws new noise for the generator, this runs the generator once a step. Unlike the authors'
code, no weight decay (theirs is 1e-5) is in the losses.
"""

import keras

from tfgen import losses, networks, priors
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(
    title="Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks",
    year=2016,
)
class DCGAN(AdversarialModel):
    """A generator and a discriminator of strided convolutions.

    Args:
        image_shape: (height, width, channels), of any size from 8x8 on.
        latent_dim: size of z.
        width: filters of the layers next to the image; each halving of the size doubles them.
    """

    tiny = dict(latent_dim=4, width=8, image_shape=(16, 16, 1))
    recipe = Recipe("fashion_mnist", batch_size=128, epochs=15, model=dict(image_shape=(28, 28, 1), width=32))
    adversarial_loss = losses.Minimax()
    prior = priors.Uniform(-1.0, 1.0)

    def __init__(self, image_shape=(64, 64, 3), latent_dim=100, width=128, **kwargs):
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim, self.width = image_shape, latent_dim, width
        with self.building():
            start = keras.initializers.RandomNormal(stddev=0.02)
            self.generator = networks.dcgan_generator(image_shape, latent_dim, width=width, initializer=start)
            self.discriminator = networks.dcgan_discriminator(
                image_shape, width=width, normalization="batch", initializer=start
            )
