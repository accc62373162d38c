"""Runs of super-resolution: patches of images as they are, pictures beside bicubic ones, and scores."""

import json

import numpy as np
import pytest
from eager import eagerly
from PIL import Image

from tfgen import data, runs
from tfgen.cli import main
from tfgen.cli.results import real_images
from tfgen.errors import InputError
from tfgen.runs import plan

SMALL = dict(image_shape=(16, 16, 3), width=4, blocks=1)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Four smooth pictures of different sizes."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for name, size in zip("abcd", [(40, 64), (33, 50), (64, 41), (36, 36)]):
        noise = Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8))
        noise.resize(size[::-1], Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "large"
    with eagerly():
        runs.train("srresnet", folder, photos, arguments=SMALL, epochs=1, batch_size=2, verbose=0)
    return folder


def test_patches_are_cut_and_not_resized(run, photos):
    options = json.loads((run / "run.json").read_text())["data"]["options"]
    assert options == {"split": "train", "crop": "random", "resample": "never"}
    model = runs.load(run)
    whole = list(data.whole(photos))
    patches = data.load(photos, for_model=model, batch_size=4, seed=0, epochs=range(1), crop="random",
                        resample="never", dtype="uint8")  # fmt: skip
    windows = [np.lib.stride_tricks.sliding_window_view(image, (16, 16, 3))[:, :, 0] for image in whole]
    for patch in next(patches.as_numpy_iterator()):
        assert any((window == patch).all((2, 3, 4)).any() for window in windows)


def test_a_run_shows_what_is_made_beside_bicubic_and_truth(run):
    model = runs.load(run)
    shown = runs.data.shown(json.loads((run / "run.json").read_text()), model, 3)
    columns = model.columns(shown)
    assert list(columns) == ["bicubic", "upscaled", "images"]
    np.testing.assert_allclose(
        columns["upscaled"], model.upscale(model.low_resolution(shown["images"])), atol=1e-6
    )
    with Image.open(run / "samples/epoch-0001.png") as picture:
        assert picture.size[0] > 3 * 16


def test_the_command_scores_whole_images_beside_bicubic(run, capsys):
    with pytest.raises(SystemExit) as exit:
        main(["evaluate", str(run)])
    out, _ = capsys.readouterr()
    assert not exit.value.code
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "higher is better, bicubic" in lines["psnr_y"] and "ssim" in lines
    assert "psnr_y, ssim_y: source photos" in out.replace(str(run.parent), "") and "made small by 4" in out
    rows = {row["name"]: row for row in json.loads((run / "scores.json").read_text())}
    assert rows["psnr_y"]["protocol"]["n_real"] == 4  # whole, though a patch is smaller
    assert rows["psnr_y_bicubic"]["value"] > 20


def test_the_split_of_the_run_is_shown_and_scored_where_there_is_no_test(tmp_path, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (4, 24, 24, 3), np.uint8)
    np.savez(tmp_path / "data.npz", validation_images=images)
    how = dict(arguments=SMALL, epochs=1, batch_size=2, verbose=0, options={"split": "validation"})
    monkeypatch.setattr("tfgen.runs.training._fit", lambda *run: run[2])  # no step is needed
    net = runs.train("srresnet", tmp_path / "run", tmp_path / "data.npz", **how)
    shown = runs.data.shown(json.loads((tmp_path / "run/run.json").read_text()), net, 8)
    assert len(shown["images"]) == 4
    assert real_images(tmp_path / "run", names=["images"])[1] == "validation"


def test_images_smaller_than_the_patches_are_refused(photos, tmp_path):
    with pytest.raises(InputError, match=r"trains on patches of 48x48 pixels, and .* has an image of 40x64;"):
        plan.planned("srresnet", photos, arguments={"image_shape": (48, 48, 3)})
    with pytest.raises(InputError, match=r"96x96 pixels, and digits has an image of 8x8; .*=8,8,3$"):
        plan.planned("srresnet", "digits", arguments={"image_shape": (96, 96, 3)})


def test_the_patches_are_no_larger_than_images_of_one_size(tmp_path):
    np.savez(tmp_path / "low.npz", images=np.zeros((2, 21, 30, 3), np.uint8))
    run, _ = plan.planned("srresnet", tmp_path / "low.npz", arguments={"width": 4})
    assert run["config"]["image_shape"] == (20, 28, 3)
    np.savez(tmp_path / "low.npz", images=np.zeros((2, 3, 30, 3), np.uint8))
    with pytest.raises(InputError, match=r"patches of 4x28 pixels, .* of 3x30; give [a-z ]+$"):
        plan.planned("srresnet", tmp_path / "low.npz", arguments={"width": 4})


def test_whole_images_are_of_their_own_sizes(photos):
    got = list(data.whole(photos, channels=1))
    assert [x.shape for x in got] == [(40, 64, 1), (33, 50, 1), (64, 41, 1), (36, 36, 1)]
    with Image.open(photos / "a.png") as first:
        np.testing.assert_array_equal(next(data.whole(photos)), np.asarray(first))
