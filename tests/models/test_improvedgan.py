"""Improved GAN: K + 1 classes, feature matching, and the other techniques by hand."""

import discrete_game
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen import losses, random
from tfgen.errors import InputError
from tfgen.models import ImprovedGAN
from tfgen.models.adversarial.improvedgan import Reference, VirtualBatchNormalization
from tfgen.models.adversarial.noisy import DirectedDense

RNG = np.random.default_rng(0)
IMAGES, OTHERS = (RNG.uniform(0, 1, (6, 4, 4, 1)).astype("float32") for _ in range(2))
LABELS = np.array([0, 1, 2, 0, 1, 2])
BATCH = IMAGES, LABELS, OTHERS
SMALL = dict(image_shape=(4, 4, 1), latent_dim=3, width=16, classes=3, seed=0)


@pytest.fixture(scope="module")
def plain():
    return ImprovedGAN(**SMALL)


def test_the_class_of_fakes_has_the_logit_zero(plain):
    """p(real) = Z / (Z + 1), and CE over K + 1 classes is CE over K less log p(real)."""
    logits = tf.constant([[1.0, 2.0, -1.0]])
    score, classes = plain.parted(logits)
    real = float(tf.sigmoid(score)[0, 0])
    assert real == pytest.approx(0.912856, abs=1e-6)
    whole = tf.nn.log_softmax(tf.concat([logits, [[0.0]]], 1))[0, :3]
    np.testing.assert_allclose(whole, tf.nn.log_softmax(classes)[0] + np.log(real), rtol=1e-5)
    moved, same = plain.parted(logits + 1)
    assert float(moved[0, 0]) == pytest.approx(float(score[0, 0]) + 1)
    np.testing.assert_allclose(tf.nn.softmax(same), tf.nn.softmax(classes), rtol=1e-6)


def test_the_best_z_is_the_ratio_of_densities(plain):
    best, _ = discrete_game.best(plain.contest)
    np.testing.assert_allclose(np.exp(best), discrete_game.P / discrete_game.Q, rtol=1e-4)


def test_smoothing_is_of_real_images_alone():
    model = ImprovedGAN(**SMALL, smoothing=0.1)
    p, q = discrete_game.P, discrete_game.Q
    best, _ = discrete_game.best(model.contest)
    np.testing.assert_allclose(1 / (1 + np.exp(-best)), 0.9 * p / (p + q), rtol=1e-4)


def planted(model):
    """Makes D say by hand what it says of the images of each name: (logits (6, 3), features (6, 4))."""
    rng = np.random.default_rng(3)
    names = ("unlabelled", "fakes", "images")
    said = {name: (rng.normal(size=(6, 3)), rng.normal(size=(6, 4))) for name in names}

    def judged(step, images, name):
        logits, f = (tf.constant(part, tf.float32) for part in said[name])
        return *model.parted(logits), f

    model.judged = judged
    return said


def test_the_losses_by_hand():
    model = ImprovedGAN(**SMALL)
    said = planted(model)
    loss, logs = model.discriminator_objective(step_of(model, *BATCH))
    z = {name: np.exp(logits).sum(1) for name, (logits, _) in said.items()}
    p = np.exp(said["images"][0]) / z["images"][:, None]
    entropy = -np.log(p[range(6), LABELS]).mean()
    unlabelled = -np.log(z["unlabelled"] / (z["unlabelled"] + 1)).mean() - np.log(1 / (z["fakes"] + 1)).mean()
    assert float(loss) == pytest.approx(entropy + unlabelled / 2, rel=1e-5)
    assert float(logs["class_loss"]) == pytest.approx(entropy, rel=1e-5)
    means = [said[name][1].mean(0) for name in ("unlabelled", "fakes")]
    loss, _ = model.generator_objective(step_of(model, *BATCH))
    assert float(loss) == pytest.approx(((means[0] - means[1]) ** 2).mean(), rel=1e-5)
    other = ImprovedGAN(**SMALL, feature_matching=False)
    planted(other)
    loss, _ = other.generator_objective(step_of(other, *BATCH))
    assert float(loss) == pytest.approx(-np.log(z["fakes"] / (z["fakes"] + 1)).mean(), rel=1e-5)


def test_features_match_where_the_batch_means_agree():
    real = tf.constant([[0.0, 1.0], [2.0, 3.0]])
    fake = tf.constant([[1.0, 2.0], [1.0, 2.0]])
    with tf.GradientTape() as tape:
        tape.watch(fake)
        loss = losses.matching(real, fake)
    assert float(loss) == 0 and not np.any(tape.gradient(loss, fake))
    assert float(losses.matching(real, fake + 2)) == 4


def test_noise_is_of_training_and_lengths_begin_from_data(plain):
    plain.start({"unlabelled": tf.constant(np.concatenate([IMAGES, OTHERS]))})
    dense = [one for one in plain.discriminator.layers if isinstance(one, DirectedDense)]
    assert [one.units for one in dense] == [16, 8, 4, 4, 4, 3]
    assert [one.learns_length for one in dense] == [False] * 5 + [True]
    keys = random.row_keys(random.key(plain.seed), 12)
    both = tf.constant(np.concatenate([IMAGES, OTHERS]))
    logits, _ = plain.discriminator([both, keys], training=True)
    np.testing.assert_allclose(tf.nn.moments(logits, 0), [[0] * 3, [1] * 3], atol=1e-4)
    step = step_of(plain, *BATCH)
    (_, a, _), (_, b, _), (_, c, _) = (
        plain.judged(step, tf.constant(IMAGES), name) for name in ("x", "x", "y")
    )
    np.testing.assert_array_equal(a, b)
    assert not np.allclose(a, c) and not np.allclose(a, plain.heads(IMAGES)[1])
    still, _ = plain.judged(step_of(plain, *BATCH, training=False), tf.constant(IMAGES), "x")[:2]
    np.testing.assert_allclose(still, plain.score(IMAGES), rtol=1e-5)


def test_lengths_stay_whatever_is_learnt(plain):
    layer = DirectedDense(3)
    y = layer(IMAGES.reshape(6, 16))
    layer.v.assign(2 * layer.v)
    np.testing.assert_allclose(layer(IMAGES.reshape(6, 16)), y, rtol=1e-5)
    assert [v.name for v in layer.trainable_variables] == ["v", "bias"]


def test_virtual_batch_normalisation_sees_the_reference_and_the_example_alone():
    layer, rng = VirtualBatchNormalization(epsilon=0.0), np.random.default_rng(1)
    x, r = (rng.normal(2, 3, (n, 4)).astype("float32") for n in (5, 8))
    whole, reference = layer([x, r])
    alone, _ = layer([x[:1], r])
    np.testing.assert_allclose(whole[:1], alone, rtol=1e-5)
    np.testing.assert_allclose(tf.nn.moments(reference, 0), [[0] * 4, [1] * 4], atol=1e-5)
    both = np.concatenate([r, x[1:2]])  # the example joins the reference
    np.testing.assert_allclose(whole[1], ((x[1:2] - both.mean(0)) / both.std(0))[0], rtol=1e-4)
    model = ImprovedGAN(**SMALL, reference=5)
    (kept,) = [one for one in model.generator.layers if isinstance(one, Reference)]
    assert kept.z.shape == (5, 3) and not kept.trainable_variables
    z = model.draw_codes(model.key_of(0), 4)
    one = model.generator(z[:1], training=True)
    np.testing.assert_allclose(model.generator(z, training=True)[:1], one, rtol=1e-5)


def test_historical_averaging_holds_players_to_their_past():
    """0 at the first step; then the gradient by theta is 2 w (1 - 1/t) (theta - mean)."""
    model = ImprovedGAN(**SMALL, historical_weight=0.5)
    own = model.discriminator.trainable_variables
    first = own[0].numpy()
    model.step.assign(1)
    assert float(model._distance("discriminator", step_of(model, *BATCH))) == pytest.approx(0, abs=1e-9)
    own[0].assign(first + 1)
    model.step.assign(2)
    with tf.GradientTape() as tape:
        loss = model._distance("discriminator", step_of(model, *BATCH))
    np.testing.assert_allclose(tape.gradient(loss, own[0].value), 2 * 0.5 * 0.5 * 0.5, rtol=1e-4)
    assert float(loss) == pytest.approx(0.5 * 0.25 * first.size, rel=1e-4)
    np.testing.assert_allclose(model.past["discriminator"][0], first + 0.5, rtol=1e-5)
    model.step.assign(3)
    model._distance("discriminator", step_of(model, *BATCH, training=False))
    np.testing.assert_allclose(model.past["discriminator"][0], first + 0.5, rtol=1e-5)


def test_minibatch_discrimination_sees_the_others():
    def says(**how):
        model = ImprovedGAN(**SMALL, **how)
        return np.array(model.score(IMAGES)), np.array(model.score(np.r_[IMAGES[:3], OTHERS[3:]]))

    a, b = says()
    np.testing.assert_allclose(a[:3], b[:3], rtol=1e-5)
    a, b = says(minibatch_kernels=4)
    assert not np.allclose(a[:3], b[:3], atol=1e-6)


def test_without_classes_it_is_a_gan_of_images():
    model = ImprovedGAN(**{**SMALL, "classes": 0}, feature_matching=False)
    assert list(model.fields) == ["images"] and "classify" not in model.signatures()
    loss, logs = model.discriminator_objective(step_of(model, IMAGES))
    assert np.isfinite(float(loss)) and not logs
    assert model.discriminator.outputs[0].shape == (None, 1)


def test_bad_arguments_and_a_batch_of_one_are_one_line():
    for given, told in (
        (dict(smoothing=0.5), r"smoothing lies in \[0, 1/2\), as 0.1 for targets of 0.9; received 0.5"),
        (dict(reference=-1), "reference must be 0 or more; received -1"),
        (dict(width=2), "width must be at least 4; received 2"),
        (dict(classes=1), "ImprovedGAN needs classes >= 2; received 1"),
    ):
        with pytest.raises(InputError, match=told):
            ImprovedGAN(**{**SMALL, **given})
    model = ImprovedGAN(**SMALL, minibatch_kernels=2, reference=3)
    model.compile()
    with pytest.raises(InputError, match="compares the examples of a batch, and a single one has none"):
        model.fit(dict(zip(model.fields, (part[:1] for part in BATCH))), verbose=0)
