"""Artifacts of models that translate: every format, the card and its program."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from test_export_artifact import ALONE, tool
from translators import TINY, trained

import tfgen
from export import card
from tfgen import export

NAMES = {"pix2pix": ["translate"], "cyclegan": ["translate", "translate_back"]}


@pytest.fixture(scope="module", params=TINY)
def made(request, tmp_path_factory):
    """(name, the run, its artifact)."""
    run = trained(request.param, tmp_path_factory.mktemp("runs"))
    assert tool("make", run) == 0
    return request.param, run, run / "artifact"


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_an_artifact_of_a_translator_is_whole(made):
    name, run, folder = made
    found = export.verify(folder)
    assert [(row.format, row.signature) for row in found] == [
        (format, signature) for format in ("saved_model", "onnx") for signature in NAMES[name]
    ]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {one["role"] for one in manifest["signatures"].values()} == {"translator"}
    images = np.random.default_rng(0).integers(0, 256, (1, 9, 13, 3 if name == "pix2pix" else 1), np.uint8)
    ours, theirs = tfgen.load(run), tfgen.load(folder)
    np.testing.assert_allclose(ours.translate(images, 5), theirs.translate(images, 5), atol=1e-5)


def test_the_cards_program_makes_the_cards_picture(made):
    """In a process that has neither tfgen nor TensorFlow."""
    name, run, folder = made
    text = (folder / "README.md").read_text()
    assert "![a drawing](inputs.png) ![its translation of seed 0](samples.png)" in text
    program, *back = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(back) == len(NAMES[name]) - 1
    model = tfgen.load(run)
    inputs, samples = pixels_of(folder / "inputs.png"), pixels_of(folder / "samples.png")
    channels = model.input_channels
    assert np.array_equal(
        inputs.reshape(*model.image_shape[:2], channels), card.drawing(*model.image_shape[:2], channels)
    )
    for lines, want in ((program, samples), *((lines, None) for lines in back)):
        subprocess.run([sys.executable, "-P", "-c", ALONE + lines], cwd=folder, check=True, env={})
        got = pixels_of(folder / "translation.png").astype(int)
        if want is None:
            source = samples.reshape(1, *samples.shape[:2], -1)
            want = np.squeeze((model.translate_back(source)[0] + 1) * 127.5)
        assert got.shape == want.shape and abs(got - want).max() <= 1 and len(np.unique(got)) > 1
        (folder / "translation.png").unlink()


def test_a_page_says_that_it_shows_no_translator(made, capsys, tmp_path):
    _, _, folder = made
    assert tool("page", folder, "--to", tmp_path / "site") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tfgen-export: the page shows models that sample, and ")
    assert not (tmp_path / "site").exists()


def test_a_drawing_has_shapes_of_any_size():
    for size in ((32, 32), (8, 8), (20, 48)):
        colour = card.drawing(*size, 3)
        assert colour.shape == (*size, 3) and colour.dtype == np.uint8
        assert len(np.unique(colour.reshape(-1, 3), axis=0)) >= 4
        assert card.drawing(*size, 1).shape == (*size, 1)
