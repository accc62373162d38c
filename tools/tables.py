"""Writes the tables of the READMEs and STUDIES.md from results/: python tools/tables.py [--check]

A table of README.md and of export/README.md stands between `<!-- table NAME -->` and `<!-- end -->`;
results/studies/STUDIES.md is made whole. --check only compares.
"""

import ast
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from tfgen.models.registry import catalogue
from tools import load, matrix

RESULTS = ROOT / "results"
SHOWN = {  # the scores that a row shows, by the first that a record has
    "log_prob": "log p(x) {:.2f} nats",
    "log_prob_bits_per_dim": "{:.3f} bits/dim",
    "frechet": "Fréchet {:.2f}",
    "precision": "precision {:.2f}",
    "recall": "recall {:.2f}",
    "class_agreement": "class agreement {:.3f}",
}
FILES = ("record.json", "samples.png", "completions.png", "curve.png")


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(head, rows):
    return "\n".join([row(*head), row(*["---"] * len(head)), *(row(*cells) for cells in rows)])


def models():
    """Every model with its paper, file, tests, and what was run."""
    rows = []
    used = {folder.name: _imported(folder.name) for folder, _ in _studies()}
    for name, entry in catalogue().items():
        path = "tfgen/models/" + entry.module.replace(".", "/") + ".py"
        test = "tests/models/test_" + entry.module.split(".")[-1] + ".py"
        runs = [
            f"[{record.parent.name}]({record.relative_to(ROOT)})"
            for record in sorted(RESULTS.glob("*/record.json"))
            if json.loads(record.read_text())["model"] == name
        ]
        runs += [
            f"[{study}](results/studies/STUDIES.md#{study})"
            for study, classes in used.items()
            if entry.cls in classes
        ]
        rows.append(
            (
                f"[{entry.cls}]({path})",
                f"`{name}`",
                entry.family,
                f"{entry.title} ({entry.year})",
                f"[test]({test})",
                ", ".join(runs),
            )
        )
    return table(("Model", "Name", "Family", "Paper", "What proves it", "Runs"), rows)


def figures():
    """The recorded runs."""
    rows = []
    for path in sorted(RESULTS.glob("*/record.json")):
        record = json.loads(path.read_text())
        folder = path.parent.relative_to(ROOT)
        values = {score["name"]: score for score in record["scores"]}
        shown = []
        for name, text in SHOWN.items():
            if name in values:
                error = values[name]["standard_error"]
                shown.append(text.format(values[name]["value"]) + (f" ± {error:.2g}" if error else ""))
        shown = "; ".join(shown)
        work = f"{record['epochs']} epochs, {record['seconds'] / 60:.0f} min on {record['cores']} cores"
        options = record["data"]["options"]
        data = record["data"]["source"] + (
            f", {options['binarize']}ally binarised" if options.get("binarize") else ""
        )
        rows.append(
            (
                catalogue()[record["model"]].cls,
                data,
                shown,
                record["published"] or "none on these data",
                f"{work}. {record['note']}" if record["note"] else work,
                ", ".join(
                    f"[{file.split('.')[0]}]({folder}/{file})"
                    for file in FILES
                    if (path.parent / file).exists()
                ),
            )
        )
    return table(
        ("Model", "Data", "On test images (protocol: see the record)", "Published", "Work", "Files"), rows
    )


def _times(one, other):
    return f"{one['median_ms']:.2f} / {other['median_ms']:.2f}"


def speed():
    """Ratios of tools/benchmark.py."""
    results = json.loads((RESULTS / "benchmark.json").read_text())
    rows = []
    for case in results["training"]["rows"]:
        rows.append(("step: `fit` / plain Keras loop", f"{case['model']}, batch {case['batch']}",
                     _times(case["tfgen"], case["plain"]), f"{case['ratio']:.2f}"))  # fmt: skip
    for case in results["xla"]["rows"]:
        rows.append(("step: XLA on / off", f"{case['model']}, batch {case['batch']}",
                     _times(case["xla"], case["graph"]), f"{case['ratio']:.2f}"))  # fmt: skip
    for case in results["xla"]["rows"]:
        for what, other in (("XLA on / off", "graph"), ("critic by cond / unrolled", "xla unrolled")):
            if f"{other} first_s" in case:
                one, two = (1000 * case[f"{way} first_s"] for way in ("xla", other))
                rows.append((f"first step, with compilation: {what}",
                             f"{case['model']}, batch {case['batch']}",
                             f"{one:.0f} / {two:.0f}", f"{one / two:.2f}"))  # fmt: skip
    for case in results["export"]["rows"]:
        rows.append(("generator: onnxruntime / TensorFlow", f"{case['model']}, batch {case['batch']}",
                     _times(case["onnxruntime"], case["tensorflow"]), f"{case['ratio']:.2f}"))  # fmt: skip
    for case in results["likelihood"]["rows"]:
        of = f"{case['model']}, {case['samples']} draws of {case['images']} images"
        for what, one, other in (
            ("bound on log p(x): TFP's likelihood / ours", "naive", "graph"),
            ("bound on log p(x) / its decoder alone", "graph", "decoder"),
        ):
            quotient = case[f"{one}_over_{other}"]["ratio"]
            rows.append((what, of, _times(case[one], case[other]), f"{quotient:.2f}"))
    for case in results["mixture"]["rows"]:
        rows.append(("iteration of EM: `fit` / scikit-learn", case["case"],
                     _times(case["tfgen"], case["scikit-learn"]), f"{case['ratio']:.2f}"))  # fmt: skip
    return table(("What / against what", "Case", "Median ms / ms", "Ratio"), rows)


def sampling():
    """Cached sampling against the naive loop and one forward pass."""
    results = json.loads((RESULTS / "benchmark.json").read_text())
    rows = []
    for case in results["sampling"]["rows"]:
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


def studies():
    """The recorded studies, by their questions."""
    page = (RESULTS / "studies/STUDIES.md").relative_to(ROOT)
    rows = [
        (f"[{result['question']}]({page}#{folder.name})", f"`{result['command']}`", _minutes(result))
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
    return f"{value:.4g}" if isinstance(value, float) else value


def artifacts():
    """The shipped artifacts."""
    rows = []
    for path in sorted(ROOT.glob("export/artifacts/*/manifest.json")):
        manifest, name = json.loads(path.read_text()), path.parent.name
        size = sum(one["size"] for one in manifest["files"].values()) + path.stat().st_size
        differences = [max(one["differences"].values()) for one in manifest["formats"].values()]
        rows.append((f"[{name}](artifacts/{name}/README.md)", manifest["model"]["class_name"],
                     f"{size / 1e6:.2f} MB", ", ".join(manifest["signatures"]), f"{max(differences):.1e}",
                     f"![images of seed 0](artifacts/{name}/samples.png)"))  # fmt: skip
    return table(("Artifact", "Model", "Size", "Signatures", "Largest difference", "Seed 0"), rows)


def runtimes():
    """The shipped artifacts in each runtime, images a second."""
    rows = json.loads((RESULTS / "benchmark.json").read_text())["runtimes"]["rows"]
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
    return json.loads((RESULTS / f"{name}.json").read_text())


def triton():
    """What Triton made of one artifact, by protocol."""
    result, rows = _result("triton"), []
    for protocol in dict.fromkeys(one["protocol"] for one in result["rows"]):
        found = [one for one in result["rows"] if one["protocol"] == protocol]
        statuses = sorted({str(status) for one in found for status in one["refused"].values()})
        rows.append((protocol, len(found), f"{max(one['difference'] for one in found):.1e}",
                     ", ".join(found[0]["refused"]), ", ".join(statuses)))  # fmt: skip
    head = ("Protocol", "Signatures", "Largest difference", "Wrong requests", "Refused by")
    return f"{table(head, rows)}\n\n{result['server']}, {result['rows'][0]['model'].split('.')[0]}."


def page():
    """Milliseconds from a move of a slider to the painted image, in headless Chromium."""
    result, keys = _result("page"), ("median_ms", "p95_ms", "largest_ms")
    rows = [(one["artifact"], one["slider"], *(f"{one[key]:.1f}" for key in keys)) for one in result["rows"]]
    told = ", ".join(f"{name} {version}" for name, version in result["machine"]["versions"].items())
    head = ("Artifact", "Slider", "Median ms", "95 % within", "Largest")
    return f"{table(head, rows)}\n\n{result['rows'][0]['moves']} moves each; {told}."


TABLES = {
    "models": models,
    "figures": figures,
    "speed": speed,
    "sampling": sampling,
    "studies": studies,
    "artifacts": artifacts,
    "matrix": lambda: matrix.table(_result("matrix")),
    "runtimes": runtimes,
    "serving": lambda: load.table(_result("serving")),
    "triton": triton,
    "page": page,
}


def _filled(text):
    return re.sub(
        r"<!-- table (\w+) -->\n(?:(?!<!-- end).*\n)*<!-- end -->",
        lambda match: f"<!-- table {match[1]} -->\n{TABLES[match[1]]()}\n<!-- end -->",
        text,
    )


def main():
    page = RESULTS / "studies/STUDIES.md"
    pages = {page: (page.read_text() if page.exists() else "", studies_page())}
    for path in (ROOT / "README.md", ROOT / "export/README.md"):
        pages[path] = (path.read_text(), _filled(path.read_text()))
    for path, (old, new) in pages.items():
        if "--check" in sys.argv and new != old:
            sys.exit(f"{path.name} differs from results/: run `python tools/tables.py`")
        path.write_text(new)


if __name__ == "__main__":
    main()
