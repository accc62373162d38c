"""Adversarially learned inference: the encoder is a distribution of codes, and learns by a game.

Dumoulin, Belghazi, Poole, Mastropietro, Lamb, Arjovsky and Courville. Adversarially Learned Inference. ICLR
2017. https://arxiv.org/abs/1606.00704

The discriminator tells draws of two joint distributions of an image and a code (eq. 1),

    q(x) q(z|x),  q(z|x) = N(mu(x), sigma(x)^2),        and        p(z) p(x|z),  x = G(z),  p(z) = N(0, I)

    V(D, G) = E[log D(x, mu(x) + sigma(x) e)] + E[log(1 - D(G(z), z))],      e ~ N(0, I)

At the optimum both joints are equal, so that q(z|x) is the posterior of the generator. D minimises -V; E and
G minimise, by the same draws, -V with real and fake swapped (Algorithm 1). No term asks for reconstructions.

A tower of the image and a tower of the code meet in dense layers, which are the paper's 1x1 convolutions of
maps of one place. The encoder gives mu and log sigma. Unlike the paper, D is updated before E and G; the
networks are `StandardGAN`'s in kind: without dropout, with leaky ReLU in place of maxout, and started as
Glorot and Bengio's.
"""

import keras
import tensorflow as tf
from keras import layers

from tfgen import networks
from tfgen.errors import unknown
from tfgen.models.adversarial.base import BODIES, judge
from tfgen.models.adversarial.inference import InferenceGAN
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="Adversarially Learned Inference", year=2017)
class ALI(InferenceGAN):
    """A generator, a stochastic encoder, and a discriminator of pairs of an image and a code.

    Args:
        image_shape: (height, width, channels), of any size from 8x8 on; with dense networks of any size, as
            (1, 1, 2) for points of a plane. Images lie in [-1, 1].
        latent_dim: size of z.
        width: filters of the layers next to the image, where each halving of the size doubles them; or units
            of each hidden layer.
        body: "convolutional" or "dense".
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8)
    recipe = Recipe(
        "mnist", batch_size=100, epochs=12, model=dict(image_shape=(28, 28, 1), latent_dim=32, width=32)
    )

    def __init__(self, image_shape=(32, 32, 3), latent_dim=256, width=64, body="convolutional", **kwargs):
        super().__init__(**kwargs)
        if body not in BODIES:
            raise unknown("body", body, BODIES)
        self.image_shape, self.latent_dim, self.width, self.body = image_shape, latent_dim, width, body
        with self.building():
            self.generator = networks.decoder(
                body, latent_dim, image_shape, width=width, activation="relu", output="tanh"
            )
            self.encoder = self._features(2 * latent_dim, "batch")
            self.discriminator = self._discriminator()

    def _features(self, outputs, normalization=None):
        how = dict(width=self.width, outputs=outputs, normalization=normalization)
        return judge(self.body, self.image_shape, **how)

    def _discriminator(self):
        images, z = keras.Input(self.image_shape), keras.Input((self.latent_dim,))
        units = 16 * self.width if self.body == "convolutional" else self.width
        hidden = lambda x: layers.LeakyReLU(0.2)(layers.Dense(units)(x))  # noqa: E731
        x = layers.Concatenate()([self._features(None)(images), hidden(hidden(z))])
        score = layers.Dense(1, dtype="float32")(hidden(hidden(x)))
        return keras.Model([images, z], score, name="discriminator")

    def posterior(self, images, training=False):
        """q(z|x) of images (n, h, w, c): {"mean", "deviation"}, (n, latent_dim) each."""
        mean, log_deviation = tf.split(self.run("encoder", images, training=training), 2, axis=1)
        return {"mean": mean, "deviation": tf.exp(log_deviation)}

    def inferred(self, step):
        q = self.posterior(step.batch["images"], step.training)
        return q["mean"] + q["deviation"] * step.normal("code", self.latent_dim)

    def encode(self, images, labels=None):
        """The mean of q(z|x), (n, latent_dim), of images (n, h, w, c) in [-1, 1]."""
        return self.run("encoder", images, labels)[:, : self.latent_dim]

    def default_optimizers(self):
        """Those of the paper, section 4 and appendix: Adam of rate 1e-4, beta_1 0.5."""
        return {name: keras.optimizers.Adam(1e-4, beta_1=0.5) for name in self.objectives()}

    def signatures(self):
        return {**super().signatures(), "posterior": (self.posterior, [self.fields["images"].spec("images")])}
