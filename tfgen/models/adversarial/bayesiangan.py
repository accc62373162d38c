"""Bayesian GAN: generators and discriminators drawn from the posterior of their weights.

Saatci and Wilson. Bayesian GAN. NeurIPS 2017. https://arxiv.org/abs/1705.09558

Each player's weights have a prior N(0, s^2), and a likelihood that the other player gives (eq. 1, 2):

    p(g | z, d) ~ prod_i D(G(z_i; g); d) p(g)
    p(d | z, x, g) ~ prod_i D(x_i; d) prod_i (1 - D(G(z_i; g); d)) p(d)

Samples of both are drawn in turn, by stochastic gradient Hamiltonian Monte Carlo (Algorithm 1): several
generators, and discriminators, each a chain of its own. One of the generators makes each image, so that
others make the modes that it lacks. A loss here is -log p / N of N observations, a mean over examples and
1 / N of the prior's part:

    generator:     E_z[-log D(G(z))] + |g|^2 / (2 s^2 N)
    discriminator: E_x[-log D(x)] + E[-log(1 - D(G(z)))] + |d|^2 / (2 s^2 N)

and `SGHMC` of the temperature 1 / N draws exp(-N loss). As in the authors' code (README of
github.com/andrewgordonwilson/bayesgan) Adam plays the first 5,000 steps, without noise.

With classes D gives K logits l, that of fakes is 0 (`ImprovedGAN`), D(x) is the sigmoid of log sum_k exp l_k,
and -E[log p(y|x)] of images with labels joins its loss.

Unlike Algorithm 1, which takes the log of a sum over the other player's samples, losses are means over
them, as in that code; its noise enters the loss, where the rate makes it smaller by as much, which leaves
points, not samples. The paper's friction of .01 is a momentum of .99, by which the game diverges: friction
and rate are ours.
"""

import functools

import keras
import tensorflow as tf

from tfgen import losses, networks, priors
from tfgen.errors import InputError
from tfgen.fields import needs_classes
from tfgen.models.abilities import Game, Played
from tfgen.models.adversarial.classifying import HalfLabelled, class_loss
from tfgen.models.adversarial.ensembles import EnsembleGAN, Member
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.optimizers import SGHMC


def _mean(values):
    return tf.add_n(values) / len(values)


class _Generator(Member):
    """A generator's chain."""

    def objective(self, step):
        """-log p / N of its weights, in nats an observation."""
        scores = self.model.scores(self.fakes(step), step.training)
        each = [self.model.adversarial_loss.generator(fake) for fake in scores]
        return _mean(each) + self.model.prior_loss(self.model.generators[self.place]), {}

    def played(self, step):
        images, fakes = step.batch.get("images"), self.fakes(step)
        real = None if images is None else self.model.score(images, training=step.training)
        return Played(real, self.model.score(fakes, training=step.training), images, fakes)


class _Discriminator:
    """A discriminator's chain."""

    def __init__(self, model, place):
        self.model, self.network = model, model.discriminators[place]

    def objective(self, step):
        """-log p / N of its weights, in nats an observation."""
        real, each = self.heads(self.model.unlabelled(step), step)[0], []
        for chain in self.model.chains:
            fake, _ = self.heads(tf.stop_gradient(chain.fakes(step)), step)
            each.append(self.model.adversarial_loss.discriminator(real, fake))
        loss = _mean(each) + self.model.prior_loss(self.network)
        if self.model.classes:
            loss += class_loss(step.batch["labels"], self.heads(step.batch["images"], step)[1])
        return loss, {}

    def heads(self, images, step):
        return self.model.parted(self.network(images, training=step.training))


@model(title="Bayesian GAN", year=2017)
class BayesianGAN(HalfLabelled, EnsembleGAN):
    """Generators and discriminators that are samples of a posterior; a sample is of one of the generators.

    z (n, latent_dim) is a generator's noise, `noise_dim` values in [-1, 1], and a number in (0, 1) that
    chooses the generator.

    With classes its batches are {"images": (n, h, w, c), "labels": (n,), "unlabelled": (n, h, w, c)}, of
    `tfgen.data.load(..., labelled=100)`, and it classifies; images alone without.

    Args:
        image_shape: (height, width, channels), of any size from 8x8 on; with dense networks of any size.
        classes: at least 2; 0: there are no labels.
        generator_samples, discriminator_samples: how many weights of each player are drawn at a time.
        observed: N, the number of examples that the posterior is given: the more, the less noise.
        burn_in: steps of Adam before the chains begin.
        prior_deviation: s, of the weights.
        friction: of the chains, in (0, 1].
        noise_dim: size of the noise of each generator.
        width, body: of all networks, see `StandardGAN`.

    Raises:
        InputError: an `ema_decay`, for an average of samples of a posterior is no sample of it; arguments of
            another range.
    """

    tiny = dict(
        image_shape=(8, 8, 1),
        classes=3,
        generator_samples=2,
        burn_in=2,
        noise_dim=4,
        width=8,
        body="dense",
        ema_decay=None,
    )
    recipe = Recipe(
        "mnist", batch_size=64, epochs=10, model=dict(image_shape=(28, 28, 1), observed=60_000, width=32)
    )
    adversarial_loss = losses.Minimax()
    noise_prior = priors.Uniform(-1.0, 1.0)

    def __init__(
        self,
        image_shape=(64, 64, 3),
        classes=0,
        generator_samples=4,
        discriminator_samples=1,
        observed=10_000,
        burn_in=5_000,
        prior_deviation=1.0,
        friction=0.1,
        noise_dim=100,
        width=64,
        body="convolutional",
        **kwargs,
    ):
        if kwargs.get("ema_decay") is not None:
            raise InputError(
                f"BayesianGAN's weights are samples of a posterior, and their average is no sample of it; "
                f"received ema_decay={kwargs['ema_decay']}; omit it"
            )
        if classes:
            needs_classes(classes, "BayesianGAN")
        for name, value, least in (("observed", observed, 1), ("burn_in", burn_in, 0)):
            if value < least:
                raise InputError(f"{name} of BayesianGAN must be at least {least}; received {value}")
        if not (prior_deviation > 0 and 0 < friction <= 1):
            raise InputError(
                f"BayesianGAN takes a prior_deviation above 0 and a friction in (0, 1]; received "
                f"{prior_deviation} and {friction}"
            )
        super().__init__(image_shape, noise_dim, width, body, **kwargs)
        self.generator_samples, self.discriminator_samples = generator_samples, discriminator_samples
        self.classes, self.observed, self.burn_in = classes, observed, burn_in
        self.prior_deviation, self.friction = prior_deviation, friction
        with self.building():
            generator = self.build_generator
            discriminator = functools.partial(self.build_discriminator, outputs=self.outputs)
            self.generators = networks.Ensemble(self, "generator", generator_samples, generator)
            self.discriminators = networks.Ensemble(
                self, "discriminator", discriminator_samples, discriminator
            )
        self.chains = [_Generator(self, place) for place in range(generator_samples)]

    def burning(self, k):
        """Whether step k is Adam's, before the chains begin."""
        return k <= self.burn_in

    def objectives(self):
        judges = enumerate(self.discriminators.names)
        players = {name: _Discriminator(self, place).objective for place, name in judges}
        players |= {name: chain.objective for name, chain in zip(self.generators.names, self.chains)}
        objectives = {}
        if self.burn_in:
            for name, loss in players.items():
                objectives[f"{name}_burn_in"] = Objective(loss, (getattr(self, name),), stage=self.burning)
        stage = (lambda k: not self.burning(k)) if self.burn_in else None
        for name, loss in players.items():
            objectives[name] = Objective(loss, (getattr(self, name),), stage=stage)
        return objectives

    def default_optimizers(self):
        """Adam for the first steps, and then a chain for each network."""
        return {
            name: keras.optimizers.Adam(2e-4, beta_1=0.5)
            if name.endswith("_burn_in")
            else SGHMC(1e-4, self.friction, 1 / self.observed, seed=self.seed + place)
            for place, name in enumerate(self.objectives())
        }

    def games(self):
        """Of each generator against all discriminators, of which the first is named."""
        first = self.discriminators.names[0]
        return [
            Game(name, first, chain.played, name=name)
            for name, chain in zip(self.generators.names, self.chains)
        ]

    def prior_loss(self, network):
        """-log p / N of a network's weights, but for a constant."""
        squares = [tf.reduce_sum(v.value**2) for v in network.trainable_variables]
        return tf.add_n(squares) / (2 * self.prior_deviation**2 * self.observed)

    def scores(self, images, training=False):
        """The logit of real of each discriminator, a list of (n, 1)."""
        return [self.parted(out)[0] for out in self.discriminators.outputs(images, training)]

    def score(self, images, labels=None, training=False):
        """The mean of the discriminators' logits of real, (n, 1), of images (n, h, w, c)."""
        return _mean(self.scores(images, training))

    def classify(self, images):
        """P(C|x), (n, classes), the mean over discriminators, of images (n, h, w, c) in [-1, 1]."""
        images = self.fields["images"].prepared(images)
        return _mean([tf.nn.softmax(out) for out in self.discriminators.outputs(images)])
