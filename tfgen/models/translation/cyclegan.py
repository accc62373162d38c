"""CycleGAN: translation between two domains of which no pairs are known.

Zhu, Park, Isola and Efros. Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks.
ICCV 2017. https://arxiv.org/abs/1703.10593

G: A -> B and F: B -> A, each against a discriminator of its target, under least squares (sections 3 and 4):

    translators:    E(D_B(G(a)) - 1)^2 + E(D_A(F(b)) - 1)^2 + cycle_weight (E|F(G(a)) - a| + E|G(F(b)) - b|)
                    + identity_weight cycle_weight (E|G(b) - b| + E|F(a) - a|)
    discriminators: (E(D_B(b) - 1)^2 + E D_B(G(a))^2) / 2 + (E(D_A(a) - 1)^2 + E D_A(F(b))^2) / 2

Both cycles reach both translators. As in the authors' code the translators play first, and the
discriminators are shown the translations made before that update, through pools of 50 (section 4). The last
term, of paintings and photographs (section 5.2), needs domains of as many channels. The rate is constant in
the first half of a run and falls to 0 in the second.
"""

import keras
import tensorflow as tf

from tfgen import losses, networks
from tfgen.errors import InputError
from tfgen.fields import Image
from tfgen.models.abilities import Game, Played
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.translation.base import TranslationModel, check_patches, nearest
from tfgen.models.translation.pool import Pool


def _l1(a, b):
    return tf.reduce_mean(abs(a - b))


@model(
    title="Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
    year=2017,
)
class CycleGAN(TranslationModel):
    """Two translators and two discriminators; `translate` goes from A to B, `translate_back` from B to A.

    Its batches are {"images_a": (n, h, w, input_channels), "images_b": (n, h, w, channels)}, in [-1, 1].

    Args:
        image_shape: (height, width, channels) of domain B in training; sizes are multiples of 4.
        input_channels: of domain A.
        width: filters next to the image, of all networks.
        blocks: residual blocks of a translator; the paper has 9, and 6 for 128x128.
        strided: layers of stride 2 of the discriminators: 3 see 70 pixels.
        cycle_weight: lambda.
        identity_weight: of the last term, relative to lambda; the paper has 0.5 where it uses it.
        pool_size: images of a pool; 0 for none.
    """

    tiny = dict(image_shape=(12, 12, 1), input_channels=1, width=4, blocks=1, strided=1, pool_size=2)
    recipe = Recipe(
        "cycle_gan/facades",
        batch_size=1,
        epochs=200,
        model=dict(image_shape=(64, 64, 3), input_channels=3, width=32, blocks=6),
        data=dict(flip=True, enlarge=286 / 256),
        schedule=("linear", 0.5, 1.0),
    )
    averaged_networks = ("translator_ab", "translator_ba")
    own_networks = ("translator_ab", "translator_ba", "discriminator_a", "discriminator_b")
    adversarial_loss = losses.LeastSquares()
    source, target = "images_a", "images_b"
    multiple, smallest = 4, 12

    def __init__(
        self,
        image_shape=(256, 256, 3),
        input_channels=3,
        width=64,
        blocks=9,
        strided=3,
        cycle_weight=10.0,
        identity_weight=0.0,
        pool_size=50,
        **kwargs,
    ):
        if any(size % self.multiple or size < self.smallest for size in image_shape[:2]):
            raise InputError(
                f"a CycleGAN trains on images whose sizes are multiples of 4, at least 12; received "
                f"{image_shape}"
            )
        if any(kwargs.get(f"discriminator_{name}") is None for name in "ab"):
            check_patches("CycleGAN", image_shape, strided)
        if identity_weight and input_channels != image_shape[-1]:
            raise InputError(
                f"identity_weight needs domains of as many channels; received {input_channels} and "
                f"{image_shape[-1]}"
            )
        super().__init__(**kwargs)
        self.image_shape, self.input_channels = image_shape, input_channels
        self.width, self.blocks, self.strided = width, blocks, strided
        self.cycle_weight, self.identity_weight = cycle_weight, identity_weight
        self.pool_size = pool_size
        channels, how = image_shape[-1], dict(width=width, strided=strided)
        with self.building():
            for name, sizes in (("ab", (input_channels, channels)), ("ba", (channels, input_channels))):
                net = networks.resnet_translator(
                    *sizes, width=width, blocks=blocks, name=f"translator_{name}"
                )
                setattr(self, f"translator_{name}", net)
            for name, count in (("a", input_channels), ("b", channels)):
                net = networks.patch_discriminator(count, name=f"discriminator_{name}", **how)
                setattr(self, f"discriminator_{name}", net)
                setattr(self, f"pool_{name}", Pool(pool_size, (*image_shape[:2], count)))

    @property
    def fields(self):
        size, limits = self.image_shape[:2], self.value_range
        return {
            "images_a": Image((*size, self.input_channels), *limits),
            "images_b": Image(self.image_shape, *limits),
        }

    def objectives(self):
        logs = ("adversarial", "cycle", *(["identity"] if self.identity_weight else []))
        discriminators = (self.discriminator_a, self.discriminator_b)
        return {
            "translators": Objective(
                self.translators_objective, (self.translator_ab, self.translator_ba), logs
            ),
            "discriminators": Objective(self.discriminators_objective, discriminators),
        }

    def default_optimizers(self):
        """Adam of rate 2e-4 and beta_1 0.5 (section 4 and the authors' code)."""
        return {name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in self.objectives()}

    def to_a(self, step):
        """F(b) of the step's images, (n, h, w, input_channels)."""
        return step.once(self._to_a, self.translator_ba)

    def _to_a(self, step):
        return self.translator_ba(step.batch["images_b"], training=step.training)

    def to_b(self, step):
        """G(a) of the step's images, (n, h, w, channels)."""
        return step.once(self._to_b, self.translator_ab)

    def _to_b(self, step):
        return self.translator_ab(step.batch["images_a"], training=step.training)

    def translators_objective(self, step):
        a, b, training = step.batch["images_a"], step.batch["images_b"], step.training
        fake_a, fake_b = self.to_a(step), self.to_b(step)
        scores = (
            self.discriminator_a(fake_a, training=training),
            self.discriminator_b(fake_b, training=training),
        )
        # Without the half of least squares, as the authors have it.
        adversarial = 2 * sum(map(self.adversarial_loss.generator, scores))
        again_a = self.translator_ba(fake_b, training=training)
        again_b = self.translator_ab(fake_a, training=training)
        logs = {"adversarial": adversarial, "cycle": _l1(again_a, a) + _l1(again_b, b)}
        loss = adversarial + self.cycle_weight * logs["cycle"]
        if self.identity_weight:
            same_a, same_b = (
                self.translator_ba(a, training=training),
                self.translator_ab(b, training=training),
            )
            logs["identity"] = _l1(same_a, a) + _l1(same_b, b)
            loss += self.identity_weight * self.cycle_weight * logs["identity"]
        return loss, logs

    def discriminators_objective(self, step):
        loss = 0.0
        for domain, fakes in (("a", self.to_a(step)), ("b", self.to_b(step))):
            fakes = tf.stop_gradient(fakes)
            if step.training:
                noise = step.uniform(f"pool_{domain}", 2)
                fakes = getattr(self, f"pool_{domain}").exchange(fakes, noise)
            discriminator = getattr(self, f"discriminator_{domain}")
            real, fake = (
                discriminator(images, training=step.training)
                for images in (step.batch[f"images_{domain}"], fakes)
            )
            loss += self.adversarial_loss.discriminator(real, fake)
        return loss, {}

    def games(self):
        return [
            Game("translator_ba", "discriminator_a", self.played_a, self.adversarial_loss.zero_decides, "a"),
            Game("translator_ab", "discriminator_b", self.played_b, self.adversarial_loss.zero_decides, "b"),
        ]

    def played_a(self, step):
        """What is seen of the game over domain A: see `abilities.Game`."""
        return self._played(step, self.discriminator_a, "images_a", self.to_a(step))

    def played_b(self, step):
        """What is seen of the game over domain B: see `abilities.Game`."""
        return self._played(step, self.discriminator_b, "images_b", self.to_b(step))

    def _played(self, step, discriminator, name, fakes):
        images = step.batch[name]
        real, fake = (discriminator(seen, training=step.training) for seen in (images, fakes))
        return Played(real, fake, images, fakes)

    def translated(self, inputs, key, first_row=0, training=False):
        """G(a), images (n, h, w, channels) in [-1, 1]; there is no noise."""
        return self.network("translator_ab", training)(inputs, training=training)

    def translated_back(self, images, key=None):
        """F(b), (n, h, w, input_channels) in [-1, 1], of images whose sizes are multiples of 4."""
        return self.network("translator_ba", False)(images, training=False)

    def translate_back(self, images):
        """From B to A: as `translate`, of images (n, h, w, channels)."""
        return self._any_size(self.translated_back, self.fields["images_b"], "images", images, 0)

    @classmethod
    def fitting(cls, shape, *, strided, **config):
        return nearest(shape, cls.multiple, max(cls.smallest, networks.smallest_patch(strided)))

    def columns(self, batch, seed=0, first_row=0):
        a, b = batch["images_a"], batch["images_b"]
        to_b, to_a = self.translated(a, None), self.translated_back(b)
        there = {"a": a, "a to b": to_b, "a again": self.translated_back(to_b)}
        return {**there, "b": b, "b to a": to_a, "b again": self.translated(to_a, None)}

    def signatures(self):
        images = tf.TensorSpec((None, None, None, self.image_shape[-1]), tf.float32, "images")
        back = (lambda images: self.translated_back(images), [images], "translator")
        return {**super().signatures(), "translate_back": back}

    @property
    def input_values(self):
        return {**super().input_values, "images": self.fields["images_b"].values}
