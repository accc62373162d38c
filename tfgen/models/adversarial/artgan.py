"""ArtGAN: the classes that D gives fakes teach G, and D's features are decoded by G's own layers.

Tan, Chan, Aguirre and Tanaka. ArtGAN: Artwork Synthesis with Conditional Categorical GANs. ICIP 2017.
https://arxiv.org/abs/1702.03410

D = head(Enc(x)) is a softmax over K classes and one of fakes, and G(z, y) = Dec(former(z, y)) is told y:

    loss of D = CE(D(x), y) + CE(D(G(z, y)), fake) + w |x - Dec(Enc(x))|^2     moves Enc and head
    loss of G = CE(D(G(z, y)), y) + w |x - Dec(Enc(x))|^2                      moves former and Dec

Enc gives maps of the size that Dec takes, so that each image that D sees teaches G's last layers its pixels.

Unlike the paper, whose weight w and network sizes we have not seen, w is 1 of a mean over pixels, Enc and Dec
are of DCGAN's layers, fakes have the classes of the real images of their batch, and optimizers are DCGAN's.
Improved ArtGAN (Tan et al., 2019), which the authors' repository holds, is another model.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from tfgen import networks
from tfgen.errors import InputError
from tfgen.fields import needs_classes
from tfgen.layers import BatchNormalization
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.models.adversarial.classifying import FakeClass, class_loss
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="ArtGAN: Artwork Synthesis with Conditional Categorical GANs", year=2017)
class ArtGAN(FakeClass, AdversarialModel):
    """A generator of images of a class, and a classifier whose features are decoded by it.

    Args:
        image_shape: (height, width, channels), of any size from 8x8 on.
        classes: number of classes, at least 2; labels are 0 to classes - 1.
        latent_dim: size of z.
        width: filters of the layers next to the image; each halving of the size doubles them.
        reconstruction_weight: w.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, classes=3)
    recipe = Recipe("mnist", batch_size=100, epochs=15, model=dict(image_shape=(28, 28, 1), width=32))
    discriminator_logs = (*FakeClass.discriminator_logs, "reconstruction_loss")

    def __init__(
        self,
        image_shape=(28, 28, 1),
        classes=10,
        latent_dim=100,
        width=64,
        reconstruction_weight=1.0,
        **kwargs,
    ):
        needs_classes(classes, "ArtGAN")
        if reconstruction_weight < 0:
            raise InputError(f"reconstruction_weight must be 0 or more; received {reconstruction_weight}")
        super().__init__(**kwargs)
        self.image_shape, self.classes, self.latent_dim = image_shape, classes, latent_dim
        self.width, self.reconstruction_weight = width, reconstruction_weight
        with self.building():
            images = keras.Input(image_shape)
            maps = networks.dcgan_encoder(image_shape, width=width)(images)
            out = layers.Dense(classes + 1, dtype="float32")(layers.Flatten()(maps))
            self.discriminator = keras.Model(images, out, name="discriminator")
            z, labels = keras.Input((latent_dim,)), keras.Input((classes,))
            former = layers.Dense(math.prod(maps.shape[1:]), use_bias=False)
            x = former(layers.Concatenate()([z, labels]))
            x = layers.ReLU()(BatchNormalization()(layers.Reshape(maps.shape[1:])(x)))
            images = networks.dcgan_decoder(image_shape, width=width)(x)
            self.generator = keras.Model([z, labels], images, name="generator")

    def reconstruct(self, images, training=False):
        """Dec(Enc(x)), (n, h, w, c), of images (n, h, w, c) in [-1, 1] or bytes."""
        images = self.fields["images"].prepared(images)
        encoder = self.network("discriminator", training).get_layer("encoder")
        decoder = self.network("generator", training).get_layer("decoder")
        return decoder(encoder(images, training=training), training=training)

    def reconstruction_loss(self, step):
        """The mean square of x - Dec(Enc(x))."""
        images = step.batch["images"]
        return tf.reduce_mean((images - self.reconstruct(images, step.training)) ** 2)

    def discriminator_objective(self, step):
        loss, logs = super().discriminator_objective(step)
        error = self.reconstruction_loss(step)
        return loss + self.reconstruction_weight * error, {**logs, "reconstruction_loss": error}

    def generator_objective(self, step):
        fakes, _ = self.fakes(step)
        loss = class_loss(step.batch["labels"], self.logits(fakes, step.training))
        return loss + self.reconstruction_weight * self.reconstruction_loss(step), {}

    def signatures(self):
        images = self.fields["images"].spec("images")
        return {**super().signatures(), "reconstruct": (self.reconstruct, [images])}
