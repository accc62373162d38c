"""AL-CGAN: a photograph of a layout that says what is where, and of attributes that say how it looks.

Karacan, Akata, Erdem and Erdem. Learning to Generate Images of Outdoor Scenes from Attributes and Semantic
Layouts. 2016. https://arxiv.org/abs/1612.00215

    min_G max_D  E[log D(x, s, a)] + E[log(1 - D(G(z, s, a), s, a))]

s is the layout, a the attributes in [0, 1], as how sunny or how dark a scene is, and z noise. The generator
follows -E[log D(G(z, s, a), s, a)]. A discriminator that knows s and a asks for both: a good photograph of
another layout, or in another light, is as good as a fake.

Attributes and noise are joined, as constant planes, with the layout's smallest maps, and the attributes with
all larger maps on the way to the image too; the discriminator joins them late. Such planes are no more than
a bias of the next convolution, by which they are computed here. Normalisation is by the batch: that of each
image by itself would subtract them.

Unlike the paper, the networks are DCGAN's with the skips of a U-Net; a layout is a colour image as well as
one-hot planes; and the discriminator, which is a pair of networks there, joins layout and image at its input.
"""

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses, random
from tfgen.errors import InputError
from tfgen.fields import Image, Vector
from tfgen.layers import BatchNormalization
from tfgen.models.abilities import Played
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.translation.base import TranslationModel, check_depth, nearest
from tfgen.networks.blocks import chained, small


@model(title="Learning to Generate Images of Outdoor Scenes from Attributes and Semantic Layouts", year=2016)
class ALCGAN(TranslationModel):
    """A generator that is told layout and attributes; `translate(layouts, seed, labels=attributes)`.

    Its batches are {"inputs": (n, h, w, input_channels), "images": (n, h, w, channels), "labels":
    (n, attributes)}: layouts and images in [-1, 1], attributes in [0, 1], floats or 0 and 1.

    Args:
        image_shape: (height, width, channels) in training; height and width are multiples of 2**depth.
        input_channels: of the layouts: 3 of label maps in colour, or as many as there are classes.
        attributes: how many.
        latent_dim: size of z.
        width: filters next to the image, of both networks; each halving doubles them, up to 8 times.
        depth: halvings, to 4x4 of 128x128 by default.
    """

    tiny = dict(image_shape=(8, 8, 1), input_channels=3, attributes=2, latent_dim=4, width=4, depth=1)
    recipe = Recipe(
        "facades_paired",
        batch_size=16,
        epochs=200,
        model=dict(image_shape=(64, 64, 3), input_channels=3, attributes=3, width=32, depth=4),
        data=dict(flip=True, labels=("lightness", "redness", "yellowness")),
    )
    averaged_networks = ("generator",)
    own_networks = ("generator", "discriminator")
    adversarial_loss = losses.Minimax()
    scores = ("feature_distance", "pixel_accuracy", "class_accuracy", "class_iou")
    stochastic = True

    def __init__(
        self,
        image_shape=(128, 128, 3),
        input_channels=3,
        attributes=40,
        latent_dim=100,
        width=64,
        depth=5,
        **kwargs,
    ):
        check_depth("ALCGAN", image_shape, depth)
        if attributes < 1:
            raise InputError(f"attributes must be at least 1; received {attributes}")
        super().__init__(**kwargs)
        self.image_shape, self.input_channels, self.attributes = image_shape, input_channels, attributes
        self.latent_dim, self.width, self.depth = latent_dim, width, depth
        with self.building():
            filters = [width * min(2**step, 8) for step in range(depth)]
            self.generator = generator(input_channels, image_shape[2], attributes, latent_dim, filters)
            self.discriminator = discriminator(image_shape, input_channels, attributes, filters)

    @property
    def conditions(self):
        return {**super().conditions, "labels": Vector((self.attributes,), 0.0, 1.0)}

    @property
    def fields(self):
        asked = self.conditions
        images = Image(self.image_shape, *self.value_range)
        return {"inputs": asked["inputs"], "images": images, "labels": asked["labels"]}

    @property
    def multiple(self):
        return 2**self.depth

    @classmethod
    def fitting(cls, shape, *, depth, **config):
        return nearest(shape, 2**depth)

    def objectives(self):
        return {
            "discriminator": Objective(self.discriminator_objective, (self.discriminator,)),
            "generator": Objective(self.generator_objective, (self.generator,)),
        }

    def default_optimizers(self):
        """Those of DCGAN (Radford et al., 2016, section 4)."""
        return {name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in self.objectives()}

    def translated(self, inputs, key, first_row=0, training=False, *, labels):
        z = random.normal(key, (tf.shape(inputs)[0], self.latent_dim), first_row)
        return self.made(inputs, labels, z, training)

    def made(self, layouts, attributes, z, training=False):
        """G(z, s, a): images (n, h, w, channels) in [-1, 1]."""
        given = [tf.convert_to_tensor(x) for x in (layouts, attributes, z)]
        return self.network("generator", training)(given, training=training)

    def score(self, images, layouts, attributes, training=False):
        """A logit for each image, (n, 1): high if D takes it for a photograph of this layout so described."""
        given = [tf.convert_to_tensor(x) for x in (images, layouts, attributes)]
        return self.discriminator(given, training=training)

    def fakes(self, step):
        """G(z, s, a) of the step's layouts and attributes."""
        return step.once(self._fakes, self.generator)

    def _fakes(self, step):
        z = step.normal("z", self.latent_dim)
        return self.made(step.batch["inputs"], step.batch["labels"], z, step.training)

    def played(self, step):
        """What is seen of the game in a step: see `abilities.Game`."""
        images, asked = step.batch["images"], (step.batch["inputs"], step.batch["labels"])
        fakes = self.fakes(step)
        real, fake = (self.score(x, *asked, step.training) for x in (images, fakes))
        return Played(real, fake, images, fakes)

    def discriminator_objective(self, step):
        asked, fakes = (step.batch["inputs"], step.batch["labels"]), tf.stop_gradient(self.fakes(step))
        real, fake = (self.score(x, *asked, step.training) for x in (step.batch["images"], fakes))
        return self.adversarial_loss.discriminator(real, fake), {}

    def generator_objective(self, step):
        asked = step.batch["inputs"], step.batch["labels"]
        return self.adversarial_loss.generator(self.score(self.fakes(step), *asked, step.training)), {}


def _down(filters, **how):
    return layers.Conv2D(filters, 4, 2, padding="same", kernel_initializer=small(), **how)


def _up(filters, **how):
    return layers.Conv2DTranspose(filters, 4, 2, padding="same", kernel_initializer=small(), **how)


def _told(maps, vectors):
    """Maps (n, h, w, c) of a convolution that saw vectors (n, size) too, as constant planes."""
    vector = layers.Concatenate()(vectors) if len(vectors) > 1 else vectors[0]
    bias = layers.Dense(maps.shape[-1], use_bias=False)(vector)  # N(0, 0.02) of a few numbers is too little
    return layers.Add()([maps, layers.Reshape((1, 1, maps.shape[-1]))(bias)])


def generator(input_channels, channels, attributes, latent_dim, filters):
    """[layouts, attributes, z] -> images of the layouts' size, of any that can be halved so often.

    Args:
        filters: of the maps of each size, the largest first.
    """
    layouts = keras.Input((None, None, input_channels))
    given, z = keras.Input((attributes,)), keras.Input((latent_dim,))
    x, maps = layouts, []
    for step, count in enumerate(filters):
        x = _down(count, use_bias=step == 0)(x)
        x = chained(x, [*([BatchNormalization()] if step else []), layers.LeakyReLU(0.2)])
        maps.append(x)
    first = layers.Conv2D(filters[-1], 3, padding="same", use_bias=False, kernel_initializer=small())
    x = chained(_told(first(x), [given, z]), [BatchNormalization(), layers.ReLU()])
    for count, skip in zip(reversed(filters[:-1]), reversed(maps[:-1])):
        x = chained(_told(_up(count, use_bias=False)(x), [given]), [BatchNormalization(), layers.ReLU()])
        x = layers.Concatenate()([x, skip])
    images = _up(channels, activation="tanh", dtype="float32")(x)
    return keras.Model([layouts, given, z], images, name="generator")


def discriminator(image_shape, input_channels, attributes, filters):
    """[images, layouts, attributes] -> a logit (n, 1)."""
    images, layouts = keras.Input(image_shape), keras.Input((*image_shape[:2], input_channels))
    given = keras.Input((attributes,))
    x = layers.Concatenate()([images, layouts])
    for step, count in enumerate(filters):
        x = _down(count, use_bias=step == 0)(x)
        x = chained(x, [*([BatchNormalization()] if step else []), layers.LeakyReLU(0.2)])
    last = layers.Conv2D(filters[-1], 3, padding="same", use_bias=False, kernel_initializer=small())
    x = chained(_told(last(x), [given]), [BatchNormalization(), layers.LeakyReLU(0.2), layers.Flatten()])
    score = layers.Dense(1, kernel_initializer=small(), dtype="float32")(x)
    return keras.Model([images, layouts, given], score, name="discriminator")
