"""Each component of AdaGAN learns what the mixture before it misses, by weights known in closed form."""

from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from discrete_game import P, Q
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import AdaGAN
from tfgen.models.adversarial.adagan import boosted, drawn

OWN = np.repeat(np.arange(4), [4, 3, 2, 1])  # ten examples, as P has them
IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)), tf.float32)
HOW = {**AdaGAN.tiny, "seed": 0}


@pytest.fixture(scope="module")
def three():
    """Of three components, which make images of -0.5, 0 and 0.5 whatever z is."""
    model = AdaGAN(**{**HOW, "components": 3})
    for place, value in enumerate((-0.5, 0.0, 0.5)):
        dense = model.generators[place].layers[-2]
        dense.set_weights([0 * dense.kernel, np.full(dense.bias.shape, np.arctanh(value))])
    return model


@pytest.fixture(scope="module")
def two():
    return AdaGAN(**HOW)


def weights(q, share):
    """The weights (4,) of the four points, whose data are P and whose model is q."""
    each = boosted(tf.constant((q / P)[OWN]), share).numpy()
    assert each.sum() == pytest.approx(1.0) and each.min() >= 0
    return np.bincount(OWN, each)


def kl(p, q):
    return np.sum(p * np.log(p / q))


def js(p, q):
    return (kl(p, (p + q) / 2) + kl(q, (p + q) / 2)) / 2


def tv(p, q):
    return np.abs(p - q).sum() / 2


def test_half_a_mixture_learns_what_the_model_misses():
    """L is 5/6: the fourth point, of which the model has five times too much, is left out."""
    own = weights(Q, 0.5)
    np.testing.assert_allclose(own, [17 / 30, 0.3, 4 / 30, 0.0], atol=1e-6)
    mixture = 0.5 * Q + 0.5 * own
    np.testing.assert_allclose(mixture, [1 / 3, 0.25, 1 / 6, 0.25], atol=1e-6)
    assert [kl(P, mixture), js(P, mixture), tv(P, mixture)] == pytest.approx([0.0725, 0.02, 0.15], abs=1e-4)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.8, 0.95])
def test_a_mixture_is_never_farther_than_its_share_of_the_old_distance(share):
    """For a share of 1 - 1 / max(Q / P), and from there on, the mixture is the data."""
    mixture = (1 - share) * Q + share * weights(Q, share)
    for distance in (kl, js, tv):
        assert distance(P, mixture) <= (1 - share) * distance(P, Q) + 1e-9
    assert np.allclose(mixture, P, atol=1e-6) == (share >= 0.8)


def test_perfect_components_reach_the_data_one_after_another():
    model, found = Q, []
    for t in range(2, 6):
        model = (1 - 1 / t) * model + weights(model, 1 / t) / t
        found.append(kl(P, model))
    assert found == pytest.approx([0.0725, 0.0182, 0.0030, 0.0], abs=1e-4)


def test_weights_fall_with_the_model_s_share_and_a_perfect_model_leaves_them_alike():
    h = np.random.default_rng(0).gamma(0.5, size=50)
    own = boosted(tf.constant(h), 0.3).numpy()[np.argsort(h)]
    assert own.sum() == pytest.approx(1.0) and np.all(np.diff(own) <= 1e-12) and own[-1] == 0
    np.testing.assert_allclose(boosted(tf.ones(50), 0.3), 1 / 50, rtol=1e-5)
    far = boosted(tf.constant([np.exp(50.0), np.exp(-50.0), np.exp(50.0)], tf.float32), 0.25)
    np.testing.assert_allclose(far, [0, 1, 0])


def test_examples_are_drawn_by_their_weights():
    u = tf.constant(np.random.default_rng(0).uniform(size=1000), tf.float64)
    own = np.zeros(1000)
    own[[3, 500, 999]] = 0.5, 0.25, 0.25
    places = drawn(tf.constant(own), u).numpy()
    assert {place: int(np.sum(places == place)) for place in set(places)} == {3: 500, 500: 250, 999: 250}
    assert drawn(tf.constant(own), u * 0 + 1 - 1e-9).numpy()[-1] == 999


def test_a_component_is_shown_what_the_judge_finds_missing(three):
    """Of a judge that takes bright images for real, as if the model made few of them."""
    images = tf.repeat(tf.constant([-0.4, 0.4]), 40)[:, None, None, None] + tf.zeros((80, 8, 8, 1))
    h = np.exp([0.4, -0.4])
    for place, share in ((1, 1 / 2), (2, 1 / 3)):
        level = share + (1 - share) * h.mean()  # none is left out
        bright = (level - (1 - share) * h[1]) / (2 * share)
        with mock.patch.dict(vars(three), judge=lambda x, training: tf.reduce_mean(x, axis=(1, 2))):
            shown = three.weighed(step_of(three, images), place)[:, 0, 0, 0].numpy()
        assert np.sum(shown > 0) == pytest.approx(80 * bright, abs=1)


def test_a_component_after_the_first_learns_weighed_images(two):
    model, step = two, step_of(two, IMAGES)
    model.weighed = lambda step, place: 0 * step.batch["images"] + 0.3 * place
    for game, images in zip(model.games_of, (IMAGES, tf.fill(IMAGES.shape, 0.3))):
        real, fake = (game.score(x, True).numpy() for x in (images, game.fakes(step)))
        want = np.mean(np.logaddexp(0, -real)) + np.mean(np.logaddexp(0, fake))
        assert float(game.discriminator_objective(step)[0]) == pytest.approx(want, rel=1e-5)
        assert float(game.generator_objective(step)[0]) == pytest.approx(np.mean(np.logaddexp(0, -fake)))


def test_parts_play_one_after_another():
    model = AdaGAN(**{**HOW, "components": 3, "stage_steps": 2, "judge_steps": 1})
    parts = [model.at(k) for k in range(1, 11)]
    assert parts == [(0, False)] * 2 + [(1, True)] + [(1, False)] * 2 + [(2, True)] + [(2, False)] * 4
    model.compile(run_eagerly=True, jit_compile=False)
    names = [*model.generators.names, *model.discriminators.names, "judge"]
    moved, begun = [], [model.members()]
    for _ in range(7):
        before = {name: getattr(model, name).get_weights() for name in names}
        model.train_on_batch(IMAGES)
        now = {name: getattr(model, name).get_weights() for name in names}
        moved.append({name for name in names if not all(map(np.array_equal, now[name], before[name]))})
        begun.append(model.members())
    pairs = [{f"generator_{k}", f"discriminator_{k}"} for k in (1, 2, 3)]
    assert moved == [pairs[0]] * 2 + [{"judge"}] + [pairs[1]] * 2 + [{"judge"}] + [pairs[2]]
    assert begun == [1, 1, 1, 1, 2, 2, 2, 3]


def test_samples_are_of_the_components_that_have_begun_in_equal_shares(three):
    model = three
    for step, shares in ((1, [1.0, 0, 0]), (5, [0.5, 0.5, 0]), (100, [1 / 3] * 3)):
        model.step.assign(step)
        images = model.sample(900, seed=1).numpy()
        found = [np.mean(np.isclose(images[:, 0, 0, 0], value, atol=1e-6)) for value in (-0.5, 0.0, 0.5)]
        assert found == pytest.approx(shares, abs=0.04)
        np.testing.assert_allclose(images, images[:, :1, :1] + 0 * images, atol=1e-6)
    chosen = model.generate(tf.constant([[0.0] * 4 + [u] for u in (0.1, 0.3, 0.4, 0.6, 0.7, 0.99)]))
    np.testing.assert_allclose(chosen[:, 0, 0, 0], [-0.5, -0.5, 0, 0, 0.5, 0.5], atol=1e-6)


def test_the_judge_is_shown_the_mixture_before_its_component(three):
    seen, judge = [], three.judge
    images = tf.concat([IMAGES] * 10, axis=0)
    step = step_of(three, images)
    heard = mock.patch.dict(vars(three), judge=lambda x, training: seen.append(x.numpy()) or judge(x))
    for place, values in ((1, {-0.5}), (2, {-0.5, 0.0})):
        seen.clear()
        with heard:
            loss, _ = three.games_of[place].judge_objective(step)
        real, fake = seen
        np.testing.assert_array_equal(real, images)
        assert set(np.round(fake[:, 0, 0, 0], 5).tolist()) == values
        scores = [np.asarray(judge(x)) for x in seen]
        want = np.mean(np.logaddexp(0, -scores[0])) + np.mean(np.logaddexp(0, scores[1]))
        assert float(loss) == pytest.approx(want, rel=1e-5)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(components=0), "an ensemble has at least 1 generator; received 0"),
        (dict(judge_steps=0), "AdaGAN trains a component and its judge for at least 1 step each"),
        (dict(body="round"), "body 'round'"),
    ],
)
def test_an_ensemble_of_none_and_stages_of_none_are_named(wrong, message):
    with pytest.raises(InputError, match=message):
        AdaGAN(**{**HOW, **wrong})
