"""p(x|z) of images in [0, 1], from a decoder's output; the distributions are TFP's."""

import math

import tensorflow as tf
import tensorflow_probability as tfp

from tfgen.models.autoregressive.logistic_mixture import log_probability

tfd = tfp.distributions

LIKELIHOODS = ("bernoulli", "gaussian", "continuous_bernoulli", "discretized_logistic")


def output_shape(likelihood, image_shape):
    """Of a decoder: the discretised logistic's scale is one more number for each value."""
    *size, channels = image_shape
    return (*size, 2 * channels if likelihood == "discretized_logistic" else channels)


def distribution(likelihood, out):
    """p(x|z) of a decoder's output (..., h, w, channels), event shape (h, w, c).

    The event of "discretized_logistic" is the level 0..255, of the others the value in [0, 1].
    """
    if likelihood == "bernoulli":
        each = tfd.Bernoulli(logits=out, dtype=tf.float32)  # not integers: grey is a probability
    elif likelihood == "gaussian":
        each = tfd.Normal(out, 1.0)
    elif likelihood == "continuous_bernoulli":
        each = tfd.ContinuousBernoulli(logits=out)
    else:
        loc, scale = tf.split(out, 2, axis=-1)
        # Level k is the bin (k - 1, k] of the quantised variable, hence centred at k - 1/2.
        each = tfd.QuantizedDistribution(
            tfd.Logistic(255 * loc - 0.5, 255 * (tf.nn.softplus(scale) + 1e-3)), low=0.0, high=255.0
        )
    return tfd.Independent(each, 3)


def log_prob(likelihood, images, out):
    """log p(x|z) in nats, of images (n, h, w, c) in [0, 1] and a decoder's output (..., n, h, w, c').

    The sum over pixels and channels, shape (..., n).
    """
    if likelihood == "bernoulli":
        return _bernoulli(images, out)
    if likelihood == "discretized_logistic":
        return _discretized_logistic(images, out)
    return distribution(likelihood, out).log_prob(images)


def _discretized_logistic(images, out):
    """TFP's, whose differences of distribution functions lose digits at wide scales, by products: in [-1, 1],
    where a level is 2 / 255 and the distribution's location and scale are twice as large."""
    loc, scale = tf.split(out, 2, axis=-1)
    log_scales = tf.math.log(2 * (tf.nn.softplus(scale) + 1e-3))
    x = tf.round(255 * images) * (2 / 255) - 1
    return tf.reduce_sum(log_probability(x, 2 * loc - 1, log_scales, 256), axis=(-3, -2, -1))


@tf.custom_gradient
def _bernoulli(images, logits):
    """TFP's sum of x log p + (1 - x) log(1 - p) in a fifth of the time: bounds on log p(x) wait for it.

        x l - softplus(l) = x l - max(l, 0) + log sigmoid(|l|)

    The last sum is the log of products, one log for up to 64 values. Each lies in [1/2, 1], so
    none underflows. The gradient by l is x - sigmoid(l).
    """
    lead = tf.shape(logits)[:-3]
    size = math.prod(logits.shape[-3:])
    blocks = tf.reshape(tf.sigmoid(tf.abs(logits)), tf.concat([lead, [-1, math.gcd(size, 64)]], 0))
    softened = tf.reduce_sum(tf.math.log(tf.reduce_prod(blocks, axis=-1)), axis=-1)

    def gradient(upstream):
        upstream = upstream[..., None, None, None]
        repeats = range(logits.shape.rank - images.shape.rank)  # each image meets several z
        by_images = tf.reduce_sum(upstream * logits, axis=list(repeats))
        return by_images, upstream * (images - tf.sigmoid(logits))

    return tf.reduce_sum(images * logits - tf.nn.relu(logits), axis=(-3, -2, -1)) + softened, gradient


def mean(likelihood, out):
    """The mean of p(x|z), in [0, 1], in operations that every runtime has."""
    if likelihood == "bernoulli":
        return tf.sigmoid(out)
    if likelihood == "continuous_bernoulli":
        # 1 / (1 - exp(-l)) - 1 / l for logits l, and its series where that cancels.
        small = tf.abs(out) < 0.5
        safe = tf.where(small, tf.ones_like(out), out)
        series = 0.5 + out / 12 - out**3 / 720 + out**5 / 30240
        return tf.where(small, series, 1 / (1 - tf.exp(-safe)) - 1 / safe)
    if likelihood == "discretized_logistic":
        out, _ = tf.split(out, 2, axis=-1)
    return tf.clip_by_value(out, 0.0, 1.0)
