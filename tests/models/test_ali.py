"""ALI: codes are drawn of q(z|x), which learns by the game alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import ALI

IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 1)), tf.float32)


@pytest.fixture(scope="module")
def model():
    return ALI(**ALI.tiny, seed=0)


@pytest.mark.parametrize("s, slope, variance", [(0.5, 0.8, 0.2), (1.0, 0.5, 0.5)])
def test_the_true_posterior_makes_both_joints_equal(s, slope, variance):
    """x = z + s e: the posterior is N(x / (1 + s^2), s^2 / (1 + s^2)); no encoder without noise has it."""
    scale = 8  # so that images lie in [-1, 1]
    encoder = keras.Sequential([keras.Input((1, 1, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    encoder.set_weights([np.float32([[scale * slope, 0]]), np.float32([0, 0.5 * np.log(variance)])])
    model = ALI((1, 1, 1), latent_dim=1, width=4, body="dense", encoder=encoder, seed=0)
    z, e = np.random.default_rng(0).standard_normal((2, 40_000)).astype("float32")
    x = z + s * e
    codes = model.codes(step_of(model, np.clip(x / scale, -1, 1).reshape(-1, 1, 1, 1)))[:, 0]
    np.testing.assert_allclose(np.cov(x, codes), np.cov(x, z), atol=0.03)
    means = model.encode(x.reshape(-1, 1, 1, 1) / scale)[:, 0]
    assert np.var(means) == pytest.approx(1 - variance, abs=0.03)  # which a code must exceed


def test_a_code_is_drawn_of_the_posterior_anew_in_each_step(model):
    same = tf.repeat(IMAGES[:1], 6, axis=0)
    step, q = step_of(model, same), model.posterior(same)
    codes = model.codes(step)
    assert len(np.unique(codes[:, 0])) == 6 and model.codes(step) is codes
    np.testing.assert_allclose(model.encode(same), q["mean"], atol=1e-6)
    out = model.encoder(same).numpy()
    np.testing.assert_allclose(q["deviation"], np.exp(out[:, 4:]), rtol=1e-5)
    np.testing.assert_allclose(model.decode(q["mean"]), model.reconstruct(same), atol=1e-6)


def test_the_losses_are_the_papers_of_the_same_draws(model):
    step = step_of(model, IMAGES)
    (fakes, z), codes = model.fakes(step), model.codes(step)
    real, fake = (model.pair_score(*pair, True).numpy() for pair in ((IMAGES, codes), (fakes, z)))
    assert float(model.discriminator_objective(step)[0]) == pytest.approx(
        np.mean(np.log1p(np.exp(-real))) + np.mean(np.log1p(np.exp(fake))), rel=1e-5
    )
    assert float(model.generator_objective(step)[0]) == pytest.approx(
        np.mean(np.log1p(np.exp(real))) + np.mean(np.log1p(np.exp(-fake))), rel=1e-5
    )


def test_the_deviation_learns_through_the_drawn_code(model):
    last = model.encoder.trainable_variables[-1]  # the bias of mu and log sigma
    with tf.GradientTape(persistent=True) as tape:
        step = step_of(model, IMAGES)
        played, judged = model.generator_objective(step)[0], model.discriminator_objective(step)[0]
    slope = tape.gradient(played, last.value).numpy()
    assert slope.shape == (8,) and (np.abs(slope) > 1e-9).all()
    assert tape.gradient(judged, last.value) is None


def test_the_discriminator_sees_which_code_belongs_to_which_image(model):
    z = model.draw_codes(model.key_of(0), 6)
    images = model.generate(z)
    # Not by a sum of two scores: what a code adds is another number for another image.
    added = [model.pair_score(images, z) - model.pair_score(images, -z) for images in (images, IMAGES)]
    assert np.abs(added[0] - added[1]).max() > 1e-7


def test_a_body_that_is_none():
    with pytest.raises(InputError, match="body"):
        ALI(body="linear")
