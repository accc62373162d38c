"""Kernel distance: the squared maximum mean discrepancy with a cubic kernel.

Binkowski et al. Demystifying MMD GANs. ICLR 2018, section 4 ("KID").
https://arxiv.org/abs/1801.01401
Zaremba, Gretton and Blaschko. B-tests. NeurIPS 2013: the mean over disjoint blocks.

    k(x, y) = (x.y / d + 1)^3
    MMD^2   = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)
"""

import numpy as np
from numpy.typing import ArrayLike

from tfgen.errors import InputError
from tfgen.metrics import checks


def _kernel(a, b):
    return (a @ b.T / a.shape[1] + 1.0) ** 3


def _without_diagonal(gram):
    n = len(gram)
    return (gram.sum() - np.trace(gram)) / (n * (n - 1))


def _mmd2(x, y):
    """Unbiased: its mean is 0 for equal distributions, so it may be negative."""
    xx, yy = _without_diagonal(_kernel(x, x)), _without_diagonal(_kernel(y, y))
    return xx + yy - 2 * _kernel(x, y).mean()


def kernel_distance(
    real: ArrayLike, fake: ArrayLike, *, subset_size: int | None = None, seed: int = 0
) -> tuple[float, float | None]:
    """Unbiased squared MMD: the mean over subsets, and the standard error of that mean.

    Unlike the paper, which draws 100 subsets that overlap, the subsets here are disjoint
    parts of a shuffle by `seed`: same expectation, every feature used at most once, and
    the spread of independent parts is an honest standard error.

    Args:
        real, fake: features, shapes (n, d) and (m, d), at least 2 each.
        subset_size: features of each kind in a subset; None: a tenth of the smaller set,
            at least 2 and at most 1000 (the paper's).

    Returns:
        (value, standard error); the error is None where there is but one subset.
    """
    real, fake = checks.pair(real, fake, 2)
    n = min(len(real), len(fake))
    size = min(max(n // 10, 2), 1000) if subset_size is None else subset_size
    if not 2 <= size <= n:
        raise InputError(f"expected a subset_size from 2 to {n} (the smaller set); received {size}")
    checks.seed(seed)
    random = np.random.default_rng(seed)
    subsets = n // size
    parts = [random.permutation(len(x))[: subsets * size].reshape(subsets, size) for x in (real, fake)]
    values = np.array([_mmd2(real[i], fake[j]) for i, j in zip(*parts)])
    error = float(values.std(ddof=1) / np.sqrt(subsets)) if subsets > 1 else None
    return float(values.mean()), error
