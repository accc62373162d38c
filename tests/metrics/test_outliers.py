"""Scores of outliers are the model's own numbers, and AUROC is a probability."""

import numpy as np
import pytest

from tfgen.errors import InputError
from tfgen.metrics import auroc, outlier_scores
from tfgen.models import CVAE, DCGAN, VAE, PixelCNN


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(size=(130, 8, 8, 1)).astype("float32")


def test_scores_are_the_models_numbers_however_they_are_batched(images):
    model = VAE((8, 8, 1), 3, width=8, body="dense", seed=0)
    by_hand = {
        "elbo": -model.elbo(images, seed=5),
        "log_prob": -model.log_prob(images, 7, seed=5),
        "reconstruction": ((images - model.reconstruct(images)) ** 2).numpy().sum((1, 2, 3)),
    }
    for by, scores in by_hand.items():
        found = outlier_scores(model, images, by, samples=7, seed=5)
        assert found.shape == (130,) and found.dtype == np.float64
        np.testing.assert_allclose(found, scores, rtol=1e-4)


def test_an_exact_likelihood_and_labels_serve_too(images):
    pixels = PixelCNN((8, 8, 1), levels=2, width=4, depth=1, seed=0)
    np.testing.assert_allclose(
        outlier_scores(pixels, images, "log_prob"), -pixels.log_prob(images).numpy(), rtol=1e-5
    )
    model = CVAE((8, 8, 1), classes=3, latent_dim=3, width=8, seed=0)
    labels = np.arange(130, dtype=np.int32) % 3
    found = outlier_scores(model, images, "elbo", labels, seed=1)
    np.testing.assert_allclose(found, -model.elbo(images, labels, seed=1).numpy(), rtol=1e-4)


def test_images_unlike_the_training_set_score_higher():
    rng = np.random.default_rng(0)
    known = (rng.uniform(size=(512, 8, 8, 1)) < 0.1).astype("float32")  # nearly black
    model = VAE((8, 8, 1), 3, width=16, body="dense", seed=0)
    model.compile()
    model.fit(known, epochs=10, batch_size=64, verbose=0)
    unknown = (rng.uniform(size=(200, 8, 8, 1)) < 0.6).astype("float32")
    for by in ("elbo", "log_prob", "reconstruction"):
        scores = [outlier_scores(model, x, by, samples=10) for x in (known[:200], unknown)]
        assert auroc(*scores) > 0.99


def test_auroc_is_the_probability_of_the_right_order():
    rng = np.random.default_rng(0)
    inliers, outliers = rng.integers(0, 8, 50), rng.integers(3, 12, 70)  # with ties
    pairs = outliers[:, None] - inliers
    assert auroc(inliers, outliers) == pytest.approx((pairs > 0).mean() + (pairs == 0).mean() / 2)
    assert auroc([1, 2], [3, 4]) == 1 and auroc([3, 4], [1, 2]) == 0 and auroc([1], [1]) == 0.5


def test_bad_input_is_named(images):
    model = VAE((8, 8, 1), 3, width=8, body="dense")
    for call, line in (
        (lambda: outlier_scores(model, images, "elbow"), "did you mean elbo"),
        (lambda: outlier_scores(model, images[:, :4]), r"received \(130, 4, 8, 1\)"),
        (lambda: outlier_scores(model, images[:0]), "n >= 1"),
        (lambda: outlier_scores(DCGAN((8, 8, 1), 3, 8), images), "has no elbo; its outlier scores are none"),
        (
            lambda: outlier_scores(PixelCNN((8, 8, 1), 2, 4, 1), images, "reconstruction"),
            "no reconstruction; its outlier scores are log_prob",
        ),
        (lambda: auroc([1.0, np.nan], [1.0]), "finite scores .* of inliers"),
        (lambda: auroc([1.0], []), "of outliers"),
    ):
        with pytest.raises(InputError, match=line):
            call()
