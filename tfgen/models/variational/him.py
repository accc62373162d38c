"""Hierarchical implicit model: a decoder whose weights have a posterior, found by ratios alone.

Tran, Ranganath and Blei. Hierarchical Implicit Models and Likelihood-Free Variational Inference. NeurIPS
2017. https://arxiv.org/abs/1702.08896

Weights b ~ N(0, 1) are global, a code z_n ~ N(0, I) is an image's own, and images are drawn, x_n = g(noise,
z_n, b), without a likelihood that could be computed. Likelihood-free variational inference maximises, of N
images,

    ELBO = -KL(q(b) || p(b)) + sum_n E_q[r(x_n, z_n, b)],      r* = log p(x, z | b) / (q(x) q(z | x))

where a network r is trained to tell draws of the model from others; its best is the log-ratio r* (eq. 7):

    loss of r = E_model[log(1 + exp(-r))] + E_others[log(1 + exp(r))]

All is a mean over a batch here, so that the divergence of the weights counts 1 / N.

Unlike the paper, where r is of x, z and b at once: q(z | x) is a normal distribution, so that its divergence
from the prior is known, as in a VAE, and r is left to p(x | z, b); noise is added to each pixel by itself, so
that r is a sum over pixels, of a value of x and of m, what the weights make of z, by which alone x depends on
both; the others are pixels of other images and places, which no weight moves. Of whole images r is won at
once, and teaches nothing. Noise is added before the tanh. Each image has a draw of the weights of its own, by
Kingma et al. (2015), which leaves both expectations as they are; weights are divided by the root of a layer's
inputs, so that images of the prior are of any width.
"""

import itertools
import math

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses, networks, random
from tfgen.errors import InputError
from tfgen.models.base import Objective, Recipe
from tfgen.models.coding import CodingModel
from tfgen.models.registry import model

RATIO = 32  # units of each of the two hidden layers of r


@keras.saving.register_keras_serializable("tfgen")
class DrawnDense(layers.Layer):
    """x W / sqrt(inputs) + b, where each value of W and b is drawn from a normal distribution of its own.

    Kingma, Salimans and Welling. Variational Dropout and the Local Reparameterization Trick. NeurIPS 2015.
    https://arxiv.org/abs/1506.02557: each example has weights of its own, whose sums are drawn.

    Args:
        units: outputs.
        deviation: of all weights, at the start.
    """

    def __init__(self, units, deviation=0.05, **kwargs):
        super().__init__(**kwargs)
        self.units, self.deviation = units, deviation

    def build(self, x_shape, noise_shape):
        shape, start = (x_shape[-1], self.units), keras.initializers.Constant(math.log(self.deviation))
        self.kernel = self.add_weight(shape, keras.initializers.RandomNormal(stddev=1.0), name="kernel")
        self.bias = self.add_weight(shape[1:], "zeros", name="bias")
        self.kernel_deviation = self.add_weight(shape, start, name="kernel_deviation")  # its log
        self.bias_deviation = self.add_weight(shape[1:], start, name="bias_deviation")

    def call(self, x, noise):
        """x (n, inputs) and standard normal noise (n, units), 0 for the mean, to (n, units)."""
        inputs = self.kernel.shape[0]
        mean = tf.matmul(x, self.kernel / math.sqrt(inputs)) + self.bias
        variance = tf.matmul(x**2, tf.exp(2 * self.kernel_deviation) / inputs)
        return mean + tf.sqrt(variance + tf.exp(2 * self.bias_deviation)) * noise

    def compute_output_shape(self, x_shape, noise_shape):
        return (x_shape[0], self.units)

    def divergence(self):
        """KL(q || N(0, 1)) of all weights, nats."""
        pairs = (self.kernel, self.kernel_deviation), (self.bias, self.bias_deviation)
        return tf.add_n(
            [tf.reduce_sum(losses.normal_divergence(mean.value, log.value)) for mean, log in pairs]
        )

    def get_config(self):
        return {**super().get_config(), "units": self.units, "deviation": self.deviation}


@model(title="Hierarchical Implicit Models and Likelihood-Free Variational Inference", year=2017)
class HIM(CodingModel):
    """An encoder, a decoder of dense layers with a posterior of its weights, and a network of ratios.

    `sample` draws weights, code and noise for each image; `decode` has the weights' means and no noise.

    Args:
        image_shape: (height, width, channels), any; images lie in [-1, 1].
        latent_dim: size of z.
        width: units of each of the two hidden layers of encoder and decoder.
        noise: the deviation of what is added to a pixel before the tanh.
        observed: N, of how many images the posterior is.
        kwargs: as CodingModel has them.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8)
    recipe = Recipe(
        "mnist",
        batch_size=128,
        epochs=10,
        model=dict(image_shape=(28, 28, 1), latent_dim=10, width=256, observed=60_000),
    )
    value_range = (-1.0, 1.0)

    def __init__(
        self, image_shape=(28, 28, 1), latent_dim=20, width=512, noise=0.5, observed=10_000, **kwargs
    ):
        if not (observed >= 1 and noise > 0):
            raise InputError(
                f"HIM has at least 1 observed image, and noise above 0; received observed={observed} and "
                f"noise={noise}"
            )
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim, self.width = image_shape, latent_dim, width
        self.noise, self.observed = noise, observed
        self.drawn = (width, width, math.prod(image_shape))  # of the decoder's layers
        with self.building():
            self.decoder = self._decoder()
            self.encoder = networks.mlp(
                image_shape, (width, width), (2 * latent_dim,), activation="leaky_relu", name="encoder"
            )
            hidden = [layers.Dense(RATIO, activation="leaky_relu") for _ in range(2)]
            pixels = keras.Input((*image_shape[:2], 3 * image_shape[2]))
            last = layers.Dense(1, dtype="float32")
            self.ratio = keras.Sequential([pixels, *hidden, last], name="ratio")

    def _decoder(self):
        """Codes and the weights' noise to m, images before noise and tanh."""
        z, noise = keras.Input((self.latent_dim,)), keras.Input((sum(self.drawn),))
        x, ends = z, list(itertools.accumulate(self.drawn))[:-1]
        *hidden, last = keras.ops.split(noise, ends, axis=1)
        for own in hidden:
            x = layers.LeakyReLU(0.2)(DrawnDense(own.shape[1])(x, own))
        x = DrawnDense(last.shape[1], dtype="float32")(x, last)
        return keras.Model([z, noise], layers.Reshape(self.image_shape, dtype="float32")(x), name="decoder")

    def objectives(self):
        logs = ("weights_rate", "rate", "ratio")
        return {
            "ratio": Objective(self.ratio_objective, (self.ratio,)),
            "variational": Objective(self.variational_objective, (self.decoder, self.encoder), logs),
        }

    def default_optimizers(self):
        return {name: keras.optimizers.Adam(1e-3, beta_1=0.5) for name in self.objectives()}

    def log_ratio(self, images, means, training=False):
        """r of each pixel, (n, h, w, 1), of images x and of m (n, h, w, c)."""
        made = tf.tanh(means)
        apart = tf.math.log1p(((images - made) / self.noise) ** 2)
        return self.ratio(tf.concat([images, made, apart], axis=-1), training=training)

    def posterior(self, step):
        """(mean, log deviation) of q(z|x) of the step's images, (n, latent_dim), and m of drawn z and b."""
        return step.once(self._posterior, self.encoder, self.decoder)

    def _posterior(self, step):
        mean, log_deviation = tf.split(self.encoder(step.batch["images"], training=step.training), 2, axis=1)
        z = mean + tf.exp(log_deviation) * step.normal("codes", self.latent_dim)
        noise = step.normal("weights", sum(self.drawn))
        return mean, log_deviation, self.decoder([z, noise], training=step.training)

    def ratio_objective(self, step):
        means = tf.stop_gradient(self.posterior(step)[2])
        noise = tf.reshape(step.normal("noise", self.drawn[-1]), tf.shape(means))
        made = self.log_ratio(tf.tanh(means + self.noise * noise), means, step.training)
        others = self.log_ratio(self.others(step), means, step.training)
        return losses.Minimax().discriminator(made, others), {}

    def others(self, step):
        """The step's images, each in the place of another, and moved round by a draw of the step."""
        moved = tf.cast(step.uniform("places", 2)[0] * self.image_shape[:2], tf.int32)
        return tf.roll(step.batch["images"], tf.concat([[1], moved], 0), axis=(0, 1, 2))

    def variational_objective(self, step):
        """-ELBO / N, and its parts, in nats an image but for the constant that r leaves out."""
        mean, log_deviation, means = self.posterior(step)
        drawn = [layer for layer in self.decoder.layers if isinstance(layer, DrawnDense)]
        of_weights = tf.add_n([layer.divergence() for layer in drawn]) / self.observed
        rate = tf.reduce_mean(tf.reduce_sum(losses.normal_divergence(mean, log_deviation), axis=1))
        ratios = self.log_ratio(step.batch["images"], means, step.training)
        ratio = tf.reduce_mean(tf.reduce_sum(ratios, axis=(1, 2, 3)))
        return of_weights + rate - ratio, {"weights_rate": of_weights, "rate": rate, "ratio": ratio}

    def encode(self, images, labels=None):
        """The mean of q(z|x), (n, latent_dim), of images (n, h, w, c) in [-1, 1]."""
        return self.run("encoder", images, labels)[:, : self.latent_dim]

    def decode(self, z, labels=None):
        """Images (n, h, w, c) in [-1, 1] of codes z (n, latent_dim), by the weights' means, without noise."""
        z = self.checked_codes(z)
        return tf.tanh(self._means(z, tf.zeros((tf.shape(z)[0], sum(self.drawn)))))

    def _means(self, z, noise):
        return self.averaged("decoder")([z, noise], training=False)

    def draw(self, key, n, first_row):
        z = self.draw_codes(key, n, first_row)
        means = self._means(z, random.normal(random.fold_in(key, 1), (n, sum(self.drawn)), first_row))
        noise = random.normal(random.fold_in(key, 2), (n, self.drawn[-1]), first_row)
        return tf.tanh(means + self.noise * tf.reshape(noise, (n, *self.image_shape)))
