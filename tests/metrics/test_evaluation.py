"""The classifier that is trained once, and `evaluate`."""

import math
import zipfile
from types import SimpleNamespace
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfgen
from tfgen import data, metrics
from tfgen.errors import InputError
from tfgen.export import weights
from tfgen.fields import Classes, Image
from tfgen.metrics import evaluate, evaluation, small_classifier
from tfgen.models import (
    ACGAN,
    AMGAN,
    CGAN,
    CVAE,
    CVAEGAN,
    DBVAE,
    DCGAN,
    GAN3D,
    VAE,
    VAEGAN,
    InfoGAN,
    ProjectionGAN,
)
from tfgen.models.abilities import Density, Game, Games, Played

IMAGES = np.random.default_rng(0).uniform(size=(6, 8, 8, 1)).astype(np.float32)

# The classifier.


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder with the classifier of the digits, which was trained for 200 steps."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFGEN_CACHE", str(folder))
        patch.setattr(small_classifier, "STEPS", 200)
        metrics.classifier("digits")
    return folder


@pytest.fixture(autouse=True)
def cache(kept, monkeypatch):
    monkeypatch.setenv("TFGEN_CACHE", str(kept))


def test_the_classifier_is_trained_once(kept, monkeypatch):
    trained = []
    monkeypatch.setattr(small_classifier, "_train", lambda *args: trained.append(args))
    a, b = metrics.classifier("digits"), metrics.classifier("digits", image_shape=(8, 8, 1))
    assert not trained and a.sha256 == b.sha256
    assert [path.suffix for path in kept.iterdir()] == [".keras"]
    for other in (dict(seed=1), dict(image_shape=(12, 12, 1))):
        with pytest.raises(InputError, match="cannot be read"):  # nothing was trained here
            metrics.classifier("digits", **other)
    assert len(trained) == 2


def test_the_classifier_of_attributes_learns_each_of_them(monkeypatch, tmp_path):
    monkeypatch.setenv("TFGEN_CACHE", str(tmp_path))
    monkeypatch.setattr(small_classifier, "STEPS", 60)
    rng = np.random.default_rng(0)
    attributes = rng.integers(0, 2, (256, 2))
    images = rng.integers(0, 50, (256, 8, 8, 1))
    images[:, :4] += 200 * attributes[:, :1, None, None]  # one lights the upper half, one the lower
    images[:, 4:] += 200 * attributes[:, 1:, None, None]
    found = metrics.classifier({"images": images.astype(np.uint8), "attributes": attributes})
    assert found.accuracy > 0.95 and found.logits.units == 2


def test_the_classifier_knows_its_classes():
    found = metrics.classifier("digits")
    images, labels = next(data.load("digits", "test", batch_size=360).as_numpy_iterator())
    probabilities = found.probabilities(images, (0, 255))
    assert probabilities.shape == (360, 10)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    accuracy = (probabilities.argmax(1) == labels).mean()
    assert accuracy > 0.9 and found.accuracy == pytest.approx(accuracy, abs=1e-4)
    features = found(images, (0, 255))
    assert features.shape == (360, 64)
    assert 0.5 < (features**2).mean() < 2  # 1 on the images that it was trained on


def test_the_classifier_is_a_function_of_the_seed(tmp_path, monkeypatch):
    monkeypatch.setattr(small_classifier, "STEPS", 12)
    hashes = []
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        monkeypatch.setenv("TFGEN_CACHE", str(tmp_path / folder))
        keras.utils.set_random_seed(len(hashes))  # has no say
        hashes.append(metrics.classifier("digits", seed=seed).sha256)
    assert hashes[0] == hashes[1] != hashes[2]


def test_normal_features_leave_the_logits_as_they_are():
    model = small_classifier._network((8, 8, 1), 10, seed=0)
    model.get_layer("logits").bias.assign(np.arange(10))
    before = model(5 * IMAGES).numpy()
    small_classifier._normalize(model, [(5 * IMAGES[:4], None), (5 * IMAGES[4:], None)])
    np.testing.assert_allclose(model(5 * IMAGES), before, rtol=1e-4, atol=1e-4)
    features = keras.Model(model.input, model.get_layer("features").output)(5 * IMAGES)
    assert 0.9 < np.mean(np.square(features)) < 1.1


def test_a_classifier_cut_short_is_named(tmp_path, monkeypatch, kept):
    monkeypatch.setenv("TFGEN_CACHE", str(tmp_path))
    (whole,) = kept.iterdir()
    (tmp_path / whole.name).write_bytes(whole.read_bytes()[:1000])
    with pytest.raises(InputError, match="remove it to train it anew"):
        metrics.classifier("digits")


def test_a_training_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("TFGEN_CACHE", str(tmp_path))
    monkeypatch.setattr(small_classifier, "STEPS", 1)

    def full(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(OSError, match="No space"):
        metrics.classifier("digits")
    assert not list(tmp_path.iterdir())


# Evaluate.


class Album:
    """A "model" that has its samples in an album, and tells of images what it can check."""

    value_range = (-1.0, 1.0)
    recipe = None

    def __init__(self, images):
        self.images = images
        self.image_shape = images.shape[1:]
        self.fields, self.conditions = {"images": Image(self.image_shape)}, {}
        self.data_spec = self.fields["images"].spec("images")

    def sample(self, n, seed=None, first_row=0):
        return tf.constant(self.images[(np.arange(first_row, first_row + n) + seed) % len(self.images)])


def digits(split):
    return np.concatenate(list(data.load("digits", split, shuffle=False, labels=False).as_numpy_iterator()))


def album(split, cls=Album):
    return cls(digits(split).astype(np.float32) / 127.5 - 1)


def by_name(scores):
    assert len({score.name for score in scores}) == len(scores)
    return {score.name: score for score in scores}


def test_the_real_images_themselves_have_perfect_scores():
    scores = by_name(evaluate(album("test"), "digits"))
    assert list(scores) == [
        *("frechet", "kernel", "precision", "recall", "density", "coverage"),
        *("two_sample_accuracy", "two_sample_p_value"),
    ]
    assert scores["frechet"].value == pytest.approx(0, abs=1e-6)
    assert abs(scores["kernel"].value) < 4 * scores["kernel"].standard_error
    assert [scores[name].value for name in ("precision", "recall", "coverage")] == [1, 1, 1]
    assert scores["two_sample_p_value"].value > 0.01
    found = metrics.classifier("digits")
    assert scores["precision"].protocol == {
        **found.protocol,
        "source": "digits",
        "split": "test",
        "data": {"image_shape": [8, 8, 1]},
        "n_real": 360,
        "n_fake": 360,
        "dimension": 64,
        "seed": 0,
        "tfgen": tfgen.__version__,
        "k": 3,
    }
    assert scores["precision"].protocol["extractor_sha256"] == found.sha256


def test_images_of_the_same_kind_score_better_than_noise():
    real = by_name(evaluate(album("train"), "digits"))
    noise = Album(np.random.default_rng(0).uniform(-1, 1, (400, 8, 8, 1)).astype(np.float32))
    noise = by_name(evaluate(noise, "digits"))
    for name in ("frechet", "kernel", "two_sample_accuracy"):
        assert real[name] < noise[name]
    for name in ("precision", "recall", "density", "coverage"):
        assert real[name] > noise[name]


def test_the_reference_is_the_distance_of_train_images():
    model = album("train")
    scores = by_name(evaluate(model, "digits", metrics=["frechet"], extractor="pixels", reference=True))
    assert list(scores) == ["frechet", "frechet_train", "frechet_shuffled"]
    assert scores["frechet_train"].value == pytest.approx(scores["frechet"].value, rel=0.5)
    assert scores["frechet_shuffled"].value > 3 * scores["frechet"].value
    assert scores["frechet_train"].protocol["fake"] == "split train"
    assert "doubt" not in scores["frechet"].protocol
    scores = evaluate(
        model, "digits", split="train", metrics=["frechet"], extractor="pixels", reference=True, n=90
    )
    assert [score.name for score in scores] == ["frechet", "frechet_shuffled"]


def test_an_extractor_that_takes_noise_for_images_is_in_doubt(capsys):
    mean = metrics.Extractor("mean", "0", (8, 8, 1), (-1, 1), lambda x: tf.reduce_mean(x, (1, 2)))
    model = album("train")
    scores = by_name(evaluate(model, "digits", metrics=["precision"], extractor=mean, reference=True))
    assert scores["precision_shuffled"].value == pytest.approx(1)
    assert "'mean' takes images with shuffled pixels for real" in scores["precision"].protocol["doubt"]
    assert capsys.readouterr().err.count("noise has a high precision too") == 1


def test_an_extractor_near_to_guessing_is_in_doubt():
    def known(accuracy, chance):
        return metrics.Extractor("classifier", "0", (8, 8, 1), (-1, 1), None, None, False, accuracy, chance)

    assert known(0.76, 0.5).doubt is known(None, None).doubt is None
    assert (
        "is right for 74% of images that it has not seen, where guessing is for 50%" in known(0.74, 0.5).doubt
    )


def test_without_a_test_split_the_classifier_is_tested_on_images_held_out(monkeypatch, tmp_path):
    """Labels at random can be learnt by heart, and that is no knowledge."""
    monkeypatch.setenv("TFGEN_CACHE", str(tmp_path))
    monkeypatch.setattr(small_classifier, "STEPS", 60)
    images = np.random.default_rng(0).integers(0, 256, (200, 8, 8, 1)).astype(np.uint8)
    found = metrics.classifier((images, np.random.default_rng(1).integers(0, 2, 200)))
    assert found.accuracy < 0.75 and 0.5 <= found.chance < 0.75 and found.doubt


def test_models_whose_labels_are_no_classes_of_the_extractor(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("TFGEN_CACHE", str(tmp_path))
    monkeypatch.setattr(small_classifier, "STEPS", 4)
    rng = np.random.default_rng(0)
    data = {"images": rng.integers(0, 256, (40, 8, 8, 1), "uint8"), "attributes": rng.integers(0, 2, (40, 3))}
    how = dict(split="train", n=12, data={"labels": "attribute_0"})
    model = CGAN(image_shape=(8, 8, 1), classes=2, latent_dim=2, width=8, seed=0)
    scores = by_name(evaluate(model, data, **how))
    assert "frechet" in scores and "class_agreement" not in scores
    assert "needs the extractor's classes to be the model's 2; 'classifier' knows 3 attributes" in (
        capsys.readouterr().err
    )
    with pytest.raises(InputError, match="knows 3 attributes"):
        evaluate(model, data, **how, metrics=["class_agreement"])
    extractor = metrics.classifier(data)
    probabilities = extractor.probabilities(np.zeros((2, 8, 8, 1)), (-1, 1))
    features = extractor(np.zeros((2, 8, 8, 1)), (-1, 1))
    np.testing.assert_allclose(probabilities, tf.sigmoid(extractor.logits(features)), rtol=1e-5)

    classifying = DBVAE((8, 8, 1), latent_dim=2, width=8, seed=0)  # told classes, but not by `sample`
    scores = by_name(evaluate(classifying, data, **how))
    assert "frechet" in scores and "class_agreement" not in scores


@pytest.mark.parametrize(
    "source, message",
    [
        (255 * IMAGES, "must lie in \\[0, 1\\]"),
        (np.nan * IMAGES, "hold NaN"),
        (2 * IMAGES - 1, "must lie in \\[0, 1\\]"),
        ((IMAGES, np.arange(100, 106)), "CVAE has 4 classes"),
        (tf.data.Dataset.from_tensor_slices(IMAGES), "received a tf.data.Dataset"),
    ],
)
def test_images_and_labels_that_are_not_the_models_are_refused(source, message):
    model = CVAE(image_shape=(8, 8, 1), classes=4, latent_dim=2, width=8, seed=0)
    with pytest.raises(InputError, match=message):
        evaluate(model, source, split="train", extractor="pixels", data={})


def test_the_size_of_the_batches_changes_no_score():
    model = album("train")
    how = dict(n=np.int64(101), seed=np.int64(3), extractor="pixels")
    a, b = (evaluate(model, "digits", batch_size=size, **how) for size in (500, np.int64(17)))
    for one, other in zip(a, b):
        assert one.protocol == other.protocol and one.protocol["n_real"] == one.protocol["n_fake"] == 101
        assert one.value == pytest.approx(other.value, rel=1e-6, abs=1e-9)


def test_more_samples_than_images_meet_the_whole_split():
    scores = evaluate(album("train"), "digits", n=500, metrics=["precision", "recall"], extractor="pixels")
    assert [score.name for score in scores] == ["precision", "recall"]
    assert scores[0].protocol["n_real"] == 360 and scores[0].protocol["n_fake"] == 500


def test_fewer_images_than_dimensions_are_noted():
    few, many = (
        evaluate(album("test"), "digits", n=n, metrics=["frechet"], extractor="pixels")[0] for n in (64, 65)
    )
    assert "singular covariances" in few.protocol["note"] and "note" not in many.protocol


def test_likelihoods_are_means_with_their_errors():
    class Told(Density, Album):
        def log_prob(self, images):
            return -tf.reduce_sum(images, axis=(1, 2, 3))

    model = album("test", Told)
    scores = by_name(evaluate(model, "digits", metrics=["log_prob"]))
    nats = -model.images.sum(axis=(1, 2, 3))
    assert scores["log_prob"].value == pytest.approx(nats.mean(), rel=1e-5)
    assert scores["log_prob"].standard_error == pytest.approx(nats.std(ddof=1) / math.sqrt(360), rel=1e-5)
    bits = scores["log_prob_bits_per_dim"]
    assert bits.value == pytest.approx(-nats.mean() / 64 / math.log(2), rel=1e-5)
    assert bits.standard_error == pytest.approx(
        scores["log_prob"].standard_error / 64 / math.log(2), rel=1e-5
    )


def test_part_of_a_split_is_drawn_by_seed():
    class Told(Density, Album):
        def log_prob(self, images):
            return tf.reduce_sum(images, axis=(1, 2, 3))

    model = album("test", Told)
    values = [evaluate(model, "digits", metrics=["log_prob"], n=50, seed=seed)[0].value for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]
    assert values[0] != pytest.approx(model.images[:50].sum(axis=(1, 2, 3)).mean(), rel=1e-4)


def test_options_of_the_data_reach_the_real_images():
    class Binary(Density, Album):
        def log_prob(self, images):
            return tf.reduce_mean(tf.cast(tf.abs(images) == 1, tf.float32), axis=(1, 2, 3))

    model = album("test", Binary)
    model.recipe = VAE.recipe  # it binarizes MNIST, and no other data
    assert evaluate(model, "digits", metrics=["log_prob"])[0].value < 0.9
    score = evaluate(model, "digits", metrics=["log_prob"], data={"binarize": "static"})[0]
    assert score.value == 1.0 and score.protocol["data"]["binarize"] == "static"
    model.recipe = VAE.recipe._replace(dataset="digits")
    score = evaluate(model, "digits", metrics=["log_prob"])[0]
    assert score.value == 1.0 and score.protocol["data"]["binarize"] == "dynamic"


def test_a_vae_has_a_bound_and_a_tighter_one():
    model = VAE(image_shape=(8, 8, 1), latent_dim=4, width=8, seed=0)
    again = [by_name(evaluate(model, "digits", metrics=["elbo", "log_prob"], n=150)) for _ in range(2)]
    scores = again[0]
    assert scores == again[1]
    assert scores["elbo"].value < scores["log_prob"].value < 0
    assert scores["log_prob"].protocol["importance_samples"] == 100
    assert scores["elbo"].protocol["weights"] == weights.digest(weights.named(model))


def test_rate_and_distortion_are_the_parts_of_the_bound():
    model = VAE(image_shape=(8, 8, 1), latent_dim=4, width=8, seed=0)
    names = ["elbo", "rate", "distortion", "active_units", "reconstruction_error"]
    scores = by_name(evaluate(model, "digits", metrics=names, data={}, n=150))
    assert list(scores) == ["elbo", "elbo_bits_per_dim", *names[1:]]
    x = next(
        data.load("digits", "test", model, 150, shuffle=True, seed=0, epochs=range(1)).as_numpy_iterator()
    )
    rate = model.posterior(x).kl_divergence(model.prior_distribution).numpy()
    assert scores["rate"].value == pytest.approx(rate.mean(), rel=1e-4)
    assert scores["rate"].standard_error == pytest.approx(rate.std(ddof=1) / math.sqrt(150), rel=1e-4)
    parts = scores["rate"].value + scores["distortion"].value
    assert parts == pytest.approx(-scores["elbo"].value, rel=1e-5)
    assert scores["active_units"].value == metrics.active_units(model, [x])[0]
    errors = ((x - model.reconstruct(x).numpy()) ** 2).sum(axis=(1, 2, 3))
    assert scores["reconstruction_error"].value == pytest.approx(errors.mean(), rel=1e-4)


class Taught(Density, Album):
    """A model of classes that draws digits of the class it is asked for, but for class 3."""

    classes = 10
    label_spec = Classes(10).spec("labels")

    def __init__(self):
        images, self.labels = next(data.load("digits", "train", batch_size=1437).as_numpy_iterator())
        super().__init__(images.astype(np.float32) / 127.5 - 1)
        self.conditions = {"labels": Classes(10)}
        self.fields |= self.conditions
        self.data_spec = (self.data_spec, self.label_spec)

    def sample(self, n, seed=None, first_row=0, labels=None):
        if labels is None:
            return super().sample(n, seed, first_row)
        wanted = np.where(labels == 3, 4, labels)
        rows = enumerate(wanted)  # many images, for the classifier need not know each
        return tf.constant(np.stack([self.images[self.labels == label][i % 30] for i, label in rows]))

    def log_prob(self, images, samples=1, labels=None):
        return tf.cast(labels, tf.float32)


def test_a_model_of_classes_is_scored_by_what_it_draws_for_each():
    scores = by_name(evaluate(Taught(), "digits", n=200, metrics=["class_agreement", "log_prob"]))
    agreement = scores["class_agreement"]
    value = agreement.value
    assert 0.84 <= value <= 0.9
    assert agreement.standard_error == pytest.approx(math.sqrt(value * (1 - value) / 200))
    assert agreement.protocol["labels"] == "each class in turn" and agreement.protocol["n_fake"] == 200
    # The likelihood was told the label of each image.
    assert scores["log_prob"].value == pytest.approx(4.5, abs=0.6)
    assert scores["log_prob"].protocol["given"] == "labels" and "given" not in agreement.protocol


def test_the_am_score_is_of_classes_that_are_sure_and_as_many_as_they_are():
    class Sees(NamedTuple):
        classes: bool = True

        def probabilities(self, images, value_range):
            return np.stack([images[:, 0, 0, 0], 1 - images[:, 0, 0, 0]], axis=1)

    def of(p):
        return np.reshape(p, (-1, 1, 1, 1))

    model = SimpleNamespace(sample=lambda n, seed, first_row: of([0.9, 0.1]), value_range=(0, 1))
    score = evaluation._am_score(model, Sees(), 2, [(of([0.75, 0.75]),)], 0, 2, {})
    distance = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)
    unsure = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    assert score.value == pytest.approx(distance + unsure) and score.better == "lower"


def test_the_error_is_of_the_model_s_own_classifier():
    model = AMGAN(image_shape=(8, 8, 1), classes=10, latent_dim=2, width=8, body="dense", seed=0)
    model.classify = lambda images: tf.one_hot(tf.fill(len(images), 3), 10)
    (score,) = evaluate(model, "digits", n=360, metrics=["classify_error"])
    _, labels = next(data.load("digits", "test", batch_size=360).as_numpy_iterator())
    assert score.value == pytest.approx((labels != 3).mean()) and score.better == "lower"
    scores = by_name(evaluate(model, "digits", n=64))
    assert {"am_score", "classify_error"} <= set(scores) and "class_agreement" not in scores
    with pytest.raises(InputError, match="CVAE has no classify_error"):
        evaluate(CVAE((8, 8, 1), 10, latent_dim=2, width=8), "digits", metrics=["classify_error"])


def test_a_conditional_vae_has_all_the_scores_of_a_vae_given_labels():
    model = CVAE(image_shape=(8, 8, 1), classes=10, latent_dim=2, width=8, seed=0)
    scores = by_name(evaluate(model, "digits", n=64))
    assert {"class_agreement", "elbo", "log_prob", "rate", "distortion", "active_units"} <= set(scores)
    assert scores["elbo"].value < scores["log_prob"].value
    assert scores["elbo"].protocol["given"] == scores["reconstruction_error"].protocol["given"] == "labels"
    rest = "CVAE has no class_agreement; its metrics with this extractor are frechet(?!.*class_agreement)"
    with pytest.raises(InputError, match=rest):
        evaluate(model, "digits", extractor="pixels", metrics=["class_agreement"])
    other = CVAE(image_shape=(8, 8, 1), classes=12, latent_dim=2, width=8, seed=0)
    with pytest.raises(InputError, match="the model's 12; 'classifier' knows 10"):
        evaluate(other, "digits", n=24, metrics=["class_agreement"])


class Playing(Games, Album):
    """It plays with the images of its album; the discriminator takes dark images for fakes."""

    zero_decides = True
    step = asked = tf.constant(0, tf.int64)
    seed = 0

    def games(self):
        return [Game("generator", "discriminator", self.played, self.zero_decides)]

    def played(self, step):
        fakes = self.images[step.first_row : step.first_row + len(step.batch["images"])]

        def score(images):
            return tf.reduce_mean(images, axis=(1, 2, 3))[:, None] + 0.38

        return Played(score(step.batch["images"]), score(fakes), step.batch["images"], fakes)


def test_discriminator_accuracy_counts_the_right_side_of_zero():
    model = album("train", Playing)
    images = digits("test").astype(np.float32) / 127.5 - 1
    scores = by_name(evaluate(model, "digits", metrics=["discriminator_accuracy"], batch_size=100))
    real = (images.mean(axis=(1, 2, 3)) > -0.38).mean()
    fake = (model.images[:360].mean(axis=(1, 2, 3)) < -0.38).mean()
    assert 0.2 < real < 0.8 and real != fake
    assert scores["discriminator_accuracy_real"].value == pytest.approx(real, abs=1e-6)
    assert scores["discriminator_accuracy_fake"].value == pytest.approx(fake, abs=1e-6)
    both = scores["discriminator_accuracy"]
    assert both.value == pytest.approx((real + fake) / 2, abs=1e-6)
    assert both.standard_error == pytest.approx(0.5 / math.sqrt(720), rel=0.1)


def test_a_conditional_discriminator_is_told_the_labels_of_real_images_and_of_fakes():
    labels = np.tile(np.arange(10), 6)
    images = np.broadcast_to((20 * labels[:, None, None, None]).astype(np.uint8), (60, 8, 8, 1))
    model = CGAN((8, 8, 1), latent_dim=2, width=8, seed=0)

    def show(labels):  # images that hold their label, as the real ones do
        return tf.ones((1, 8, 8, 1)) * (20 * tf.cast(labels, tf.float32)[:, None, None, None] / 127.5 - 1)

    def run(name, x, labels, training):
        assert not training
        if name == "generator":
            return show((labels + 1) % 10)
        return tf.where(abs(x - show(labels))[:, 0, 0] < 1e-3, 1.0, -1.0)

    model.run = run
    for n in (60, 45):
        scores = by_name(
            evaluate(
                model, (images, labels), split="train", n=n, batch_size=20, metrics=["discriminator_accuracy"]
            )
        )
        assert scores["discriminator_accuracy_real"].value == 1
        assert scores["discriminator_accuracy_fake"].value == 1


def test_a_conditional_model_is_compared_by_what_it_samples():
    model = CGAN((8, 8, 1), latent_dim=2, width=8, seed=0)
    batches = list(evaluation._samples(model, 7, seed=3, batch_size=3))
    assert [len(labels) for _, labels in batches] == [3, 3, 1]
    images = np.concatenate([images for images, _ in batches])
    np.testing.assert_allclose(images, model.sample(7, seed=3), atol=1e-5)


@pytest.mark.parametrize("model", [VAEGAN, CVAEGAN, ACGAN, ProjectionGAN, InfoGAN])
def test_every_discriminator_is_scored(model):
    model = model((8, 8, 1), width=8, seed=0)
    scores = by_name(evaluate(model, "digits", n=30, metrics=["discriminator_accuracy"]))
    assert 0 <= scores["discriminator_accuracy"].value <= 1


def test_a_gan_is_scored_through_its_discriminator_and_a_critic_is_not():
    model = DCGAN(image_shape=(8, 8, 1), latent_dim=4, width=8, seed=0)
    scores = by_name(evaluate(model, "digits", n=50, extractor="pixels"))
    assert 0 <= scores["discriminator_accuracy"].value <= 1 and "elbo" not in scores
    critic = album("test", Playing)
    critic.zero_decides = False
    assert "discriminator_accuracy" not in by_name(evaluate(critic, "digits", extractor="pixels"))


def test_what_cannot_be_evaluated_is_named():
    model = album("test")
    for how, message in (
        (dict(metrics=["frechett"]), "unknown metric 'frechett'; did you mean frechet"),
        (dict(metrics=["elbo"]), "Album has no elbo; its metrics with this extractor are frechet, kernel"),
        (dict(seed=-1), "a seed, an integer of at least 0; received -1"),
        (dict(n=1), "at least 2 samples to compare; received n=1"),
        (dict(split="tset"), "no split 'tset'"),
        (dict(reference=True, metrics=["modes"]), "Album has no modes"),
    ):
        with pytest.raises(InputError) as error:
            evaluate(model, "digits", **how)
        assert message in str(error.value)
    with pytest.raises(InputError, match=r"labels are wanted.*'pixels'"):
        evaluate(model, digits("test"), split="train")


@pytest.mark.parametrize("batches", [False, True], ids=["arrays", "dataset"])
def test_keras_evaluate_asks_of_data_what_fit_asks(batches):
    model = CGAN((8, 8, 1), classes=4, latent_dim=2, width=8, seed=0)
    model.compile()
    images, labels = 2 * IMAGES - 1, np.arange(6, dtype="int32") % 4
    for x, y, message in (
        (255 * IMAGES, labels, "takes images in"),
        (np.nan * images, labels, "hold NaN"),
        (images, labels + 100, r"labels of CGAN lie in 0\.\.3; received 100 to 10[23]"),
        (np.round(IMAGES), labels, r"takes images in \[-1, 1\]; received 0 to 1"),
    ):
        given = (tf.data.Dataset.from_tensor_slices((x, y)).batch(3),) if batches else (x, y)
        with pytest.raises(InputError, match=message):
            model.evaluate(*given, verbose=0)
    fitted = model.fit(images, labels, validation_data=(images, labels), verbose=0).history
    assert "val_generator_loss" in fitted and np.isfinite(model.evaluate(images, labels, verbose=0)).all()


def test_arrays_are_named_by_their_hash_and_a_folder_by_its_name(tmp_path):
    images = digits("test")
    names = [metrics.evaluation._name(source) for source in (images, images.copy(), images[::-1])]
    assert names[0] == names[1] != names[2] and names[0].startswith("arrays ")
    assert metrics.evaluation._name(tmp_path) == tmp_path.name
    assert metrics.evaluation._name("cycle_gan/facades") == "cycle_gan/facades"


def test_what_extractors_do_not_see_has_the_other_scores(capsys):
    """Volumes, and images in GeV: one line says so, and the discriminator's accuracy is left."""
    volumes = np.random.default_rng(0).integers(0, 2, (16, 8, 8, 8, 1)).astype(bool)
    scores = metrics.evaluate(GAN3D(**GAN3D.tiny, seed=0), volumes, split="train", reference=True)
    assert scores[0].name == "discriminator_accuracy"
    line = "GAN3D makes volumes, and extractors take pictures"
    assert line in capsys.readouterr().err
    with pytest.raises(InputError, match=line):
        metrics.evaluate(GAN3D(**GAN3D.tiny, seed=0), volumes, split="train", metrics=["frechet"])
