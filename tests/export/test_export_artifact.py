"""`tfgen-export`: artifacts that a stranger can run, and the cards that say how."""

import contextlib
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
from signed import only_of
from untrained import untrained

import tfgen
from export import artifact, card, examples, verify
from export.__main__ import app
from tfgen import models, runs
from tfgen.cli.console import run as run_app
from tfgen.export import folders, weights

ROOT = Path(__file__).parents[2]
MODELS = {
    "vae": dict(latent_dim=4, width=8, ema_decay=0.5),
    "cvae": dict(latent_dim=4, width=8, body="dense"),
    "attribute2image": dict(latent_dim=4, width=8, background_dim=0),
    "dcgan": dict(latent_dim=4, width=8),
    "pixelcnn": dict(levels=2, width=4, depth=1),
}


def tool(*args):
    """The exit code of `tfgen-export ARGS`."""
    with pytest.raises(SystemExit) as exit:
        run_app(app, "tfgen-export", list(map(str, args)))
    return exit.value.code or 0


@pytest.fixture
def fails(capsys):
    """Runs a command that must end with code 2 and one line; returns the line."""

    def run(*args):
        assert tool(*args) == 2
        last, *lines = capsys.readouterr().err.splitlines()[::-1]
        assert last.startswith("tfgen-export: ") and not any("Traceback" in line for line in lines)
        return last

    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Run folders of images that have classes or attributes: 8x8, of the model that draws pixels 4x4."""
    root = tmp_path_factory.mktemp("runs")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (32, 8, 8, 1), dtype=np.uint8)
    np.savez(root / "things.npz", images=images, labels=np.arange(32) % 3)
    np.savez(root / "faces.npz", images=images, attributes=rng.integers(0, 2, (32, 2)))
    black_and_white = np.where(images[:, :4, :4] < 128, np.uint8(0), np.uint8(255))
    np.savez(root / "small.npz", images=black_and_white, labels=np.arange(32) % 3)
    sources = {"attribute2image": "faces.npz", "pixelcnn": "small.npz"}
    for name, arguments in MODELS.items():
        source = root / sources.get(name, "things.npz")
        with contextlib.nullcontext() if name == "vae" else untrained():  # the VAE has averages
            runs.train(name, root / name, source, epochs=1, batch_size=16, arguments=arguments, verbose=0)
    return root


@pytest.fixture(scope="module")
def artifacts(trained):
    """Of every run; that of the VAE has all signatures, and small graphs."""
    with pytest.MonkeyPatch.context() as patch:
        for name in MODELS:
            if name != "vae":
                only_of(patch, models.get(name), "sample")
                patch.setattr("onnxslim.slim", lambda proto: proto)  # a quarter of the time
            assert tool(trained / name, "--to", trained / "artifacts" / name) == 0
    return trained / "artifacts"


@pytest.fixture(scope="module")
def report(artifacts):
    """What TensorFlow and onnxruntime give, which start once for all artifacts."""
    return verify.verified([artifacts / name for name in MODELS], verify.REQUIRED)


QUICK = ("--formats", "saved_model")
BY_MODEL = pytest.mark.parametrize("name", MODELS)
ALONE = """
import sys
for name in ("tfgen", "tensorflow", "keras", "onnx"):
    sys.modules[name] = None  # to import one is an error
"""


@BY_MODEL
def test_the_cards_lines_draw_the_cards_picture(artifacts, name, tmp_path):
    """In a process that has neither tfgen nor TensorFlow, from a copy of the folder alone."""
    folder = Path(shutil.copytree(artifacts / name, tmp_path / "copy"))
    text = (folder / "README.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert "```js\n// npm install onnxruntime-node" in text and "require(" not in text  # it is a module
    assert len(program.splitlines()) == 6 and program.startswith("# pip install numpy onnxruntime pillow")
    subprocess.run([sys.executable, "-P", "-c", ALONE + program], cwd=folder, check=True, env={})
    shown, drawn = (np.int16(Image.open(folder / f"{file}.png")) for file in ("samples", "seed0"))
    size = 4 if name == "pixelcnn" else 8
    assert shown.shape == drawn.shape == (size, 8 * size) and abs(shown - drawn).max() <= 1
    assert len(np.unique(shown)) > 1


@JAVASCRIPT
@BY_MODEL
def test_the_cards_javascript_draws_it_too(artifacts, name, tmp_path):
    from export import node

    (program,) = re.findall(r"```js\n(.*?)```", (artifacts / name / "README.md").read_text(), flags=re.DOTALL)
    program = program.replace(
        "console.log(sample.dims, sample.data)",
        "console.log(JSON.stringify([sample.dims, Array.from(sample.data)]))",
    )
    folder = Path(shutil.copytree(artifacts / name, tmp_path / "copy"))
    (folder / "sample.mjs").write_text(program)
    (folder / "node_modules").symlink_to(node.modules())
    command = [node.executable(), "sample.mjs"]
    out = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    dims, values = json.loads(out)
    model = tfgen.load(artifacts / name)
    labels = examples.example_labels(model, 8)
    want = model.sample(8, seed=0, labels=labels)
    np.testing.assert_allclose(np.reshape(values, dims), want, atol=1e-5)


@BY_MODEL
def test_an_artifact_is_whole_and_loads_as_its_run(trained, artifacts, report, name):
    found = report["artifacts"][str(artifacts / name)]["outcomes"]
    assert found.keys() == report["runtimes"].keys() == {"saved_model", "onnxruntime"}
    assert all(one["versions"] for one in report["runtimes"].values())
    for outcomes in found.values():
        assert len(outcomes) == (5 if name == "vae" else 1)
        assert {one["status"] for one in outcomes.values()} == {"ok"}
    manifest = json.loads((artifacts / name / "manifest.json").read_text())
    assert manifest["run"]["model"] == name and manifest["run"]["epochs"] == 1
    assert str(trained) not in json.dumps(manifest)
    assert str(trained) not in (artifacts / name / "README.md").read_text()
    want, got = runs.load(trained / name), tfgen.load(artifacts / name)
    np.testing.assert_allclose(got.sample(3, seed=5), want.sample(3, seed=5), atol=1e-6)
    if name == "vae":  # the averages were exported, and the copy that trains begins as they
        np.testing.assert_array_equal(got.decoder.get_weights()[0], got.averages["decoder"].get_weights()[0])


def test_labels_have_their_names(artifacts, trained, tmp_path, monkeypatch):
    only_of(monkeypatch, models.get("cvae"), "sample")

    def labels(folder):
        return json.loads((folder / "manifest.json").read_text()).get("labels")

    assert labels(artifacts / "vae") is None
    assert labels(artifacts / "attribute2image") == ["attribute_0", "attribute_1"]
    for color in ("red", "blue"):
        for number in range(8):
            path = tmp_path / "pictures" / color / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((8, 8), 30 * number, np.uint8)).save(path)
    how = dict(epochs=1, batch_size=8, verbose=0, arguments=MODELS["cvae"])
    with untrained():
        runs.train("cvae", tmp_path / "run", tmp_path / "pictures", **how)
    assert tool(tmp_path / "run", *QUICK) == 0
    assert labels(tmp_path / "run" / "artifact") == ["blue", "red"]
    assert "Labels, by number: blue, red." in (tmp_path / "run/artifact/README.md").read_text()


def test_the_card_has_the_scores_of_its_weights_alone(trained, tmp_path, monkeypatch):
    only_of(monkeypatch, models.get("dcgan"), "sample")
    run = Path(shutil.copytree(trained / "dcgan", tmp_path / "run"))
    digest = weights.digest(weights.named(runs.load(run)))
    protocol = {"source": str(tmp_path / "things.npz"), "split": "train", "n_real": 32, "weights": digest}
    score = {"name": "frechet", "value": 1.23456, "standard_error": None, "protocol": protocol}
    train = {**score, "name": "frechet_train", "value": 0.5}  # a reference, in the row of the samples'
    psnr = {**score, "name": "psnr", "value": 20.5, "standard_error": 0.25}
    (run / "scores.json").write_text(json.dumps([score, train, psnr]))
    assert tool(run, *QUICK) == 0
    text = (run / "artifact" / "README.md").read_text()
    assert "| Score | Value | Of train images |\n| --- | --- | --- |\n| frechet | 1.235 | 0.5 |\n" in text
    assert "| psnr | 20.5 ± 0.25 |  |" in text and "frechet_train" not in text
    assert "source things.npz, split train, n_real 32" in text
    runs.resume(run, epochs=2, verbose=0)
    _, about = artifact.opened(run)
    assert (
        about["scores"].startswith("Evaluated with other weights than these") and about["run"]["epochs"] == 2
    )
    (run / "scores.json").unlink()
    assert artifact.opened(run)[1]["scores"] == "Not evaluated."


def test_the_card_tells_the_epochs_that_were_done(trained, tmp_path):
    run = Path(shutil.copytree(trained / "dcgan", tmp_path / "run"))
    told = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**told, "epochs": 50}))  # of which one is over
    _, about = artifact.opened(run)
    assert about["run"]["epochs"] == 1


def test_a_killed_export_leaves_the_old_artifact_or_none(artifacts, trained, tmp_path, monkeypatch):
    """The disk when the card, the last file, is written: what a process leaves that is killed there."""
    old = Path(shutil.copytree(artifacts / "vae", tmp_path / "old"))
    text, seen = card.text, []

    def last(*given):
        seen.append((folders.opened(old)["model"]["class_name"], (tmp_path / "new").exists()))
        return text(*given)

    monkeypatch.setattr(card, "text", last)
    only_of(monkeypatch, models.get("dcgan"), "sample")
    for to in (tmp_path / "new", old):
        assert tool(trained / "dcgan", "--to", to, *QUICK) == 0
    assert seen == [("VAE", False), ("VAE", True)]
    assert folders.opened(old)["model"]["class_name"] == "DCGAN"


def test_bad_input_is_one_line(trained, fails, tmp_path):
    assert "is no run folder" in fails(tmp_path, "--to", tmp_path / "x")
    assert "unknown format 'onx'; did you mean onnx?" in fails(trained / "vae", "--formats", "onx")
    assert "unknown precision 'fp8'" in fails(trained / "vae", "--precision", "fp8")
    line = fails(trained / "vae", "--formats", "saved_model", "--precision", "fp16")
    assert "add onnx to --formats" in line
    (tmp_path / "mine.txt").write_text("mine")
    assert "is no export" in fails(trained / "vae", "--to", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_help_names_the_commands_and_has_examples(capsys):
    assert tool("--help") == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("make", "verify", "serve", "page"))
    for name in ("make", "verify", "serve", "page"):
        assert tool(name, "--help") == 0
        assert f"tfgen-export {name} " in capsys.readouterr().out
