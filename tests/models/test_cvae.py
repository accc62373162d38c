"""The bound on log p(x|y), against closed forms, and what the class does to samples."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from steps import step_of

from tfgen.analysis.supervised import GenerativeClassifier
from tfgen.errors import InputError
from tfgen.models import CVAE

SHAPE, LATENT, CLASSES = (2, 3, 1), 2, 3


def affine(first, kernel, bias, shape):
    """[x, one-hot class] -> [x, class] kernel + bias."""
    x, label = keras.Input(first), keras.Input((CLASSES,))
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(x), label])
    net = keras.Model([x, label], keras.layers.Reshape(shape)(keras.layers.Dense(len(bias))(joined)))
    net.set_weights([np.float32(kernel), np.float32(bias)])
    return net


@pytest.fixture(scope="module")
def linear_gaussian():
    """x = W z + B y + b + noise with unit variance, with its exact posterior as the encoder.

    W's columns are orthogonal, so that the posterior's covariance is diagonal as q's is. Returns
    the model, images, log p(x|y) for each class, (5, classes), and W, B, b.
    """
    rng = np.random.default_rng(0)
    size = np.array([1.5, 0.7])
    w = np.linalg.qr(rng.normal(size=(6, LATENT)))[0] * size
    shift, b = rng.normal(size=(CLASSES, 6)), rng.normal(size=6)
    to_mean = w / (1 + size**2)
    scale = np.log(np.expm1(1 / np.sqrt(1 + size**2) - 1e-5))  # softplus' inverse
    decoder = affine((LATENT,), np.vstack([w.T, shift]), b, SHAPE)
    kernel = np.hstack([np.vstack([to_mean, -shift @ to_mean]), np.zeros((6 + CLASSES, LATENT))])
    encoder = affine(SHAPE, kernel, np.hstack([-b @ to_mean, scale]), (2 * LATENT,))
    how = dict(width=4, likelihood="gaussian", samples=4000, seed=0)
    model = CVAE(SHAPE, CLASSES, LATENT, encoder=encoder, decoder=decoder, **how)
    x = shift[[0, 1, 2, 1, 0]] + rng.normal(size=(5, LATENT)) @ w.T + b + rng.normal(size=(5, 6))
    evidence = [scipy.stats.multivariate_normal(b + s, w @ w.T + np.eye(6)).logpdf(x) for s in shift]
    return model, tf.constant(x.reshape(5, *SHAPE), tf.float32), np.transpose(evidence), (w, shift, b)


def test_with_the_exact_posterior_the_bound_is_log_p_of_the_image_given_its_class(linear_gaussian):
    model, x, evidence, _ = linear_gaussian
    for labels in ([0, 1, 2, 1, 0], [2, 2, 0, 0, 1]):
        want = evidence[range(5), labels]
        for samples in (1, 7, 50):
            np.testing.assert_allclose(model.log_prob(x, samples, labels, seed=0), want, atol=1e-3)
        many = tf.repeat(x, 4000, axis=0)
        bounds = np.reshape(model.elbo(many, np.repeat(labels, 4000), seed=0), (5, 4000))
        assert np.all(abs(bounds.mean(1) - want) < 5 * bounds.std(1) / 4000**0.5)


def test_the_loss_is_the_distortion_and_the_rate_in_closed_form(linear_gaussian):
    model, x, _, (w, shift, b) = linear_gaussian
    labels = np.array([0, 1, 2, 1, 0])
    rest = np.reshape(x, (5, 6)) - b - shift[labels]
    variance = 1 / (1 + (w**2).sum(0))
    mean = rest @ w * variance
    distortion = 0.5 * (((rest - mean @ w.T) ** 2).sum(1) + (variance * (w**2).sum(0)).sum())
    distortion += 3 * np.log(2 * np.pi)
    rate = 0.5 * (mean**2 + variance - 1 - np.log(variance)).sum(1)
    loss, logs = model.elbo_loss(step_of(model, x, tf.constant(labels, tf.int32)))
    assert float(logs["rate"]) == pytest.approx(rate.mean(), rel=1e-4)
    assert float(logs["distortion"]) == pytest.approx(distortion.mean(), abs=0.05)
    assert float(loss) == pytest.approx(float(logs["rate"] + logs["distortion"]), rel=1e-6)


def test_the_classifier_is_bayes_rule(linear_gaussian):
    model, x, evidence, _ = linear_gaussian
    prior = np.array([0.5, 0.3, 0.2])
    joint = np.exp(evidence) * prior
    classifier = GenerativeClassifier(model, prior, samples=3)
    want = joint / joint.sum(1, keepdims=True)
    np.testing.assert_allclose(classifier.predict_proba(x), want, atol=1e-3)
    np.testing.assert_allclose(classifier.predict_joint_log_proba(x), np.log(joint), atol=1e-3)


def test_images_of_different_classes_do_not_mix():
    model = CVAE((8, 8, 1), CLASSES, 3, width=8, body="convolutional", seed=0)
    x = tf.constant(np.random.default_rng(0).uniform(size=(6, 8, 8, 1)), tf.float32)
    labels = tf.constant([0, 2, 1, 1, 0, 2])
    whole = model.log_prob(x, 20, labels, seed=1)
    alone = [model.log_prob(x[i : i + 1], 20, labels[i : i + 1], seed=1, first_row=i)[0] for i in range(6)]
    np.testing.assert_allclose(whole, alone, rtol=1e-5)
    assert np.all(abs(whole - model.log_prob(x, 20, (labels + 1) % CLASSES, seed=1)) > 1e-3)


def bars(n, seed=0):
    """8x8 noise with a bright bar in the rows that tell the class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n)
    images = rng.uniform(0, 0.3, (n, 8, 8, 1))
    for image, label in zip(images, labels):
        image[2 * label : 2 * label + 2] += 0.6
    return images.astype("float32"), labels.astype("int32")


def test_it_samples_and_classifies_by_class():
    model = CVAE((8, 8, 1), 4, 2, width=32, seed=0)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(*bars(640), batch_size=32, epochs=6, verbose=0)
    labels = np.repeat(np.arange(4), 8).astype("int32")
    rows = np.reshape(model.sample(32, seed=0, labels=labels), (32, 4, 16)).mean(axis=2)
    np.testing.assert_array_equal(rows.argmax(axis=1), labels)
    assert np.all(np.sort(rows)[:, -1] - np.sort(rows)[:, -2] > 0.3)
    assert GenerativeClassifier(model, samples=5).score(*bars(100, seed=1)) == 1


def test_labels_are_checked():
    model = CVAE((8, 8, 1), 4, 2, width=8, seed=0)
    with pytest.raises(InputError, match=r"labels of CVAE lie in 0\.\.3; received 4 to 4"):
        model.sample(2, labels=4)
    with pytest.raises(InputError, match=r"CVAE is conditional; give labels \(None,\)"):
        model.elbo(np.zeros((2, 8, 8, 1), "float32"))
