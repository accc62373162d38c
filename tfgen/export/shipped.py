"""Trained models that come with the package: config, weights once, card and picture.

tfgen/shipped/NAME/model.json     the model as Keras serializes it, the run, names of labels
tfgen/shipped/NAME/weights.npz    by the names of `export.weights`, of the networks that make images
tfgen/shipped/NAME/README.md, samples.png
"""

import json
from pathlib import Path

import numpy as np

from tfgen import loading
from tfgen.errors import unknown

FOLDER = loading.SHIPPED
LIMIT = 300_000  # bytes of a model


def described(name):
    """What model.json says of a shipped model: {"model", "step", "run", "labels", "scores"}."""
    if name not in loading.shipped():
        raise unknown("shipped model", name, loading.shipped())
    return read(FOLDER / name)


def read(folder):
    """What FOLDER/model.json says."""
    return json.loads((Path(folder) / "model.json").read_text())


def load(name):
    """The shipped model of that name, without optimizers.

    Its networks are those that draw its images; a discriminator is as a new model's.

    Raises:
        InputError: no model is shipped by that name.
    """
    import keras

    from tfgen import models
    from tfgen.export import weights

    said = described(name)
    models.load_all()  # registers them with Keras
    model = keras.saving.deserialize_keras_object(said["model"])
    with np.load(FOLDER / name / "weights.npz") as arrays:
        weights.assign(model, {key: np.float32(array) for key, array in arrays.items()}, name)
    model.step.assign(said["step"])
    for attribute, copy in model.averages.items():
        copy.set_weights(getattr(model, attribute).get_weights())
    return model


def write(model, folder, about, exact=False):
    """Writes a model as it is shipped: model.json and weights.npz.

    Args:
        model: a built `GenerativeModel`.
        folder: a path.
        about: what else model.json says, as {"run": {...}, "labels": [...]}.
        exact: whether weights are stored in float32; else in float16, which moves values of images by
            some 1e-3 and so, where each value is drawn from a distribution, may draw another.
    """
    import keras

    from tfgen.export import weights
    from tfgen.export.signature import Signature

    used = {}
    for name, entry in model.signatures().items():
        used.update(Signature(model, name, *entry).weights)
    stored = {}
    for name, variable in used.items():
        if not weights.COUNTERS.fullmatch(name):
            array = variable.numpy()
            half = array.dtype == "float32" and not exact
            stored[name.removeprefix("averages/")] = array.astype("float16") if half else array
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / "weights.npz", **stored)
    serialized = keras.saving.serialize_keras_object(model)
    described = {key: serialized[key] for key in ("module", "class_name", "config", "registered_name")}
    told = {"model": described, "step": int(model.step), **about}
    (folder / "model.json").write_text(json.dumps(told, indent=2) + "\n")
