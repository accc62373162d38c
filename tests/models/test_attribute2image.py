"""Layers, what reaches them, the bound, and the gate of a planted square."""

import math

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import Attribute2Image
from tfgen.models.variational.base import LatentVariableModel

SMALL = dict(image_shape=(8, 8, 3), attributes=2, latent_dim=5, width=8, seed=0)
SQUARE = np.s_[:, 1:5, 3:7]  # where the planted attribute is seen; a place that no layer prefers


@pytest.fixture(scope="module")
def model():
    return Attribute2Image(**SMALL, background_dim=2)


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    images, labels = rng.uniform(size=(4, 8, 8, 3)), rng.integers(0, 2, (4, 2))
    return tf.constant(images, tf.float32), tf.constant(labels, tf.float32)


@pytest.fixture(scope="module")
def codes():
    return tf.constant(np.random.default_rng(1).normal(size=(4, 5)), tf.float32)


def planted(n, seed):
    """A background that runs from one grey to another; attribute 0 puts a chequered square on it,
    attribute 1 means nothing."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, (n, 2)).astype("float32")
    left, right = rng.uniform(0.2, 0.8, (2, n, 1, 1, 1))
    images = left + (right - left) * np.linspace(0, 1, 8).reshape(1, 1, 8, 1) + np.zeros((n, 8, 8, 1))
    square = np.indices((4, 4)).sum(0)[..., None] % 2
    images[SQUARE] = np.where(labels[:, :1, None, None] == 1, square, images[SQUARE])
    return images.astype("float32"), labels


@pytest.fixture(scope="module")
def trained():
    shape = dict(image_shape=(8, 8, 1), attributes=2, latent_dim=6, background_dim=4, width=16)
    model = Attribute2Image(**shape, body="dense", deviation=0.1, gate_cost=0.2, seed=0)
    model.compile(keras.optimizers.Adam(5e-3))
    images, labels = planted(1000, 0)
    labels[:, 1] = labels[:, 1] * (np.arange(1000) % 4 == 0)
    model.fit(images, labels, batch_size=50, epochs=24, verbose=0, shuffle=False)
    return model, labels


def test_an_image_is_composed_of_its_layers(model, codes, batch):
    parts = model.composition(codes, batch[1])
    assert parts["gate"].shape == (4, 8, 8, 1)
    assert parts["foreground"].shape == parts["background"].shape == (4, 8, 8, 3)
    assert all(0 <= np.min(part) and np.max(part) <= 1 for part in parts.values())
    gate, front, behind = (parts[name].numpy() for name in ("gate", "foreground", "background"))
    assert np.abs(front - behind).max() > 0.01
    np.testing.assert_allclose(model.decode(codes, batch[1]), gate * front + (1 - gate) * behind, atol=1e-6)


def test_what_reaches_which_layer(model, codes, batch):
    """Attributes and z_F do not reach the background, z_B nothing else; all others do."""
    labels = batch[1]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([codes, labels])
        parts = model.composition(codes, labels)
        sums = {name: tf.reduce_sum(part**2) for name, part in parts.items()}
    reached = {}
    for name, total in sums.items():
        by_code = tape.gradient(total, codes)
        by_label = tape.gradient(total, labels)
        size = [0.0 if by_label is None else float(tf.reduce_max(abs(by_label)))]
        size += [float(tf.reduce_max(abs(part))) for part in tf.split(by_code, [3, 2], axis=1)]
        reached[name] = [s > 0 for s in size]
    front = [True, True, False]  # by attributes, by z_F, by z_B
    assert reached == {"gate": front, "foreground": front, "background": [False, False, True]}


def test_the_loss_is_its_four_terms_in_closed_form(batch):
    model = Attribute2Image(**SMALL, background_dim=2, deviation=0.3, gate_cost=0.7)
    images, labels = batch
    loss, logs = model.elbo_loss(step_of(model, *batch, training=False))
    q = model.posterior(images, labels)
    z = q.mean() + q.stddev() * step_of(model, *batch, training=False).normal("z", 5)
    gate, front, behind = (part.numpy() for part in model.composition(z, labels).values())
    composed = gate * front + (1 - gate) * behind
    want = {
        "distortion": -scipy.stats.norm(composed, 0.3).logpdf(images).sum((1, 2, 3)).mean(),
        "rate": np.mean(q.kl_divergence(model.prior_distribution)),
        "gate": gate.sum((1, 2, 3)).mean(),
    }
    each = (gate * (images - front) ** 2 + (1 - gate) * (images - behind) ** 2).numpy().sum((1, 2, 3))
    together = ((images - composed) ** 2).numpy().sum((1, 2, 3))
    want["overlap"] = np.mean(each - together) / (2 * 0.3**2)
    assert {name: float(value) for name, value in logs.items()} == pytest.approx(want, rel=1e-4)
    total = want["distortion"] + want["rate"] + want["overlap"] + 0.7 * want["gate"]
    assert float(loss) == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("background_dim", [0, 2])
def test_the_bound_is_the_family_s(background_dim, batch):
    """At deviation 1 it is what LatentVariableModel says of its own Gaussian likelihood."""
    model = Attribute2Image(**SMALL, background_dim=background_dim, deviation=1.0)
    images, labels = batch
    q, eps = model.posterior(images, labels), tf.constant(np.random.default_rng(2).normal(size=(4, 3, 5)))
    eps = tf.cast(eps, tf.float32)
    mean = [model.decode(q.mean() + q.stddev() * eps[:, k], labels) for k in range(3)]
    distance = tf.reduce_sum((images - tf.stack(mean)) ** 2, axis=(2, 3, 4))
    likelihood = -0.5 * distance - 0.5 * 8 * 8 * 3 * math.log(2 * math.pi)
    z = q.mean() + q.stddev() * tf.transpose(eps, (1, 0, 2))
    want = likelihood + model.prior_distribution.log_prob(z) - q.log_prob(z)
    np.testing.assert_allclose(model.log_weights(images, eps, labels), want, rtol=1e-5)
    for method in ("elbo", "log_prob"):
        assert getattr(Attribute2Image, method) is getattr(LatentVariableModel, method)
    many = tf.repeat(images, 50, axis=0), tf.repeat(labels, 50, axis=0)
    bound = np.reshape(model.elbo(*many, seed=0), (4, 50)).mean(1)
    assert np.all(bound < model.log_prob(images, 100, labels, seed=0) + 0.2)


def test_the_vanilla_model_has_one_layer_and_two_terms(batch, codes):
    model = Attribute2Image(**SMALL, background_dim=0)
    loss, logs = model.elbo_loss(step_of(model, *batch, training=False))
    assert set(logs) == {"distortion", "rate"}
    assert float(loss) == pytest.approx(float(logs["distortion"] + logs["rate"]), rel=1e-6)
    assert model.decode(codes, batch[1]).shape == (4, 8, 8, 3)
    assert not np.allclose(model.decode(codes, batch[1]), model.decode(codes, 1 - batch[1]))
    with pytest.raises(InputError, match="background_dim=0 has no layers; use decode"):
        model.composition(codes, batch[1])


def test_the_gate_lies_on_what_the_attribute_shows(trained):
    model, _ = trained
    images, labels = planted(100, 1)
    gate = model.composition(model.encode(images, labels), labels)["gate"].numpy()
    inside = np.zeros((8, 8), bool)
    inside[SQUARE[1:]] = True
    shown = labels[:, 0] == 1
    assert gate[shown][:, inside].mean() > 0.8
    assert gate[shown][:, ~inside].mean() < 0.2
    assert gate[~shown].mean() < 0.2


def test_an_edit_changes_the_pixels_of_the_attribute_alone(trained):
    model, _ = trained
    images, labels = planted(100, 1)
    switched = labels * [1, 0] + [0, 1] * (1 - labels)
    np.testing.assert_allclose(model.edit(images, labels, labels), model.reconstruct(images, labels))
    assert np.abs(model.edit(images, labels, switched) - images).mean() < 0.05  # which means nothing
    switched = labels * [0, 1] + [1, 0] * (1 - labels)
    edited = model.edit(images, labels, switched).numpy()
    removed = labels[:, 0] == 1
    on = np.broadcast_to(np.indices((4, 4)).sum(0)[..., None] % 2, (4, 4, 1))
    assert np.abs(edited[~removed][SQUARE] - on).mean() < 0.1
    change = np.abs(edited - images)
    outside = np.ones((8, 8), bool)
    outside[SQUARE[1:]] = False
    assert change[:, outside].mean() < 0.05 < 0.2 < change[SQUARE].mean()


def test_labels_nobody_asked_for_are_as_frequent_as_in_training(trained):
    model, labels = trained
    np.testing.assert_allclose(model.frequencies, labels.mean(0), atol=1e-4)
    key = model.key_of(3)
    attributes = model.conditions["labels"]
    drawn = attributes.draw(key, 2000)
    assert set(np.unique(drawn)) == {0, 1}
    np.testing.assert_allclose(np.mean(drawn, 0), labels.mean(0), atol=0.04)
    np.testing.assert_array_equal(attributes.draw(key, 5, 7), drawn[7:12])


def test_an_edit_keeps_the_code_that_goes_with_its_own_attributes(model, batch):
    images, labels = batch
    new = np.float32([0, 1])  # one set for all
    codes = model.encode(images, labels)
    want = model.decode(codes, np.tile(new, (4, 1)))
    np.testing.assert_allclose(model.edit(images, labels, new), want, atol=1e-6)
    assert not np.allclose(codes, model.encode(images, 1 - labels))


def test_samples_have_the_attributes_asked_for(trained):
    model, _ = trained
    square = np.indices((4, 4)).sum(0)[..., None] % 2
    for label in (0, 1):
        images = model.sample(20, seed=0, labels=np.float32([label, 0])).numpy()
        distance = np.abs(images[SQUARE] - square).mean()
        assert distance < 0.1 if label else distance > 0.2


@pytest.mark.parametrize(
    "arguments, line",
    [
        (dict(attributes=0), "attributes must be at least 1; received 0"),
        (dict(latent_dim=8, background_dim=8), "background_dim is a part of latent_dim 8, .*; received 8"),
        (dict(deviation=0.0), "deviation must be positive .* received 0.0"),
        (dict(gate_cost=-1.0), "gate_cost not negative; received .* -1.0"),
        (dict(body="mlp"), "unknown body 'mlp'; known are convolutional, dense"),
    ],
)
def test_bad_arguments_are_named(arguments, line):
    with pytest.raises(InputError, match=line):
        Attribute2Image(**arguments)


def test_bad_labels_are_named(model, batch, codes):
    images, labels = batch
    with pytest.raises(InputError, match=r"takes labels of shape \(n, 2\); received \(4, 1\)"):
        model.encode(images, labels[:, :1])
    with pytest.raises(InputError, match=r"takes labels of shape \(n, 2\); received \(4,\)"):
        model.decode(codes, labels[:, 0])
    with pytest.raises(InputError, match=r"is conditional; give labels"):
        model.decode(codes)
    with pytest.raises(InputError, match=r"labels of Attribute2Image lie in 0..1; received 0 to 2"):
        model.edit(images, labels, 2 * labels)
    with pytest.raises(InputError, match=r"labels float32 of shape \(4, 2\), or one for all"):
        model.edit(images, labels, labels[:3])
