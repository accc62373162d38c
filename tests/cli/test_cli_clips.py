"""Models that continue clips at the command line: trained, shown, scored, and asked how a clip goes on."""

import json
from pathlib import Path

import numpy as np
import pytest
from eager import eagerly
from PIL import Image

from tfgen import runs
from tfgen.cli import main
from tfgen.data import examples
from tfgen.errors import InputError
from tfgen.metrics import evaluate, pairs
from tfgen.models import Pix2Pix

SMALL = ("image_shape=26,26,1", "given=2", "scales=2", "width=2", "discriminator_width=2")


def command(*args):
    with pytest.raises(SystemExit) as exit:
        main([*map(str, args)])
    return exit.value.code or 0


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """clips.npz, in which a bar moves down, and a run of it."""
    root = tmp_path_factory.mktemp("clips")
    clips = np.zeros((2, 20, 28, 30, 1), np.uint8)
    for k in range(20):
        clips[0, k, k : k + 5] = clips[1, k, :, k + 2 : k + 6] = 200
    np.savez(root / "clips.npz", down=clips[0], right=clips[1])
    small = [word for text in SMALL for word in ("--set", text)]
    how = ["--data", root / "clips.npz", "--epochs", 1, "--batch-size", 14, "--out", root / "run"]
    with eagerly():
        assert command("train", "framepredictor", *small, *how) == 0
    return root


@pytest.fixture
def said(root, capsys, monkeypatch):
    monkeypatch.chdir(root)

    def run(*args):
        code = command(*args)
        out, err = capsys.readouterr()
        return code, (out + err).splitlines()[-1]

    return run


def test_a_run_shows_what_is_given_predicted_and_true(root, said):
    run = json.loads((root / "run/run.json").read_text())
    assert run["data"]["examples"] == 28  # 16 frames of 20 are train: 14 windows of 3 in each clip
    with Image.open(root / "run/samples/epoch-0001.png") as picture:
        assert picture.width == 4 * (78 + 2) - 2
    assert said("sample", "run", "-n", 3) == (0, "3 examples and their continuations: run/samples.png")
    assert said("sample", "run", "--to", "rows.npz")[0] == 0
    model = runs.load(root / "run")
    shown = examples(root / "clips.npz", 8, model)
    columns = model.columns(shown)
    with np.load(root / "rows.npz") as rows:
        assert list(rows) == ["given_1", "given_2", "predicted", "truth"]
        assert len(rows["truth"]) == 4  # two windows of the four test frames of each clip
    np.testing.assert_array_equal(columns["given 2"], shown["frames"][:, 1])
    np.testing.assert_array_equal(columns["truth"], shown["frames"][:, 2])
    np.testing.assert_allclose(columns["predicted"], model.extend(shown["frames"][:, :2], 1)[:, 0], atol=1e-6)


def test_frames_are_scored_beside_the_last_one(root, said):
    assert said("evaluate", "run")[0] == 0
    scores = {one["name"]: one for one in json.loads((root / "run/scores.json").read_text())}
    names = ("psnr", "ssim", "sharpness")
    assert set(scores) == {f"{n}_{k}{end}" for n in names for k in (1, 2) for end in ("", "_copied")}
    model = runs.load(root / "run")
    with np.load(root / "clips.npz") as arrays:  # of 26x26, as the loader crops and resizes
        assert scores["psnr_1"]["protocol"]["compared"] == "frames after 2 of 2 of 2 clips"
        assert len(arrays) == 2
    # Clips of exactly four test frames: what was given, and what is scored.
    clips = np.random.default_rng(0).integers(0, 256, (5, 4, 26, 26, 1), np.uint8)
    found = {one.name: one.value for one in evaluate(model, {"test_frames": clips}, reference=True)}
    made, truth = model.extend(clips[:, :2], 2), clips[:, 2:] / 127.5 - 1
    for k in range(2):
        want = pairs.psnr(made[:, k], truth[:, k], (-1, 1)).mean()
        assert found[f"psnr_{k + 1}"] == pytest.approx(want, rel=1e-4)
        want = pairs.sharpness(clips[:, 1] / 127.5 - 1, truth[:, k], (-1, 1)).mean()
        assert found[f"sharpness_{k + 1}_copied"] == pytest.approx(want, rel=1e-4)
    for asked, message in (
        (dict(metrics=["frechet"]), "unknown metric of FramePredictor, which continues clips 'frechet'"),
        (dict(features="random"), "frames are scored without features; omit features"),
        (dict(extractor="pixels"), "frames are scored without an extractor; omit it"),
        (dict(n=1), "expected at least 2 clips to compare; received n=1"),
    ):
        with pytest.raises(InputError, match=message):
            evaluate(model, {"test_frames": clips}, **asked)


def test_a_clip_goes_on_in_each_kind_of_file(root, said):
    with np.load(root / "clips.npz") as clips:
        given = np.stack([clips[name] for name in ("down", "right")])
    ask = ("translate", "run", "clips.npz", "--steps", 3)
    assert said(*ask) == (0, "2 extended by 3 frames: run/extended.gif")
    with Image.open(root / "run/extended.gif") as gif:
        assert 3 <= gif.n_frames <= 5  # frames that are alike are one
    assert said(*ask, "--to", "next.npz")[0] == 0
    model = runs.load(root / "run")
    want = (np.asarray(model.extend(given, 3)) + 1) * 127.5
    with np.load(root / "next.npz") as made:
        assert made["frames"].shape == (2, 3, 28, 30, 1) and abs(made["frames"] - want).max() <= 1
    assert said(*ask, "--to", "next.png")[0] == 0
    with Image.open(root / "next.png") as picture:
        assert picture.width == 5 * (90 + 2) - 2 and picture.height > 2 * 84
    Path("frames").mkdir()
    for k in (9, 10, 11):
        Image.fromarray(given[0, k, ..., 0]).save(f"frames/{k}.png")
    assert said("translate", "run", "frames", "--steps", 1, "--to", "one.npz")[0] == 0
    with np.load("one.npz") as made:
        want = (np.asarray(model.extend(given[:1, 10:12], 1)) + 1) * 127.5
        assert abs(made["frames"] - want).max() <= 1


def test_bad_input_is_one_line(root, said, tmp_path):
    np.savez(root / "short.npz", a=np.zeros((1, 28, 30), np.uint8))
    np.savez(root / "colour.npz", a=np.zeros((3, 28, 30, 3), np.uint8))
    np.savez(root / "two.npz", a=np.zeros((3, 28, 30), np.uint8), b=np.zeros((3, 8, 30), np.uint8))
    other = tmp_path / "pix2pix.keras"
    Pix2Pix(**Pix2Pix.tiny, seed=0).save(other)
    for args, message in (
        (("run", "clips.npz"), "FramePredictor continues clips; say by how many frames, as --steps 8"),
        (("run", "a.png"), "continues clips; give a clip, and by how many frames, as clip.npz --steps 8"),
        (
            ("run", "short.npz", "--steps", 2),
            "short.npz has a clip of 1 frames; FramePredictor takes 2 or more",
        ),
        (("run", "colour.npz", "--steps", 2), "colour.npz has frames of 3 channels; FramePredictor takes 1"),
        (("run", "two.npz", "--steps", 2), "two.npz has clips of 8x30x1 and 28x30x1 (height x width x"),
        (("run", "none.npz", "--steps", 2), "none.npz does not exist"),
        (("run", "clips.npz", "--steps", 0), "steps is how many frames follow, at least 1; received 0"),
        (("run", "clips.npz", "--steps", 2, "--tile", 8), "FramePredictor continues clips; omit --tile"),
        (
            ("run", "clips.npz", "short.npz", "--steps", 2),
            "one file or folder of clips at a time; received 2",
        ),
        (
            ("run", "clips.npz", "--steps", 2, "--to", "x.jpg"),
            "--to takes a file ending in .gif, .png, .npz for",
        ),
        (
            (other, "clips.npz", "--steps", 2),
            "Pix2Pix does not continue clips; give pictures, and omit --steps",
        ),
    ):
        code, line = said("translate", *args)
        assert code == 2 and message in line, line
    assert not (root / "x.jpg").exists()
