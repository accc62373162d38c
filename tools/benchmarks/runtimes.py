"""The models that come with tfgen, in each runtime: see export/speed.py."""

import tempfile
from pathlib import Path

from export import artifact, speed
from tfgen import loading


def run():
    with tempfile.TemporaryDirectory() as folder:
        return [
            {"artifact": name, **row}
            for name in loading.shipped()
            for row in speed.measured(
                Path(folder, name), artifact.make(name, Path(folder, name), ["saved_model", "onnx"])
            )
        ]
