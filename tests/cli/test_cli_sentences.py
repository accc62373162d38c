"""A run of a model of sentences: its vocabulary, its translations, its BLEU, and what shows no sentences."""

import json
import sys

import pytest
from command import tfgen
from eager import eagerly

from export import artifact
from tfgen import runs
from tfgen.errors import InputError
from tfgen.metrics.sentences import corpus_bleu
from tfgen.runs import folder as files


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "sentences"
    arguments = {"length": 3, "width": 4, "teacher": 0, "judging": 0, "rollouts": 1}
    how = dict(options={"split": "train[:2000]"}, epochs=1, batch_size=51, verbose=0)
    with eagerly():
        runs.train("csgan", folder, "numerals", arguments=arguments, **how)
    return folder


def test_a_run_finds_its_words_and_shows_translations(run):
    config = files.read(run)["config"]
    assert {"thousand", "seven"} <= set(config["source_words"]) and "sieben" in config["target_words"]
    first, second, third, *_ = (run / "samples" / "epoch-0001.txt").read_text().splitlines()
    assert second.startswith("  ") and third.startswith("  (") and first


def test_translate_takes_text_or_a_file(run, tmp_path, capsys, fails):
    assert tfgen("translate", run, "--text", "six hundred", "--text", "one") == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 2
    (tmp_path / "in.txt").write_text("six hundred\n\none\n")
    assert tfgen("translate", run, tmp_path / "in.txt", "--to", tmp_path / "out.txt") == 0
    assert (tmp_path / "out.txt").read_text().splitlines() == shown
    assert fails("translate", run, "--text", " ").endswith("that is not empty; received ' '")
    assert "ending in .txt" in fails("translate", run, "--text", "a", "--to", tmp_path / "a.png")
    assert "give pictures or a clip to translate, or sentences by --text" in fails("translate", run)
    assert "CSGAN translates sentences; use tfgen translate" in fails("sample", run)


def test_evaluate_gives_bleu(run, monkeypatch, fails):
    assert tfgen("evaluate", run, "-n", 8) == 0
    (row,) = json.loads((run / "scores.json").read_text())
    assert row["name"] == "bleu" and 0 <= row["value"] <= 100 and row["protocol"]["split"] == "test"
    assert corpus_bleu(["a b c d e"], ["a b c d e"]) == pytest.approx(100)
    with pytest.raises(InputError, match="as many translations as references; received 1 and 2"):
        corpus_bleu(["a"], ["a", "b"])
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    assert "pip install sacrebleu, or tfgen[sentences]" in fails("evaluate", run, "-n", 8)


def test_an_artifact_says_that_it_shows_no_sentences(run, tmp_path):
    with pytest.raises(InputError, match="CSGAN translates sentences; tfgen export writes it") as error:
        artifact.make(run, tmp_path / "artifact", ["onnx"])
    assert "\n" not in str(error.value)
