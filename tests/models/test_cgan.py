"""The label reaches both players, and their losses are the paper's."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.analysis import latent
from tfgen.errors import InputError
from tfgen.models import CGAN

IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 1)), tf.float32)
LABELS = tf.constant([0, 1, 2, 0, 1, 2])


def build(**kwargs):
    return CGAN((8, 8, 1), classes=3, latent_dim=4, width=8, seed=0, **kwargs)


@pytest.mark.parametrize("body", ["convolutional", "dense"])
def test_the_label_reaches_both_players(body):
    model = build(body=body)
    z = model.draw_codes(model.key_of(0), 6)
    for answer in (lambda labels: model.generate(z, labels), lambda labels: model.score(IMAGES, labels)):
        zero, one = answer(tf.zeros(6, tf.int32)).numpy(), answer(tf.ones(6, tf.int32)).numpy()
        assert (np.abs(zero - one).reshape(6, -1).max(axis=1) > 1e-4).all()
        mixed = answer(tf.constant([0, 1, 0, 1, 0, 1])).numpy()  # each image its own
        np.testing.assert_allclose(mixed[::2], zero[::2], atol=1e-5)
        np.testing.assert_allclose(mixed[1::2], one[1::2], atol=1e-5)


def test_losses_are_those_of_logits_given_the_labels():
    """Of a discriminator whose logit is the label for real images, and 2 - label for fakes."""
    model = build()
    truth = dict(zip(("real", "fake"), (np.array([0, 1, 2, 0, 1, 2.0]), np.array([2, 1, 0, 2, 1, 0.0]))))

    def score(images, labels, training):
        assert np.array_equal(labels, LABELS)
        return tf.constant(truth["real" if images is IMAGES else "fake"][:, None], tf.float32)

    model.score = score
    log_d = lambda x: -np.log1p(np.exp(-x))  # noqa: E731
    loss, _ = model.discriminator_objective(step_of(model, IMAGES, LABELS, training=False))
    by_hand = -np.mean(log_d(truth["real"])) - np.mean(log_d(-truth["fake"]))
    assert float(loss) == pytest.approx(by_hand, rel=1e-5)
    loss, _ = model.generator_objective(step_of(model, IMAGES, LABELS, training=False))
    assert float(loss) == pytest.approx(-np.mean(log_d(truth["fake"])), rel=1e-5)


def test_it_draws_the_class_it_is_asked_for():
    """On images that are dark, grey or bright by their class."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 640).astype("int32")
    images = 0.7 * (labels[:, None, None, None] - 1) + rng.normal(0, 0.1, (640, 8, 8, 1))
    model = build()
    model.compile({name: keras.optimizers.Adam(2e-3, beta_1=0.5) for name in model.objectives()})
    model.fit(images.clip(-1, 1).astype("float32"), labels, batch_size=64, epochs=15, verbose=0)
    means = [float(tf.reduce_mean(model.sample(50, seed=0, labels=label))) for label in range(3)]
    assert means[0] < -0.4 and abs(means[1]) < 0.3 and means[2] > 0.4, means


def test_labels_out_of_range_are_named():
    model = build()
    for labels in (3, -1, [0, 1, 3]):
        with pytest.raises(InputError, match=r"labels of CGAN lie in 0\.\.2; received"):
            model.sample(3, labels=labels)
    with pytest.raises(InputError, match=r"lie in 0\.\.2"):
        latent.decode(model, np.zeros((2, 4)), labels=3)
    with pytest.raises(InputError, match="CGAN is conditional; give labels"):
        model.score(IMAGES)
    with pytest.raises(InputError, match="CGAN needs classes >= 2; received 1"):
        CGAN(classes=1)


def test_averages_leave_the_discriminator_alone():
    model = build(ema_decay=0.5)
    np.testing.assert_array_equal(model.score(IMAGES, LABELS), build().score(IMAGES, LABELS))
