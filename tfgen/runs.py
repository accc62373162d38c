"""The run folder: a training that can be stopped at any moment and continued.

    RUN/run.json            what was asked for: model, arguments, data, seed, versions, command
    RUN/metrics.csv         a row for each epoch;  RUN/tensorboard/ the same for TensorBoard
    RUN/samples/            epoch-0001.png and so on, from the same noise
    RUN/checkpoint.keras    after the last whole epoch, while the run is not complete
    RUN/model.keras         the model, when the run is complete

A checkpoint is written under another name and renamed, so one rename decides what a run has
done; its number of epochs is that of its model's steps. Everything else is made to follow it:
`resume` cuts the metrics and the samples to that epoch and does the unfinished one again. An
epoch's order of examples is a function of (seed, epoch), its noise of (seed, step), so that
the run ends as if it had never been stopped.
"""

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from tfgen import arguments as checking
from tfgen import data, models, run_folder
from tfgen.callbacks import Checkpoint, Metrics, SampleGrid
from tfgen.data.opening import open_source
from tfgen.data.sources import Files
from tfgen.errors import InputError, unknown

STRATEGIES = {
    "none": tf.distribute.get_strategy,
    "mirrored": tf.distribute.MirroredStrategy,
    "multi_worker": tf.distribute.MultiWorkerMirroredStrategy,
}
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def train(
    model,
    out,
    source=None,
    *,
    arguments=None,
    options=None,
    epochs=None,
    batch_size=None,
    seed=0,
    data_dir=None,
    download=True,
    strategy="none",
    xla=None,
    precision="float32",
    verbose="auto",
    callbacks=(),
):
    """Trains a model into the new run folder `out`; what is not given is the model's recipe.

    Args:
        model: a name in the catalogue, as "dcgan".
        out: the run folder, which must be new or empty.
        source: the data, as for `tfgen.data.load`; the model's `image_shape` becomes theirs,
            unless `arguments` give one.
        arguments: constructor arguments of the model.
        options: options of `tfgen.data.load`, as {"binarize": "dynamic"}.
        epochs, batch_size: whole numbers; a batch is of all devices together.
        seed: of initial weights, noise, order of the data and samples.
        data_dir, download: as for `tfgen.data.load`.
        strategy: "none", "mirrored" (all devices of this machine) or "multi_worker" (TF_CONFIG).
        xla: whether to compile with XLA; None leaves it to Keras.
        precision: "float32", "mixed_bfloat16" or "mixed_float16".
        verbose, callbacks: as for Keras' `fit`; the callbacks come before the run's own.

    Returns:
        the trained model, which is also in OUT/model.keras.
    """
    cls = models.get(model)
    for kind, value, known in (("strategy", strategy, STRATEGIES), ("precision", precision, PRECISIONS)):
        if value not in known:
            raise unknown(kind, value, list(known))
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if value is not None and value < 1:
            raise InputError(f"{name} must be at least 1; received {value}")
    if xla and strategy != "none":
        raise InputError(
            f"TensorFlow cannot train with XLA under the strategy {strategy!r}; leave one of them away"
        )
    distribution = STRATEGIES[strategy]()
    chief = _is_chief(distribution)
    out = Path(out)
    if chief and out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(
            f"{out} exists; continue it with `tfgen train --resume {out}`, or choose a new folder"
        )
    recipe, parameters = cls.recipe, checking.of_model(cls)
    given = checking.check(cls.__name__, _without(parameters, "seed", "dtype", "name"), arguments or {})
    loading = {
        "source": _absolute(recipe.dataset if source is None else source),
        "options": {"split": "train", **recipe.data, **_checked_options(options or {})},
        "data_dir": _absolute(data_dir),
        "download": download,
    }
    config = {**recipe.model, **given}
    if "image_shape" in parameters and "image_shape" not in given:
        if loading["source"] != recipe.dataset or "image_shape" not in config:
            config["image_shape"] = _image_shape(loading)
    run = {
        "model": model.lower(),
        "config": {**config, "seed": seed, "dtype": precision},
        "data": loading,
        "batch_size": batch_size or recipe.batch_size,
        "epochs": epochs or recipe.epochs,
        "seed": seed,
        "strategy": strategy,
        "xla": xla,
        "precision": precision,
    }
    with distribution.scope():
        net = _build(run)
    run["config"] = net.get_config()
    loading.update(_identity(run, net))
    run = json.loads(json.dumps({**run, **run_folder.provenance()}))  # as it will be read
    if chief:
        run_folder.write(out, run)
    return _fit(out, run, net, 0, chief, verbose, callbacks)


def resume(run, *, epochs=None, verbose="auto", callbacks=(), **asked):
    """Continues the run folder `run`, or extends a complete one to more `epochs`.

    Args:
        run: the run folder.
        epochs: the new total, if it shall be more than the run was to have.
        verbose, callbacks: as for `train`.
        asked: arguments of `train`; any that differs from the run's own is an InputError.

    Returns:
        the trained model.
    """
    folder, run = Path(run), run_folder.read(run)
    run_folder.check_same(folder, run, _as_run(asked), "as asked now")
    path = run_folder.latest(folder)
    if path is not None:
        run_folder.check_same(folder, run, run_folder.saved_with(path), f"in {path.name}")
    if epochs is not None and epochs < run["epochs"]:
        raise InputError(
            f"{folder} is a run of {run['epochs']} epochs, which can only grow; received {epochs}"
        )
    distribution = STRATEGIES[run["strategy"]]()
    chief = _is_chief(distribution)
    with distribution.scope():
        net = _build(run) if path is None else _open(run, path)
    for name, value in _identity(run, net).items():
        if value != run["data"][name]:
            raise InputError(
                f"resume of a run whose data differ: {name} was {run['data'][name]}, and "
                f"{run['data']['source']} now has {value}; put the data back, or begin a new run"
            )
    done = int(net.step.numpy()) // _steps(run)
    run["epochs"] = epochs or run["epochs"]
    if chief:
        run_folder.write(folder, run)
        run_folder.cut(folder, done)
    return _fit(folder, run, net, done, chief, verbose, callbacks)


def load(run):
    """The model of a run folder: that of its last whole epoch, ready to sample or to train."""
    folder, run = Path(run), run_folder.read(run)
    path = run_folder.latest(folder)
    if path is None:
        raise InputError(
            f"{folder} has no model yet, its first epoch is not over; `tfgen train --resume {folder}`"
        )
    run_folder.saved_with(path)  # refuses a damaged file
    return _open(run, path)


def _open(run, path):
    models.get(run["model"])  # registers the class with Keras
    return keras.models.load_model(path)


def _without(parameters, *names):
    return {name: parameter for name, parameter in parameters.items() if name not in names}


def _checked_options(given):
    ours = (
        *("source", "for_model", "image_shape", "batch_size", "shuffle", "seed", "epochs"),
        *("data_dir", "download", "drop_remainder", "dtype"),
    )
    return checking.check("the data", _without(checking.of_function(data.load), *ours), given)


def _absolute(path):
    """A path that exists, from the root; another text (a name of TFDS) as it is."""
    return str(Path(path).resolve()) if path is not None and Path(path).exists() else path


def _as_run(asked):
    """Arguments of `train`, at the places that they have in run.json."""
    data_names = ("source", "options", "data_dir", "download")
    run = {name: value for name, value in asked.items() if name not in (*data_names, "arguments")}
    run["config"] = asked.get("arguments") or {}
    run["data"] = {name: asked[name] for name in data_names if name in asked}
    for name in {"source", "data_dir"} & set(asked):
        run["data"][name] = _absolute(asked[name])
    return json.loads(json.dumps(run))


def _image_shape(loading):
    """Of the data; images of a folder become 64x64, or 32x32 if they are smaller than 64."""
    found = open_source(
        loading["source"], loading["options"]["split"], loading["data_dir"], loading["download"]
    )
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


def _build(run):
    cls = models.get(run["model"])
    try:
        net = cls(**run["config"])
    except (TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{cls.__name__} cannot be built: {reason}") from error
    if run["strategy"] != "none":
        net.compile(
            jit_compile=False
        )  # Keras' "auto" is XLA on accelerators, where it fails under a strategy
    else:
        net.compile(**({} if run["xla"] is None else {"jit_compile": run["xla"]}))
    return net


def _load_data(run, net, epochs):
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


def _identity(run, net):
    """Number of examples, and the hash of the first batch of the first epoch."""
    loading = run["data"]
    examples = data.size(
        loading["source"],
        loading["options"]["split"],
        data_dir=loading["data_dir"],
        download=loading["download"],
    )
    digest = hashlib.sha256()
    for batch in _load_data(run, net, range(1)).take(1):
        for part in tf.nest.flatten(batch):
            digest.update(np.ascontiguousarray(part.numpy()).tobytes())
    return {"examples": examples, "fingerprint": digest.hexdigest()}


def _is_chief(distribution):
    """Whether this process writes the run folder: the only one, or the cluster's first."""
    resolver = distribution.cluster_resolver
    if resolver is None or resolver.task_type in (None, "chief"):
        return True
    return resolver.task_id == 0 and "chief" not in resolver.cluster_spec().jobs


def _steps(run):
    return run["data"]["examples"] // run["batch_size"]


def _fit(folder, run, net, done, chief, verbose, callbacks):
    if verbose == "auto":
        verbose = 1 if sys.stdout.isatty() else 2
    with tempfile.TemporaryDirectory() as elsewhere:
        # Reading the state is a joint act of all workers, so all of them write; one of them here.
        target = folder if chief else Path(elsewhere)
        checkpoint = target / "checkpoint.keras"
        if done < run["epochs"]:
            net.fit(
                _load_data(run, net, range(done, run["epochs"])),
                initial_epoch=done,
                epochs=run["epochs"],
                steps_per_epoch=_steps(run),
                verbose=verbose if chief else 0,
                callbacks=[
                    *callbacks,
                    Metrics(target / "metrics.csv"),
                    SampleGrid(target / "samples", seed=run["seed"]),
                    keras.callbacks.TensorBoard(target / "tensorboard", write_graph=False),
                    Checkpoint(checkpoint, run),
                ],
            )
        if checkpoint.exists():
            os.replace(checkpoint, target / "model.keras")
    return net
