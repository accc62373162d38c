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

import functools

import keras
import tensorflow as tf

from tfgen import losses, networks
from tfgen.errors import InputError
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.translation.base import check_patches, l1, nearest
from tfgen.models.translation.pool import Pool
from tfgen.models.translation.two_domains import TwoDomains


@model(
    title="Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
    year=2017,
)
class CycleGAN(TwoDomains):
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
    adversarial_loss = losses.LeastSquares()
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
        with self.building():
            self.make_networks(
                functools.partial(networks.resnet_translator, width=width, blocks=blocks),
                functools.partial(networks.patch_discriminator, width=width, strided=strided),
            )
            size = image_shape[:2]
            self.pool_a = Pool(pool_size, (*size, input_channels))
            self.pool_b = Pool(pool_size, image_shape)

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

    def translators_objective(self, step):
        a, b = step.batch["images_a"], step.batch["images_b"]
        scores = (
            self.score("a", self.to_a(step), step.training),
            self.score("b", self.to_b(step), step.training),
        )
        # Without the half of least squares, as the authors have it.
        adversarial = 2 * sum(map(self.adversarial_loss.generator, scores))
        again_a, again_b = self.again(step)
        logs = {"adversarial": adversarial, "cycle": l1(again_a, a) + l1(again_b, b)}
        loss = adversarial + self.cycle_weight * logs["cycle"]
        if self.identity_weight:
            same_a, same_b = self.passed(step, "translator_ba", a), self.passed(step, "translator_ab", b)
            logs["identity"] = l1(same_a, a) + l1(same_b, b)
            loss += self.identity_weight * self.cycle_weight * logs["identity"]
        return loss, logs

    def discriminators_objective(self, step):
        loss = 0.0
        for domain, fakes in (("a", self.to_a(step)), ("b", self.to_b(step))):
            fakes = tf.stop_gradient(fakes)
            if step.training:
                noise = step.uniform(f"pool_{domain}", 2)
                fakes = getattr(self, f"pool_{domain}").exchange(fakes, noise)
            images = step.batch[f"images_{domain}"]
            real, fake = (self.score(domain, seen, step.training) for seen in (images, fakes))
            loss += self.adversarial_loss.discriminator(real, fake)
        return loss, {}

    @classmethod
    def fitting(cls, shape, *, strided, **config):
        return nearest(shape, cls.multiple, max(cls.smallest, networks.smallest_patch(strided)))
