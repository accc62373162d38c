"""Multi-scale PixelRNN: a small image, and the large one that fills in what lies between its pixels.

van den Oord, Kalchbrenner and Kavukcuoglu. Pixel Recurrent Neural Networks. ICML 2016,
section 3.5. https://arxiv.org/abs/1601.06759

The small image x_s is every `scale`-th pixel of every `scale`-th row of the large one:

    log p(x) = sum_{i in x_s} log p(x_i | earlier values of x_s)            unconditional PixelRNN
             + sum_{i not in x_s} log p(x_i | x_s, earlier values of x)     conditional PixelRNN

Each value is counted once, in the order: x_s, then all others row by row. So this is exact, and the
probabilities of all images sum to 1. (The conditional network's outputs at the pixels of x_s are not
used: with them, p(x_s) p(x | x_s) would give mass to images that contradict their own x_s.)

A convolution and a deconvolution of x_s make a map of the large size, which each LSTM layer of the
conditional network adds to its gates by an unmasked 1x1 convolution.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfgen.errors import InputError
from tfgen.models.autoregressive.base import AutoregressiveModel
from tfgen.models.autoregressive.pixelrnn import stack
from tfgen.models.autoregressive.pixelrnn_sampler import draw
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="Pixel Recurrent Neural Networks", year=2016)
class MultiScalePixelRNN(AutoregressiveModel):
    """An image's values one by one: first those of a small image, then those between them.

    Of `conditioned_on`, given values between the small image's pixels do not change these, which are
    drawn before; and all given pixels of the small image are seen by all values between them.

    Args:
        image_shape: (height, width, channels); images lie in [0, 1].
        levels: the number of values that each channel of a pixel can take; 2 for binary images.
        width, depth, top, lstm: of both networks, as in `PixelRNN`.
        scale: how many times smaller the small image is, in height and in width.
    """

    tiny = dict(image_shape=(8, 8, 1), levels=4, width=8, depth=1, scale=2, lstm="row")
    recipe = Recipe(
        "mnist",
        batch_size=16,
        epochs=5,
        model=dict(levels=2, width=16, depth=4, scale=2, lstm="row", ema_decay=0.999),
        data=dict(binarize="dynamic"),
    )

    def __init__(
        self,
        image_shape=(32, 32, 3),
        levels=256,
        width=128,
        depth=12,
        top=32,
        scale=2,
        lstm="diagonal",
        **kwargs,
    ):
        super().__init__(image_shape, levels, **kwargs)
        if not 2 <= scale <= max(self.image_shape[:2]):
            raise InputError(f"scale must be 2 or more and no larger than the image; received {scale}")
        self.width, self.depth, self.top, self.scale, self.lstm = width, depth, top, scale, lstm
        height, columns, _ = self.image_shape
        options = dict(levels=levels, width=width, depth=depth, top=top, lstm=lstm)
        with self.building():
            images = keras.Input(self.image_shape)
            reduced = images[:, ::scale, ::scale]
            small = keras.Input(reduced.shape[1:])
            small = keras.Model(small, stack(small, **options), name="small")
            seen = layers.Conv2D(2 * width, 3, padding="same", activation="relu")(reduced)
            seen = layers.Conv2DTranspose(2 * width, 2 * scale, scale, padding="same", activation="relu")(
                seen
            )
            seen = seen[:, :height, :columns]
            upsampling = keras.Model(images, seen, name="upsampling")
            large = [keras.Input(self.image_shape), keras.Input(seen.shape[1:])]
            large = keras.Model(large, stack(large[0], **options, conditions=large[1]), name="large")
            spread = keras.ops.repeat(keras.ops.repeat(small(reduced), scale, axis=1), scale, axis=2)
            logits = Where(self.in_small)([spread[:, :height, :columns], large([images, upsampling(images)])])
            self.predictor = keras.Model(images, logits, name="predictor")

    @property
    def in_small(self):
        """Whether a pixel belongs to the small image: (h, w, 1)."""
        row, column = np.indices(self.image_shape[:2])
        return ((row % self.scale == 0) & (column % self.scale == 0))[..., None]

    def default_optimizers(self):
        return keras.optimizers.RMSprop(1e-3)

    def values_from(self, noise, known, temperature, labels):
        small, upsampling, large = map(self.averaged("predictor").get_layer, ("small", "upsampling", "large"))
        step = self.scale
        given = None if known is None else known[:, ::step, ::step]
        image = self._placed(draw(small, noise[:, ::step, ::step], given, temperature))
        condition = upsampling(tf.where(self.in_small, image, 0.0))
        if known is not None:
            image = tf.where(self.in_small, image, known)
        return draw(large, noise, image, temperature, condition)

    def _placed(self, reduced):
        """The large image with the small one's pixels in their places, and NaN between them."""
        height, width, _ = self.image_shape
        image = tf.repeat(tf.repeat(reduced, self.scale, axis=1), self.scale, axis=2)[:, :height, :width]
        return tf.where(self.in_small, image, np.float32(np.nan))

    def naive_sample_from(self, noise, conditioned_on=None, temperature=1.0, labels=None):
        """First all values row by row, of which those of the small image are right; then those between."""
        image = super().naive_sample_from(noise, conditioned_on, temperature)
        between = np.float32(np.nan) if conditioned_on is None else conditioned_on
        image = tf.where(self.in_small, image, between)
        return super().naive_sample_from(noise, image, temperature)


@keras.saving.register_keras_serializable("tfgen")
class Where(layers.Layer):
    """One of two maps (n, h, w, ...) at the pixels (h, w, 1) where `first` says so, else the other."""

    def __init__(self, first, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.first = np.asarray(first, bool)

    def call(self, maps):
        return tf.where(self.first[..., None], *maps)

    def compute_output_shape(self, shapes):
        return shapes[0]

    def get_config(self):
        return {**super().get_config(), "first": self.first.tolist()}
