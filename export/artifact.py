"""`tfgen-export make MODEL --to DIR`: the folder that one deploys.

DIR/README.md            the card: paper, data, scores, samples, how to run it, what was measured
DIR/samples.png          the first images of seed 0; of a translator, what it makes of DIR/inputs.png; of a
                         model that continues clips, DIR/clip.npz and what follows
DIR/manifest.json        signatures, formats, differences, SHA-256 of each file; `tfgen.export` has more
DIR/golden/NAME/test_data_set_K/    inputs and outputs, as ONNX's model zoo stores its tests
DIR/saved_model/  DIR/onnx/NAME.onnx  DIR/litert/NAME.tflite  DIR/openvino/NAME.xml
DIR/onnx_fp16/NAME.onnx  DIR/onnx_int8/NAME.onnx
"""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from tfgen import loading
from tfgen.cli.console import import_tensorflow
from tfgen.errors import InputError, unknown
from tfgen.export import golden

FORMATS = ("saved_model", "onnx", "litert", "openvino")
PRECISIONS = ("fp32", "fp16", "int8")
ABOUT = ("run", "labels", "scores")


def command(
    model: Annotated[
        str, typer.Argument(help="A run folder, a .keras file or a shipped model's name.", metavar="MODEL")
    ],
    to: Annotated[
        Path | None, typer.Option(help="A folder; by default MODEL/artifact, or NAME-artifact here.")
    ] = None,
    formats: Annotated[str, typer.Option(help=f"Of {', '.join(FORMATS)}, with commas.")] = "saved_model,onnx",
    precision: Annotated[
        str,
        typer.Option(help="Of fp32, fp16 and int8: ONNX files with smaller weights beside those of fp32."),
    ] = "fp32",
    search: Annotated[
        bool,
        typer.Option(
            "--search",
            help="Add a step of the search that fills holes and follows a brush, which a page runs.",
        ),
    ] = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="Time every runtime for the card: a minute of an idle machine.")
    ] = False,
):
    """Makes an artifact of a trained model: every format checked against the model before it is there.

    \b
    Examples:
      tfgen-export make runs/digits --to artifacts/digits --measure
      tfgen-export make dcgan-fashion_mnist --to artifacts/fashion --search
      tfgen-export make runs/digits --formats saved_model,onnx,litert,openvino --precision fp32,fp16,int8
    """
    to = loading.place(model, "artifact") if to is None else to
    formats = _chosen("format", formats, FORMATS)
    precisions = _chosen("precision", precision, PRECISIONS)
    if "onnx" not in formats and precisions != ["fp32"]:
        raise InputError(f"precisions are those of onnx files; add onnx to --formats {','.join(formats)}")
    import_tensorflow()

    variants = [f"onnx_{name}" for name in precisions if name != "fp32"]
    manifest = make(model, to, [*formats, *variants], measure, search)
    for name, written in manifest["formats"].items():
        bounds = golden.bounds(written["bound"], manifest)
        for signature, difference in written["differences"].items():
            print(
                f"  {name:11}  {signature:12}  differs by {difference:.1e} (at most {bounds[signature]:.0e})"
            )
        for signature, reason in written["refused"].items():
            print(f"  {name:11}  {signature:12}  not written: {reason}")
    size = sum(file["size"] for file in manifest["files"].values())
    print(f"the artifact: {to}, {size / 1e6:.2f} MB; begin with {to / 'README.md'}")


def _chosen(kind, text, known):
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise unknown(kind, name, known)
    return names


def opened(what):
    """A trained model, and what is known of it.

    Args:
        what: as `tfgen.load` takes it.

    Returns:
        (model, {"run", "labels", "scores"}), the dict without what is not known. "run" has "model", the
        "epochs" that were done, "batch_size", "seed", "versions" and "data"; "scores" are those of the
        model's weights, or a sentence that says why there are none.
    """
    from tfgen.export import shipped
    from tfgen.runs.data import label_names, steps

    model, told = loading.load(what), loading.run_of(what)
    if loading.kind_of(what) == "shipped":
        return model, {key: value for key, value in shipped.described(what).items() if key in ABOUT}
    if told is None:
        return model, {}
    data = told["data"]
    run = {name: told[name] for name in ("model", "batch_size", "seed", "versions")}
    run["epochs"] = int(model.step) // steps(told)
    run["data"] = {"source": Path(data["source"]).name, "options": data["options"]}
    about = {"run": run, "scores": _scores(Path(what) / "scores.json", model)}
    if model.label_spec is not None:
        about["labels"] = list(label_names(data))
    return model, about


def _scores(path, model):
    from tfgen.export import weights
    from tfgen.metrics.score import WHOSE

    if not path.exists():
        return "Not evaluated."
    scores = json.loads(path.read_text())
    digest = weights.digest(weights.named(model))
    mine = [score for score in scores if score["protocol"].get(WHOSE) == digest]
    if not mine:
        return "Evaluated with other weights than these; `tfgen evaluate` scores these."
    return mine


def _palette(what, model):
    """The colours of the label maps that a run translates, as `label_maps.palette` finds them; else None."""
    from tfgen import pictures
    from tfgen.metrics import label_maps
    from tfgen.runs.data import shown

    from . import examples

    told, field = loading.run_of(what), model.conditions["inputs"]
    if told is None or field.shape[-1] not in (1, 3):
        return None
    told["data"]["download"] = False
    try:
        inputs = model.inputs_of(shown(told, model, examples.SHOWN))
    except InputError:  # the data are elsewhere now
        return None
    return label_maps.palette(pictures.to_uint8(inputs, (field.low, field.high)))


def _captions(what, model):
    """Texts of the data of a run of a model of captions, each once; [] where there are none."""
    from tfgen.runs.data import shown

    from . import examples

    told, field = loading.run_of(what), model.conditions.get("captions")
    if field is None or told is None:
        return []
    told["data"]["download"] = False
    try:
        rows = shown(told, model, examples.SHOWN)["captions"]
    except InputError:  # the data are elsewhere now
        return []
    return list(dict.fromkeys(field.text(row) for row in rows))


def make(what, to, formats, measure=False, search=False):
    """Writes the artifact of a trained model into the folder `to`.

    Args:
        what: as `opened` takes it.
        to: a path: new, empty or an intact export, which is replaced.
        formats: names of `all_formats()`.
        measure: whether to time the runtimes, which `export.speed` has.
        search: whether a step of the search of `analysis.search.inpaint` is a signature, too.

    Returns:
        the manifest.

    Raises:
        InputError: as `tfgen.export.write`; what was at `to` is left as it was.
    """
    import numpy as np

    from tfgen import export
    from tfgen.analysis.search import step_of
    from tfgen.export.folders import of_role
    from tfgen.models.abilities import Extends, Translates, TranslatesSentences

    from . import card, examples, speed

    model, about = opened(what)
    if isinstance(model, TranslatesSentences):
        raise InputError(
            f"an artifact's card and page show pictures, and {type(model).__name__} translates sentences; "
            f"tfgen export writes it as SavedModel and ONNX, whose inputs are the numbers of words"
        )

    def finish(folder, manifest):
        manifest.update({key: about[key] for key in ("run", "labels") if key in about})
        inputs = [one for each in manifest["signatures"].values() for one in each["inputs"]]
        manifest["session_options"] = export.onnx.session_options([one["shape"] for one in inputs])
        if measure:
            manifest["speed"] = {"cores": os.cpu_count(), "rows": speed.measured(folder, manifest)}
        if of_role(manifest, "sampler"):
            captions = _captions(what, model)
            if captions:
                manifest["captions"] = captions
            examples.strip(model, examples.SHOWN, captions).save(folder / "samples.png")
        elif isinstance(model, Translates):
            colours = _palette(what, model)
            if colours is not None:
                manifest["palette"] = colours.tolist()
            for name, picture in zip(("inputs", "samples"), examples.example(model, colours)):
                picture.save(folder / f"{name}.png")
        elif isinstance(model, Extends):
            frames = examples.clip(model)
            np.savez_compressed(folder / "clip.npz", frames=frames)
            examples.continued(model, frames).save(folder / "samples.png")
        (folder / "README.md").write_text(card.text(model, manifest, folder, about.get("scores")))

    available = all_formats()
    further = dict(further=step_of) if search else {}
    export.write(model, to, {name: available[name] for name in formats}, finish, **further)
    return export.folders.opened(to)


def all_formats():
    """{name: format} as `tfgen.export.write` takes them; an ONNX variant follows "onnx"."""
    from tfgen.export import onnx, saved_model

    from .formats import FORMATS as further

    return {"saved_model": saved_model, "onnx": onnx, **further}
