"""The discretised logistic mixture of PixelCNN++.

Salimans, Karpathy, Chen and Kingma. PixelCNN++: Improving the PixelCNN with Discretized Logistic
Mixture Likelihood and Other Modifications. ICLR 2017, sections 2.1 and 2.2.
https://arxiv.org/abs/1701.05517

With x in [-1, 1], half a level h = 1 / (levels - 1), and the logistic function s,

    nu = sum_k pi_k logistic(mu_k, sigma_k)                                            (eq. 1)
    P_k(x) = s((x + h - mu_k) / sigma_k) - s((x - h - mu_k) / sigma_k)                 (eq. 2)
        where at the lowest level the second term is 0 and at the highest the first is 1
    mu_k of green += alpha_k red;  of blue += beta_k red + gamma_k green               (eq. 3)

Of a model of other channels, each is coupled to all before it. The coefficients are within a
hyperbolic tangent, as the authors have them, and log sigma lies in [-7, 7].

Everything is float32. The difference in eq. 2 is the product s(b) s(-a) (1 - exp(a - b)), with b the
upper and a the lower argument, which is exact to the last digits far out in both tails.
"""

import tensorflow as tf

SMALLEST = 1e-37  # next to a probability that float32 has as 0


def size(channels):
    """Parameters of each component: its weight, the means, the scales and the coefficients."""
    return 1 + 2 * channels + channels * (channels - 1) // 2


def parts(parameters, channels):
    """(..., k * size(channels)) -> log pi (..., k); means, log sigma and coefficients, (..., k, each)."""
    parameters = tf.cast(parameters, tf.float32)
    k = parameters.shape[-1] // size(channels)
    logits, rest = parameters[..., :k], parameters[..., k:]
    rest = tf.reshape(rest, tf.concat([tf.shape(parameters)[:-1], [k, size(channels) - 1]], axis=0))
    means, log_scales, coefficients = tf.split(rest, [channels, channels, -1], axis=-1)
    return tf.nn.log_softmax(logits), means, tf.clip_by_value(log_scales, -7, 7), tf.tanh(coefficients)


def coupled(means, coefficients, x):
    """Means (..., k, c) given the values x (..., c), of which each moves the channels after it."""
    result = [means[..., 0]]
    for channel in range(1, means.shape[-1]):
        first = channel * (channel - 1) // 2
        moved = coefficients[..., first : first + channel] * x[..., None, :channel]
        result.append(means[..., channel] + tf.reduce_sum(moved, axis=-1))
    return tf.stack(result, axis=-1)


def log_probability(x, means, log_scales, levels):
    """log P_k(x) of eq. 2 for x at the levels, in nats; shapes broadcast."""
    half, precision = 1 / (levels - 1), tf.exp(-log_scales)
    lower, upper = (x - half - means) * precision, (x + half - means) * precision
    lowest, highest = x < half - 1, x > 1 - half
    above = tf.where(lowest, 0.0, -tf.nn.softplus(lower))
    below = tf.where(highest, 0.0, -tf.nn.softplus(-upper))
    between = tf.tanh(half * precision)  # 1 - exp(a - b) = 2 tanh / (1 + tanh)
    return above + below + tf.where(lowest | highest, 0.0, tf.math.log(2 * between / (1 + between)))


def _before(each):
    """Sums over the earlier channels of (..., c)."""
    total, sums = tf.zeros_like(each[..., 0]), []
    for channel in range(each.shape[-1]):
        sums.append(total)
        total += each[..., channel]
    return tf.stack([*sums, total], axis=-1)


def log_likelihood(parameters, images, levels):
    """log p(channel | earlier channels) of values in [0, 1] at the levels: nats, (..., c).

    The components are shared by the channels of a pixel, so that their sum over c is
    log sum_k pi_k prod_c P_k(x_c); each is the difference of two such sums.
    """
    x, channels = 2 * images - 1, images.shape[-1]
    log_weights, means, log_scales, coefficients = parts(parameters, channels)
    each = log_probability(x[..., None, :], coupled(means, coefficients, x), log_scales, levels)
    joint = tf.reduce_logsumexp(log_weights[..., None] + _before(each), axis=-2)
    return joint[..., 1:] - joint[..., :-1]


def level_logits(parameters, pixel, channel, levels):
    """log p(level | earlier channels) of one channel: float32, (n, levels).

    Args:
        parameters: (n, k * size(c)) of a pixel.
        pixel: (n, c), its values in [0, 1]; those from `channel` on make no difference.
        channel: an integer, or an integer scalar.
    """
    x, channels = 2 * pixel - 1, pixel.shape[-1]
    log_weights, means, log_scales, coefficients = parts(parameters, channels)
    means = coupled(means, coefficients, x)
    each = log_probability(x[..., None, :], means, log_scales, levels)
    # What the earlier channels say of which component it is.
    weights = tf.nn.softmax(log_weights + tf.gather(_before(each), channel, axis=-1))
    means, log_scales = (tf.gather(part, channel, axis=-1)[..., None] for part in (means, log_scales))
    weights, half, precision = weights[..., None], 1 / (levels - 1), tf.exp(-log_scales)
    first = weights * tf.sigmoid((half - 1 - means) * precision)
    last = weights * tf.sigmoid((half - 1 + means) * precision)
    # Between the ends P_k is the same on both sides of mu_k. On its right, with e = exp(-lower) and
    # f = exp(-upper), it is (e - f) / ((1 + e) (1 + f)): one exponential for each level. What is the
    # same for all levels is multiplied first, or else compilers compute it for each.
    level = tf.range(levels)
    x = 2 * tf.cast(level, tf.float32) / (levels - 1) - 1
    e = tf.exp(-tf.maximum((tf.abs(x - means) - half) * precision, -80.0))
    between = tf.tanh(half * precision)
    inner = weights * (2 * between / (1 + between))
    inner = inner * (e / ((1 + e) * (1 + e * tf.exp(-2 * half * precision))))
    each = tf.where(level == 0, first, tf.where(level == levels - 1, last, inner))
    return tf.math.log(tf.reduce_sum(each, axis=1) + SMALLEST)
