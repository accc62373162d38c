"""Scores of translations: distances of pairs against closed numbers, and `evaluate` of translators."""

import json

import numpy as np
import pytest
from translators import TINY, trained

from tfgen import data, runs
from tfgen.cli import main
from tfgen.errors import InputError
from tfgen.metrics import Extractor, evaluate
from tfgen.metrics.pairs import l1, psnr

GREY = np.zeros((2, 4, 4, 1), np.float32)


def test_distances_of_pairs_are_those_of_closed_numbers():
    near = GREY + np.float32([0.2, 0.02]).reshape(2, 1, 1, 1)  # a tenth and a hundredth of [-1, 1]
    np.testing.assert_allclose(l1(GREY, near, (-1, 1)), [0.1, 0.01], rtol=1e-6)
    np.testing.assert_allclose(psnr(GREY, near, (-1, 1)), [20, 40], rtol=1e-6)
    np.testing.assert_allclose(psnr(GREY, GREY, (-1, 1)), 100)
    half = GREY.copy()
    half[:, :2] = 1  # half of the pixels are off by 1 of [0, 1]
    np.testing.assert_allclose(l1(GREY, half, (0, 1)), 0.5)
    np.testing.assert_allclose(psnr(GREY, half, (0, 1)), 10 * np.log10(2))


@pytest.fixture(scope="module", params=TINY)
def run(request, tmp_path_factory):
    return trained(request.param, tmp_path_factory.mktemp("runs"))


def means():
    """An extractor of each image's mean and spread by channel."""

    def function(images):
        return np.concatenate([np.mean(images, (1, 2)), np.std(images, (1, 2))], axis=-1)

    return Extractor(
        name="means", sha256="", input_shape=(None, None, 3), value_range=(-1.0, 1.0), function=function
    )


def test_translations_of_the_inputs_are_compared_with_the_images(run, monkeypatch):
    model, source = runs.load(run), run.parent / f"{run.name}.npz"
    seen = []

    def gather(extractor, model, batches):
        seen.append(np.concatenate([images for images, *_ in batches]))
        return None, seen[-1]

    monkeypatch.setattr("tfgen.metrics.evaluation._features", gather)
    monkeypatch.setattr("tfgen.metrics.evaluation._compared", lambda *given: [])
    evaluate(model, source, extractor=means(), metrics=["frechet"], seed=3, split="train")
    made, real = seen
    batch = data.examples(source, 8, model, split="train", seed=3)
    inputs, images = batch[model.source], batch[model.target]
    images = images[:6] if run.name == "cyclegan" else images  # each once, though an epoch has 8
    np.testing.assert_allclose(real, images, atol=1e-6)
    np.testing.assert_allclose(made, model.sample(8, seed=3, inputs=inputs), atol=1e-5)


def test_all_scores_of_samples_are_there(run):
    model, source = runs.load(run), run.parent / f"{run.name}.npz"
    scores = {s.name: s for s in evaluate(model, source, split="train", extractor=means(), reference=True)}
    assert {"frechet", "kernel", "recall", "coverage", "two_sample_accuracy", "frechet_shuffled"} <= set(
        scores
    )
    assert ("psnr" in scores) == (run.name == "pix2pix")
    protocol = scores["frechet"].protocol
    assert (protocol["n_real"], protocol["n_fake"]) == ((8, 8) if run.name == "pix2pix" else (6, 8))


def test_images_of_an_evaluation_are_not_those_of_a_training(run):
    model, source = runs.load(run), run.parent / f"{run.name}.npz"
    plain, much = (
        evaluate(model, source, split="train", extractor=means(), metrics=["frechet"], data=options)[0]
        for options in ({}, {"flip": True, "enlarge": 1.5, "repeat": 3})
    )
    assert plain.value == much.value and plain.protocol == much.protocol


def test_pairs_are_compared_one_by_one(run):
    model, source = runs.load(run), run.parent / f"{run.name}.npz"
    if run.name == "cyclegan":
        with pytest.raises(InputError, match="CycleGAN has no psnr"):
            evaluate(model, source, metrics=["psnr"])
        return
    scores = {s.name: s for s in evaluate(model, source, metrics=["l1", "psnr"], seed=3, batch_size=1)}
    batch = data.examples(source, 2, model, seed=3)
    made = model.sample(2, seed=3, inputs=batch["inputs"])
    for name, function in (("l1", l1), ("psnr", psnr)):
        assert scores[name].value == pytest.approx(function(made, batch["images"], (-1, 1)).mean(), rel=1e-5)
    assert scores["l1"].better == "lower" and scores["psnr"].better == "higher"


def test_the_command_scores_a_translator(run, capsys):
    with pytest.raises(SystemExit) as exit:
        main(["evaluate", str(run)])
    out, err = capsys.readouterr()
    if run.name == "cyclegan":  # nothing is left without an extractor
        assert exit.value.code == 2 and "need no labels" in err.splitlines()[-1]
        return
    assert not exit.value.code and "without frechet, kernel" in err and "need no labels" in err
    names = [row["name"] for row in json.loads((run / "scores.json").read_text())]
    assert names[:2] == ["l1", "psnr"] and "discriminator_accuracy" in names
    assert "split test" in out and (run / "doctor.json").exists()
