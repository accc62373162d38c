"""Large class-conditional GANs: noise and class at every depth, and samples that trade variety for fidelity.

Brock, Donahue and Simonyan. Large Scale GAN Training for High Fidelity Natural Image Synthesis. ICLR 2019.
https://arxiv.org/abs/1809.11096

    discriminator: E[max(0, 1 - D(x, y))] + E[max(0, 1 + D(G(z, y), y))]
    generator:     -E[D(G(z, y), y)] + beta sum_W |W^T W o (1 - I)|_F^2                        (eq. 3)

G is a ladder of residual blocks. z is cut into a chunk for its first layer and one for each block, which
joins an embedding of y that all blocks share; of both, linear maps make the gains, 1 + ..., and biases of
the block's batch normalisation. D has such blocks without normalisation, and the projection of Miyato and
Koyama (2018) of features that are summed over places. Both see all places of their maps of `attention`
pixels (Zhang et al., 2019). All their kernels have a spectral norm of 1, G's too, but for the embedding; W
are G's kernels as matrices of a column for each filter: the penalty asks that filters be orthogonal, not of
what length. The embedding is left out of it. Weights start orthogonal.

The truncation trick: samples have z of a normal distribution whose values have a magnitude up to a limit;
the smaller, the more typical the images. Statistics of batches then are others, see `standing_statistics`.

Unlike the paper, whose networks of 128x128 pixels these are, the same rule gives those of other sizes, while
the authors have tables; fakes have the classes of the real images of their batch; batches are as large as
the machine takes, not of 2048; and the average of G is asked for by ema_decay=0.9999.
"""

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses, networks, priors
from tfgen.errors import InputError
from tfgen.fields import needs_classes
from tfgen.layers import (
    BatchNormalization,
    ConditionalBatchNormalization,
    SelfAttention,
    SpectralNormalization,
    advance,
)
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.models.base import Recipe
from tfgen.models.options import Option
from tfgen.models.registry import model

WIDEST = 16  # times `width`, of the layers next to z


def orthogonality(kernel):
    """|W^T W o (1 - I)|_F^2, a float32 scalar: W is the kernel as (all other axes, filters).

    The whole of |W^T W|^2 is |W W^T|^2, so that the smaller of the two products is made; the filters' own
    lengths are then taken off.
    """
    w = tf.reshape(kernel, (-1, kernel.shape[-1]))
    products = tf.matmul(w, w, transpose_a=w.shape[0] > w.shape[1], transpose_b=w.shape[0] <= w.shape[1])
    return tf.reduce_sum(products**2) - tf.reduce_sum(tf.reduce_sum(w**2, axis=0) ** 2)


@model(title="Large Scale GAN Training for High Fidelity Natural Image Synthesis", year=2019)
class BigGAN(AdversarialModel):
    """Residual players that are told the class, of spectral norm 1 in every layer.

    Args:
        image_shape: (height, width, channels): 2**k times a size of 4 pixels or more.
        classes: number of classes, at least 2; labels are 0 to classes - 1.
        latent_dim: size of z, at least a number for each of the chunks.
        width: filters next to the full-sized image; each halving doubles them, up to 16 times.
        embedding: size of the vector of a class that G's blocks share.
        attention: height of the maps that see all their places; where there are no such maps, none do.
        orthogonal_weight: beta, of the penalty.
        discriminator_steps: the discriminator's updates for one of the generator.
    """

    tiny = dict(
        image_shape=(8, 8, 1),
        classes=3,
        latent_dim=5,
        width=2,
        embedding=3,
        attention=8,
        discriminator_steps=1,
    )
    recipe = Recipe(
        "cifar10",
        batch_size=64,
        epochs=20,
        model=dict(image_shape=(32, 32, 3), width=32, attention=16, discriminator_steps=1, ema_decay=0.999),
    )
    adversarial_loss = losses.Hinge()
    generator_logs = ("orthogonality",)
    prior = priors.Normal()
    options = {
        "truncation": Option(6.0, 0.01, help="values of z are no larger; the smaller, the more typical")
    }

    def __init__(
        self,
        image_shape=(128, 128, 3),
        classes=10,
        latent_dim=120,
        width=96,
        embedding=128,
        attention=64,
        orthogonal_weight=1e-4,
        discriminator_steps=2,
        **kwargs,
    ):
        needs_classes(classes, type(self).__name__)
        self.classes, levels = classes, networks.halvings(image_shape)
        if not levels:
            raise InputError(
                f"BigGAN makes images whose sizes can be halved to 4 pixels or more; received "
                f"image_shape={tuple(image_shape)}"
            )
        if latent_dim <= levels:
            raise InputError(
                f"BigGAN cuts z into {levels + 1} chunks for images of {image_shape[0]}x{image_shape[1]}; "
                f"received latent_dim={latent_dim}"
            )
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim, self.width = image_shape, latent_dim, width
        self.embedding, self.attention = embedding, attention
        self.orthogonal_weight, self.discriminator_steps = orthogonal_weight, discriminator_steps
        filters = [width * min(2**k, WIDEST) for k in range(levels + 1)]
        with self.building():
            self.generator = self._generator(filters)
            self.discriminator = self._discriminator(filters)

    def _generator(self, filters):
        *filters, first = filters
        *size, channels = self.image_shape
        rows, columns = (side >> len(filters) for side in size)
        z, one_hot = keras.Input((self.latent_dim,)), keras.Input((self.classes,))
        how = dict(use_bias=False, kernel_initializer="orthogonal")
        y = layers.Dense(self.embedding, name="embedding", **how)(one_hot)
        least, larger = divmod(self.latent_dim, len(filters) + 1)
        ends = [k * least + min(k, larger) for k in range(1, len(filters) + 1)]
        chunk, *chunks = keras.ops.split(z, ends, axis=1)
        linear = layers.Dense(rows * columns * first, kernel_initializer="orthogonal")
        x = layers.Reshape((rows, columns, first))(SpectralNormalization(linear)(chunk))
        for count, chunk in zip(reversed(filters), chunks):
            told = layers.Concatenate()([y, chunk])
            x = networks.residual_up(
                x, count, lambda x, told=told: ConditionalBatchNormalization(spectral=True)(x, told)
            )
            x = self._attended(x)
        x = layers.ReLU()(BatchNormalization()(x))
        last = layers.Conv2D(
            channels, 3, padding="same", kernel_initializer="orthogonal", activation="tanh", dtype="float32"
        )
        return keras.Model([z, one_hot], SpectralNormalization(last)(x), name="generator")

    def _discriminator(self, filters):
        images, one_hot = keras.Input(self.image_shape), keras.Input((self.classes,))
        x = images
        for level, count in enumerate(filters):
            x = networks.residual_down(x, count, first=not level, halved=level < len(filters) - 1)
            x = self._attended(x)
        phi = keras.ops.sum(keras.ops.cast(layers.ReLU()(x), "float32"), axis=(1, 2))
        score = networks.projection(phi, one_hot, "orthogonal")
        return keras.Model([images, one_hot], score, name="discriminator")

    def _attended(self, x):
        return SelfAttention(spectral=True)(x) if x.shape[1] == self.attention else x

    def regularised(self):
        """The kernels of the generator that the penalty asks to be orthogonal: all but the embedding."""
        embedding = self.generator.get_layer("embedding").kernel
        return [v for v in self.generator.trainable_variables if v.name == "kernel" and v is not embedding]

    def discriminator_objective(self, step):
        if step.training:
            advance(self.discriminator)
        return super().discriminator_objective(step)

    def generator_objective(self, step):
        if step.training:
            advance(self.generator)
        loss, logs = super().generator_objective(step)
        penalty = tf.add_n([orthogonality(v.value) for v in self.regularised()])
        return loss + self.orthogonal_weight * penalty, {**logs, "orthogonality": penalty}

    def default_optimizers(self):
        """Adam of rates 2e-4 for D and 5e-5 for G, beta 0 and 0.999 (appendix C)."""
        rates = {"discriminator": 2e-4, "generator": 5e-5}
        how = dict(beta_1=0.0, beta_2=0.999, epsilon=1e-8)
        return {name: keras.optimizers.Adam(rate, **how) for name, rate in rates.items()}

    @property
    def input_values(self):
        return {**super().input_values, "truncation": {"distribution": "uniform", "low": 0.1, "high": 3.0}}
