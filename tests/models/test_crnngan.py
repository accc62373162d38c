"""C-RNN-GAN: tones that hear themselves, a judge that hears both ways, and who rests."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import CRNNGAN
from tfgen.models.music.crnngan import mean_probability

TONES, RNG = 4, np.random.default_rng(0)
TUNES = np.float32([0.5, 60, 80, 0.25]) + RNG.integers(-1, 2, (8, TONES, 4)) * np.float32([0.25, 4, 10, 0.25])
SMALL = {**CRNNGAN.tiny, "grid": 0.25, "pretraining": 0, "freezing": 0.7}


@pytest.fixture(scope="module")
def model():
    model = CRNNGAN(**SMALL, seed=0)
    model.compile(run_eagerly=True)
    model.start({"images": tf.constant(TUNES)})
    return model


def reached(function, x):
    """Whether output t of function(x (1, steps, k)) changes with input t', bool (steps, steps)."""
    moved = np.concatenate([x, x + 0.1 * np.eye(TONES, dtype="float32")[:, :, None]])
    first, *others = np.asarray(function(moved))
    return np.array([(abs(other - first) > 1e-6).any(axis=-1) for other in others]).T


def test_a_tone_hears_the_noise_up_to_it_and_the_tones_before_it(model):
    noise = RNG.uniform(size=(1, TONES, 4)).astype("float32")
    np.testing.assert_array_equal(reached(model.free, noise), np.tri(TONES, dtype=bool))
    # With the LSTMs' own memory cut, the noise of a step reaches later tones by the tone that it made.
    cell, kept = model.generator.layers[1].cell, model.generator.get_weights()
    for lstm in (cell.first, cell.second):
        lstm.recurrent_kernel.assign(0 * lstm.recurrent_kernel)
        forgets = np.arange(4 * model.width) // model.width == 1
        lstm.bias.assign(lstm.bias - 100.0 * forgets.astype("float32"))
    assert reached(model.free, noise)[1, 0]
    model.generator.set_weights(kept)


def test_a_known_tone_takes_the_place_of_the_last_one(model):
    """Fed its own tones, G predicts what it makes alone: `next` trains the steps that sampling takes."""
    noise = RNG.uniform(size=(2, TONES, 4)).astype("float32")
    made = model.free(noise)
    before = np.pad(made[:, :-1], [[0, 0], [1, 0], [0, 0]])
    known = model.generator(np.concatenate([noise, before, np.ones((2, TONES, 1), "float32")], axis=2))
    np.testing.assert_allclose(known, made, atol=1e-6)
    other = model.generator(np.concatenate([noise, 0 * before, np.ones((2, TONES, 1), "float32")], axis=2))
    assert abs(other - made).numpy().max() > 1e-3


def test_the_judge_hears_both_ways_and_averages_probabilities(model):
    tunes = RNG.normal(size=(1, TONES, 4)).astype("float32")
    assert reached(lambda x: model.discriminator(x)[0], tunes).all()
    logits = np.float32([[[2.0], [-1.0], [0.5]]])
    mean = np.mean(1 / (1 + np.exp(-logits)))
    assert float(mean_probability(logits)[0, 0]) == pytest.approx(np.log(mean / (1 - mean)), rel=1e-5)
    assert np.isfinite(mean_probability(np.full((1, 3, 1), 300, "float32")))


@pytest.mark.parametrize("last, d_moves, g_moves", [((0.6, 1), 0, 1), ((1, 0.6), 1, 0), ((0.8, 1), 1, 1)])
def test_who_is_far_ahead_rests(model, last, d_moves, g_moves):
    """Below 70 % of the other's loss a player's weights stand still, and the other learns."""
    model.last_losses.assign(last)
    before = model.discriminator.get_weights(), model.generator.get_weights()
    model.train_on_batch(TUNES)
    after = model.discriminator.get_weights(), model.generator.get_weights()
    moved = [any(not np.array_equal(a, b) for a, b in zip(*pair)) for pair in zip(before, after)]
    assert moved == [d_moves, g_moves]


@pytest.mark.parametrize("last", [(0.6, 1.0), (1.0, 0.6)])
def test_the_losses_that_decide_are_those_of_the_last_batch(model, last):
    """Of the batch before its updates, whoever rests."""
    model.last_losses.assign(last)
    model.step.assign_add(1)  # to draw what the next step will
    step = step_of(model, TUNES)
    (real, _), (fake, _) = model.judged(model.real(step), model.fakes(step))
    wanted = model.adversarial_loss.discriminator(real, fake), model.adversarial_loss.generator(fake)
    model.step.assign_sub(1)
    model.train_on_batch(TUNES)
    np.testing.assert_allclose(model.last_losses, wanted, rtol=1e-4)


def test_feature_matching_is_of_means_over_the_batch(model):
    other = CRNNGAN(**SMALL, feature_matching=True, seed=0)
    step = step_of(other, TUNES)
    ((_, wanted),), ((_, made),) = other.judged(other.real(step)), other.judged(other.fakes(step))
    want = np.mean((np.mean(wanted, axis=0) - np.mean(made, axis=0)) ** 2)
    assert float(other.generator_objective(step)[0]) == pytest.approx(want, rel=1e-5)
    assert set(other.objectives()) == set(model.objectives()) == {"discriminator", "generator"}


def test_gradients_are_clipped_and_rates_are_the_papers(model):
    optimizers = model.default_optimizers()
    assert {name: float(one.learning_rate) for name, one in optimizers.items()} == {
        "discriminator": pytest.approx(0.05),
        "generator": pytest.approx(0.1),
    }
    weight = keras.Variable(np.zeros(2, "float32"))
    optimizer = optimizers["generator"]
    optimizer.build([weight])
    optimizer.apply_gradients([(tf.constant([30.0, 40.0]), weight)])
    np.testing.assert_allclose(weight, [-0.3, -0.4], rtol=1e-5)  # 0.1 times a norm of 5


def test_data_are_scaled_spread_in_their_cells_and_samples_lie_on_the_grid(model):
    tunes = np.tile(np.float32([[0.5, 60, 80, 0], [1, 64, 80, 0.5]]), (50, TONES // 2, 1))
    model.start({"images": tf.constant(tunes)})
    step = step_of(model, tunes)
    real = model.real(step).numpy()
    np.testing.assert_allclose(real.mean((0, 1)), 0, atol=0.15)
    np.testing.assert_allclose(real.std((0, 1)), 1, atol=0.1)
    back = real * model.deviation.numpy() + model.mean.numpy() - tunes
    cells = np.float32([0.25, 1, 1, 0.25])
    assert (abs(back) <= cells / 2 + 1e-5).all() and (abs(back).max((0, 1)) > 0.48 * cells).all()
    np.testing.assert_array_equal(model.events(real), tunes)
    events = model.sample(4, seed=0).numpy()
    np.testing.assert_array_equal(events / cells, np.rint(events / cells))
    assert (events[..., 0] >= 0.25).all() and (events[..., 3] >= 0).all()


@pytest.mark.parametrize(
    "given, told",
    [
        (dict(tones=2), "a tune has at least 3 tones; received tones=2"),
        (dict(grid=9), "CRNNGAN needs 0 < grid <= longest <= 127; received 9 and 8.0"),
        (dict(freezing=70), "freezing must lie in [0, 1); received 70"),
        (dict(pretraining=-1), "pretraining is a number of steps, 0 or more; received -1"),
    ],
)
def test_a_wrong_argument_is_one_line(given, told):
    with pytest.raises(InputError) as error:
        CRNNGAN(**given)
    assert str(error.value) == told


@pytest.mark.parametrize(
    "tunes, told",
    [
        (
            TUNES[:, :3],
            r"CRNNGAN takes tunes \(n, 4, 4\), floats of length, pitch, .*received float64 of shape",
        ),
        (TUNES * 2, "pitch and intensity in .0, 127.; received shares"),
        (TUNES * np.nan, "the tunes hold NaN"),
    ],
)
def test_other_tunes_are_one_line(model, tunes, told):
    with pytest.raises(InputError, match=told) as error:
        model.fit(tunes, verbose=0)
    assert "\n" not in str(error.value)
