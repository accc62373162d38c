"""Parzen window estimates of log-likelihood, for comparison with early papers.

Goodfellow et al. Generative Adversarial Nets. NeurIPS 2014, section 5.
https://arxiv.org/abs/1406.2661
Theis, van den Oord and Bethge. A Note on the Evaluation of Generative Models. ICLR 2016, section 3.2.
https://arxiv.org/abs/1511.01844

Samples s_1 .. s_m of a model become a density, one Gaussian about each:

    log p(x) = log (1/m) sum_j N(x; s_j, sigma^2 I)
             = logsumexp_j(-|x - s_j|^2 / (2 sigma^2)) - log m - d/2 log(2 pi sigma^2)

This misleads (Theis et al.): of images, even with very many samples the estimate is far from the model's
log-likelihood, it ranks models otherwise than that does, and the centres of k-means score higher than
training images. Use it to compare with published values, and with nothing else.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from tfgen.errors import InputError
from tfgen.metrics import checks, neighbours

SIGMAS = tuple(np.logspace(-1, 0, 10))  # those of the authors' code


class Parzen(NamedTuple):
    """See `parzen_log_likelihood`."""

    log_prob: np.ndarray
    mean: float
    standard_error: float
    sigma: float


def _log_probs(samples, images, sigmas):
    """log p of images (n, d) by each sigma, (len(sigmas), n)."""
    m, d = samples.shape
    sigmas = np.asarray(sigmas, np.float64)
    result = np.empty((len(sigmas), len(images)))
    for rows, squares in neighbours.distances(images, samples):
        for values, sigma in zip(result, sigmas):
            values[rows] = logsumexp(squares / (-2 * sigma**2), axis=1)
    return result - math.log(m) - d / 2 * np.log(2 * math.pi * sigmas**2)[:, None]


def parzen_log_likelihood(
    samples: ArrayLike, images: ArrayLike, validation: ArrayLike, sigmas: ArrayLike = SIGMAS
) -> Parzen:
    """Log-likelihood of images by Gaussians about samples of a model. It misleads: see this file's top.

    The value depends on the units of the pixels: published ones are of pixels in [0, 1].

    Args:
        samples: of the model, shape (m, d), flat; the papers take m = 10,000.
        images: test images, shape (n, d), at least 2.
        validation: other images (k, d), by whose mean log p the sigma is chosen.
        sigmas: positive numbers to choose from.

    Returns:
        a `Parzen`: log_prob of each image, float64 (n,), their mean and its standard error, all in nats
        an image, and the sigma.
    """
    samples = checks.features(samples, "generated", 1)
    images, validation = checks.features(images, "real", 2), checks.features(validation, "validation", 1)
    if not samples.shape[1] == images.shape[1] == validation.shape[1]:
        raise InputError(
            "expected samples, images and validation of one size; received "
            f"{samples.shape[1]}, {images.shape[1]} and {validation.shape[1]} dimensions"
        )
    if not len(sigmas) or not all(sigma > 0 for sigma in sigmas):
        raise InputError(f"expected sigmas, positive numbers, at least one; received {tuple(sigmas)}")
    means = _log_probs(samples, validation, sigmas).mean(axis=1)
    sigma = float(sigmas[int(means.argmax())])
    values = _log_probs(samples, images, [sigma])[0]
    return Parzen(values, float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values))), sigma)
