"""Bidirectional GAN: an encoder plays along, and learns to invert the generator.

Donahue, Krahenbuhl and Darrell. Adversarial Feature Learning. ICLR 2017. https://arxiv.org/abs/1605.09782

The discriminator tells pairs (x, E(x)) of an image and its code from pairs (G(z), z) (eq. 3):

    V(D, E, G) = E_x[log D(x, E(x))] + E_z[log(1 - D(G(z), z))]

At the optimum E inverts G almost everywhere (theorem 2). D minimises -V. E and G share an objective, in which
real and fake are swapped in both terms ("inverse" objective, section 3.4), for that of -V saturates:

    -E_x[log(1 - D(x, E(x)))] - E_z[log D(G(z), z)]

z ~ U(-1, 1), and joins D at every layer, by a linear map that is added to the activations, as in the authors'
code. Unlike the paper, D is updated first and then E and G, by the pairs of one pass; images lie in
[-1, 1]. The authors' rate falls to 1 % in the second half of 400 epochs; a run says so by its schedule.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from tfgen import priors
from tfgen.layers import BatchNormalization
from tfgen.models.adversarial.inference import InferenceGAN
from tfgen.models.base import Recipe
from tfgen.models.registry import model


def _dense(units, activation=None, **options):
    return layers.Dense(
        units, activation, kernel_initializer=keras.initializers.RandomNormal(0, 0.02), **options
    )


def _hidden(x, units):
    return layers.LeakyReLU(0.2)(BatchNormalization()(_dense(units, use_bias=False)(x)))


@model(title="Adversarial Feature Learning", year=2017)
class BiGAN(InferenceGAN):
    """A generator, an encoder, and a discriminator of pairs of an image and a code; of dense layers.

    Args:
        image_shape: (height, width, channels), any; images lie in [-1, 1].
        latent_dim: size of z.
        width: units of each of the two hidden layers of every network.
        weight_decay: half of it times the sum of squares of its weights joins each objective.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8)
    recipe = Recipe("mnist", batch_size=128, epochs=40, model=dict(image_shape=(28, 28, 1)))
    prior = priors.Uniform(-1.0, 1.0)

    def __init__(self, image_shape=(28, 28, 1), latent_dim=50, width=1024, weight_decay=2.5e-5, **kwargs):
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim, self.width = image_shape, latent_dim, width
        self.weight_decay = weight_decay
        with self.building():
            z = keras.Input((latent_dim,))
            x = _dense(math.prod(image_shape), "tanh", dtype="float32")(_hidden(_hidden(z, width), width))
            x = layers.Reshape(image_shape, dtype="float32")(x)
            self.generator = keras.Model(z, x, name="generator")
            images = keras.Input(image_shape)
            x = _hidden(_hidden(layers.Flatten()(images), width), width)
            self.encoder = keras.Model(images, _dense(latent_dim, dtype="float32")(x), name="encoder")
            self.discriminator = self._discriminator()

    def _discriminator(self):
        images, z = keras.Input(self.image_shape), keras.Input((self.latent_dim,))
        x = layers.Flatten()(images)
        for normalised in (False, True):
            x = _dense(self.width, use_bias=not normalised)(x) + _dense(self.width, use_bias=False)(z)
            x = layers.LeakyReLU(0.2)(BatchNormalization()(x) if normalised else x)
        score = layers.Add(dtype="float32")(
            [_dense(1, dtype="float32")(x), _dense(1, use_bias=False, dtype="float32")(z)]
        )
        return keras.Model([images, z], score, name="discriminator")

    def _decay(self, name):
        squares = [tf.reduce_sum(v.value**2) for v in self.objectives()[name].variables]
        return 0.5 * self.weight_decay * tf.add_n(squares)

    def discriminator_objective(self, step):
        loss, logs = super().discriminator_objective(step)
        return loss + self._decay("discriminator"), logs

    def generator_objective(self, step):
        loss, logs = super().generator_objective(step)
        return loss + self._decay("generator"), logs
