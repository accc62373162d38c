"""Every divergence is attained, at T* = f'(p / q), and bounds what another T gives."""

import numpy as np
import pytest
import tensorflow as tf
from discrete_game import P, Q, best, js_divergence

from tfgen.errors import InputError
from tfgen.losses import DIVERGENCES
from tfgen.models import FGAN

U = P / Q
KNOWN = {  # the divergence, and f'(u)
    "kl": (np.sum(P * np.log(U)), np.log(U) + 1),
    "reverse_kl": (np.sum(Q * np.log(1 / U)), -1 / U),
    "pearson": (np.sum((P - Q) ** 2 / Q), 2 * (U - 1)),
    "squared_hellinger": (np.sum((np.sqrt(P) - np.sqrt(Q)) ** 2), 1 - 1 / np.sqrt(U)),
    "jensen_shannon": (2 * js_divergence(), np.log(2 * U / (1 + U))),
    "gan": (2 * js_divergence() - np.log(4), np.log(U / (1 + U))),
}


def build(divergence, **kwargs):
    return FGAN((1, 1, 2), latent_dim=2, width=4, body="dense", divergence=divergence, seed=0, **kwargs)


@pytest.mark.parametrize("name", KNOWN)
def test_the_best_score_attains_the_divergence(name):
    v, loss = best(build(name).adversarial_loss.discriminator)
    divergence, slope = KNOWN[name]
    assert -loss == pytest.approx(divergence, abs=1e-7)
    np.testing.assert_allclose(DIVERGENCES[name][0](tf.constant(v, tf.float64)), slope, atol=1e-4)


@pytest.mark.parametrize("name", KNOWN)
def test_the_generator_s_two_losses(name):
    """-E[g(V)] and -E[f*(g(V))] by the paper's formulas; both fall as fakes score higher."""
    conjugates = {
        "kl": lambda t: np.exp(t - 1),
        "reverse_kl": lambda t: -1 - np.log(-t),
        "pearson": lambda t: t**2 / 4 + t,
        "squared_hellinger": lambda t: t / (1 - t),
        "jensen_shannon": lambda t: -np.log(2 - np.exp(t)),
        "gan": lambda t: -np.log(1 - np.exp(t)),
    }
    v = tf.constant([[-0.3], [0.2]], tf.float64)
    t = DIVERGENCES[name][0](v).numpy()
    plain, exact = build(name), build(name, saturating=True)
    assert float(plain.adversarial_loss.generator(v)) == pytest.approx(-t.mean())
    assert float(exact.adversarial_loss.generator(v)) == pytest.approx(-conjugates[name](t).mean())
    assert float(plain.adversarial_loss.generator(v + 0.1)) < float(plain.adversarial_loss.generator(v))
    assert float(exact.adversarial_loss.generator(v + 0.1)) < float(exact.adversarial_loss.generator(v))


def test_an_unknown_divergence_is_named():
    with pytest.raises(InputError, match=r"divergence 'kll'.*kl"):
        build("kll")
