"""`tfgen train`: one clear line for each bad input, and for what ends a training early."""

import os

import numpy as np
import pytest
from command import tfgen
from eager import eagerly
from PIL import Image

from tfgen.models import DCGAN
from tfgen.runs.callbacks import SampleGrid

# What a command would have made is not there afterwards.

BAD_TRAINING = {
    "model": (["dcgn", "--data", "digits"], "did you mean dcgan"),
    "data": (["dcgan", "--data", "digts"], "did you mean digits"),
    "folder": (["dcgan", "--data", "./nowhere"], "is not a folder"),
    "key": (["dcgan", "--data", "digits", "--set", "widht=3"], "did you mean width?"),
    "type": (["dcgan", "--data", "digits", "--set", "width=wide"], "must be like 128 (int); received 'wide'"),
    "float": (["dcgan", "--data", "digits", "--set", "width=1.5"], "must be like 128 (int); received 1.5"),
    "shape": (["vae", "--data", "digits", "--set", "image_shape=8,8"], "must be like (28, 28, 1)"),
    "value": (["vae", "--data", "digits", "--set", "body=convolutionl"], "did you mean convolutional"),
    "seed": (["dcgan", "--data", "digits", "--set", "seed=1"], "'seed'"),
    "pair": (["dcgan", "--data", "digits", "--set", "width"], "takes NAME=VALUE"),
    "option": (["dcgan", "--data", "digits", "--data-set", "binarise=static"], "did you mean binarize"),
    "binarize": (["dcgan", "--data", "digits", "--data-set", "binarize=dynamc"], "did you mean dynamic?"),
    "labels": (["dcgan", "--data", "{folder}", "--data-set", "labels=True"], "labels are wanted"),
    "split": (["dcgan", "--data", "digits", "--data-set", "split=tain"], "no split 'tain'"),
    "batch": (["dcgan", "--data", "digits", "--batch-size", "2000"], "fewer than a batch of 2000"),
    "attribute": (["cvae", "--data", "digits", "--data-set", "labels=Smiling"], "has classes, no attributes"),
    "classes": (["cvae", "--data", "digits", "--set", "classes=9"], "CVAE has 9 classes"),
    "epochs": (["dcgan", "--data", "digits", "--epochs", "0"], "epochs must be at least 1; received 0"),
    "strategy": (["dcgan", "--data", "digits", "--strategy", "miror"], "did you mean mirrored"),
    "precision": (["dcgan", "--data", "digits", "--precision", "float31"], "did you mean float32"),
    "xla": (["dcgan", "--data", "digits", "--strategy", "mirrored", "--xla"], "cannot train with XLA"),
    "empty": (["dcgan", "--data", "{empty}"], "has no images"),
    "text": (["dcgan", "--data", "{text}"], "cannot read the image"),
    "cut": (["dcgan", "--data", "{cut}", "--batch-size", "4"], "cannot read the image"),
    "mixed": (["dcgan", "--data", "{mixed}"], "mixes grey and colour images; say which"),
    "nan": (["dcgan", "--data", "{nan}"], "the images hold NaN, first in image 2"),
    "range": (["dcgan", "--data", "{range}"], "must lie in [0, 1]; found 0 to 3"),
    "rank": (["dcgan", "--data", "{rank}"], "(n, height, width"),
    "dtype": (["dcgan", "--data", "{dtype}"], "must be numbers"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Paths of data, most of it bad, by name."""
    root = tmp_path_factory.mktemp("data")
    grey = Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 16), np.uint8))
    for name in ("folder", "empty", "text", "cut", "mixed"):
        (root / name).mkdir()
    for name in ("folder", "text", "cut", "mixed"):
        for i in range(4):
            grey.save(root / name / f"{i}.png")
    (root / "text" / "4.png").write_text("no image")
    (root / "mixed" / "4.png").write_bytes((root / "mixed" / "3.png").read_bytes())
    grey.convert("RGB").save(root / "mixed" / "4.png")
    whole = (root / "cut" / "3.png").read_bytes()
    (root / "cut" / "3.png").write_bytes(whole[: len(whole) // 2])
    images = np.zeros((4, 8, 8, 1), np.float32)
    bad = images.copy()
    bad[2, 0, 0] = np.nan
    np.savez(root / "nan.npz", images=bad)
    np.savez(root / "range.npz", images=images + np.arange(4)[:, None, None, None])
    np.savez(root / "rank.npz", images=images[0, 0])
    np.savez(root / "dtype.npz", images=np.full((4, 8, 8, 1), "x"))
    return {path.stem: path for path in root.iterdir()}


@pytest.mark.parametrize("case", BAD_TRAINING)
def test_bad_input_of_a_training_is_one_line(case, data, fails, tmp_path):
    args, message = BAD_TRAINING[case]
    run = tmp_path / "run"
    args = [arg.format_map(data) for arg in args]
    assert message in fails("train", *args, *([] if "--set" in args else ["--set", "width=8"]), "--out", run)
    assert not run.exists() or [path.name for path in run.iterdir()] == ["run.json"]


def test_what_a_training_needs_is_said(fails, tmp_path):
    assert "give MODEL and --out RUN" in fails("train", "dcgan")
    assert "give MODEL and --out RUN" in fails("train", "--out", tmp_path / "run")
    assert "omit --out" in fails("train", "--resume", tmp_path, "--out", tmp_path)
    (tmp_path / "file").touch()
    assert "choose a new folder" in fails("train", "dcgan", "--data", "digits", "--out", tmp_path)
    assert (tmp_path / "file").exists()


def test_interrupting_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    def interrupt(self, epoch, logs=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(SampleGrid, "on_epoch_end", interrupt)
    run = tmp_path / "run"
    flags = ["--data", "digits", "--set", "width=8", "--set", "body=dense", "--epochs", "2"]
    flags += ["--data-set", "split=train[:128]", "--out", run]
    with eagerly():
        assert tfgen("train", "vae", *flags) == 130
    assert f"interrupted; continue with: tfgen train --resume {run}" in capsys.readouterr().err
    monkeypatch.undo()
    with eagerly():
        assert tfgen("train", "--resume", run) == 0
    assert (run / "model.keras").exists()
    said = capsys.readouterr().out
    assert "warning: only 2 updates of the elbo" in said and f"tfgen evaluate {run}" in said


def test_a_loss_that_is_no_number_is_one_line(tmp_path, monkeypatch, fails):
    optimizers = DCGAN.default_optimizers

    def too_fast(self):
        found = optimizers(self)
        found["generator"].learning_rate = np.nan
        return found

    monkeypatch.setattr(DCGAN, "default_optimizers", too_fast)
    flags = ["--data", "digits", "--set", "width=8", "--data-set", "split=train[:256]"]
    with eagerly():
        line = fails("train", "dcgan", *flags, "--out", tmp_path / "run")
    assert "objective" in line and "step" in line and "nan" in line


def test_a_full_disk_is_one_line(tmp_path, monkeypatch, fails):
    def full(self, epoch, logs=None):
        with open("/dev/full", "w") as file:
            file.write("x")

    monkeypatch.setattr(SampleGrid, "on_epoch_end", full)
    flags = ["--data", "digits", "--set", "width=8", "--set", "body=dense", "--epochs", "2"]
    flags += ["--data-set", "split=train[:128]"]
    with eagerly():
        line = fails("train", "vae", *flags, "--out", tmp_path / "run")
    assert "the disk is full" in line and "--resume" in line


def test_a_place_where_one_may_not_write_is_one_line(fails):
    assert os.devnull in fails(
        "train", "dcgan", "--data", "digits", "--set", "width=8", "--out", "/dev/null/run"
    )
