"""Levels of a Laplacian pyramid learn side by side, each on real images, and build a sample upwards."""

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen import networks
from tfgen.errors import InputError
from tfgen.models import LAPGAN

IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (4, 16, 24, 2)), tf.float32)
CONFIG = dict(image_shape=(16, 24, 2), halvings=2, noise_dim=3, width=2, units=4, seed=0)


@pytest.fixture(scope="module")
def model():
    return LAPGAN(**CONFIG)


def emptied(model, *names):
    """Its generators, without the values of their last layers."""
    for name in names:
        last = getattr(model, name).layers[-1]
        last.set_weights([0 * value for value in last.get_weights()])


def smooth(x):
    """Twice as long along axis 1: each new value is 3/4 of the nearer old one and 1/4 of the next."""
    x = np.concatenate([x[:, :1], x, x[:, -1:]], axis=1)
    pairs = 0.25 * x[:, :-2] + 0.75 * x[:, 1:-1], 0.75 * x[:, 1:-1] + 0.25 * x[:, 2:]
    return np.stack(pairs, axis=2).reshape(len(x), -1, *x.shape[2:])


def test_the_pyramid_gives_the_image_back(model):
    levels = model.pyramid(step_of(model, IMAGES))
    assert [tuple(images.shape[1:3]) for images, _ in levels] == [(4, 6), (8, 12), (16, 24)]
    image = levels[0][0]
    np.testing.assert_allclose(image, IMAGES.numpy().reshape(4, 4, 4, 6, 4, 2).mean((2, 4)), atol=1e-6)
    for images, below in levels[1:]:
        want = smooth(smooth(image.numpy()).swapaxes(1, 2)).swapaxes(1, 2)
        np.testing.assert_allclose(below, want, atol=1e-6)
        image = below + (images - below)
    np.testing.assert_allclose(image, IMAGES, atol=1e-6)


def test_a_sample_is_built_upwards_from_the_coarsest_level(model):
    z = model.draw_codes(model.key_of(0), 4)
    assert z.shape == (4, 3 + 8 * 12 + 16 * 24) == (4, model.latent_dim)
    stages, bare = model.stages(z), LAPGAN(**CONFIG)
    np.testing.assert_array_equal(model.generate(z), np.clip(stages[-1], -1, 1))
    emptied(bare, "generator_8x12", "generator_16x24")  # no details: only enlarged
    coarse = bare.stages(z)[0]
    np.testing.assert_allclose(coarse, stages[0], atol=1e-6)
    want = networks.smooth_up(networks.smooth_up(coarse))
    np.testing.assert_allclose(bare.stages(z)[-1], want, atol=1e-6)
    # Details of a level are of its own noise and of what is below.
    other = tf.concat([z[:, :-384], -z[:, -384:]], axis=1)
    changed = [not np.allclose(a, b) for a, b in zip(model.stages(other), stages)]
    assert changed == [False, False, True]


def test_fakes_of_a_level_lie_over_the_real_image_of_the_same_row():
    model = LAPGAN(**CONFIG)
    emptied(model, "generator_8x12", "generator_16x24")
    step = step_of(model, IMAGES)
    for level, (_, below) in list(zip(model.levels, model.pyramid(step)))[1:]:
        np.testing.assert_allclose(level.fakes(step), below, atol=1e-6)


def test_a_level_sees_no_other():
    """Neither its losses nor its gradients change when the other levels do."""
    model = LAPGAN(**CONFIG)
    names = [f"{player}_8x12" for player in ("discriminator", "generator")]

    def losses():
        return [float(model.objectives()[name].loss(step_of(model, IMAGES))[0]) for name in names]

    before = losses()
    for level in model.levels[::2]:
        for player in ("generator", "discriminator"):
            network = getattr(model, f"{player}_{level.name}")
            network.set_weights([value + 1.0 for value in network.get_weights()])
    assert losses() == before
    emptied(model, "generator_8x12")
    assert losses() != before


def test_losses_are_those_of_a_gan_at_each_level(model):
    step = step_of(model, IMAGES)
    for level in model.levels:
        real, fake = (level.score(step, x).numpy() for x in (level.reals(step)[0], level.fakes(step)))
        want = np.mean(np.logaddexp(0, -real)) + np.mean(np.logaddexp(0, fake))
        assert float(level.discriminator_objective(step)[0]) == pytest.approx(want, rel=1e-5)
        want = np.mean(np.logaddexp(0, -fake))
        assert float(level.generator_objective(step)[0]) == pytest.approx(want, rel=1e-5)


def test_details_may_be_as_large_as_two():
    model = LAPGAN(**CONFIG)
    last = model.generator_16x24.layers[-1]
    last.set_weights([0 * last.kernel, np.full(2, 2.0)])
    low = tf.fill((1, 16, 24, 2), -1.0)
    made = model.made(model.levels[-1], tf.zeros((1, 384)), low, None, False)
    np.testing.assert_allclose(made, 1.0, atol=1e-6)


def test_a_class_is_seen_by_every_network():
    model = LAPGAN(**{**CONFIG, "image_shape": (16, 16, 2), "classes": 3})
    z = model.draw_codes(model.key_of(0), 1)
    one, two = (model.stages(z, tf.constant([label])) for label in (0, 1))
    below = tf.zeros((1, 8, 8, 2))
    for level, a, b in zip(model.levels, one, two):
        assert not np.allclose(a, b)
        scores = [model.run(f"discriminator_{level.name}", a, tf.constant([y])) for y in (0, 1)]
        assert not np.allclose(*scores)
    details = [model.made(model.levels[1], z[:, 3:67], below, tf.constant([y]), False) for y in (0, 1)]
    assert not np.allclose(*details)


@pytest.mark.parametrize("wrong, times", [((30, 28, 1), 1), ((8, 8, 1), 1), ((7, 8, 1), 0), ((12, 16, 1), 1)])
def test_sizes_that_cannot_be_halved_are_named(wrong, times):
    with pytest.raises(InputError, match=rf"LAPGAN halves both sizes .* do so {times} times; received 2"):
        LAPGAN(image_shape=wrong)
