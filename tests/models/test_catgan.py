"""CatGAN: three entropies, by hand."""

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import CatGAN
from tfgen.models.adversarial.catgan import Categorical, each_entropy, entropy_of_all

LOSS, K = Categorical(), 4
ALIKE, SURE = tf.zeros((8, K)), 30 * tf.one_hot(tf.range(8) % K, K)
RNG = np.random.default_rng(0)
IMAGES, OTHERS = (RNG.uniform(0, 1, (6, 4, 4, 1)).astype("float32") for _ in range(2))
LABELS = np.array([0, 1, 2, 0, 1, 2])


def test_the_ends_of_both_losses():
    """Logits that are all alike have the loss -log K, a perfect discriminator has -2 log K."""
    assert float(LOSS.discriminator(ALIKE, ALIKE)) == pytest.approx(-np.log(K), rel=1e-5)
    assert float(LOSS.discriminator(SURE, ALIKE)) == pytest.approx(-2 * np.log(K), rel=1e-5)
    assert float(LOSS.generator(SURE)) == pytest.approx(-np.log(K), rel=1e-5)
    assert float(LOSS.generator(SURE[:1])) == pytest.approx(0, abs=1e-5)  # sure, of one category alone


def test_a_case_by_hand():
    real = tf.math.log([[0.9, 0.1], [0.1, 0.9]])
    assert float(LOSS.discriminator(real, tf.zeros((2, 2)))) == pytest.approx(-1.06121, abs=1e-5)
    assert float(LOSS.generator(tf.zeros((2, 2)))) == pytest.approx(0, abs=1e-6)
    p = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    assert float(each_entropy(tf.math.log(p).numpy().astype("float32"))) == pytest.approx(
        -(p * np.log(p)).sum(1).mean(), rel=1e-5
    )
    m = p.mean(0)
    assert float(entropy_of_all(np.log(p).astype("float32"))) == pytest.approx(
        -(m * np.log(m)).sum(), rel=1e-5
    )


def test_the_first_two_terms_are_less_the_mutual_information():
    logits = tf.constant(RNG.normal(size=(6, K)), tf.float32)
    assert -np.log(K) < float(LOSS.generator(logits)) < 0
    assert float(LOSS.generator(logits[:1])) == pytest.approx(0, abs=1e-6)  # of one image there is none
    order = tf.gather(logits, [2, 0, 3, 1], axis=1)
    assert float(LOSS.generator(order)) == pytest.approx(float(LOSS.generator(logits)), rel=1e-5)


def planted(model, names):
    rng = np.random.default_rng(3)
    said = {name: tf.constant(rng.normal(size=(6, model.outputs)), tf.float32) for name in names}
    model.judged = lambda step, images, name: (*model.parted(said[name]), None)
    return said


def test_the_objectives_look_at_images_with_labels_and_without():
    model = CatGAN((4, 4, 1), 3, latent_dim=3, width=8, class_weight=2.0, seed=0)
    said = planted(model, ("images", "unlabelled", "fakes"))
    loss, logs = model.discriminator_objective(step_of(model, IMAGES, LABELS, OTHERS))
    entropy = -tf.reduce_mean(tf.nn.log_softmax(said["images"]).numpy()[range(6), LABELS])
    by_hand = LOSS.generator(said["unlabelled"]) - each_entropy(said["fakes"]) + 2 * entropy
    assert float(loss) == pytest.approx(float(by_hand), rel=1e-5)
    assert float(logs["class_loss"]) == pytest.approx(float(entropy), rel=1e-5)
    loss, _ = model.generator_objective(step_of(model, IMAGES, LABELS, OTHERS))
    assert float(loss) == pytest.approx(float(LOSS.generator(said["fakes"])), rel=1e-5)
    score, _ = model.parted(said["images"])
    p = np.exp(tf.nn.log_softmax(said["images"]))
    np.testing.assert_allclose(score[:, 0], (p * np.log(p)).sum(1), rtol=1e-5)


def test_without_labels_it_finds_categories_of_its_own():
    model = CatGAN((4, 4, 1), 0, latent_dim=3, width=8, categories=7, seed=0)
    assert list(model.fields) == ["images"] and model.classify(IMAGES).shape == (6, 7)
    said = planted(model, ("unlabelled", "fakes"))
    loss, logs = model.discriminator_objective(step_of(model, IMAGES))
    assert (
        float(loss) == pytest.approx(float(LOSS.discriminator(said["unlabelled"], said["fakes"])))
        and not logs
    )
    with pytest.raises(InputError, match="categories must be at least 2; received 1"):
        CatGAN(classes=0, categories=1)
