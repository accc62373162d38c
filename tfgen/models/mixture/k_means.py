"""Seeding of clusters.

Arthur and Vassilvitskii. k-means++: The Advantages of Careful Seeding. SODA 2007.
https://theory.stanford.edu/~sergei/papers/kMeansPP-soda.pdf

    p(the next centre is x) = D(x)^2 / sum_x D(x)^2,   D(x) the distance to the nearest centre so far
"""

import numpy as np

from tfgen.errors import InputError


def plus_plus(x, noise):
    """Centres among the rows of x, and D(x)^2 to the nearest of them.

    Args:
        x: (n, size), float64.
        noise: one uniform number in (0, 1) for each centre.

    Returns:
        centres (len(noise), size) and squared distances (n,).
    """
    odds, nearest, centres = np.ones(len(x)), np.full(len(x), np.inf), []
    for u in np.asarray(noise, np.float64):
        steps = np.cumsum(odds)
        if steps[-1] == 0:
            raise InputError(
                f"{len(noise)} clusters need as many different examples to start from; received "
                f"{len(centres)} different ones; take fewer, or more examples"
            )
        centres.append(x[np.searchsorted(steps, u * steps[-1], side="right")])
        odds = nearest = np.minimum(nearest, ((x - centres[-1]) ** 2).sum(1))
    return np.array(centres), nearest
