"""Measures speed as ratios: python tools/benchmark.py [NAME ...] [--to FOLDER]

Two ways to do one thing take turns, one call each, so that a machine that is busy slows both.
The ratio is that of their median times; the minima stand beside them. Each benchmark writes
FOLDER/NAME.json, by default in results/benchmarks; `python tools/tables.py` makes the tables. Benchmarks:

    training   a model's step in `fit` against a plain Keras loop over the same networks
    captions   a step of a game with captions against a plain Keras loop over the same networks
    large      the memory of a training step at 128x128
    pytorch    a model's step against the same networks in PyTorch, where that is installed
    layers     a locally connected layer, and its gradient, against a loop over its places
    search     a search of an image's code, compiled and eager
    onednn     a model's step with oneDNN's kernels against the one without
    xla        a model's step with XLA against the one without
    export     the exported generator in onnxruntime against the TensorFlow function
    sampling   cached PixelCNN sampling against the naive loop and against one forward pass
    likelihood the importance bound of a VAE, against TFP's likelihood, XLA and the decoder alone
    mixture    an iteration of EM against scikit-learn's
    runtimes   the shipped models in each runtime, at batches of 1, 16 and 64
    sequences  a tune's sampling as one loop against one call a tone; a step against a plain Keras loop
    translation, translating, memory
               of models that translate: a step in `fit` against a plain Keras loop; images of 256x256 in
               each runtime, at batches of 1 and 8; the memory that an image takes, by its size
    frames, extending
               of models that continue clips: a step in `fit` against a plain Keras loop; clips extended by a
               compiled loop against a call of the network for each frame
"""

import argparse
import json
import os
import platform
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path[0] = str(Path(__file__).parents[1])  # not tools/, whose triton.py PyTorch would import

from tfgen import onednn as setting
from tfgen.files import replacing
from tools.benchmarks import (
    captions,
    clips,
    exporting,
    large,
    layers,
    likelihood,
    mixture,
    onednn,
    pytorch,
    runtimes,
    sampling,
    search,
    sequences,
    training,
    translation,
)

BENCHMARKS = {
    "training": training.against_plain_keras,
    "large": large.memory,
    "pytorch": pytorch.run,
    "layers": layers.run,
    "search": search.run,
    "sequences": sequences.run,
    "onednn": onednn.run,
    "xla": training.with_and_without_xla,
    "export": exporting.run,
    "sampling": sampling.run,
    "likelihood": likelihood.run,
    "mixture": mixture.run,
    "runtimes": runtimes.run,
    "captions": captions.against_plain_keras,
    "translation": translation.against_plain_keras,
    "translating": translation.by_runtime,
    "memory": translation.memory,
    "frames": clips.against_plain_keras,
    "extending": clips.extending,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="by default all")
    parser.add_argument("--to", type=Path, default=Path("results/benchmarks"), metavar="FOLDER")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"unknown benchmark {sorted(unknown)[0]!r}; known are {', '.join(BENCHMARKS)}")
    options.to.mkdir(parents=True, exist_ok=True)
    packages = ("tensorflow", "keras", "onnxruntime", "numpy", "torch")
    machine = {
        "cpu": setting.processor(),
        "cpu_cores": os.cpu_count(),
        "machine": platform.machine(),
        "onednn": setting.is_on(),
        "versions": {name: version(name) for name in packages if find_spec(name)},
    }
    for name in options.names or BENCHMARKS:
        rows = BENCHMARKS[name]()
        print(json.dumps({name: rows}, indent=2))
        if rows:
            with replacing(options.to / f"{name}.json") as part:
                part.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
