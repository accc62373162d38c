"""3D-GAN: volumes of voxels, by convolutions in three directions.

Wu, Zhang, Xue, Freeman and Tenenbaum. Learning a Probabilistic Latent Space of Object Shapes via 3D
Generative-Adversarial Modeling. NeurIPS 2016. https://arxiv.org/abs/1610.07584

The game of Goodfellow et al. (2014) over volumes in [0, 1], z ~ U(0, 1)^200 (eq. 1; the code of the paper):

    L_3D-GAN = log D(x) + log(1 - D(G(z)))          G follows -log D(G(z))

G is of transposed convolutions of 4 x 4 x 4 and stride 2 with batch normalisation and ReLU, 512, 256, 128,
64 and 1 filters to 64 x 64 x 64 voxels, and ends in a sigmoid; D mirrors it with leaky ReLU (0.2), and has no
pooling. Volumes are harder to make than to tell from others, so that D has the smaller rate (1e-5, G's is
2.5e-3), and rests while it is right too often:

    D is updated in a step only if its accuracy in the last batch is not above 80 %.

The accuracy is that of the batch on which D is, or would be, updated, before it is; it is saved. A resting D
is not one that a loss of 0 updates: Adam would move it.

Unlike the paper, G takes z less its mean, over its deviation: else the first layer learns of the mean alone,
which all z share, and soon all volumes are the same. Volumes have any sides that can be halved, and G begins
where they cannot be halved further without falling below 3 (at 4 x 4 x 4 of 64, at 3 x 3 x 3 of 24);
`features` are the responses of all convolutions of D, where the paper leaves out the first.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses, priors
from tfgen.errors import InputError
from tfgen.layers import BatchNormalization
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.models.base import Recipe
from tfgen.models.registry import model

SMALLEST = 3  # of a side where G begins
DENSEST = 8  # filters there, in units of those next to the volume


def halvings(image_shape):
    """How often all sides of a volume can be halved without falling below `SMALLEST`.

    Raises:
        InputError: not once, or no volume.
    """
    if len(image_shape) != 4 or min(image_shape) < 1:
        raise InputError(
            f"GAN3D makes volumes: image_shape must be (depth, height, width, channels); "
            f"received {image_shape}"
        )
    count, sides = 0, image_shape[:3]
    while all(side % 2 == 0 and side // 2 >= SMALLEST for side in sides):
        count, sides = count + 1, [side // 2 for side in sides]
    if not count:
        raise InputError(
            f"GAN3D doubles its sides from {SMALLEST} voxels or more, so that each must be even and at least "
            f"{2 * SMALLEST}; received {image_shape}; pad or resample the volumes, as to 24 voxels a side"
        )
    return count


@model(
    title="Learning a Probabilistic Latent Space of Object Shapes via 3D Generative-Adversarial Modeling",
    year=2016,
)
class GAN3D(AdversarialModel):
    """A generator of volumes, and a discriminator that rests while it is right too often.

    Volumes lie in [0, 1]: the share of a voxel that is filled.

    Args:
        image_shape: (depth, height, width, channels), sides that can be halved.
        latent_dim: size of z.
        width: filters of the layers next to the volume; each halving of the sides doubles them, up to
            8 times as many.
        highest_accuracy: of D in the last batch, share in 0..1, for it to be updated; 1 for always.
    """

    tiny = dict(image_shape=(8, 8, 8, 1), latent_dim=4, width=4)
    recipe = Recipe("solids", batch_size=64, epochs=10, model=dict(image_shape=(24, 24, 24, 1), width=16))
    value_range = (0.0, 1.0)
    adversarial_loss = losses.Minimax()
    generator_logs = ("accuracy",)
    prior = priors.Uniform(0.0, 1.0)

    def __init__(self, image_shape=(64, 64, 64, 1), latent_dim=200, width=64, highest_accuracy=0.8, **kwargs):
        count = halvings(image_shape)
        if not 0.5 <= highest_accuracy <= 1:
            raise InputError(f"highest_accuracy must lie in [0.5, 1]; received {highest_accuracy}")
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim, self.width = image_shape, latent_dim, width
        self.highest_accuracy = highest_accuracy
        self.accuracy = self.add_weight(
            (), "zeros", name="accuracy", trainable=False, aggregation="only_first_replica"
        )
        filters = [width * min(2**k, DENSEST) for k in range(count)]
        with self.building():
            self.generator = self._generator(filters[::-1])
            self.discriminator = self._discriminator(filters)

    def _generator(self, filters):
        start = [side // 2 ** len(filters) for side in self.image_shape[:3]]
        z = keras.Input((self.latent_dim,))
        x = layers.Rescaling(math.sqrt(12), -math.sqrt(3))(z)  # of mean 0 and variance 1
        x = layers.Dense(start[0] * start[1] * start[2] * filters[0], use_bias=False)(x)
        x = layers.Reshape((*start, filters[0]))(x)
        how = dict(kernel_size=4, strides=2, padding="same")
        for count in filters[1:]:
            x = layers.ReLU()(BatchNormalization()(x))
            x = layers.Conv3DTranspose(count, **how, use_bias=False)(x)
        x = layers.ReLU()(BatchNormalization()(x))
        x = layers.Conv3DTranspose(self.image_shape[3], **how)(x)
        return keras.Model(z, layers.Activation("sigmoid", dtype="float32")(x), name="generator")

    def _discriminator(self, filters):
        x = volumes = keras.Input(self.image_shape)
        for k, count in enumerate(filters):
            x = layers.Conv3D(count, 4, 2, padding="same", use_bias=k == 0)(x)
            x = layers.LeakyReLU(0.2, name=f"response_{k}")(BatchNormalization()(x) if k else x)
        x = layers.Dense(1, dtype="float32")(layers.Flatten()(x))
        return keras.Model(volumes, x, name="discriminator")

    def default_optimizers(self):
        """Adam of beta_1 0.5, of rate 1e-5 for D and 2.5e-3 for G (section 3.1)."""
        rates = {"discriminator": 1e-5, "generator": 2.5e-3}
        return {name: keras.optimizers.Adam(rate, beta_1=0.5) for name, rate in rates.items()}

    def objectives(self):
        each = super().objectives()
        return {**each, "discriminator": each["discriminator"]._replace(when=self.may_learn)}

    def may_learn(self, step):
        """Whether D is updated in this step, a bool scalar: by its accuracy in the last one."""
        self.fakes(step)  # for both updates
        return step.once(self._may_learn)

    def _may_learn(self, step):
        return self.accuracy <= self.highest_accuracy

    def discriminator_objective(self, step):
        fakes, _ = self.fakes(step)
        real = self.score(step.batch["images"], training=step.training)
        fake = self.score(tf.stop_gradient(fakes), training=step.training)
        if step.training:
            self.accuracy.assign(accuracy(real, fake))
        return self.adversarial_loss.discriminator(real, fake), {}

    def generator_objective(self, step):
        fakes, _ = self.fakes(step)
        fake = self.score(fakes, training=step.training)

        def measured():
            return accuracy(self.score(step.batch["images"], training=step.training), fake)

        if step.training:
            # An update of D has measured it; a D that rests is the same before and after.
            found = tf.cond(step.once(self._may_learn), lambda: self.accuracy.value, measured)
            self.accuracy.assign(found)
        else:
            found = measured()
        return self.adversarial_loss.generator(fake), {"accuracy": found}

    def features(self, images):
        """What D sees in volumes (n, d, h, w, c) in [0, 1]: its convolutions' responses, (n, features).

        They are max-pooled to the places of the last convolution, and describe shapes to a linear
        classifier (section 4.3).
        """
        x, found = self.fields["images"].prepared(images), []
        for layer in self.network("discriminator", False).layers[1:]:
            x = layer(x)
            found += [x] * layer.name.startswith("response")
        sizes = [2**k for k in reversed(range(len(found)))]
        pooled = [tf.nn.max_pool3d(x, size, size, "VALID") for x, size in zip(found, sizes)]
        return tf.concat([layers.Flatten()(x) for x in pooled], axis=1)

    def signatures(self):
        images = self.fields["images"].spec("images")
        return {**super().signatures(), "features": (self.features, [images])}


def accuracy(real, fake):
    """The share of scores (n, 1) of real volumes above 0 and of fakes below, a scalar."""
    right = tf.concat([real > 0, fake < 0], axis=0)
    return tf.reduce_mean(tf.cast(right, tf.float32))
