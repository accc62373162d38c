"""Lab against published values, there and back; how colourful an image is."""

import numpy as np
import pytest
import tensorflow as tf

from tfgen.colour import colourfulness, grey, halves, joined, lab_of, rgb_of

RNG = np.random.default_rng(0)
KNOWN = {  # of sRGB under D65, as colour tables have them
    (1, 0, 0): (53.2408, 80.0925, 67.2032),
    (0, 1, 0): (87.7347, -86.1827, 83.1793),
    (0, 0, 1): (32.2970, 79.1875, -107.8602),
    (1, 1, 1): (100, 0, 0),
    (0, 0, 0): (0, 0, 0),
}


def test_the_primaries_have_their_published_places():
    got = lab_of(tf.constant([list(KNOWN)], tf.float32))[0]
    np.testing.assert_allclose(got, list(KNOWN.values()), atol=0.02)


def test_the_way_back_is_exact_also_for_colours_that_no_screen_has():
    rgb = RNG.uniform(0, 1, (2, 5, 4, 3)).astype("float32")
    np.testing.assert_allclose(rgb_of(lab_of(rgb)), rgb, atol=1e-4)
    lab = RNG.uniform((0, -100, -100), (100, 100, 100), (1, 50, 3)).astype("float32")
    far = rgb_of(lab).numpy()
    assert far.min() < -0.1 and far.max() > 1.1
    inside = ((far >= 0) & (far <= 1)).all(-1)
    np.testing.assert_allclose(lab_of(far[inside][None]), lab[inside][None], atol=0.02)


def test_halves_are_what_a_network_sees():
    images = RNG.uniform(-1, 1, (2, 6, 6, 3)).astype("float32")
    lightness, opponents = halves(images)
    lab = lab_of(images / 2 + 0.5)
    np.testing.assert_allclose(lightness[..., 0], lab[..., 0] / 50 - 1, atol=1e-5)
    np.testing.assert_allclose(opponents, lab[..., 1:] / 110, atol=1e-5)
    np.testing.assert_allclose(joined(lightness, opponents), images, atol=2 / 255)
    wild = joined(lightness, 3 * opponents)
    assert -1 <= wild.numpy().min() and wild.numpy().max() <= 1


def test_a_grey_image_has_the_lightness_of_its_colour_image():
    images = RNG.uniform(-1, 1, (2, 6, 6, 3)).astype("float32")
    made = grey(images)
    assert made.shape == (2, 6, 6, 1)
    np.testing.assert_allclose(halves(made)[0], halves(images)[0], atol=1e-3)
    ramp = np.linspace(-1, 1, 30, dtype="float32").reshape(1, 5, 6, 1)
    np.testing.assert_allclose(grey(np.repeat(ramp, 3, -1)), ramp, atol=1e-3)
    lightness, opponents = halves(ramp)
    np.testing.assert_allclose(joined(lightness, 0 * opponents), np.repeat(ramp, 3, -1), atol=1e-3)


def test_gradients_are_numbers_also_at_black():
    black = tf.zeros((1, 2, 3))
    for function in (lab_of, rgb_of):
        with tf.GradientTape() as tape:
            tape.watch(black)
            loss = tf.reduce_sum(function(black))
        assert np.isfinite(tape.gradient(loss, black)).all()


def test_colourfulness_of_images_that_are_known():
    one = np.zeros((1, 2, 2, 3)) - 1
    red = one.copy()
    red[..., 0] = 1
    half = red.copy()
    half[:, :, 1] = (-1, 1, -1)  # beside green
    found = colourfulness(np.concatenate([one, red, half]))
    even = 0.3 * np.hypot(255, 127.5)  # of one colour there is no spread
    both = np.sqrt(255.0**2) + 0.3 * 127.5  # rg is +-255, yb 127.5 everywhere
    np.testing.assert_allclose(found, [0, even, both], rtol=1e-9)
    with pytest.raises(ValueError):
        colourfulness(np.zeros((1, 2, 2, 1)))
