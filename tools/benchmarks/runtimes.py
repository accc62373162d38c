"""The models that come with tfgen, in each runtime: see export/speed.py."""

import tempfile
from pathlib import Path

from export import artifact, speed
from tfgen.export import shipped


def run():
    with tempfile.TemporaryDirectory() as folder:
        return [
            {"artifact": name, **row}
            for name in shipped.names()
            for row in speed.measured(
                Path(folder, name), artifact.make(name, Path(folder, name), ["saved_model", "onnx"])
            )
        ]
