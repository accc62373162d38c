"""What tests of commands share."""

from pathlib import Path

import pytest
from command import tfgen

from tfgen import loading


@pytest.fixture(scope="module", autouse=True)
def opened_once():
    """Commands of a file's tests that open the same files share one model, which none of them changes."""
    models, real = {}, loading.load

    def load(what):
        path = Path(what)
        files = sorted([*path.glob("*.keras"), *path.glob("manifest.json")]) if path.is_dir() else [path]
        key = path.resolve(), *((file.name, file.stat().st_mtime_ns) for file in files if file.exists())
        if key not in models:
            models[key] = real(what)
        return models[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "load", load)
        yield


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
