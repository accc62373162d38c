"""Repeats a recorded study: python tools/study.py NAME [--data-dir DIR] [--seed 0]

A study is a module of tools/studies/: its docstring's first line is its question, `run(folder,
data_dir, seed)` trains and measures, writes pictures into `folder`, and returns what it found as
{"protocol": text, "rows": [{column: value}]}; `published`, if the module has it, says what the
paper reports. It is written to results/studies/NAME/result.json.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from tfgen import onednn  # before a study imports TensorFlow


def _git():
    done = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip()


def main():
    known = sorted(path.stem for path in (ROOT / "tools/studies").glob("[a-z]*.py"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("name", choices=known)
    parser.add_argument("--data-dir", help="where TensorFlow Datasets has its data")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    study = importlib.import_module(f"tools.studies.{options.name}")
    folder = ROOT / "results/studies" / options.name
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    found = study.run(folder, options.data_dir, options.seed)
    result = {
        "question": study.__doc__.splitlines()[0],
        "command": f"python tools/study.py {options.name} --seed {options.seed}",
        "published": getattr(study, "published", None),
        **found,
        "seed": options.seed,
        "seconds": round(time.perf_counter() - start),
        "cores": os.cpu_count(),
        "versions": {name: version(name) for name in ("tensorflow", "keras", "numpy", "scikit-learn")},
        "onednn": onednn.is_on(),
        "git": _git(),
    }
    part = folder / "result.json.part"
    part.write_text(json.dumps(result, indent=2) + "\n")
    part.replace(folder / "result.json")
    print(json.dumps(found["rows"], indent=2))


if __name__ == "__main__":
    main()
