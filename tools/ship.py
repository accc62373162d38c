"""Puts a trained model into the package, where `tfgen.load(NAME)` finds it.

    python -m tools.ship runs/dcgan-fashion_mnist-small dcgan-fashion_mnist

Weights are stored in float32 where the folder then has at most 300 kB. Else they are stored in float16,
which a model that draws each value of an image from a distribution does not allow.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from export import artifact, card, examples
from tfgen.errors import InputError
from tfgen.export import shipped
from tfgen.metrics.score import SHOWN
from tfgen.models.autoregressive.base import AutoregressiveModel


def ship(model, about, name, to=shipped.FOLDER):
    """Writes the folder of a model; `about` as `export.artifact.opened` gives it."""
    scores = about.get("scores")
    if isinstance(scores, list):
        short = [
            {**score, "protocol": {k: v for k, v in score["protocol"].items() if k in SHOWN}}
            for score in scores
        ]
        about = {**about, "scores": short}
    with tempfile.TemporaryDirectory() as folder:
        for exact in (True, False):
            shipped.write(model, folder, about, exact)
            examples.strip(model, examples.SHOWN).save(Path(folder) / "samples.png")
            described = shipped.read(folder)
            (Path(folder) / "README.md").write_text(card.of_shipped(name, model, described, exact))
            size = sum(path.stat().st_size for path in Path(folder).iterdir())
            if size <= shipped.LIMIT:
                break
            if isinstance(model, AutoregressiveModel) or not exact:
                raise InputError(f"{name} has {size} bytes; at most {shipped.LIMIT} are shipped")
        shutil.copytree(folder, Path(to) / name, dirs_exist_ok=True)
    return size


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", help="a run folder or a .keras file")
    parser.add_argument("name")
    given = parser.parse_args()
    print(f"{given.name}: {ship(*artifact.opened(given.model), given.name)} bytes")
