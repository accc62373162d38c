"""Models as files that run without tfgen: SavedModel and ONNX, with a manifest to check them by.

    FOLDER/manifest.json     model, configuration, versions, signatures, SHA-256 of each file
    FOLDER/golden/NAME/      inputs and outputs of the signature NAME, for a batch of 3 and of 1
    FOLDER/saved_model/      `tf.saved_model.load(...)`: .NAME(...) and .signatures["NAME"](...)
    FOLDER/onnx/NAME.onnx    opset 18

`model.signatures()` says what is exported, {name: (method, [tf.TensorSpec, ...])}, or with a role
behind the specs: "sampler", "decoder", "encoder", "likelihood", "translator" or "extender". Each method
must be a function of its inputs alone: noise is an input, or follows from an input named "seed" or "key".
Inputs have the names of their specs. One output has the name of the signature, those of a tuple
NAME_0, NAME_1, ..., those of a dict its keys. A free first size is the batch, "batch" in ONNX and
null in the manifest; images to translate, and frames to extend, may also have a free height and width, of
which the manifest says "multiple" and "scale". A model of mixed precision is exported in float32.
"""

import importlib
import json
import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tfgen.errors import InputError
from tfgen.export import folders, golden, onnx, saved_model

if TYPE_CHECKING:  # its import takes seconds, which `tfgen-export --help` has not
    import keras


class Difference(NamedTuple):
    """The largest |output - golden output| / max |golden output| of a signature in a format."""

    format: str
    signature: str
    difference: float
    bound: float

    @property
    def ok(self):
        return self.difference <= self.bound


def to_saved_model(model: "keras.Model", folder: str | os.PathLike) -> list[Difference]:
    """Writes the model's signatures as FOLDER/saved_model.

    The folder must be new, empty or an intact export. An export of the same model keeps its
    ONNX files; one of another model, or of other weights, is replaced as a whole. The folder
    appears only once everything in it is checked: the SavedModel gives what the methods give
    for batches of 1, 3, 7 and 64, within 1e-5 of the largest output, or what `golden.bound` allows
    a deep network (of images drawn value by value, all but those of which `golden.Case.difference` tells).

    Args:
        model: a built `GenerativeModel`.
        folder: a path.

    Returns:
        One `Difference` for each signature.

    Raises:
        InputError: a signature is not a function of its inputs, or its format gives other
            numbers; the folder holds something else; the disk is full. The message names
            the signature and the operation. What was at `folder` is left as it was.
    """
    return write(model, folder, {"saved_model": saved_model})


def to_onnx(model: "keras.Model", folder: str | os.PathLike) -> list[Difference]:
    """Writes the model's signatures as FOLDER/onnx/NAME.onnx, checked in onnxruntime.

    As `to_saved_model`, and before a graph runs it must be valid, with the declared inputs
    and outputs alone, and with no operation that ONNX lacks (tf2onnx writes such graphs
    without an error).
    """
    return write(model, folder, {"onnx": onnx})


def verify(folder: str | os.PathLike) -> list[Difference]:
    """Checks an export: every file as it was written, every format as the golden outputs.

    The SavedModel runs in a new process that has TensorFlow alone, the ONNX files run in
    onnxruntime, both on the CPU and on batches of 3 and of 1.

    Returns:
        One `Difference` for each format and signature.

    Raises:
        InputError: no export, a missing, extra or changed file, or a difference beyond the bound.
    """
    folder = Path(folder).resolve()
    manifest = folders.opened(folder)
    cases = {name: golden.load(folder / "golden" / name) for name in manifest["signatures"]}
    found = {}
    if "saved_model" in manifest["formats"]:
        found["saved_model"] = saved_model.differences_afresh(folder / "saved_model", cases)
    if "onnx" in manifest["formats"]:
        found["onnx"] = onnx.differences(folder / "onnx", cases)
    return _report(found, golden.bounds(golden.BOUND, manifest))


def load(folder: str | os.PathLike) -> "keras.Model":
    """The Keras model that was exported into a folder, in float32.

    It has the weights that its SavedModel uses, and the step; what is trained and no signature
    uses, as a discriminator or the optimizers, is as a new model's. Of networks that were
    exported as averages, the copy that trains begins as the average.

    Raises:
        InputError: no export, a changed file, or an export without a SavedModel.
    """
    import keras

    from tfgen import models
    from tfgen.export import weights

    models.load_all()  # registers them with Keras
    folder = Path(folder).resolve()
    manifest = folders.opened(folder)
    if "saved_model" not in manifest["formats"]:
        raise InputError(
            f"{folder} has no saved_model, from which a model is loaded; export it in that format"
        )
    model = keras.saving.deserialize_keras_object(manifest["model"])
    weights.assign(model, saved_model.weights(folder / "saved_model"), folder)
    for name, average in model.averages.items():
        getattr(model, name).set_weights(average.get_weights())
    return model


def _report(found, bounds):
    rows = [
        Difference(format, name, value, bounds[name])
        for format, differences in found.items()
        for name, value in differences.items()
    ]
    for row in rows:
        if not row.ok:
            raise InputError(
                f"signature {row.signature!r} gives other numbers as {row.format}: they differ by "
                f"{row.difference:.1e} of the largest (bound {row.bound:.0e})"
            )
    return rows


def write(
    model: "keras.Model",
    folder: str | os.PathLike,
    formats: dict[str, Any],
    finish: Callable | None = None,
    further: Callable = lambda model: {},
) -> list[Difference]:
    """Writes an export in several formats at once, as `to_saved_model` does in one.

    Args:
        formats: {name: format}. A format has PACKAGES, whose versions the manifest names;
            `write(signatures, FOLDER/NAME)`, which returns {signature: why it is not there} or
            None; `differences(FOLDER/NAME, cases)`; BOUND of these; and REQUIRED: whether a
            signature that is beyond it is an error. Otherwise `remove(FOLDER/NAME, signature)`
            is called, and the manifest says it in "refused".
        finish: `finish(FOLDER, manifest)` adds what else belongs into the folder.
        further: `further(model)` gives signatures beside the model's own, as `analysis.search.step_of`.

    Returns:
        One `Difference` for each format and signature that was written.
    """
    from tfgen.export.signature import Signature

    report = []
    with folders.staged(folder) as (temporary, earlier):
        model = _in_float32(model)
        entries = {**model.signatures(), **further(model)}
        signatures = [Signature(model, name, *entry) for name, entry in entries.items()]
        for signature in signatures:
            golden.save(temporary / "golden" / signature.name, signature.cases[:2])
        manifest = {**_described(model, signatures), "formats": {}}
        for name, format in formats.items():
            bounds = golden.bounds(format.BOUND, manifest)
            rows, refused = _written(format, name, signatures, temporary / name, bounds)
            report += rows
            manifest["formats"][name] = {
                "versions": _versions(format.PACKAGES),
                "bound": format.BOUND,
                "differences": {row.signature: row.difference for row in rows},
                "refused": refused,
            }
        if earlier and all(earlier[key] == manifest[key] for key in ("model", "signatures")):
            for other in earlier["formats"].keys() - formats.keys():
                shutil.copytree(Path(folder) / other, temporary / other)
                manifest["formats"][other] = earlier["formats"][other]
        if finish is not None:
            finish(temporary, manifest)
        folders.seal(temporary, manifest)
    return report


def _written(format, name, signatures, path, bounds):
    """What a format has written of the signatures: rows of the report, and {signature: why not}."""
    refused = format.write(signatures, path) or {}
    cases = {one.name: one.cases for one in signatures if one.name not in refused}
    found = format.differences(path, cases)
    for signature, value in [*found.items()] if not format.REQUIRED else []:
        bound = bounds[signature]
        if value > bound:
            format.remove(path, signature)
            refused[signature] = f"differs by {value:.1e} of the largest output (bound {bound:.0e})"
            del found[signature]
    return _report({name: found}, bounds), refused


def _in_float32(model):
    """The model, or its float32 copy if it is of mixed precision, which runtimes on CPUs lack."""
    if model.compute_dtype == "float32":
        return model
    copy = type(model).from_config({**model.get_config(), "dtype": "float32"})
    copy.set_weights(model.get_weights())
    return copy


def _described(model, signatures):
    """What the manifest says of the model and of its signatures, as JSON has it."""
    import keras

    from tfgen.export import weights

    used = {name: weight for signature in signatures for name, weight in signature.weights.items()}
    serialized = keras.saving.serialize_keras_object(model)
    names = ("module", "class_name", "config", "registered_name")  # as deserialize_keras_object reads
    description = {
        "model": {
            **{name: serialized[name] for name in names},
            "value_range": model.value_range,
            **({"decades": model.decades} if model.decades else {}),
            "seed": model.seed,
            "step": int(model.step),
            "weights_sha256": weights.digest(used),
        },
        "signatures": {signature.name: signature.described for signature in signatures},
    }
    return json.loads(json.dumps(description))


def _versions(packages):
    versions = {name: importlib.import_module(name).__version__ for name in ("tfgen", *packages)}
    return {"python": platform.python_version(), **versions}
