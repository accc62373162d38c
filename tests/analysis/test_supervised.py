"""Bayes' rule: against closed forms, scikit-learn's discriminants and logistic regression."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from tfgen.analysis.supervised import GenerativeClassifier
from tfgen.errors import InputError
from tfgen.models import CVAE, DBVAE, DCGAN, VAE, GaussianMixture

MEANS = np.array([[0.0, 0.0], [1.5, 1.0]])
COVARIANCE = np.array([[1.0, 0.6], [0.6, 2.0]])
OTHER = np.array([[0.5, -0.2], [-0.2, 0.3]])
PRIOR = np.array([0.2, 0.8])


class Gaussian:
    """A density of points."""

    def __init__(self, mean, covariance):
        factor = np.linalg.cholesky(covariance)
        self.density = tfp.distributions.MultivariateNormalTriL(np.float32(mean), np.float32(factor))

    def log_prob(self, x):
        return self.density.log_prob(tf.cast(x, tf.float32))


def points(n, covariances, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.choice(2, n, p=PRIOR)
    x = np.empty((n, 2))
    for c in (0, 1):
        mine = labels == c
        x[mine] = rng.multivariate_normal(MEANS[c], covariances[c], mine.sum())
    return x, labels


def test_gaussians_of_one_covariance_and_logistic_regression_draw_the_same_line():
    x, labels = points(40_000, (COVARIANCE, COVARIANCE))
    means = [x[labels == c].mean(0) for c in (0, 1)]
    within = np.cov((x - np.array(means)[labels]).T, ddof=2)
    shares = np.bincount(labels) / len(labels)
    gaussians = [Gaussian(mean, within) for mean in means]
    classifier = GenerativeClassifier(gaussians, shares, batch_size=10_000)
    grid = np.random.default_rng(1).uniform(-3, 4, (500, 2))
    log_p = classifier.predict_log_proba(grid)
    odds = log_p[:, 1] - log_p[:, 0]
    design = np.column_stack([grid, np.ones(500)])
    line, *_ = np.linalg.lstsq(design, odds, rcond=None)
    np.testing.assert_allclose(design @ line, odds, atol=1e-4)  # it is linear

    direction = np.linalg.solve(COVARIANCE, MEANS[1] - MEANS[0])
    truth = [*direction, -MEANS.sum(0) @ direction / 2 + np.log(PRIOR[1] / PRIOR[0])]
    np.testing.assert_allclose(line, truth, atol=0.06)
    lda = LinearDiscriminantAnalysis("lsqr", priors=shares).fit(x, labels)
    np.testing.assert_allclose(line, [*lda.coef_[0], lda.intercept_[0]], rtol=1e-3)
    logistic = LogisticRegression(C=np.inf).fit(x, labels)
    np.testing.assert_allclose(line, [*logistic.coef_[0], logistic.intercept_[0]], atol=0.06)
    assert (classifier.predict(grid) == logistic.predict(grid)).mean() > 0.98
    assert classifier.score(x, labels) == pytest.approx(logistic.score(x, labels), abs=2e-3)


def test_fitted_gaussians_of_two_covariances_are_the_quadratic_discriminant():
    x, labels = points(4_000, (COVARIANCE, OTHER))
    fitted = []
    for label in (0, 1):
        mixture = GaussianMixture((2,), components=1, regularization=0.0, seed=0)
        mixture.compile()
        mixture.fit(np.float32(x[labels == label]), batch_size=500, epochs=2, verbose=0)
        fitted.append(mixture)
    classifier = GenerativeClassifier(fitted, PRIOR, batch_size=1000)
    qda = QuadraticDiscriminantAnalysis(priors=PRIOR).fit(x, labels)
    np.testing.assert_allclose(classifier.predict_proba(x), qda.predict_proba(x), atol=3e-3)
    assert classifier.score(x, labels) == pytest.approx(qda.score(x, labels), abs=1e-3)


def test_it_is_bayes_rule():
    x = np.random.default_rng(0).normal(size=(30, 2))
    joint = np.transpose([
        p * scipy.stats.multivariate_normal(mean, covariance).pdf(x)
        for p, mean, covariance in zip(PRIOR, MEANS, (COVARIANCE, OTHER))
    ])  # fmt: skip
    gaussians = {"no": Gaussian(MEANS[0], COVARIANCE), "yes": Gaussian(MEANS[1], OTHER)}
    classifier = GenerativeClassifier(gaussians, PRIOR, batch_size=7)
    np.testing.assert_allclose(classifier.predict_joint_log_proba(x), np.log(joint), atol=1e-4)
    np.testing.assert_allclose(classifier.predict_proba(x), joint / joint.sum(1, keepdims=True), atol=1e-4)
    words = np.array(["no", "yes"])[joint.argmax(1)]
    np.testing.assert_array_equal(classifier.predict(x), words)
    assert classifier.score(x, words) == 1


def test_far_from_all_classes_the_probabilities_are_still_numbers():
    classifier = GenerativeClassifier([Gaussian(mean, COVARIANCE) for mean in MEANS])
    log_p = classifier.predict_log_proba(np.array([[-300.0, -300.0], [300.0, 300.0]]))
    assert np.isfinite(log_p).all() and classifier.predict([[-300, -300], [300, 300]]).tolist() == [0, 1]


@pytest.fixture(scope="module")
def blind():
    """A CVAE that ignores the class."""
    model = CVAE((8, 8, 1), 4, 3, width=8, seed=0)
    for net, size in ((model.encoder, 64), (model.decoder, 3)):
        kernel, *others = net.get_weights()
        kernel[size:] = 0
        net.set_weights([kernel, *others])
    return model, np.random.default_rng(0).uniform(size=(9, 8, 8, 1)).astype("float32")


def test_the_noise_is_the_same_for_all_classes(blind):
    model, x = blind
    prior = np.array([0.4, 0.3, 0.2, 0.1])
    classifier = GenerativeClassifier(model, prior, samples=1)
    np.testing.assert_allclose(classifier.predict_proba(x), np.tile(prior, (9, 1)), rtol=1e-3)


def test_batches_and_seeds(blind):
    model, x = blind
    joint = GenerativeClassifier(model, samples=2).predict_joint_log_proba(x)
    again = GenerativeClassifier(model, samples=2, batch_size=4).predict_joint_log_proba(x)
    np.testing.assert_allclose(again, joint, rtol=1e-5)
    other = GenerativeClassifier(model, samples=2, seed=1).predict_joint_log_proba(x)
    assert np.all(abs(other - joint) > 1e-4)
    more = GenerativeClassifier(model, samples=200).predict_joint_log_proba(x)
    np.testing.assert_allclose(
        more, np.log(0.25) + np.stack([model.log_prob(x, 200, np.full(9, c), seed=0) for c in range(4)], 1),
        rtol=1e-5,
    )  # fmt: skip


@pytest.mark.parametrize(
    "make, line",
    [
        (lambda: GenerativeClassifier(DCGAN((8, 8, 1), width=4)), "needs log_prob, .*; DCGAN has none"),
        (lambda: GenerativeClassifier([Gaussian(MEANS[0], OTHER), 3]), "needs log_prob, .*; int has none"),
        (
            lambda: GenerativeClassifier(VAE((8, 8, 1), width=4)),
            "one model for each; received one VAE",
        ),
        (
            lambda: GenerativeClassifier(
                DBVAE((8, 8, 1), latent_dim=2, width=4)
            ),  # its classes are no condition
            "one model for each; received one DBVAE",
        ),
        (lambda: GenerativeClassifier([Gaussian(MEANS[0], OTHER)]), "two classes or more; received 1"),
        (lambda: GenerativeClassifier([]), "two classes or more; received 0"),
        (lambda: two([0.5, 0.6]), "a prior of 2 positive numbers with sum 1; received"),
        (lambda: two([1.0, 0.0]), "a prior of 2 positive"),
        (lambda: two([0.2, 0.3, 0.5]), "a prior of 2 positive"),
        (lambda: two().score(np.zeros((2, 2)), [0, 2]), r"2 labels of the classes \[0, 1\]; received 2, .*2"),
        (lambda: two().score(np.zeros((2, 2)), [0]), r"expected 2 labels"),
        (lambda: two().predict(np.zeros((0, 2))), "at least one image; received none"),
        (lambda: two().predict(np.full((1, 2), np.nan)), "some class gives a density"),
    ],
)
def test_bad_input_is_named(make, line):
    with pytest.raises(InputError, match=line):
        make()


def two(prior=None):
    return GenerativeClassifier([Gaussian(mean, OTHER) for mean in MEANS], prior)
