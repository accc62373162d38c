"""The command line: its help, and what it prints of models."""

import ast
import os
import re
import shlex
import subprocess
import sys

import keras
import pytest
import typer
from command import tfgen

from export.__main__ import app as deployment
from tfgen import loading
from tfgen.cli import app, models
from tfgen.errors import InputError
from tfgen.models import DCGAN
from tfgen.models.advice import ADVICE
from tfgen.models.registry import HERE, catalogue
from tfgen.models.uses import USES

FORMATS = ("channels_first", "channels_last")
COMMANDS = ("quickstart", "list", "show", "train", "sample", "translate", "complete", "evaluate", "export")


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


def commands(group, *names):
    """(words, command) of all commands of a typer application, with those of groups inside."""
    for name, command in getattr(group, "commands", {}).items():
        yield (*names, name), command
        yield from commands(command, *names, name)


@pytest.mark.parametrize(("program", "group"), [("tfgen", app), ("tfgen-export", deployment)])
def test_examples_of_help_are_commands(program, group):
    known = dict(commands(typer.main.get_command(group)))
    for words, command in known.items():
        shown = set()
        for line in re.split(r"\n|;|&&", command.help or ""):
            if line.strip().startswith(f"{program} "):
                given = shlex.split(line, comments=True)[1:]
                name = max((name for name in known if tuple(given[: len(name)]) == name), key=len)
                context = known[name].make_context(program, given[len(name) :])  # parses, and runs nothing
                model = context.params["model"] if name == ("train",) else None
                assert model is None or ":" in model or model in catalogue()
                shown.add(name)
        assert words in shown or hasattr(command, "commands")  # a group's are those of its commands


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


def test_uses_are_in_the_list_and_shown_and_are_no_models_to_train(capsys, fails):
    assert tfgen("list") == 0
    listed = capsys.readouterr().out.partition("uses of trained models\n")[2]
    assert not set(USES) & set(catalogue())
    for name, use in USES.items():
        assert f"  {name} " in listed and use.title in listed
        assert tfgen("show", name.upper()) == 0
        text = capsys.readouterr().out
        assert use.title in text and use.how in text
    assert "AnoGAN is a use of other models" in fails("train", "anogan", "--out", "run")


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
    assert re.match(r"@(misc|article|inproceedings)\{[a-z]+\d{4},\n  author = \{[A-Zdv][^{}:]+\},\n", text)
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


def test_a_wrong_option_is_a_usage_error(capsys):
    assert tfgen("train", "--epoch", "3") == 2
    assert "--epochs" in capsys.readouterr().err
