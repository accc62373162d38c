"""Writes the tables of the documents from results/ and the catalogue: python tools/tables.py [--check]

A table stands between `<!-- table NAME -->` and `<!-- end -->`, its links being relative to its page;
results/studies/STUDIES.md is made whole. --check only compares.
"""

import ast
import json
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from tfgen.models.advice import ADVICE
from tfgen.models.registry import catalogue
from tfgen.models.uses import USES
from tools import load, matrix

RESULTS = ROOT / "results"
PAGES = ("README.md", "tfgen/models/README.md", "results/README.md", "export/README.md")
SHOWN = {  # the scores that a row shows, by the first that a record has
    "log_prob": "log p(x) {:.2f} nats",
    "log_prob_bits_per_dim": "{:.3f} bits/dim",
    "frechet": "Fréchet {:.2f}",
    "precision": "precision {:.2f}",
    "recall": "recall {:.2f}",
    "psnr_y": "PSNR of Y {:.2f} dB",
    "class_agreement": "class agreement {:.3f}",
}
FILES = ("record.json", "samples.png", "completions.png", "curve.png")


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(head, rows):
    return "\n".join([row(*head), row(*["---"] * len(head)), *(row(*cells) for cells in rows)])


def link(text, path, page):
    """A link from a page to a path of the repository, which may end in #SECTION."""
    return f"[{text}]({os.path.relpath(ROOT / path, page.parent)})"


def models(page):
    """Every model with its paper, tests, and what was run."""
    rows = []
    used = {folder.name: _imported(folder.name) for folder, _ in _studies()}
    records = {path: json.loads(path.read_text())["model"] for path in _records()}
    for name, entry in catalogue().items():
        path = "tfgen/models/" + entry.module.replace(".", "/") + ".py"
        test = "tests/models/test_" + entry.module.split(".")[-1] + ".py"
        runs = [link(path.parent.name, path, page) for path, of in records.items() if of == name]
        runs += [
            link(study, f"results/studies/STUDIES.md#{study}", page)
            for study, classes in used.items()
            if entry.cls in classes
        ]
        title = f"{entry.title} ({entry.year})"
        rows.append(
            (link(entry.cls, path, page), entry.family, title, link("test", test, page), ", ".join(runs))
        )
    return table(("Model", "Family", "Paper", "What proves it", "Runs"), rows)


def advice(page):
    """Which model for which data."""
    rows = [(one.data, ", ".join(f"`{name}`" for name in one.models), one.reason) for one in ADVICE]
    return table(("You have", "Begin with", "Because"), rows)


def uses(page):
    """Systems that are uses of models."""
    rows = [
        (
            *(use.name, f"{use.title} ({use.year})", use.does, f"`{use.how}`"),
            link(use.study, f"results/studies/STUDIES.md#{use.study}", page),
        )
        for use in USES.values()
    ]
    return table(("Use", "Paper", "It", "How", "Runs"), rows)


def _records():
    return sorted(RESULTS.glob("runs/*/*/record.json"))


def figures(page):
    """The recorded runs."""
    rows = []
    for path in _records():
        record = json.loads(path.read_text())
        values = {score["name"]: score for score in record["scores"]}
        shown = []
        for name, text in SHOWN.items():
            if name in values:
                error = values[name]["standard_error"]
                shown.append(text.format(values[name]["value"]) + (f" ± {error:.2g}" if error else ""))
        work = f"{record['epochs']} epochs, {record['seconds'] / 60:.0f} min on {record['cores']} cores"
        options = record["data"]["options"]
        data = record["data"]["source"] + (
            f", {options['binarize']}ally binarised" if options.get("binarize") else ""
        )
        files = [path.parent / file for file in FILES if (path.parent / file).exists()]
        rows.append(
            (
                catalogue()[record["model"]].cls,
                data,
                "; ".join(shown),
                record["published"] or "none on these data",
                f"{work}. {record['note']}" if record["note"] else work,
                ", ".join(link(file.stem, file, page) for file in files),
            )
        )
    return table(
        ("Model", "Data", "On test images (protocol: see the record)", "Published", "Work", "Files"), rows
    )


SPEED = (  # benchmark, what is compared, the two ways
    ("training", "step: `fit` / plain Keras loop", "tfgen", "plain"),
    ("translation", "step: `fit` / plain Keras loop", "tfgen", "plain"),
    ("captions", "step: `fit` / plain Keras loop", "tfgen", "plain"),
    ("frames", "step: `fit` / plain Keras loop", "tfgen", "plain"),
    ("extending", "clips extended: one compiled loop / a call for each frame", "loop", "calls"),
    ("pytorch", "step: `fit` / PyTorch", "tfgen", "torch"),
    ("onednn", "step: oneDNN on / off", "on", "off"),
    ("xla", "step: XLA on / off", "xla", "graph"),
    ("export", "generator: onnxruntime / TensorFlow", "onnxruntime", "tensorflow"),
    ("mixture", "iteration of EM: `fit` / scikit-learn", "tfgen", "scikit-learn"),
    ("layers", "locally connected layer and its gradient: ours / a loop over places", "tfgen", "loop"),
    ("search", "search of an image's code: compiled / eager", "compiled", "eager"),
)


def speed(page):
    """Ratios of tools/benchmark.py."""
    rows = []

    def add(what, case, times, one, other):
        rows.append((what, case, f"{times[one]['median_ms']:.2f} / {times[other]['median_ms']:.2f}",
                     f"{times[one]['median_ms'] / times[other]['median_ms']:.2f}",
                     f"{times[one]['min_ms'] / times[other]['min_ms']:.2f}"))  # fmt: skip

    for name, what, one, other in SPEED:
        if not (RESULTS / f"benchmarks/{name}.json").exists():  # PyTorch is no dependency
            continue
        for row in _rows(name):
            case = row.get("case") or f"{row.get('model') or row['layer']}, batch {row['batch']}"
            instructions = row.get("instructions")
            add(what, case + (f"; {instructions}" if instructions else ""), row, one, other)
    for row in _rows("xla"):
        for what, other in (("XLA on / off", "graph"), ("critic by cond / unrolled", "xla unrolled")):
            if f"{other} first_s" in row:
                ms = {way: dict.fromkeys(("median_ms", "min_ms"), 1000 * row[f"{way} first_s"])
                      for way in ("xla", other)}  # fmt: skip
                add(f"first step, with compilation: {what}", f"{row['model']}, batch {row['batch']}",
                    ms, "xla", other)  # fmt: skip
    for row in _rows("likelihood"):
        case = f"{row['model']}, {row['samples']} draws of {row['images']} images"
        add("bound on log p(x): TFP's likelihood / ours", case, row, "naive", "graph")
        add("bound on log p(x) / its decoder alone", case, row, "graph", "decoder")
    return table(("What / against what", "Case", "Median ms / ms", "Ratio", "Ratio of minima"), rows)


def sampling(page):
    """Cached sampling against the naive loop and one forward pass."""
    rows = []
    for case in _rows("sampling"):
        each = case["cached"]["median_ms"] / case["batch"]
        rows.append((case["model"], case["batch"], f"{1000 / each:.0f}",
                     f"{case['naive_over_cached']['ratio']:.0f}",
                     f"{case['naive_over_traced']['ratio']:.0f}",
                     f"{case['cached_over_forward']['ratio']:.1f}"))  # fmt: skip
    head = (
        "Sampling",
        "Batch",
        "Images/s",
        "Times faster than the naive loop",
        "The same without XLA",
        "Forward passes a batch costs",
    )
    return table(head, rows)


def _imported(study):
    """The models that a study imports."""
    body = ast.parse((ROOT / f"tools/studies/{study}.py").read_text()).body
    found = [node for node in body if isinstance(node, ast.ImportFrom) and node.module == "tfgen.models"]
    return [alias.name for node in found for alias in node.names]


def _studies():
    for path in sorted(RESULTS.glob("studies/*/result.json")):
        yield path.parent, json.loads(path.read_text())


def studies(page):
    """The recorded studies, by their questions."""
    rows = [
        (
            link(result["question"], f"results/studies/STUDIES.md#{folder.name}", page),
            f"`{result['command']}`",
            _minutes(result),
        )
        for folder, result in _studies()
    ]
    return table(("Question", "Repeat it by", "Work"), rows)


def _minutes(result):
    return f"{result['seconds'] / 60:.0f} min on {result['cores']} cores"


def studies_page():
    """Each study with its protocol, its figures and its pictures."""
    parts = ["# Studies\n\nMade by `python tools/tables.py` from the results beside it."]
    for folder, result in _studies():
        found = [value for name, value in result.items() if name != "versions"]
        tables = [_table_of(value) for value in found if isinstance(value, (list, dict))]
        published = f"\n\nPublished: {result['published']}" if result["published"] else ""
        pictures = "".join(f"\n\n![{p.stem}]({folder.name}/{p.name})" for p in sorted(folder.glob("*.png")))
        parts.append(
            f"## {folder.name}\n\n{result['question']}\n\n{result['protocol']} "
            f"`{result['command']}`, {_minutes(result)}."
            + "".join(f"\n\n{each}" for each in tables)
            + published
            + pictures
        )
    return "\n\n".join(parts) + "\n"


def _table_of(rows):
    """Of dicts, or of one, a column for each key."""
    rows = [rows] if isinstance(rows, dict) else rows
    head = list(dict.fromkeys(column for one in rows for column in one))
    return table(head, [[_shown(one.get(column, "")) for column in head] for one in rows])


def _shown(value):
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else value


def shipped(page):
    """The models that come with tfgen."""
    rows = []
    for path in sorted(ROOT.glob("tfgen/shipped/*/model.json")):
        said, name = json.loads(path.read_text()), path.parent.name
        size = sum(one.stat().st_size for one in path.parent.iterdir())
        run = said["run"]
        rows.append((f"[{name}](../tfgen/shipped/{name}/README.md)", said["model"]["class_name"],
                     run["data"]["source"], run["epochs"], f"{size / 1e3:.0f} kB",
                     f"![images of seed 0](../tfgen/shipped/{name}/samples.png)"))  # fmt: skip
    return table(("Name", "Model", "Data", "Epochs", "Size", "Seed 0"), rows)


def runtimes(page):
    """The shipped models in each runtime, images a second."""
    return _by_runtime(_rows("runtimes"))


def _once_measured(name, make):
    """The table that `make` makes of a benchmark's rows, where it was run."""
    path = RESULTS / f"benchmarks/{name}.json"
    return make(_rows(name)) if path.exists() else f"Not measured yet: `python tools/benchmark.py {name}`."


def _memory(rows):
    """MB that one image takes, by its size."""
    ways = list(dict.fromkeys(name for one in rows for name in one if name not in ("model", "made")))
    cells = [[one["model"], one["made"], *(f"{one[w]:,}" if w in one else "" for w in ways)] for one in rows]
    return table(("Model", "Pixels made", *ways), cells)


def large(page):
    """GB that training at 128x128 takes."""
    rows = [
        (one["model"], one["image"], one["batch"], one["million parameters"],
         *(f"{one[when]:.2f}" for when in ("before_gb", "built_gb", "peak_gb")))
        for one in _rows("large")
    ]  # fmt: skip
    head = ("Model", "Images", "Batch", "Million parameters", "GB before", "GB built", "GB at most")
    return table(head, rows)


def _by_runtime(rows):
    names = list(dict.fromkeys(name for one in rows for name in one["times"]))

    def cell(one, name):
        rate = one["images_per_s"].get(name)
        return "" if rate is None else f"**{rate:,}**" if name == one["fastest"] else f"{rate:,}"

    cells = [
        (one["artifact"], f"`{one['signature']}`", one["batch"], *(cell(one, name) for name in names))
        for one in rows
    ]
    return table(("Artifact", "Signature", "Batch", *names), cells)


def _result(name):
    return json.loads((RESULTS / f"benchmarks/{name}.json").read_text())


def _rows(name):
    return _result(name)["rows"]


def triton(page):
    """What Triton made of one artifact, by protocol."""
    result, rows = _result("triton"), []
    for protocol in dict.fromkeys(one["protocol"] for one in result["rows"]):
        found = [one for one in result["rows"] if one["protocol"] == protocol]
        statuses = sorted({str(status) for one in found for status in one["refused"].values()})
        rows.append((protocol, len(found), f"{max(one['difference'] for one in found):.1e}",
                     ", ".join(found[0]["refused"]), ", ".join(statuses)))  # fmt: skip
    head = ("Protocol", "Signatures", "Largest difference", "Wrong requests", "Refused by")
    return f"{table(head, rows)}\n\n{result['server']}, {result['rows'][0]['model'].split('.')[0]}."


def sliders(page):
    """Milliseconds from a move of a slider to the painted image, in headless Chromium."""
    result, keys = _result("page"), ("median_ms", "p95_ms", "largest_ms")
    rows = [(one["artifact"], one["slider"], *(f"{one[key]:.1f}" for key in keys)) for one in result["rows"]]
    told = ", ".join(f"{name} {version}" for name, version in result["machine"]["versions"].items())
    head = ("Artifact", "Slider", "Median ms", "95 % within", "Largest")
    return f"{table(head, rows)}\n\n{result['rows'][0]['moves']} moves each; {told}."


TABLES = {
    "models": models,
    "advice": advice,
    "uses": uses,
    "figures": figures,
    "speed": speed,
    "sampling": sampling,
    "studies": studies,
    "shipped": shipped,
    "matrix": lambda page: matrix.table(_result("matrix")),
    "runtimes": runtimes,
    "translating": lambda page: _once_measured("translating", _by_runtime),
    "large": large,
    "memory": lambda page: _once_measured("memory", _memory),
    "serving": lambda page: load.table(_result("serving")),
    "triton": triton,
    "page": sliders,
}


def filled(path):
    """A page's text with its tables made anew."""
    return re.sub(
        r"<!-- table (\w+) -->\n(?:(?!<!-- end).*\n)*<!-- end -->",
        lambda match: f"<!-- table {match[1]} -->\n{TABLES[match[1]](path)}\n<!-- end -->",
        path.read_text(),
    )


def main():
    page = RESULTS / "studies/STUDIES.md"
    made = {page: studies_page(), **{ROOT / name: filled(ROOT / name) for name in PAGES}}
    for path, text in made.items():
        if path.exists() and path.read_text() == text:
            continue
        if "--check" in sys.argv:
            sys.exit(f"{path.relative_to(ROOT)} differs from results/: run `python tools/tables.py`")
        path.write_text(text)


if __name__ == "__main__":
    main()
