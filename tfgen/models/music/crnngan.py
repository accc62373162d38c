"""C-RNN-GAN: tunes as sequences of real numbers, by recurrent networks against each other.

Mogren. C-RNN-GAN: Continuous recurrent neural networks with adversarial training. Constructive Machine
Learning Workshop at NeurIPS 2016. https://arxiv.org/abs/1611.09904

A tone is four real numbers: its length, pitch, intensity, and the time since the tone before it. G is an
LSTM of two layers whose step takes noise u_t ~ U(0, 1)^4 and the tone that it made last; D is an LSTM of two
layers in both directions, with a sigmoid at each step:

    x_t = G(u_t, x_{t-1}),    D(x) = mean_t sigmoid(s_t),    R(x): the states of D's last layer

    L_D = -E log D(x) - E log(1 - D(G(u)))
    L_G = -E log D(G(u)),  or by feature matching  |E R(x) - E R(G(u))|^2, a mean over steps and states

A player whose loss was less than 70 % of the other's in the last batch is not updated (freezing): its
weights stay as they are. Before the game G learns to predict the next tone of the data's, by squared
error. Sizes, SGD of rate 0.1 and half of it for D, and gradients of a norm of at most 5 are those of the
author's code (github.com/olofmogren/c-rnn-gan); there freezing is in effect for one player and a
batch's loss that of its first tune, which is not ported.

Unlike the paper and its code, G takes u less its mean, over its deviation, or it soon writes one tune for
all u; pitch is the MIDI number, linear in the logarithm of the frequency; columns are scaled by the data's
means and deviations; the data's values, which lie on a grid, are spread evenly within its cells while the
model learns, and samples rounded to it, or D would learn the grid alone; there is neither dropout nor weight
decay, and pre-training has whole tunes from the start.
"""

import functools
import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfgen import losses, music, random
from tfgen.errors import InputError
from tfgen.fields import Events
from tfgen.layers import BidirectionalLSTM, Scan
from tfgen.models.abilities import Games, Played
from tfgen.models.base import GenerativeModel, Objective, Recipe
from tfgen.models.registry import model

TONE = len(Events.columns)
NOISE = 4  # of a step, as many as a tone has numbers


@keras.saving.register_keras_serializable("tfgen")
class ToneCell(layers.Layer):
    """A step of G: [noise, a tone, whether that is the one before, or the cell's own last] -> the next tone.

    Args:
        width: units of each of the two LSTM layers.
    """

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.first, self.second = layers.LSTMCell(width), layers.LSTMCell(width)
        self.tone = layers.Dense(TONE)
        self.state_size, self.output_size = [TONE, width, width, width, width], TONE

    def build(self, input_shape):
        parts = ((self.first, NOISE + TONE), (self.second, self.width), (self.tone, self.width))
        for layer, size in parts:
            if not layer.built:  # as those of a configuration are
                layer.build((input_shape[0], size))

    def call(self, inputs, states, training=False):
        last, h, c, upper_h, upper_c = states
        noise = (inputs[:, :NOISE] - 0.5) * math.sqrt(12)  # of mean 0 and deviation 1
        given, known = inputs[:, NOISE:-1], inputs[:, -1:]
        before = known * given + (1 - known) * last
        x, (h, c) = self.first(keras.ops.concatenate([noise, before], axis=1), [h, c])
        x, (upper_h, upper_c) = self.second(x, [upper_h, upper_c])
        tone = self.tone(x)
        return tone, [tone, h, c, upper_h, upper_c]

    def get_config(self):
        return {**super().get_config(), "width": self.width}


@model(title="C-RNN-GAN: Continuous recurrent neural networks with adversarial training", year=2016)
class CRNNGAN(Games, GenerativeModel):
    """A recurrent generator of tunes against a recurrent discriminator.

    Tunes are events (n, tones, 4), in the units of `tfgen.fields.Events`: quarter notes, and MIDI's numbers
    of pitch and intensity.

    Args:
        tones: of a tune.
        width: units of each layer of either network, in each direction.
        grid: of the data's times, in quarter notes, as 0.25 for sixteenths; a fine one, as 1/24, for
            triplets or played music.
        longest: of the lengths, and of the times between tones, in quarter notes; longer ones are cut.
        pretraining: steps in which G learns to predict the next tone; 0 for none.
        feature_matching: G's loss; False is the adversarial one.
        freezing: the share of the other's loss below which a player is not updated; 0 for never.
    """

    tiny = dict(tones=4, width=6, grid=1 / 64, pretraining=1, freezing=0.1)
    recipe = Recipe("scales", batch_size=20, epochs=200, model=dict(width=64), data=dict(repeat=4))
    data_options = {"crop": "random"}
    value_range = (0.0, 127.0)  # of all columns; `fields` has that of each
    averaged_networks = ("generator",)
    own_networks = ("generator", "discriminator")
    adversarial_loss = losses.Minimax()
    start_examples = 256

    def __init__(
        self,
        tones=64,
        width=100,
        grid=0.25,
        longest=8.0,
        pretraining=500,
        feature_matching=False,
        freezing=0.7,
        **kwargs,
    ):
        if tones < 3:
            raise InputError(f"a tune has at least 3 tones; received tones={tones}")
        if not 0 < grid <= longest <= 127:
            raise InputError(f"CRNNGAN needs 0 < grid <= longest <= 127; received {grid} and {longest}")
        if not 0 <= freezing < 1:
            raise InputError(f"freezing must lie in [0, 1); received {freezing}")
        if pretraining < 0:
            raise InputError(f"pretraining is a number of steps, 0 or more; received {pretraining}")
        super().__init__(**kwargs)
        self.tones, self.width, self.grid, self.longest = tones, width, grid, longest
        self.pretraining, self.feature_matching = pretraining, feature_matching
        self.freezing = freezing
        kept = dict(trainable=False, aggregation="only_first_replica")
        self.last_losses = self.add_weight((2,), "zeros", name="last_losses", **kept)  # D's and G's
        self.mean = self.add_weight((TONE,), "zeros", name="mean", **kept)
        self.deviation = self.add_weight((TONE,), "ones", name="deviation", **kept)
        high = np.float32(self.fields["images"].high)
        self.mean.assign(high / 2), self.deviation.assign(high / 8)  # until data say better
        with self.building():
            self.generator = self._generator()
            self.discriminator = self._discriminator()

    def _generator(self):
        inputs = keras.Input((self.tones, NOISE + TONE + 1))
        x = Scan(ToneCell(self.width))(inputs)
        return keras.Model(inputs, layers.Activation("linear", dtype="float32")(x), name="generator")

    def _discriminator(self):
        x = tunes = keras.Input((self.tones, TONE))
        for _ in range(2):
            x = BidirectionalLSTM(self.width)(x)
        states = layers.Activation("linear", dtype="float32", name="states")(x)
        logits = layers.Dense(1, dtype="float32")(states)
        return keras.Model(tunes, [logits, states], name="discriminator")

    @property
    def image_shape(self):
        """(tones, 4), of what `sample` makes."""
        return self.fields["images"].shape

    @property
    def fields(self):
        return {"images": Events(self.tones, float(self.longest))}

    @property
    def steps_of_values(self):
        """The grid of each column, float32 (4,)."""
        return np.float32([self.grid, 1, 1, self.grid])

    def default_optimizers(self):
        """SGD of rate 0.1, for D of half of it; gradients of a norm of at most 5."""
        rates = {name: 0.05 if name == "discriminator" else 0.1 for name in self.objectives()}
        return {name: keras.optimizers.SGD(rate, global_clipnorm=5.0) for name, rate in rates.items()}

    def objectives(self):
        later = (lambda k: k > self.pretraining) if self.pretraining else None
        d, g = (functools.partial(self._turn, place) if self.freezing else None for place in (0, 1))
        each = {
            "discriminator": Objective(
                self.discriminator_objective, (self.discriminator,), stage=later, when=d
            ),
            "generator": Objective(self.generator_objective, (self.generator,), stage=later, when=g),
        }
        if self.pretraining:
            first = Objective(self.next_objective, (self.generator,), stage=lambda k: k <= self.pretraining)
            each["next"] = first
        return each

    # The scales of the data.

    def start(self, batch):
        mean, variance = tf.nn.moments(batch["images"], axes=[0, 1])
        self.mean.assign(mean)
        self.deviation.assign(tf.sqrt(variance + self.steps_of_values**2 / 12))  # of a cell of the grid

    def scaled(self, events):
        """Events (n, tones, 4) as the networks have them, of mean 0 and deviation 1."""
        return (events - self.mean) / self.deviation

    def events(self, tunes):
        """The events (n, tones, 4) of what G makes, on the grid and within the field's ranges."""
        grid, high = self.steps_of_values, np.float32(self.fields["images"].high)
        low = np.float32([self.grid, 0, 0, 0])  # each tone sounds
        return tf.clip_by_value(grid * tf.round((tunes * self.deviation + self.mean) / grid), low, high)

    def real(self, step):
        """The batch as D sees it, once a step: spread within the cells of the grid, and scaled."""
        return step.once(self._real)

    def _real(self, step):
        spread = step.uniform("cells", self.tones, TONE) - 0.5
        return self.scaled(step.batch["images"] + spread * self.steps_of_values)

    # The game.

    def may_learn(self, step):
        """Whether D and G are updated in this step: not a player whose last loss was too small."""
        self.fakes(step)  # for both updates
        return step.once(self._may_learn, self.discriminator)

    def _turn(self, place, step):
        return self.may_learn(step)[place]

    def _may_learn(self, step):
        d, g = tf.unstack(self.last_losses.value)
        return d >= self.freezing * g, g >= self.freezing * d

    def fakes(self, step):
        """As many tunes as the step has examples, scaled: (n, tones, 4)."""
        return step.once(self._fakes, self.generator)

    def _fakes(self, step):
        return self.free(step.uniform("u", self.tones, NOISE), step.training)

    def free(self, noise, training=False):
        """What G makes of noise (n, tones, 4) alone, each tone after its own last: (n, tones, 4)."""
        nothing = tf.zeros_like(noise[..., :1])
        inputs = tf.concat([noise, tf.repeat(nothing, TONE + 1, axis=2)], axis=2)
        return self.network("generator", training)(inputs, training=training)

    def next_objective(self, step):
        """The squared error of each tone's prediction from noise and the data's tones before it."""
        tunes = self.real(step)
        before = tf.pad(tunes[:, :-1], [[0, 0], [1, 0], [0, 0]])
        inputs = [step.uniform("u", self.tones, NOISE), before, tf.ones_like(before[..., :1])]
        made = self.generator(tf.concat(inputs, axis=2), training=step.training)
        return tf.reduce_mean((made - tunes) ** 2), {}

    def judged(self, *tunes, training=False):
        """(score (n, 1), the logit of the mean probability over the steps; D's states (n, tones, k)) of each.

        All of them go through D as one batch: its loops take as long.
        """
        logits, states = self.discriminator(tf.concat(tunes, axis=0), training=training)
        sizes = [tf.shape(x)[0] for x in tunes]
        return list(zip(*(tf.split(x, sizes) for x in (mean_probability(logits), states))))

    def discriminator_objective(self, step):
        both = self.real(step), tf.stop_gradient(self.fakes(step))
        (real, _), (fake, _) = self.judged(*both, training=step.training)
        loss = self.adversarial_loss.discriminator(real, fake)
        if step.training:
            self.last_losses.assign(tf.stack([loss, self.adversarial_loss.generator(fake)]))
        return loss, {}

    def generator_objective(self, step):
        real = None
        if self.feature_matching:
            both = self.fakes(step), self.real(step)
            (fake, made), (real, wanted) = self.judged(*both, training=step.training)
        else:
            ((fake, made),) = self.judged(self.fakes(step), training=step.training)
        adversarial = self.adversarial_loss.generator(fake)
        if step.training and self.freezing:

            def measured():
                score = self.judged(self.real(step), training=True)[0][0] if real is None else real
                return tf.stack([self.adversarial_loss.discriminator(score, fake), adversarial])

            # An update of D has measured both.
            learnt, _ = self.may_learn(step)
            self.last_losses.assign(tf.cond(learnt, lambda: self.last_losses.value, measured))
        return losses.matching(wanted, made) if self.feature_matching else adversarial, {}

    def played(self, step):
        """What is seen of the game in a step: tunes as they are sampled, see `abilities.Game`."""
        events, fakes = step.batch.get("images"), self.fakes(step)
        tunes = [fakes] if events is None else [fakes, self.real(step)]
        (fake, _), *real = self.judged(*tunes, training=step.training)
        return Played(real[0][0] if real else None, fake, events, self.events(fakes))

    # Use.

    def draw(self, key, n, first_row):
        noise = random.uniform(key, (n, self.tones, NOISE), first_row)
        return self._compiled(noise) if tf.executing_eagerly() else self.events(self.free(noise))

    @tf.function(autograph=False, reduce_retracing=True)
    def _compiled(self, noise):
        return self.events(self.free(noise))

    def call(self, noise, training=False):
        return self.events(self.free(noise, training))

    def picture(self, images):
        return music.piano_rolls(images, self.value_range[1])

    def signatures(self):
        return {"sample": self.sampler()}


def mean_probability(logits):
    """The logit of mean_t sigmoid(s_t), (n, 1), of logits s (n, steps, 1)."""
    yes = tf.reduce_logsumexp(tf.math.log_sigmoid(logits), axis=1)
    no = tf.reduce_logsumexp(tf.math.log_sigmoid(-logits), axis=1)
    return yes - no  # what the number of steps adds to both is gone
