"""Runs of models that translate: their sizes, their pictures, and that they can be continued."""

import shutil

import keras
import numpy as np
import pytest
from eager import eagerly
from PIL import Image
from translators import TINY, domains, pairs, trained

from tfgen import pictures, runs
from tfgen.cli import main
from tfgen.data import examples
from tfgen.errors import InputError
from tfgen.metrics import evaluate
from tfgen.metrics import pairs as pairs_scores
from tfgen.models import CycleGAN, Pix2Pix
from tfgen.runs import plan
from tfgen.runs.folder import history

TITLES = {
    "pix2pix": ["inputs", "translation", "images"],
    "cyclegan": ["a", "a to b", "a again", "b", "b to a", "b again"],
}


class Copied(keras.callbacks.Callback):
    """Copies a run's folder as it is after its first epoch."""

    def __init__(self, root):
        super().__init__()
        self.root = root

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            shutil.copytree(next(self.root.glob("*/run.json")).parent, self.root / "copy")


@pytest.fixture(scope="module", params=TINY)
def run(request, tmp_path_factory):
    root, epochs = tmp_path_factory.mktemp("runs"), 2 if request.param == "pix2pix" else 1
    return trained(request.param, root, epochs=epochs, callbacks=[Copied(root)])


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_run_shows_translations_of_the_same_examples(run):
    model = runs.load(run)
    shown = examples(run.parent / f"{run.name}.npz", 8, model)
    columns = model.columns(shown, seed=0)
    assert list(columns) == TITLES[run.name]
    rows = len(next(iter(columns.values())))
    assert rows == (2 if run.name == "pix2pix" else 3)  # all there are in the test split
    pixels = pixels_of(max(run.glob("samples/*")))  # of the last epoch
    side = 64 if run.name == "pix2pix" else 72  # 8x8, and 12x12 six times as large
    assert pixels.shape == (
        pictures.TITLE + rows * (side + 2) - 2,
        len(columns) * (side + 2) - 2,
        3,
    )
    for column, images in enumerate(columns.values()):
        for row, image in enumerate(pictures.to_uint8(images, (-1, 1))):
            x, y = column * (side + 2), pictures.TITLE + row * (side + 2)
            seen = pixels[y : y + side, x : x + side].astype(int)
            factor = side // image.shape[0]
            want = image.repeat(factor, 0).repeat(factor, 1).astype(int)
            assert abs(seen - want).max() <= 1


@pytest.mark.parametrize("run", ["pix2pix"], indirect=True)  # the pools of a CycleGAN: tests/models
def test_a_run_of_a_translator_is_continued(run):
    copy = run.parent / "copy"
    before = pixels_of(copy / "samples/epoch-0001.png")
    assert not (copy / "samples/epoch-0002.png").exists()
    runs.resume(copy, verbose=0)
    assert (pixels_of(copy / "samples/epoch-0001.png") == before).all()
    ours, theirs = (pixels_of(x / "samples/epoch-0002.png").astype(int) for x in (copy, run))
    assert abs(ours - theirs).max() <= 1 and not np.array_equal(before, ours)
    assert history(copy)[1] == pytest.approx(history(run)[1], rel=1e-4, abs=1e-5)


def test_columns_are_what_the_model_makes():
    rng = np.random.default_rng(0)
    model = Pix2Pix(**Pix2Pix.tiny, seed=0)
    batch = {
        "inputs": np.float32(rng.uniform(-1, 1, (3, 8, 8, 3))),
        "images": np.float32(rng.uniform(-1, 1, (3, 8, 8, 1))),
    }
    whole = model.columns(batch, 5)
    np.testing.assert_allclose(whole["translation"], model.translate(batch["inputs"], 5), atol=1e-6)
    last = model.columns({name: x[2:] for name, x in batch.items()}, 5, first_row=2)
    np.testing.assert_allclose(last["translation"], whole["translation"][2:], atol=1e-5)
    model = CycleGAN(**CycleGAN.tiny, seed=0)
    a, b = (np.float32(rng.uniform(-1, 1, (2, 12, 12, 1))) for _ in "ab")
    found = model.columns({"images_a": a, "images_b": b})
    np.testing.assert_array_equal(found["a to b"], model.translate(a))
    np.testing.assert_array_equal(found["a again"], model.translate_back(model.translate(a).numpy()))
    np.testing.assert_array_equal(found["b to a"], model.translate_back(b))
    np.testing.assert_array_equal(found["b again"], model.translate(model.translate_back(b).numpy()))


def test_sizes_and_channels_are_those_of_the_data(tmp_path):
    for name, source, asked, shape, channels in (
        ("pix2pix", pairs, {"depth": 2, "strided": 1}, (8, 8, 1), 3),
        ("pix2pix", pairs, {}, (256, 256, 1), 3),  # its own depth of 8
        ("pix2pix", pairs, {"depth": 2, "image_shape": (4, 4, 3), "input_channels": 1}, (4, 4, 3), 1),
        ("cyclegan", domains, {"strided": 1}, (12, 12, 3), 1),
        ("cyclegan", domains, {}, (24, 24, 3), 1),  # the least that its discriminators take
    ):
        run, _ = plan.planned(name, source(tmp_path / "data.npz"), arguments=asked)
        assert run["config"]["image_shape"] == shape and run["config"]["input_channels"] == channels
    run, _ = plan.planned("cogan", domains(tmp_path / "data.npz"))  # not a translator
    assert run["config"]["image_shape"] == (13, 13, 3)
    assert Pix2Pix.fitting((250, 390, 3), depth=7, strided=3) == (256, 384, 3)
    assert CycleGAN.fitting((5, 63, 1), strided=0) == (12, 64, 1)


def test_the_images_of_a_folder_may_be_large(tmp_path):
    rng = np.random.default_rng(0)
    for name, shape in (("A", (70, 90)), ("B", (70, 90, 3))):
        (tmp_path / name).mkdir()
        for k in range(2):
            Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(tmp_path / name / f"{k}.png")
    for model in ("pix2pix", "cyclegan"):
        run, _ = plan.planned(model, tmp_path, arguments={"depth": 4} if model == "pix2pix" else {})
        assert (run["config"]["image_shape"], run["config"]["input_channels"]) == ((64, 64, 3), 1)


def test_data_of_another_kind_are_named(tmp_path):
    for name, fields in (("pix2pix", "inputs, images"), ("cyclegan", "images_a, images_b")):
        with pytest.raises(InputError, match=f"trains on {fields}; digits has images, labels; give"):
            runs.train(name, tmp_path / "run", "digits", arguments=TINY[name])
    assert not (tmp_path / "run").exists()


def test_a_run_begins_with_a_line_about_its_data(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tfgen.runs.training._fit", lambda *given: None)
    source = pairs(tmp_path / "data.npz")
    how = dict(arguments=TINY["pix2pix"], epochs=1, batch_size=3, verbose=2)
    runs.train("pix2pix", tmp_path / "run", source, **how, options={"flip": True})
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith(str(source)))
    told = "8 pairs of 8x8x3; split train; half of them mirrored; batches of 3 leave out 2 in each epoch"
    assert line == f"{source}: {told}"


@pytest.mark.parametrize(
    "name, arguments, channels",
    [
        ("pix2pix", {**TINY["pix2pix"], "colour": "lab"}, 1),
        (
            "idcgan",
            dict(width=4, strided=1, features="random", tap="conv2", rain=0.1),
            3,
        ),
    ],
)
def test_a_model_that_makes_its_inputs_trains_on_images_alone(name, arguments, channels, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (9, 12, 12, 3), np.uint8)
    np.savez(tmp_path / "data.npz", train_images=images[:6], test_images=images[6:])
    out = tmp_path / "run"
    with eagerly():
        runs.train(name, out, tmp_path / "data.npz", arguments=arguments, epochs=1, batch_size=2, verbose=0)
    model = runs.load(out)
    assert list(model.fields) == ["images"] and tuple(model.image_shape) == (12, 12, 3)
    assert (out / "samples/epoch-0001.png").exists()
    scores = {one.name: one for one in evaluate(model, tmp_path / "data.npz", metrics=["l1", "psnr"], seed=4)}
    truth = examples(tmp_path / "data.npz", 3, model, seed=4)
    made = model.columns(truth, seed=4)["translation"]
    want = pairs_scores.psnr(made, truth["images"], (-1, 1)).mean()
    assert scores["psnr"].value == pytest.approx(want, rel=1e-3)
    Image.fromarray(images[0]).save(tmp_path / "photo.png")
    with pytest.raises(SystemExit) as exit:
        main(["translate", str(out), str(tmp_path / "photo.png"), "--to", str(tmp_path / "made.png")])
    assert not exit.value.code and pixels_of(tmp_path / "made.png").shape == (12, 12, 3)
    assert model.conditions["inputs"].shape == (12, 12, channels)
