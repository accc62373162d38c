"""ID-CGAN: its three losses, the rain that it draws, and how far it sees."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage
from steps import step_of

from tfgen import random
from tfgen.errors import InputError
from tfgen.features import Features
from tfgen.models import IDCGAN
from tfgen.models.translation.idcgan import LIGHT, derainer, rainy

RNG = np.random.default_rng(0)
CLEAR = tf.constant(RNG.uniform(-1, 1, (3, 16, 16, 3)), tf.float32)
RAINY = tf.constant(RNG.uniform(-1, 1, (3, 16, 16, 3)), tf.float32)


def build(**kwargs):
    model = IDCGAN(**{**IDCGAN.tiny, "image_shape": (16, 16, 3), "seed": 0, **kwargs})
    model.compile()
    return model


def identity():
    images = keras.Input((None, None, 3))
    start = keras.initializers.Constant(np.eye(3)[None, None])
    conv = keras.layers.Conv2D(3, 1, use_bias=False, kernel_initializer=start)
    return keras.Model(images, conv(images))


def test_the_losses_are_the_papers():
    model = build(rain=None, perceptual_weight=0.7, adversarial_weight=0.3)
    step = step_of(model, RAINY, CLEAR)
    fakes = model.fakes(step)
    real, fake = (model.discriminator([RAINY, x], training=True).numpy() for x in (CLEAR, fakes))
    loss, logs = model.generator_objective(step)
    squares, adversarial = np.mean((CLEAR - fakes) ** 2), np.mean(np.log1p(np.exp(-fake)))
    (a,), (b,) = (Features("random", ("conv2",))(x) for x in (CLEAR, fakes))
    perceptual = np.mean((a - b) ** 2)
    for name, value in (("squares", squares), ("adversarial", adversarial), ("perceptual", perceptual)):
        assert float(logs[name]) == pytest.approx(value, rel=1e-4), name
    assert float(loss) == pytest.approx(squares + 0.7 * perceptual + 0.3 * adversarial, rel=1e-4)
    loss, _ = model.discriminator_objective(step)
    want = np.mean(np.log1p(np.exp(-real))) + np.mean(np.log1p(np.exp(fake)))
    assert float(loss) == pytest.approx(want, rel=1e-4)


def test_what_equals_the_truth_costs_nothing_but_the_discriminators_doubt():
    model = build(rain=0.0, generator=identity())
    _, logs = model.generator_objective(step_of(model, CLEAR))
    assert float(logs["squares"]) < 1e-12 and float(logs["perceptual"]) < 1e-10
    assert float(logs["adversarial"]) > 0.1


def test_without_the_other_weights_a_step_is_one_of_least_squares():
    model = build(rain=None, perceptual_weight=0.0, adversarial_weight=0.0)
    assert model.phi is None and model.objectives()["generator"].logs == ("squares", "adversarial")
    with tf.GradientTape(persistent=True) as tape:
        loss, _ = model.generator_objective(step_of(model, RAINY, CLEAR))
        plain = tf.reduce_mean((CLEAR - model.generator(RAINY, training=True)) ** 2)
    variables = [v.value for v in model.generator.trainable_variables]
    for a, b in zip(tape.gradient(loss, variables), tape.gradient(plain, variables), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_distances_of_features_do_not_depend_on_the_networks_range():
    """As if it took images in [-1, 1], as the authors' code has it."""
    images = keras.Input((None, None, 3))
    network = keras.Model(images, keras.layers.Activation("linear")(images))
    model = build()
    for high in (1.0, 255.0):
        model.phi = Features(network, value_range=(-high, high))
        assert float(model.distance(CLEAR, RAINY)) == pytest.approx(np.mean((CLEAR - RAINY) ** 2), rel=1e-4)


def test_a_pixel_sees_12_pixels_to_each_side_and_no_more():
    network = derainer(1, 2)
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D):  # no path cancels another, and none is cut off
            weights = layer.get_weights()
            layer.set_weights([np.full(w.shape, 1 / np.prod(w.shape[:3]), "float32") for w in weights])
    images = tf.ones((1, 31, 31, 1))
    with tf.GradientTape() as tape:
        tape.watch(images)
        middle = network(images)[0, 15, 15, 0]
    seen = np.argwhere(tape.gradient(middle, images)[0, :, :, 0].numpy() != 0)
    assert (seen.min(), seen.max(), len(seen)) == (15 - 12, 15 + 12, 25**2)
    assert IDCGAN.reach == 12


def test_no_rain_changes_nothing_and_rain_only_brightens():
    key = random.key(0)
    np.testing.assert_allclose(rainy(CLEAR, 0.0, key), CLEAR, atol=1e-6)
    wet = rainy(CLEAR, 0.05, key).numpy()
    assert (wet >= CLEAR.numpy() - 1e-6).all() and wet.max() <= 1 and np.abs(wet - CLEAR).max() > 0.2
    # As light adds up: 1 - (1 - x)(1 - r), r the rain on black.
    black, grey = (
        rainy(tf.fill((1, 40, 40, 1), value), 0.05, key).numpy() / 2 + 0.5 for value in (-1.0, 0.5)
    )
    np.testing.assert_allclose(grey, 1 - 0.25 * (1 - black), atol=1e-5)


def test_an_images_rain_is_its_own_whatever_else_is_in_the_batch():
    key = random.key(3)
    both = rainy(tf.fill((3, 24, 30, 3), -1.0), 0.03, key).numpy()
    np.testing.assert_allclose(rainy(tf.fill((1, 24, 30, 3), -1.0), 0.03, key, 2)[0], both[2], atol=1e-6)
    assert np.abs(both[1] - both[2]).max() > 0.1
    assert np.abs(rainy(tf.fill((3, 24, 30, 3), -1.0), 0.03, random.key(4)) - both).max() > 0.1
    np.testing.assert_array_equal(both[..., 0], both[..., 2])


def test_streaks_have_the_lengths_and_directions_that_are_said():
    """Of drops so few that none touch: each streak is a line of 5 to 17 rows, within 30 degrees of
    upright."""
    dark = tf.fill((30, 120, 120, 1), -1.0)
    light = rainy(dark, 0.0004, random.key(1)).numpy()[..., 0] / 2 + 0.5
    heights, slopes, peaks = [], [], []
    for picture in light:
        marks, _ = ndimage.label(picture > 0.02, np.ones((3, 3)))
        for part, place in enumerate(ndimage.find_objects(marks), start=1):
            rows, columns = np.nonzero(marks[place] == part)
            inside = all(0 < edge.start and edge.stop < 120 for edge in place)
            if inside and columns.max() < 14:
                weights = picture[place][rows, columns]
                heights.append(rows.max() + 1)
                slopes.append(np.polyfit(rows, columns, 1, w=weights)[0])
                peaks.append(weights.max())
    assert len(heights) > 40
    assert 5 <= min(heights) < 8 and 14 < max(heights) <= 18
    assert -0.65 < min(slopes) < -0.3 and 0.3 < max(slopes) < 0.65
    assert max(peaks) <= LIGHT[1] + 1e-5 or np.median(peaks) < LIGHT[1]


def test_pairs_and_plain_images_are_both_taken():
    pairs, plain = build(rain=None), build(rain=0.05)
    assert list(pairs.fields) == ["inputs", "images"] == list(IDCGAN.parts())
    assert list(plain.fields) == ["images"] == list(IDCGAN.parts(rain=0.0))
    assert (pairs.source, plain.source) == ("inputs", "images")
    step = step_of(plain, CLEAR)
    np.testing.assert_array_equal(plain.given(step), rainy(CLEAR, 0.05, step.key("rain")))
    np.testing.assert_array_equal(pairs.given(step_of(pairs, RAINY, CLEAR)), RAINY)
    columns = plain.columns({"images": CLEAR}, seed=2)
    np.testing.assert_allclose(columns["translation"], plain.translate(columns["inputs"].numpy()), atol=1e-6)
    assert np.abs(columns["inputs"] - CLEAR).max() > 0.1


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(rain=3), "rain is a share of the pixels, as 0.03, or None for pairs; received 3"),
        (dict(features="vgg61"), "unknown feature network 'vgg61'"),
        (dict(strided=3), "strided=3 takes images of 24x24 at least"),
    ],
)
def test_bad_arguments_are_named(wrong, message):
    with pytest.raises(InputError, match=message):
        build(**wrong)


def test_tiles_are_the_whole():
    model = build()
    for layer in model.generator.layers:  # at the start its layers add next to nothing
        layer.set_weights([40 * w if len(w.shape) == 4 else w for w in layer.get_weights()])
    images = RNG.uniform(-1, 1, (1, 41, 57, 3)).astype("float32")
    whole = model.translate(images).numpy()
    assert whole.std() > 0.1
    np.testing.assert_allclose(model.translate(images, tile=16), whole, atol=1e-5)
