"""AM-GAN: gradients of targets by hand, and LabelGAN's that are overlaid."""

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import AMGAN

LOGITS = tf.constant([[1.0, 0.0, -1.0, 0.5]])  # of three classes, and of fakes
SMALL = dict(image_shape=(8, 8, 1), classes=3, latent_dim=4, width=8, seed=0)
RNG = np.random.default_rng(0)
BATCH = RNG.uniform(-1, 1, (6, 8, 8, 1)).astype("float32"), np.array([0, 1, 2, 0, 1, 2])


def model(target):
    return AMGAN(**SMALL, body="dense", target=target)


def gradient(target, labels=(0,)):
    """(loss, -dL/dl) of G's loss by LOGITS."""
    with tf.GradientTape() as tape:
        tape.watch(LOGITS)
        loss = model(target).persuasion(LOGITS, tf.constant(labels))
    return float(loss), -tape.gradient(loss, LOGITS).numpy()[0]


def test_a_target_raises_its_own_class_alone():
    _, found = gradient("predefined")
    np.testing.assert_allclose(found, [0.52601, -0.17437, -0.06415, -0.28749], atol=1e-5)
    np.testing.assert_array_equal(gradient("dynamic", (2,))[1], found)  # the most likely, whatever the label
    _, found = gradient("predefined", (2,))
    assert found[2] > 0 > max(found[[0, 1, 3]])


def test_labelgan_raises_all_classes():
    _, found = gradient("any")
    np.testing.assert_allclose(found[:3], [0.19125, 0.07036, 0.02588], atol=1e-5)


def test_the_loss_is_that_of_real_and_of_the_class_among_the_real():
    """Lemma 2: H(v, D) is the cross-entropy over {real, fake} and that within the classes."""
    am = model("predefined")
    score, classes = am.parted(LOGITS)
    parts = -tf.math.log_sigmoid(score)[0, 0] - tf.nn.log_softmax(classes)[0, 1]
    assert float(am.persuasion(LOGITS, tf.constant([1]))) == pytest.approx(float(parts), rel=1e-5)


def test_the_target_is_never_the_class_of_fakes():
    logits = tf.constant([[0.0, 1.0, -1.0, 9.0]])
    p = tf.nn.softmax(logits)[0]
    assert float(model("dynamic").persuasion(logits, None)) == pytest.approx(-np.log(p[1]), rel=1e-5)


def test_the_discriminator_s_loss_by_hand():
    am = model("predefined")
    step = step_of(am, *BATCH)
    loss, logs = am.discriminator_objective(step)
    real, fake = (tf.nn.log_softmax(am.logits(x, True)).numpy() for x in (BATCH[0], am.fakes(step)[0]))
    by_hand = -real[range(6), BATCH[1]].mean(), -fake[:, 3].mean()
    assert [float(x) for x in logs.values()] == pytest.approx(list(by_hand), rel=1e-4)
    assert float(loss) == pytest.approx(sum(by_hand), rel=1e-4)
    np.testing.assert_allclose(am.classify(BATCH[0]).numpy().sum(1), 1, rtol=1e-5)
    assert am.classify(BATCH[0]).shape == (6, 3)


def test_g_is_told_the_class_where_it_is_predefined():
    assert model("dynamic").label_spec is None and model("any").label_spec is None
    am = model("predefined")
    z = am.draw_codes(am.key_of(0), 2)
    a, b = am.generate(z, np.array([0, 0])), am.generate(z, np.array([1, 2]))
    assert not np.allclose(a, b)
    with pytest.raises(InputError, match="AMGAN is not conditional"):
        model("dynamic").generate(z, np.array([0, 1]))


def test_bad_targets_are_one_line():
    with pytest.raises(InputError, match="unknown target 'labels'; known are dynamic, predefined, any"):
        AMGAN(target="labels")
