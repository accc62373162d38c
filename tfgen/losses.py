"""Adversarial losses: what the two players minimise, of the discriminator's scores.

Scores are tensors of any shape, (n, 1) or a map of patches, and losses are means over all of it.
"""

import math
from collections.abc import Callable

import tensorflow as tf

from tfgen.errors import InputError, unknown


class Loss:
    """A pair of losses; a subclass states both.

    Attributes:
        zero_decides: whether scores above 0 mean "real" and those below "fake" at the best discriminator.
            The doctor and `evaluate` then count how often the discriminator is right.
        relativistic: whether `generator` needs the scores of real images.
    """

    zero_decides = True
    relativistic = False

    def discriminator(self, real, fake):
        """The discriminator's loss, a scalar, of scores of real and of fake images."""
        raise NotImplementedError(f"{type(self).__name__}.discriminator")

    def generator(self, fake, real=None):
        """The generator's loss, a scalar, of scores of fakes; real ones are given if `relativistic`."""
        raise NotImplementedError(f"{type(self).__name__}.generator")


class Minimax(Loss):
    """Goodfellow et al. Generative Adversarial Nets. NeurIPS 2014. https://arxiv.org/abs/1406.2661

    With D the sigmoid of the score (eq. 1, and section 3):

        discriminator: -E[log D(x)] - E[log(1 - D(G(z)))]
        generator: -E[log D(G(z))], or E[log(1 - D(G(z)))] if `saturating`
    """

    def __init__(self, saturating=False):
        self.saturating = saturating

    def discriminator(self, real, fake):
        return _cross_entropy(1.0, real) + _cross_entropy(0.0, fake)

    def generator(self, fake, real=None):
        return -_cross_entropy(0.0, fake) if self.saturating else _cross_entropy(1.0, fake)


def _cross_entropy(label, logits):
    labels = tf.fill(tf.shape(logits), tf.cast(label, logits.dtype))
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))


class LeastSquares(Loss):
    """Mao et al. Least Squares Generative Adversarial Networks. ICCV 2017. https://arxiv.org/abs/1611.04076

    Equation 2, of scores without a sigmoid:

        discriminator: E[(D(x) - b)**2] / 2 + E[(D(G(z)) - a)**2] / 2
        generator: E[(D(G(z)) - c)**2] / 2
    """

    def __init__(self, a=0.0, b=1.0, c=1.0):
        self.a, self.b, self.c = a, b, c

    @property
    def zero_decides(self):
        return self.a + self.b == 0 and self.a < self.b  # the boundary is (a + b) / 2

    def discriminator(self, real, fake):
        return 0.5 * (tf.reduce_mean((real - self.b) ** 2) + tf.reduce_mean((fake - self.a) ** 2))

    def generator(self, fake, real=None):
        return 0.5 * tf.reduce_mean((fake - self.c) ** 2)


class Wasserstein(Loss):
    """Arjovsky, Chintala and Bottou. Wasserstein GAN. ICML 2017. https://arxiv.org/abs/1701.07875

        discriminator: E[D(G(z))] - E[D(x)]      generator: -E[D(G(z))]

    The discriminator must be held at bounded slopes by other means.
    """

    zero_decides = False  # a constant added to all scores changes nothing

    def discriminator(self, real, fake):
        return tf.reduce_mean(fake) - tf.reduce_mean(real)

    def generator(self, fake, real=None):
        return -tf.reduce_mean(fake)


class Hinge(Loss):
    """Lim and Ye. Geometric GAN. 2017. https://arxiv.org/abs/1705.02894

    Section 4:

        discriminator: E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]      generator: -E[D(G(z))]
    """

    def discriminator(self, real, fake):
        return tf.reduce_mean(tf.nn.relu(1 - real)) + tf.reduce_mean(tf.nn.relu(1 + fake))

    def generator(self, fake, real=None):
        return -tf.reduce_mean(fake)


class Margin(Loss):
    """Juefei-Xu, Boddeti and Savvides. Gang of GANs: Generative Adversarial Networks with Maximum Margin
    Ranking. 2017. https://arxiv.org/abs/1704.04865

    Every real image shall score higher than the fake of its row, by the margin e:

        discriminator: E[max(0, D(G(z)) + e - D(x))]      generator: -E[D(G(z))]

    Where no image does, it is Wasserstein's, plus e.
    """

    zero_decides = False  # a constant added to all scores changes nothing

    def __init__(self, margin):
        self.margin = margin

    def discriminator(self, real, fake):
        return tf.reduce_mean(tf.nn.relu(fake + self.margin - real))

    def generator(self, fake, real=None):
        return -tf.reduce_mean(fake)


softplus = tf.nn.softplus
DIVERGENCES = {  # (g_f(v), f*(g_f(v)))
    "kl": (lambda v: v, lambda v: tf.exp(v - 1)),
    "reverse_kl": (lambda v: -tf.exp(-v), lambda v: v - 1),
    "pearson": (lambda v: v, lambda v: v**2 / 4 + v),
    "squared_hellinger": (lambda v: 1 - tf.exp(-v), lambda v: tf.exp(v) - 1),
    "jensen_shannon": (lambda v: math.log(2) - softplus(-v), lambda v: softplus(v) - math.log(2)),
    "gan": (lambda v: -softplus(-v), softplus),
}


class FDivergence(Loss):
    """Nowozin, Cseke and Tomioka. f-GAN: Training Generative Neural Samplers using Variational
    Divergence Minimization. NeurIPS 2016. https://arxiv.org/abs/1606.00709

    For a convex f with f(1) = 0, the divergence D_f(P || Q) = E_Q[f(p / q)] is the largest value of

        F(T) = E_P[T(x)] - E_Q[f*(T(x))],      f* the conjugate of f                   (eq. 4)

    over functions T, which is attained by T*(x) = f'(p(x) / q(x)) (eq. 5). T = g_f(V) gives the network's
    score V the conjugate's domain (table 2):

        divergence         f(u)                                g_f(v)              f*(g_f(v))
        kl                 u log u                             v                   exp(v - 1)
        reverse_kl         -log u                              -exp(-v)            v - 1
        pearson            (u - 1)^2                           v                   v^2 / 4 + v
        squared_hellinger  (sqrt(u) - 1)^2                     1 - exp(-v)         exp(v) - 1
        jensen_shannon     u log u - (u + 1) log((u + 1) / 2)  log 2 - sp(-v)      sp(v) - log 2
        gan                u log u - (u + 1) log(u + 1)        -sp(-v)             sp(v)

    with sp(v) = log(1 + exp(v)); the last column is worked out, which keeps logarithms of small numbers
    away. "jensen_shannon" is twice the usual one, and "gan" that less log 4.

        discriminator: -F, minus a lower bound of the divergence, nats for "kl"
        generator: -E_Q[g_f(V)] (section 3.2), or -E_Q[f*(g_f(V))], its part of F, if `saturating`

    Args:
        divergence: a name of the table.

    Raises:
        InputError: another name.
    """

    def __init__(self, divergence, saturating=False):
        if divergence not in DIVERGENCES:
            raise unknown("divergence", divergence, DIVERGENCES)
        self.divergence, self.saturating = divergence, saturating

    @property
    def zero_decides(self):
        return self.divergence != "kl"  # g_f(v) = f'(1) at v = 0, but at v = 1 for "kl"

    def discriminator(self, real, fake):
        activation, conjugate = DIVERGENCES[self.divergence]
        return tf.reduce_mean(conjugate(fake)) - tf.reduce_mean(activation(real))

    def generator(self, fake, real=None):
        activation, conjugate = DIVERGENCES[self.divergence]
        return -tf.reduce_mean((conjugate if self.saturating else activation)(fake))


LEAST_RATIO = 1e-12  # whose logarithm is a number
DENSITY_RATIOS = {  # (f(r), f'(r))
    "pearson": (lambda r: (r - 1) ** 2 / 2, lambda r: r - 1),
    "kl": (lambda r: r * tf.math.log(r), lambda r: tf.math.log(r) + 1),
    "reverse_kl": (lambda r: -tf.math.log(r), lambda r: -1 / r),
}


class DensityRatio(Loss):
    """Uehara et al. Generative Adversarial Nets from a Density Ratio Estimation Perspective. 2016.
    https://arxiv.org/abs/1610.02920

    Scores v say how much likelier an image is among real images, of P, than among fakes, of Q:

        r(v) = log(1 + e^v) / log 2, an estimate of p / q, and with `relative` a > 0
        r(v) = sigmoid(v + log(a / (1 - a))) / a, of p / m, m = a p + (1 - a) q, which is never above 1 / a

    and r(0) = 1. For f of a divergence with f(1) = 0, and q in place of m where a = 0,

        discriminator: E_m[f'(r) r - f(r)] - E_p[f'(r)]
        generator: E_q[f(r)]

    The first is least, -E_m[f(p / m)], at the true ratio. The divergences:

        pearson     (r - 1)^2 / 2
        kl          r log r
        reverse_kl  -log r

    Args:
        divergence: a name of the table.
        relative: a, in [0, 1).

    Raises:
        InputError: another name, or a share out of its range.
    """

    def __init__(self, divergence, relative=0.0):
        if divergence not in DENSITY_RATIOS:
            raise unknown("divergence", divergence, DENSITY_RATIOS)
        if not 0 <= relative < 1:
            raise InputError(f"relative is a share of the real images in [0, 1); received {relative}")
        self.divergence, self.relative = divergence, relative

    def ratio(self, scores):
        """r of scores, of any shape."""
        if self.relative:
            odds = math.log(self.relative / (1 - self.relative))
            return tf.maximum(tf.sigmoid(scores + odds) / self.relative, LEAST_RATIO)
        return tf.maximum(softplus(scores) / math.log(2), LEAST_RATIO)

    def discriminator(self, real, fake):
        f, slope = DENSITY_RATIOS[self.divergence]
        real, fake = self.ratio(real), self.ratio(fake)
        over_q, over_p = (tf.reduce_mean(slope(r) * r - f(r)) for r in (fake, real))
        return (1 - self.relative) * over_q + self.relative * over_p - tf.reduce_mean(slope(real))

    def generator(self, fake, real=None):
        f, _ = DENSITY_RATIOS[self.divergence]
        return tf.reduce_mean(f(self.ratio(fake)))


def normal_divergence(mean: tf.Tensor, log_deviation: tf.Tensor) -> tf.Tensor:
    """KL(N(mean, deviation^2) || N(0, 1)) in nats, of each value by itself."""
    return 0.5 * (tf.exp(2 * log_deviation) + mean**2 - 1) - log_deviation


def matching(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """The mean square of the differences between the batch means of two batches of features (n, ...).

    Salimans et al. Improved Techniques for Training GANs. NeurIPS 2016, section 3.1.
    https://arxiv.org/abs/1606.03498
    """
    return tf.reduce_mean((tf.reduce_mean(real, 0) - tf.reduce_mean(fake, 0)) ** 2)


def gradient_penalty(
    critic: Callable, real: tf.Tensor, fake: tf.Tensor, alpha: tf.Tensor, target: float = 1.0
) -> tf.Tensor:
    """E[(||grad_x critic(x)||_2 - target)**2] on x = real + alpha (fake - real) (Gulrajani et al., 2017).

    Args:
        critic: x (n, ...) -> scores (n, 1).
        real, fake: (n, ...), of any rank; the norm is that of all values of an example.
        alpha: in (0, 1), shape (n, 1, ..., 1).
        target: the norm that is asked for.
    """
    between = real + alpha * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        score = critic(between)
    square = tf.reduce_sum(tape.gradient(score, between) ** 2, axis=range(1, len(between.shape)))
    # The small number keeps the root differentiable where the gradient is zero.
    return tf.reduce_mean((tf.sqrt(square + 1e-12) - target) ** 2)
