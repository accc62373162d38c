"""Frechet distance between the Gaussians of two sets of features.

Heusel et al. GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
Equilibrium. NeurIPS 2017, equation 6. https://arxiv.org/abs/1706.08500
Dowson and Landau. The Frechet distance between multivariate normal distributions. 1982.
Chan, Golub and LeVeque. Updating formulae and a pairwise algorithm for computing sample
variances. 1979.

    d^2 = |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2))
"""

import numpy as np

from tfgen.errors import InputError
from tfgen.metrics import checks


class Moments:
    """Mean and covariance of features that arrive in batches, in float64.

    Attributes:
        n: features seen.
        mean: shape (d,).
        covariance: shape (d, d), unbiased (divided by n - 1); needs n >= 2.
    """

    def __init__(self, dimension):
        self.n = 0
        self.mean = np.zeros(dimension)
        self._scatter = np.zeros((dimension, dimension))

    def update(self, features):
        """Counts a batch of features, shape (n, d), in; returns self."""
        features = checks.features(features, "a batch of", 0)
        if features.shape[1] != len(self.mean):
            raise InputError(f"expected features of dimension {len(self.mean)}; received {features.shape[1]}")
        if len(features):
            mean = features.mean(0)
            centred = features - mean
            self._merge(len(features), mean, centred.T @ centred)
        return self

    def merge(self, other):
        """Counts in what `other` has seen, as if it had come here; returns self."""
        if len(other.mean) != len(self.mean):
            raise InputError(f"expected moments of dimension {len(self.mean)}; received {len(other.mean)}")
        if other.n:
            self._merge(other.n, other.mean, other._scatter)
        return self

    def _merge(self, n, mean, scatter):
        total = self.n + n
        shift = mean - self.mean
        self._scatter += scatter + np.outer(shift, shift) * (self.n * n / total)
        self.mean = self.mean + shift * (n / total)
        self.n = total

    @property
    def covariance(self):
        if self.n < 2:
            raise InputError(f"a covariance needs at least 2 features; received {self.n}")
        return self._scatter / (self.n - 1)


def _factor(covariance):
    """F (d, rank) with F F^T = covariance: its eigenvectors, scaled. Eigenvalues within
    rounding of zero are left out, so a singular covariance leaves no noise behind."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
    return vectors[:, kept] * np.sqrt(values[kept])


def frechet_distance(real: Moments, fake: Moments) -> float:
    """The squared Frechet (2-Wasserstein) distance of two Gaussians, "FID" on Inception features.

    The trace of (S_a S_b)^(1/2) is taken as the sum of the singular values of F_a^T F_b,
    where S = F F^T: real and symmetric in its arguments, also for singular covariances.
    With fewer features than dimensions the covariances are singular and the distance is
    biased upwards, more so than it always is: compare only at equal n.

    Args:
        real, fake: `Moments` of at least 2 features each, of one dimension.

    Returns:
        A float, at least 0, in squared units of the features.
    """
    if len(real.mean) != len(fake.mean):
        raise InputError(
            f"expected features of one extractor; received {len(real.mean)} real and "
            f"{len(fake.mean)} generated dimensions"
        )
    a, b = real.covariance, fake.covariance
    overlap = np.linalg.svd(_factor(a).T @ _factor(b), compute_uv=False).sum()
    shift = real.mean - fake.mean
    return float(max(shift @ shift + np.trace(a) + np.trace(b) - 2 * overlap, 0.0))
