"""`tfgen sample` of a model that translates: rows of examples of its data."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from translators import trained

from tfgen import export, pictures, runs
from tfgen.cli import main
from tfgen.data import examples


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return trained("pix2pix", tmp_path_factory.mktemp("runs"))


@pytest.fixture
def sample(run, capsys):
    """Runs `tfgen sample RUN ARGS`; returns code and last line."""

    def command(*args, of=run):
        with pytest.raises(SystemExit) as exit:
            main(["sample", str(of), *map(str, args)])
        out, err = capsys.readouterr()
        return exit.value.code or 0, (out + err).splitlines()[-1]

    return command


def test_rows_are_those_of_the_runs_pictures(run, sample):
    assert sample() == (0, f"2 examples and their translations of seed 0: {run / 'samples.png'}")
    (again, first) = (run / name for name in ("samples.png", "samples/epoch-0001.png"))
    assert again.read_bytes() == first.read_bytes()
    assert sample("-n", 1)[0] == 0
    with Image.open(again) as one, Image.open(first) as both:
        assert one.size == (both.width, pictures.TITLE + 64)
        assert np.array_equal(one, np.asarray(both)[: one.height])


def test_files_have_the_columns_and_folders_the_rows(run, sample, tmp_path):
    assert sample("--seed", 2, "--to", tmp_path / "x.npz")[0] == 0
    model = runs.load(run)
    want = model.columns(examples(run.parent / "pix2pix.npz", 8, model), 2)
    with np.load(tmp_path / "x.npz") as arrays:
        assert list(arrays) == list(want) == ["inputs", "translation", "images"]
        for name in want:
            made = pictures.to_uint8(want[name], (-1, 1)).astype(int)
            assert abs(arrays[name] - made).max() <= 1 and arrays[name].dtype == np.uint8
    assert sample("--to", tmp_path / "rows")[0] == 0
    assert sorted(path.name for path in (tmp_path / "rows").iterdir()) == ["00000.png", "00001.png"]


def test_bad_input_is_one_line(run, sample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    export.to_saved_model(runs.load(run), "x")
    for args, of, message in (
        (("--label", 3), run, "Pix2Pix translates images; omit --label"),
        (("--temperature", 0.5), run, "Pix2Pix translates images; omit --temperature"),
        ((), "x", "x does not say which data it was trained on"),
    ):
        code, line = sample(*args, "--to", "out.png", of=of)
        assert code == 2 and message in line and not Path("out.png").exists()
    shutil.copytree(run, "moved")
    (run.parent / "pix2pix.npz").rename(run.parent / "gone.npz")
    code, line = sample("--to", "out.png", of="moved")
    (run.parent / "gone.npz").rename(run.parent / "pix2pix.npz")
    assert code == 2 and "pix2pix.npz does not exist" in line and not Path("out.png").exists()
