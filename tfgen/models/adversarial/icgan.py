"""IcGAN: a conditional GAN, and encoders by which the attributes of a photograph are changed.

Perarnau, van de Weijer, Raducanu and Alvarez. Invertible Conditional GANs for Image Editing. NIPS Workshop
on Adversarial Training 2016. https://arxiv.org/abs/1611.06355

The discriminator sees images with attributes y: real ones, fakes of the same y, and real ones with the wrong
attributes y~, those of another image (section 3.3 and the authors' code):

    D:     -E[log D(x, y)] - 1/2 E[log(1 - D(x, y~))] - 1/2 E[log(1 - D(G(z, y), y))]
    G:     -E[log D(G(z, y), y)]

Then G is held fixed, and two encoders learn:

    E_z:   E |z - E_z(G(z, y))|^2, on images of G        E_y:   E |y - E_y(x)|^2, on real images

An edit is G(E_z(x), y') of other attributes y'. y enters G with z, and D after its first convolution, as
constant maps; in the networks it is 1 or -1. Where the image beside has the same attributes, they are not
wrong, and D is not told that they are. That the paper's best images have y in these places, and which its 18
attributes are (`NAMES`), is recalled, not read there.

Unlike the paper's, E_z has `by`, whose "image" compares the images of both codes; E_y ends in a tanh; and
kernels, normalisation and rates of the encoders are those of the game (DCGAN's).
"""

import math

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses, networks
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.models.adversarial.inversion import Inverting
from tfgen.models.attributed import Attributed
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model

NAMES = """
Bald Bangs Black_Hair Blond_Hair Brown_Hair Bushy_Eyebrows Eyeglasses Gray_Hair Heavy_Makeup Male
Mouth_Slightly_Open Mustache Pale_Skin Receding_Hairline Smiling Straight_Hair Wavy_Hair Wearing_Hat
""".split()  # the paper's, as recalled, of CelebA's 40


@model(title="Invertible Conditional GANs for Image Editing", year=2016)
class IcGAN(Attributed, Inverting, AdversarialModel):
    """The players of a conditional GAN of attributes; `encoder` is E_z, `attribute_encoder` E_y.

    `sample` without labels draws each attribute alone, as often as it was seen in training; the paper draws
    the attributes of one image together.

    Args:
        image_shape: (height, width, channels), of any size from 8x8 on; images lie in [-1, 1].
        attributes: how many; labels are float32 (n, attributes) in [0, 1].
        latent_dim: size of z.
        width: filters of the layers next to the image; each halving of the size doubles them.
        gan_steps: steps of the game; after them the encoders learn alone.
        by: "latent" or "image": which error E_z reduces.
    """

    tiny = dict(image_shape=(8, 8, 1), attributes=3, latent_dim=4, width=8, gan_steps=2)
    recipe = Recipe(
        "celeb_a",
        batch_size=64,
        epochs=25,
        model=dict(image_shape=(32, 32, 3), width=32, gan_steps=2_500, ema_decay=0.995),
        data=dict(split="train[:9000]", labels=tuple(NAMES), cache=True),
    )
    averaged_networks = (*Inverting.averaged_networks, "attribute_encoder")
    own_networks = (*Inverting.own_networks, "attribute_encoder")
    adversarial_loss = losses.Minimax()

    def __init__(
        self,
        image_shape=(64, 64, 3),
        attributes=len(NAMES),
        latent_dim=100,
        width=64,
        gan_steps=50_000,
        by="latent",
        **kwargs,
    ):
        self.check_attributes(attributes)
        self.check_inversion(gan_steps, by)
        super().__init__(**kwargs)
        self.image_shape, self.attributes, self.latent_dim = image_shape, attributes, latent_dim
        self.width, self.gan_steps, self.by = width, gan_steps, by
        self.keep_frequencies(attributes)
        with self.building():
            self.generator = self._generator()
            self.discriminator = self._discriminator()
            self.attribute_encoder = self._encoder(attributes)

    def _generator(self):
        z, y = keras.Input((self.latent_dim,)), keras.Input((self.attributes,))
        net = networks.dcgan_generator(self.image_shape, self.latent_dim + self.attributes, width=self.width)
        signs = layers.Rescaling(2.0, -1.0)(y)
        return keras.Model([z, y], net(layers.Concatenate()([z, signs])), name="generator")

    def _discriminator(self):
        images, y = keras.Input(self.image_shape), keras.Input((self.attributes,))
        x = layers.LeakyReLU(0.2)(layers.Conv2D(self.width, 4, strides=2, padding="same")(images))
        sides = x.shape[1:3]
        maps = layers.RepeatVector(math.prod(sides))(layers.Rescaling(2.0, -1.0)(y))
        x = layers.Concatenate(name="told")([x, layers.Reshape((*sides, self.attributes))(maps)])
        how = dict(width=2 * self.width, normalization="batch")
        return keras.Model(
            [images, y], networks.dcgan_discriminator(x.shape[1:], **how)(x), name="discriminator"
        )

    def _encoder(self, outputs):
        how = dict(width=self.width, outputs=outputs, activation="relu", normalization="batch")
        return networks.encoder("convolutional", self.image_shape, **how)

    def build_encoder(self):
        return self._encoder(self.latent_dim)

    # Training.

    def objectives(self):
        told = Objective(self.attribute_objective, (self.attribute_encoder,), stage=self.inverting)
        return {**super().objectives(), "attributes": told}

    def discriminator_objective(self, step):
        self.count_attributes(step)
        images, labels, training = step.batch["images"], step.batch["labels"], step.training
        fakes, _ = self.fakes(step)
        others = tf.roll(labels, 1, axis=0)
        wrong = tf.cast(tf.reduce_any(others != labels, axis=1, keepdims=True), tf.float32)
        mistaken = tf.nn.softplus(self.score(images, others, training))
        mistaken = tf.math.divide_no_nan(tf.reduce_sum(wrong * mistaken), tf.reduce_sum(wrong))
        real = tf.reduce_mean(tf.nn.softplus(-self.score(images, labels, training)))
        fake = tf.reduce_mean(tf.nn.softplus(self.score(tf.stop_gradient(fakes), labels, training)))
        return real + 0.5 * mistaken + 0.5 * fake, {}

    def attribute_objective(self, step):
        """The squared error of E_y, a sum over attributes of 1 and -1."""
        y = tf.tanh(self.attribute_encoder(step.batch["images"], training=step.training))
        error = y - (2 * step.batch["labels"] - 1)
        return tf.reduce_mean(tf.reduce_sum(error**2, axis=1)), {}

    # Use.

    def encode(self, images, labels=None):
        """E_z(x), (n, latent_dim), of images (n, h, w, c) in [-1, 1]; labels are not looked at."""
        images = self.fields["images"].prepared(images)
        return self.network("encoder", False)(images, training=False)

    def classify(self, images):
        """E_y(x) as attributes (n, attributes) in [0, 1], of images (n, h, w, c) in [-1, 1]."""
        images = self.fields["images"].prepared(images)
        return 0.5 * (1 + tf.tanh(self.network("attribute_encoder", False)(images, training=False)))

    def edit(self, images, labels):
        """G(E_z(x), y) of images (n, h, w, c) and of attributes (n, attributes) to give them."""
        return self.decode(self.encode(images), labels)

    def reconstruct(self, images, labels=None):
        """`edit` with their own attributes, or with those that E_y sees: (n, h, w, c) in [-1, 1]."""
        return self.edit(images, self.classify(images) if labels is None else labels)

    def signatures(self):
        images, labels = self.fields["images"].spec("images"), self.label_spec
        own = {"classify": (self.classify, [images]), "edit": (self.edit, [images, labels])}
        return {**super().signatures(), **own}
