"""The run folder: a training that can be stopped at any moment and continued.

    RUN/run.json            what was asked for: model, arguments, data, seed, versions, command
    RUN/metrics.csv         a row for each epoch;  RUN/tensorboard/ the same for TensorBoard; with the
                            numbers of `tfgen.doctor.callback` of an adversarial model
    RUN/samples/            epoch-0001.png and so on, from the same noise
    RUN/checkpoint.keras    after the last whole epoch, while the run is not complete
    RUN/model.keras         the model, when the run is complete

A checkpoint is written under another name and renamed, so one rename decides what a run has
done; its number of epochs is that of its model's steps. Everything else is made to follow it:
`resume` cuts the metrics and the samples to that epoch and does the unfinished one again. An
epoch's order of examples is a function of (seed, epoch), its noise of (seed, step), so that
the run ends as if it had never been stopped.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import keras
import tensorflow as tf

from tfgen import arguments as checking
from tfgen import models
from tfgen.doctor.callback import TrainingDoctor
from tfgen.errors import InputError, unknown
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.runs import folder as files
from tfgen.runs.callbacks import Checkpoint, Metrics, SampleGrid
from tfgen.runs.callbacks import save as save_model
from tfgen.runs.data import (
    absolute,
    checked_options,
    conditions,
    identity,
    image_shape,
    load_data,
    steps,
)

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
            and so does a conditional model's number of `classes` or `attributes`, unless
            `arguments` give one.
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
    if not isinstance(source, (str, os.PathLike, type(None))):
        raise InputError(
            f"a run finds its data again by name or path; received {type(source).__name__}: "
            f"save arrays as .npz, or call the model's own fit"
        )
    recipe, parameters = cls.recipe, checking.of_model(cls)
    given = checking.check(
        cls.__name__,
        {n: p for n, p in parameters.items() if n not in ("seed", "dtype", "name")},
        arguments or {},
    )
    source = absolute(recipe.dataset if source is None else source)
    usual = dict(recipe.data)
    if source != recipe.dataset:
        usual.pop("labels", None)  # the names of its own attributes
    if given.get("levels", 2) > 2:
        usual.pop("binarize", None)
    loading = {
        "source": source,
        "options": {"split": "train", **usual, **checked_options(options or {})},
        "data_dir": absolute(data_dir),
        "download": download,
    }
    config = {**recipe.model, **given}
    if "image_shape" in parameters and "image_shape" not in given:
        if loading["source"] != recipe.dataset or "image_shape" not in config:
            config["image_shape"] = image_shape(loading)
    conditional = {"classes", "attributes"} & set(parameters)
    if not conditional & set(given) and any(config.get(n, parameters[n].default) for n in conditional):
        config.update(conditions(loading, conditional))
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
    loading.update(identity(run, net))
    run = json.loads(json.dumps({**run, **files.provenance()}))  # as it will be read
    if chief:
        files.write(out, run)
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
    folder, run = Path(run), files.read(run)
    files.check_same(folder, run, _as_run(asked), "as asked now")
    path = files.latest(folder)
    if path is not None:
        files.check_same(folder, run, files.saved_with(path), f"in {path.name}")
    if epochs is not None and epochs < run["epochs"]:
        raise InputError(
            f"{folder} is a run of {run['epochs']} epochs, which can only grow; received {epochs}"
        )
    distribution = STRATEGIES[run["strategy"]]()
    chief = _is_chief(distribution)
    with distribution.scope():
        net = _build(run) if path is None else _open(run, path)
    for name, value in identity(run, net).items():
        if value != run["data"][name]:
            raise InputError(
                f"resume of a run whose data differ: {name} was {run['data'][name]}, and "
                f"{run['data']['source']} now has {value}; put the data back, or begin a new run"
            )
    done = int(net.step.numpy()) // steps(run)
    run["epochs"] = epochs or run["epochs"]
    if chief:
        files.write(folder, run)
        files.cut(folder, done)
    return _fit(folder, run, net, done, chief, verbose, callbacks)


def load(run):
    """The model of a run folder: that of its last whole epoch, ready to sample or to train."""
    folder, run = Path(run), files.read(run)
    path = files.latest(folder)
    if path is None:
        raise InputError(
            f"{folder} has no model yet, its first epoch is not over; `tfgen train --resume {folder}`"
        )
    files.saved_with(path)  # refuses a damaged file
    return _open(run, path)


def save(run, model):
    """Puts `model`, of `load`, in the place of the run's own, as after `fit_density`; returns the file."""
    path = files.latest(Path(run))
    save_model(model, path, files.saved_with(path))
    return path


def _open(run, path):
    models.get(run["model"])  # registers the class with Keras
    return keras.models.load_model(path)


def _as_run(asked):
    """Arguments of `train`, at the places that they have in run.json."""
    data_names = ("source", "options", "data_dir", "download")
    run = {name: value for name, value in asked.items() if name not in (*data_names, "arguments")}
    run["config"] = asked.get("arguments") or {}
    run["data"] = {name: asked[name] for name in data_names if name in asked}
    for name in {"source", "data_dir"} & set(asked):
        run["data"][name] = absolute(asked[name])
    return json.loads(json.dumps(run))


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


def _is_chief(distribution):
    """Whether this process writes the run folder: the only one, or the cluster's first."""
    resolver = distribution.cluster_resolver
    if resolver is None or resolver.task_type in (None, "chief"):
        return True
    return resolver.task_id == 0 and "chief" not in resolver.cluster_spec().jobs


def _fit(folder, run, net, done, chief, verbose, callbacks):
    if verbose == "auto":
        verbose = 1 if sys.stdout.isatty() else 2
    with tempfile.TemporaryDirectory() as elsewhere:
        # Reading the state is a joint act of all workers, so all of them write; one of them here.
        target = folder if chief else Path(elsewhere)
        checkpoint = target / "checkpoint.keras"
        if done < run["epochs"]:
            watching = []
            if isinstance(net, AdversarialModel):
                watching = [TrainingDoctor(load_data(run, net, range(1)))]
            net.fit(
                load_data(run, net, range(done, run["epochs"])),
                initial_epoch=done,
                epochs=run["epochs"],
                steps_per_epoch=steps(run),
                verbose=verbose if chief else 0,
                callbacks=[
                    *callbacks,
                    *watching,  # before those who write its numbers
                    Metrics(target / "metrics.csv"),
                    SampleGrid(target / "samples", seed=run["seed"]),
                    keras.callbacks.TensorBoard(target / "tensorboard", write_graph=False),
                    Checkpoint(checkpoint, run),
                ],
            )
        if checkpoint.exists():
            os.replace(checkpoint, target / "model.keras")
    return net
