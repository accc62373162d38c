"""Priors: what is drawn follows the quantiles, parts stay apart, and a manifest's words draw the same."""

import math

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tfgen import priors, random
from tfgen.errors import InputError
from tfgen.priors import Joint, Normal, OneHot, Uniform

KEY, N = random.key(5), 4000
BOTH = [Normal(), Uniform(-1.0, 1.0), Uniform(0.0, 3.0)]


def far_from(quantile, x):
    """Kolmogorov and Smirnov's statistic of x against a prior's own quantiles."""
    x = np.sort(np.asarray(x, np.float64).ravel())
    middles = (np.arange(len(x)) + 0.5) / len(x)
    grid = np.linspace(1e-4, 1 - 1e-4, 20_001)
    return np.abs(np.interp(x, quantile(grid), grid) - middles).max() + 0.5 / len(x)


@pytest.mark.parametrize("prior", BOTH, ids=str)
def test_what_is_drawn_follows_the_quantiles(prior):
    z = prior.draw(KEY, (N, 3)).numpy()
    assert z.shape == (N, 3) and z.dtype == np.float32
    for column in z.T:
        assert far_from(prior.quantile, column) < scipy.stats.kstwo.isf(1e-3, N)
    assert np.abs(np.corrcoef(z.T) - np.eye(3)).max() < 0.06
    np.testing.assert_allclose(prior.draw(KEY, (4, 3), 9), z[9:13], atol=1e-6)
    other = BOTH[(BOTH.index(prior) + 1) % 3]
    assert far_from(other.quantile, z[:, 0]) > 0.1


def test_quantiles_are_the_inverse_distribution_functions():
    u = np.array([0.01, 0.5, 0.975])
    np.testing.assert_allclose(Normal().quantile(u), scipy.stats.norm.ppf(u))
    np.testing.assert_allclose(Uniform(-2, 4).quantile(u), scipy.stats.uniform(-2, 6).ppf(u))
    np.testing.assert_array_equal(OneHot().quantile(u), [0, 0, 1])


def test_the_normal_prior_is_tfp_s_too():
    distribution = Normal().distribution(3)
    z = Normal().draw(KEY, (7, 3))
    by_hand = -0.5 * np.sum(z**2, axis=1) - 1.5 * math.log(2 * math.pi)
    np.testing.assert_allclose(distribution.log_prob(z), by_hand, rtol=1e-5)


def test_one_hot_vectors_are_all_alike():
    z = OneHot().draw(KEY, (N, 5)).numpy()
    assert z.dtype == np.float32 and set(np.unique(z)) == {0, 1}
    np.testing.assert_array_equal(z.sum(axis=1), 1)
    assert scipy.stats.chisquare(z.sum(axis=0)).pvalue > 1e-3
    np.testing.assert_array_equal(OneHot().draw(KEY, (4, 5), 9), z[9:13])
    of_u = OneHot.of_uniform(tf.constant([[0.01], [0.35], [0.99]]), 3)
    np.testing.assert_array_equal(of_u, np.eye(3))


def test_the_parts_of_a_joint_prior_lie_side_by_side():
    joint = Joint((OneHot(), 3), (Uniform(), 2), (Normal(), 4))
    z = joint.draw(KEY, (N, 9)).numpy()
    assert z.shape == (N, 9)
    np.testing.assert_array_equal(z[:, :3].sum(axis=1), 1)
    for columns, prior in (((3, 4), Uniform()), ((5, 6, 7, 8), Normal())):
        for k in columns:
            assert far_from(prior.quantile, z[:, k]) < scipy.stats.kstwo.isf(1e-3, N)
    apart = np.corrcoef(np.c_[z[:, :2], z[:, 3:]].T)  # with the third they add up to 1
    assert np.abs(apart[2:] - np.eye(8)[2:]).max() < 0.06
    np.testing.assert_allclose(joint.draw(KEY, (4, 9), 9), z[9:13], atol=1e-6)
    u = np.random.default_rng(0).uniform(size=(5, 9))
    quantiles = joint.quantile(u)
    np.testing.assert_allclose(quantiles[:, 3:5], Uniform().quantile(u[:, 3:5]))
    np.testing.assert_allclose(quantiles[:, 5:], Normal().quantile(u[:, 5:]))
    np.testing.assert_allclose(joint.quantile(u[:, :2]), Normal().quantile(u[:, :2]))
    assert joint.values["distribution"] == "parts"
    assert [part["size"] for part in joint.values["parts"]] == [3, 2, 4]


def test_a_part_of_no_size_is_left_out():
    np.testing.assert_array_equal(
        Joint((Normal(), 4), (Uniform(), 0)).draw(KEY, (3, 4)), Joint((Normal(), 4)).draw(KEY, (3, 4))
    )


@pytest.mark.parametrize("prior", BOTH, ids=str)
def test_numpy_draws_what_a_manifest_says(prior):
    z = priors.numpy_draw(prior.values, (N, 2), np.random.default_rng(0))
    assert z.shape == (N, 2) and far_from(prior.quantile, z) < scipy.stats.kstwo.isf(1e-3, 2 * N)


def test_numpy_draws_of_kinds_that_are_not_continuous():
    rng = np.random.default_rng(0)
    boxes = priors.numpy_draw({"distribution": "boxes", "low": 0.0, "high": 1.0}, (300, 2, 4), rng)
    assert boxes.shape == (300, 2, 4) and boxes.min() >= 0
    assert 0.9 < (boxes[..., :2] + boxes[..., 2:]).max() <= 1
    whole = priors.numpy_draw({"distribution": "integers", "low": 2, "high": 4}, (300,), rng)
    assert set(whole) == {2, 3, 4}
    joint = Joint((OneHot(), 3), (Uniform(2.0, 3.0), 2))
    z = priors.numpy_draw(joint.values, (300, 5), rng)
    np.testing.assert_array_equal(z[:, :3].sum(axis=1), 1)
    assert z[:, :3].any(axis=0).all() and 2 <= z[:, 3:].min() < z[:, 3:].max() <= 3
    with pytest.raises(ValueError, match="no values are drawn of 'gamma'"):
        priors.numpy_draw({"distribution": "gamma"}, (3,), rng)


@pytest.mark.parametrize("limit, variance", [(0.5, 0.0806), (1.0, 0.2911), (2.0, 0.7737), (6.0, 1.0)])
def test_a_truncated_normal_is_one_drawn_anew_until_it_is_small_enough(limit, variance):
    """Its quantiles are SciPy's; values put at the limits, or scaled, have others."""
    z = Normal().draw(KEY, (N, 3), truncation=limit).numpy()
    assert z.dtype == np.float32 and np.abs(z).max() <= limit
    rule = scipy.stats.truncnorm(-limit, limit)
    assert rule.var() == pytest.approx(variance, abs=1e-4)
    assert z.var() == pytest.approx(variance, rel=0.06)
    for column in z.T:
        assert far_from(rule.ppf, column) < scipy.stats.kstwo.isf(1e-3, N)
    u = random.uniform(KEY, (N, 3)).numpy().astype("float64")  # exactly, value by value
    np.testing.assert_allclose(z, rule.ppf(u), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(Normal().draw(KEY, (4, 3), 9, limit), z[9:13], atol=1e-6)
    assert np.abs(np.corrcoef(z.T) - np.eye(3)).max() < 0.06


def test_the_ends_of_the_uniform_numbers_stay_finite():
    ends = tf.constant([2.0**-24, 0.5, 1 - 2.0**-24])
    x = math.sqrt(2) * random._inverse_erf(2 * ends - 1)
    np.testing.assert_allclose(x, scipy.stats.norm.ppf(ends.numpy().astype("float64")), rtol=1e-5, atol=1e-7)
    assert x[2] < 6  # so that this limit is none


@pytest.mark.parametrize("truncation", [0, -1.0, float("nan")])
def test_a_truncation_that_leaves_nothing_is_refused(truncation):
    with pytest.raises(InputError, match=f"truncation must be above 0; received {truncation}"):
        Normal().draw(KEY, (2, 2), truncation=truncation)
