"""Fidelity and variety by nearest neighbours.

Kynkaanniemi et al. Improved Precision and Recall Metric for Assessing Generative Models.
NeurIPS 2019, equations 1 and 2. https://arxiv.org/abs/1904.06991
Naeem et al. Reliable Fidelity and Diversity Metrics for Generative Models. ICML 2020,
equations 3 and 5. https://arxiv.org/abs/2002.09797

B(x) is the ball around x that reaches to the k-th nearest other point of x's own set: closed for
precision and recall, open for density and coverage, as in the code of either paper's authors.

    precision = share of fakes that lie in B(x) of any real x
    recall    = share of reals that lie in B(y) of any fake y
    density   = mean over fakes of (number of real x with the fake in B(x)) / k
    coverage  = share of real x with a fake in B(x)
"""

import numpy as np
from numpy.typing import ArrayLike

from tfgen.errors import InputError
from tfgen.metrics import checks

BLOCK = 2**20  # distances held at once: 8 MiB
RIM = 1e-9  # share of a radius: what is so near to a rim lies on it, for distances are rounded


def distances(a, b):
    """Squared distances in blocks of rows: yields (rows of a, matrix (rows, len(b)))."""
    b_squares = np.einsum("nd,nd->n", b, b)
    step = max(1, BLOCK // len(b))
    for start in range(0, len(a), step):
        rows = slice(start, min(start + step, len(a)))
        block = a[rows] @ b.T
        block *= -2.0
        block += b_squares
        block += np.einsum("nd,nd->n", a[rows], a[rows])[:, None]
        yield rows, np.maximum(block, 0.0, out=block)


def _radii(points, k):
    """Squared distance from each point to the k-th nearest other one."""
    result = np.empty(len(points))
    for rows, block in distances(points, points):
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = np.inf  # not oneself
        result[rows] = np.partition(block, k - 1, axis=1)[:, k - 1]
    return result


def _checked(real, fake, k):
    if not isinstance(k, (int, np.integer)) or k < 1:
        raise InputError(f"expected k, a number of neighbours, of at least 1; received {k!r}")
    return checks.pair(real, fake, k + 1)


def precision_recall(real: ArrayLike, fake: ArrayLike, k: int = 3) -> tuple[float, float]:
    """Improved precision and recall, each from 0 to 1.

    Args:
        real, fake: features, shapes (n, d) and (m, d), more than k each. Recall falls as
            m falls: compare only at equal numbers.
        k: neighbours (the paper's 3).

    Returns:
        (precision, recall).
    """
    real, fake = _checked(real, fake, k)
    real_radii, fake_radii = _radii(real, k), _radii(fake, k)
    precise = np.empty(len(fake), bool)
    recalled = np.zeros(len(real), bool)
    for rows, block in distances(fake, real):
        precise[rows] = (block <= real_radii * (1 + RIM)).any(1)
        recalled |= (block <= fake_radii[rows, None] * (1 + RIM)).any(0)
    return float(precise.mean()), float(recalled.mean())


def density_coverage(real: ArrayLike, fake: ArrayLike, k: int = 5) -> tuple[float, float]:
    """Density (at least 0; 1 is expected where both distributions are equal, it is 1 of a set
    without equal points against itself, and it may exceed 1) and coverage (0 to 1).

    Args:
        real, fake: features, shapes (n, d) and (m, d), more than k each.
        k: neighbours (the paper's 5).

    Returns:
        (density, coverage).
    """
    real, fake = _checked(real, fake, k)
    radii = _radii(real, k)
    inside = np.zeros(len(real), np.int64)  # fakes in each real ball
    for _, block in distances(fake, real):
        inside += (block < radii * (1 - RIM)).sum(0)
    return float(inside.sum() / (k * len(fake))), float((inside > 0).mean())
