"""Weights of rare and common codes, how often an image is drawn, and which images the VAE sees."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen import random
from tfgen.errors import InputError
from tfgen.models import DBVAE

SHAPE, LATENT = (8, 8, 1), 2


def planted(n, rare, seed=0):
    """Grey images whose level is the code: `rare` of them bright, the others dark."""
    rng = np.random.default_rng(seed)
    bright = rng.uniform(size=n) < rare
    level = np.where(bright, 0.9, 0.2) + rng.uniform(-0.1, 0.1, n)
    return tf.constant(np.broadcast_to(level.reshape(n, 1, 1, 1), (n, *SHAPE)), tf.float32), bright


def with_known_codes(**kwargs):
    """A model whose mean is 6 (level - 1/2) in both latents, whatever it learns."""
    kernel = np.zeros((64, 2 * LATENT + 1), "float32")
    kernel[:, :LATENT] = 6 / 64
    net = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(2 * LATENT + 1)])
    net.set_weights([kernel, np.array([-3, -3, 0, 0, 0], "float32")])
    return DBVAE(SHAPE, LATENT, width=4, encoder=net, seed=0, **kwargs)


def learn(model, images, labels, steps=150, size=64):
    """Histograms and normaliser of batches of the data; the networks stay as they are."""

    @tf.function(autograph=False)
    def step(x, y):
        model.step.assign_add(1)
        return model.loss_of_draws(step_of(model, x, y))

    rng = np.random.default_rng(1)
    for _ in range(steps):
        rows = rng.integers(0, len(images), size)
        step(tf.gather(images, rows), tf.gather(labels, rows))


@pytest.fixture(scope="module")
def taught():
    """A model that has seen data with one bright image in 20, and these data."""
    model = with_known_codes(alpha=0.01, max_weight=20.0)
    images, bright = planted(2000, 0.05)
    learn(model, images, tf.ones(2000, tf.int32))
    return model, images, bright


def test_rare_codes_weigh_more_and_weights_average_to_one(taught):
    model, images, bright = taught
    weights = model.resampling_weights(images).numpy()
    assert weights[bright].min() > 3 * weights[~bright].max()
    assert weights.mean() == pytest.approx(1, abs=0.15)


def test_histograms_are_the_shares_of_the_data(taught):
    model, images, _ = taught
    codes = model.encode(images).numpy()
    for i in range(LATENT):
        share = np.histogram(codes[:, i], bins=10, range=(-3, 3))[0] / len(codes)
        np.testing.assert_allclose(model.histogram[i], share, atol=0.05)
    np.testing.assert_allclose(tf.reduce_sum(model.histogram, axis=1), 1, rtol=1e-5)


def test_weights_are_the_paper_s_product_up_to_a_factor(taught):
    model, images, _ = taught
    codes, histogram = model.encode(images[:50]).numpy(), model.histogram.numpy()
    place = np.clip(np.floor((codes + 3) / 0.6), 0, 9).astype(int)
    product = np.prod([1 / (histogram[i][place[:, i]] + 0.01) for i in range(LATENT)], axis=0)
    weights = model.resampling_weights(images[:50]).numpy()
    free = weights < 0.99 * model.max_weight
    ratio = weights[free] / product[free]
    assert free.any() and np.ptp(product[free]) > 0
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-3)


def test_a_large_alpha_leaves_the_data_as_they_are():
    model = with_known_codes(alpha=1e4)
    images, _ = planted(500, 0.05)
    learn(model, images, tf.ones(500, tf.int32), steps=20)
    np.testing.assert_allclose(model.resampling_weights(images), 1, atol=1e-3)


def test_weights_are_bounded():
    model = with_known_codes(alpha=1e-4, max_weight=5.0)
    images, bright = planted(2000, 0.02)
    learn(model, images, tf.ones(2000, tf.int32), steps=60)
    weights = model.resampling_weights(images).numpy()
    np.testing.assert_allclose(weights[bright], 5, rtol=1e-5)
    assert weights.max() <= 5 * (1 + 1e-5)


def test_an_image_is_drawn_as_often_as_it_weighs():
    model = DBVAE(SHAPE, LATENT, width=4, seed=0)
    weights = np.tile([0.0, 0.3, 1.0, 2.5, 9.9], 4000).astype("float32")
    noise = random.uniform(random.key(0), (len(weights), 1))[:, 0]
    draws = model.draws(tf.constant(weights), noise).numpy().reshape(-1, 5)
    np.testing.assert_allclose(draws.mean(0), weights[:5], atol=0.03)
    np.testing.assert_array_equal(draws, np.round(draws))
    assert np.all(abs(draws - weights[:5]) < 1)


def test_codes_of_class_0_leave_no_trace():
    images, bright = planted(400, 0.5)
    both, alone = with_known_codes(), with_known_codes()
    labels = tf.constant(np.int32(~bright))
    for model, rows in ((both, np.arange(400)), (alone, np.flatnonzero(~bright))):
        model.step.assign(1)
        model.loss_of_draws(step_of(model, tf.gather(images, rows), tf.gather(labels, rows)))
    np.testing.assert_allclose(both.histogram, alone.histogram, atol=1e-6)
    assert both.histogram[0, 8:].numpy().sum() == 0
    none = with_known_codes()
    none.step.assign(1)
    none.loss_of_draws(step_of(none, images, tf.zeros(400, tf.int32)))
    np.testing.assert_allclose(none.histogram, 0.1)
    assert float(none.log_normalizer.value) == 0


def test_the_vae_is_trained_on_class_1_alone():
    model = DBVAE(SHAPE, LATENT, width=4, vae_weight=0.1, beta=2.0, seed=0)
    images, _ = planted(6, 0.5)
    labels = tf.constant([1, 0, 0, 1, 0, 1])

    def gradient(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss, logs = model.loss_of_draws(step_of(model, images, labels, training=False))
            classification = logs["classification"]
            rest = loss - classification
        return tape.gradient(rest, images).numpy(), loss, logs

    felt, loss, logs = gradient(images)
    assert np.all(felt[labels == 0] == 0) and np.all(abs(felt[labels == 1]).max((1, 2, 3)) > 0)
    parts = logs["classification"] + 0.1 * (logs["distortion"] + 2 * logs["rate"])
    assert float(loss) == pytest.approx(float(parts), rel=1e-5)
    probability = model.classify(images).numpy()
    by_hand = -np.log(np.where(labels.numpy() == 1, probability, 1 - probability)).mean()
    assert float(logs["classification"]) == pytest.approx(by_hand, rel=1e-4)
    q = model.posterior(images)
    z = q.mean() + q.stddev() * step_of(model, images, labels, training=False).normal("z", LATENT)
    distortion = -np.sum(model.log_likelihood(images, z).numpy()[labels.numpy() == 1]) / 6
    assert float(logs["distortion"]) == pytest.approx(distortion, rel=1e-4)


def test_draws_multiply_the_terms_of_their_image():
    """An image drawn n times counts n times: the loss is that of the batch written out."""
    model, (images, bright) = with_known_codes(alpha=0.01, max_weight=20.0), planted(300, 0.1)
    labels = tf.ones(300, tf.int32)
    learn(model, images, labels, steps=30)
    model.step.assign_add(1)
    weights = model.resampling_weights(images)
    noise = step_of(model, images, labels).uniform("draws", 1)[:, 0]
    draws = model.draws(weights, noise).numpy()
    _, once = model.loss_of_draws(step_of(model, images, labels, training=False))
    _, drawn = model.loss_of_draws(step_of(model, images, labels))
    each = np.log1p(np.exp(-model.encoder(images).numpy()[:, -1]))
    assert float(once["classification"]) == pytest.approx(each.mean(), rel=1e-5)
    assert float(drawn["classification"]) == pytest.approx((draws * each).mean(), rel=1e-5)
    assert draws[bright].mean() > 2 * draws[~bright].mean()


def test_without_debiasing_each_image_is_drawn_once():
    images, _ = planted(64, 0.1)
    model = with_known_codes(debias=False)
    labels = tf.ones(64, tf.int32)
    learn(model, images, labels, steps=3)
    np.testing.assert_allclose(model.histogram, 0.1)
    _, logs = model.loss_of_draws(step_of(model, images, labels))
    each = np.log1p(np.exp(-model.encoder(images).numpy()[:, -1]))
    assert float(logs["classification"]) == pytest.approx(each.mean(), rel=1e-5)


@pytest.mark.parametrize("arguments", [dict(alpha=0.0), dict(bins=1), dict(max_weight=1.0)])
def test_bad_arguments_are_named(arguments):
    with pytest.raises(InputError, match="alpha must be above 0, bins at least 2 and max_weight above 1"):
        DBVAE(**arguments)


def test_an_unknown_likelihood_is_named():
    with pytest.raises(InputError, match="unknown likelihood 'gausian'; did you mean gaussian"):
        DBVAE(likelihood="gausian")


def test_images_of_class_0_are_drawn_once(taught):
    model, images, _ = taught
    rows = images[:40]
    assert np.ptp(model.resampling_weights(rows)) > 0.1
    _, logs = model.loss_of_draws(step_of(model, rows, tf.zeros(40, tf.int32)))
    each = np.log1p(np.exp(model.encoder(rows).numpy()[:, -1]))
    assert float(logs["classification"]) == pytest.approx(each.mean(), rel=1e-5)
    assert float(logs["distortion"]) == float(logs["rate"]) == 0
