"""Model repositories of artifacts, in the layouts of three servers.

mlserver:            REPO/settings.json, tfgen_serving/ and, for each signature,
                     NAME.SIGNATURE/model-settings.json and its model
tensorflow_serving:  REPO/models.config and, for each artifact, NAME/1/ with its SavedModel
triton:              for each signature REPO/NAME.SIGNATURE/config.pbtxt and 1/model.onnx

NAME is that of the artifact's folder. A repository has a manifest.json with the SHA-256 of its files.
"""

import json
import re
import shutil
from pathlib import Path

from tfgen.errors import InputError
from tfgen.export import folders

from .inputs import DATATYPES, SIZES, of_rows

RUNTIME = ("__init__.py", "function.py", "inputs.py", "queue.py", "runtime.py")


def artifacts(paths):
    """{name: (folder, manifest)} of intact artifacts."""
    found = {}
    for path in paths:
        path = Path(path).resolve()
        if not re.fullmatch(r"\w[\w.-]*", path.name, re.ASCII):
            raise InputError(
                f"models are named as the artifact's folder, which must be of letters, digits, _, - and .; "
                f"received {path.name!r}"
            )
        if path.name in found:
            raise InputError(f"two artifacts are named {path.name}: {found[path.name][0]} and {path}")
        manifest = folders.opened(path)
        if not manifest["signatures"]:
            raise InputError(f"{path} is not an artifact: it has no signatures")
        found[path.name] = path, manifest
    return found


def write(found, to, layout, **options):
    """Writes a model repository: at once or not at all; an earlier one is replaced.

    Args:
        found: as `artifacts` gives them.
        to: a folder: new, empty or a repository.
        layout: a name of LAYOUTS.
        options: of the layout.

    Raises:
        InputError: an artifact lacks the format that the layout needs; `to` holds something else.
    """
    # Python leaves it where a repository is served; it is not what was written.
    shutil.rmtree(Path(to) / "tfgen_serving" / "__pycache__", ignore_errors=True)
    with folders.staged(to) as (temporary, earlier):
        if earlier is not None and "repository" not in earlier:
            raise InputError(
                f"{to} is an artifact; expected a new folder, an empty one or a model repository"
            )
        LAYOUTS[layout](found, temporary, **options)
        # As an export of no model, it takes the place of none.
        folders.seal(temporary, {"repository": layout, "model": None, "signatures": {}, "formats": {}})


def _each_signature(found):
    for name, (folder, manifest) in found.items():
        for key, signature in manifest["signatures"].items():
            yield f"{name}.{key}", key, signature, folder, manifest["files"]


def _sizes(shape):
    """As servers say it: -1 for a free size, and [1] for a scalar, as Triton needs it."""
    return [-1 if size is None else size for size in shape] or [1]


def _json(path, content):
    path.write_text(json.dumps(content, indent=2) + "\n")


def _mlserver(
    found, to, host="127.0.0.1", port=8080, grpc_port=8081, max_n=256, max_body=16, max_pixels=2**22
):
    """max_n: the most images of a request; max_body: its MB; max_pixels: of images whose size is free."""
    runtime = to / "tfgen_serving"
    runtime.mkdir()
    for name in RUNTIME:
        shutil.copyfile(Path(__file__).with_name(name), runtime / name)
    settings = {
        "debug": False,
        "host": host,
        "http_port": port,
        "grpc_port": grpc_port,
        "grpc_max_message_length": max_body * 2**20,
        "parallel_workers": 0,
        "metrics_endpoint": None,
        "gzip_enabled": False,
    }
    _json(to / "settings.json", settings)
    for model, key, signature, folder, files in _each_signature(found):
        (to / model).mkdir()
        if onnx := f"onnx/{key}.onnx" in files:
            shutil.copyfile(folder / "onnx" / f"{key}.onnx", to / model / "model.onnx")
        elif "saved_model/saved_model.pb" in files:
            shutil.copytree(folder / "saved_model", to / model / "saved_model")
        else:
            raise InputError(f"{folder} has signature {key!r} neither as onnx nor as saved_model")
        free = {key: signature[key] for key in SIZES if key in signature} | {"max_pixels": max_pixels}
        told = {
            "name": model,
            "implementation": "tfgen_serving.runtime.Runtime",
            "platform": "onnxruntime_onnx" if onnx else "tensorflow_savedmodel",
            "inputs": [_metadata(tensor, max_n, free) for tensor in signature["inputs"]],
            "outputs": [_metadata(tensor, max_n) for tensor in signature["outputs"]],
            "parameters": {
                "uri": "./model.onnx" if onnx else "./saved_model",
                "extra": {"name": key, "signature": signature, "max_n": max_n, "max_pixels": max_pixels},
            },
        }
        _json(to / model / "model-settings.json", told)


def _metadata(tensor, max_n, free=None):
    """What a client may ask of a tensor; `free` is said of a height and width that are free."""
    told = {
        "name": tensor["name"],
        "datatype": DATATYPES[tensor["dtype"]],
        "shape": _sizes(tensor["shape"]),
    }
    if values := tensor.get("values"):
        if values["distribution"] == "batch":
            values = {**values, "low": 1, "high": max_n}
        told["parameters"] = {"values": json.dumps(values)}  # a string: gRPC has no parameter of float
        if None in tensor["shape"][1:]:
            told["parameters"].update(free)
    return told


def _tensorflow_serving(found, to):
    entries = []
    for name, (folder, manifest) in found.items():
        if "saved_model" not in manifest["formats"]:
            raise InputError(f"{folder} has no saved_model, which TensorFlow Serving needs")
        shutil.copytree(folder / "saved_model", to / name / "1")
        entries.append(
            f'  config {{ name: "{name}" base_path: "/models/{name}" model_platform: "tensorflow" }}\n'
        )
    (to / "models.config").write_text(f"model_config_list {{\n{''.join(entries)}}}\n")


def _triton(found, to, max_n=256):
    """max_n: the most rows of a batch."""
    for model, key, signature, folder, files in _each_signature(found):
        if f"onnx/{key}.onnx" not in files:
            raise InputError(f"{folder} has signature {key!r} not as onnx, which Triton needs")
        (to / model / "1").mkdir(parents=True)
        shutil.copyfile(folder / "onnx" / f"{key}.onnx", to / model / "1" / "model.onnx")
        (to / model / "config.pbtxt").write_text(_pbtxt(model, signature, max_n))


def _pbtxt(model, signature, max_n):
    """A Triton model configuration. Where requests batch, shapes are those of a row."""
    rows = of_rows(signature)
    lines = [f'name: "{model}"', 'backend: "onnxruntime"', f"max_batch_size: {max_n if rows else 0}"]
    lines += ["dynamic_batching { }"] if rows else []
    for kind in ("input", "output"):
        for tensor in signature[f"{kind}s"]:
            shape = tensor["shape"][1:] if rows else tensor["shape"]
            datatype = DATATYPES[tensor["dtype"]]
            line = f'{kind} {{ name: "{tensor["name"]}" data_type: TYPE_{datatype} dims: {_sizes(shape)}'
            lines.append(line + (" }" if shape else " reshape: { shape: [ ] } }"))
    return "\n".join(lines) + "\n"


LAYOUTS = {"mlserver": _mlserver, "tensorflow_serving": _tensorflow_serving, "triton": _triton}
