"""The data of a run: what it was asked to load, and whether it is still the same."""

import hashlib
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgen import arguments, data
from tfgen.data import sentences
from tfgen.data.labels import counts
from tfgen.data.measures import named
from tfgen.data.opening import is_path, open_source
from tfgen.data.sources import Files
from tfgen.errors import InputError


def checked_options(given):
    """The options of `tfgen.data.load` that a user may choose, checked."""
    ours = (
        *("source", "for_model", "image_shape", "batch_size", "shuffle", "seed", "epochs"),
        *("data_dir", "download", "drop_remainder", "dtype"),
    )
    given = arguments.check("the data", arguments.of_function(data.load, ours), given)
    if isinstance(given.get("domains"), str):
        given["domains"] = absolute(given["domains"])
    return given


def absolute(source):
    """A path that exists, from the root; another text (a name of a data set) as it is."""
    if source is None or not is_path(source):
        return source
    path = Path(source).expanduser()
    return str(path.resolve()) if path.exists() else str(source)


def _opened(loading, names=()):
    options = loading["options"]
    return open_source(
        loading["source"],
        options["split"],
        loading["data_dir"],
        loading["download"],
        names=names,
        pair=options.get("pair"),
        domains=options.get("domains"),
        labels=options.get("labels"),
    )


def conditions(loading, names):
    """{name: how many} for the `names`, of "classes" and "attributes", that the data's labels are.

    Of two domains, the labels are those of the first.
    """
    found, labels = _opened(loading), loading["options"].get("labels")
    found, labels = found.members.get("images_a", found), named(labels)
    if labels is False or not found.labelled:
        return {}
    have = counts(found, loading["source"], True if labels is None else labels)
    return {name: have[name] for name in names} if any(have[name] for name in names) else {}


def label_names(loading):
    """Names of the classes or attributes of the data's labels, () where they have none."""
    if "label_names" in loading:  # the run has kept them
        return tuple(loading["label_names"])
    found, labels = _opened(loading), loading["options"].get("labels")
    labels = named(labels)
    if isinstance(labels, str):
        return (f"not {labels}", labels)
    return tuple(labels) if isinstance(labels, (list, tuple)) else found.attributes or found.class_names


def image_shape(loading, names=("images",), name="images"):
    """Of the data; images of a folder become 64x64, or 32x32 if they are smaller than 64.

    Args:
        names: of the images that the model trains on; `name` is that of them which it makes.
    """
    found = _opened(loading, names)
    shape = found.shapes.get(name, found.shape)
    *size, channels = shape[1:] if name == "frames" else shape
    if channels is None:
        raise InputError(
            f"{loading['source']} mixes grey and colour images; say which they shall be, "
            f"as --set image_shape=64,64,1 or --set image_shape=64,64,3"
        )
    files = found.members.get(name, found)
    if isinstance(files, Files) and (None in size or max(size) > 64):
        (*first, _), _ = files.headers[files.names[-1]][0]
        size = (64, 64) if min(first) >= 64 else (32, 32)
    elif None in size:
        size = (64, 64)
    return (*size, channels)


def check_large(loading, owner, shape, scale):
    """Raises an InputError for images smaller than `shape`: enlarged ones lack the details to be learnt."""
    found = _opened(loading)
    kinds = [kind for kind, _ in found.headers["images"]] if isinstance(found, Files) else [found.shape]
    sizes = [(height, width) for height, width, _ in kinds if height is not None]
    small = [size for size in sizes if size[0] < shape[0] or size[1] < shape[1]]
    if small:
        (height, width), side = small[0], min(map(min, sizes)) // scale * scale
        smaller = f", or choose smaller patches, as --set image_shape={side},{side},{shape[2]}" * (side > 0)
        raise InputError(
            f"{owner} trains on patches of {shape[0]}x{shape[1]} pixels, and {loading['source']} has an "
            f"image of {height}x{width}; give images of a higher resolution{smaller}"
        )


def input_channels(loading, names, name):
    """How many channels the data's images `name`, of the fields `names`, have."""
    found = _opened(loading, names)
    channels = found.shapes.get(name, found.shape)[-1]
    if channels is None:
        raise InputError(
            f"{loading['source']} mixes grey and colour {name}; say which they shall be, "
            f"as --set input_channels=1 or --set input_channels=3"
        )
    return channels


def shown(run, net, n):
    """The first n examples, always the same ones, whose translations show what a run's model does.

    They are of the split test, or where there is none of the run's: {name of a field: array (n, ...)}.
    """
    loading = run["data"]
    options, place = dict(loading["options"]), {name: loading[name] for name in ("data_dir", "download")}
    try:
        _opened({**loading, "options": {**options, "split": "test"}}, net.fields)
        options["split"] = "test"
    except InputError:  # it has no such split
        pass
    return data.examples(loading["source"], n, net, **place, **options)


def sentences_of(run, net, n):
    """The first n pairs of sentences of the split test, or where there is none of the run's own."""
    loading = run["data"]
    try:
        return sentences.opened(loading["source"], "test", net.length).pairs[:n]
    except InputError:  # it has no such split
        return sentences.opened(loading["source"], loading["options"]["split"], net.length).pairs[:n]


def described(run, net):
    """The line of `tfgen.data.describe` about the data of a run."""
    loading = run["data"]
    return data.describe(
        loading["source"],
        for_model=net,
        batch_size=run["batch_size"],
        data_dir=loading["data_dir"],
        download=loading["download"],
        **loading["options"],
    )


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
    options = loading["options"]
    examples = open_source(
        loading["source"],
        options["split"],
        loading["data_dir"],
        loading["download"],
        names=net.fields,
        pair=options.get("pair"),
        domains=options.get("domains"),
    ).count * options.get("repeat", 1)
    digest = hashlib.sha256()
    for batch in load_data(run, net, range(1)).take(1):
        for part in tf.nest.flatten(batch):
            digest.update(np.ascontiguousarray(part.numpy()).tobytes())
    return {"examples": examples, "fingerprint": digest.hexdigest()}


def steps(run):
    """Batches of an epoch: of one pass over the data, or of the run's `passes`."""
    return run["data"]["examples"] // run["batch_size"] * (run.get("passes") or 1)
