"""Models that draw an image one value after another: exact likelihood, cached sampling."""

import math

import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.errors import InputError
from tfgen.models.abilities import Completes, Density
from tfgen.models.base import GenerativeModel, Objective
from tfgen.models.options import Option
from tfgen.waiting import Waiting

CHUNK = 64  # images that `sample` draws together: enough to fill the matrix products


def inverse_cdf(logits, noise, temperature=1.0):
    """The level at which the distribution function passes the noise: float32, shape of `noise`.

    Args:
        logits: (..., levels), of p(level) up to a constant.
        noise: (...), uniform on (0, 1).
        temperature: the logits are divided by it; 0 gives the most likely level.
    """
    logits = tf.cast(logits, tf.float32)
    if logits.shape[-1] == 2:  # the same numbers, without the sums over levels, which take most of the time
        low, high = tf.unstack(logits, axis=-1)
        top, divisor = tf.maximum(low, high), tf.maximum(temperature, 1e-20)
        low, high = tf.exp((low - top) / divisor), tf.exp((high - top) / divisor)
        return tf.cast(low <= noise * (low + high), tf.float32)
    logits -= tf.reduce_max(logits, axis=-1, keepdims=True)
    # At temperature 0 the divisor sends every logit but the largest, which is 0, to -infinity.
    cdf = tf.cumsum(tf.exp(logits / tf.maximum(temperature, 1e-20)), axis=-1)
    passed = cdf[..., :-1] <= noise[..., None] * cdf[..., -1:]
    return tf.reduce_sum(tf.cast(passed, tf.float32), axis=-1)


class AutoregressiveModel(Completes, Density, GenerativeModel):
    """p(x) = prod_i p(x_i | x_1, ..., x_{i-1}) over an image's values, in nats.

    Values come row by row, pixel by pixel, and channel by channel within a pixel. Each takes one
    of `levels` values; level k is k / (levels - 1), and images are rounded to the nearest level.

    A subclass builds `predictor`, images (n, h, w, c) -> parameters (n, h, w, ...) of the
    distribution of each value, none of which depends on that value or on a later one, and says
    `values_from`. The predictor of a model of `classes` takes [images, one-hot labels]. Where the
    parameters are not logits (n, h, w, c, levels) of a categorical distribution, it also says
    `log_likelihood` and `level`.

    Args:
        image_shape: (height, width, channels); images lie in [0, 1].
        levels: the number of values that each channel of a pixel can take, at least 2.
    """

    value_range = (0.0, 1.0)
    averaged_networks = ("predictor",)
    options = {"temperature": Option(1.0, help="divides the logits; 0 takes the most likely level each time")}

    def __init__(self, image_shape, levels, **kwargs):
        if len(image_shape) != 3 or min(image_shape) < 1:
            raise InputError(f"image_shape must be (height, width, channels); received {image_shape}")
        if levels < 2:
            raise InputError(f"levels must be at least 2, as a value needs two levels; received {levels}")
        super().__init__(**kwargs)
        self.image_shape, self.levels = tuple(image_shape), levels

    def start(self, batch):
        """Raises an InputError if the levels do not fit the first images."""
        images = np.asarray(batch["images"])
        grey = np.mean((0.1 < images) & (images < 0.9))
        if self.levels == 2 and grey > 0.01:
            raise InputError(
                f"{type(self).__name__} has 2 levels, black and white; {grey:.0%} of the values received are "
                f"grey; binarise the images (binarize='dynamic' in tfgen.data.load), or build the model with "
                f"more levels"
            )
        if self.levels > 2 and np.isin(images, (0, 1)).all() and np.ptp(images) == 1:
            raise InputError(
                f"{type(self).__name__} has {self.levels} levels; received images of 0 and 1 alone; "
                f"leave them as they are (binarize=None in tfgen.data.load), or build the model with levels=2"
            )

    def call(self, images, labels=None, training=False):
        """The predictor's parameters (n, h, w, ...) for images (n, h, w, c) in [0, 1]."""
        return self.run("predictor", images, labels, training)

    # Likelihood.

    def quantised(self, images):
        """Images with each value moved to the nearest level."""
        return tf.round(images * (self.levels - 1)) / (self.levels - 1)

    def log_likelihood(self, parameters, images):
        """log p(x_i | x_1, ..., x_{i-1}) of each value of quantised images: nats, (n, h, w, c)."""
        level = tf.cast(tf.round(images * (self.levels - 1)), tf.int32)
        return -tf.nn.sparse_softmax_cross_entropy_with_logits(level, tf.cast(parameters, tf.float32))

    def log_prob(self, images, labels=None, training=False):
        """Exact log p(x), or log p(x | label), of images (n, h, w, c) in [0, 1]: nats, shape (n,)."""
        images = self.fields["images"].prepared(images)
        if not images.shape[1:].is_compatible_with(self.image_shape):
            raise InputError(
                f"log_prob expects images of shape (n, {self._shape_text}); received {images.shape}"
            )
        if tf.executing_eagerly() and not bool(tf.reduce_all((images >= 0) & (images <= 1))):
            low, high = float(tf.reduce_min(images)), float(tf.reduce_max(images))
            raise InputError(f"log_prob expects images in [0, 1]; received values from {low:g} to {high:g}")
        if tf.executing_eagerly() and labels is not None and "labels" in self.conditions:
            labels = self.conditions["labels"].for_samples(labels, len(images), "labels", type(self).__name__)
        images = self.quantised(images)
        each = self.log_likelihood(self(images, labels, training=training), images)
        return tf.reduce_sum(each, axis=(1, 2, 3))

    def nll_loss(self, step):
        """-log p(x), in nats an image and as bits for each value."""
        images, labels = step.batch["images"], step.batch.get("labels")
        nll = -tf.reduce_mean(self.log_prob(images, labels, step.training))
        return nll, {"bits_per_dim": nll / (math.prod(self.image_shape) * math.log(2))}

    def objectives(self):
        return {"likelihood": Objective(self.nll_loss, (self.predictor,), ("bits_per_dim",))}

    # Sampling. All noise of an image is drawn first, one uniform number for each value.

    def sample(self, n, seed=None, *, first_row=0, conditioned_on=None, naive=False, **given):
        """n images (n, h, w, c) in [0, 1], by the base's arguments, as temperature=..., and

        Args:
            conditioned_on: (n, h, w, c), or (1, h, w, c) for all, in [0, 1], with NaN where a
                value is to be drawn. Given values are kept, and what comes after them depends on
                them (what comes before does not: use the image's order, or draw more).
            naive: True runs the predictor on the whole image for each value: the oracle of tests.
        """
        n, key, values = self.request(n, seed, first_row, given)
        return self.draw(key, n, first_row, **values, known=self._known(conditioned_on, n), naive=naive)

    def completed(self, images, mask, seed=None, **given):
        known = np.where(np.asarray(mask) > 0, images, np.float32(np.nan))
        return self.sample(len(images), seed=seed, conditioned_on=known, **given)

    def draw(self, key, n, first_row, labels=None, temperature=1.0, known=None, naive=False):
        """n images of a key; other arguments as in `sample`."""
        draw = self._sample_naive if naive else self._sample_cached
        # Few sizes are compiled: the powers of two. What is drawn too much is cut off.
        size = min(CHUNK, 1 << (n - 1).bit_length())
        temperature, images = tf.constant(temperature, tf.float32), []
        for start in range(0, n, size):
            rows = np.arange(start, start + size)
            given = None if known is None else known[rows % len(known)]
            classes = None if labels is None else tf.gather(labels, rows % n)
            with Waiting(
                f"{type(self).__name__} draws {size} images pixel by pixel; for a number that is new it "
                f"compiles first, which takes a minute for deep models"
            ):
                images.append(draw(size, key, tf.constant(first_row + start), given, temperature, classes))
        return tf.concat(images, axis=0)[:n]

    def _known(self, conditioned_on, n):
        if conditioned_on is None:
            return None
        known = np.asarray(conditioned_on, np.float32)
        if known.shape[1:] != self.image_shape or known.shape[:1] not in ((1,), (n,)):
            raise InputError(
                f"conditioned_on must have shape ({n} or 1, {self._shape_text}); received {known.shape}"
            )
        given = known[~np.isnan(known)]
        if given.size and not (0 <= given.min() and given.max() <= 1):
            raise InputError(
                f"conditioned_on must lie in [0, 1], with NaN where a value is to be drawn; "
                f"received values from {given.min():g} to {given.max():g}"
            )
        return known

    @property
    def _shape_text(self):
        return ", ".join(map(str, self.image_shape))

    # One function for each model and number of images, held by the class and not by what is saved.

    @tf.function(jit_compile=True, autograph=False)
    def _sample_cached(self, n, key, first_row, *given):
        return self.sample_from(random.uniform(key, (n, *self.image_shape), first_row), *given)

    @tf.function(autograph=False)
    def _sample_naive(self, n, key, first_row, *given):
        return self.naive_sample_from(random.uniform(key, (n, *self.image_shape), first_row), *given)

    def sample_from(self, noise, conditioned_on=None, temperature=1.0, labels=None):
        """The image that noise (n, h, w, c) on (0, 1) selects, each value computed once.

        Plain tensors in and out, so that it can be exported; other arguments as in `sample`.
        """
        temperature = tf.convert_to_tensor(temperature, tf.float32)
        return self._sample_from(noise, conditioned_on, temperature, labels)

    @tf.function(autograph=False)  # so that a SavedModel holds it once, for all signatures that sample
    def _sample_from(self, noise, conditioned_on, temperature, labels):
        if conditioned_on is None:
            return self.values_from(noise, None, temperature, labels)
        image = self.values_from(noise, self.quantised(conditioned_on), temperature, labels)
        return tf.where(tf.math.is_nan(conditioned_on), image, conditioned_on)

    def values_from(self, noise, known, temperature, labels):
        """`sample_from` of tensors: (n, h, w, c) in which what `known` gives is seen as it is there.

        Args:
            known: None, or (n, h, w, c) at the levels, with NaN where a value is to be drawn.
        """
        raise NotImplementedError(f"{type(self).__name__}.values_from")

    def sample_from_seed(self, seed, n, *given):
        """As in the base; temperature comes last."""
        *labels, temperature = given
        noise = random.uniform(random.key(seed), (n, *self.image_shape))
        labels = tf.broadcast_to(labels[0], [n]) if labels else None
        return self.sample_from(noise, None, temperature, labels)

    def level(self, parameters, pixel, channel, noise, temperature):
        """The level that noise selects for one channel of a pixel: float32, (n,).

        Args:
            parameters: (n, ...) of the pixel.
            pixel: (n, c), its values; those of earlier channels are drawn.
            channel: an integer scalar.
            noise: (n,), uniform on (0, 1).
            temperature: as in `sample`.
        """
        return inverse_cdf(tf.gather(parameters, channel, axis=1), noise, temperature)

    def naive_sample_from(self, noise, conditioned_on=None, temperature=1.0, labels=None):
        """`sample_from` by one run of the predictor over the whole image for each value."""
        height, width, channels = self.image_shape
        place = tf.reshape(tf.range(height * width * channels), self.image_shape)
        if conditioned_on is None:
            conditioned_on = tf.fill(tf.shape(noise), math.nan)
        drawn = tf.math.is_nan(conditioned_on)

        def draw(i, image):
            row, column, channel = i // (width * channels), i // channels % width, i % channels
            pixel = image[:, row, column]
            parameters = self(image, labels)[:, row, column]
            level = self.level(parameters, pixel, channel, noise[:, row, column, channel], temperature)
            value = (level / (self.levels - 1))[:, None, None, None]
            return i + 1, tf.where(drawn & (place == i), value, image)

        image = tf.where(drawn, 0.0, self.quantised(conditioned_on))
        _, image = tf.while_loop(lambda i, _: i < height * width * channels, draw, (0, image))
        return tf.where(drawn, image, conditioned_on)

    @property
    def output_levels(self):
        """{a signature that draws: the number of levels}: for exports, whose rounding may change a level."""
        return dict.fromkeys(("sample_from", "sample"), self.levels)

    def signatures(self):
        images, *labels = (field.spec(name) for name, field in self.fields.items())
        noise = tf.TensorSpec(images.shape, tf.float32, "noise")

        def sample_from(noise, labels=None):
            return self.sample_from(noise, labels=labels)

        return {
            "log_prob": (self.log_prob, [images, *labels]),
            "sample_from": (sample_from, [noise, *labels]),
            "sample": self.sampler(),
        }

    @property
    def input_values(self):
        noise = {"distribution": "uniform", "low": 0.0, "high": 1.0}
        temperature = {"distribution": "uniform", "low": 0.5, "high": 1.0}
        return {**super().input_values, "noise": noise, "temperature": temperature}
