"""GP-GAN: a network that gives a pasted part the colours of what is around it, and details of their own.

Wu, Zheng, Zhang and Huang. GP-GAN: Towards Realistic High-Resolution Image Blending. ACM Multimedia 2019.
https://arxiv.org/abs/1703.07195

The blending GAN takes composites x_c, a square of one photograph in another x of the same scene at another
time, and gives x back (eq. 2), by an encoder and a decoder with a bottleneck and a critic of clipped weights:

    generator: w E|x - G(x_c)|^2 - (1 - w) E[D(G(x_c))],    critic: E[D(G(x_c))] - E[D(x)],    w = .999

It makes small images, whose colours are right; `blend` enlarges them step by step, and at each size solves
the Gaussian-Poisson equation for the details of the two pictures (Algorithm 1; `tfgen.blending`).

Unlike the paper, whose two times are photographs of one camera, the other time is drawn: the image's own
square, lighter or darker and of another tint, so that any images serve. The critic has as many updates for
each of the generator all along; the authors' code begins with 100.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfgen import losses, networks, random
from tfgen.analysis import blending
from tfgen.degradation import bicubic
from tfgen.errors import InputError
from tfgen.fields import Image
from tfgen.layers import BatchNormalization, Clip
from tfgen.models.abilities import Played
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.translation.base import TranslationModel


@model(title="GP-GAN: Towards Realistic High-Resolution Image Blending", year=2019)
class BlendingGAN(TranslationModel):
    """An encoder and decoder of composites against a critic; `blend` is for two pictures and a mask.

    Args:
        image_shape: (height, width, channels), of 8x8 at least; images lie in [-1, 1].
        width: filters next to the image of each network.
        bottleneck: size of what the encoder gives the decoder.
        part: side of the square in the middle that is pasted in training, as a share of the image's.
        light: how much lighter or darker it is, and its tint: 0 leaves it as it was.
        pixel_weight: w.
        clip: the limit of the critic's weights.
        discriminator_steps: the critic's updates for one of the generator.
    """

    tiny = dict(image_shape=(8, 8, 3), width=4, bottleneck=8, discriminator_steps=2)
    recipe = Recipe(
        "celeba_small",
        batch_size=64,
        epochs=20,
        model=dict(image_shape=(64, 64, 3), width=32, bottleneck=512),
    )
    averaged_networks = ("generator",)
    own_networks = ("generator", "discriminator")
    adversarial_loss = losses.Wasserstein()
    source = "images"
    scores = ("l1", "psnr", "ssim", "feature_distance")
    any_size = False

    def __init__(
        self,
        image_shape=(64, 64, 3),
        width=64,
        bottleneck=4000,
        part=0.5,
        light=0.5,
        pixel_weight=0.999,
        clip=0.01,
        discriminator_steps=5,
        **kwargs,
    ):
        if not (0 < part < 1 and 0 <= light <= 1 and 0 <= pixel_weight <= 1):
            raise InputError(
                f"BlendingGAN takes a part in (0, 1), light and a pixel_weight in [0, 1]; "
                f"received part={part}, light={light} and pixel_weight={pixel_weight}"
            )
        super().__init__(**kwargs)
        self.image_shape, self.width, self.bottleneck = image_shape, width, bottleneck
        self.part, self.light, self.pixel_weight = part, light, pixel_weight
        self.clip, self.discriminator_steps = clip, discriminator_steps
        self.input_channels = image_shape[-1]
        with self.building():
            small = dict(initializer=keras.initializers.RandomNormal(stddev=0.02))
            images = keras.Input(image_shape)
            x = networks.dcgan_discriminator(
                image_shape, width=width, outputs=bottleneck, normalization="batch", name="encoder", **small
            )(images)
            x = layers.LeakyReLU(0.2)(BatchNormalization()(x))
            x = networks.dcgan_generator(image_shape, bottleneck, width=width, name="decoder", **small)(x)
            self.generator = keras.Model(images, x, name="generator")
            self.discriminator = networks.dcgan_discriminator(
                image_shape, width=width, normalization="batch", **small
            )
        for v in self.discriminator.trainable_variables:
            v.constraint = Clip(clip)

    def objectives(self):
        return {
            "discriminator": Objective(self.discriminator_objective, (self.discriminator,)),
            "generator": Objective(
                self.generator_objective, (self.generator,), ("squares",), self.discriminator_steps
            ),
        }

    def default_optimizers(self):
        """Adam of rates 2e-4 and 2e-3 and beta_1 0.5, as the authors' code."""
        rates = {"discriminator": 2e-4, "generator": 2e-3}
        return {name: keras.optimizers.Adam(rate, beta_1=0.5) for name, rate in rates.items()}

    # Composites.

    @property
    def fields(self):
        return {"images": Image(self.image_shape, *self.value_range)}

    def pasted(self):
        """1 where the square is, float32 (h, w, 1)."""
        inside = np.ones((*self.image_shape[:2], 1), np.float32)
        for axis, size in enumerate(self.image_shape[:2]):
            side = round(self.part * size)
            place = np.arange(size) - (size - side) // 2
            inside = inside * np.expand_dims((0 <= place) & (place < side), (1 - axis, 2))
        return inside.astype(np.float32)

    def inputs_of(self, batch, key=None, first_row=0):
        """Composites (n, h, w, c) of images (n, h, w, c): each has a square of its own light."""
        images = tf.convert_to_tensor(batch["images"], tf.float32)
        return images + self.pasted() * (relit(images, self.light, key, first_row) - images)

    def translated(self, inputs, key, first_row=0, training=False):
        return self.network("generator", training)(inputs, training=training)

    # The game.

    def fakes(self, step):
        """What is made of the step's composites, (n, h, w, c)."""
        return step.once(self._fakes, self.generator)

    def _fakes(self, step):
        inputs = self.inputs_of(step.batch, step.key("light"), step.first_row)
        return self.translated(inputs, None, training=step.training)

    def score(self, images, training=False):
        return self.discriminator(images, training=training)

    def played(self, step):
        """What is seen of the game in a step: see `abilities.Game`."""
        images, fakes = step.batch["images"], self.fakes(step)
        return Played(self.score(images, step.training), self.score(fakes, step.training), images, fakes)

    def discriminator_objective(self, step):
        real, fake = (
            self.score(x, step.training) for x in (step.batch["images"], tf.stop_gradient(self.fakes(step)))
        )
        return self.adversarial_loss.discriminator(real, fake), {}

    def generator_objective(self, step):
        images, fakes = step.batch["images"], self.fakes(step)
        squares = tf.reduce_mean((images - fakes) ** 2)
        adversarial = self.adversarial_loss.generator(self.score(fakes, step.training))
        loss = self.pixel_weight * squares + (1 - self.pixel_weight) * adversarial
        return loss, {"squares": squares}

    # Use.

    def blend(self, source, target, mask, weight=1.0, sigma=0.5):
        """The target with the source where the mask is 1, of one light: float64 (h, w, c) in [-1, 1].

        Args:
            source, target: two pictures (h, w, c) of one size, as high and wide as `image_shape` at least,
                floats in [-1, 1] or bytes.
            mask: (h, w) or (h, w, 1), of 0 and 1.
            weight, sigma: see `tfgen.blending.gaussian_poisson`.

        Raises:
            InputError: pictures or a mask of other sizes.
        """
        field = Image((None, None, self.image_shape[-1]), *self.value_range)
        pair = [
            field.prepared(field.received(np.asarray(x)[None], name, "BlendingGAN"))
            for name, x in (("source", source), ("target", target))
        ]
        whole, least = pair[1].shape[1:3], self.image_shape[:2]
        if pair[0].shape != pair[1].shape or any(a < b for a, b in zip(whole, least)):
            size = "x".join(map(str, least))
            raise InputError(
                f"BlendingGAN blends two pictures of one size, of {size} (height x width) at least; received "
                f"{pair[0].shape[1:]} and {pair[1].shape[1:]}"
            )
        inside = blending.masks(mask, pair[1].shape)[0].astype(np.float32)
        halvings = int(np.ceil(np.log2(max(a / b for a, b in zip(whole, least)))))
        made = None
        for level in range(halvings, -1, -1):
            height, width = least if level == halvings else (-(-size // 2**level) for size in whole)
            near, far = (np.asarray(bicubic(x, height, width)) for x in pair)
            rows, columns = ((np.arange(n) + 0.5) * full / n for n, full in zip((height, width), whole))
            part = inside[rows.astype(int)][:, columns.astype(int)]
            if made is None:
                made = self.translate(np.clip(far + part * (near - far), *self.value_range))
            made = np.asarray(bicubic(tf.cast(made, tf.float32), height, width))
            made = blending.gaussian_poisson(near, far, part, made, weight, sigma)
            made = np.clip(made, *self.value_range)
        return made[0]


def relit(images, light, key, first_row=0):
    """Images (n, h, w, c) in [-1, 1] in another light, each by its key and number: of x in [0, 1]

    gain_c x^gamma,    log2 gamma ~ U(-2 light, 2 light),    gain_c ~ U(1 - light, 1)
    """
    n, channels = tf.shape(images)[0], images.shape[-1]
    u = tf.reshape(random.uniform(key, (n, 1 + channels), first_row), (n, 1, 1, 1 + channels))
    gamma, gain = 2 ** (2 * light * (2 * u[..., :1] - 1)), 1 - light * u[..., 1:]
    # A power has no gradient at 0, and none is needed.
    return 2 * gain * tf.maximum((images + 1) / 2, 1e-6) ** gamma - 1
