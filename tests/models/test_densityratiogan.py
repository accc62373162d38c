"""The discriminator finds the ratio of the densities, and the generator's gradient is that of f at it."""

import numpy as np
import pytest
import tensorflow as tf
from discrete_game import P, Q, best, scores

from tfgen import losses
from tfgen.errors import InputError
from tfgen.models import DensityRatioGAN

U = P / Q
KNOWN = {  # f(u), f'(u), and D_f(P || Q)
    "pearson": ((U - 1) ** 2 / 2, U - 1, 0.635),
    "kl": (U * np.log(U), np.log(U) + 1, 0.515210),
    "reverse_kl": (-np.log(U), -1 / U, np.sum(Q * np.log(Q / P))),
}


def loss_of(divergence, relative=0.0):
    how = dict(latent_dim=2, width=4, body="dense", divergence=divergence, relative=relative, seed=0)
    return DensityRatioGAN((1, 1, 2), **how).adversarial_loss


def scores_of(loss, ratios):
    """The scores whose ratios are these, worked out by hand."""
    if not loss.relative:
        return tf.constant(np.log(np.exp(np.log(2) * ratios) - 1))
    share = loss.relative * ratios
    return tf.constant(np.log(share / (1 - share)) - np.log(loss.relative / (1 - loss.relative)))


@pytest.mark.parametrize("name", KNOWN)
def test_the_best_ratio_is_p_over_q_and_its_loss_minus_the_divergence(name):
    loss = loss_of(name)
    v, least = best(loss.discriminator)
    f, _, divergence = KNOWN[name]
    np.testing.assert_allclose(loss.ratio(v), U, rtol=1e-3)
    assert -least == pytest.approx(divergence, abs=1e-5)
    at_best = loss.generator(scores(scores_of(loss, U))[1])  # E_q f(p / q)
    assert float(at_best) == pytest.approx(divergence, abs=1e-5) == pytest.approx(np.sum(Q * f), abs=1e-5)
    assert float(loss.discriminator(*scores(np.zeros(4)))) == pytest.approx(0.0, abs=1e-6)  # of r = 1


@pytest.mark.parametrize(
    "name, factor, activation",
    [("kl", 1.0, lambda r: np.log(r) + 1), ("pearson", 2.0, lambda r: 2 * (r - 1))],
)
def test_the_discriminator_s_step_is_f_gan_s(name, factor, activation):
    """With T = f'(r); the Pearson divergence there is twice this one."""
    ours, theirs = loss_of(name), losses.FDivergence(name)
    ratios = np.array([0.3, 2.5, 1.2, 0.8])
    real, fake = scores(scores_of(ours, ratios))
    mine = factor * float(ours.discriminator(real, fake))
    assert mine == pytest.approx(float(theirs.discriminator(*scores(activation(ratios)))), abs=1e-6)


@pytest.mark.parametrize("relative", [0.0, 0.2])
@pytest.mark.parametrize("name", KNOWN)
def test_the_generator_follows_the_slope_of_f_with_the_ratio_held_fixed(name, relative):
    """Pearson: (3, 0.5, 0, -0.8), of either sign; the gradient of f-GAN's game never is."""
    loss = loss_of(name, relative=relative)
    v = scores_of(loss, U)
    with tf.GradientTape() as tape:
        tape.watch(v)
        ratio = loss.ratio(v)
        total = 4 * loss.generator(v)
    np.testing.assert_allclose(ratio, U, rtol=1e-6)
    _, slope, _ = KNOWN[name]
    with tf.GradientTape() as by:
        by.watch(v)
        ratio = tf.reduce_sum(loss.ratio(v))
    np.testing.assert_allclose(tape.gradient(total, v), slope * by.gradient(ratio, v), atol=1e-6)


def test_a_score_of_zero_is_a_ratio_of_one_and_ratios_are_above_zero():
    for loss in (loss_of("kl"), loss_of("kl", relative=0.3)):
        assert float(loss.ratio(tf.constant(0.0))) == pytest.approx(1.0)
        lost = tf.constant([[-1e4], [1e4]])
        assert np.isfinite([float(loss.discriminator(lost, lost)), float(loss.generator(lost))]).all()


def test_other_arguments_are_named():
    with pytest.raises(InputError, match=r"divergence 'chi'.*pearson"):
        loss_of("chi")
    with pytest.raises(InputError, match=r"relative is a share .* in \[0, 1\); received 1"):
        loss_of("kl", relative=1.0)
