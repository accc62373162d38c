"""Parzen windows: the formula term by term, a density that is known, and the choice of sigma."""

import math

import numpy as np
import pytest
from scipy import stats

from tfgen.errors import InputError
from tfgen.metrics import neighbours, parzen_log_likelihood


def test_it_is_the_mean_of_gaussian_densities(monkeypatch):
    rng = np.random.default_rng(0)
    samples, images, validation = (rng.normal(size=(n, 3)) for n in (17, 23, 11))
    monkeypatch.setattr(neighbours, "BLOCK", 40)  # 2 images at once

    def by_hand(points, sigma):
        densities = [
            np.mean([stats.multivariate_normal.pdf(x, s, sigma**2 * np.eye(3)) for s in samples])
            for x in points
        ]
        return np.log(densities)

    sigmas = (0.1, 0.5, 0.9, 3.0)
    found = parzen_log_likelihood(samples, images, validation, sigmas)
    assert found.sigma == max(sigmas, key=lambda sigma: by_hand(validation, sigma).mean())
    by_hand = by_hand(images, found.sigma)
    np.testing.assert_allclose(found.log_prob, by_hand, rtol=1e-10)
    assert found.mean == pytest.approx(by_hand.mean())
    assert found.standard_error == pytest.approx(by_hand.std(ddof=1) / math.sqrt(23))


def test_many_samples_of_a_gaussian_have_its_density_with_the_window_s_variance_added():
    rng = np.random.default_rng(0)
    samples, images = rng.normal(size=(20_000, 2)), rng.normal(size=(500, 2))
    found = parzen_log_likelihood(samples, images, images, [0.3])
    exact = stats.multivariate_normal(np.zeros(2), (1 + 0.3**2) * np.eye(2)).logpdf(images)
    assert found.mean == pytest.approx(exact.mean(), abs=0.02)
    assert np.abs(found.log_prob - exact)[exact > -4].max() < 0.2


def test_far_images_underflow_to_nothing():
    """exp(-5e5) is 0, but its logarithm is not lost."""
    found = parzen_log_likelihood(np.zeros((3, 1)), np.full((2, 1), 1000.0), np.zeros((1, 1)), [1.0])
    assert found.mean == pytest.approx(-5e5 - 0.5 * math.log(2 * math.pi))


def test_sigma_is_chosen_by_other_images_than_those_of_the_value():
    samples, images = np.zeros((5, 4)), np.full((3, 4), 0.9)
    assert parzen_log_likelihood(samples, images, np.full((3, 4), 0.1)).sigma == pytest.approx(0.1)
    assert parzen_log_likelihood(samples, images, images).sigma == pytest.approx(1.0)


def test_what_cannot_be_is_named():
    points = np.zeros((4, 2))
    with pytest.raises(InputError, match="of one size; received 3, 2 and 2 dimensions"):
        parzen_log_likelihood(np.zeros((4, 3)), points, points)
    with pytest.raises(InputError, match=r"positive numbers, at least one; received \(0.1, 0\)"):
        parzen_log_likelihood(points, points, points, (0.1, 0))
    with pytest.raises(InputError, match=r"shape \(n, d\); received shape \(4, 2, 2, 1\)"):
        parzen_log_likelihood(np.zeros((4, 2, 2, 1)), points, points)
