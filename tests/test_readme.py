"""What the README says, done."""

import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()
DEPLOYMENT = (ROOT / "export" / "README.md").read_text()
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


def test_its_tables_are_those_of_the_results():
    subprocess.run([sys.executable, "tools/tables.py", "--check"], cwd=ROOT, check=True)


@pytest.mark.parametrize("text, place", [(TEXT, ROOT), (DEPLOYMENT, ROOT / "export")])
def test_its_links_lead_somewhere(text, place):
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links and all(
        (place / link.split("#")[0]).exists() for link in links if not link.startswith("http")
    )


@pytest.mark.parametrize("command", sorted(set(re.findall(r"(?m)^tfgen (\w+)", TEXT))))
def test_its_commands_exist(command):
    run = [sys.executable, "-m", "tfgen", command, "--help"]
    out = subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "Example" in out


def test_ci_runs_the_test_command():
    found = subprocess.run(
        ["sed", "-n", "/<!-- test command -->/,/^```$/p", "README.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    command = found.stdout.splitlines()[2:-1]
    assert len(command) == 1 and command[0].endswith("pytest -n 2 --dist loadgroup")
