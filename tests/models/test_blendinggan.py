"""BlendingGAN: its composites, its losses, and what it makes of two pictures."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen import random
from tfgen.errors import InputError
from tfgen.models import BlendingGAN
from tfgen.models.translation.blendinggan import relit

RNG = np.random.default_rng(0)
IMAGES = tf.constant(RNG.uniform(-0.9, 0.9, (5, 8, 8, 3)), tf.float32)
HOW = {**BlendingGAN.tiny, "seed": 0}


@pytest.fixture(scope="module")
def model():
    return BlendingGAN(**HOW)


@pytest.fixture(scope="module")
def plain():
    """Whose network leaves composites as they are."""
    images = keras.Input((8, 8, 3))
    return BlendingGAN(**HOW, generator=keras.Model(images, keras.layers.Identity()(images)))


def test_a_composite_is_the_image_with_a_square_of_another_light(model):
    key = random.key(1)
    made = model.inputs_of({"images": IMAGES}, key).numpy()
    inside = np.zeros((8, 8), bool)
    inside[2:6, 2:6] = True
    np.testing.assert_array_equal(made[:, ~inside], IMAGES.numpy()[:, ~inside])
    assert np.abs(made - IMAGES)[:, inside].min(1).max() > 1e-3 and -1 <= made.min() and made.max() <= 1
    # One gamma for an image and a gain for each channel: the logarithms are linear in those of the image.
    for image, other in zip(IMAGES.numpy()[:, inside], made[:, inside]):
        x, y = (np.log((1 + part) / 2) for part in (image, other))
        slopes = [np.polyfit(x[:, k], y[:, k], 1) for k in range(3)]
        assert np.ptp([slope for slope, _ in slopes]) < 1e-3 and 0.5 <= slopes[0][0] <= 2
        gains = np.exp([gain for _, gain in slopes])
        assert 0.5 <= gains.min() and gains.max() <= 1 + 1e-3 and np.ptp(gains) > 1e-3
    rest = model.inputs_of({"images": IMAGES[2:]}, key, first_row=2)
    np.testing.assert_allclose(rest, made[2:], atol=1e-6)
    np.testing.assert_allclose(relit(IMAGES, 0.0, key), IMAGES, atol=1e-5)


def test_the_losses_are_the_papers(model):
    step = step_of(model, IMAGES)
    fakes = model.fakes(step)
    np.testing.assert_allclose(
        fakes, model.generator(model.inputs_of(step.batch, step.key("light")), training=True), atol=1e-5
    )
    real, fake = (np.mean(model.discriminator(x, training=True)) for x in (IMAGES, fakes))
    assert float(model.discriminator_objective(step)[0]) == pytest.approx(fake - real, abs=1e-6)
    squares = np.mean((IMAGES - fakes) ** 2)
    loss, logs = model.generator_objective(step)
    assert float(loss) == pytest.approx(0.999 * squares - 0.001 * fake, rel=1e-5)
    assert float(logs["squares"]) == pytest.approx(squares, rel=1e-5)


def test_the_critics_weights_are_clipped_and_it_plays_more():
    model = BlendingGAN(**HOW)
    model.compile(run_eagerly=True, jit_compile=False)
    for _ in range(2):
        model.train_on_batch(IMAGES)
    assert max(np.abs(v).max() for v in model.discriminator.trainable_variables) <= 0.01 + 1e-7
    assert {name: int(one.iterations) for name, one in model.optimizers.items()} == {
        "discriminator": 2,
        "generator": 1,
    }


def test_little_weight_of_the_colours_leaves_the_details(plain):
    """A source of another level has the target's gradients, so that all is the target but for its mean."""
    target = RNG.uniform(-0.4, 0.4, (19, 27, 3)).astype("float32")
    mask = np.zeros((19, 27))
    mask[6:12, 8:20] = 1
    result = plain.blend(target + 0.3, target, mask, weight=1e-7)
    apart = result - target
    assert np.ptp(apart, axis=(0, 1)).max() < 1e-3 and apart.mean() == pytest.approx(
        0.3 * mask.mean(), abs=0.02
    )
    np.testing.assert_allclose(plain.blend(target, target, mask, weight=1e-7), target, atol=0.01)


def test_the_colours_are_the_networks(plain):
    """Much weight leaves the composite that the network has left as it was, at the network's own size."""
    source, target = RNG.uniform(-0.9, 0.9, (2, 8, 8, 3)).astype("float32")
    mask = np.zeros((8, 8, 1))
    mask[2:5, 3:7] = 1
    result = plain.blend(source, target, mask, weight=1e6, sigma=0.05)
    np.testing.assert_allclose(result, np.where(mask > 0, source, target), atol=1e-4)


@pytest.mark.parametrize(
    "source, target, mask, message",
    [
        (np.zeros((9, 8, 3)), np.zeros((8, 8, 3)), np.ones((8, 8)), "two pictures of one size"),
        (np.zeros((7, 9, 3)), np.zeros((7, 9, 3)), np.ones((7, 9)), "of 8x8 .* at least"),
        (np.zeros((8, 8, 3)), np.zeros((8, 8, 3)), np.ones((4, 4)), "a mask has one of the shapes"),
        (np.full((8, 8, 3), 3.0), np.zeros((8, 8, 3)), np.ones((8, 8)), "source"),
    ],
)
def test_what_cannot_be_blended_is_named(model, source, target, mask, message):
    with pytest.raises(InputError, match=message):
        model.blend(source.astype("float32"), target.astype("float32"), mask)


def test_a_part_of_all_is_refused():
    with pytest.raises(InputError, match="received part=1"):
        BlendingGAN(**{**HOW, "part": 1.0})
