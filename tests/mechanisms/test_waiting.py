"""A line for whoever waits."""

import time

import pytest

from tfgen import runs, waiting
from tfgen.models import FVBN


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(waiting, "SLOW", 0.05)


def test_a_long_wait_is_explained_and_a_short_one_is_not(impatient, capsys):
    with waiting.Waiting("short"):
        pass
    with waiting.Waiting("ended") as ended:
        ended.end()
        time.sleep(0.2)
    with waiting.Waiting("long"):
        time.sleep(0.2)
    assert capsys.readouterr().err == "tfgen: long\n"


def test_compiling_is_said_of_a_first_step_and_of_a_sampler(impatient, capsys, tmp_path):
    model = FVBN(image_shape=(4, 4, 1), seed=0)
    model.sample(3, seed=0)
    assert (
        "tfgen: FVBN draws 4 images pixel by pixel; for a number that is new it " in capsys.readouterr().err
    )
    options = {"options": {"split": "train[:128]"}, "epochs": 2, "batch_size": 32, "verbose": 2}
    runs.train("vae", tmp_path / "run", "digits", arguments={"width": 8}, **options)
    text = capsys.readouterr()
    assert text.err.count("VAE's first step is compiled") == 1
