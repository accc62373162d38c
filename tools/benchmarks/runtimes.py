"""The artifacts that the project ships, in each runtime: see export/speed.py."""

from pathlib import Path

from export import speed
from tfgen.export import folders

ARTIFACTS = Path(__file__).parents[2] / "export" / "artifacts"


def run():
    return [
        {"artifact": path.name, **row}
        for path in sorted(ARTIFACTS.glob("*"))
        for row in speed.measured(path, folders.opened(path))
    ]
