"""Makes a record of a run: python tools/record.py RUN [--variant small] [--published "..."]

Writes results/runs/MODEL/DATA[-VARIANT]/: record.json (what was run, how long, by which versions, the
scores), samples.png (of the last epoch), curve.png, and completions.png if there are any. Evaluate the
run first (`tfgen evaluate`), and of a model of pixels make completions (`tfgen complete`).
"""

import argparse
import csv
import json
import os
import shlex
import shutil
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

RESULTS = Path(__file__).parents[1] / "results/runs"


def seconds(run):
    """Wall time of the training, of all its sessions: from TensorBoard's event files."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    total = 0.0
    for path in sorted((run / "tensorboard" / "train").glob("events.*")):
        times = [event.wall_time for event in EventFileLoader(str(path)).Load()]
        total += max(times) - min(times)
    return round(total)


def command(run, name):
    """The run's own command, without the places of this machine."""
    words, kept = shlex.split(run["command"]), []
    while words:
        word = words.pop(0)
        if word in ("--data-dir", "--out", "--epochs"):
            words.pop(0)
        elif word != "--no-download":
            kept.append(word)
    return shlex.join(["tfgen", *kept[1:], "--epochs", str(run["epochs"]), "--out", f"runs/{name}"])


def curve(rows, path):
    epochs = [int(row["epoch"]) for row in rows]
    logs = [log for log in rows[0] if log != "epoch"]
    figure, axes = pyplot.subplots(1, len(logs), figsize=(3 * len(logs), 2.4), layout="constrained")
    for axis, log in zip([axes] if len(logs) == 1 else axes, logs):
        axis.plot(epochs, [float(row[log]) for row in rows], linewidth=1)
        axis.set_title(log, fontsize=8)
        axis.set_xlabel("epoch", fontsize=8)
        axis.tick_params(labelsize=7)
    figure.savefig(path, dpi=90)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--variant", help="what tells this run from another of the same model and data")
    parser.add_argument("--published", help="the paper's figure and where it stands")
    parser.add_argument("--note", help="what a reader must know to judge the figure")
    options = parser.parse_args()
    for needed in ("run.json", "metrics.csv", "scores.json", "model.keras"):
        if not (options.run / needed).exists():
            sys.exit(f"{options.run} has no {needed}: train it to its end and evaluate it")
    run = json.loads((options.run / "run.json").read_text())
    with (options.run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    source = Path(run["data"]["source"]).name
    name = f"{run['model']}/{source}" + (f"-{options.variant}" if options.variant else "")
    record = {
        "model": run["model"],
        "command": command(run, name),
        "config": run["config"],
        "data": {
            "source": source,
            **{key: run["data"][key] for key in ("options", "examples", "fingerprint")},
        },
        **{
            key: run[key]
            for key in ("batch_size", "epochs", "seed", "precision", "xla", "versions", "onednn", "git")
        },
        "cores": os.cpu_count(),  # of this machine: record where you trained
        "seconds": seconds(options.run),
        "published": options.published,
        "note": options.note,
        "last_epoch": {log: float(value) for log, value in rows[-1].items()},
        "scores": json.loads((options.run / "scores.json").read_text()),
    }
    folder = RESULTS / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "record.json").write_text(json.dumps(record, indent=2) + "\n")
    shutil.copyfile(options.run / "metrics.csv", folder / "metrics.csv")
    last = max((options.run / "samples").glob("epoch-*.png"))
    shutil.copyfile(last, folder / "samples.png")
    if (options.run / "completions.png").exists():  # of `tfgen complete`
        shutil.copyfile(options.run / "completions.png", folder / "completions.png")
    curve(rows, folder / "curve.png")
    print(f"{folder}: {record['seconds']} s, {len(rows)} epochs")


if __name__ == "__main__":
    main()
