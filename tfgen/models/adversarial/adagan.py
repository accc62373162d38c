"""AdaGAN: a mixture of GANs, each of which learns what those before it miss.

Tolstikhin, Gelly, Bousquet, Simon-Gabriel and Scholkopf. AdaGAN: Boosting Generative Models. NeurIPS 2017.
https://arxiv.org/abs/1701.02386

Component t joins the mixture with a share of b = 1 / t (Algorithm 1),

    P_t = (1 - b) P_{t-1} + b G_t

and learns real images x_i of weights p_i = 1 / n that a judge has weighed anew (eq. 17, 18):

    w_i = p_i / b (L - (1 - b) h_i)_+,    h_i = (1 - d(x_i)) / d(x_i),    L such that the sum of w is 1

where d(x) is the probability by which the judge, trained on real images and on samples of P_{t-1}, takes x
for real, so that h is the ratio of the model's density to the data's. What is made often enough gets weight
0. The m least h_i alone would have L = (b + (1 - b) sum p_i h_i) / sum p_i; the L that is sought is the least
of these for all m.

Unlike the paper, weights are those among the images of a batch, of which as many are drawn anew by them; a
judge goes on learning from one component to the next; and components are plain GANs, not unrolled ones.
Shares are uniform as in the authors' code, github.com/tolstikhin/adagan, whose search for L can fail, and
then leaves all images alike.
"""

import tensorflow as tf

from tfgen import losses, networks
from tfgen.errors import InputError
from tfgen.models.abilities import Game, Played
from tfgen.models.adversarial.ensembles import EnsembleGAN, Member
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model

FARTHEST = 50.0  # a judge's score beyond which an image is real or fake without a doubt


def boosted(h, share):
    """The weights (n,) of n examples, whose sum is 1, for a component that shall have a `share` in (0, 1).

    Args:
        h: (n,), of each example the ratio of the model's density to the data's.
    """
    n = tf.cast(tf.shape(h)[0], h.dtype)
    sizes = tf.range(1, n + 1, dtype=h.dtype)
    level = tf.reduce_min((share * n + (1 - share) * tf.cumsum(tf.sort(h))) / sizes)
    return tf.nn.relu(level - (1 - share) * h) / (share * n)


def drawn(weights, u):
    """n places in 0 to n - 1 by weights (n,), rising: of u (n,) in (0, 1), one in each n-th of the whole."""
    n = tf.shape(weights)[0]
    ends = tf.cumsum(weights)
    at = (tf.cast(tf.range(n), u.dtype) + u) / tf.cast(n, u.dtype) * ends[-1]
    return tf.minimum(tf.reduce_sum(tf.cast(at[:, None] > ends, tf.int32), axis=1), n - 1)


class _Component(Member):
    """A component's game."""

    def learns(self, k):
        return self.model.at(k) == (self.place, False)

    def judged(self, k):
        """Whether step k trains the judge that will weigh images for it."""
        return self.model.at(k) == (self.place, True)

    def score(self, images, training):
        return self.model.discriminators[self.place](images, training=training)

    def discriminator_objective(self, step):
        images = step.batch["images"] if not self.place else self.model.weighed(step, self.place)
        real = self.score(images, step.training)
        fake = self.score(tf.stop_gradient(self.fakes(step)), step.training)
        return self.model.adversarial_loss.discriminator(real, fake), {}

    def generator_objective(self, step):
        return self.model.adversarial_loss.generator(self.score(self.fakes(step), step.training)), {}

    def judge_objective(self, step):
        """The judge tells real images from the mixture of the components before this one."""
        z, u = self.model.noise(step, "z of the mixture"), step.uniform("members", 1)
        fakes = self.model.mixture(z, u[:, 0], self.place)
        real, fake = (self.model.judge(x, training=step.training) for x in (step.batch["images"], fakes))
        return losses.Minimax().discriminator(real, fake), {}

    def played(self, step):
        images, fakes = step.batch.get("images"), self.fakes(step)
        real = None if images is None else self.score(images, step.training)
        return Played(real, self.score(fakes, step.training), images, fakes)


@model(title="AdaGAN: Boosting Generative Models", year=2017)
class AdaGAN(EnsembleGAN):
    """GANs that are trained one after another, and a judge between them; samples are of the mixture so far.

    z (n, latent_dim) is a generator's noise, `noise_dim` values, and a number in (0, 1) that chooses it.

    Args:
        image_shape: (height, width, channels); with dense networks of any size.
        components: how many GANs.
        stage_steps: steps of each of them; the last one has no end.
        judge_steps: steps of the judge before each but the first.
        noise_dim: size of the noise of each generator.
        width, body: of all networks, see `StandardGAN`; the judge has no batch statistics.
    """

    tiny = dict(
        image_shape=(8, 8, 1), components=2, stage_steps=2, judge_steps=1, noise_dim=4, width=8, body="dense"
    )
    recipe = Recipe(
        "stacked_mnist",
        batch_size=64,
        epochs=5,
        model=dict(image_shape=(28, 28, 3), components=4, stage_steps=2_000, judge_steps=500, width=32),
    )
    adversarial_loss = losses.Minimax()

    def __init__(
        self,
        image_shape=(64, 64, 3),
        components=4,
        stage_steps=1_000,
        judge_steps=250,
        noise_dim=100,
        width=64,
        body="convolutional",
        **kwargs,
    ):
        if min(stage_steps, judge_steps) < 1:
            raise InputError(
                f"AdaGAN trains a component and its judge for at least 1 step each; received "
                f"stage_steps={stage_steps} and judge_steps={judge_steps}"
            )
        super().__init__(image_shape, noise_dim, width, body, **kwargs)
        self.components, self.stage_steps, self.judge_steps = components, stage_steps, judge_steps
        with self.building():
            self.generators = networks.Ensemble(self, "generator", components, self.build_generator)
            self.discriminators = networks.Ensemble(
                self, "discriminator", components, self.build_discriminator
            )
            self.judge = self.build_discriminator(normalization=None) if components > 1 else None
            self.averaged_networks = tuple(self.generators.names)
        self.games_of = [_Component(self, place) for place in range(components)]

    # The order of play, a function of the number of the step.

    def at(self, k):
        """(component, whether its judge learns and not itself) in step k; components from 0 on."""
        after = max(k, 1) - 1 - self.stage_steps
        if after < 0:
            return 0, False
        rounds, place = divmod(after, self.judge_steps + self.stage_steps)
        if rounds + 1 >= self.components:
            return self.components - 1, False
        return rounds + 1, place < self.judge_steps

    def members(self):
        """How many components have had a step, at least 1."""
        with tf.init_scope():
            component, judging = self.at(int(self.step.numpy()))
        return component + (not judging)

    def objectives(self):
        objectives = {}
        for game, generator, discriminator in zip(
            self.games_of, self.generators.names, self.discriminators.names
        ):
            if game.place:
                objectives[f"judge_{game.place + 1}"] = Objective(
                    game.judge_objective, (self.judge,), stage=game.judged
                )
            for name, loss in (
                (discriminator, game.discriminator_objective),
                (generator, game.generator_objective),
            ):
                objectives[name] = Objective(loss, (getattr(self, name),), stage=game.learns)
        return objectives

    def games(self):
        """The game of the newest component."""
        place = self.members() - 1
        names = self.generators.names[place], self.discriminators.names[place]
        return [Game(*names, self.games_of[place].played)]

    def weighed(self, step, place):
        """As many images as the step has, drawn from them by the weights for the component of that place."""
        images = step.batch["images"]
        score = tf.clip_by_value(self.judge(images, training=False)[:, 0], -FARTHEST, FARTHEST)
        weights = boosted(tf.exp(-score), 1 / (place + 1))
        return tf.gather(images, drawn(weights, step.uniform("drawn", 1)[:, 0]))

    # Use.

    def score(self, images, labels=None, training=False):
        """What the discriminator of the newest component says of images (n, h, w, c), (n, 1)."""
        return self.games_of[self.members() - 1].score(images, training)
