"""How many modes of data that have known ones are found; stacked digits; a picture of points."""

import json
import math

import numpy as np
import pytest
import tensorflow as tf
from data_cases import complaint, everything, model
from PIL import Image

from tfgen import fields, metrics, pictures
from tfgen.cli import main
from tfgen.data import load, opening, size
from tfgen.data.modes import MIXTURES
from tfgen.errors import InputError
from tfgen.metrics import mode_coverage, small_classifier
from tfgen.runs.callbacks import SampleGrid

MODES = {"ring": 8, "grid": 25}


# How many modes are found.


class Album:
    """A "model" that has its samples in an album."""

    recipe = label_spec = None
    picture = staticmethod(lambda images: images)

    def __init__(self, images, value_range=(-1.0, 1.0)):
        self.images, self.value_range, self.image_shape = images, value_range, images.shape[1:]
        self.fields, self.conditions = {"images": fields.Image(self.image_shape, *value_range)}, {}
        self.data_spec = self.fields["images"].spec("images")

    def sample(self, n, seed=None, first_row=0):
        return tf.constant(self.images[np.arange(first_row, first_row + n) % len(self.images)])


def values(scores):
    return {score.name: score.value for score in scores}


def planted(name, counts, offset=(0.0, 0.0)):
    """counts[k] points at mode k, moved by `offset` standard deviations."""
    mixture = MIXTURES[name]
    points = np.repeat(mixture.centres[: len(counts)], counts, axis=0) + mixture.std * np.array(offset)
    return (points / mixture.scale).astype(np.float32)


@pytest.mark.parametrize("name", MODES)
def test_the_data_themselves_have_all_modes(name):
    points, _ = everything(load(name, "test", shuffle=False))
    found = metrics.modes(points, name)
    assert [score.name for score in found] == ["modes", "high_quality", "mode_kl"]
    got = values(found)
    assert got["modes"] == MODES[name]
    assert got["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=5 * found[1].standard_error)
    assert 0 <= got["mode_kl"] < 5 * (MODES[name] - 1) / 2e4
    protocol = {key: value for key, value in found[0].protocol.items() if key != "tfgen"}
    std = {"ring": 0.02, "grid": 0.05}[name]
    assert protocol == {"source": name, "within": "3 std", "std": std, "scale": MIXTURES[name].scale,
                        "n_fake": 10_000, "modes": MODES[name]}  # fmt: skip


@pytest.mark.parametrize("name", MODES)
def test_planted_modes_are_counted(name):
    total = MODES[name]
    for k in (1, 3, total):
        got = values(metrics.modes(planted(name, [7] * k), name))
        assert got["modes"] == k and got["high_quality"] == 1
        assert got["mode_kl"] == pytest.approx(math.log(total / k), abs=1e-9)
    q = np.array([0.7, 0.3])
    got = values(metrics.modes(planted(name, [7, 3]), name))
    assert got["mode_kl"] == pytest.approx(np.sum(q * np.log(q * total)))


@pytest.mark.parametrize("name", MODES)
def test_a_mode_ends_at_three_standard_deviations(name):
    k = [1] * MODES[name]
    for offset, inside in (((2.99, 0), 1), ((0, -2.99), 1), ((2.2, 2.2), 0), ((3.01, 0), 0)):
        got = values(metrics.modes(planted(name, k, offset), name))
        assert got == {
            "modes": inside * len(k),
            "high_quality": inside,
            "mode_kl": pytest.approx(0, abs=1e-9),
        }
    # Far from every mode, points still count for the histogram, as the nearest mode's.
    strays = metrics.modes(np.zeros((5, 2)) + 0.99, "grid")
    assert values(strays) == {"modes": 0, "high_quality": 0, "mode_kl": pytest.approx(math.log(25))}
    mixed = np.concatenate([planted(name, k), planted(name, k, (9, 0)), planted(name, k, (0, 9))])
    assert values(metrics.modes(mixed, name))["high_quality"] == pytest.approx(1 / 3)


def test_a_model_is_scored_in_its_range_by_whole_and_cut_batches():
    points = planted("grid", [1] * 25).reshape(-1, 1, 1, 2)
    for album in (Album(points), Album((points + 1) / 2, (0.0, 1.0))):
        assert values(metrics.modes(album, "grid", n=25))["modes"] == 25
        scores = metrics.modes(album, "grid", n=7, batch_size=3, seed=4)
        assert values(scores)["modes"] == 7 and scores[0].protocol["seed"] == 4
    assert values(metrics.modes(Album((points + 1) / 2), "grid"))["modes"] < 10  # another range
    assert metrics.modes(Album(points), "ring")[0].protocol["n_fake"] == 2500
    wide = metrics.modes(points, "grid", value_range=(-2.0, 2.0))
    assert values(wide)["modes"] < 25


def test_what_cannot_be_counted_is_refused():
    points = np.zeros((4, 1, 1, 2), np.float32)
    for samples, source, message in (
        (points, "digits", "the modes of digits are not known; those of ring, grid"),
        (np.zeros((4, 8, 8, 1)), "ring", r"shape \(n, 1, 1, 2\) or \(n, 2\); received \(4, 8, 8, 1\)"),
        (points * np.nan, "ring", "finite points"),
        (points[:0], "ring", "at least 1 sample"),
    ):
        with pytest.raises(InputError, match=message):
            metrics.modes(samples, source)
    with pytest.raises(InputError, match="n=0"):
        metrics.modes(Album(points), "ring", n=0)


def test_evaluate_has_the_scores_of_modes_for_these_data_alone():
    album = Album(everything(load("ring", "test", shuffle=False, labels=False)))
    scores = metrics.evaluate(album, "ring", extractor="pixels", n=300)
    names = [score.name for score in scores]
    assert names[-3:] == ["modes", "high_quality", "mode_kl"] and names[0] == "frechet"
    assert scores[-3].value == 8 and scores[-1].protocol["n_fake"] == 300
    (alone,) = metrics.evaluate(album, "ring", metrics=["high_quality"])
    assert alone.value > 0.97 and alone.protocol["n_fake"] == 2500
    other = Album(np.zeros((4, 8, 8, 1), np.float32))
    with pytest.raises(InputError, match="Album has no modes"):
        metrics.evaluate(other, "digits", metrics=["modes"])


def test_the_classifier_of_points_sees_them_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv("TFGEN_CACHE", str(tmp_path))
    monkeypatch.setattr(small_classifier, "STEPS", 100)
    found = metrics.classifier("ring")
    assert found.accuracy > 0.95
    points, labels = everything(load("ring", "test[:200]", shuffle=False))
    assert (found.probabilities(points, (-1, 1)).argmax(axis=1) == labels).mean() > 0.95


# Stacked digits.


@pytest.fixture
def digits(monkeypatch):
    """scikit-learn's digits in the place of mnist."""

    class Prepared:
        def __init__(self, split):
            self.decoded = opening.open_source("digits", split)

    def prepared(name, split, data_dir, download):
        assert (name, data_dir, download) == ("mnist", "there", False)
        return Prepared(split)

    monkeypatch.setattr(opening, "_tfds", prepared)
    return {"data_dir": "there", "download": False}


class Oracle:
    """An extractor that finds a digit among those that there are, by looking it up."""

    protocol = {"extractor": "oracle"}

    def __init__(self, *splits, classes=10):
        found = [opening.open_source("digits", split) for split in splits]
        self.known = {
            image.tobytes(): int(label)
            for one in found
            for image, label in zip(one.images.numpy(), one.labels.numpy())
        }
        self.classes = classes

    def probabilities(self, images, value_range):
        low, high = value_range
        images = np.rint((images - low) * (255 / (high - low))).astype(np.uint8)
        return np.eye(self.classes)[[self.known[image.tobytes()] for image in images]]


def test_a_stacked_label_is_made_of_the_digits_of_its_channels(digits):
    images, labels = everything(load("stacked_mnist", "test[:2000]", shuffle=False, **digits))
    assert images.shape == (2000, 8, 8, 3) and images.dtype == np.uint8 and labels.dtype == np.int32
    assert size("stacked_mnist", **digits) == 128_000 and size("stacked_mnist", "test", **digits) == 26_000
    oracle = Oracle("test")  # knows the digits of this split alone
    one, two, three = (oracle.probabilities(images[..., [c]], (0, 255)).argmax(axis=1) for c in range(3))
    np.testing.assert_array_equal(labels, 100 * one + 10 * two + three)
    assert len(set(labels)) > 800 and abs(np.corrcoef(one, two)[0, 1]) < 0.1


def test_stacked_digits_have_the_order_and_the_shape_that_are_asked_for(digits):
    part = dict(batch_size=50, **digits)
    plain = everything(load("stacked_mnist", "train[:100]", shuffle=False, **part))
    cached = everything(load("stacked_mnist", "train[:100]", shuffle=False, cache=True, **part))
    for a, b in zip(plain, cached):
        np.testing.assert_array_equal(a, b)
    mixed = everything(load("stacked_mnist", "train[:100]", seed=3, epochs=range(1), **part))
    assert not np.array_equal(mixed[1], plain[1]) and sorted(mixed[1]) == sorted(plain[1])
    net = model((16, 16, 3), labels=True, classes=1000)
    large, _ = everything(load("stacked_mnist", "train[:100]", net, shuffle=False, **part))
    assert large.shape == (100, 16, 16, 3) and large.min() >= -1
    both = load("stacked_mnist", "test[:5]+train[:100]", shuffle=False, labels=True, **part)
    images, labels = everything(both)
    np.testing.assert_array_equal(images[5:], plain[0])
    np.testing.assert_array_equal(labels[5:], plain[1])
    few = model((8, 8, 3), labels=True, classes=10)
    assert "the labels of stacked_mnist are 1000 classes" in complaint(
        "stacked_mnist", for_model=few, **digits
    )


def test_stacked_modes_are_counted_by_a_classifier_of_digits(digits, monkeypatch):
    oracle, how = Oracle("test"), {"split": "test", **digits}
    images, labels = everything(load("stacked_mnist", "test", batch_size=1000, shuffle=False, **digits))
    all_of_them = metrics.modes(images, "stacked_mnist", value_range=(0, 255), extractor=oracle, **how)
    assert [score.name for score in all_of_them] == ["modes", "mode_kl"]
    got = values(all_of_them)
    assert got["modes"] == len(set(labels)) == 1000
    assert got["mode_kl"] == pytest.approx(999 / 52_000, rel=0.15)  # the bias of 26,000 samples
    protocol = all_of_them[0].protocol
    assert (protocol["extractor"], protocol["n_fake"], protocol["split"]) == ("oracle", 26_000, "test")

    one = images[labels == 345].astype(np.float32) / 127.5 - 1
    got = values(metrics.modes(Album(one), "stacked_mnist", n=30, extractor=oracle, **how))
    share = np.bincount(opening.open_source("digits", "test").labels.numpy()) / 360
    assert got["modes"] == 1
    assert got["mode_kl"] == pytest.approx(-np.log(share[3] * share[4] * share[5]))
    monkeypatch.setattr(mode_coverage, "classifier", lambda source, **place: oracle)
    count = [score.value for score in metrics.evaluate(Album(one), "stacked_mnist", metrics=["modes"], **how)]
    assert count == [1]
    with pytest.raises(InputError, match="Album has no high_quality"):
        metrics.evaluate(Album(one), "stacked_mnist", metrics=["high_quality"], **how)
    with pytest.raises(InputError, match=r"images of shape \(n, h, w, 3\); received \(5, 8, 8, 1\)"):
        metrics.modes(images[:5, ..., :1], "stacked_mnist", extractor=oracle, **how)
    with pytest.raises(InputError, match="ten digits; it knows 12 classes"):
        twelve = Oracle("test", classes=12)
        metrics.modes(images[:5], "stacked_mnist", value_range=(0, 255), extractor=twelve, **how)


# Pictures, and the command line.


def test_points_are_drawn_where_they_are():
    image = pictures.grid(np.array([[-1, -1], [1, 0], [5, 1]]).reshape(3, 1, 1, 2), (-1, 1))
    assert image.size == (512, 512) and image.mode == "L"
    dark = np.argwhere(np.asarray(image) < 255)
    assert len(dark) == 15  # three crosses
    for row, column in ((510, 1), (256, 510), (1, 510)):
        assert (np.abs(dark - (row, column)).sum(axis=1) <= 2).sum() == 5
    twice = np.asarray(pictures.scatter(np.zeros((2, 2)), (-1, 1)))
    assert twice.min() < np.asarray(pictures.scatter(np.zeros((1, 2)), (-1, 1))).min() < 255
    with pytest.raises(InputError, match="NaN"):
        pictures.scatter(np.full((1, 2), np.nan))


def test_a_sample_grid_draws_2500_points(tmp_path, monkeypatch):
    album = Album(planted("ring", [1] * 8).reshape(-1, 1, 1, 2))
    album.classes, album.image_shape = 0, [1, 1, 2]  # a loaded model's is a list
    asked = []
    sample = album.sample
    album.sample = lambda n, seed: asked.append(n) or sample(n, seed)
    grids = SampleGrid(tmp_path)
    grids.set_model(album)
    grids.on_epoch_end(0)
    assert asked == [2500]
    with Image.open(tmp_path / "epoch-0001.png") as image:
        assert (np.asarray(image) < 255).sum() == 8 * 5


def test_a_run_of_points_from_training_to_scores(tmp_path):
    run = tmp_path / "run"

    def tfgen(*arguments):
        with pytest.raises(SystemExit) as caught:
            main(list(map(str, arguments)))
        assert not caught.value.code

    tfgen("train", "gan", "--data", "ring", "--data-set", "split=train[:256]", "--epochs", 1,
          "--set", "body='dense'", "--set", "width=8", "--set", "latent_dim=2", "--out", run)  # fmt: skip
    with Image.open(run / "samples" / "epoch-0001.png") as image:
        assert image.size == (512, 512)
    tfgen("sample", run, "-n", 20, "--to", tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["points"].shape == (20, 2) and arrays["points"].dtype == np.float32
    tfgen("evaluate", run, "-n", 100, "--extractor", "pixels")
    scores = {score["name"]: score for score in json.loads((run / "scores.json").read_text())}
    assert set(scores) > {"frechet", "modes", "high_quality", "mode_kl"}
    assert scores["mode_kl"]["value"] > 0 and scores["modes"]["protocol"]["source"] == "ring"
    (_,) = {score["protocol"]["weights"] for score in scores.values()}  # of all: a card shows those alone
