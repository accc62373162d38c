"""What `pip install` brings: the deployment tool as a package, its files, and its command."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HELP = """
import sys
for name in ("tensorflow", "keras", "onnxruntime"):
    sys.modules[name] = None  # to import one is an error
sys.argv = ["tfgen-export", *sys.argv[1:]]
from tfgen_export.__main__ import main
main()
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A wheel of this tree, unpacked."""
    root = tmp_path_factory.mktemp("wheel")
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("tfgen", "export"):
        shutil.copytree(ROOT / name, root / "source" / name, ignore=ignore)
    for name in ("setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, root / "source")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "."]
    subprocess.run([*command, "-w", root], cwd=root / "source", check=True)
    (wheel,) = root.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(root / "site")
    return root / "site"


def test_a_wheel_has_every_file_of_the_packages(installed):
    for name, package in (("tfgen", "tfgen"), ("export", "tfgen_export")):
        want = {
            path.relative_to(ROOT / name)
            for path in (ROOT / name).rglob("*")
            if path.is_file() and (path.name != "README.md" or "shipped" in path.parts)
            if "__pycache__" not in path.parts
        }
        got = {path.relative_to(installed / package) for path in (installed / package).rglob("*")}
        assert want <= got, sorted(map(str, want - got))
    (points,) = installed.glob("*.dist-info/entry_points.txt")
    assert "tfgen-export = tfgen_export.__main__:main" in points.read_text()


@pytest.mark.parametrize("command", ["", "make", "verify", "serve", "page"])
def test_the_installed_tool_helps_without_tensorflow(installed, tmp_path, command):
    words = [sys.executable, "-P", "-c", HELP, *command.split(), "--help"]
    run = subprocess.run(
        words, cwd=tmp_path, env={"PYTHONPATH": str(installed)}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    if command:
        assert f"  tfgen-export {command} " in run.stdout
    else:
        assert all(name in run.stdout for name in ("make", "verify", "serve", "page"))


def test_messages_name_extras_that_exist(installed):
    (metadata,) = installed.glob("*.dist-info/METADATA")
    extras = set(re.findall(r"^Provides-Extra: (\w+)", metadata.read_text(), re.MULTILINE))
    sources = [path.read_text() for path in installed.rglob("*.py")]
    named = {name for source in sources for name in re.findall(r"tfgen\[(\w+)\]", source)}
    assert {"serve", "runtimes"} & named and named <= extras
