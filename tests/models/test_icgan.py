"""IcGAN: real images with wrong attributes are fakes, and two encoders make a photograph editable."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import IcGAN

RNG = np.random.default_rng(0)
IMAGES = tf.constant(RNG.uniform(-1, 1, (6, 8, 8, 1)), tf.float32)
LABELS = tf.constant([[0, 0, 1], [0, 0, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1], [0, 1, 1]], tf.float32)


@pytest.fixture(scope="module")
def model():
    return IcGAN(**IcGAN.tiny, seed=0)


def softplus(x):
    return np.log1p(np.exp(x))


def test_wrong_attributes_count_half_and_only_where_they_are_wrong(model):
    """By a table of logits of an image's number and of y: row 1 has the attributes of row 0 beside it."""
    step = step_of(model, IMAGES, LABELS)
    table = RNG.normal(size=(2, 6, 8)).astype("float32")  # of reals and fakes, row, y

    def score(images, labels, training):
        number = int(images is not step.batch["images"])
        kind = tf.cast(tf.linalg.matvec(labels, [4.0, 2.0, 1.0]), tf.int32).numpy()
        return tf.constant(table[number, np.arange(6), kind][:, None])

    model.score = score
    try:
        loss, _ = model.discriminator_objective(step)
    finally:
        del model.score
    own = LABELS.numpy() @ [4, 2, 1]
    own, beside, rows = own.astype(int), np.roll(own, 1).astype(int), np.arange(6)
    wrong = own != beside
    assert wrong.sum() == 5
    want = softplus(-table[0, rows, own]).mean() + 0.5 * softplus(table[1, rows, own]).mean()
    want += 0.5 * softplus(table[0, rows, beside])[wrong].mean()
    assert float(loss) == pytest.approx(want, rel=1e-5)


def test_attributes_join_the_discriminator_behind_its_first_convolution(model):
    net = model.discriminator
    seen = keras.Model(net.inputs, net.get_layer("told").output)
    maps, other = seen([IMAGES, LABELS]).numpy(), seen([IMAGES, 1 - LABELS]).numpy()
    np.testing.assert_array_equal(maps[..., :8], other[..., :8])
    assert maps.shape == (6, 4, 4, 8 + 3)
    np.testing.assert_array_equal(maps[..., 8:], np.broadcast_to(2 * LABELS[:, None, None] - 1, (6, 4, 4, 3)))
    z = model.draw_codes(model.key_of(0), 6)
    assert np.abs(model.generate(z, LABELS) - model.generate(z, 1 - LABELS)).max() > 1e-4


def test_encoders_learn_after_the_game_of_fakes_and_of_reals(model):
    objectives = model.objectives()
    due = {k: [name for name, one in objectives.items() if one.due(k)] for k in (2, 3)}
    assert due == {2: ["discriminator", "generator"], 3: ["encoder", "attributes"]}
    losses = []
    for images in (IMAGES, -IMAGES):
        step = step_of(model, images, LABELS)
        losses.append([float(objectives[name].loss(step)[0]) for name in due[3]])
    assert losses[0][0] == losses[1][0] and losses[0][1] != losses[1][1]
    y = np.tanh(model.attribute_encoder(IMAGES, training=True))
    assert losses[0][1] == pytest.approx(np.sum((y - (2 * LABELS - 1)) ** 2) / 6, rel=1e-5)


def test_an_edit_with_what_the_encoder_sees_is_a_reconstruction(model):
    seen = model.classify(IMAGES)
    assert seen.shape == (6, 3) and 0 <= np.min(seen) and np.max(seen) <= 1
    out = model.attribute_encoder(IMAGES).numpy()
    np.testing.assert_allclose(np.arctanh(2 * seen.numpy() - 1), out, atol=1e-4)
    np.testing.assert_array_equal(model.edit(IMAGES, seen), model.reconstruct(IMAGES))
    np.testing.assert_allclose(model.edit(IMAGES, LABELS), model.generate(model.encode(IMAGES), LABELS))
    bytes_ = tf.cast(tf.round(127.5 * (IMAGES + 1)), tf.uint8)
    np.testing.assert_allclose(model.edit(bytes_, LABELS), model.edit(IMAGES, LABELS), atol=0.02)


def test_bad_arguments():
    for name, value in (("attributes", 0), ("gan_steps", 0), ("by", "pixel")):
        with pytest.raises(InputError, match=name):
            IcGAN(**{**IcGAN.tiny, name: value})
