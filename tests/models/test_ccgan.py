"""CC-GAN: holes, what D and G see of them, and both losses."""

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import CCGAN
from tfgen.models.step import Step

SMALL = dict(image_shape=(8, 10, 1), classes=3, latent_dim=4, width=4, seed=0)
RNG = np.random.default_rng(0)
IMAGES, OTHERS = (RNG.uniform(-1, 1, (6, 8, 10, 1)).astype("float32") for _ in range(2))
LABELS = np.array([0, 1, 2, 0, 1, 2])
BATCH = IMAGES, LABELS, OTHERS


@pytest.fixture(scope="module")
def model():
    return CCGAN(**SMALL)


def hole():
    mask = np.ones((6, 8, 10, 1), np.float32)
    mask[:, 2:6, 3:8] = 0
    return mask


def test_holes_have_half_the_sides_and_a_place_of_their_own():
    model = CCGAN(**SMALL, whole=0.3)
    step = Step(model, {"images": tf.zeros((4000, 8, 10, 1))}, True)
    mask = model.holes(step).numpy()[..., 0]
    hidden = 80 - mask.sum((1, 2))
    assert set(hidden) == {20, 80} and (hidden == 80).mean() == pytest.approx(0.3, abs=0.03)
    some = mask[hidden == 20]
    rows, columns = (some.min(axis=axis) == 0 for axis in (2, 1))
    for found, side, length in ((rows, 4, 8), (columns, 5, 10)):
        assert (found.sum(1) == side).all()
        first = found.argmax(1)  # each place alike
        assert np.ptp(np.bincount(first, minlength=length - side + 1)) < 0.25 * len(first)
        assert set(first) == set(range(length - side + 1))
        assert (np.diff(found.astype(int), axis=1) != 0).sum(1).max() <= 2


def test_known_pixels_are_exactly_those_of_the_image(model):
    z = RNG.normal(size=(6, 4)).astype("float32")
    made = model.complete(IMAGES, hole(), z).numpy()
    known = hole() > 0
    np.testing.assert_array_equal(made[known], IMAGES[known])
    assert not np.allclose(made[~known], IMAGES[~known], atol=0.01)
    np.testing.assert_array_equal(model.complete(IMAGES, np.ones_like(hole()), z), IMAGES)


def test_what_is_hidden_has_no_influence_and_what_is_known_has(model):
    z = RNG.normal(size=(6, 4)).astype("float32")
    made = model.complete(IMAGES, hole(), z).numpy()
    other = model.complete(np.where(hole() > 0, IMAGES, OTHERS), hole(), z)
    np.testing.assert_array_equal(other, made)
    context = model.complete(np.where(hole() > 0, OTHERS, IMAGES), hole(), z).numpy()
    assert not np.allclose(context[hole() == 0], made[hole() == 0], atol=1e-4)


def test_d_s_gradient_by_g_is_zero_outside_of_the_hole(model):
    z = tf.constant(RNG.normal(size=(6, 4)), tf.float32)
    made = tf.Variable(model.generator([tf.constant(IMAGES), tf.constant(hole()), z]))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model.score(tf.where(hole() > 0, IMAGES, made)))
    found = tape.gradient(loss, made).numpy()
    assert not found[hole() > 0].any() and found[hole() == 0].any()
    with tf.GradientTape() as tape:  # the same, through the model's own
        tape.watch(z)
        loss = tf.reduce_sum(model.complete(IMAGES, np.ones_like(hole()), z))
    assert not np.any(tape.gradient(loss, z))


def test_samples_are_of_z_alone(model):
    a, b = model.sample(2, seed=0).numpy()
    assert a.shape == (8, 10, 1) and not np.allclose(a, b)
    z = model.draw_codes(model.key_of(0), 2)
    np.testing.assert_allclose(model.generate(z), model.sample(2, seed=0), atol=1e-5)


def test_the_losses_by_hand():
    model, rng = CCGAN(**SMALL, class_weight=2.0), np.random.default_rng(1)
    names = ("images", "unlabelled", "fakes")
    said = {name: (rng.normal(size=(6, 1)), rng.normal(size=(6, 3))) for name in names}

    def heads(images, training=False):
        same = [name for name, x in (("images", IMAGES), ("unlabelled", OTHERS)) if np.array_equal(images, x)]
        return [tf.constant(x, tf.float32) for x in said[same[0] if same else "fakes"]]

    def log_d(logits):
        return -np.log1p(np.exp(-logits)).mean()

    model.heads = heads
    loss, logs = model.discriminator_objective(step_of(model, *BATCH))
    p = np.exp(said["images"][1]) / np.exp(said["images"][1]).sum(1, keepdims=True)
    entropy = -np.log(p[range(6), LABELS]).mean()
    by_hand = -log_d(said["unlabelled"][0]) - log_d(-said["fakes"][0]) + 2 * entropy
    assert float(loss) == pytest.approx(by_hand, rel=1e-5)
    assert float(logs["class_loss"]) == pytest.approx(entropy, rel=1e-5)
    loss, _ = model.generator_objective(step_of(model, *BATCH))
    assert float(loss) == pytest.approx(-log_d(said["fakes"][0]), rel=1e-5)


def test_without_classes_it_takes_images_and_bad_shares_are_refused():
    model = CCGAN(**{**SMALL, "classes": 0})
    assert list(model.fields) == ["images"] and "classify" not in model.signatures()
    loss, logs = model.discriminator_objective(step_of(model, IMAGES))
    assert np.isfinite(float(loss)) and not logs
    with pytest.raises(InputError, match=r"whole is a share, in \[0, 1\]; received 2"):
        CCGAN(whole=2)
