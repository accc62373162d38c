"""Energy-based GAN.

Zhao, Mathieu and LeCun. Energy-based Generative Adversarial Network. ICLR 2017.
https://arxiv.org/abs/1609.03126

The discriminator is an autoencoder, and an image's energy its reconstruction error (eq. 4),
E(x) = ||Dec(Enc(x)) - x||_2. Energies of fakes are raised up to a margin m (eq. 1 and 2):

    discriminator: E[E(x)] + E[max(0, m - E(G(z)))]      generator: E[E(G(z))] + w PT

The repelling term PT keeps the fakes of a batch apart by the codes s_i = Enc(G(z_i)) (section 2.4):

    PT = 1 / (N (N - 1)) sum_{i != j} (s_i^T s_j / (|s_i| |s_j|))^2

With rows of norm 1 the sum is |S^T S|^2 - N, so that devices share one matrix of the code's size and
the term is that of the whole batch. Unlike the paper, both updates of a step see the same fakes.
"""

import keras
import tensorflow as tf

from tfgen import losses, networks
from tfgen.models.adversarial.base import StandardGAN
from tfgen.models.base import Recipe
from tfgen.models.registry import model


def repelling_term(codes):
    """Mean squared cosine of pairs of different codes (n, k), over the devices' whole batch; in [0, 1]."""
    codes = tf.math.l2_normalize(codes, axis=1)
    n, products = tf.cast(tf.shape(codes)[0], codes.dtype), tf.matmul(codes, codes, transpose_a=True)
    context = tf.distribute.get_replica_context()
    if context:
        n, products = context.all_reduce("SUM", [n, products])
    return tf.math.divide_no_nan(tf.reduce_sum(products**2) - n, n * (n - 1))


class Margin(losses.Loss):
    """Equations 1 and 2 of scores -E(x): energies of fakes count up to the margin m."""

    zero_decides = False  # no energy is below 0

    def __init__(self, margin):
        self.margin = margin

    def discriminator(self, real, fake):
        return -tf.reduce_mean(real) + tf.reduce_mean(tf.nn.relu(self.margin + fake))

    def generator(self, fake, real=None):
        return -tf.reduce_mean(fake)


@model(title="Energy-based Generative Adversarial Network", year=2017)
class EBGAN(StandardGAN):
    """A generator against an autoencoder.

    Args:
        image_shape, width, body: see `StandardGAN`; the autoencoder has as many filters.
        latent_dim: size of z, and of the autoencoder's code.
        margin: m, the energy beyond which a fake is left alone; 20 is the paper's of 64x64 faces in
            color, 10 that of MNIST.
        repelling_weight: w, 0 for a generator without the term.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, body="dense", margin=4.0)
    recipe = Recipe(
        "fashion_mnist", batch_size=64, epochs=12, model=dict(image_shape=(28, 28, 1), width=32, margin=10.0)
    )
    generator_logs = ("repelling",)

    def __init__(self, image_shape=(64, 64, 3), margin=20.0, repelling_weight=0.1, **kwargs):
        super().__init__(image_shape, **kwargs)
        self.margin, self.repelling_weight = margin, repelling_weight
        self.adversarial_loss = Margin(margin)

    def build_discriminator(self):
        shape, width, size = self.image_shape, self.width, self.latent_dim
        encoder = super().build_discriminator(size)
        decoder = networks.decoder(self.body, size, shape, width=width, activation="relu", output="tanh")
        images = keras.Input(shape)
        codes = encoder(images)
        return keras.Model(images, [decoder(codes), codes], name="discriminator")

    def score(self, images, labels=None, training=False):
        """Minus the energy, (n, 1)."""
        return self._scores(images, training)[0]

    def _scores(self, images, training):
        """Minus the energies (n, 1), and the codes (n, latent_dim)."""
        again, codes = self.run("discriminator", images, training=training)
        square = tf.reduce_sum((again - images) ** 2, axis=(1, 2, 3))
        # The small number keeps the root differentiable where the reconstruction is perfect.
        return -tf.sqrt(square + 1e-12)[:, None], codes

    def generator_objective(self, step):
        fakes, _ = self.fakes(step)
        scores, codes = self._scores(fakes, step.training)
        repelling = repelling_term(codes)
        loss = self.adversarial_loss.generator(scores) + self.repelling_weight * repelling
        return loss, {"repelling": repelling}
