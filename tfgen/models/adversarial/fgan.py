"""f-GAN: any f-divergence as a game.

Nowozin, Cseke and Tomioka. f-GAN: Training Generative Neural Samplers using Variational Divergence
Minimization. NeurIPS 2016. https://arxiv.org/abs/1606.00709

For a convex f with f(1) = 0, the divergence D_f(P || Q) = E_Q[f(p / q)] is the largest value of

    F(T) = E_P[T(x)] - E_Q[f*(T(x))],      f* the conjugate of f                       (eq. 4)

over functions T, which is attained by T*(x) = f'(p(x) / q(x)) (eq. 5). T = g_f(V) gives the network's
score V the conjugate's domain (table 2). The discriminator maximises F, and the generator, of Q,
minimises it; or, as in Goodfellow et al., it maximises E_Q[g_f(V)] (section 3.2), which is the default.

    divergence         f(u)                                g_f(v)              f*(g_f(v))
    kl                 u log u                             v                   exp(v - 1)
    reverse_kl         -log u                              -exp(-v)            v - 1
    pearson            (u - 1)^2                           v                   v^2 / 4 + v
    squared_hellinger  (sqrt(u) - 1)^2                     1 - exp(-v)         exp(v) - 1
    jensen_shannon     u log u - (u + 1) log((u + 1) / 2)  log 2 - sp(-v)      sp(v) - log 2
    gan                u log u - (u + 1) log(u + 1)        -sp(-v)             sp(v)

with sp(v) = log(1 + exp(v)); the last column is worked out, which keeps logarithms of small numbers
away. "jensen_shannon" is twice the usual one, and "gan" that less log 4.
"""

import math

import tensorflow as tf

from tfgen.errors import unknown
from tfgen.models.adversarial.base import StandardGAN
from tfgen.models.base import Recipe
from tfgen.models.registry import model

softplus = tf.nn.softplus
DIVERGENCES = {  # (g_f(v), f*(g_f(v)))
    "kl": (lambda v: v, lambda v: tf.exp(v - 1)),
    "reverse_kl": (lambda v: -tf.exp(-v), lambda v: v - 1),
    "pearson": (lambda v: v, lambda v: v**2 / 4 + v),
    "squared_hellinger": (lambda v: 1 - tf.exp(-v), lambda v: tf.exp(v) - 1),
    "jensen_shannon": (lambda v: math.log(2) - softplus(-v), lambda v: softplus(v) - math.log(2)),
    "gan": (lambda v: -softplus(-v), softplus),
}


@model(
    title="f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization",
    year=2016,
)
class FGAN(StandardGAN):
    """DCGAN's players under an f-divergence.

    Args:
        image_shape, latent_dim, width, body: see `StandardGAN`.
        divergence: "kl", "reverse_kl", "pearson", "squared_hellinger", "jensen_shannon" or "gan".
        saturating: whether the generator minimises F itself.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, body="dense")
    recipe = Recipe("fashion_mnist", batch_size=128, epochs=15, model=dict(image_shape=(28, 28, 1), width=32))
    critic = True  # its boundary, f'(1), is another for each f

    def __init__(self, image_shape=(64, 64, 3), divergence="jensen_shannon", saturating=False, **kwargs):
        if divergence not in DIVERGENCES:
            raise unknown("divergence", divergence, DIVERGENCES)
        super().__init__(image_shape, **kwargs)
        self.divergence, self.saturating = divergence, saturating

    def discriminator_loss(self, real, fake):
        """-F, of the network's scores V (n, 1): minus a lower bound of the divergence, in nats for "kl"."""
        activation, conjugate = DIVERGENCES[self.divergence]
        return tf.reduce_mean(conjugate(fake)) - tf.reduce_mean(activation(real))

    def generator_loss(self, fake):
        """-E[g_f(V)] of scores of fakes (n, 1), or -E[f*(g_f(V))] if `saturating`."""
        activation, conjugate = DIVERGENCES[self.divergence]
        return -tf.reduce_mean((conjugate if self.saturating else activation)(fake))
