"""The data of a run: what it was asked to load, and whether it is still the same."""

import hashlib
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from tfgen import arguments, data
from tfgen.data.labels import counts
from tfgen.data.opening import open_source
from tfgen.data.sources import Files
from tfgen.errors import InputError


def checked_options(given):
    """The options of `tfgen.data.load` that a user may choose, checked."""
    ours = (
        *("source", "for_model", "image_shape", "batch_size", "shuffle", "seed", "epochs"),
        *("data_dir", "download", "drop_remainder", "dtype"),
    )
    return arguments.check("the data", arguments.of_function(data.load, ours), given)


def absolute(path):
    """A path that exists, from the root; another text (a name of TFDS) as it is."""
    return str(Path(path).resolve()) if path is not None and Path(path).exists() else path


def _opened(loading):
    return open_source(
        loading["source"], loading["options"]["split"], loading["data_dir"], loading["download"]
    )


def conditions(loading, names):
    """{name: how many} for the `names`, of "classes" and "attributes", that the data's labels are."""
    found, labels = _opened(loading), loading["options"].get("labels")
    if labels is False or not found.labelled:
        return {}
    have = counts(found, loading["source"], True if labels is None else labels)
    return {name: have[name] for name in names} if any(have[name] for name in names) else {}


def label_names(loading):
    """Names of the classes or attributes of the data's labels, () where they have none."""
    if "label_names" in loading:  # the run has kept them
        return tuple(loading["label_names"])
    found, labels = _opened(loading), loading["options"].get("labels")
    if isinstance(labels, str):
        return (f"not {labels}", labels)
    return tuple(labels) if isinstance(labels, (list, tuple)) else found.attributes or found.class_names


def image_shape(loading):
    """Of the data; images of a folder become 64x64, or 32x32 if they are smaller than 64."""
    found = _opened(loading)
    *size, channels = found.shape
    if channels is None:
        raise InputError(
            f"{loading['source']} mixes grey and colour images; say which they shall be, "
            f"as --set image_shape=64,64,1 or --set image_shape=64,64,3"
        )
    if isinstance(found, Files) and (None in size or max(size) > 64):
        with Image.open(found.names[0]) as image:
            size = (64, 64) if min(image.size) >= 64 else (32, 32)
    elif None in size:
        size = (64, 64)
    return (*size, channels)


def load_data(run, net, epochs):
    """The batches of a range of epochs, as bytes, which the model scales on its device."""
    loading = run["data"]
    return data.load(
        loading["source"],
        for_model=net,
        batch_size=run["batch_size"],
        shuffle=True,
        seed=run["seed"],
        epochs=epochs,
        data_dir=loading["data_dir"],
        download=loading["download"],
        drop_remainder=True,
        dtype="uint8",
        **loading["options"],
    )


def identity(run, net):
    """Number of examples, and the hash of the first batch of the first epoch."""
    loading = run["data"]
    examples = data.size(
        loading["source"],
        loading["options"]["split"],
        data_dir=loading["data_dir"],
        download=loading["download"],
    )
    digest = hashlib.sha256()
    for batch in load_data(run, net, range(1)).take(1):
        for part in tf.nest.flatten(batch):
            digest.update(np.ascontiguousarray(part.numpy()).tobytes())
    return {"examples": examples, "fingerprint": digest.hexdigest()}


def steps(run):
    """Batches of an epoch: of one pass over the data, or of the run's `passes`."""
    return run["data"]["examples"] // run["batch_size"] * (run.get("passes") or 1)
