"""Artifacts of models that translate: every format, the card and its program."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from needs import JAVASCRIPT
from PIL import Image
from test_export_artifact import ALONE, tool
from translators import TINY, trained
from untrained import untrained

import tfgen
from export import artifact, examples, node
from tfgen import loading
from tfgen.export import folders
from tfgen.models import CycleGAN

NAMES = {"pix2pix": ["translate"], "cyclegan": ["translate", "translate_back"]}


@pytest.fixture(scope="module", params=TINY)
def made(request, tmp_path_factory):
    """(name, a run or a model's file, its artifact)."""
    root = tmp_path_factory.mktemp("runs")
    if request.param == "pix2pix":
        with untrained():
            made = trained(request.param, root)
    else:
        made = root / "cyclegan.keras"
        CycleGAN(**{**CycleGAN.tiny, "image_shape": (12, 12, 3)}, seed=0).save(made)
    assert tool("make", made, "--to", root / "artifact") == 0
    return request.param, made, root / "artifact"


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_an_artifact_of_a_translator_is_whole(made):
    name, run, folder = made
    manifest = folders.opened(folder)
    found = {format: [*told["differences"]] for format, told in manifest["formats"].items()}
    assert found == {"saved_model": NAMES[name], "onnx": NAMES[name]}
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
        inputs.reshape(*model.image_shape[:2], channels), examples.drawing(*model.image_shape[:2], channels)
    )
    for lines, want in ((program, samples), *((lines, None) for lines in back)):
        subprocess.run([sys.executable, "-P", "-c", ALONE + lines], cwd=folder, check=True, env={})
        got = pixels_of(folder / "translation.png").astype(int)
        if want is None:
            source = samples.reshape(1, *samples.shape[:2], -1)
            want = np.squeeze((model.translate_back(source)[0] + 1) * 127.5)
        assert got.shape == want.shape and abs(got - want).max() <= 1 and len(np.unique(got)) > 1
        (folder / "translation.png").unlink()


@JAVASCRIPT
def test_the_cards_javascript_makes_it_too(made, tmp_path):
    _, _, folder = made
    (program,) = re.findall(r"```js\n(.*?)```", (folder / "README.md").read_text(), flags=re.DOTALL)
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "translate.mjs").write_text(program)
    (copy / "node_modules").mkdir()
    for modules in (node.modules(), node.installed("pngjs-7.0.0", ["pngjs@7.0.0"])):
        for path in modules.iterdir():
            if not (copy / "node_modules" / path.name).exists():
                (copy / "node_modules" / path.name).symlink_to(path)
    subprocess.run([node.executable(), "translate.mjs"], cwd=copy, check=True)
    with Image.open(copy / "translation.png") as image:
        got = np.asarray(image.convert("L" if pixels_of(folder / "samples.png").ndim == 2 else "RGB"))
    assert abs(np.int16(got) - pixels_of(folder / "samples.png")).max() <= 1


def test_the_cards_cpp_reads_and_writes_as_the_others(made):
    name, _, folder = made
    (program,) = re.findall(r"```cpp\n(.*?)```", (folder / "README.md").read_text(), flags=re.DOTALL)
    formats = re.findall(r"PNG_FORMAT_\w+", program)
    assert formats == (
        ["PNG_FORMAT_RGB", "PNG_FORMAT_GRAY"] if name == "pix2pix" else ["PNG_FORMAT_GRAY", "PNG_FORMAT_RGB"]
    )
    assert "pixels.push_back(byte / 255.0 * 2 - 1)" in program and "(made[i] + 1) / 2" in program
    assert ("int64_t seed[] = {0};" in program) == (name == "pix2pix")


def test_a_drawing_has_shapes_of_any_size():
    for size in ((32, 32), (8, 8), (20, 48)):
        colour = examples.drawing(*size, 3)
        assert colour.shape == (*size, 3) and colour.dtype == np.uint8
        assert len(np.unique(colour.reshape(-1, 3), axis=0)) >= 4
        assert examples.drawing(*size, 1).shape == (*size, 1)


def test_a_drawing_is_in_the_colours_of_labels():
    colours = np.uint8([[0, 0, 222], [255, 80, 0], [32, 255, 224]])
    drawn = examples.drawing(20, 48, 3, colours)
    assert {tuple(colour) for colour in drawn.reshape(-1, 3)} == {tuple(colour) for colour in colours}
    assert (drawn[0, 0] == colours[0]).all()


def test_label_maps_of_a_run_give_the_page_its_colours(made, tmp_path, monkeypatch):
    name, run, _ = made
    if name == "cyclegan":
        return  # its inputs are grey
    colours = np.uint8([[0, 0, 222], [255, 80, 0], [32, 255, 224]])
    inputs = colours[np.random.default_rng(0).integers(0, 3, (10, 8, 8))]
    np.savez(tmp_path / "maps.npz", inputs=inputs, images=inputs[..., :1])
    told = loading.run_of(run)
    told["data"]["source"] = str(tmp_path / "maps.npz")
    monkeypatch.setattr(loading, "run_of", lambda what: told)
    assert tool("make", run, "--to", tmp_path / "x", "--formats", "saved_model") == 0
    manifest = json.loads((tmp_path / "x/manifest.json").read_text())
    assert sorted(manifest["palette"]) == sorted(colours.tolist())
    drawn = pixels_of(tmp_path / "x/inputs.png").reshape(-1, 3).tolist()
    assert all(colour in colours.tolist() for colour in drawn)
    (tmp_path / "maps.npz").unlink()
    assert artifact._palette(run, tfgen.load(run)) is None
