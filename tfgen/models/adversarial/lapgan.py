"""LAPGAN: a GAN for each level of a Laplacian pyramid, the coarsest first.

Denton, Chintala, Szlam and Fergus. Deep Generative Image Models using a Laplacian Pyramid of Adversarial
Networks. NeurIPS 2015. https://arxiv.org/abs/1506.05751

    I_0 = x,   I_{k+1} = down(I_k),   l_k = up(I_{k+1}),   h_k = I_k - l_k

G_k makes the detail h_k of noise and of l_k, and D_k tells l_k + h_k from l_k + G_k(z_k, l_k), where l_k is
of a real image (section 3.2): the levels learn side by side, and none sees another. The coarsest level is a
GAN of I_K. A sample is built upwards (eq. 2),

    I~_K = G_K(z_K),   I~_k = l~_k + G_k(z_k, l~_k),   l~_k = up(I~_{k+1})

The noise of a level is one more plane of its input, and details have no tanh, for they lie in [-2, 2].
Filters, sizes of kernels and optimizers are those of the authors' code, github.com/facebookarchive/eyescream.
Unlike it, which raises momentum by 0.0008 an epoch to 0.7 and divides the rate by 1.000004, both stay; there
is no dropout, the coarsest images have a tanh, convolutions are padded, the reals and fakes of a level have
the same images beneath, "down" is the mean of four pixels, and G continues the pass that D has seen.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses, networks, priors
from tfgen.errors import InputError
from tfgen.fields import needs_classes
from tfgen.models.abilities import Game, Played
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model

COARSEST = 4  # pixels of the coarsest level, at least


class _Level:
    """The game of one level.

    Attributes:
        size: (height, width) of its images.
        name: of its networks, objectives and logs: "28", or "28x24".
    """

    def __init__(self, model, place, size):
        self.model, self.place, self.size = model, place, size
        self.name = str(size[0]) if size[0] == size[1] else "x".join(map(str, size))

    def reals(self, step):
        """(the level's real images, l_k beneath them or None)."""
        return step.once(self.model.pyramid)[self.place]

    def fakes(self, step):
        return step.once(self._fakes, getattr(self.model, f"generator_{self.name}"))

    def _fakes(self, step):
        size = self.model.sizes[self.place]
        z = self.model.prior.draw(step.key(f"z_{self.name}"), (step.rows, size), step.first_row)
        return self.model.made(self, z, self.reals(step)[1], step.batch.get("labels"), step.training)

    def score(self, step, images):
        return self.model.run(f"discriminator_{self.name}", images, step.batch.get("labels"), step.training)

    def discriminator_objective(self, step):
        real = self.score(step, self.reals(step)[0])
        fake = self.score(step, tf.stop_gradient(self.fakes(step)))
        return self.model.adversarial_loss.discriminator(real, fake), {}

    def generator_objective(self, step):
        return self.model.adversarial_loss.generator(self.score(step, self.fakes(step))), {}

    def played(self, step):
        if not step.batch:  # there are no real images to add details to
            place, z = self.place, self.model.draw_codes(step.key("z"), step.rows, step.first_row)
            fakes = self.model.stages(z, training=step.training)[place]
            return Played(None, self.score(step, fakes), None, fakes)
        images, fakes = self.reals(step)[0], self.fakes(step)
        return Played(self.score(step, images), self.score(step, fakes), images, fakes)


@model(
    title="Deep Generative Image Models using a Laplacian Pyramid of Adversarial Networks",
    year=2015,
)
class LAPGAN(AdversarialModel):
    """A dense GAN of small images, and a convolutional one of the details of each size above.

    z (n, latent_dim) is the coarsest level's noise, `noise_dim` values, then a plane for each finer level.

    Args:
        image_shape: (height, width, channels), sizes that can be halved `halvings` times to 4 pixels or more.
        halvings: levels above the coarsest.
        noise_dim: values of noise of the coarsest level.
        width: filters of the convolutions.
        units: of each of the two hidden layers of the coarsest generator; its discriminator has half of them.
        classes: 0: images have no labels; else both networks of every level see the class, as a plane.
    """

    tiny = dict(image_shape=(8, 8, 1), halvings=1, noise_dim=4, width=4, units=8)
    recipe = Recipe(
        "fashion_mnist",
        batch_size=64,
        epochs=15,
        model=dict(image_shape=(28, 28, 1), width=16),
    )
    own_networks = ()
    adversarial_loss = losses.Minimax()
    prior = priors.Uniform(-1.0, 1.0)

    def __init__(
        self, image_shape=(32, 32, 3), halvings=2, noise_dim=100, width=64, units=1200, classes=0, **kwargs
    ):
        most = 0
        while all(n % 2 ** (most + 1) == 0 and n >> (most + 1) >= COARSEST for n in image_shape[:2]):
            most += 1
        if not 1 <= halvings <= most:
            raise InputError(
                f"LAPGAN halves both sizes of its images `halvings` times, once at least and to {COARSEST} "
                f"pixels at least; of image_shape={tuple(image_shape)} it can do so {most} times; received "
                f"{halvings}"
            )
        if classes:
            needs_classes(classes, type(self).__name__)
        super().__init__(**kwargs)
        self.image_shape, self.halvings, self.noise_dim = image_shape, halvings, noise_dim
        self.width, self.units, self.classes = width, units, classes
        places = range(halvings + 1)
        self.levels = [
            _Level(self, place, [n >> (halvings - place) for n in image_shape[:2]]) for place in places
        ]
        self.sizes = [noise_dim, *(math.prod(level.size) for level in self.levels[1:])]
        self.latent_dim = sum(self.sizes)
        self.averaged_networks = tuple(f"generator_{level.name}" for level in self.levels)
        with self.building():
            for level in self.levels:
                setattr(self, f"generator_{level.name}", self._generator(level))
                setattr(self, f"discriminator_{level.name}", self._discriminator(level))

    def _generator(self, level):
        """Noise (n, noise_dim) -> I_K, or the noise's plane and l_k (n, h, w, 1 + c) -> h_k; and a class."""
        channels = self.image_shape[2]
        if not level.place:
            how = dict(width=self.units, conditions=self.classes, activation="relu", output="tanh")
            return networks.decoder("dense", self.noise_dim, (*level.size, channels), **how)
        filters = (self.width, 7), (self.width, 7), (channels, 5)
        return self._convolutional(
            level,
            1 + channels,
            [layers.Conv2D(n, size, padding="same", activation="relu") for n, size in filters[:2]]
            + [layers.Conv2D(*filters[2], padding="same", dtype="float32")],
        )

    def _discriminator(self, level):
        """Images (n, h, w, c), and a class, -> logits (n, 1)."""
        channels = self.image_shape[2]
        if not level.place:
            how = dict(width=self.units // 2, outputs=1, conditions=self.classes, activation="relu")
            return networks.encoder("dense", (*level.size, channels), **how)
        how = dict(padding="same", activation="relu")
        return self._convolutional(
            level,
            channels,
            [
                layers.Conv2D(self.width, 5, **how),
                layers.Conv2D(self.width, 5, strides=2, **how),
                layers.Flatten(),
                layers.Dense(1, dtype="float32"),
            ],
        )

    def _convolutional(self, level, channels, stack):
        """[images (n, h, w, channels), class] -> the last of `stack`; a class is one more plane."""
        x = images = keras.Input((*level.size, channels))
        given = images
        if self.classes:
            label = keras.Input((self.classes,))
            plane = layers.Reshape((*level.size, 1))(layers.Dense(math.prod(level.size))(label))
            given, x = [images, label], layers.Concatenate()([images, plane])
        for layer in stack:
            x = layer(x)
        return keras.Model(given, x)

    def objectives(self):
        return {
            f"{player}_{level.name}": Objective(
                getattr(level, f"{player}_objective"), (getattr(self, f"{player}_{level.name}"),)
            )
            for level in self.levels
            for player in ("discriminator", "generator")
        }

    def games(self):
        names = (
            [f"{player}_{level.name}" for player in ("generator", "discriminator")] for level in self.levels
        )
        return [Game(*pair, level.played, True, level.name) for pair, level in zip(names, self.levels)]

    def default_optimizers(self):
        """SGD of rate 0.02 and momentum 0.5, as in the authors' code."""
        return {name: keras.optimizers.SGD(0.02, momentum=0.5) for name in self.objectives()}

    def pyramid(self, step):
        """[(I_k, l_k)] of the step's real images, the coarsest, whose l is None, first."""
        images, found = step.batch["images"], []
        for _ in self.levels[1:]:
            smaller = networks.down(images)
            found.insert(0, (images, networks.smooth_up(smaller)))
            images = smaller
        return [(images, None), *found]

    def made(self, level, z, below, labels, training):
        """Images of a level, float32 (n, h, w, c): of noise z (n, size) and, but for the coarsest, of l_k."""
        name = f"generator_{level.name}"
        if below is None:
            return self.run(name, z, labels, training)
        plane = tf.reshape(z, (-1, *level.size, 1))
        return below + self.run(name, tf.concat([plane, below], axis=-1), labels, training)

    def stages(self, z, labels=None, training=False):
        """The images (n, h, w, c) of every level, the coarsest first, of latents z (n, latent_dim)."""
        found = []
        for level, part in zip(self.levels, tf.split(z, self.sizes, axis=1)):
            below = networks.smooth_up(found[-1]) if found else None
            found.append(self.made(level, part, below, labels, training))
        return found

    def score(self, images, labels=None, training=False):
        """What the discriminator of the full size says of images (n, h, w, c), (n, 1)."""
        return self.run(f"discriminator_{self.levels[-1].name}", images, labels, training)

    def generate(self, z, labels=None):
        """Images (n, h, w, c) in [-1, 1] of latents z (n, latent_dim), and of labels if conditional."""
        return self.call(z, labels)

    def call(self, z, labels=None, training=False):
        return tf.clip_by_value(self.stages(z, labels, training)[-1], *self.value_range)
