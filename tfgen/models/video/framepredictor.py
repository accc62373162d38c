"""Future frames at several scales: a squared error blurs them, gradients and an adversary sharpen them.

Mathieu, Couprie and LeCun. Deep Multi-Scale Video Prediction Beyond Mean Square Error. ICLR 2016.
https://arxiv.org/abs/1511.05440

    Y^_k = G_k(X) = tanh(u(Y^_{k-1}) + G'_k(X_k, u(Y^_{k-1}))),   k = 1 ... 4, from coarse to fine

where X are the frames before Y, X_k and Y_k are halved 4 - k times, and u doubles the size. D_k judges at
scale k whether a frame follows X_k; of all scales,

    discriminator: sum_k bce(D_k(X_k, Y_k), 1) + bce(D_k(X_k, Y^_k), 0)
    generator:     adversarial_weight sum_k bce(D_k(X_k, Y^_k), 1)
                   + sum_k |Y^_k - Y_k|^norm + gdl_weight sum_k GDL(Y^_k, Y_k)
    GDL(A, B) = | |A_ij - A_{i-1,j}| - |B_ij - B_{i-1,j}| |^alpha
                + | |A_{i,j-1} - A_ij| - |B_{i,j-1} - B_ij| |^alpha

and errors are means over places and channels, as in the authors' code
(https://github.com/coupriec/VideoPredictionICLR2016), which also halves by averaging, doubles by repeating
pixels, and has the tanh at each scale.

Unlike the paper, both players see the same batch and keep their rates (the generator's fell from 0.04 to
0.005), and patches without motion are not left out. D is not shown real frames of other clips as fakes,
which the code adds.
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

# Of each scale, coarse to fine: kernels, and filters in units of the width (the paper's table of networks).
GENERATORS = (
    ((3, 3, 3, 3), (1, 2, 1)),
    ((5, 3, 3, 5), (1, 2, 1)),
    ((5, 3, 3, 3, 3, 5), (1, 2, 4, 2, 1)),
    ((7, 5, 5, 5, 5, 7), (1, 2, 4, 2, 1)),
)
# Unpadded convolutions, then dense layers; the finest halves its maps before those.
DISCRIMINATORS = (
    ((3,), (0.5,), (4, 2)),
    ((3, 3, 3), (0.5, 1, 1), (8, 4)),
    ((5, 5, 5), (1, 2, 2), (8, 4)),
    ((7, 7, 5, 5), (1, 2, 4, 1), (8, 4)),
)


def joined(frames):
    """Frames (n, t, h, w, c) as the channels of one image, (n, h, w, t c)."""
    return tf.concat(tf.unstack(frames, axis=1), axis=-1)


def parted(images, count):
    """The `count` frames (n, count, h, w, c) that images (n, h, w, count c) hold."""
    return tf.stack(tf.split(images, count, axis=-1), axis=1)


def pyramid(images, scales):
    """[images halved scales - 1 times, ..., images], by averages."""
    halved = [tf.nn.avg_pool2d(images, 2**k, 2**k, "VALID") for k in range(scales - 1, 0, -1)]
    return [*halved, images]


def gradient_difference(images, others, alpha):
    """GDL of images and others (n, h, w, c), the mean over neighbours of each direction: a scalar."""

    def steps(x):
        return abs(x[:, 1:] - x[:, :-1]), abs(x[:, :, 1:] - x[:, :, :-1])

    return sum(tf.reduce_mean(abs(a - b) ** alpha) for a, b in zip(steps(images), steps(others)))


def generator(channels, made, width, scales):
    """Images (n, h, w, channels) -> the predictions (n, h_k, w_k, made) of each scale, coarse to fine."""
    images = keras.Input((None, None, channels))
    outputs = []
    for k, (kernels, times) in enumerate(GENERATORS[-scales:]):
        factor, x, guess = 2 ** (scales - 1 - k), images, None
        if factor > 1:
            x = layers.AveragePooling2D(factor)(x)
        if outputs:
            guess = layers.UpSampling2D(2, interpolation="nearest")(outputs[-1])
            x = layers.Concatenate()([x, guess])
        for kernel, filters in zip(kernels, times):
            x = layers.Conv2D(filters * width, kernel, padding="same", activation="relu")(x)
        x = layers.Conv2D(made, kernels[-1], padding="same", dtype="float32")(x)
        x = x if guess is None else layers.Add(dtype="float32")([x, guess])
        outputs.append(layers.Activation("tanh", dtype="float32")(x))
    return keras.Model(images, outputs, name="generator")


def discriminator(image_shape, channels, width, scales):
    """Images (n, h_k, w_k, channels) of each scale, coarse to fine -> logits (n, 1) of each."""
    inputs, outputs = [], []
    for k, (kernels, times, dense) in enumerate(DISCRIMINATORS[-scales:]):
        size = [side // 2 ** (scales - 1 - k) for side in image_shape[:2]]
        inputs.append(x := keras.Input((*size, channels)))
        for kernel, filters in zip(kernels, times):
            x = layers.Conv2D(max(int(filters * width), 1), kernel, activation="relu")(x)
        if k == scales - 1:
            x = layers.MaxPooling2D(2)(x)
        x = layers.Flatten()(x)
        for units in dense:
            x = layers.Dense(units * width, activation="relu")(x)
        outputs.append(layers.Dense(1, dtype="float32")(x))
    return keras.Model(inputs, outputs, name="discriminator")


def smallest(scales):
    """The least height and width whose every scale fills the discriminator's kernels."""
    needs = [sum(kernels) - len(kernels) + 1 for kernels, *_ in DISCRIMINATORS[-scales:]]
    needs[-1] += 1  # two places, which are pooled
    multiple = 2 ** (scales - 1)
    least = max(need * 2 ** (scales - 1 - k) for k, need in enumerate(needs))
    return -(-least // multiple) * multiple


@model(title="Deep Multi-Scale Video Prediction Beyond Mean Square Error", year=2016)
class FramePredictor(FramesGAN):
    """A generator that refines its prediction from scale to scale, against a discriminator of each scale.

    Its batches are {"frames": (n, given + predicted, h, w, c)} in [-1, 1].

    Args:
        image_shape: (height, width, channels) of the frames in training, multiples of 2**(scales - 1).
        given: frames that it sees.
        predicted: frames that it makes at once.
        scales: 1 to 4, each of twice the size.
        width: filters next to the frames, of the generator; the authors' code has 16.
        discriminator_width: of the discriminator of the finest scale.
        norm: p of |Y^ - Y|^p, 1 or 2.
        gdl_weight: of the gradient difference; 0 leaves it out.
        alpha: its power, 1 or 2.
        adversarial_weight: 0 leaves the discriminators out.
    """

    tiny = dict(image_shape=(26, 26, 1), given=2, scales=2, width=2, discriminator_width=2)
    recipe = Recipe(
        "moving_digits",
        batch_size=16,
        epochs=3,
        model=dict(image_shape=(32, 32, 1), width=16, discriminator_width=16),
    )

    def __init__(
        self,
        image_shape=(32, 32, 3),
        given=4,
        predicted=1,
        scales=4,
        width=128,
        discriminator_width=128,
        norm=1,
        gdl_weight=1.0,
        alpha=1,
        adversarial_weight=0.05,
        **kwargs,
    ):
        if not 1 <= scales <= len(GENERATORS):
            raise InputError(f"scales are 1 to {len(GENERATORS)}; received {scales}")
        if norm not in (1, 2) or alpha not in (1, 2):
            raise InputError(f"norm and alpha are 1 or 2; received norm={norm}, alpha={alpha}")
        self.check_counts(given, predicted)
        multiple, least = 2 ** (scales - 1), smallest(scales)
        sizes = image_shape[:2]
        if any(size % multiple for size in sizes) or (adversarial_weight and min(sizes) < least):
            raise InputError(
                f"a FramePredictor of scales={scales} takes frames of {least}x{least} at least, of sizes "
                f"that are multiples of {multiple}; received {image_shape}; choose other sizes, or fewer "
                f"scales"
            )
        super().__init__(**kwargs)
        self.image_shape, self.given, self.predicted, self.scales = image_shape, given, predicted, scales
        self.width, self.discriminator_width = width, discriminator_width
        self.norm, self.gdl_weight, self.alpha = norm, gdl_weight, alpha
        self.adversarial_weight = adversarial_weight
        channels = image_shape[-1]
        with self.building():
            self.generator = generator(given * channels, predicted * channels, width, scales)
            if adversarial_weight:
                seen = (given + predicted) * channels
                self.discriminator = discriminator(image_shape, seen, discriminator_width, scales)

    @property
    def multiple(self):
        return 2 ** (self.scales - 1)

    @classmethod
    def fitting(cls, shape, *, scales, **config):
        return nearest(shape, 2 ** (scales - 1), smallest(scales))

    @property
    def generator_logs(self):
        return ("reconstruction", *["gradient_difference"] * bool(self.gdl_weight))

    def default_optimizers(self):
        """SGD of rates 0.04 for the generator and 0.02 for the discriminator (section 3.2)."""
        rates = {"discriminator": 0.02, "generator": 0.04}
        return {name: keras.optimizers.SGD(rates[name]) for name in self.objectives()}

    # Prediction.

    def extended(self, frames, steps, training=False):
        window = frames[:, -self.given :]
        if steps <= self.predicted:
            return self.following(window, training)[:, :steps]
        times = -(-steps // self.predicted)

        def further(k, window, made):
            new = self.following(window, training)
            return k + 1, tf.concat([window, new], axis=1)[:, -self.given :], made.write(k, new)

        made = tf.TensorArray(tf.float32, times)
        _, _, made = tf.while_loop(lambda k, *_: k < times, further, (0, window, made))
        made = made.stack()  # (times, n, predicted, h, w, c)
        return tf.concat(tf.unstack(made), axis=1)[:, :steps]

    def following(self, window, training=False):
        """The next `predicted` frames (n, predicted, h, w, c) of `given` frames (n, given, h, w, c)."""
        made = self.network("generator", training)(joined(window), training=training)
        return parted(made[-1] if self.scales > 1 else made, self.predicted)

    # Training.

    def pair(self, step):
        """(X, [Y_k]) of the step: frames joined as channels, and what is to follow at each scale."""
        return step.once(self._pair)

    def _pair(self, step):
        frames = step.batch["frames"]
        return joined(frames[:, : self.given]), pyramid(joined(frames[:, self.given :]), self.scales)

    def fakes(self, step):
        """[Y^_k] of the step's X."""
        return step.once(self._fakes, self.generator)

    def _fakes(self, step):
        made = self.generator(self.pair(step)[0], training=step.training)
        return made if self.scales > 1 else [made]

    def score(self, given, frames, training=False):
        """Logits (n, scales): high at each scale where D takes frames, a list by scale, for what follows."""
        seen = [tf.concat(both, axis=-1) for both in zip(pyramid(given, self.scales), frames)]
        scores = self.discriminator(seen if self.scales > 1 else seen[0], training=training)
        return tf.concat(scores, axis=-1) if self.scales > 1 else scores

    def played(self, step):
        """What is seen of the game in a step: see `abilities.Game`."""
        (given, truth), fakes = self.pair(step), self.fakes(step)
        real, fake = (self.score(given, frames, step.training) for frames in (truth, fakes))
        return Played(real, fake, truth[-1], fakes[-1])

    def discriminator_objective(self, step):
        (given, truth), fakes = self.pair(step), [tf.stop_gradient(x) for x in self.fakes(step)]
        real, fake = (self.score(given, frames, step.training) for frames in (truth, fakes))
        return self.scales * self.adversarial_loss.discriminator(real, fake), {}

    def generator_objective(self, step):
        (given, truth), fakes = self.pair(step), self.fakes(step)
        both = list(zip(fakes, truth))
        logs = {"reconstruction": sum(tf.reduce_mean(abs(a - b) ** self.norm) for a, b in both)}
        loss = logs["reconstruction"]
        if self.gdl_weight:
            logs["gradient_difference"] = sum(gradient_difference(a, b, self.alpha) for a, b in both)
            loss += self.gdl_weight * logs["gradient_difference"]
        if self.adversarial_weight:
            scores = self.score(given, fakes, step.training)
            logs["adversarial"] = self.scales * self.adversarial_loss.generator(scores)
            loss += self.adversarial_weight * logs["adversarial"]
        return loss, logs
