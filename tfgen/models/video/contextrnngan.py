"""Context-RNN-GAN: the next frame by all before it, judged by all before it.

Ghosh, Kulharia, Mukerjee, Namboodiri and Bansal. Contextual RNN-GANs for Abstract Reasoning Diagram
Generation. AAAI 2017. https://arxiv.org/abs/1609.09444

G has seen the true frames x_1 ... x_{t-1} when it makes y_t, and D has seen them when it judges x_t, or y_t
in its place:

    discriminator: -sum_t E[log D(x_t | x_<t) + log(1 - D(y_t | x_<t))]
    generator:     sum_t E[|y_t - x_t|^2] - adversarial_weight sum_t E[log D(y_t | x_<t)]

for t from 2 on. Both are gated recurrent units, h = (1 - z) h + z tanh(W [x, r h]), where z and r are
sigmoids of [x, h].

Unlike the paper, whose states are vectors over features of a Siamese network, states here are maps, a
quarter as high and wide as the frames, and their weights convolutions, for what moves is the same wherever
it is: as in Ballas, Yao, Pal and Courville. Delving Deeper into Convolutional Networks for Learning Video
Representations. ICLR 2016. https://arxiv.org/abs/1511.06432. The weight and the rates are ours; there is no
z, for the frames before all but determine the next one.
"""

import keras
import tensorflow as tf
from keras import layers

from tfgen.errors import InputError
from tfgen.models.abilities import Played
from tfgen.models.base import Recipe
from tfgen.models.registry import model
from tfgen.models.translating import nearest
from tfgen.models.video.base import FramesGAN

QUARTER = 4  # pixels of a frame for one place of a state
SLOPE = 0.2  # of leaky ReLU: behind ReLU a generator of dark frames ends in black ones, and learns no more


def recurrent(x, state):
    """The next state of features x (n, h, w, f) and a state (n, h, w, s), by convolutions of 3 x 3."""
    filters = state.shape[-1]

    def convolution(inputs, activation):
        return layers.Conv2D(filters, 3, padding="same", activation=activation)(layers.Concatenate()(inputs))

    update, reset = (convolution([x, state], "sigmoid") for _ in range(2))
    candidate = convolution([x, layers.Multiply()([reset, state])], "tanh")
    change = layers.Multiply()([update, layers.Subtract()([candidate, state])])
    return layers.Add(dtype="float32")([state, change])


def reader(sizes, channels, width, units):
    """(the inputs [frame, state], the next state) of a network."""
    height, width_ = sizes
    small = [None if size is None else size // QUARTER for size in (height, width_)]
    frame, state = keras.Input((height, width_, channels)), keras.Input((*small, units))
    x = frame
    for times in (1, 2):
        x = layers.LeakyReLU(SLOPE)(layers.Conv2D(times * width, 3, 2, padding="same")(x))
    return [frame, state], recurrent(x, state)


def generator(channels, width, units):
    """[frame (n, h, w, channels), state] -> [the next frame, the next state (n, h / 4, w / 4, units)]."""
    inputs, state = reader((None, None), channels, width, units)
    x = state
    for times in (2, 1):
        x = layers.LeakyReLU(SLOPE)(layers.Conv2DTranspose(times * width, 4, 2, padding="same")(x))
    frame = layers.Conv2D(channels, 3, padding="same", activation="tanh", dtype="float32")(x)
    return keras.Model(inputs, [frame, state], name="generator")


def discriminator(image_shape, width, units):
    """[frame (n, h, w, c), state] -> [the frame's logit (n, 1), the next state (n, h / 4, w / 4, units)]."""
    *sizes, channels = image_shape
    inputs, state = reader(sizes, channels, width, units)
    x = layers.LeakyReLU(SLOPE)(layers.Conv2D(2 * width, 3, 2, padding="same")(state))
    logit = layers.Dense(1, dtype="float32")(layers.Flatten()(x))
    return keras.Model(inputs, [logit, state], name="discriminator")


@model(title="Contextual RNN-GANs for Abstract Reasoning Diagram Generation", year=2017)
class ContextRNNGAN(FramesGAN):
    """A recurrent generator of the next frame against a recurrent discriminator of it.

    Its batches are {"frames": (n, given + predicted, h, w, c)} in [-1, 1], of which every frame but the first
    is learnt; it continues clips of `given` frames or more.

    Args:
        image_shape: (height, width, channels) of the frames in training, multiples of 4.
        given, predicted: how many frames of an example are given, and follow.
        width: filters next to the frames, of both networks.
        units: maps of a state, of both networks.
        adversarial_weight: 0 leaves the discriminator out, and the squared error alone.
    """

    tiny = dict(image_shape=(8, 8, 1), given=2, predicted=2, width=2, units=2)
    recipe = Recipe("moving_digits", batch_size=16, epochs=2, model=dict(image_shape=(32, 32, 1)))
    multiple = QUARTER
    generator_logs = ("squared_error",)

    def __init__(
        self,
        image_shape=(32, 32, 1),
        given=5,
        predicted=3,
        width=16,
        units=48,
        adversarial_weight=0.01,
        **kwargs,
    ):
        self.check_counts(given, predicted)
        if any(size % QUARTER for size in image_shape[:2]):
            raise InputError(
                f"a ContextRNNGAN takes frames whose sizes are multiples of {QUARTER}; received {image_shape}"
            )
        super().__init__(**kwargs)
        self.image_shape, self.given, self.predicted = image_shape, given, predicted
        self.width, self.units, self.adversarial_weight = width, units, adversarial_weight
        with self.building():
            self.generator = generator(image_shape[-1], width, units)
            if adversarial_weight:
                self.discriminator = discriminator(image_shape, width, units)

    @classmethod
    def fitting(cls, shape, **config):
        return nearest(shape, QUARTER)

    def default_optimizers(self):
        """Adam of rate 1e-3, of the discriminator 2e-4."""
        rates = {"discriminator": 2e-4, "generator": 1e-3}
        return {name: keras.optimizers.Adam(rates[name]) for name in self.objectives()}

    # A step of time.

    def blank(self, frames):
        """The state before the first of frames (n, ..., h, w, c)."""
        n, height, width = (tf.shape(frames)[axis] for axis in (0, -3, -2))
        return tf.zeros(tf.stack([n, height // QUARTER, width // QUARTER, self.units]))

    def extended(self, frames, steps, training=False):
        network, count = self.network("generator", training), frames.shape[1]
        times = count + steps - 1

        def further(k, made, state, every):
            seen = tf.where(k < count, frames[:, tf.minimum(k, count - 1)], made)
            made, state = network([seen, state], training=training)
            return k + 1, made, state, every.write(k, made)

        start = (0, tf.zeros_like(frames[:, 0]), self.blank(frames), tf.TensorArray(tf.float32, times))
        *_, every = tf.while_loop(lambda k, *_: k < times, further, start)
        return tf.transpose(every.stack()[count - 1 :], (1, 0, 2, 3, 4))

    def following(self, frames, training=False):
        """What is made after each of the true frames (n, t, h, w, c), by it and those before, as many."""
        network, state, every = self.network("generator", training), self.blank(frames), []
        for seen in tf.unstack(frames, axis=1):
            made, state = network([seen, state], training=training)
            every.append(made)
        return tf.stack(every, axis=1)

    def scores(self, frames, others, training=False):
        """Logits of the frames (n, t, h, w, c) from the second on, and of others (n, t - 1, h, w, c) in their
        places, each after the frames before it: (n, t - 1) each."""
        state, states, real = self.blank(frames), [], []
        for seen in tf.unstack(frames, axis=1):
            states.append(state)
            score, state = self.discriminator([seen, state], training=training)
            real.append(score)
        # The others change no state that another one meets.
        rows = [
            tf.reshape(tf.stack(x), (-1, *x[0].shape[1:])) for x in (tf.unstack(others, axis=1), states[1:])
        ]
        fake, _ = self.discriminator(rows, training=training)
        fake = tf.transpose(tf.reshape(fake, (len(states) - 1, -1)))
        return tf.concat(real[1:], axis=-1), fake

    # Training.

    def fakes(self, step):
        """What is made in place of the step's frames from the second on, (n, t - 1, h, w, c)."""
        return step.once(self._fakes, self.generator)

    def _fakes(self, step):
        return self.following(step.batch["frames"][:, :-1], step.training)

    def played(self, step):
        """What is seen of the game in a step: see `abilities.Game`."""
        frames, fakes = step.batch["frames"], self.fakes(step)
        return Played(*self.scores(frames, fakes, step.training), frames[:, -1], fakes[:, -1])

    def discriminator_objective(self, step):
        frames, fakes = step.batch["frames"], tf.stop_gradient(self.fakes(step))
        real, fake = self.scores(frames, fakes, step.training)
        return fakes.shape[1] * self.adversarial_loss.discriminator(real, fake), {}

    def generator_objective(self, step):
        frames, fakes = step.batch["frames"], self.fakes(step)
        logs = {"squared_error": fakes.shape[1] * tf.reduce_mean((fakes - frames[:, 1:]) ** 2)}
        loss = logs["squared_error"]
        if self.adversarial_weight:
            _, fake = self.scores(frames, fakes, step.training)
            logs["adversarial"] = fakes.shape[1] * self.adversarial_loss.generator(fake)
            loss += self.adversarial_weight * logs["adversarial"]
        return loss, logs
