"""Models as files that run without tfgen: SavedModel and ONNX, with a manifest to check them by.

    FOLDER/manifest.json     model, configuration, versions, signatures, SHA-256 of each file
    FOLDER/golden/NAME.npz   inputs and outputs of the signature NAME, for a batch of 3 and of 1
    FOLDER/saved_model/      `tf.saved_model.load(...)`: .NAME(...) and .signatures["NAME"](...)
    FOLDER/onnx/NAME.onnx    opset 18

`model.signatures()` says what is exported, {name: (method, [tf.TensorSpec, ...])}. Each
method must be a function of its inputs alone: noise is an input, or follows from an input
named "seed" or "key". Inputs have the names of their specs. One output has the name of the
signature, those of a tuple NAME_0, NAME_1, ..., those of a dict its keys. A free first size
is the batch, "batch" in ONNX and null in the manifest. A model of mixed precision is
exported in float32.
"""

import hashlib
import importlib
import json
import platform
import shutil
from pathlib import Path
from typing import NamedTuple

from tfgen.errors import InputError
from tfgen.export import folders, golden, onnx, saved_model

_FORMATS = {"saved_model": saved_model, "onnx": onnx}


class Difference(NamedTuple):
    """The largest |output - golden output| / max |golden output| of a signature in a format."""

    format: str
    signature: str
    difference: float
    bound: float

    @property
    def ok(self):
        return self.difference <= self.bound


def to_saved_model(model, folder):
    """Writes the model's signatures as FOLDER/saved_model.

    The folder must be new, empty or an intact export. An export of the same model keeps its
    ONNX files; one of another model, or of other weights, is replaced as a whole. The folder
    appears only once everything in it is checked: the SavedModel gives what the methods give
    for batches of 1, 3 and 7, within 1e-5 of the largest output.

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
    return _export(model, folder, "saved_model")


def to_onnx(model, folder):
    """Writes the model's signatures as FOLDER/onnx/NAME.onnx, checked in onnxruntime.

    As `to_saved_model`, and before a graph runs it must be valid, with the declared inputs
    and outputs alone, and with no operation that ONNX lacks (tf2onnx writes such graphs
    without an error).
    """
    return _export(model, folder, "onnx")


def verify(folder):
    """Checks an export: every file as it was written, every format as the golden outputs.

    The SavedModel runs in a new process that has TensorFlow alone, the ONNX files run in
    onnxruntime, both on the CPU and on batches of 3 and of 1.

    Returns:
        One `Difference` for each format and signature.

    Raises:
        InputError: no export, a missing, extra or changed file, or a difference beyond 1e-5.
    """
    folder = Path(folder).resolve()
    manifest = folders.opened(folder)
    cases = {name: golden.load(folder / "golden" / f"{name}.npz") for name in manifest["signatures"]}
    found = {}
    if "saved_model" in manifest["formats"]:
        found["saved_model"] = saved_model.differences_afresh(
            folder / "saved_model", folder / "golden", cases
        )
    if "onnx" in manifest["formats"]:
        found["onnx"] = onnx.differences(folder / "onnx", cases)
    return _checked(found)


def _checked(found):
    report = [
        Difference(format, name, value, golden.BOUND)
        for format, differences in found.items()
        for name, value in differences.items()
    ]
    for row in report:
        if not row.ok:
            raise InputError(
                f"signature {row.signature!r} gives other numbers as {row.format}: they differ by "
                f"{row.difference:.1e} of the largest (bound {row.bound:.0e})"
            )
    return report


def _export(model, folder, format):
    from tfgen.export.signature import Signature

    with folders.staged(folder) as (temporary, earlier):
        model = _in_float32(model)
        signatures = [Signature(model, name, *entry) for name, entry in model.signatures().items()]
        writer, path = _FORMATS[format], temporary / format
        writer.write(signatures, path)
        cases = {signature.name: signature.cases for signature in signatures}
        report = _checked({format: writer.differences(path, cases)})

        (temporary / "golden").mkdir()
        for signature in signatures:
            golden.save(temporary / "golden" / f"{signature.name}.npz", signature.cases[:2])
        manifest = _described(model, signatures)
        manifest["formats"] = {
            format: {
                "versions": _versions(writer.PACKAGES),
                "bound": golden.BOUND,
                "differences": {row.signature: row.difference for row in report},
            }
        }
        if earlier and all(earlier[key] == manifest[key] for key in ("model", "signatures")):
            for other in earlier["formats"].keys() - {format}:
                shutil.copytree(Path(folder) / other, temporary / other)
                manifest["formats"][other] = earlier["formats"][other]
        folders.seal(temporary, manifest)
    return report


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

    variables = [variable for signature in signatures for variable in signature.variables]
    # Sorted, for TensorFlow gives a graph's variables in no order.
    digests = sorted(hashlib.sha256(variable.numpy().tobytes()).hexdigest() for variable in variables)
    serialized = keras.saving.serialize_keras_object(model)
    names = ("module", "class_name", "config", "registered_name")  # as deserialize_keras_object reads
    description = {
        "model": {
            **{name: serialized[name] for name in names},
            "value_range": model.value_range,
            "seed": model.seed,
            "step": int(model.step),
            "weights_sha256": hashlib.sha256("".join(digests).encode()).hexdigest(),
        },
        "signatures": {
            signature.name: {"inputs": signature.inputs, "outputs": signature.outputs}
            for signature in signatures
        },
    }
    return json.loads(json.dumps(description))


def _versions(packages):
    versions = {name: importlib.import_module(name).__version__ for name in ("tfgen", *packages)}
    return {"python": platform.python_version(), **versions}
