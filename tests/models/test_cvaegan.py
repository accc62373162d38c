"""Every term of the losses by hand, and which network follows which."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.models import CVAEGAN
from tfgen.models.variational.cvaegan import Centres

CLASSES = 3
ARGUMENTS = dict(image_shape=(8, 8, 1), classes=CLASSES, latent_dim=4, width=8, seed=0)


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    images = tf.constant(rng.uniform(-1, 1, (6, 8, 8, 1)), tf.float32)
    return images, tf.constant([0, 1, 0, 2, 0, 1])


@pytest.fixture(scope="module")
def game(batch):
    """A model, and what it makes of the batch in a step of its own."""
    model = CVAEGAN(**ARGUMENTS)
    made = model.fakes(step_of(model, *batch, training=False))
    return model, made


def sigmoid(x):
    return 1 / (1 + np.exp(-np.float64(x)))


def test_the_discriminator_tells_real_from_both_kinds_of_fakes(game, batch):
    model, (_, again, prior, _) = game
    real, close, fake = (sigmoid(model.discriminator(x)[1]) for x in (batch[0], again, prior))
    by_hand = -np.mean(np.log(real)) - np.mean(np.log(1 - close)) - np.mean(np.log(1 - fake))
    loss, _ = model.discriminator_loss(step_of(model, *batch, training=False))
    assert float(loss) == pytest.approx(by_hand, rel=1e-5)


def test_the_classifier_learns_by_softmax(game, batch):
    model, _ = game
    logits = np.float64(model.classifier(batch[0])[1])
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    loss, logs = model.classifier_loss(step_of(model, *batch, training=False))
    assert float(loss) == pytest.approx(-np.log(p[range(6), batch[1]]).mean(), rel=1e-5)
    assert float(logs["accuracy"]) == pytest.approx(np.mean(p.argmax(1) == batch[1]))


def test_the_generator_s_terms(game, batch):
    model, ((mean, log_variance), again, prior, classes) = game
    images, labels = batch
    rate = 0.5 * np.sum(mean**2 + np.exp(log_variance) - log_variance - 1, axis=1).mean()
    pairwise = np.sum((images - again) ** 2, axis=(1, 2, 3))
    centres = {}
    for name, net in (("D", model.discriminator), ("C", model.classifier)):
        real, close, fake = (net(x)[0].numpy() for x in (images, again, prior))
        pairwise = pairwise + np.sum((real - close) ** 2, axis=1)
        groups = range(CLASSES) if name == "C" else [None]
        members = [(real[labels == c], fake[classes == c]) if name == "C" else (real, fake) for c in groups]
        centres[name] = sum(
            0.5 * np.sum((r.mean(0) - f.mean(0)) ** 2) for r, f in members if len(r) and len(f)
        )
    pairwise = 0.5 * np.mean(pairwise)
    loss, logs = model.generator_loss(step_of(model, *batch, training=False))
    want = dict(rate=rate, pairwise=pairwise, mean_feature=centres["D"], class_mean_feature=centres["C"])
    for name, value in want.items():
        assert float(logs[name]) == pytest.approx(value, rel=1e-4), name
    by_hand = 3 * rate + pairwise + 1e-3 * centres["D"] + 1e-3 * centres["C"]
    assert float(loss) == pytest.approx(by_hand, rel=1e-5)


def gradients(batch, **weights):
    """Of the generator's loss with respect to encoder and decoder: largest entries."""
    every = dict.fromkeys(("rate_weight", "pairwise_weight", "mean_weight", "class_mean_weight"), 0.0)
    model = CVAEGAN(**ARGUMENTS, **{**every, **weights})
    with tf.GradientTape() as tape:
        loss, _ = model.generator_loss(step_of(model, *batch))
    both = tape.gradient(
        loss, [model.encoder.trainable_variables, model.decoder.trainable_variables], None, "zero"
    )
    return [max(np.abs(g).max() for g in one) for one in both]


@pytest.mark.parametrize(
    "weight, encoder, decoder",
    [
        ("rate_weight", True, False),
        ("pairwise_weight", True, True),
        ("mean_weight", False, True),
        ("class_mean_weight", False, True),
    ],
)
def test_encoder_and_generator_follow_the_terms_of_algorithm_1(batch, weight, encoder, decoder):
    to_encoder, to_decoder = gradients(batch, **{weight: 1.0})
    assert (to_encoder > 0) == encoder and (to_decoder > 0) == decoder


def test_the_generator_never_sees_a_cross_entropy(game, batch):
    """Logits may change as they like: only the features before them count."""
    model, _ = game
    before, _ = model.generator_loss(step_of(model, *batch, training=False))
    weights = {net: net.get_weights() for net in (model.discriminator, model.classifier)}
    for net, values in weights.items():
        net.set_weights([*values[:-2], values[-2] * -5, values[-1] + 3])
    after, _ = model.generator_loss(step_of(model, *batch, training=False))
    for net, values in weights.items():
        net.set_weights(values)
    assert float(before) == float(after)


def test_centres_are_discounted_means_of_each_class():
    rng = np.random.default_rng(0)
    layer = Centres(3, 2, decay=0.5)
    sums, counts = np.zeros((3, 2)), np.zeros(3)
    for labels in ([0, 0, 1], [0, 0, 0], [1, 0, 1]):  # class 2 never comes, class 1 not in each
        x = rng.normal(size=(3, 2)).astype("float32")
        sums, counts = sums * 0.5, counts * 0.5
        np.add.at(sums, labels, x)
        np.add.at(counts, labels, 1)
        asked, _ = layer(x, tf.constant(labels))  # leaves the layer as it is
        means, seen = layer(x, tf.constant(labels), training=True)
        np.testing.assert_allclose(means[:2], (sums / counts[:, None].clip(1e-9))[:2], rtol=1e-5)
        np.testing.assert_array_equal(asked, means)
        np.testing.assert_array_equal(seen[:, 0], [1, float(counts[1] > 0), 0])
        assert np.all(means.numpy()[2] == 0)


def test_the_gradient_of_a_centre_is_that_of_the_batch_s_mean():
    layer = Centres(2, 2, decay=0.9)
    for _ in range(5):
        layer(tf.ones((8, 2)), tf.constant([0, 1] * 4), training=True)
    x = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        means, _ = layer(x, tf.constant([0, 0, 1]), training=True)
        loss = tf.reduce_sum(means * [[1.0, 10.0], [100.0, 1000.0]])
    np.testing.assert_allclose(tape.gradient(loss, x), [[0.5, 5], [0.5, 5], [100, 1000]], rtol=1e-6)


def test_a_trained_one_generates_and_reconstructs_by_class():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 512).astype("int32")
    images = rng.uniform(-1, -0.4, (512, 8, 8, 1)).astype("float32")
    for image, label in zip(images, labels):
        image[2 * label : 2 * label + 2] += 1.2
    model = CVAEGAN(**{**ARGUMENTS, "classes": 4}, mean_weight=0.1, class_mean_weight=0.1)
    model.compile({name: keras.optimizers.Adam(2e-3, 0.5) for name in model.objectives()})
    model.fit(images, labels, batch_size=32, epochs=6, verbose=0)
    wanted = np.repeat(np.arange(4), 8).astype("int32")
    rows = np.reshape(model.sample(32, seed=0, labels=wanted), (32, 4, 16)).mean(axis=2)
    assert np.mean(rows.argmax(axis=1) == wanted) > 0.9
    again = model.reconstruct(images[:64], labels[:64])
    assert np.mean((images[:64] - again) ** 2) < 0.1  # of a variance of 0.3
