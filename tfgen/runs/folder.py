"""The files of a run folder, without TensorFlow; `tfgen.runs` says what they mean."""

import csv
import json
import platform
import shlex
import shutil
import subprocess
import sys
import zipfile
import zlib
from importlib.metadata import version
from pathlib import Path

import tfgen
from tfgen import onednn
from tfgen.errors import InputError
from tfgen.files import replacing

# What may differ when a run is continued; that the data are the same is for their fingerprint to say.
FREE = ("epochs", "versions", "onednn", "git", "command")
PLACES = ("data.source", "data.data_dir")
NEEDED = ("model", "config", "data", "batch_size", "epochs", "seed", "strategy", "xla", "precision")


def read(folder):
    """What FOLDER/run.json says, a dict."""
    path = Path(folder) / "run.json"
    try:
        run = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{folder} is no run folder, it has no run.json; `tfgen train` makes one") from None
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); put back what the run wrote") from None
    lacks = [name for name in NEEDED if not isinstance(run, dict) or name not in run]
    if lacks:
        raise InputError(f"{path} lacks {', '.join(lacks)}; put back what the run wrote")
    return run


def write(folder, run):
    with replacing(Path(folder) / "run.json") as part:
        part.write_text(json.dumps(run, indent=2) + "\n")


def history(folder):
    """What FOLDER/metrics.csv says, a dict {name: number} for each epoch."""
    path = Path(folder) / "metrics.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        names, *rows = csv.reader(file)
    return [{name: float(value) for name, value in zip(names, row) if value} for row in rows]


def latest(folder):
    """The file with the run's newest model, None before the end of its first epoch."""
    for name in ("checkpoint.keras", "model.keras"):
        if (folder / name).exists():
            return folder / name
    return None


def saved_with(path):
    """What run.json said when the checkpoint `path` was saved; an InputError if the file is damaged."""
    remedy = "put back a copy of it, or delete it and the run starts again from its first epoch"
    run = whole(path, remedy)
    if run is None:
        raise InputError(f"{path} is damaged (it has no run.json); {remedy}")
    return run


def whole(path, remedy="put back a copy of it"):
    """The run.json inside a .keras file, None without one; an InputError if the file is damaged."""
    try:
        with zipfile.ZipFile(path) as file:
            broken = file.testzip()
            run = json.loads(file.read("run.json")) if "run.json" in file.namelist() else None
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        broken = error
    if broken:
        raise InputError(f"{path} is truncated or damaged ({broken}); {remedy}")
    return run


def _flat(run, prefix=""):
    for name, value in run.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def check_same(folder, run, other, where):
    """Raises an InputError unless `other`, a nested dict, says of the run what `run` says."""
    run = dict(_flat(run))
    for name, value in _flat(other):
        if name.split(".")[0] not in FREE and name not in PLACES and run.get(name) != value:
            raise InputError(
                f"resume of a run whose configuration differs: {name} is {run.get(name)!r} in "
                f"{folder}/run.json and {value!r} {where}; only --epochs and the "
                f"place of the data may change, for anything else begin a new run"
            )


def cut(folder, epochs):
    """Deletes the metrics and the pictures of the epochs after `epochs`."""
    metrics = folder / "metrics.csv"
    rows = metrics.read_text().splitlines(keepends=True) if metrics.exists() else []
    kept = rows[: epochs + 1] if epochs else []
    if epochs and [row.split(",")[0] for row in kept] != ["epoch", *map(str, range(1, epochs + 1))]:
        raise InputError(f"{metrics} lacks epochs of the {epochs} that the checkpoint has; put it back")
    if kept != rows:
        with replacing(metrics) as part:
            part.write_text("".join(kept))
    for picture in (folder / "samples").glob("epoch-*.png"):
        if int(picture.stem.removeprefix("epoch-")) > epochs:
            picture.unlink()


def provenance():
    """What made this run: versions, whether oneDNN was on, the git revision of a checkout, the command."""
    versions = {name: version(name) for name in ("tensorflow", "keras", "numpy")}
    source = Path(tfgen.__file__).parents[1]
    git = None
    if (source / ".git").exists() and shutil.which("git"):
        command = ["git", "-C", str(source), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        git = subprocess.run(command, capture_output=True, text=True).stdout.strip() or None
    program = "tfgen" if Path(sys.argv[0]).name == "__main__.py" else Path(sys.argv[0]).name
    return {
        "versions": {"tfgen": tfgen.__version__, "python": platform.python_version(), **versions},
        "onednn": onednn.is_on(),
        "git": git,
        "command": shlex.join([program, *sys.argv[1:]]),
    }
