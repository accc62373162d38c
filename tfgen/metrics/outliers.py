"""Outliers: how unusual an image is to a model, and how well that tells outliers from others.

An and Cho. Variational Autoencoder based Anomaly Detection using Reconstruction Probability.
SNU Data Mining Center, 2015. Bishop. Novelty detection and neural network validation. 1994:
what a density finds unlikely is novel. https://doi.org/10.1049/ip-vis:19941330

Schlegl et al. Unsupervised Anomaly Detection with Generative Adversarial Networks to Guide Marker
Discovery. IPMI 2017: AnoGAN is a use of a trained GAN, see `tfgen.analysis.search.unusual`.
https://arxiv.org/abs/1703.05921

    score = -ELBO(x),  -log p(x)  (nats an image)   or   |x - reconstruction|^2  (a sum over its values)
    search: the least loss (1 - weight) sum |x - G(z)| + weight sum |f(x) - f(G(z))| of a search for z

Unlike a test of novelty, a likelihood also says how simple an image is: simple outliers may be
more likely than what the model knows (Nalisnick et al., ICLR 2019, https://arxiv.org/abs/1810.09136).
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from tfgen.errors import InputError, unknown
from tfgen.metrics import checks
from tfgen.metrics.likelihood import PER_IMAGE, per_image

if TYPE_CHECKING:
    from tfgen.models.base import GenerativeModel

METHODS = {"elbo": "elbo", "log_prob": "log_prob", "reconstruction": "reconstruction_error"}  # of an image


def outlier_scores(
    model: "GenerativeModel",
    images: ArrayLike,
    by: str = "elbo",
    labels: ArrayLike | None = None,
    samples: int = 100,
    seed: int = 0,
    **options,
) -> np.ndarray:
    """How unusual each image is to the model, float64 (n,): the higher, the more.

    Args:
        model: a `LatentVariableModel` for `elbo`, with `Density` for `log_prob`, with `Codes` for
            `reconstruction`, one that makes images of codes for `search`.
        images: (n, h, w, c) in the model's `value_range`, or bytes.
        by: "elbo" or "log_prob", in nats; "reconstruction", the squared error; "search", AnoGAN's score.
        labels: of a conditional model.
        samples, seed: of draws, where the method takes them.
        options: of a search, as `search.unusual` has them: weight=0.1, steps=500, rate, starts, verbose.
    """
    if by == "search":
        from tfgen.analysis import search  # which takes its checks from here

        return np.float64(search.unusual(model, images, labels, seed=seed, **options).losses)
    if by not in METHODS:
        raise unknown("outlier score", by, [*METHODS, "search"])
    if options:
        raise InputError(f"{by} takes no {', '.join(options)}, which are options of a search")
    has = [one for one, value in METHODS.items() if isinstance(model, PER_IMAGE[value])]
    if by not in has:
        name = type(model).__name__
        raise InputError(f"{name} has no {by}; its outlier scores are {', '.join(has) or 'none'}")
    images = checks.images(model, images)
    batches = [(images,) if labels is None else (images, np.asarray(labels))]
    values, _ = per_image(model, METHODS[by], batches, seed, samples)
    return values if by == "reconstruction" else -values


def auroc(inliers: ArrayLike, outliers: ArrayLike) -> float:
    """The probability that an outlier's score is above an inlier's; 1/2 is chance, 1 is ideal.

    Args:
        inliers, outliers: scores (n,) and (m,), higher = more unusual; an equal pair counts 1/2.
    """
    from sklearn.metrics import roc_auc_score

    inliers, outliers = (np.asarray(scores, np.float64) for scores in (inliers, outliers))
    for name, scores in (("inliers", inliers), ("outliers", outliers)):
        if scores.ndim != 1 or not len(scores) or not np.isfinite(scores).all():
            raise InputError(f"expected finite scores (n,) of {name}, n >= 1; received shape {scores.shape}")
    truth = np.repeat([0, 1], [len(inliers), len(outliers)])
    return float(roc_auc_score(truth, np.concatenate([inliers, outliers])))
