"""LAGAN: jets of particles as images, by layers that know where they are.

de Oliveira, Paganini and Nachman. Learning Particle Physics by Example: Location-Aware Generative
Adversarial Networks for Physics Synthesis. Computing and Software for Big Science 1, 2017.
https://arxiv.org/abs/1701.05927

An auxiliary classifier GAN (Odena et al., 2017) of two kinds of jets, as those of W bosons and of QCD. A
jet's image has at each place what it should have there, and most of its pixels are empty:

    locally connected layers    a kernel of its own at each place, for convolutions know no places
    ReLU at G's output          exact zeros, and any energy above
    minibatch discrimination    D sees how alike the images of a batch are: o(x_i)_b of 20 kernels of size 10

G takes z times an embedding of the class. Both losses are cross-entropies; D's targets are flipped now and
then: real and fake, and the classes of fakes, with probability 0.05, the classes in G's update with 0.09. G
is updated twice for each update of D, by fakes of their own. Constants and layers are those of the authors'
code (github.com/hep-lbdl/adversarial-jets), which divides pixels by 100 GeV.

Unlike the authors' code, D has no dropout, fakes have the classes of the real images of their batch,
kernels begin by the fans of a place and the last ones small (Keras 2 took the fans of all places, which
makes all of them small), D learns from every second batch, and no pixel is above `highest`.
"""

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses
from tfgen.errors import InputError
from tfgen.fields import Classes, Image, needs_classes
from tfgen.layers import BatchNormalization, LocallyConnected2D, MinibatchDiscrimination
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.models.adversarial.classifying import Classifying, class_loss
from tfgen.models.base import Recipe
from tfgen.models.registry import model

SCALE = 100.0  # GeV, that networks see as 1
FLIPPED, FLIPPED_CLASSES = 0.05, 0.09  # shares of targets, of D's and of the classes in G's update
SMALLEST = 5
START = 0.01  # of the last kernels: the first images have pixels of about 1 GeV


@model(
    title="Learning Particle Physics by Example: Location-Aware Generative Adversarial Networks for Physics "
    "Synthesis",
    year=2017,
)
class LAGAN(Classifying, AdversarialModel):
    """A generator of jet images of a class, and a discriminator that is a classifier too.

    Images are transverse momenta in GeV, in [0, highest]; most pixels are 0. D sees a batch at once: what it
    says of an image, `classify` included, depends on the others.

    Args:
        image_shape: (height, width, 1), sides of 5, 9, 13, ... pixels, 25 as in the paper.
        classes: number of classes, at least 2; labels are 0 to classes - 1.
        latent_dim: size of z.
        width: filters of G's convolution; D's has half as many, and G begins with twice as many.
        highest: of a pixel, in GeV.
    """

    tiny = dict(image_shape=(9, 9, 1), latent_dim=4, width=4)
    recipe = Recipe("jets", batch_size=100, epochs=40, model=dict(width=32))
    adversarial_loss = losses.Minimax()
    decades = 4
    discriminator_logs = ("real_class_loss", "fake_class_loss")

    def __init__(self, image_shape=(25, 25, 1), classes=2, latent_dim=200, width=64, highest=300.0, **kwargs):
        needs_classes(classes, "LAGAN")
        sides = image_shape[:2]
        if len(image_shape) != 3 or image_shape[2] != 1 or any(s < SMALLEST or s % 4 != 1 for s in sides):
            raise InputError(
                f"LAGAN makes images of one channel whose sides are 5, 9, 13, ... pixels, as (25, 25, 1); "
                f"received {image_shape}"
            )
        if highest <= 0:
            raise InputError(f"highest must be above 0 GeV; received {highest}")
        super().__init__(**kwargs)
        self.image_shape, self.classes, self.latent_dim = image_shape, classes, latent_dim
        self.width, self.highest = width, highest
        with self.building():
            self.generator = self._generator([(side + 3) // 4 for side in sides])
            self.discriminator = self._discriminator()

    @property
    def value_range(self):
        return (0.0, float(self.highest))

    @property
    def fields(self):
        return {"images": Image(self.image_shape, *self.value_range, "GeV"), "labels": Classes(self.classes)}

    def _generator(self, start):
        z, labels = keras.Input((self.latent_dim,)), keras.Input((self.classes,))
        embedded = layers.Dense(self.latent_dim, use_bias=False, kernel_initializer="glorot_normal")(labels)
        x = layers.Dense(start[0] * start[1] * 2 * self.width)(layers.Multiply()([z, embedded]))
        x = layers.Reshape((*start, 2 * self.width))(x)
        x = layers.Conv2D(self.width, 5, padding="same", kernel_initializer="he_uniform")(x)
        x = layers.UpSampling2D()(BatchNormalization()(layers.LeakyReLU(0.3)(x)))
        x = layers.LeakyReLU(0.3)(LocallyConnected2D(6, 5, padding="same")(x))
        x = layers.UpSampling2D()(BatchNormalization()(x))
        x = layers.LeakyReLU(0.3)(LocallyConnected2D(6, 3)(x))
        x = LocallyConnected2D(1, 2, use_bias=False, gain=START)(x)
        x = layers.ReLU(self.highest / SCALE, dtype="float32")(x)
        x = layers.Rescaling(SCALE, dtype="float32")(x)
        return keras.Model([z, labels], x, name="generator")

    def _discriminator(self):
        images = keras.Input(self.image_shape)
        x = layers.Conv2D(self.width // 2, 5, padding="same")(layers.Rescaling(1 / SCALE)(images))
        x = layers.LeakyReLU(0.3)(x)
        for size, strides in ((5, 2), (5, 1), (3, 2)):
            x = LocallyConnected2D(8, size, strides, padding="same")(x)
            x = BatchNormalization()(layers.LeakyReLU(0.3)(x))
        x = layers.Flatten()(layers.AveragePooling2D(2, padding="same")(x))
        x = layers.Concatenate()([MinibatchDiscrimination(20, 10)(x), x])
        return keras.Model(images, layers.Dense(1 + self.classes, dtype="float32")(x), name="discriminator")

    def objectives(self):
        each = super().objectives()
        return {**each, "discriminator": each["discriminator"]._replace(every=2)}

    def fakes(self, step):
        """As many fakes as the step has examples, and their z; each update has its own."""
        return self._fakes(step, f"z of {step.playing}")

    def discriminator_objective(self, step):
        images, labels, training = step.batch["images"], step.batch["labels"], step.training
        fakes, _ = self.fakes(step)
        real, real_classes = self.heads(images, training)
        fake, fake_classes = self.heads(tf.stop_gradient(fakes), training)
        parts = (
            class_loss(labels, real_classes),
            class_loss(self.flipped(step, "classes of fakes", FLIPPED), fake_classes),
        )
        # A flipped score of a real image is that of a fake, and one of a fake that of a real image.
        real, fake = (
            tf.where(step.uniform(f"flip of {name}", 1) < FLIPPED, -scores, scores)
            for name, scores in (("real", real), ("fake", fake))
        )
        loss = self.adversarial_loss.discriminator(real, fake) + sum(parts)
        return loss, dict(zip(self.discriminator_logs, parts))

    def generator_objective(self, step):
        fakes, _ = self.fakes(step)
        fake, classes = self.heads(fakes, step.training)
        wanted = self.flipped(step, "classes", FLIPPED_CLASSES)
        return self.adversarial_loss.generator(fake) + class_loss(wanted, classes), {}

    def flipped(self, step, name, share):
        """The step's labels (n,), of which a share is another class."""
        u, labels = step.uniform(f"flip of {name}", 2), step.batch["labels"]
        further = 1 + tf.cast(u[:, 1] * (self.classes - 1), tf.int32)
        return tf.where(u[:, 0] < share, (labels + further) % self.classes, labels)
