"""Boundary equilibrium GAN.

Berthelot, Schumm and Metz. BEGAN: Boundary Equilibrium Generative Adversarial Networks. 2017.
https://arxiv.org/abs/1703.10717

The discriminator is an autoencoder with the loss L(x) = mean |x - D(x)| of an image's pixels. A number
k_t in [0, 1] keeps E[L(G(z))] = gamma E[L(x)] (section 3.4):

    discriminator: L(x) - k_t L(G(z))      generator: L(G(z))
    k_{t+1} = k_t + lambda_k (gamma L(x) - L(G(z))),      k_0 = 0

and M = L(x) + |gamma L(x) - L(G(z))| measures convergence (section 3.4.1), logged as "convergence".

Both networks are of 3x3 convolutions with ELU, without normalisation (section 3.5): the encoder
halves by strides down to about 8x8 and gains `width` filters each time, the decoder doubles by nearest
neighbours, and the generator is a decoder of its own. Unlike the paper, images end in tanh, the rate is
constant, and the updates of a step see the same fakes, whose L before the generator's update moves k.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses, priors
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.models.base import Recipe
from tfgen.models.registry import model


class Balance(losses.Loss):
    """L(x) - k L(G(z)) and L(G(z)), of scores -L and a variable k."""

    zero_decides = False  # no L is below 0

    def __init__(self, k):
        self.k = k

    def discriminator(self, real, fake):
        return self.k * tf.reduce_mean(fake) - tf.reduce_mean(real)

    def generator(self, fake, real=None):
        return -tf.reduce_mean(fake)


@model(title="BEGAN: Boundary Equilibrium Generative Adversarial Networks", year=2017)
class BEGAN(AdversarialModel):
    """A generator and an autoencoder in a balance that is held.

    Args:
        image_shape: (height, width, channels), of any size from 8x8 on.
        latent_dim: size of z, and of the autoencoder's code.
        width: filters of the layers next to the image.
        depth: convolutions at each size of the image.
        gamma: the ratio of E[L(G(z))] and E[L(x)] that is held, in [0, 1]; more is more varied.
        balance_rate: lambda_k.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, depth=1, balance_rate=0.1)
    # With the defaults k has hardly moved after 1,900 updates, and all samples are one blob
    # (results/studies/began_convergence). At gamma 0.75 all garments were shoes, at 0.9 most kinds came.
    recipe = Recipe(
        "fashion_mnist",
        batch_size=16,
        epochs=5,
        model=dict(image_shape=(28, 28, 1), width=16, depth=1, gamma=0.9, balance_rate=5e-3),
    )
    discriminator_logs = ("convergence", "k")
    prior = priors.Uniform(-1.0, 1.0)

    def __init__(
        self,
        image_shape=(64, 64, 3),
        latent_dim=64,
        width=64,
        depth=2,
        gamma=0.5,
        balance_rate=1e-3,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim, self.width, self.depth = image_shape, latent_dim, width, depth
        self.gamma, self.balance_rate = gamma, balance_rate
        kept = dict(dtype="float32", trainable=False, autocast=False, aggregation="only_first_replica")
        self.k = self.add_weight((), "zeros", name="k", **kept)
        self.adversarial_loss = Balance(self.k)
        with self.building():
            self.generator = self._decoder("generator")
            self.discriminator = keras.Sequential(
                [keras.Input(image_shape), *self._encoder(), self._decoder("decoder")], name="discriminator"
            )

    def _halvings(self):
        return max(1, int(math.log2(min(self.image_shape[:2]) / 8)))

    def _convolutions(self, filters):
        return [layers.Conv2D(filters, 3, padding="same", activation="elu") for _ in range(self.depth)]

    def _encoder(self):
        stack = [layers.Conv2D(self.width, 3, padding="same", activation="elu")]
        for size in range(1, self._halvings() + 1):
            stack += self._convolutions(size * self.width)
            stack.append(layers.Conv2D((size + 1) * self.width, 3, 2, "same", activation="elu"))
        stack += self._convolutions((self._halvings() + 1) * self.width)
        return [*stack, layers.Flatten(), layers.Dense(self.latent_dim)]

    def _decoder(self, name):
        height, width, channels = self.image_shape
        times = 2 ** self._halvings()
        rows, columns = -(-height // times), -(-width // times)
        stack = [
            keras.Input((self.latent_dim,)),
            layers.Dense(rows * columns * self.width),
            layers.Reshape((rows, columns, self.width)),
        ]
        for _ in range(self._halvings()):
            stack += [*self._convolutions(self.width), layers.UpSampling2D()]
        stack += self._convolutions(self.width)
        stack.append(layers.Conv2D(channels, 3, padding="same", activation="tanh", dtype="float32"))
        extra = rows * times - height, columns * times - width
        stack.append(layers.Cropping2D([(e // 2, e - e // 2) for e in extra], dtype="float32"))
        return keras.Sequential(stack, name=name)

    def default_optimizers(self):
        """Adam of rate 1e-4 (section 4.1)."""
        return {name: keras.optimizers.Adam(1e-4) for name in self.objectives()}

    def score(self, images, labels=None, training=False):
        """-L, (n, 1)."""
        again = self.run("discriminator", images, training=training)
        return -tf.reduce_mean(abs(again - images), axis=(1, 2, 3))[:, None]

    def discriminator_objective(self, step):
        training = step.training
        fakes, _ = self.fakes(step)
        real = self.score(step.batch["images"], training=training)
        fake = self.score(tf.stop_gradient(fakes), training=training)
        loss, k = self.adversarial_loss.discriminator(real, fake), tf.identity(self.k)
        means = step.mean(-tf.stack([tf.reduce_mean(real), tf.reduce_mean(fake)]))
        real, fake = tf.unstack(tf.stop_gradient(means))
        balance = self.gamma * real - fake
        if training:
            self.k.assign(tf.clip_by_value(k + self.balance_rate * balance, 0, 1))
        return loss, {"convergence": real + abs(balance), "k": k}
