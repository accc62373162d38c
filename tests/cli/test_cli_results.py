"""What one does with a run: quickstart, samples, labels, scores, and the names of what is opened."""

import json
import re
import shutil

import keras
import numpy as np
import pytest
from command import tfgen
from eager import eagerly
from PIL import Image
from signed import only_of

from tfgen import loading, pictures, runs
from tfgen.cli import quickstart, results
from tfgen.data import load
from tfgen.export import saved_model
from tfgen.metrics import small_classifier
from tfgen.models import CVAE, GAN3D, Attribute2Image, CaloGAN
from tfgen.runs.callbacks import Checkpoint
from tfgen.runs.folder import NEEDED

BLANK = Image.new("L", (8, 8))


@pytest.fixture(scope="module")
def quick_classifier(tmp_path_factory):
    """The classifier that scores take features from, after a few steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(small_classifier, "STEPS", 20)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory, quick_classifier):
    """A DCGAN of one epoch, scored."""
    folder = tmp_path_factory.mktemp("runs") / "dcgan"
    how = dict(options={"split": "train[:128]"}, epochs=1, batch_size=64, verbose=0)
    with eagerly():
        runs.train("dcgan", folder, "digits", arguments={"width": 8}, **how)
    results.score(folder, metrics=("frechet",))
    return folder


@pytest.fixture(scope="module")
def quick(tmp_path_factory, quick_classifier):
    """What `tfgen quickstart` makes, of one epoch: the run of this file that has an export."""
    out = tmp_path_factory.mktemp("runs") / "quick"
    with pytest.MonkeyPatch.context() as patch:
        only_of(patch, CVAE, "decode")
        patch.setattr(saved_model, "differences_afresh", saved_model.differences)  # not in a new process
        quickstart.run(out, epochs=1, width=8)
    return out


@pytest.mark.timeout(180)
def test_quickstart_leaves_a_run_with_picture_scores_and_export(quick):
    out = quick
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert {
        *("run.json", "metrics.csv", "model.keras", "samples.png", "scores.json", "samples/epoch-0001.png"),
        *("export/manifest.json", "export/onnx/decode.onnx", "export/saved_model/saved_model.pb"),
    } <= files
    scores = {score["name"]: score for score in json.loads((out / "scores.json").read_text())}
    assert {"frechet", "frechet_train", "precision", "recall", "class_agreement"} <= set(scores)
    assert scores["frechet"]["protocol"]["source"] == "digits"
    run = json.loads((out / "run.json").read_text())
    assert run["data"]["options"].get("binarize") is None


def test_quickstart_shows_real_digits_beside_those_of_the_model(tmp_path, monkeypatch):
    shown = {}
    monkeypatch.setattr(runs, "load", lambda run: CVAE((8, 8, 1), width=8, latent_dim=4, seed=0))
    monkeypatch.setattr(
        pictures, "grid", lambda images, *how, titles: shown.update(images=images, titles=titles) or BLANK
    )
    quickstart.picture(tmp_path)
    images = np.reshape(shown["images"], (quickstart.ROWS, 20, 8, 8, 1))
    test, labels = map(np.concatenate, zip(*load("digits", "test", drop_remainder=False)))
    for column, title in enumerate(shown["titles"][:10]):
        assert title == f"real {column}"
        of_the_class = test[labels == column] / 255
        for image in images[:, column]:
            assert np.isclose(of_the_class, image, atol=1e-6).all(axis=(1, 2, 3)).any()
    assert shown["titles"][10:] == [f"drawn {digit}" for digit in range(10)]
    model = CVAE((8, 8, 1), width=8, latent_dim=4, seed=0)
    drawn = model.sample(50, seed=0, labels=np.tile(range(10), 5))
    np.testing.assert_allclose(images[:, 10:].reshape(50, 8, 8, 1), drawn, atol=1e-6)


def test_sample_writes_the_same_images_for_the_same_seed(run, tmp_path):
    model = runs.load(run)
    want = np.rint((np.asarray(model.sample(5, seed=7)) + 1) / 2 * 255)
    assert tfgen("sample", run, "-n", 5, "--seed", 7, "--to", tmp_path / "some.npz") == 0
    with np.load(tmp_path / "some.npz") as file:
        got = file["images"]
    assert got.dtype == np.uint8 and got.shape == (5, 8, 8, 1)
    np.testing.assert_allclose(got, want, atol=1)
    assert tfgen("sample", run, "-n", 5, "--seed", 7, "--to", tmp_path / "pngs") == 0
    names = [path.name for path in sorted((tmp_path / "pngs").iterdir())]
    assert names == [f"0000{i}.png" for i in range(5)]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "pngs" / "00003.png")), got[3, ..., 0])
    # More than one batch is the beginning of the same endless list.
    assert tfgen("sample", run, "-n", 300, "--seed", 7, "--to", tmp_path / "many.npz") == 0
    with np.load(tmp_path / "many.npz") as file:
        assert file["images"].shape == (300, 8, 8, 1)
        np.testing.assert_allclose(file["images"][:5].astype(int), got, atol=1)
        late = np.asarray(model.sample(2, seed=7, first_row=298))
        np.testing.assert_allclose(file["images"][298:], np.rint((late + 1) / 2 * 255), atol=1)


@pytest.fixture(scope="module")
def conditional(tmp_path_factory):
    """Runs of models of classes, of attributes, of energies and of volumes, which have learned nothing."""
    root = tmp_path_factory.mktemp("conditional")
    small = dict(image_shape=(8, 8, 1), width=8, latent_dim=4, seed=0)
    models = {
        CVAE(**small): [*"abcdefghij"],
        Attribute2Image(**small, attributes=3, background_dim=2): ["Smiling", "Young", "Hat"],
        CaloGAN(**CaloGAN.tiny, seed=0): [],
        GAN3D(**GAN3D.tiny, seed=0): [],
    }
    for model, names in models.items():
        run = {**dict.fromkeys(NEEDED, 0), "model": type(model).__name__.lower()}
        run["data"] = {"label_names": names}
        folder = root / run["model"]
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps(run))
        saver = Checkpoint(folder / "model.keras", run)
        saver.set_model(model)
        saver.on_epoch_end(0)
    return root


def test_sample_takes_labels_in_turn(conditional, tmp_path):
    def sampled(run, n, *flags):
        assert (
            tfgen("sample", conditional / run, "-n", n, "--seed", 7, "--to", tmp_path / "a.npz", *flags) == 0
        )
        with np.load(tmp_path / "a.npz") as file:
            return file["images"].astype(int)

    def assert_drawn(got, model, labels):
        want = np.asarray(model.sample(len(got), seed=7, labels=np.array(labels))) * 255
        np.testing.assert_allclose(got, want, atol=1)
        other = np.asarray(model.sample(len(got), seed=7, labels=1 - np.clip(labels, 0, 1))) * 255
        assert np.abs(got - other).max() > 1

    model = runs.load(conditional / "cvae")
    assert_drawn(sampled("cvae", 2, "--label", 3), model, [3, 3])
    assert_drawn(sampled("cvae", 300, "--label", 0, "--label", "1,2"), model, [0, 1, 2] * 100)
    model = runs.load(conditional / "attribute2image")
    two = [[1, 0, 1], [0, 0, 0]]
    assert_drawn(sampled("attribute2image", 3, "--label", "1,0,1", "--label", "0,0,0"), model, [*two, two[0]])
    assert_drawn(sampled("cvae", 3, "--label", "b,D"), runs.load(conditional / "cvae"), [1, 3, 1])
    named = sampled("attribute2image", 2, "--label", "smiling,Hat", "--label", "Young")
    assert_drawn(named, model, [[1, 0, 1], [0, 1, 0]])
    flags = ("-n", 6, "--label", "7,8,9", "--to", tmp_path / "a.png")
    assert tfgen("sample", conditional / "cvae", *flags) == 0
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (3 * 66 - 2, pictures.TITLE + 2 * 66 - 2)  # a column for each


def test_bad_labels_are_one_line(conditional, run, fails):
    assert "DCGAN is not conditional; omit --label" in fails("sample", run, "--label", 3)
    assert "lie in 0..9; received 10 to 10" in fails("sample", conditional / "cvae", "--label", 10)
    assert "unknown label 'x'; known are a, b, c" in fails("sample", conditional / "cvae", "--label", "x")
    assert "unknown label ''; known are a, b, c" in fails("sample", conditional / "cvae", "--label", "1,")
    line = "attributes are 3 numbers 0 or 1 between commas; received '1"
    assert line + "'" in fails("sample", conditional / "attribute2image", "--label", 1)
    flags = ("--label", "1,0,1", "--label", "1,0")
    assert line + ",0'" in fails("sample", conditional / "attribute2image", *flags)


def test_sample_takes_energies_and_writes_showers_in_their_unit(conditional, tmp_path, fails):
    run, to = conditional / "calogan", tmp_path / "a.npz"
    assert tfgen("sample", run, "-n", 3, "--seed", 7, "--label", "20,80.5", "--to", to) == 0
    with np.load(to) as file:
        got = file["images"]
    want = runs.load(run).sample(3, seed=7, labels=np.float32([20, 80.5, 20]))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)
    line = "CaloGAN takes labels in [1, 100] GeV; received 120 to 120 GeV"
    assert line in fails("sample", run, "--label", 120, "--to", tmp_path / "b.npz")
    line = "labels are numbers in GeV, as 50; received 'much'"
    assert line in fails("sample", run, "--label", "much", "--to", tmp_path / "b.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_volumes_turn_in_a_gif_and_images_do_not(conditional, tmp_path, fails):
    to = tmp_path / "a.gif"
    assert tfgen("sample", conditional / "gan3d", "-n", 4, "--to", to) == 0
    with Image.open(to) as image:
        assert (image.format, image.n_frames) == ("GIF", pictures.FRAMES)
        first = np.asarray(image.convert("L"))
        image.seek(pictures.FRAMES // 4)
        assert np.abs(np.asarray(image.convert("L")).astype(int) - first).max() > 10
    line = "CVAE makes no volumes, which turn in a .gif; give a .png file"
    assert line in fails("sample", conditional / "cvae", "--to", tmp_path / "b.gif")
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def test_a_model_is_found_by_what_names_it(run, quick, tmp_path, fails, monkeypatch, capsys):
    for folder, names in ((run, ("", "model.keras")), (quick, ("export",))):
        want = np.asarray(runs.load(folder).sample(3, seed=7))
        for name in names:
            np.testing.assert_allclose(loading.load(folder / name).sample(3, seed=7), want, atol=1e-5)
    want = np.asarray(runs.load(run).sample(3, seed=7))
    monkeypatch.chdir(tmp_path)
    assert tfgen("sample", run / "model.keras", "-n", 4) == 0
    assert (tmp_path / "model-samples.png").exists()  # no run folder to write into
    assert tfgen("evaluate", run / "model.keras", "-n", 64, "--extractor", "pixels") == 0  # of its run's data
    assert (tmp_path / "model-scores.json").exists()
    assert "give --data" in fails("evaluate", quick / "export")
    assert "nothing does not exist; give a run folder" in fails("sample", "nothing")
    (tmp_path / "a.txt").touch()
    assert "a.txt is a file, and no .keras" in fails("sample", "a.txt")
    keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]).save(tmp_path / "other.keras")
    assert "other.keras is no model of tfgen; it has a Sequential" in fails("sample", "other.keras")
    (tmp_path / "broken.keras").write_bytes((run / "model.keras").read_bytes()[:1000])
    assert "broken.keras is truncated or damaged" in fails("sample", "broken.keras")
    loading.load(run).save(tmp_path / "plain.keras")  # of no run
    np.testing.assert_allclose(loading.load("plain.keras").sample(3, seed=7), want, atol=1e-5)
    assert "does not say what it was trained on; give --data" in fails("evaluate", "plain.keras")


def test_evaluate_prints_a_table_and_writes_all_scores(run, capsys):
    assert tfgen("evaluate", run, "-n", 64) == 0
    text = capsys.readouterr().out
    scores = json.loads((run / "scores.json").read_text())
    assert {"frechet", "kernel", "precision", "coverage"} <= {score["name"] for score in scores}
    for score in scores:  # those of what takes the samples' place stand in the row of the samples'
        own = not score["name"].endswith(("_train", "_shuffled"))
        assert (f"  {score['name']} " in text) == own
        assert score["protocol"]["split"] == "test"
        assert score["protocol"]["n_real"] == 64
    values = {score["name"]: f"{score['value']:.4g}" for score in scores}
    references = f"train images {values['frechet_train']}, shuffled pixels {values['frechet_shuffled']}"
    assert re.search(rf"(?m)^  frechet +{values['frechet']} +lower is better, {references}$", text)


def test_evaluate_names_a_collapsed_generator(run, tmp_path, capsys):
    assert (run / "doctor.json").exists()  # what its scores came with
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    model = runs.load(copy)
    last = model.generator.layers[-1]
    last.kernel.assign(0 * last.kernel)
    runs.save(copy, model)
    assert tfgen("evaluate", copy, "-n", 64, "--extractor", "pixels") == 0
    line = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("doctor: mode collapse: "))
    found = {finding["name"]: finding for finding in json.loads((copy / "doctor.json").read_text())}
    assert found["mode collapse"]["evidence"] in line and found["mode collapse"]["remedy"] in line


def test_bad_input_of_what_one_does_with_a_run(run, fails, tmp_path):
    assert "no run folder" in fails("sample", tmp_path)
    assert "no run folder" in fails("evaluate", tmp_path)
    assert "no run folder" in fails("export", tmp_path)
    assert "-n must be at least 1" in fails("sample", run, "-n", 0)
    assert "give a new folder" in fails("sample", run, "--to", tmp_path)
    assert "did you mean onnx" in fails("export", run, "--formats", "onx")
    assert "did you mean classifier" in fails("evaluate", run, "--extractor", "clasifier")
    assert "seed is 0" in fails("train", "--resume", run, "--seed", 1)
    assert "configuration differs: config.width is 8" in fails("train", "--resume", run, "--set", "width=16")


def test_a_tampered_export_is_refused(quick, fails):
    path = quick / "export" / "onnx" / "decode.onnx"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "decode.onnx" in fails("export", quick, "--check")
    path.write_bytes(whole)
