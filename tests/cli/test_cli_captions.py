"""Images of texts at the command line: a run of a folder with captions, its pictures, samples and scores."""

import json

import numpy as np
import pytest
from command import tfgen
from data_cases import save
from eager import eagerly
from PIL import Image

from tfgen import pictures, runs
from tfgen.cli.sampling import texts_of
from tfgen.errors import InputError

WORDS = ("red", "green", "blue", "a dog")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("captions")
    for split, count in (("train", 16), ("test", 8)):
        for number in range(count):
            save(root / "data" / split / f"{number}.png", np.full((8, 8, 3), 10 * number, np.uint8))
        lines = [f"{number}.png\t{WORDS[number % 4]} {number}\n" for number in range(count)]
        (root / "data" / split / "captions.tsv").write_text("".join(lines))
    sizes = dict(length=8, text_dim=8, text_width=8, text_steps=1, width=8, latent_dim=4)
    flags = [word for name, value in sizes.items() for word in ("--set", f"{name}={value}")]
    flags += ["--data", root / "data", "--batch-size", 8, "--epochs", 1, "--out", root / "run"]
    with eagerly():
        assert tfgen("train", "gancls", *flags) == 0
    return root / "run"


def test_pictures_of_a_run_have_captions_of_the_test_split(run):
    with Image.open(run / "samples" / "epoch-0001.png") as picture:
        pixels = np.asarray(picture.convert("L"))
    assert pixels.shape == (8 * (pictures.TITLE + 64), 9 * 66 - 2)
    own = [pixels[row * (pictures.TITLE + 64) + pictures.TITLE + 32, 32] for row in range(8)]
    assert sorted(own) == [*range(0, 80, 10)]  # the images whose captions stand above


def test_texts_have_their_images(run, tmp_path):
    to = tmp_path / "x.npz"
    assert tfgen("sample", run, "--text", "Red 1", "--text", "a dog", "-n", 5, "--seed", 3, "--to", to) == 0
    model = runs.load(run)
    captions = ["red 1", "a dog", "red 1", "a dog", "red 1"]
    want = pictures.to_uint8(model.sample(5, seed=3, captions=captions), model.value_range)
    with np.load(to) as arrays:
        assert np.abs(arrays["images"].astype(int) - want).max() <= 1
    assert tfgen("sample", run, "--text", "red", "--text", "dog", "--to", tmp_path / "x.png") == 0
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.size == (8 * 66 - 2, 2 * (pictures.TITLE + 64))


def test_bad_texts_are_one_line(run, fails, tmp_path):
    line = "GANCLS makes images of captions; give --text, as --text 'a red bird'"
    assert line in fails("sample", run, "--to", tmp_path / "new.png") and not (tmp_path / "new.png").exists()
    model = runs.load(run)
    for texts, n, line in (
        ([" "], None, "a text must be a string that is not empty; received ' '"),
        (["too long a text"], None, "a text has at most 8 characters; received 15: 'too long a text'"),
        (["na\u00efve"], None, "a text is of ASCII characters that are printable; received"),
        (["a", "b"], 1, "each --text has an image at least; received 2 texts and -n 1"),
    ):
        with pytest.raises(InputError, match=line):
            texts_of(texts, model, n)
    assert texts_of(["a", "b", "a"], model, 2) == ["a", "b"]


def test_a_model_without_captions_takes_no_text(fails, tmp_path):
    assert "does not make images of texts; omit --text" in fails(
        "sample", "dcgan-fashion_mnist", "--text", "a", "--to", tmp_path / "x.png"
    )


def test_samples_are_scored_with_the_captions_of_the_split(run):
    assert tfgen("evaluate", run, "--extractor", "pixels") == 0
    scores = {one["name"]: one for one in json.loads((run / "scores.json").read_text())}
    assert scores["frechet"]["protocol"]["n_fake"] == 8 and "discriminator_accuracy" in scores
