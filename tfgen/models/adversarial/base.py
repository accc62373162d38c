"""The game of a generator and a discriminator over images."""

import keras
import tensorflow as tf

from tfgen import losses, networks, random
from tfgen.errors import unknown
from tfgen.fields import needs_classes
from tfgen.layers import standing_statistics
from tfgen.models.abilities import Games, Latents, Played
from tfgen.models.base import SEEDED, GenerativeModel, Objective

BODIES = ("convolutional", "dense")


def judge(body, image_shape, **how):
    """A `networks.encoder` with leaky ReLU, whatever the body."""
    slope = None if body == "convolutional" else "leaky_relu"  # the convolutional one's own
    return networks.encoder(body, image_shape, activation=slope, **how)


class AdversarialModel(Games, Latents, GenerativeModel):
    """A generator of noise against a discriminator, updated in turn.

    A subclass builds `generator`, z (n, latent_dim) -> images (n, h, w, c) in [-1, 1], and
    `discriminator`, images -> logits or scores (n, 1), and states `adversarial_loss`, what both minimise
    of these scores: a `tfgen.losses.Loss`, of the class or set by its constructor. Both networks take
    [x, condition] if the model is conditional; fakes then have the labels of the batch.

    The discriminator is updated first, and normalises real and fake images in batches of their own.
    Where the generator is updated in every step too, both updates see the same fakes: the generator
    runs once, and its update, by the discriminator that has just learnt, continues that pass
    backwards. With `discriminator_steps` of k > 1 each update has fresh noise, and every k-th step
    updates the generator, so that the discriminator sees fresh data too.

    A model's `options` are those of its prior's `draw`, as the truncation of a normal one.
    """

    adversarial_loss = losses.Loss()
    discriminator_logs = ()
    generator_logs = ()
    discriminator_steps = 1
    averaged_networks = ("generator",)
    own_networks = ("generator", "discriminator")

    def objectives(self):
        return {
            "discriminator": Objective(
                self.discriminator_objective, (self.discriminator,), self.discriminator_logs
            ),
            "generator": Objective(
                self.generator_objective, (self.generator,), self.generator_logs, self.discriminator_steps
            ),
        }

    def played(self, step):
        """What is seen of the game in a step: see `abilities.Game`."""
        images, labels = step.batch.get("images"), step.batch.get("labels")
        fakes, _ = self.fakes(step)
        real = None if images is None else self.score(images, labels, step.training)
        return Played(real, self.score(fakes, labels, step.training), images, fakes)

    def discriminator_objective(self, step):
        images, labels = step.batch["images"], step.batch.get("labels")
        fakes, _ = self.fakes(step)
        real = self.score(images, labels, step.training)
        fake = self.score(tf.stop_gradient(fakes), labels, step.training)
        return self.adversarial_loss.discriminator(real, fake), {}

    def generator_objective(self, step):
        images, labels = step.batch["images"], step.batch.get("labels")
        fakes, _ = self.fakes(step)
        fake = self.score(fakes, labels, step.training)
        real = self.score(images, labels, step.training) if self.adversarial_loss.relativistic else None
        return self.adversarial_loss.generator(fake, real), {}

    def default_optimizers(self):
        """Those of DCGAN (Radford et al., 2016, section 4)."""
        return {name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in self.objectives()}

    def score(self, images, labels=None, training=False):
        """What the discriminator says of images, (n, 1): high if it takes them for real."""
        return self.run("discriminator", images, labels, training)

    def fakes(self, step):
        """As many fakes as the step has examples, of the same labels, (n, h, w, c), and their z.

        With one update of the discriminator for each of the generator, they are those of the step; else
        each update has its own.
        """
        if self.discriminator_steps == 1:
            return step.once(self._fakes, self.generator)
        return self._fakes(step, f"z of {step.playing}")

    def _fakes(self, step, name="z"):
        z = self.draw_codes(step.key(name), step.rows, step.first_row)
        labels = step.batch["labels"] if "labels" in self.conditions and "labels" in step.batch else None
        return self.run("generator", z, labels, step.training), z

    def generate(self, z, labels=None):
        """Images (n, h, w, c) in [-1, 1] of latents z (n, latent_dim), and of labels if conditional."""
        return self.run("generator", z, labels)

    def draw_codes(self, key, n, first_row=0, **options):
        """The codes of a key, float32 (n, latent_dim); options that are not given have their defaults."""
        defaults = {name: option.default for name, option in self.options.items()}
        return super().draw_codes(key, n, first_row, **{**defaults, **options})

    def latents_from_seed(self, seed, n, *options):
        """The codes (n, latent_dim) of `sample`; seed, n and the options are scalars."""
        return self.draw_codes(random.key(seed), n, **dict(zip(self.options, options)))

    def draw(self, key, n, first_row, labels=None, **options):
        return self.generate(self.draw_codes(key, n, first_row, **options), labels)

    def standing_statistics(self, batches=100, batch_size=64, seed=0, **given):
        """Makes the statistics of the generator's batch normalisation anew, as means over batches of samples.

        Training leaves statistics of the weights that learnt last, where samples are of their averages
        (`ema_decay`), and of z as it trains, where samples may be of others. Brock et al. (2019) compute
        them so for each truncation. It helps BigGAN, and DCGAN hardly: results/studies, biggan and
        standing_statistics. They stay until training goes on, or until this is called again.

        Args:
            batches, batch_size: how many batches, of how many samples.
            seed: of the samples.
            given: as `sample` has them, as truncation=....

        Raises:
            InputError: as `sample`.
        """

        def drawn():
            for k in range(batches):
                n, key, values = self.request(batch_size, seed, k * batch_size, dict(given))
                labels = values.pop("labels", None)
                yield self.told(self.draw_codes(key, n, k * batch_size, **values), labels)

        standing_statistics(self.averaged("generator"), drawn())

    def call(self, z, labels=None, training=False):
        return self.run("generator", z, labels, training)

    def signatures(self):
        labels = [] if self.label_spec is None else [self.label_spec]
        return {
            "generate": (self.generate, [tf.TensorSpec((None, self.latent_dim), tf.float32, "z"), *labels]),
            "latents": (self.latents_from_seed, [*SEEDED, *self.option_specs()]),
            "sample": self.sampler(),
        }


class StandardGAN(AdversarialModel):
    """Networks that are not the point of the paper: those of DCGAN, or dense ones.

    Unlike DCGAN's, their weights start as Glorot and Bengio's, uniformly within sqrt(6 / (fan_in + fan_out)).

    Args:
        image_shape: (height, width, channels), of any size from 8x8 on; with dense networks of any size,
            as (1, 1, 2) for points of a plane.
        latent_dim: size of z.
        width: filters of the layers next to the image, where each halving of the size doubles them;
            or units of each of two hidden layers.
        body: "convolutional" or "dense".
    """

    normalization = "batch"  # of the convolutional discriminator; "spectral" of the dense one, too

    def __init__(self, image_shape=(64, 64, 3), latent_dim=100, width=64, body="convolutional", **kwargs):
        super().__init__(**kwargs)
        if body not in BODIES:
            raise unknown("body", body, BODIES)
        self.image_shape, self.latent_dim, self.width, self.body = image_shape, latent_dim, width, body
        with self.building():
            self.generator = networks.decoder(
                body,
                self.latent_dim,
                self.image_shape,
                width=self.width,
                conditions=self.classes if "labels" in self.conditions else 0,
                activation="relu",
                output="tanh",
            )
            self.discriminator = self.build_discriminator()

    def build_discriminator(self, outputs=1, conditions=None):
        return judge(
            self.body,
            self.image_shape,
            width=self.width,
            outputs=outputs,
            conditions=self.classes if conditions is None else conditions,
            normalization=self.normalization,
        )


class ConditionalGAN(StandardGAN):
    """A `StandardGAN` of images of a class, which the generator is told.

    Args:
        image_shape: (height, width, channels), of any size from 8x8 on.
        classes: number of classes, at least 2; labels are 0 to classes - 1.
        kwargs: `latent_dim`, `width` and `body`, as StandardGAN has them.
    """

    def __init__(self, image_shape=(28, 28, 1), classes=10, **kwargs):
        needs_classes(classes, type(self).__name__)
        self.classes = classes
        super().__init__(image_shape, **kwargs)
