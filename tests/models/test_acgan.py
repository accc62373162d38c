"""The class loss by hand, and that both players follow it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from no_game import NoGame
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import ACGAN

IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 1)), tf.float32)
LABELS = tf.constant([0, 1, 2, 0, 1, 2])
BATCH = IMAGES, LABELS


@pytest.fixture
def model():
    return ACGAN((8, 8, 1), classes=3, latent_dim=4, width=8, seed=0)


@pytest.fixture
def planted(model):
    """What D says, instead of its networks: (logits of real, of the classes) of real and of fakes."""
    rng = np.random.default_rng(1)
    said = {who: (rng.normal(size=(6, 1)), rng.normal(size=(6, 3))) for who in ("real", "fake")}

    def heads(images, training=False):
        return [tf.constant(x, tf.float32) for x in said["real" if images is IMAGES else "fake"]]

    model.heads = heads
    return said


def class_loss(logits):
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return -np.log(p[range(6), LABELS]).mean()


def log_d(logits):
    return -np.log1p(np.exp(-logits)).mean()


def test_the_discriminator_s_loss(model, planted):
    loss, logs = model.discriminator_objective(step_of(model, *BATCH, training=False))
    parts = [class_loss(planted[who][1]) for who in ("real", "fake")]
    by_hand = -log_d(planted["real"][0]) - log_d(-planted["fake"][0]) + sum(parts)
    assert float(loss) == pytest.approx(by_hand, rel=1e-5)
    assert [float(logs[f"{who}_class_loss"]) for who in ("real", "fake")] == pytest.approx(parts, rel=1e-5)


def test_the_generator_s_loss(model, planted):
    loss, _ = model.generator_objective(step_of(model, *BATCH, training=False))
    by_hand = -log_d(planted["fake"][0]) + class_loss(planted["fake"][1])
    assert float(loss) == pytest.approx(by_hand, rel=1e-5)


def test_the_class_loss_moves_both_players(model):
    """With the adversarial part taken away, D learns the classes of real images and G to draw them."""
    model.adversarial_loss = NoGame()
    model.compile({name: keras.optimizers.Adam(1e-2) for name in model.objectives()})

    def fakes_loss():
        fakes, _ = model.fakes(step_of(model, *BATCH))
        return class_loss(model.heads(fakes, training=True)[1].numpy())

    for name, measured in (
        ("discriminator", lambda: class_loss(model.heads(IMAGES, training=True)[1].numpy())),
        ("discriminator", fakes_loss),
        ("generator", fakes_loss),
    ):
        before = measured()
        for _ in range(3):
            model.minimize(name, model.objectives()[name], step_of(model, *BATCH))
        assert measured() < before, name


def test_the_discriminator_is_not_told_the_class_and_the_generator_is(model):
    other = tf.reverse(LABELS, [0])
    np.testing.assert_array_equal(model.score(IMAGES, LABELS), model.score(IMAGES, other))
    z = model.draw_codes(model.key_of(0), 6)
    assert not np.allclose(model.generate(z, LABELS), model.generate(z, other))


def test_classify_gives_probabilities_of_the_classes(model):
    logits = model.heads(IMAGES)[1].numpy()
    p = model.classify(IMAGES).numpy()
    np.testing.assert_allclose(p, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), rtol=1e-5)
    assert model.heads(IMAGES)[0].shape == (6, 1)


def test_bad_labels_and_classes_are_named(model):
    with pytest.raises(InputError, match=r"labels of ACGAN lie in 0\.\.2; received 3 to 3"):
        model.sample(2, labels=3)
    with pytest.raises(InputError, match="ACGAN needs classes >= 2; received 1"):
        ACGAN(classes=1)
