"""What the README says, done."""

import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
from command import tfgen

from tfgen.models.advice import ADVICE
from tfgen.models.registry import catalogue
from tfgen.version import __version__
from tools import tables

ROOT = pathlib.Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()
PAGES = (
    "README.md",
    "tfgen/models/README.md",
    "results/README.md",
    "results/studies/STUDIES.md",
    "export/README.md",
)
SMALLER = {
    '"fashion_mnist"': '"digits"',
    "(28, 28, 1)": "(8, 8, 1)",
    "width=32": "width=8",
    "epochs=15": "epochs=1",
}


def test_its_python_runs(tmp_path, monkeypatch):
    """Both blocks, one after the other, on smaller data: the second runs what the first exported."""
    monkeypatch.chdir(tmp_path)
    train, deploy = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    for long, short in SMALLER.items():
        assert long in train
        train = train.replace(long, short)
    trained, names = {}, {}
    exec(train, trained)
    exec(deploy, names)
    np.testing.assert_allclose(names["images"], trained["model"].sample(16, seed=7), atol=1e-5)


def test_its_tables_are_those_of_the_results(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tools/tables.py", "--check"])
    tables.main()


def test_the_citation_is_of_this_version():
    citation = (ROOT / ".github/CITATION.cff").read_text().splitlines()
    assert f"version: {__version__}" in citation and "license: Apache-2.0" in citation


def test_it_is_short():
    assert len(TEXT.encode()) <= 8000


def _anchors(page):
    """What GitHub makes of a page's headings."""
    titles = re.findall(r"(?m)^#+ (.+)$", page.read_text())
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    page = ROOT / name
    links = re.findall(r"\]\(([^)]+)\)|src=\"([^\"]+)\"", page.read_text())
    assert links
    for link in (one or other for one, other in links):
        path, _, section = link.partition("#")
        if path.startswith("http"):
            continue
        place = (page.parent / path) if path else page
        assert place.exists(), link
        assert not section or section in _anchors(place), link


@pytest.mark.parametrize("command", sorted(set(re.findall(r"(?m)^tfgen (\w+)", TEXT))))
def test_its_commands_exist(command, capsys):
    assert tfgen(command, "--help") == 0
    assert "Example" in capsys.readouterr().out


def test_ci_runs_the_test_command():
    found = subprocess.run(
        ["sed", "-n", "/<!-- test command -->/,/^```$/p", "README.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    command = found.stdout.splitlines()[2:-1]
    assert len(command) == 1
    runs = [words for words in command[0].split(" && ") if words.startswith("$T ")]
    *parts, rest = (words.removeprefix("$T ") for words in runs)
    one, other = (part for part in parts if " -m " in part)
    whole = one.partition(" -m ")[0]
    assert other == f"{whole} -m 'not {one.partition(' -m ')[2]}'"
    parts = [part for part in parts if part not in (one, other)] + [whole]
    assert len(parts) == 3
    assert rest.split() == [word for part in parts for word in ("--ignore", part)]


def test_advice_names_models_of_the_catalogue():
    assert all(one.models and set(one.models) <= set(catalogue()) for one in ADVICE)
