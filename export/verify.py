"""`tfgen-export verify`: what each runtime makes of an artifact's golden inputs."""

import json
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from tfgen.errors import InputError, unknown
from tfgen.export import folders, golden
from tfgen.files import replacing

from .runtimes import REQUIRED, RUNTIMES, packed, run, said, unpacked

INEXACT = 1e-3  # up to here a difference is rounding, and is shown; from here on it is wrong


def command(
    artifacts: Annotated[list[Path], typer.Argument(help="Folders of artifacts.", metavar="DIR...")],
    runtimes: Annotated[str, typer.Option(help=f"all, or some with commas: {', '.join(RUNTIMES)}.")] = "all",
    limit: Annotated[float, typer.Option(help="Seconds that a signature may take.")] = 120.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the report there.")] = None,
):
    """Runs every signature of artifacts in every runtime, and compares with the golden outputs.

    Every file must be as it was exported. Each runtime has a process of its own; one that is not
    installed is skipped. A difference is max |output - golden| / max |golden|, "ok" within 1e-5 or
    twice what a rounding of the inputs changes (the variants of lower precision: within what they
    were exported with). Wrong numbers of the SavedModel, or of the ONNX files in onnxruntime, are an error.

    \b
    Examples:
      tfgen-export verify artifacts/vae-mnist
      tfgen-export verify artifacts/* --runtimes onnxruntime,openvino
      tfgen-export verify artifacts/vae-mnist --json report.json
    """
    report = verified(artifacts, chosen(runtimes), limit)
    for name, why in report["skipped"].items():
        print(f"{name} is skipped: {why}")
    for folder, found in report["artifacts"].items():
        print("\n".join(["", *_lines(folder, found)]))
    if json_file is not None:
        with replacing(json_file) as part:
            part.write_text(json.dumps(report, indent=2) + "\n")
    check(report)


def chosen(text):
    """The names of runtimes in a comma-separated list, or all."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name != "all" and name not in RUNTIMES:
            raise unknown("runtime", name, [*RUNTIMES, "all"])
    return [name for name in RUNTIMES if name in names or "all" in names]


def verified(artifacts, names=tuple(RUNTIMES), limit=120.0):
    """What runtimes make of artifacts.

    Args:
        artifacts: folders.
        names: of RUNTIMES.
        limit: seconds that one signature may take.

    Returns:
        {"artifacts": {folder: {"model", "outcomes": {runtime: {signature: outcome}}}}, "runtimes":
        {runtime: {"versions", "seconds"}}, "skipped": {runtime: what to install}}. An outcome has
        "status", "difference" (None where there is no number) and "reason": "ok", "inexact" (beyond
        its bound, but below 1e-3), "wrong", "fails" (the runtime cannot run it), "absent" (the
        artifact does not have it).

    Raises:
        InputError: an artifact is damaged, or no runtime is installed.
    """
    opened = {str(folder): folders.opened(folder) for folder in artifacts}
    report = {
        "artifacts": {
            folder: {"model": manifest["model"]["class_name"], "outcomes": {}}
            for folder, manifest in opened.items()
        },
        "runtimes": {},
        "skipped": {},
    }
    for name in names:
        start = time.monotonic()
        try:
            command = RUNTIMES[name].command()
        except InputError as error:
            report["skipped"][name] = str(error)
            continue
        outcomes, versions = _in_runtime(RUNTIMES[name], command, opened, limit)
        seconds = round(time.monotonic() - start, 1)
        report["runtimes"][name] = {"versions": versions, "seconds": seconds}
        for folder, found in outcomes.items():
            report["artifacts"][folder]["outcomes"][name] = found
    if not report["runtimes"]:
        raise InputError("; ".join(f"{name} is skipped: {why}" for name, why in report["skipped"].items()))
    return report


def _in_runtime(runtime, command, opened, limit):
    """{folder: {signature: outcome}} and the runtime's versions."""
    outcomes = {folder: dict.fromkeys(manifest["signatures"]) for folder, manifest in opened.items()}
    jobs, asked = [], []
    for folder, manifest in opened.items():
        format = manifest["formats"].get(runtime.format)
        bounds = {} if format is None else golden.bounds(format["bound"], manifest)
        for signature in manifest["signatures"]:
            if format is None or signature in format["refused"]:
                why = format["refused"][signature] if format else f"the artifact has no {runtime.format}"
                outcomes[folder][signature] = _outcome("absent", reason=why)
                continue
            cases = golden.load(Path(folder, "golden", signature))
            file = "" if runtime.suffix is None else signature + runtime.suffix
            job = {
                "path": str(Path(folder, runtime.format, file).resolve()),
                "signature": signature,
                "inputs": [[packed(*item) for item in case.inputs.items()] for case in cases],
                "outputs": [*cases[0].outputs],
            }
            jobs.append(job)
            asked.append((folder, signature, cases, bounds[signature]))
    answers, versions = run(command, jobs, limit)
    for (folder, signature, cases, bound), answer in zip(asked, answers, strict=True):
        outcomes[folder][signature] = _judged(answer, cases, bound)
    return outcomes, versions


def _judged(answer, cases, bound):
    if "error" in answer:
        return _outcome("fails", reason=said(answer["error"]))
    worst = 0.0
    for tensors, case in zip(answer["outputs"], cases, strict=True):
        got = {tensor["name"]: unpacked(tensor) for tensor in tensors}
        if any(np.isnan(array).any() for array in got.values() if array.dtype.kind == "f"):
            if not any(np.isnan(array).any() for array in case.outputs.values()):
                return _outcome("wrong", reason="NaN")
        # A SavedModel has methods too, whose outputs are known by their places.
        methods = case.named(*(f"method/{k}" for k in range(len(case.outputs))))
        seen = {name: got.pop(name) for name in methods.outputs if name in got}
        worst = max(worst, case.difference(got), methods.difference(seen) if seen else 0.0)
    if not np.isfinite(worst):
        return _outcome("wrong", reason="infinite, or other names, shapes or types")
    status = "ok" if worst <= bound else "inexact" if worst <= INEXACT else "wrong"
    return _outcome(status, worst)


def _outcome(status, difference=None, reason=None):
    return {"status": status, "difference": difference, "reason": reason}


def check(report):
    """Raises an InputError for the first wrong number in a runtime that must have none."""
    for folder, found in report["artifacts"].items():
        for name in REQUIRED:
            for signature, outcome in found["outcomes"].get(name, {}).items():
                if outcome["status"] not in ("ok", "absent"):
                    raise InputError(
                        f"{folder}: signature {signature!r} does not give its golden outputs in {name} "
                        f"({shown(outcome) or outcome['reason']}); export it anew"
                    )


def shown(outcome):
    """An outcome in few letters; None where it is a reason that needs a line."""
    match outcome:
        case {"status": "ok", "difference": value}:
            return f"ok {value:.0e}" if value else "ok 0"
        case {"status": "inexact", "difference": value}:
            return f"{value:.0e}"
        case {"status": "wrong", "difference": value, "reason": reason}:
            return f"wrong: {reason or format(value, '.2g')}"


def _lines(folder, found):
    """A table of one artifact: runtimes by signatures, reasons as notes."""
    notes, lacking = {}, []
    rows = [("runtime", *next(iter(found["outcomes"].values())))]
    for name, outcomes in found["outcomes"].items():
        if all(one["status"] == "absent" for one in outcomes.values()):
            lacking.append(name)
            continue
        cells = [
            shown(one) or f"[{notes.setdefault(one['reason'], len(notes) + 1)}]" for one in outcomes.values()
        ]
        rows.append((name, *cells))
    widths = [max(map(len, column)) for column in zip(*rows)]
    yield f"{folder}: {found['model']}"
    for cells in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip()
    for reason, number in notes.items():
        yield f"  [{number}] {reason}"
    if lacking:
        yield f"  without files for {', '.join(lacking)}"
