"""A run of a model of music: its pictures, its MIDI file, its scores, and a page that shows none."""

import csv
import json

import numpy as np
import pytest
from command import tfgen
from eager import eagerly
from PIL import Image

from export import page
from tfgen import export, music, runs
from tfgen.errors import InputError
from tfgen.models import VAE
from tfgen.runs import folder as files


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    arguments = {"tones": 4, "width": 4, "pretraining": 1}
    how = dict(options={"split": "train[:40]"}, epochs=1, batch_size=20, verbose=0)
    with eagerly():
        runs.train("crnngan", root / "music", "scales", arguments=arguments, **how)
    return root / "music"


def test_a_run_shows_piano_rolls_and_the_doctor_looks_at_tunes(run):
    with Image.open(run / "samples" / "epoch-0001.png") as picture:
        assert picture.mode == "L" and picture.height > 146
    (row,) = csv.DictReader((run / "metrics.csv").read_text().splitlines())
    assert float(row["next_loss"]) > 0 and "doctor_duplicates" in row
    assert files.read(run)["data"]["options"]["crop"] == "random"


def test_sample_writes_a_midi_file_events_and_pictures(run, tmp_path, fails):
    assert tfgen("sample", run, "--to", tmp_path / "tune.mid") == 0
    assert tfgen("sample", run, "-n", 3, "--to", tmp_path / "tunes.npz") == 0
    events = np.load(tmp_path / "tunes.npz")["events"]
    assert events.shape == (3, 4, 4) and len(music.read_midi(tmp_path / "tune.mid")) == 4
    assert tfgen("sample", run, "-n", 3, "--to", tmp_path / "tunes.png") == 0
    assert tfgen("sample", run, "-n", 2, "--to", tmp_path / "rolls") == 0
    assert len(list((tmp_path / "rolls").iterdir())) == 2
    assert "makes no volumes" in fails("sample", run, "--to", tmp_path / "tune.gif")
    vae = VAE(**VAE.tiny, seed=0)
    vae.save(tmp_path / "vae.keras")
    line = fails("sample", tmp_path / "vae.keras", "--to", tmp_path / "image.mid")
    assert line.endswith("VAE makes no tunes, which a .mid file holds; give a .png file")
    assert not (tmp_path / "image.mid").exists()


def test_evaluate_scores_tunes_beside_those_of_the_data(run, capsys):
    assert tfgen("evaluate", run, "-n", 20) == 0
    shown = capsys.readouterr().out
    assert "tone_span" in shown and "real tunes" in shown
    names = {row["name"] for row in json.loads((run / "scores.json").read_text())}
    assert {"scale_consistency", "bigram_ratio", "bigram_ratio_data"} <= names


def test_a_page_says_that_it_shows_no_tunes(run, tmp_path):
    model = runs.load(run)
    export.to_onnx(model, tmp_path / "music")
    with pytest.raises(InputError, match=r"draws arrays of shape \[4, 4\]; a page shows") as error:
        page.described(tmp_path / "music")
    assert "\n" not in str(error.value)
