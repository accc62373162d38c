"""The card of an artifact: its README.md, written from what was measured."""

import inspect
import re
import sys

from tfgen.metrics.score import Score, beside_references, said

from .programs import numbers, programs

PICTURES = {  # whether there are inputs and samples: lines of the card
    (False, False): [],
    (False, True): ["![the first images of seed 0](samples.png)"],
    (True, True): ["![a drawing](inputs.png) ![its translation of seed 0](samples.png)"],
}
CLIP = ["![a drawing that moves, and the frames that the model has follow](samples.png)"]


def text(model, manifest, folder, scores):
    """The card, in Markdown.

    Args:
        model: the model that was exported.
        manifest: of the artifact, but for "files".
        folder: the artifact, with all its other files.
        scores: a list as RUN/scores.json has it, or a sentence, or None.
    """
    shown = [(folder / f"{name}.png").exists() for name in ("inputs", "samples")]
    about = {**manifest, "step": manifest["model"]["step"], "scores": scores, "pictures": PICTURES[*shown]}
    if (folder / "clip.npz").exists():
        about["pictures"] = CLIP
    parts = [
        *_head(model, about),
        "## Run it",
        *programs(model, manifest),
        "## Signatures",
        _signatures(manifest),
        "## Formats",
        _formats(manifest, folder),
        *(["## Speed", _speed(manifest["speed"])] if "speed" in manifest else []),
        *_tail(about),
    ]
    return "\n\n".join(parts) + "\n"


def of_shipped(name, model, about, exact):
    """The card of a model that comes with tfgen.

    Args:
        name: the shipped model's.
        model: it.
        about: what its model.json says.
        exact: whether its weights are stored in float32, else in float16.
    """
    stored = (
        "The weights are stored as they were trained, in float32."
        if exact
        else "The weights are stored in float16: up to 1 in 30 of its images' values differs, by one of 255 "
        "levels, from those of the float32 weights, to which the scores belong."
    )
    example = f'import tfgen\n\nmodel = tfgen.load("{name}")\nimages = model.sample(8, seed=0)'
    parts = [
        *_head(model, {**about, "pictures": PICTURES[False, True]}),
        "## Use it",
        f"```python\n{example}\n```",
        f"```sh\ntfgen sample {name}\ntfgen-export make {name} --to artifacts/{name}\n```",
        f"{numbers(model)} {stored}",
        *_tail(about),
    ]
    return "\n\n".join(parts) + "\n"


def _head(model, about):
    """The title, the picture, the paper, and how the model was trained."""
    source = [about["run"]["data"]["source"]] if "run" in about else []
    return [
        f"# {', '.join([type(model).__name__, *source])}",
        *about["pictures"],
        *_reference(type(model)),
        _provenance(about),
    ]


def _tail(about):
    trained = "The code is under the Apache License 2.0."
    if "run" in about:
        source = about["run"]["data"]["source"]
        trained += f" The weights were trained on {source}, whose licence is its publisher's."
    return ["## Scores", _scores(about.get("scores")), trained]


def _reference(cls):
    """The paragraph of the model's file that names its paper, if one does."""
    paragraphs = (inspect.getdoc(sys.modules[cls.__module__]) or "").split("\n\n")
    return [" ".join(paragraph.split()) for paragraph in paragraphs if "http" in paragraph][:1]


def _provenance(about):
    config = ", ".join(f"{name}={value}" for name, value in about["model"]["config"].items())
    if "run" not in about:
        return f"{about['step']:,} steps. `{config}`"
    run = about["run"]
    options = {name: value for name, value in run["data"]["options"].items() if name != "split"}
    chosen = f" ({', '.join(f'{name}={value}' for name, value in options.items())})" if options else ""
    return (
        f"Trained on {run['data']['source']}{chosen}: {run['epochs']} epochs in batches of "
        f"{run['batch_size']}, seed {run['seed']}, {about['step']:,} steps. `{config}`"
    )


def _row(*cells):
    return f"| {' | '.join(cells)} |"


def _table(head, rows):
    return "\n".join([_row(*head), _row(*["---"] * len(head)), *(_row(*cells) for cells in rows)])


def _signatures(manifest):
    def told(tensors):
        return ", ".join(
            f"{t['name']} {t['dtype']} ({', '.join('n' if s is None else str(s) for s in t['shape'])})"
            for t in tensors
        )

    rows = [
        (f"`{name}`", told(one["inputs"]), told(one["outputs"]))
        for name, one in manifest["signatures"].items()
    ]
    text = _table(("Signature", "Inputs", "Outputs"), rows)
    return (
        f"{text}\n\nLabels, by number: {', '.join(manifest['labels'])}." if manifest.get("labels") else text
    )


def _formats(manifest, folder):
    """Size and largest difference of each format, and what is not in it."""
    rows = []
    for name, one in manifest["formats"].items():
        size = sum(path.stat().st_size for path in (folder / name).rglob("*") if path.is_file())
        worst = max(one["differences"].values(), default=None)
        missing = "; ".join(f"`{signature}`: {reason}" for signature, reason in one["refused"].items())
        shown = "" if worst is None else f"{worst:.1e}"
        rows.append(
            (f"`{name}/`", f"{size / 1e3:.0f} kB", shown, f"{one['bound']:.0e}", missing or "nothing")
        )
    return (
        "Differences are from the Keras model, over the largest output, at batches of 1, 3, 7 and 64. "
        "A signature's bound is the one here, or twice what a rounding of its inputs changes, up to 1e-4.\n\n"
        + _table(("Folder", "Size", "Largest difference", "Bound", "Not written"), rows)
    )


def _speed(speed):
    """Milliseconds a call by runtime, the fastest in bold."""
    runtimes = list(dict.fromkeys(name for one in speed["rows"] for name in one["times"]))

    def cell(one, name):
        if name not in one["times"]:
            return ""
        text = f"{one['times'][name]['median_ms']:.2f}"
        return f"**{text}**" if name == one["fastest"] else text

    rows = [
        (f"`{one['signature']}`", str(one["batch"]), *(cell(one, name) for name in runtimes))
        for one in speed["rows"]
    ]
    text = _table(("Signature", "Batch", *runtimes), rows)
    return f"{text}\n\nMedian milliseconds a call, in turn in one process on {speed['cores']} cores of a CPU."


def _scores(scores):
    if not isinstance(scores, list):
        return scores or "Not evaluated."
    found = beside_references([Score(**one) for one in scores])
    columns = list(dict.fromkeys(what for _, references in found for what in references))
    rows = []
    for score, references in found:
        error = f" ± {score.standard_error:.2g}" if score.standard_error else ""
        others = [f"{references[what].value:.4g}" if what in references else "" for what in columns]
        rows.append((score.name, f"{score.value:.4g}{error}", *others))
    head = ("Score", "Value", *(f"Of {what}" for what in columns))
    return f"{_table(head, rows)}\n\nProtocol: {re.sub(r'/[^ ,]*/', '', said(scores[0]['protocol']))}."
