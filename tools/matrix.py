"""Every model of the zoo in every runtime: python tools/matrix.py [MODEL ...] --to FILE.json

The project's own is results/benchmarks/matrix.json. Each model has its recipe's configuration, made small,
and random weights of seed 0. It is exported in every format but OpenVINO's own, which is made of one of
two others that OpenVINO runs here, and `tfgen-export verify` runs it.
"""

import argparse
import inspect
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from export import verify
from export.artifact import all_formats
from export.runtimes import RUNTIMES
from tfgen.errors import unknown
from tfgen.files import replacing
from tfgen.models import get
from tfgen.models.registry import catalogue

CAPS = {"width": 16, "latent_dim": 16, "background_dim": 8, "depth": 2}
SIZE = 32  # of an image's side, at most
# A full covariance has as many numbers as the fourth power of the side, and a sampler that goes from
# pixel to pixel takes minutes for 32x32 in the slowest runtime.
SIZES = {"mixture": 8, "autoregressive": 8}
FURTHER = {"gaussianmixture": {"components": 4}}


def formats():
    return {name: format for name, format in all_formats().items() if name != "openvino"}


def configuration(name):
    """The arguments of a model's recipe, each at most as large as above."""
    cls = get(name)
    named = inspect.signature(cls.__init__).parameters
    arguments = {name: named[name].default for name in (*CAPS, "image_shape") if name in named}
    arguments |= {name: value for name, value in cls.recipe.model.items() if name != "ema_decay"}
    for cap in CAPS.keys() & arguments.keys():
        arguments[cap] = min(arguments[cap], CAPS[cap])
    height, width, channels = arguments["image_shape"]
    side = SIZES.get(catalogue()[name].family, SIZE)
    arguments["image_shape"] = (min(height, side), min(width, side), channels)
    return arguments | FURTHER.get(name, {})


def exported(name, folder):
    """Writes FOLDER/NAME; the configuration."""
    import keras

    from tfgen import export

    keras.backend.clear_session()
    arguments = configuration(name)
    export.write(get(name)(seed=0, **arguments), folder / name, formats())
    return arguments


def summary(outcomes):
    """Of one model in one runtime: the worst difference that is no failure, and what else happened.

    {"status": "ok", "inexact" or None, "difference": number or None, "wrong": {signature: what},
    "cannot": {signature: reason}}
    """
    right = [one for one in outcomes.values() if one["status"] in ("ok", "inexact")]
    return {
        # As words stand, "inexact" is before "ok".
        "status": min((one["status"] for one in right), default=None),
        "difference": max((one["difference"] for one in right), default=None),
        "wrong": {
            name: verify.shown(one).removeprefix("wrong: ")
            for name, one in outcomes.items()
            if one["status"] == "wrong"
        },
        "cannot": {
            name: one["reason"] for name, one in outcomes.items() if one["status"] in ("fails", "absent")
        },
    }


def table(result):
    """The record as a Markdown table with notes."""
    runtimes = [*result["runtimes"]]
    notes = {}
    lines = [_row("Model", *runtimes), _row(*["---"] * (len(runtimes) + 1))]
    for name, row in result["models"].items():
        lines.append(_row(catalogue()[name].cls, *(_cell(row["runtimes"][one], notes) for one in runtimes)))
    versions = {k: v for one in result["runtimes"].values() for k, v in (one["versions"] or {}).items()}
    told = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    lines += ["", *(f"{number}. `{note}`" for note, number in notes.items())]
    lines += ["", f"Run in {result['seconds'] / 60:.0f} minutes on {result['cores']} cores: {told}."]
    return "\n".join(lines)


def _row(*cells):
    return "| " + " | ".join(cells) + " |"


def _cell(found, notes):
    parts = []
    if found["status"]:
        parts.append(verify.shown(found))
    if found["wrong"]:
        parts.append("wrong: " + ", ".join(f"{name} {what}" for name, what in found["wrong"].items()))
    reasons = {}
    for name, reason in found["cannot"].items():
        reasons.setdefault(notes.setdefault(reason, len(notes) + 1), []).append(name)
    whole = not parts and len(reasons) == 1
    for number, names in reasons.items():
        parts.append(" ".join(["no", *([] if whole else [", ".join(names)]), f"<sup>{number}</sup>"]))
    return "; ".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="MODEL", help="by default all")
    parser.add_argument("--to", type=Path, required=True)
    options = parser.parse_args()
    names = options.names or [*catalogue()]
    for name in names:
        if name not in catalogue()():
            parser.error(str(unknown("model", name, catalogue())))
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        runtimes = [name for name, runtime in RUNTIMES.items() if runtime.format in formats()]
        arguments = {}
        for name in names:
            arguments[name] = exported(name, Path(folder))
            print(f"{name} is exported, {time.monotonic() - start:.0f} s", flush=True)
        report = verify.verified([Path(folder, name) for name in names], runtimes)
        found = {Path(path).name: row["outcomes"] for path, row in report["artifacts"].items()}
    result = {
        "command": "python tools/matrix.py " + " ".join([*options.names, "--to", str(options.to)]),
        "seconds": round(time.monotonic() - start),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "runtimes": report["runtimes"],
        "skipped": report["skipped"],
        "models": {
            name: {
                "arguments": arguments[name],
                "runtimes": {runtime: summary(outcomes) for runtime, outcomes in found[name].items()},
            }
            for name in names
        },
    }
    with replacing(options.to) as part:
        part.write_text(json.dumps(result, indent=2) + "\n")
    print(table(result))
    verify.check(report)


if __name__ == "__main__":
    main()
