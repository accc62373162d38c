"""`tfgen complete`: its picture, what it keeps, and bad input as one line."""

import numpy as np
import pytest
from autoregressive_cases import spread
from eager import eagerly
from PIL import Image

from tfgen import data, pictures, runs
from tfgen.cli import main
from tfgen.cli.latent.common import PARTS, hidden
from tfgen.models import CCGAN, DCGAN, BigGAN, CoGAN
from tfgen.runs.callbacks import save
from tfgen.runs.folder import read, write


def tfgen(*args, command="complete"):
    """The exit code of `tfgen complete ARGS`."""
    with pytest.raises(SystemExit) as exit:
        main([command, *map(str, args)])
    return exit.value.code or 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs on 128 binary digits: pixels (trained for an epoch), gan and holes (not at all)."""
    folder = tmp_path_factory.mktemp("runs")
    how = dict(options={"split": "train[:128]", "binarize": "static"}, epochs=1, batch_size=64, verbose=0)
    with eagerly():
        runs.train("fvbn", folder / "pixels", "digits", arguments=dict(levels=2), **how)
    run = read(folder / "pixels")
    save(spread(runs.load(folder / "pixels")), folder / "pixels" / "model.keras", run)
    model = DCGAN((8, 8, 1), latent_dim=3, width=8, seed=0)
    run.update(model="dcgan", config=model.get_config())
    write(folder / "gan", run)
    save(model, folder / "gan" / "model.keras", run)
    model = CCGAN((8, 8, 1), latent_dim=3, width=4, seed=0)
    run.update(model="ccgan", config=model.get_config())
    run["data"]["options"] = {"labelled": 1000}  # more than the test images
    write(folder / "holes", run)
    save(model, folder / "holes" / "model.keras", run)
    return folder


def test_help_has_examples(capsys):
    assert tfgen("--help") == 0
    assert "tfgen complete runs/" in capsys.readouterr().out


@pytest.mark.parametrize("part", PARTS)
def test_half_of_an_image_is_hidden(part):
    mask = hidden((40, 8, 10, 3), part, seed=1)
    assert mask.shape == (40, 8, 10, 1) and abs(mask.mean() - 0.5) < (0.11 if part == "middle" else 0.03)
    rows, columns = mask[0, ..., 0].any(axis=1), mask[0, ..., 0].any(axis=0)
    if part in ("bottom", "top"):
        np.testing.assert_array_equal(rows, (np.arange(8) >= 4) == (part == "bottom"))
    if part in ("left", "right"):
        np.testing.assert_array_equal(columns, (np.arange(10) >= 5) == (part == "right"))
    if part == "middle":
        assert not (rows[0] or rows[-1] or columns[0] or columns[-1])
        np.testing.assert_array_equal(mask, mask[:, ::-1, ::-1])
    assert (mask != mask[:1]).any() == (part == "random")


def test_a_row_is_an_image_what_is_left_of_it_and_its_completions(folder, tmp_path, capsys):
    run, to = folder / "pixels", tmp_path / "picture.png"
    options = ("-n", 3, "--draws", 2, "--hide", "right", "--seed", 5, "--temperature", 0.7)
    assert tfgen(run, *options, "--to", to) == 0
    assert str(to) in capsys.readouterr().out and list(tmp_path.iterdir()) == [to]

    model = runs.load(run)
    images = next(iter(data.load("digits", "test", model, 3, shuffle=False, binarize="static"))).numpy()
    assert set(np.unique(images)) == {0, 1}
    known = images.copy()
    known[:, :, 4:] = np.nan
    drawn = model.sample(6, seed=5, temperature=0.7, conditioned_on=known.repeat(2, axis=0)).numpy()
    np.testing.assert_array_equal(drawn[:, :, :4], images.repeat(2, axis=0)[:, :, :4])
    assert (drawn[::2] != drawn[1::2]).any()
    row = [images[:, None], np.nan_to_num(known, nan=0.5)[:, None], drawn.reshape(3, 2, 8, 8, 1)]
    with Image.open(to) as picture:
        found = np.asarray(picture)
    expected = pictures.grid(np.concatenate(row, axis=1).reshape(-1, 8, 8, 1), columns=4)
    np.testing.assert_array_equal(found, np.asarray(expected))

    assert tfgen(run) == 0
    with Image.open(run / "completions.png") as picture:
        assert picture.size == (6 * 66 - 2, 8 * 66 - 2)


def test_a_model_of_holes_completes_images_too_without_their_labels(folder, tmp_path, capsys):
    run, to = folder / "holes", tmp_path / "picture.png"
    assert tfgen(run, "-n", 3, "--draws", 2, "--hide", "top", "--seed", 5, "--to", to) == 0
    model = runs.load(run)
    images = next(iter(data.load("digits", "test", image_shape=(8, 8, 1), labels=False, batch_size=3)))
    images = images.numpy() / np.float32(127.5) - 1
    known = np.ones((6, 8, 8, 1), np.float32)
    known[:, :4] = 0
    drawn = model.complete(images.repeat(2, axis=0), known, model.latents_from_seed(5, 6)).numpy()
    assert (drawn[::2, :4] != drawn[1::2, :4]).any()
    row = [images[:, None], np.where(known[:3], images, 0)[:, None], drawn.reshape(3, 2, 8, 8, 1)]
    expected = pictures.grid(np.concatenate(row, axis=1).reshape(-1, 8, 8, 1), (-1, 1), columns=4)
    with Image.open(to) as picture:
        apart = np.asarray(picture).astype(int) - np.asarray(expected)
    assert abs(apart).max() <= 1


def test_samples_have_the_temperature_asked_for(folder, tmp_path, capsys):
    options = ("-n", 4, "--temperature", 0, "--to", tmp_path / "images.npz")
    assert tfgen(folder / "pixels", *options, command="sample") == 0
    with np.load(tmp_path / "images.npz") as file:
        assert len(np.unique(file["images"], axis=0)) == 1  # each value's likeliest
    assert tfgen(folder / "gan", *options, command="sample") == 2
    assert "DCGAN does not draw pixel by pixel; omit --temperature" in capsys.readouterr().err


def test_samples_are_of_the_domain_asked_for(folder, tmp_path, capsys):
    model = CoGAN(**CoGAN.tiny, seed=0)
    model.save(tmp_path / "pairs.keras")
    for domain in (0, 1):
        options = ("-n", 4, "--domain", domain, "--to", tmp_path / f"{domain}.npz")
        assert tfgen(tmp_path / "pairs.keras", *options, command="sample") == 0
        want = pictures.to_uint8(model.sample(4, seed=0, domain=domain), (0, 1)).astype(int)
        with np.load(tmp_path / f"{domain}.npz") as file:
            assert abs(file["images"] - want).max() <= 1
    wrong = ("--domain", 2, "--to", tmp_path / "2.npz")
    for run, message in (
        (tmp_path / "pairs.keras", "domain must be 0 or more, below 2; received 2"),
        (folder / "gan", "DCGAN makes images of one domain; omit --domain"),
    ):
        assert tfgen(run, *wrong, command="sample") == 2
        assert message in capsys.readouterr().err and not (tmp_path / "2.npz").exists()


def test_samples_are_of_the_truncation_asked_for(folder, tmp_path, capsys):
    model = BigGAN(**BigGAN.tiny, seed=0)
    model.save(tmp_path / "big.keras")
    options = ("-n", 4, "--label", "0,2", "--to", tmp_path / "images.npz")
    assert tfgen(tmp_path / "big.keras", "--truncation", 0.5, *options, command="sample") == 0
    given = dict(seed=0, labels=[0, 2, 0, 2])
    want = pictures.to_uint8(model.sample(4, **given, truncation=0.5), (-1, 1)).astype(int)
    with np.load(tmp_path / "images.npz") as file:
        assert abs(file["images"] - want).max() <= 1
    assert abs(pictures.to_uint8(model.sample(4, **given), (-1, 1)) - want).max() > 1
    for run, truncation, message in (
        (tmp_path / "big.keras", 0, "truncation must be 0.01 or more; received 0.0"),
        (tmp_path / "big.keras", -1, "truncation must be 0.01 or more; received -1.0"),
        (folder / "gan", 1, "DCGAN does not truncate its latents; omit --truncation"),
    ):
        wrong = ("--truncation", truncation, "--to", tmp_path / "2.npz")
        assert tfgen(run, *wrong, command="sample") == 2
        said = capsys.readouterr().err.splitlines()
        assert message in said[-1] and not (tmp_path / "2.npz").exists()


BAD = {
    "run": (["{tmp}"], "is no run folder"),
    "gan": (["{gan}"], "complete needs a model with the ability Completes; DCGAN has none"),
    "holes": (["{holes}", "--temperature", "1"], "CCGAN does not draw pixel by pixel; omit --temperature"),
    "part": (["{pixels}", "--hide", "botom"], "did you mean bottom"),
    "n": (["{pixels}", "-n", "0"], "-n and --draws must be at least 1; received 0 and 4"),
    "draws": (["{pixels}", "--draws", "0"], "received 8 and 0"),
    "many": (["{pixels}", "-n", "361"], "361 are wanted"),
    "temperature": (["{pixels}", "--temperature", "-1"], "temperature must be 0 or more; received -1.0"),
    "file": (["{pixels}", "--to", "a.jpg"], "ends in .png; received a.jpg"),
    "data": (["{pixels}", "--data", "digts"], "did you mean digits"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(case, folder, tmp_path, monkeypatch, capsys):
    args, message = BAD[case]
    monkeypatch.chdir(tmp_path)
    places = dict(tmp=tmp_path, gan=folder / "gan", pixels=folder / "pixels", holes=folder / "holes")
    assert tfgen(*(arg.format(**places) for arg in args)) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert message in last and "Traceback" not in last
    assert not list(tmp_path.iterdir())
