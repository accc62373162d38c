"""DualGAN: two translators with noise, each against a Wasserstein critic of its target.

Yi, Zhang, Tan and Gong. DualGAN: Unsupervised Dual Learning for Image-to-Image Translation. ICCV 2017.
https://arxiv.org/abs/1704.02510

G: A -> B with noise z and F: B -> A with noise z':

    critics:     E D_B(G(a, z)) - E D_B(b) + E D_A(F(b, z')) - E D_A(a)
    translators: -E D_B(G(a, z)) - E D_A(F(b, z'))
                 + cycle_weight (E|F(G(a, z), z') - a| + E|G(F(b, z'), z) - b|)

The noise is dropout in the U-Nets, in use as in training; here it is a function of the seed. The critics'
weights are clipped, and the translators are updated in one of `critic_steps` steps. The critics score patches
of 70 x 70 pixels. The authors give a weight to each of the two distances; here both are one number.

With clip=None the critics have the gradient penalty of Gulrajani et al. (2017) instead, on the mean score of
an image. Unlike the paper, images are normalised one by one, so that an example's penalty is its own, and a
translation does not depend on what else is in the batch.
"""

import functools

import keras
import tensorflow as tf

from tfgen import losses, networks
from tfgen.layers import Clip
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.translation.base import check_depth, check_patches, l1, nearest
from tfgen.models.translation.two_domains import TwoDomains


@model(title="DualGAN: Unsupervised Dual Learning for Image-to-Image Translation", year=2017)
class DualGAN(TwoDomains):
    """Two U-Nets and two critics; `translate` goes from A to B, `translate_back` from B to A, by a seed.

    Its batches are {"images_a": (n, h, w, input_channels), "images_b": (n, h, w, channels)}, in [-1, 1].

    Args:
        image_shape: (height, width, channels) of domain B in training; sizes are multiples of 2**depth.
        input_channels: of domain A.
        width: filters next to the image, of all networks.
        depth: halvings of the U-Nets.
        strided: layers of stride 2 of the critics: 3 see 70 pixels.
        cycle_weight: of both distances.
        clip: the limit of the critics' weights; None for the penalty.
        penalty_weight: of the gradient penalty.
        critic_steps: the critics' updates for one of the translators.
        dropout: rate of the U-Nets' noise.
    """

    tiny = dict(
        image_shape=(8, 8, 1), input_channels=1, width=4, depth=2, strided=1, clip=0.5, critic_steps=2
    )  # fmt: skip
    recipe = Recipe(
        "cycle_gan/facades",
        batch_size=1,
        epochs=60,
        model=dict(image_shape=(64, 64, 3), input_channels=3, width=32, depth=6),
        data=dict(flip=True, enlarge=286 / 256),
    )
    adversarial_loss = losses.Wasserstein()

    def __init__(
        self,
        image_shape=(256, 256, 3),
        input_channels=3,
        width=64,
        depth=8,
        strided=3,
        cycle_weight=500.0,
        clip=0.01,
        penalty_weight=10.0,
        critic_steps=3,
        dropout=0.5,
        **kwargs,
    ):
        check_depth("DualGAN", image_shape, depth)
        if any(kwargs.get(f"discriminator_{name}") is None for name in "ab"):
            check_patches("DualGAN", image_shape, strided)
        super().__init__(**kwargs)
        self.image_shape, self.input_channels = image_shape, input_channels
        self.width, self.depth, self.strided, self.dropout = width, depth, strided, dropout
        self.cycle_weight, self.critic_steps = cycle_weight, critic_steps
        self.clip, self.penalty_weight = clip, penalty_weight
        with self.building():
            self.make_networks(
                functools.partial(networks.unet, width=width, depth=depth, dropout=dropout),
                functools.partial(networks.patch_discriminator, width=width, strided=strided),
            )
        if clip is not None:
            for v in (*self.discriminator_a.trainable_variables, *self.discriminator_b.trainable_variables):
                v.constraint = Clip(clip)  # Keras' optimizers apply it after each update

    @property
    def multiple(self):
        return 2**self.depth

    @property
    def stochastic(self):
        return self.dropout > 0

    @classmethod
    def fitting(cls, shape, *, depth, strided, **config):
        return nearest(shape, 2**depth, networks.smallest_patch(strided))

    def objectives(self):
        critics = (self.discriminator_a, self.discriminator_b)
        translators = (self.translator_ab, self.translator_ba)
        logs = () if self.clip is not None else ("gradient_penalty",)
        return {
            "critics": Objective(self.critics_objective, critics, logs),
            "translators": Objective(
                self.translators_objective, translators, ("adversarial", "cycle"), self.critic_steps
            ),
        }

    def default_optimizers(self):
        """RMSprop of rate 5e-5, whose mean of squares forgets at 0.9 (the authors' code)."""
        return {name: keras.optimizers.RMSprop(5e-5, rho=0.9) for name in self.objectives()}

    def critics_objective(self, step):
        loss, penalty = 0.0, 0.0
        for domain, fakes in (("a", self.to_a(step)), ("b", self.to_b(step))):
            images, fakes = step.batch[f"images_{domain}"], tf.stop_gradient(fakes)
            real, fake = (self.score(domain, seen, step.training) for seen in (images, fakes))
            loss += self.adversarial_loss.discriminator(real, fake)
            if self.clip is None:

                def mean_score(x, domain=domain):
                    return tf.reduce_mean(self.score(domain, x, step.training), axis=(1, 2))

                place = step.uniform(f"place_{domain}", 1, 1, 1)
                penalty += losses.gradient_penalty(mean_score, images, fakes, place)
        if self.clip is not None:
            return loss, {}
        return loss + self.penalty_weight * penalty, {"gradient_penalty": penalty}

    def translators_objective(self, step):
        scores = (
            self.score("a", self.to_a(step), step.training),
            self.score("b", self.to_b(step), step.training),
        )
        adversarial = sum(map(self.adversarial_loss.generator, scores))
        again_a, again_b = self.again(step)
        cycle = l1(again_a, step.batch["images_a"]) + l1(again_b, step.batch["images_b"])
        return adversarial + self.cycle_weight * cycle, {"adversarial": adversarial, "cycle": cycle}
