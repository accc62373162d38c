"""GoGAN: GANs one after another, each of which shall rank better than the one before.

Juefei-Xu, Boddeti and Savvides. Gang of GANs: Generative Adversarial Networks with Maximum Margin Ranking.
2017. https://arxiv.org/abs/1704.04865

The critic of the first stage is WGAN's with a margin e; that of a later stage i also ranks the fakes of the
stage before, which is held fixed, another margin below:

    critic:    E[max(0, D_i(G_i(z)) + e - D_i(x))]
               + ranking_weight E[max(0, D_{i-1}(G_{i-1}(z)) + 2 e - D_i(x))]
    generator: -E[D_i(G_i(z))]

A stage begins with the networks that the one before ended with. Critics have clipped weights, and the fakes
of a hinge are those of the real image's row.

The two hinges and their margins e and 2 e are the paper's as another implementation has them,
github.com/sanghoon/tf-exercise-gan, and so are the constants (margin 1, weight 0.5, clip 0.1, RMSprop of rate
1e-4, 5 updates of the critic for one of the generator); the paper's own were not at hand.
"""

import keras
import tensorflow as tf

from tfgen import losses
from tfgen.errors import InputError
from tfgen.layers import Clip
from tfgen.models.adversarial.base import StandardGAN
from tfgen.models.base import Objective, Recipe, copied
from tfgen.models.registry import model


@model(
    title="Gang of GANs: Generative Adversarial Networks with Maximum Margin Ranking",
    year=2017,
)
class GoGAN(StandardGAN):
    """The players of `StandardGAN` in stages, with those of the stage before as `previous_generator` and
    `previous_discriminator`.

    Args:
        image_shape, latent_dim, width, body: see `StandardGAN`.
        stages: how many; the last one has no end.
        stage_steps: steps of each other stage.
        margin: e.
        ranking_weight: of the hinge over the stage before.
        clip: the limit of the critic's weights.
        discriminator_steps: the critic's updates for one of the generator.
    """

    tiny = dict(
        image_shape=(8, 8, 1),
        latent_dim=4,
        width=8,
        body="dense",
        stages=2,
        stage_steps=2,
        discriminator_steps=1,
    )
    recipe = Recipe(
        "fashion_mnist",
        batch_size=64,
        epochs=15,
        model=dict(image_shape=(28, 28, 1), width=32, stage_steps=4_500),
        learning_rate=5e-4,
    )

    def __init__(
        self,
        image_shape=(64, 64, 3),
        stages=3,
        stage_steps=8_000,
        margin=1.0,
        ranking_weight=0.5,
        clip=0.1,
        discriminator_steps=5,
        **kwargs,
    ):
        if stages < 1 or stage_steps < 1 or margin < 0:
            raise InputError(
                f"GoGAN has at least 1 stage, of at least 1 step, and a margin of 0 or more; received "
                f"stages={stages}, stage_steps={stage_steps} and margin={margin}"
            )
        super().__init__(image_shape, **kwargs)
        self.stages, self.stage_steps = stages, stage_steps
        self.margin, self.ranking_weight, self.clip = margin, ranking_weight, clip
        self.discriminator_steps = discriminator_steps
        self.adversarial_loss, self.ranking_loss = losses.Margin(margin), losses.Margin(2 * margin)
        self.previous_generator = copied(self.generator)
        self.previous_discriminator = copied(self.discriminator)
        for v in self.discriminator.trainable_variables:
            v.constraint = Clip(clip)  # Keras' optimizers apply it after each update

    def stage(self, k):
        """The number of the stage of step k, from 0 on."""
        return min((max(k, 1) - 1) // self.stage_steps, self.stages - 1)

    def enter(self, k):
        if self.stage(k) != self.stage(k - 1):
            self.previous_generator.set_weights(self.generator.get_weights())
            self.previous_discriminator.set_weights(self.discriminator.get_weights())

    def objectives(self):
        playing = (self.discriminator,)
        objectives = {
            "discriminator": Objective(
                self.discriminator_objective, playing, stage=lambda k: self.stage(k) == 0
            ),
            "generator": Objective(
                self.generator_objective, (self.generator,), every=self.discriminator_steps
            ),
        }
        if self.stages == 1:
            return objectives
        logs = ("margin_loss", "ranking_loss")
        ranking = Objective(self.ranking_objective, playing, logs, stage=lambda k: self.stage(k) > 0)
        return {"ranking": ranking, **objectives}

    def ranking_objective(self, step):
        """The critic's, in all stages but the first."""
        images, (fakes, _) = step.batch["images"], self.fakes(step)
        real = self.score(images, training=step.training)
        fake = self.score(tf.stop_gradient(fakes), training=step.training)
        z = self.draw_codes(step.key("z of the stage before"), step.rows, step.first_row)
        before = self.previous_discriminator(self.previous_generator(z, training=False), training=False)
        logs = {
            "margin_loss": self.adversarial_loss.discriminator(real, fake),
            "ranking_loss": self.ranking_loss.discriminator(real, before),
        }
        return logs["margin_loss"] + self.ranking_weight * logs["ranking_loss"], logs

    def default_optimizers(self):
        return {name: keras.optimizers.RMSprop(1e-4) for name in self.objectives()}
