"""What a model with latents says of images: bounds by annealing, rates, active units.

Neal. Annealed importance sampling. Statistics and Computing, 2001.
https://arxiv.org/abs/physics/9803008
Wu, Burda, Salakhutdinov and Grosse. On the Quantitative Analysis of Decoder-Based Generative
Models. ICLR 2017. https://arxiv.org/abs/1611.04273
Burda, Grosse and Salakhutdinov. Importance Weighted Autoencoders. ICLR 2016, section 5.2: active units.
https://arxiv.org/abs/1509.00519

    p_t(z) = p(z) p(x|z)^b_t,   0 = b_0 < ... < b_T = 1,   z_0 ~ p(z),   z_t by HMC that keeps p_t
    log w = sum_t (b_t - b_{t-1}) log p(x|z_{t-1}),        E[w] = p(x)
"""

import inspect
import math
from collections.abc import Iterable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

from tfgen import random
from tfgen.errors import InputError
from tfgen.keras_private import gradients_of
from tfgen.metrics import checks
from tfgen.models.abilities import Codes, Density
from tfgen.models.variational.base import LatentVariableModel

PER_IMAGE = {  # the score of an image: what its model must be
    "elbo": LatentVariableModel,
    "log_prob": Density,
    "rate": LatentVariableModel,
    "distortion": LatentVariableModel,
    "reconstruction_error": Codes,
}
BLOCK = 100  # images at once, where there are many draws of each
ACCEPTANCE = 0.65  # that step sizes aim at, as in Wu et al.


class Annealed(NamedTuple):
    """Of each image, float64 (n,): see `annealed_importance`."""

    log_prob: np.ndarray
    standard_error: np.ndarray
    acceptance: np.ndarray


def annealed_importance(
    model: LatentVariableModel,
    images: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    chains: int = 16,
    steps: int = 1000,
    leapfrogs: int = 10,
    seed: int = 0,
    verbose: int = 1,
) -> Annealed:
    """An estimate of log p(x) that asks the decoder alone, so that a poor encoder does not spoil it.

    Its expectation is a lower bound on log p(x) (w is unbiased, and the log concave), which rises
    to it with `chains` and `steps`. The exponents b_t follow a sigmoid, b_t ~ sigmoid(4 (2 t / T - 1))
    scaled to 0..1, as in Wu et al. Unlike there, the step size of each image and each t is set by a
    pilot run of a quarter of the chains, to accept 65 %, and then kept: a chain that adapts to its
    own past would not leave p_t as it is, and the bound would not be one.

    Args:
        model: a `LatentVariableModel`.
        images: (n, h, w, c) in the model's `value_range`, or bytes.
        labels: of a conditional model, for log p(x|y).
        chains: independent runs for each image, at least 2.
        steps: T.
        leapfrogs: of each proposal; the work is chains * steps * leapfrogs gradients an image.
        seed: of TFP's random numbers, which differ between versions of TensorFlow.
        verbose: 1 shows progress on standard output, 0 nothing.

    Returns:
        an `Annealed`: log_prob, log of the mean w over the chains, in nats; its standard_error by
        the spread of w over the chains (delta method), which a few large w can make too small; and
        acceptance, the mean share of accepted proposals.
    """
    if not isinstance(model, LatentVariableModel):
        raise InputError(
            f"{type(model).__name__} has no log_likelihood p(x|z); annealing is for models with latents"
        )
    if chains < 2 or steps < 1 or leapfrogs < 1:
        raise InputError(
            "annealed_importance needs chains >= 2, steps >= 1 and leapfrogs >= 1; "
            f"received {chains}, {steps} and {leapfrogs}"
        )
    images = checks.images(model, images)
    part = math.ceil(steps / 20)  # of the steps, after which progress is shown
    sigmoid = 1 / (1 + np.exp(-4 * np.linspace(-1, 1, steps + 1)))
    schedule = tf.constant((sigmoid - sigmoid[0]) / (sigmoid[-1] - sigmoid[0]), tf.float32)

    def seed_of(key, word):
        return tf.cast(random.fold_in(key, word), tf.int32)

    @tf.function(autograph=False)  # XLA takes a minute to compile this, and is no faster on a CPU
    def run(images, labels, key, first, last, state, sizes=None):
        """The state after the steps from `first` to `last`."""
        adapt = sizes is None

        def likelihood(z):
            return model.log_likelihood(images, z, labels)

        def step(t, z, weights, size, kept, accepted):
            beta = schedule[t + 1]
            size = size if adapt else sizes[t]
            weights += (beta - schedule[t]) * likelihood(z)
            kernel = tfp.mcmc.HamiltonianMonteCarlo(
                lambda z: model.prior_distribution.log_prob(z) + beta * likelihood(z),
                size[:, None],
                leapfrogs,
            )
            # Anew in each step: the last one's gradient is of another b_t.
            z, results = kernel.one_step(z, kernel.bootstrap_results(z), seed=seed_of(key, t + 1))
            # A proposal of an infinite energy counts as refused.
            rate = tf.math.multiply_no_nan(
                tf.exp(tf.minimum(results.log_accept_ratio, 0.0)),
                tf.cast(tf.math.is_finite(results.log_accept_ratio), tf.float32),
            )
            rate = tf.reduce_mean(rate, axis=0)
            kept = tf.tensor_scatter_nd_update(kept, [[t]], [size])
            size *= tf.exp(0.1 * (rate - ACCEPTANCE))
            return t + 1, z, weights, size, kept, accepted + rate / steps

        return tf.while_loop(lambda t, *_: t < last, step, (first, *state), parallel_iterations=1)[1:]

    shown = keras.utils.Progbar(2 * steps * math.ceil(len(images) / BLOCK), verbose=verbose)

    def annealed(images, labels, key, chains, sizes=None):
        """Log weights (chains, n), step sizes (T, n), and shares of accepted proposals (n,)."""
        n = len(images)
        z = tf.random.stateless_normal((chains, n, model.latent_dim), seed_of(key, 0))
        none = tf.zeros(n)
        state = (z, tf.zeros((chains, n)), none + 0.5, tf.zeros((steps, n)), none)
        for first in range(0, steps, part):
            last = min(first + part, steps)
            with gradients_of(model):
                state = run(images, labels, key, tf.constant(first), tf.constant(last), state, sizes)
            shown.add(last - first)
        _, weights, _, kept, accepted = state
        return weights, kept, accepted

    parts = []
    for first in range(0, len(images), BLOCK):
        block = tf.constant(images[first : first + BLOCK])
        given = None if labels is None else tf.convert_to_tensor(labels[first : first + BLOCK])
        _, sizes, _ = annealed(block, given, random.key(seed, first, 0), max(1, chains // 4))
        weights, _, accepted = annealed(block, given, random.key(seed, first, 1), chains, sizes)
        weights = weights.numpy().astype(np.float64)
        top = weights.max(axis=0)
        ratios = np.exp(weights - top)
        mean = ratios.mean(axis=0)
        error = ratios.std(axis=0, ddof=1) / (math.sqrt(chains) * mean)
        parts.append((top + np.log(mean), error, accepted.numpy().astype(np.float64)))
    return Annealed(*map(np.concatenate, zip(*parts)))


def active_units(model: Codes, batches: Iterable, threshold: float = 0.01) -> tuple[int, np.ndarray]:
    """The latents that the encoder uses: Var_x(E_q(z|x)[z_u]) > threshold (Burda et al.).

    Args:
        model: a `LatentVariableModel`, whose `encode` is the mean of q(z|x).
        batches: of images (n, h, w, c), or of tuples (images, labels) of a conditional model, as
            `tfgen.data.load` gives them.

    Returns:
        how many, and the variances over the images, float64 (latent_dim,).
    """
    if not isinstance(model, LatentVariableModel):
        raise InputError(f"{type(model).__name__} has no posterior q(z|x), and so no active units")
    means = [model.encode(*batch) if isinstance(batch, tuple) else model.encode(batch) for batch in batches]
    variances = np.concatenate(means).astype(np.float64).var(axis=0)
    return int((variances > threshold).sum()), variances


def per_image(model, name, batches, seed, importance_samples):
    """Values of one of PER_IMAGE, float64 (n,), and what its protocol adds.

    `batches` are tuples (images,), or (images, labels) of a conditional model.
    """
    method = getattr(model, {"log_prob": "log_prob", "reconstruction_error": "reconstruct"}.get(name, "elbo"))
    takes = inspect.signature(method).parameters
    how, note = {}, {}
    if "seed" in takes:
        how["seed"] = seed
    if "samples" in takes:
        how["samples"] = note["importance_samples"] = importance_samples

    @tf.function(reduce_retracing=True, autograph=False)
    def values(first_row, images, labels=None):
        given = {} if labels is None else {"labels": labels}
        row = {"first_row": first_row} if "first_row" in takes else {}
        if name == "reconstruction_error":
            return tf.reduce_sum((images - method(images, **given)) ** 2, axis=(1, 2, 3))
        if name in ("elbo", "log_prob"):
            return method(images, **given, **how, **row)
        rate = model.posterior(images, **given).kl_divergence(model.prior_distribution)
        return rate if name == "rate" else -method(images, **given, **how, **row) - rate

    parts, start = [], 0
    for batch in batches:
        if len(batch) > 1:
            note["given"] = "labels"
        for first in range(0, len(batch[0]), BLOCK):
            part = [tf.constant(x[first : first + BLOCK]) for x in batch]
            parts.append(values(tf.constant(start), *part).numpy().astype(np.float64))
            start += len(parts[-1])
    return np.concatenate(parts), note
