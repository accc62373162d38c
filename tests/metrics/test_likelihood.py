"""Annealed importance sampling against known evidence, and active units."""

import numpy as np
import pytest
import tensorflow as tf
from linear_gaussian import poorly_encoded

from tfgen.errors import InputError
from tfgen.metrics import active_units, annealed_importance
from tfgen.models import CVAE, DCGAN, VAE


@pytest.fixture(scope="module")
def annealed():
    model, x, evidence = poorly_encoded()  # annealing does not ask the encoder
    found = annealed_importance(model, x, chains=64, steps=60, leapfrogs=3, seed=1)
    return found, evidence


def test_annealing_finds_the_evidence(annealed):
    found, evidence = annealed
    assert found.log_prob.shape == found.standard_error.shape == found.acceptance.shape == (5,)
    assert np.all(found.standard_error < 0.1)
    assert np.all(abs(found.log_prob - evidence) < 4 * found.standard_error)
    assert np.all((0.5 < found.acceptance) & (found.acceptance < 0.9))  # 0.65 is aimed at


def test_progress_is_shown(capsys):
    model, x, _ = poorly_encoded()
    annealed_importance(model, x, chains=2, steps=30, leapfrogs=1)
    assert "60/60" in capsys.readouterr().out  # a pilot run, and the run
    annealed_importance(model, x, chains=2, steps=3, leapfrogs=1, verbose=0)
    assert capsys.readouterr().out == ""


def test_one_step_is_importance_sampling_from_the_prior():
    model, x, evidence = poorly_encoded()
    found = annealed_importance(model, x, chains=20_000, steps=1, leapfrogs=1)
    assert np.all(found.standard_error < 0.2)
    assert np.all(abs(found.log_prob - evidence) < 5 * found.standard_error)
    few = annealed_importance(model, tf.repeat(x[:1], 50, axis=0), chains=4, steps=1, leapfrogs=1)
    assert few.log_prob.mean() < evidence[0]  # a bound, in expectation
    assert few.log_prob.std() > 0.1  # images, also equal ones, have chains of their own


def test_the_same_seed_gives_the_same_estimate_and_labels_count():
    model = CVAE((8, 8, 1), 3, latent_dim=2, width=8, seed=0)
    x = np.random.default_rng(0).uniform(size=(2, 8, 8, 1)).astype("float32")

    def estimate(labels, seed):
        how = dict(chains=4, steps=4, leapfrogs=1, seed=seed)
        return annealed_importance(model, x, np.array(labels, "int32"), **how).log_prob

    first = estimate([0, 1], 0)
    np.testing.assert_allclose(estimate([0, 1], 0), first, rtol=1e-5)
    assert not np.allclose(estimate([0, 1], 1), first, rtol=1e-5)
    assert not np.allclose(estimate([0, 2], 0), first, rtol=1e-5)


def test_what_cannot_be_annealed_is_named():
    model, x, _ = poorly_encoded()
    for wrong, message in (
        (dict(chains=1), "chains >= 2"),
        (dict(steps=0), "steps >= 1"),
        (dict(images=x[..., 0]), "add the axis of the channel"),
        (dict(model=DCGAN((8, 8, 1), latent_dim=4, width=8)), "DCGAN has no log_likelihood"),
    ):
        with pytest.raises(InputError, match=message):
            annealed_importance(**{"model": model, "images": x, **wrong})


def test_a_collapsed_latent_is_not_active():
    model = VAE((8, 8, 1), 4, body="linear", seed=0)
    kernel, bias = model.encoder.get_weights()
    kernel[:, 1] = 0  # its mean is the same for all images
    kernel[:, 3] *= 1e-4
    model.encoder.set_weights([kernel, bias + 3])
    x = np.random.default_rng(0).uniform(size=(130, 8, 8, 1)).astype("float32")
    count, variances = active_units(model, [x[:100], x[100:]])
    assert count == 2 and variances.shape == (4,)
    np.testing.assert_allclose(variances, np.var(model.encode(x), axis=0), rtol=1e-4, atol=1e-7)
    assert active_units(model, [x], threshold=1e9)[0] == 0


def test_active_units_need_a_posterior():
    with pytest.raises(InputError, match="DCGAN has no posterior"):
        active_units(DCGAN((8, 8, 1), latent_dim=4, width=8), [])
