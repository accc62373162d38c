"""`tfgen-export make RUN --to DIR`: the folder that one deploys.

DIR/README.md            the card: paper, data, scores, samples, how to run it, what was measured
DIR/samples.png          the first images of seed 0
DIR/manifest.json        signatures, formats, differences, SHA-256 of each file; `tfgen.export` has more
DIR/golden/NAME/test_data_set_K/    inputs and outputs, as ONNX's model zoo stores its tests
DIR/saved_model/  DIR/onnx/NAME.onnx  DIR/litert/NAME.tflite  DIR/openvino/NAME.xml
DIR/onnx_fp16/NAME.onnx  DIR/onnx_int8/NAME.onnx
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from tfgen.cli.console import import_tensorflow
from tfgen.errors import InputError, unknown

FORMATS = ("saved_model", "onnx", "litert", "openvino")
PRECISIONS = ("fp32", "fp16", "int8")
SHOWN = 8  # images of seed 0 on the card


def command(
    run: Annotated[Path, typer.Argument(help="A run folder of `tfgen train`.", metavar="RUN")],
    to: Annotated[Path | None, typer.Option(help="A folder, by default RUN/artifact.")] = None,
    formats: Annotated[str, typer.Option(help=f"Of {', '.join(FORMATS)}, with commas.")] = "saved_model,onnx",
    precision: Annotated[
        str,
        typer.Option(help="Of fp32, fp16 and int8: ONNX files with smaller weights beside those of fp32."),
    ] = "fp32",
    measure: Annotated[
        bool, typer.Option("--measure", help="Time every runtime for the card: a minute of an idle machine.")
    ] = False,
):
    """Makes an artifact of a run: every format checked against the model before it is there.

    \b
    Examples:
      tfgen-export make runs/digits --to artifacts/digits --measure
      tfgen-export make runs/digits --formats saved_model,onnx,litert,openvino --precision fp32,fp16,int8
    """
    to = run / "artifact" if to is None else to
    formats = _chosen("format", formats, FORMATS)
    precisions = _chosen("precision", precision, PRECISIONS)
    if "onnx" not in formats and precisions != ["fp32"]:
        raise InputError(f"precisions are those of onnx files; add onnx to --formats {','.join(formats)}")
    import_tensorflow()

    manifest = make(run, to, [*formats, *(f"onnx_{name}" for name in precisions if name != "fp32")], measure)
    for name, written in manifest["formats"].items():
        for signature, difference in written["differences"].items():
            print(
                f"  {name:11}  {signature:12}  differs by {difference:.1e} (at most {written['bound']:.0e})"
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


def make(run, to, formats, measure=False):
    """Writes the artifact of a run folder into the folder `to`.

    Args:
        run, to: paths; `to` must be new, empty or an intact export, which is replaced.
        formats: names of `all_formats()`.
        measure: whether to time the runtimes, which `export.speed` has.

    Returns:
        the manifest.

    Raises:
        InputError: as `tfgen.export.write`; what was at `to` is left as it was.
    """
    import numpy as np

    from tfgen import export, pictures, runs
    from tfgen.runs.data import label_names
    from tfgen.runs.folder import read

    from . import card, speed

    model, told = runs.load(run), read(run)

    def finish(folder, manifest):
        source = told["data"]["source"]
        manifest["run"] = {name: told[name] for name in ("model", "epochs", "batch_size", "seed", "versions")}
        manifest["run"]["data"] = {"source": Path(source).name, "options": told["data"]["options"]}
        if model.label_spec is not None:
            manifest["labels"] = list(label_names(told["data"]))
        manifest["session_options"] = export.onnx.SESSION_OPTIONS
        if measure:
            manifest["speed"] = {"cores": os.cpu_count(), "rows": speed.measured(folder, manifest)}
        labels = card.example_labels(model.label_spec, model.classes, SHOWN)
        images = model.sample(SHOWN, seed=0, labels=labels)
        strip = np.hstack(pictures.to_uint8(images, model.value_range))
        pictures.to_picture(strip).save(folder / "samples.png")
        (folder / "README.md").write_text(card.text(model, manifest, folder, run))

    available = all_formats()
    export.write(model, to, {name: available[name] for name in formats}, finish)
    return export.folders.opened(to)


def all_formats():
    """{name: format} as `tfgen.export.write` takes them; an ONNX variant follows "onnx"."""
    from tfgen.export import onnx, saved_model

    from .formats import FORMATS as further

    return {"saved_model": saved_model, "onnx": onnx, **further}
