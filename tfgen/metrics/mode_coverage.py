"""How many modes of the data a model finds, where the modes are known.

Srivastava et al. VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning.
NeurIPS 2017, section 5, https://arxiv.org/abs/1705.07761, for all of the scores.

    high_quality = share of samples x with min_k |x - centre_k| <= 3 std
    modes        = number of k that are the nearest centre of such an x
    mode_kl      = sum_k q_k log(q_k / p_k), in nats

q_k is the share of samples whose nearest centre is the k-th, or that a classifier of digits gives
the class k; p_k is that of the data. Of a Gaussian in the plane 1 - exp(-9/2) = 0.9889 lies within 3 std.
n samples of the data themselves have a mode_kl of about (k - 1) / 2n: 0.0014 for the ring's 2,500,
0.019 for the 26,000 stacked digits. A sample that the classifier takes for another class may be the only
one of a mode: where few modes are found, their number is too high by some of its errors.
"""

import math
import os
from typing import Any

import numpy as np

import tfgen
from tfgen.data.modes import Points, Stacked
from tfgen.data.opening import open_source
from tfgen.errors import InputError
from tfgen.metrics.score import Score
from tfgen.metrics.small_classifier import classifier

MODES = ("modes", "high_quality", "mode_kl")
RADIUS = 3.0  # in standard deviations
SAMPLES = {Points: 2_500, Stacked: 26_000}  # the literature's


def mode_scores(source):
    """The names of the scores of an opened source that `modes` has; () if its modes are not known."""
    return {Points: MODES, Stacked: ("modes", "mode_kl")}.get(type(source), ())


def modes(
    samples: Any,
    source: Any,
    *,
    n: int | None = None,
    seed: int = 0,
    split: str = "train",
    value_range: tuple[float, float] = (-1.0, 1.0),
    extractor: Any = None,
    data_dir: str | os.PathLike | None = None,
    download: bool = True,
    batch_size: int = 500,
) -> list[Score]:
    """The modes of "ring", "grid" or "stacked_mnist" that samples cover.

    Args:
        samples: a model with `sample(n, seed, first_row=)` in its `value_range`, or an array of
            samples: points (n, 1, 1, 2) or (n, 2), or images (n, h, w, 3).
        source, split, data_dir, download: as for `tfgen.data.load`; of stacked digits the split
            says how often each class is expected.
        n: samples of a model; None: 2,500 points, or 26,000 images, as in the paper.
        seed: of the samples of a model.
        value_range: that of an array.
        extractor: knows the ten digits by `probabilities(images, value_range)`, images (n, h, w, 1);
            None: `tfgen.metrics.classifier("mnist")`. For "stacked_mnist" only.
        batch_size: samples at once.

    Returns:
        a list of `Score`: modes, high_quality (of points) and mode_kl, by the formulas above.

    Raises:
        InputError: a source whose modes are not known, samples of another shape, NaN, an extractor
            of other classes.
    """
    found = open_source(source, split, data_dir, download)
    if not mode_scores(found):
        raise InputError(f"the modes of {source} are not known; those of ring, grid and stacked_mnist are")
    protocol = {"source": str(source), "tfgen": tfgen.__version__}
    if hasattr(samples, "sample"):
        n = SAMPLES[type(found)] if n is None else n
        if n < 1:
            raise InputError(f"expected at least 1 sample; received n={n}")
        model, value_range, protocol["seed"] = samples, samples.value_range, seed
        size = min(n, batch_size)  # the last batch is cut, not drawn smaller: nothing is traced twice
        batches = (
            np.asarray(model.sample(size, seed=seed, first_row=start))[: n - start]
            for start in range(0, n, size)
        )
    else:
        samples = np.asarray(samples)
        batches = (samples[i : i + batch_size] for i in range(0, len(samples), batch_size))
    if isinstance(found, Points):
        near, high = _nearest(batches, found.mixture, value_range)
        covered = len(np.unique(near[high]))
        protocol.update(within=f"{RADIUS:g} std", std=found.mixture.std, scale=found.mixture.scale)
    else:
        extractor = (
            classifier("mnist", data_dir=data_dir, download=download) if extractor is None else extractor
        )
        near, high = _classes(batches, extractor, value_range), None
        covered = len(np.unique(near))
        protocol.update(extractor.protocol, split=split)
    protocol.update(n_fake=len(near), modes=len(found.shares))
    scores = [Score("modes", float(covered), None, protocol)]
    if high is not None:
        share = float(high.mean())
        error = math.sqrt(share * (1 - share) / len(high))
        scores.append(Score("high_quality", share, error, protocol))
    return [*scores, Score("mode_kl", _divergence(near, found.shares), None, protocol)]


def _nearest(batches, mixture, value_range):
    """The nearest mode of each point, (n,), and whether it is within the radius."""
    low, high = value_range
    near, distance = [], []
    for points in batches:
        if points.shape[1:] not in ((1, 1, 2), (2,)):
            raise InputError(f"expected points of shape (n, 1, 1, 2) or (n, 2); received {points.shape}")
        points = points.reshape(-1, 2).astype(np.float64)
        if not np.isfinite(points).all():
            raise InputError("expected finite points; received NaN or infinity")
        points = ((points - low) * (2 / (high - low)) - 1) * mixture.scale
        distances = np.linalg.norm(points[:, None] - mixture.centres, axis=-1)
        near.append(distances.argmin(axis=1))
        distance.append(distances.min(axis=1))
    near, distance = _joined(near), _joined(distance)
    return near, distance <= RADIUS * mixture.std


def _classes(batches, extractor, value_range):
    """The classes 0 to 999 of images of three digits, (n,)."""
    found = []
    for images in batches:
        if images.ndim != 4 or images.shape[3] != 3:
            raise InputError(f"expected images of shape (n, h, w, 3); received {images.shape}")
        digits = np.concatenate([images[..., channel : channel + 1] for channel in range(3)])
        probabilities = extractor.probabilities(digits, value_range)
        if probabilities.shape[1] != 10:
            raise InputError(
                f"expected an extractor of the ten digits; it knows {probabilities.shape[1]} classes"
            )
        found.append(np.array([100, 10, 1]) @ probabilities.argmax(axis=1).reshape(3, -1))
    return _joined(found)


def _joined(parts):
    if not parts:
        raise InputError("expected at least 1 sample; received none")
    return np.concatenate(parts)


def _divergence(modes, shares):
    """KL(q || p) in nats of the histogram q of `modes`; infinite where p has none of q."""
    q = np.bincount(modes, minlength=len(shares)) / len(modes)
    some = q > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(q[some] * np.log(q[some] / shares[some])))
