"""Can a classifier tell generated from real?

Lopez-Paz and Oquab. Revisiting Classifier Two-Sample Tests. ICLR 2017, section 3.
https://arxiv.org/abs/1610.06545
"""

import math
import warnings

import numpy as np
from numpy.typing import ArrayLike

from tfgen.metrics import checks


def two_sample_test(real: ArrayLike, fake: ArrayLike, *, seed: int = 0) -> tuple[float, float, float]:
    """Held-out accuracy of a logistic regression on features, and its p-value.

    Half of each set trains the classifier, the other half tests it; the larger set is cut
    to the size of the smaller. Under the hypothesis that both sets come from one
    distribution the accuracy on the N test examples is about Normal(1/2, 1 / (4 N)); the
    p-value is the upper tail.

    Args:
        real, fake: features, shapes (n, d) and (m, d), at least 4 each.
        seed: of the split.

    Returns:
        (accuracy, its standard error, p-value).
    """
    from sklearn.linear_model import LogisticRegression

    real, fake = checks.pair(real, fake, 4)
    checks.seed(seed)
    n = min(len(real), len(fake))
    random = np.random.default_rng(seed)
    real, fake = (x[random.permutation(len(x))[:n]] for x in (real, fake))
    x = np.concatenate([real[: n // 2], fake[: n // 2]])
    test = np.concatenate([real[n // 2 :], fake[n // 2 :]])
    mean, scale = x.mean(0), np.maximum(x.std(0), 1e-12)
    classifier = LogisticRegression(max_iter=200)
    with warnings.catch_warnings():
        # The test is valid for any classifier, so for one that has not converged too.
        warnings.simplefilter("ignore")
        classifier.fit((x - mean) / scale, np.repeat([0, 1], n // 2))
    truth = np.repeat([0, 1], n - n // 2)
    accuracy = float(np.mean(classifier.predict((test - mean) / scale) == truth))
    error = math.sqrt(accuracy * (1 - accuracy) / len(test))
    z = (accuracy - 0.5) * 2 * math.sqrt(len(test))
    return accuracy, error, 0.5 * math.erfc(z / math.sqrt(2))
