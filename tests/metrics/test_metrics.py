"""Metrics on features: closed forms, direct computations, and other libraries' results."""

import itertools
import math

import numpy as np
import pytest
from scipy import linalg, stats
from sklearn.neighbors import NearestNeighbors

from tfgen.errors import InputError
from tfgen.metrics import (
    Moments,
    Score,
    density_coverage,
    frechet_distance,
    kernel_distance,
    neighbours,
    precision_recall,
    two_sample_test,
)


def moments(features):
    return Moments(features.shape[1]).update(features)


def with_moments(mean, covariance, n=50):
    """Features of exactly that mean and unbiased covariance."""
    x = np.random.default_rng(0).normal(size=(n, len(mean)))
    x -= x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T).reshape(len(mean), -1)).T)
    return x @ np.linalg.cholesky(covariance).T + mean


def blobs(seed=0, n=300, m=250, d=16):
    """Real and generated features; the generated have another mean and other scales."""
    random = np.random.default_rng(seed)
    real = random.normal(size=(n, d))
    return real, random.normal(size=(m, d)) * np.linspace(0.7, 1.3, d) + 0.2


# Moments.


def test_streaming_moments_are_those_of_numpy_far_from_the_origin():
    x = np.random.default_rng(0).normal(size=(103, 5)) @ np.diag([1, 2, 3, 4, 5]) + 1e6
    streamed = Moments(5)
    for part in np.split(x, [1, 8, 40, 40, 90]):  # one of them is empty
        streamed.update(part)
    assert streamed.n == 103
    np.testing.assert_allclose(streamed.mean, x.mean(0), rtol=1e-14)
    np.testing.assert_allclose(streamed.covariance, np.cov(x.T), rtol=1e-7, atol=1e-7)


def test_merged_moments_are_those_of_all_features():
    x = np.random.default_rng(0).normal(size=(60, 4))
    merged = moments(x[:7]).merge(moments(x[7:50])).merge(Moments(4)).merge(moments(x[50:]))
    assert merged.n == 60
    np.testing.assert_allclose(merged.mean, x.mean(0), atol=1e-14)
    np.testing.assert_allclose(merged.covariance, np.cov(x.T), atol=1e-14)


def test_float32_features_are_summed_in_float64():
    x = (np.random.default_rng(0).normal(size=(5000, 3)) + 1000).astype(np.float32)
    np.testing.assert_allclose(moments(x).covariance, np.cov(x.astype(np.float64).T), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.zeros((3, 2)), "dimension 4; received 2"),
        (np.zeros(4), "shape (n, d)"),
        (np.array([["a"] * 4]), "real numbers"),
        (np.full((2, 4), np.nan), "NaN"),
    ],
)
def test_moments_refuse_what_are_no_features_of_theirs(features, message):
    with pytest.raises(InputError) as error:
        Moments(4).update(features)
    assert message in str(error.value)


# Frechet distance.


def test_frechet_distance_of_a_shift_is_its_square():
    x = blobs()[0]
    assert frechet_distance(moments(x), moments(x + 0.5)) == pytest.approx(16 * 0.25, abs=1e-10)


def test_frechet_distance_in_one_dimension():
    a, b = with_moments([1.0], [[4.0]]), with_moments([-2.0], [[0.25]])
    assert frechet_distance(moments(a), moments(b)) == pytest.approx(9 + 1.5**2, abs=1e-10)


def test_frechet_distance_of_axis_aligned_gaussians_turned_together():
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    a = with_moments(np.zeros(3), turn @ np.diag([1.0, 4.0, 9.0]) @ turn.T)
    b = with_moments(np.array([1.0, 2.0, 2.0]), turn @ np.diag([4.0, 4.0, 1.0]) @ turn.T)
    assert frechet_distance(moments(a), moments(b)) == pytest.approx(9 + 1 + 0 + 4, abs=1e-9)


def test_frechet_distance_is_the_matrix_square_roots():
    a, b = blobs(d=8)
    b = b @ np.random.default_rng(2).normal(size=(8, 8))
    s_a, s_b = np.cov(a.T), np.cov(b.T)
    shift = a.mean(0) - b.mean(0)
    direct = shift @ shift + np.trace(s_a + s_b - 2 * linalg.sqrtm(s_a @ s_b).real)
    assert frechet_distance(moments(a), moments(b)) == pytest.approx(direct, rel=1e-10)
    assert frechet_distance(moments(b), moments(a)) == pytest.approx(direct, rel=1e-10)


def test_frechet_distance_of_singular_covariances():
    # In the plane of the first two of 40 axes, and in that of the next two: nothing overlaps.
    a, b = np.zeros((12, 40)), np.zeros((10, 40))
    a[:, :2] = with_moments([0, 0], np.diag([1.0, 2.0]), 12)
    b[:, 2:4] = with_moments([0, 0], np.diag([3.0, 4.0]), 10)
    assert frechet_distance(moments(a), moments(b)) == pytest.approx(10, abs=1e-10)
    few = blobs(n=20, m=15, d=100)
    assert frechet_distance(moments(few[0]), moments(few[0].copy())) == pytest.approx(0, abs=1e-10)
    real, fake = (x - x.mean(0) for x in few)
    overlap = np.linalg.svd(real @ fake.T, compute_uv=False).sum() / math.sqrt(19 * 14)
    shift = few[0].mean(0) - few[1].mean(0)
    expected = shift @ shift + (real**2).sum() / 19 + (fake**2).sum() / 14 - 2 * overlap
    assert frechet_distance(*map(moments, few)) == pytest.approx(expected, rel=1e-12)
    assert frechet_distance(moments(np.zeros((3, 4))), moments(np.ones((3, 4)))) == pytest.approx(4)


def test_frechet_distance_scales_with_the_square_of_the_features():
    a, b = blobs()
    unit = frechet_distance(moments(a), moments(b))
    for scale in (1e-4, 1e4):
        assert frechet_distance(moments(scale * a), moments(scale * b)) == pytest.approx(scale**2 * unit)


def test_frechet_distance_needs_two_features_of_one_dimension():
    with pytest.raises(InputError, match="at least 2 features; received 1"):
        frechet_distance(moments(np.zeros((1, 3))), moments(np.zeros((5, 3))))
    with pytest.raises(InputError, match="received 3 real and 2 generated"):
        frechet_distance(moments(np.zeros((5, 3))), moments(np.zeros((5, 2))))


def test_torch_fidelity_has_the_same_results():
    # torch-fidelity 0.4.0 with torch 2.13.0, float64 tensors a = fake, b = real of blobs():
    #   fid_statistics_to_metric(fid_features_to_statistics(a), fid_features_to_statistics(b), False)
    #   kid_features_to_metric(a, b[:250], kid_subsets=1, kid_subset_size=250)
    #   prc_features_to_metric(a, b)
    real, fake = blobs()
    assert frechet_distance(moments(real), moments(fake)) == pytest.approx(1.7069789440934287, rel=1e-10)
    value, error = kernel_distance(real[:250], fake, subset_size=250)
    assert value == pytest.approx(0.19790679716274795, rel=1e-10)
    assert error is None
    assert precision_recall(real, fake) == pytest.approx((0.724, 0.78), abs=1e-6)


# Kernel distance.


def test_kernel_distance_is_a_double_loop():
    x, y = blobs(n=9, m=9, d=4)

    def k(a, b):
        return (sum(u * v for u, v in zip(a, b)) / 4 + 1) ** 3

    pairs = list(itertools.permutations(range(9), 2))
    within = sum(k(x[i], x[j]) + k(y[i], y[j]) for i, j in pairs) / len(pairs)
    across = sum(k(a, b) for a in x for b in y) / 81
    assert kernel_distance(x, y, subset_size=9)[0] == pytest.approx(within - 2 * across, rel=1e-12)


def test_kernel_distance_has_mean_zero_where_the_distributions_are_equal():
    values = np.array(
        [kernel_distance(*np.random.default_rng(s).normal(size=(2, 40, 3)))[0] for s in range(200)]
    )
    assert abs(values.mean()) < 3 * values.std() / math.sqrt(200)
    assert values.min() < 0 < values.max()


def test_standard_error_of_the_kernel_distance_is_its_spread_over_new_features():
    found = np.array([kernel_distance(*blobs(seed, 400, 400, 4)) for seed in range(60)])
    spread = found[:, 0].std(ddof=1)
    assert 0.75 * spread < np.sqrt((found[:, 1] ** 2).mean()) < 1.33 * spread


def test_kernel_distance_takes_its_subsets_by_seed():
    features = blobs()
    assert kernel_distance(*features, seed=1) == kernel_distance(*features, seed=1)
    assert kernel_distance(*features, seed=1) != kernel_distance(*features, seed=2)
    with pytest.raises(InputError, match="from 2 to 250"):
        kernel_distance(*features, subset_size=251)


# Neighbours.


def test_precision_and_recall_of_points_on_a_line():
    # Balls to the nearest other point: reals 0, 1, 3 have radii 1, 1, 2.
    real = np.array([[0.0], [1.0], [3.0]])
    fake = np.array([[5.0], [5.5], [9.0], [-1.5]])  # radii 0.5, 0.5, 3.5, 6.5
    # 5 lies on the border of 3's ball; 5.5, 9 and -1.5 in none. 0, 1 and 3 lie in that of -1.5.
    assert precision_recall(real, fake, k=1) == (1 / 4, 1.0)
    # Fakes 5.0, 5.5 and 9 only: 3 lies in none of the balls [4.5, 5.5], [5, 6], [5.5, 12.5].
    assert precision_recall(real, fake[:3], k=1) == (1 / 3, 0.0)


def test_density_and_coverage_of_points_on_a_line():
    real = np.array([[0.0], [1.0], [3.0]])  # open balls (-1, 1), (0, 2), (1, 5)
    fake = np.array([[0.5], [1.0], [9.0], [0.25]])
    # 0.5 and 0.25 lie in two balls, 1.0 in one, at the rims of two: 5 / (1 * 4); 3's ball has no fake.
    assert density_coverage(real, fake, k=1) == (5 / 4, 2 / 3)
    assert density_coverage(real, fake[[0, 2, 3]], k=1) == (4 / 3, 2 / 3)


def test_neighbours_are_those_of_scikit_learn(monkeypatch):
    real, fake = blobs(n=120, m=90, d=3)

    def radii(x, k):
        return NearestNeighbors(algorithm="brute").fit(x).kneighbors(n_neighbors=k)[0][:, -1]

    distances = np.linalg.norm(real[:, None] - fake[None], axis=2)
    in_real = {3: distances <= radii(real, 3)[:, None], 5: distances < radii(real, 5)[:, None]}
    in_fake = distances <= radii(fake, 3)[None]
    for block in (neighbours.BLOCK, 1000, 1):
        monkeypatch.setattr(neighbours, "BLOCK", block)
        precision, recall = precision_recall(real, fake)
        assert precision == in_real[3].any(0).mean() and recall == in_fake.any(1).mean()
        density, coverage = density_coverage(real, fake)
        assert density == pytest.approx(in_real[5].sum() / (5 * 90)) and coverage == in_real[5].any(1).mean()
    assert 0 < precision < 1 and 0 < recall < 1 and 0 < coverage < 1


def test_a_copy_is_precise_and_a_collapse_has_no_recall():
    real = blobs()[0]
    assert precision_recall(real, real) == (1.0, 1.0)
    assert density_coverage(real, real) == (1.0, 1.0)
    collapsed = np.repeat(real[:1], 50, axis=0) + 1e-6 * blobs()[1][:50]
    assert precision_recall(real, collapsed)[0] == 1.0
    assert precision_recall(real, collapsed)[1] <= 1 / 300
    assert density_coverage(real, collapsed)[1] < 0.1


@pytest.mark.parametrize("k", [1, 2, 5])
def test_density_of_a_set_against_itself_is_one(k):
    """Of each point are k in its open ball: itself, and k - 1 neighbours (prdc 0.2: the same numbers)."""
    line = np.array([[0.0], [1.0], [3.0], [7.0], [15.0], [31.0], [63.0]])
    assert density_coverage(line, line, k) == (1.0, 1.0)


def test_density_of_equal_distributions_is_one():
    values = [density_coverage(*np.random.default_rng(s).normal(size=(2, 300, 4)))[0] for s in range(10)]
    assert np.mean(values) == pytest.approx(1, abs=0.05)


def test_neighbours_need_more_features_than_k():
    real, fake = blobs()
    with pytest.raises(InputError, match="at least 4 generated features; received 3"):
        precision_recall(real, fake[:3])
    with pytest.raises(InputError, match="at least 6 real features; received 5"):
        density_coverage(real[:5], fake)
    with pytest.raises(InputError, match="of at least 1; received 0"):
        precision_recall(real, fake, k=0)
    with pytest.raises(InputError, match="16 real and 15 generated"):
        precision_recall(real, fake[:, 1:])


# Two-sample test.


def test_two_sample_accuracy_of_two_gaussians_is_the_best_there_is():
    a, b = np.random.default_rng(0).normal(size=(2, 4000, 2))
    accuracy, error, p_value = two_sample_test(a, b + [1.5, 0])
    assert accuracy == pytest.approx(stats.norm.cdf(0.75), abs=4 * error)
    assert error == pytest.approx(math.sqrt(accuracy * (1 - accuracy) / 4000))
    assert p_value < 1e-50


def test_two_sample_p_value_is_uniform_where_the_distributions_are_equal():
    p = [two_sample_test(*np.random.default_rng(s).normal(size=(2, 200, 3)), seed=s)[2] for s in range(100)]
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    accuracy, _, p_value = two_sample_test(*blobs(3))
    assert p_value == pytest.approx(stats.norm.sf((accuracy - 0.5) * 2 * math.sqrt(250)))


def test_a_seed_below_zero_is_refused():
    for metric in (two_sample_test, kernel_distance):
        with pytest.raises(InputError, match="a seed, an integer of at least 0; received -1"):
            metric(*blobs(), seed=-1)


def test_two_sample_test_of_sets_far_apart():
    real, fake = blobs()
    assert two_sample_test(real, fake + 100)[0] == 1.0
    assert two_sample_test(np.ones((10, 3)), np.ones((10, 3)))[0] == 0.5  # constant features


# Scores.


def test_scores_of_one_protocol_compare():
    a, b = (Score("frechet", value, 0.5, {"n_real": 10, "seed": 0}) for value in (3.0, 5.0))
    assert a < b and b > a and not b < a and a - b == -2.0
    assert min([b, a]) is a
    assert str(a) == "frechet 3 +- 0.5"


def test_scores_of_unlike_protocols_say_in_what_they_differ():
    a = Score("frechet", 3.0, None, {"n_real": 10, "split": "test", "seed": 0})
    b = Score("frechet", 5.0, None, {"n_real": 20, "split": "test", "seed": 0, "k": 3})
    with pytest.raises(InputError, match=r"differ in n_real \(10 and 20\), k \(None and 3\); evaluate both"):
        assert a < b
    for compare in (lambda: a < b, lambda: a > b, lambda: a - b):
        with pytest.raises(InputError) as error:
            compare()
        assert "n_real (" in str(error.value) and "k (" in str(error.value)
        assert "split" not in str(error.value) and "seed" not in str(error.value)
    with pytest.raises(InputError, match=r"metric \('frechet' and 'kernel'\)"):
        assert a < Score("kernel", 1.0, None, a.protocol)
    with pytest.raises(InputError, match=r"expected a Score"):
        assert a < 3.0


def test_scores_of_two_models_compare_and_say_which_is_better():
    a, b = (
        Score("frechet", value, None, {"n_real": 10, "weights": of}) for value, of in ((3.0, "a"), (5.0, "b"))
    )
    assert a < b and a.better == Score("frechet_train", 1.0).better == "lower"
    assert Score("elbo", 1.0).better == Score("coverage", 1.0).better == "higher"
    assert Score("two_sample_accuracy", 1.0).better == "1/2"
    assert Score("active_units", 3.0).better is None


def test_a_score_is_json_and_back():
    score = Score("kernel", -0.25, 0.125, {"data": {"image_shape": (8, 8, 1)}, "seed": 0})
    again = Score.from_json(score.to_json())
    assert again == score and not again < score
    for text in ("{", "[1]", '{"name": "kernel"}'):
        with pytest.raises(InputError, match=r"as Score\.to_json writes it"):
            Score.from_json(text)
