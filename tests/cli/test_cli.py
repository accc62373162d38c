"""The command line: what it prints, and one clear line for each bad input."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from tfgen import loading, pictures, runs
from tfgen.cli import app, main, models, quickstart, results
from tfgen.data import load
from tfgen.errors import InputError
from tfgen.metrics import small_classifier
from tfgen.models import CVAE, DCGAN, Attribute2Image
from tfgen.models.advice import ADVICE
from tfgen.models.registry import HERE, catalogue
from tfgen.runs.callbacks import Checkpoint, SampleGrid
from tfgen.runs.folder import NEEDED

FORMATS = ("channels_first", "channels_last")
BLANK = Image.new("L", (8, 8))
COMMANDS = ("quickstart", "list", "show", "train", "sample", "translate", "complete", "evaluate", "export")


def tfgen(*args):
    """The exit code of `tfgen ARGS`."""
    with pytest.raises(SystemExit) as exit:
        main(list(map(str, args)))
    return exit.value.code or 0


@pytest.fixture
def fails(capsys):
    """Runs a command that must end with code 2 and one line; returns the line."""

    def run(*args):
        assert tfgen(*args) == 2
        last, *lines = capsys.readouterr().err.splitlines()[::-1]
        assert last.startswith("tfgen: ")
        assert not any("Traceback" in line or line.startswith("tfgen:") for line in lines)
        return last

    return run


def process(*args):
    # As a user has it, who has not quieted TensorFlow as conftest.py does.
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, *args]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment)


def test_help_and_list_import_no_tensorflow():
    code = (
        "import sys\n"
        "sys.argv = ['/usr/bin/tfgen', *sys.argv[1:]]\n"
        "from tfgen.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('tensorflow' in sys.modules, 'keras' in sys.modules)\n"
    )
    for args in (["--help"], ["list"], ["train", "--help"]):
        assert process("-c", code, *args).stdout.endswith("False False\n")
    imported = process("-X", "importtime", "-m", "tfgen", "list").stderr
    assert "tfgen.cli" in imported
    assert "tensorflow" not in imported and "keras" not in imported


def test_every_command_has_help_with_examples(capsys):
    assert tfgen("--help") == 0
    text = capsys.readouterr().out
    for command in COMMANDS:
        assert f"  {command} " in text
        assert tfgen(command, "--help") == 0
        assert f"    tfgen {command}" in capsys.readouterr().out
    assert {command.name for command in app.registered_commands} == set(COMMANDS)


def test_list_has_every_model_below_its_family(capsys):
    assert tfgen("list") == 0
    lines = capsys.readouterr().out.splitlines()
    for name, entry in catalogue().items():
        line = next(i for i, line in enumerate(lines) if line.split()[:2] == [name, str(entry.year)])
        assert entry.title in lines[line]
        assert next(line for line in lines[line::-1] if not line.startswith(" ")) == entry.family


def test_show_tells_of_a_model(capsys):
    assert tfgen("show", "WGANGP") == 0
    text = capsys.readouterr().out
    for part in ("Improved Training", "latent_dim = ", "tfgen train wgangp --data", "Exports: generate"):
        assert part in text
    assert "generator: updates generator, every 5 batches" in text and "@inproceedings{gulrajani2017," in text


def test_list_of_one_family_and_of_shipped_models(capsys):
    assert tfgen("list", "--family", "mixture") == 0
    text = capsys.readouterr().out
    assert "gaussianmixture" in text and "dcgan" not in text and "Which model" not in text
    assert tfgen("list", "--shipped") == 0
    assert f"{len(loading.shipped())} trained models" in capsys.readouterr().out


def test_list_says_which_model_for_which_data(capsys, fails):
    assert tfgen("list") == 0
    lines = capsys.readouterr().out.partition("Which model for which data\n")[2].splitlines()
    assert lines[0].split()[-len(ADVICE[0].models) :] == ", ".join(ADVICE[0].models).split()
    assert len(lines) == len(ADVICE) + 2
    assert "did you mean mixture" in fails("list", "--family", "mixtur")


@pytest.mark.parametrize("name", catalogue())
def test_every_paper_can_be_cited(name):
    entry = catalogue()[name]
    paper = ast.get_docstring(ast.parse((HERE / f"{entry.module.replace('.', '/')}.py").read_text()))
    text = models.bibtex(paper, entry.title, entry.year)
    assert re.match(r"@(misc|article|inproceedings)\{[a-z]+\d{4},\n  author = \{[A-Zv][^{}:]+\},\n", text)
    assert re.search(r"  url = \{https://[^ ]+\w\}\n\}$", text)


def test_a_paper_is_cited_from_the_docstring():
    text = "A model.\n\nAda, Babbage and Carl. Engines of\nthe Mind. NeurIPS 2016. https://x.org/1.\n\nMore."
    assert models.bibtex(text, "Engines of the Mind", 2016) == (
        "@inproceedings{ada2016,\n  author = {Ada and Babbage and Carl},\n"
        "  title = {{Engines of the Mind}},\n  booktitle = {NeurIPS},\n  year = {2016},\n"
        "  url = {https://x.org/1}\n}"
    )


def test_version_says_what_runs(capsys):
    assert tfgen("--version") == 0
    line = capsys.readouterr().out
    pattern = r"tfgen \d+\.\d+\.\d+, Keras 3\.\S+, TensorFlow 2\.\S+, oneDNN (on|off)\n"
    assert re.fullmatch(pattern, line)


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_another_backend_of_keras_is_one_line(backend):
    for command in (["-m", "tfgen", "show", "vae"], ["-c", "import tfgen"]):
        done = subprocess.run(
            [sys.executable, *command],
            capture_output=True,
            text=True,
            env={**os.environ, "KERAS_BACKEND": backend},
        )
        assert f"tfgen needs Keras on TensorFlow; received the backend '{backend}'" in done.stderr
        assert done.returncode == (2 if "-m" in command else 1)


def test_settings_of_keras_that_fit_no_model_are_one_line():
    for setting, other, ours in (("floatx", "float64", "float32"), ("image_data_format", *FORMATS)):
        getattr(keras.config, f"set_{setting}")(other)
        try:
            with pytest.raises(InputError, match=rf"set_{setting}\('{ours}'\); received '{other}'"):
                DCGAN(image_shape=(8, 8, 1), width=4, latent_dim=2)
        finally:
            getattr(keras.config, f"set_{setting}")(ours)


def test_output_in_a_pipe_has_no_control_codes(tmp_path):
    run = tmp_path / "run"
    done = process(
        *(
            "-m",
            "tfgen",
            "train",
            "vae",
            "--data",
            "digits",
            "--out",
            run,
            "--epochs",
            "1",
            "--batch-size",
            "128",
        ),
        *("--data-set", "split=train[:128]", "--set", "width=8"),
    )
    assert "warning: only 1 updates of the elbo" in done.stdout
    about, length, *_ = done.stdout.splitlines()
    assert about.startswith("digits: 128 images of 8x8x1, in 10 classes; split train[:128]")
    assert length == "128 images in batches of 128: 1 epoch, 1 step each"
    assert "elbo_loss: " in done.stdout and f"tfgen evaluate {run}" in done.stdout
    assert not set(done.stdout) & {"\x1b", "\b", "\r"}
    assert done.stderr == ""


# Bad input. What a command would have made is not there afterwards.

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
    runs.train("dcgan", folder, "digits", arguments={"width": 8}, epochs=1, batch_size=64, verbose=0)
    results.score(folder, metrics=("frechet",))
    return folder


@pytest.fixture(scope="module")
def quick(tmp_path_factory, quick_classifier):
    """What `tfgen quickstart` makes, of one epoch: the run of this file that has an export."""
    out = tmp_path_factory.mktemp("runs") / "quick"
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
    """A run of a model of classes, and one of attributes, which have learned nothing."""
    root = tmp_path_factory.mktemp("conditional")
    small = dict(image_shape=(8, 8, 1), width=8, latent_dim=4, seed=0)
    for model in (CVAE(**small), Attribute2Image(**small, attributes=3, background_dim=2)):
        names = [*"abcdefghij"] if model.classes else ["Smiling", "Young", "Hat"]
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


def test_a_wrong_option_is_a_usage_error(capsys):
    assert tfgen("train", "--epoch", "3") == 2
    assert "--epochs" in capsys.readouterr().err


def test_interrupting_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    def interrupt(self, epoch, logs=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(SampleGrid, "on_epoch_end", interrupt)
    run = tmp_path / "run"
    flags = ["--data", "digits", "--set", "width=8", "--data-set", "split=train[:128]", "--epochs", "2"]
    assert tfgen("train", "dcgan", *flags, "--out", run) == 130
    assert f"interrupted; continue with: tfgen train --resume {run}" in capsys.readouterr().err
    monkeypatch.undo()
    assert tfgen("train", "--resume", run) == 0
    assert (run / "model.keras").exists()


def test_a_loss_that_is_no_number_is_one_line(tmp_path, monkeypatch, fails):
    optimizers = DCGAN.default_optimizers

    def too_fast(self):
        found = optimizers(self)
        found["generator"].learning_rate = np.nan
        return found

    monkeypatch.setattr(DCGAN, "default_optimizers", too_fast)
    flags = ["--data", "digits", "--set", "width=8", "--data-set", "split=train[:256]"]
    line = fails("train", "dcgan", *flags, "--out", tmp_path / "run")
    assert "objective" in line and "step" in line and "nan" in line


def test_a_full_disk_is_one_line(tmp_path, monkeypatch, fails):
    def full(self, epoch, logs=None):
        with open("/dev/full", "w") as file:
            file.write("x")

    monkeypatch.setattr(SampleGrid, "on_epoch_end", full)
    flags = ["--data", "digits", "--set", "width=8", "--data-set", "split=train[:128]"]
    line = fails("train", "dcgan", *flags, "--out", tmp_path / "run")
    assert "the disk is full" in line and "--resume" in line


def test_a_place_where_one_may_not_write_is_one_line(fails):
    assert os.devnull in fails(
        "train", "dcgan", "--data", "digits", "--set", "width=8", "--out", "/dev/null/run"
    )
