"""`tfgen.load`: a trained model by whatever names it.

"runs/digits"      a run folder of `tfgen train`: the model of its last whole epoch
"model.keras"      what `model.save` or a run wrote
"artifacts/digits" an export: of `tfgen export`, or an artifact
"dcgan-digits"     a model that is shipped with the package; `tfgen list --shipped` has their names
"""

import difflib
import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from tfgen.errors import InputError

if TYPE_CHECKING:
    from tfgen.models.base import GenerativeModel

SHIPPED = Path(__file__).parent / "shipped"  # NAME/model.json and NAME/weights.npz of `tfgen.export.shipped`


def shipped() -> list[str]:
    """The names of the models that are shipped with the package, in order; without TensorFlow."""
    return sorted(path.parent.name for path in SHIPPED.glob("*/model.json"))


def kind_of(what: str | os.PathLike) -> str:
    """What `what` names: "run", "keras", "export" or "shipped"; without TensorFlow.

    Args:
        what: text or a path.

    Raises:
        InputError: it names no model.
    """
    path = Path(what)
    if path.is_file() and path.suffix == ".keras":
        return "keras"
    for file, kind in (("run.json", "run"), ("manifest.json", "export")):
        if (path / file).is_file():
            return kind
    if str(what) in shipped():
        return "shipped"
    if path.is_file():
        found = "is a file, and no .keras"
    elif path.is_dir():
        found = "is no run folder (it has no run.json) and no export (it has no manifest.json)"
    else:
        found = "does not exist"
    near = difflib.get_close_matches(str(what), shipped(), n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise InputError(
        f"{what} {found}{hint}; give a run folder of `tfgen train`, a .keras file, the folder of an export, "
        f"or a name of `tfgen list --shipped`"
    )


def load(what: str | os.PathLike) -> "GenerativeModel":
    """The trained model that `what` names, ready to sample.

    Args:
        what: a run folder, a .keras file, the folder of an export (a path or text), or the name of a
            shipped model. The last two have no optimizers, and of their networks only those that make
            images are trained.

    Returns:
        a `tfgen.models.base.GenerativeModel`.

    Raises:
        InputError: `what` names no model, or a damaged one.
    """
    kind, path = kind_of(what), Path(what)
    if kind == "run":
        from tfgen import runs

        return runs.load(path)
    if kind == "export":
        from tfgen import export

        return export.load(path)
    if kind == "shipped":
        from tfgen.export import shipped as folder

        return folder.load(str(what))
    return _keras(path)


def _keras(path):
    import keras

    from tfgen import models
    from tfgen.models.base import GenerativeModel
    from tfgen.runs.folder import whole
    from tfgen.runs.plan import model_class

    run = whole(path)
    own = _own_class(path) if run is None else run["model"]
    models.load_all() if own is None else model_class(own)  # registers the classes with Keras
    try:
        model = keras.models.load_model(path)
    except (TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0].partition(" Full object config")[0]
        raise InputError(f"Keras cannot load {path}: {reason}") from error
    if not isinstance(model, GenerativeModel):
        raise InputError(f"{path} is no model of tfgen; it has a {type(model).__name__}")
    return model


def _own_class(path):
    """The "module:Class" of a .keras file whose class is a user's and not imported yet; else None."""
    import keras

    with zipfile.ZipFile(path) as file:
        said = json.loads(file.read("config.json")) if "config.json" in file.namelist() else {}
    module = said.get("module") or "keras"
    known = keras.saving.get_registered_object(said.get("registered_name"))
    if known is not None or module.split(".")[0] in ("keras", "tfgen"):
        return None
    return f"{module}:{said['class_name']}"


def run_of(what: str | os.PathLike) -> dict | None:
    """The run.json (a dict) of a run folder, or of the run that wrote a .keras file; None without one."""
    from tfgen.runs.folder import read, whole

    return {"run": read, "keras": whole}.get(kind_of(what), lambda path: None)(Path(what))


def place(what: str | os.PathLike, name: str) -> Path:
    """Where a command writes `name` by default: into a run folder, and for other models into this folder."""
    return Path(what) / name if kind_of(what) == "run" else Path(f"{Path(what).resolve().stem}-{name}")


def label_names(what: str | os.PathLike) -> tuple[str, ...]:
    """Names of the classes or attributes of the labels that the model was trained with; () if not known."""
    kind = kind_of(what)
    if kind in ("export", "shipped"):
        file = Path(what) / "manifest.json" if kind == "export" else SHIPPED / what / "model.json"
        return tuple(json.loads(file.read_text()).get("labels", ()))
    run = run_of(what)
    return () if run is None else tuple(run["data"].get("label_names", ()))
