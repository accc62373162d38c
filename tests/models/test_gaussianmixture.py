"""EM against scikit-learn, TensorFlow Probability, and what it must do."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Reference

from tfgen import random
from tfgen.errors import InputError
from tfgen.models import GaussianMixture
from tfgen.models.mixture.k_means import plus_plus
from tfgen.models.monitoring import Diverged

SIZE, COMPONENTS, BATCH = 4, 3, 70  # which does not divide the 600 examples
COVARIANCES = pytest.mark.parametrize("covariance", ["full", "diagonal"])


def examples():
    """Three Gaussians that overlap, far from zero: sums about the origin would cancel."""
    rng = np.random.default_rng(0)
    parts = []
    for _ in range(COMPONENTS):
        mix = 0.4 * rng.normal(size=(SIZE, SIZE)) + np.eye(SIZE)
        parts.append(30 + 2 * rng.normal(size=SIZE) + rng.normal(size=(200, SIZE)) @ mix)
    return rng.permutation(np.concatenate(parts)).astype("float32")


X = examples()


def build(covariance="full", regularization=1e-3, components=COMPONENTS, **kwargs):
    model = GaussianMixture((SIZE,), components, covariance, regularization, **{"seed": 0, **kwargs})
    model.compile()
    return model


def fit(model, x=X, epochs=8, batch_size=BATCH, **kwargs):
    options = dict(epochs=epochs, batch_size=batch_size, shuffle=False, verbose=0)
    return model.fit(x, **{**options, **kwargs}).history["nll"]


def reference(model, epochs, x=X):
    """scikit-learn's mixture after as many iterations from where `model` stands, in float64."""
    full = model.covariance == "full"
    weights, means, covariances = (np.float64(v) for v in (model.mixing, model.means, model.covariances))
    other = Reference(
        model.components,
        covariance_type="full" if full else "diag",
        reg_covar=model.regularization,
        tol=0,
        max_iter=epochs,
        weights_init=weights / weights.sum(),
        means_init=means,
        precisions_init=np.linalg.inv(covariances) if full else 1 / covariances,
    )
    with pytest.warns(ConvergenceWarning):
        return other.fit(np.float64(x))


@COVARIANCES
def test_iterations_are_scikit_learn_s(covariance):
    model = build(covariance)
    model.start({"images": X})
    other = reference(model, epochs=10)
    nll = fit(model, epochs=10)
    assert -nll[-1] == pytest.approx(other.lower_bound_, rel=1e-5)
    np.testing.assert_allclose(model.mixing, other.weights_, rtol=1e-4)
    np.testing.assert_allclose(model.means, other.means_, rtol=1e-4)
    np.testing.assert_allclose(model.covariances, other.covariances_, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(model.log_prob(X), other.score_samples(np.float64(X)), rtol=1e-4)
    np.testing.assert_allclose(model.encode(X), other.predict_proba(np.float64(X)), atol=1e-4)


@COVARIANCES
def test_the_likelihood_never_falls(covariance):
    model = build(covariance, regularization=0.0)
    nll = fit(model, epochs=40)
    assert nll[0] - nll[-1] > 0.5
    assert np.diff(nll).max() < 2e-6 * abs(nll[-1])  # but for the rounding of float32
    # What is logged is the likelihood before the epoch's M.
    assert -np.mean(model.log_prob(X)) <= nll[-1] + 1e-5
    assert fit(model, epochs=1)[0] == pytest.approx(-np.mean(model.log_prob(X)), abs=1e-3)


@COVARIANCES
def test_batches_give_what_one_batch_gives(covariance):
    streamed, whole = build(covariance), build(covariance)
    for model in (streamed, whole):
        model.start({"images": X})
    np.testing.assert_allclose(fit(streamed), fit(whole, batch_size=len(X)), rtol=1e-5)
    for a, b in zip(streamed.get_weights(), whole.get_weights()):
        if a.shape:  # not the steps
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@COVARIANCES
def test_the_density_is_tfp_s_and_its_parts_those_of_bayes(covariance):
    model = build(covariance)
    fit(model, epochs=3)
    distribution = model.distribution()
    np.testing.assert_allclose(model.log_prob(X), distribution.log_prob(X), rtol=1e-5)
    np.testing.assert_allclose(
        model.encode(X), distribution.posterior_marginal(X).probs_parameter(), atol=1e-4
    )
    np.testing.assert_allclose(distribution.covariance().shape, (SIZE, SIZE))


@COVARIANCES
def test_samples_have_the_mixture_s_moments(covariance):
    model = build(covariance)
    fit(model)
    n, distribution = 40_000, model.distribution()
    samples = model.sample(n, seed=1).numpy()
    error = np.sqrt(np.diag(distribution.covariance()) / n)
    assert np.all(abs(samples.mean(0) - distribution.mean()) < 5 * error)
    np.testing.assert_allclose(np.cov(samples.T), distribution.covariance(), atol=0.15)
    share = np.sqrt(model.mixing.numpy() / n)
    assert np.all(abs(np.mean(model.encode(samples), axis=0) - model.mixing) < 5 * share)
    # Each third moment is of the whole mixture, not of one Gaussian with its covariance.
    drawn = distribution.sample(n, seed=2).numpy()
    skew = [np.mean((x - x.mean(0)) ** 3, axis=0) for x in (samples, drawn)]
    np.testing.assert_allclose(*skew, atol=0.1 * np.diag(distribution.covariance()).max() ** 1.5)


def test_images_are_cut_off_at_their_range_and_codes_are_not():
    images = GaussianMixture((4, 4, 1), 2, seed=0).sample(50, seed=0).numpy()
    assert images.shape == (50, 4, 4, 1) and images.min() == 0 and images.max() == 1
    assert GaussianMixture((4,), 2, seed=0).sample(50, seed=0).numpy().min() < 0


def test_the_callbacks_of_an_epoch_see_its_mixture(tmp_path):
    model, seen = build(), []
    look = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: seen.append(np.mean(model.log_prob(X))))
    nll = fit(model, epochs=4, callbacks=[look])
    np.testing.assert_allclose(seen[:-1], -np.array(nll[1:]), rtol=1e-5)


def test_validation_has_a_likelihood_and_changes_nothing():
    plain, validated = build(), build()
    fit(plain, epochs=3)
    history = validated.fit(
        X, batch_size=BATCH, shuffle=False, epochs=3, verbose=0, validation_data=(X,)
    ).history
    np.testing.assert_allclose(history["val_nll"], history["nll"], rtol=1e-6)
    np.testing.assert_allclose(plain.means, validated.means, rtol=1e-5)


def test_an_epoch_that_was_interrupted_is_begun_anew():
    interrupted, plain = build(), build()
    for model in (interrupted, plain):
        model.start({"images": X})
    interrupted.train_on_batch(X[:50] + 5)
    np.testing.assert_allclose(fit(interrupted, epochs=2), fit(plain, epochs=2), rtol=1e-6)


def test_the_start_is_the_seed_s_and_comes_once():
    models = [build(seed=seed) for seed in (0, 0, 1)]
    for model in models:
        model.start({"images": X})
    one, same, other = (model.means.numpy() for model in models)
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert all(any(np.array_equal(mean, x) for x in X) for mean in one)
    looked = build()
    fit(looked, epochs=1)
    dataset = build()
    dataset.fit(tf.data.Dataset.from_tensor_slices(X).batch(BATCH), verbose=0)
    np.testing.assert_allclose(dataset.means, looked.means, rtol=1e-6)
    before = looked.means.numpy()
    fit(looked, epochs=1)  # goes on
    assert 0 < abs(looked.means - before).numpy().max() < 1.0


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # as Keras says of any generator's end
def test_the_first_batch_of_a_generator_starts_it_and_counts():
    streamed, whole = build(), build()
    streamed.fit((x for x in [X]), verbose=0)
    fit(whole, epochs=1, batch_size=len(X))
    np.testing.assert_allclose(streamed.means, whole.means, rtol=1e-5)


def test_the_first_means_are_drawn_by_their_squared_distance():
    x = np.array([[0.0], [1.0], [3.0]])
    noise = random.uniform(random.key(3), (6000, 2)).numpy()
    drawn = np.array([plus_plus(x, u)[0][:, 0] for u in noise])
    second = drawn[drawn[:, 0] == 0][:, 1]
    assert len(second) == pytest.approx(2000, abs=150)
    assert np.mean(second == 3) == pytest.approx(9 / 10, abs=0.03)
    np.testing.assert_array_equal(plus_plus(x, [0.1, 0.99])[1], [0, 1, 0])


def test_a_warm_start_is_kept():
    model = build("diagonal", components=2)
    means = np.array([X[0], X[1]])
    model.set_parameters([0.25, 0.75], means, np.full((2, SIZE), 4.0))
    np.testing.assert_allclose(np.mean(model.log_prob(X)), -fit(model, epochs=1)[0], rtol=1e-5)
    gauss = -0.5 * ((X[:, None] - means) ** 2 / 4 + np.log(2 * np.pi * 4)).sum(2)
    fresh = build("diagonal", components=2)
    fresh.set_parameters([0.25, 0.75], means, np.full((2, SIZE), 4.0))
    by_hand = np.logaddexp(*(gauss + np.log([0.25, 0.75])).T)
    np.testing.assert_allclose(fresh.log_prob(X), by_hand, rtol=1e-5)


def test_a_component_without_examples_dies_and_the_others_go_on():
    model = build(components=2)
    far = np.array([X.mean(0), X.mean(0) + 1e4])
    model.set_parameters([0.5, 0.5], far, np.broadcast_to(np.eye(SIZE), (2, SIZE, SIZE)))
    fit(model, epochs=2)
    np.testing.assert_array_equal(model.mixing, [1, 0])
    np.testing.assert_allclose(model.means[0], X.mean(0), rtol=1e-5)
    np.testing.assert_allclose(
        model.covariances[0], np.cov(X.T, bias=True) + 1e-3 * np.eye(SIZE), rtol=1e-3, atol=1e-4
    )
    assert np.isfinite(model.log_prob(X)).all() and np.isfinite(model.sample(100, seed=0)).all()


@COVARIANCES
def test_a_singular_covariance_names_its_component(covariance):
    flat = X * [1, 1, 1, 0]
    line = r"covariance of component \d, of weight .*, is singular; raise regularization, or take fewer"
    with pytest.raises(InputError, match=line):
        fit(build(covariance, regularization=0.0), flat.astype("float32"))
    fit(build(covariance, regularization=1e-3), flat.astype("float32"), epochs=2)


def test_what_is_no_number_ends_the_run():
    model = build()
    model.start({"images": X})
    bad = X.copy()
    bad[7] = 1e30  # whose square is none
    with pytest.raises(Diverged, match="GaussianMixture: the images hold NaN, or lie too far from the mix"):
        fit(model, bad)
    bad[7] = np.nan
    for given in (bad, tf.data.Dataset.from_tensors(bad)):
        with pytest.raises(InputError, match="the images hold NaN; remove or repair"):
            build().fit(given, verbose=0)
    bad[7] = np.inf
    with pytest.raises(InputError, match="the images hold NaN or infinities"):
        fit(build(), bad)


@pytest.mark.parametrize(
    "act, line",
    [
        (lambda: build().compile("adam"), "fitted by EM, which has no optimizer"),
        (lambda: build("tied"), "unknown covariance 'tied'"),
        (lambda: build(components=0), "components >= 1 and regularization >= 0; received 0"),
        (lambda: build().log_prob(X[:, 1:]), r"takes images \(None, 4\); received \(600, 3\)"),
        (lambda: build().set_parameters([1.0], X[:1], np.eye(SIZE)[None]), r"shapes \[\(3,\), \(3, 4\)"),
        (lambda: build().set_parameters([0.5, 0.2, 0.1], X[:3], [np.eye(SIZE)] * 3), "of sum 1; received"),
        (lambda: build().start({"images": np.repeat(X[:2], 9, axis=0)}), "3 clusters need as many different"),
    ],
)  # fmt: skip
def test_bad_requests_are_named(act, line):
    with pytest.raises(InputError, match=line):
        act()
