"""How well maps say where people look: by people's own maps, and by where their eyes rested.

Bylinskii, Judd, Oliva, Torralba and Durand. What Do Different Evaluation Metrics Tell Us About Saliency
Models? IEEE Transactions on Pattern Analysis and Machine Intelligence 41(3), 2019. https://arxiv.org/abs/1604.03605

Maps are arrays (n, h, w, 1), of which `value_range` says black and white. Fixations are bool (n, h, w, 1): a
pixel counts once, however many eyes rested on it.
"""

import numpy as np

EPSILON = np.finfo(np.float64).eps  # as the benchmark's code has it


def fixations_at(points, height, width):
    """Fixations, bool (height, width, 1), of points (k, 2): row and column as shares of the picture's
    size."""
    rows, columns = np.int64(np.clip(points, 0, 1 - 1e-9) * (height, width)).T
    fixations = np.zeros((height, width, 1), bool)
    fixations[rows, columns] = True
    return fixations


def _densities(maps, value_range):
    """Maps that are 0 where they are black, each of sum 1 (even where all is black): float64 (n, pixels)."""
    rows = np.reshape(maps, (len(maps), -1)).astype(np.float64) - value_range[0]
    return (rows + EPSILON) / (rows + EPSILON).sum(axis=1, keepdims=True)


def _standardized(maps):
    """Maps of mean 0 and variance 1; of one value, 0: float64 (n, pixels)."""
    rows = np.reshape(maps, (len(maps), -1)).astype(np.float64)
    rows = rows - rows.mean(axis=1, keepdims=True)
    spread = rows.std(axis=1, keepdims=True)
    return np.divide(rows, spread, out=np.zeros_like(rows), where=spread > 1e-12)


def cc(maps, others, value_range=(0, 1)):
    """Pearson's correlation of each two maps, from -1 to 1: float64 (n,)."""
    return (_standardized(maps) * _standardized(others)).mean(axis=1)


def sim(maps, others, value_range):
    """The similarity of each two maps P and Q of sum 1, sum min(P, Q), from 0 to 1: float64 (n,)."""
    return np.minimum(_densities(maps, value_range), _densities(others, value_range)).sum(axis=1)


def kl(maps, others, value_range):
    """How many nats maps P lack of the others, Q: sum Q log(Q / P), of maps of sum 1, at least 0: float64
    (n,)."""
    p, q = _densities(maps, value_range), _densities(others, value_range)
    return (q * np.log(EPSILON + q / (p + EPSILON))).sum(axis=1)


def nss(maps, fixations):
    """Normalized scanpath saliency: the mean at the fixations of each map of mean 0 and variance 1,
    float64 (n,)."""
    rows = np.reshape(fixations, (len(fixations), -1))
    return (_standardized(maps) * rows).sum(axis=1) / rows.sum(axis=1)


def auc_judd(maps, fixations):
    """The area under each map's ROC curve, 1/2 for chance and at most 1: float64 (n,).

    A threshold takes the pixels whose value is at least as large. Thresholds are the values at the fixations;
    the curve joins the points (share of other pixels that are taken, share of fixations that are), from (0,
    0) to (1, 1), by straight lines.
    """
    return np.array(
        [_area(np.ravel(one), np.ravel(fixed)) for one, fixed in zip(maps, fixations, strict=True)]
    )


def _area(values, fixed):
    thresholds = np.unique(values[fixed])[::-1]

    def taken(some):
        return 1 - np.searchsorted(np.sort(some), thresholds) / len(some)

    x, y = (np.concatenate([[0], taken(values[which]), [1]]) for which in (~fixed, fixed))
    return np.trapezoid(y, x)
