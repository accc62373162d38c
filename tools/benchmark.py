"""Measures speed as ratios within one process: python tools/benchmark.py [NAME ...] --to FILE.json

Two ways to do one thing take turns, one call each, so that a machine that is busy slows both.
The ratio is that of their median times; the minima stand beside them. Benchmarks:

    training   a model's step in `fit` against a plain Keras loop over the same networks
    xla        a model's step with XLA against the one without
    export     the exported generator in onnxruntime against the TensorFlow function
    sampling   cached PixelCNN sampling against the naive loop and against one forward pass
    likelihood the importance bound of a VAE, against TFP's likelihood, XLA and the decoder alone
    mixture    an iteration of EM against scikit-learn's
    runtimes   the artifacts of export/artifacts in each runtime, at batches of 1, 16 and 64
"""

import argparse
import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path[:0] = [str(Path(__file__).parents[1])]

from tools.benchmarks import exporting, likelihood, mixture, runtimes, sampling, training

BENCHMARKS = {
    "training": training.against_plain_keras,
    "xla": training.with_and_without_xla,
    "export": exporting.run,
    "sampling": sampling.run,
    "likelihood": likelihood.run,
    "mixture": mixture.run,
    "runtimes": runtimes.run,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="by default all")
    parser.add_argument("--to", type=Path, default=Path("results/benchmark.json"))
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"unknown benchmark {sorted(unknown)[0]!r}; known are {', '.join(BENCHMARKS)}")
    results = json.loads(options.to.read_text()) if options.to.exists() else {}
    machine = {
        "cpu_cores": os.cpu_count(),
        "machine": platform.machine(),
        "versions": {name: version(name) for name in ("tensorflow", "keras", "onnxruntime", "numpy")},
    }
    for name in options.names or BENCHMARKS:
        results[name] = {"machine": machine, "rows": BENCHMARKS[name]()}
        print(json.dumps({name: results[name]["rows"]}, indent=2))
        part = options.to.with_suffix(".part")
        part.write_text(json.dumps(results, indent=2) + "\n")
        part.replace(options.to)


if __name__ == "__main__":
    main()
