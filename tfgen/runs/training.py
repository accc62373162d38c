"""Trains a run folder, and continues it."""

import contextlib
import fcntl
import json
import math
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras

from tfgen.arguments import plain
from tfgen.doctor import TrainingDoctor
from tfgen.errors import InputError
from tfgen.models.abilities import Extends, Games, Translates, TranslatesSentences
from tfgen.models.base import GenerativeModel
from tfgen.models.texttoimage.base import CaptionedModel
from tfgen.runs import folder as files
from tfgen.runs import plan
from tfgen.runs.callbacks import Checkpoint, FirstStep, Metrics, Rates, SampleGrid, Translations, cut_events
from tfgen.runs.callbacks import save as save_model
from tfgen.runs.data import absolute, described, identity, load_data, sentences_of, shown
from tfgen.runs.data import steps as steps_of
from tfgen.waiting import Waiting

SHOWN = 8  # examples whose translations, continuations or captions a run draws
FEW = 1000  # updates of an objective below which a run is seldom worth looking at


def train(
    model: str,
    out: str | os.PathLike,
    source: str | os.PathLike | None = None,
    *,
    verbose: str | int = "auto",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **asked,
) -> GenerativeModel:
    """Trains a model into the new run folder `out`; what is not given is the model's recipe.

    What a recipe says of the model and the data fits its own data: for other data, the model's own
    defaults, the data's image shape, and so many epochs that each objective has 5,000 updates.

    Args:
        model: a name in the catalogue, as "dcgan", or "module:Class".
        out: the run folder, which must be new or empty.
        source: the data, as for `tfgen.data.load`; the model's `image_shape` becomes theirs,
            and so does a conditional model's number of `classes` or `attributes`, unless
            `arguments` give one.
        verbose, callbacks: as for Keras' `fit`; the callbacks come before the run's own.
        arguments: constructor arguments of the model.
        options: options of `tfgen.data.load`, as {"binarize": "dynamic"}.
        epochs: passes over the data.
        steps: in place of epochs: the number of batches, rounded up to whole epochs.
        batch_size: of all devices together.
        optimizer: a name of Keras', as "adam", for all objectives; by default the paper's.
        learning_rate: a number, or {objective: number}; by default the optimizer's.
        clip_norm: if given, an objective's gradient is scaled down to this norm (global_clipnorm).
        seed: of initial weights, noise, order of the data and samples.
        data_dir, download: as for `tfgen.data.load`.
        strategy: "none", "mirrored" (all devices of this machine) or "multi_worker" (TF_CONFIG).
        xla: whether to compile with XLA; None leaves it to Keras.
        precision: "float32", "mixed_bfloat16" or "mixed_float16".

    Returns:
        the trained model, which is also in OUT/model.keras.

    Raises:
        InputError: wrong arguments, data that do not fit the model, or a folder that is not free.
    """
    out, asked = Path(out), plain(asked)
    # Workers join before TensorFlow makes a tensor, as the plan does when it opens the data.
    distribution = plan.distribution_of(asked.get("strategy", "none"))
    run, taken = plan.planned(model, source, **asked)
    chief = _is_chief(distribution)
    if chief:
        plan.check_new(out)
    with distribution.scope():
        net = plan.built(run)
    run = plan.settled(run, net)
    run = json.loads(json.dumps({**run, **files.provenance()}))  # as it will be read
    if not chief:
        return _fit(out, run, net, 0, chief, verbose, callbacks)
    out.mkdir(parents=True, exist_ok=True)
    with _locked(out):
        plan.check_new(out)  # another process may have been faster
        files.write(out, run)
        if verbose:
            print("\n".join(_opening(run, taken, net)), flush=True)
        return _fit(out, run, net, 0, chief, verbose, callbacks)


def resume(
    run: str | os.PathLike,
    *,
    epochs: int | None = None,
    steps: int | None = None,
    source: str | os.PathLike | None = None,
    data_dir: str | os.PathLike | None = None,
    verbose: str | int = "auto",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **asked,
) -> GenerativeModel:
    """Continues the run folder `run`, or extends a complete one to more `epochs`.

    Args:
        run: the run folder.
        epochs, steps: the new total, if it shall be more than the run was to have.
        source, data_dir: where the data are now; they must be the same data.
        verbose, callbacks: as for `train`.
        asked: arguments of `train`; any that differs from the run's own is an InputError.

    Returns:
        the trained model.

    Raises:
        InputError: another configuration, other data, or a damaged run.
    """
    folder, run = Path(run), files.read(run)
    epochs, steps, asked = plain((epochs, steps, asked))
    files.check_same(folder, run, plan.as_run(asked), "as asked now")
    path = files.latest(folder)
    if path is not None:
        files.check_same(folder, run, files.saved_with(path), f"in {path.name}")
    if steps is not None:
        epochs = plan.epochs_of(run, steps)
    if epochs is not None and epochs < run["epochs"]:
        raise InputError(
            f"{folder} is a run of {run['epochs']} epochs, which can only grow; received {epochs}"
        )
    for name, value in (("source", source), ("data_dir", data_dir)):
        if value is not None:
            run["data"][name] = absolute(value)
    distribution = plan.distribution_of(run["strategy"])
    chief = _is_chief(distribution)
    with _locked(folder) if chief else contextlib.nullcontext():
        with distribution.scope():
            net = plan.built(run) if path is None else _open(run, path)
        for name, value in _identity(folder, run, net).items():
            if value != run["data"][name]:
                raise InputError(
                    f"resume of a run whose data differ: {name} was {run['data'][name]}, and "
                    f"{run['data']['source']} now has {value}; say where the data are now (--data), "
                    f"or begin a new run"
                )
        done = int(net.step.numpy()) // steps_of(run)
        run["epochs"] = epochs or run["epochs"]
        if chief:
            files.write(folder, run)
            files.cut(folder, done)
            cut_events(folder / "tensorboard", done)
        return _fit(folder, run, net, done, chief, verbose, callbacks)


def load(run: str | os.PathLike) -> GenerativeModel:
    """The model of a run folder: that of its last whole epoch, ready to sample or to train."""
    folder, run = Path(run), files.read(run)
    path = files.latest(folder)
    if path is None:
        raise InputError(
            f"{folder} has no model yet, its first epoch is not over; `tfgen train --resume {folder}`"
        )
    files.saved_with(path)  # refuses a damaged file
    return _open(run, path)


def save(run: str | os.PathLike, model: GenerativeModel) -> Path:
    """Puts `model`, of `load`, in the place of the run's own, as after `fit_density`; returns the file."""
    path = files.latest(Path(run))
    save_model(model, path, files.saved_with(path))
    return path


def _open(run, path):
    plan.model_class(run["model"])  # registers the class with Keras
    return keras.models.load_model(path)


def _identity(folder, run, net):
    try:
        return identity(run, net)
    except InputError as error:
        source = run["data"]["source"]
        if Path(source).is_absolute() and not Path(source).exists():
            raise InputError(
                f"{source}, the data of {folder}, is no longer there; say where the data are now: "
                f"tfgen train --resume {folder} --data PATH"
            ) from error
        raise


def _opening(run, taken, net):
    """Lines for the start of a training: what it takes from the recipe, its data, and how long it is."""
    if taken:
        yield "from the recipe: " + ", ".join(
            f"{name}={value}".replace(" ", "") for name, value in taken.items()
        )
    yield described(run, net)
    passes = run.get("passes") or 1
    each = f" of {passes} passes over the data" if passes > 1 else ""
    yield (
        f"{run['data']['examples']} images in batches of {run['batch_size']}: "
        f"{_count(run['epochs'], 'epoch')}{each}, {_count(steps_of(run), 'step')} each"
    )


def _count(n, what):
    return f"{n} {what}{'' if n == 1 else 's'}"


def few_updates(folder: Path, net: GenerativeModel) -> str | None:
    """A line if the finished run's model has few updates, with the command that continues it; else None."""
    if not (folder / "run.json").exists():  # a worker that is not the chief
        return None
    run = files.read(folder)
    often = {  # stages are as long as the model's arguments say
        name: int(net.step.numpy()) // objective.every
        for name, objective in net.objectives().items()
        if objective.stage is None
    }
    if not often or min(often.values()) >= FEW:
        return None
    name = min(often, key=often.get)
    epochs = math.ceil(plan.ENOUGH * net.objectives()[name].every / steps_of(run))
    return (
        f"only {often[name]} updates of the {name}, which is seldom enough: "
        f"tfgen train --resume {folder} --epochs {epochs}"
    )


def _is_chief(distribution):
    """Whether this process writes the run folder: the only one, or the cluster's first."""
    resolver = distribution.cluster_resolver
    if resolver is None or resolver.task_type in (None, "chief"):
        return True
    return resolver.task_id == 0 and "chief" not in resolver.cluster_spec().jobs


@contextlib.contextmanager
def _locked(folder):
    """The run folder as this process's alone. The lock is the system's, so that no file is left of it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"another process trains {folder} now; wait for its end, or stop it, or choose another folder"
            ) from None
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(handle)


def _shown_in(folder, run, net, examples):
    """What writes into a folder what the model makes after each epoch."""
    if isinstance(net, TranslatesSentences):
        return Translations(folder, sentences_of(run, net, SHOWN))
    return SampleGrid(folder, seed=run["seed"], examples=examples)


def _fit(folder, run, net, done, chief, verbose, callbacks):
    if verbose == "auto":
        verbose = 1 if sys.stdout.isatty() else 2
    verbose = verbose if chief else 0
    with contextlib.ExitStack() as stack:
        # Reading the state is a joint act of all workers, so all of them write; one of them here.
        target = folder if chief else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        checkpoint = target / "checkpoint.keras"
        if done < run["epochs"]:
            passes = run.get("passes") or 1
            data = load_data(run, net, range(done * passes, run["epochs"] * passes))
            watching = []
            if isinstance(net, Games):
                first = load_data(run, net, range(1)) if done else data.take(steps_of(run) // passes)
                watching = [TrainingDoctor(first)]
            if run.get("schedule"):
                watching.append(Rates(run["schedule"], run["rates"], run["epochs"]))
            if verbose:
                line = f"{type(net).__name__}'s first step is compiled, which takes a minute for deep models"
                watching.append(FirstStep(stack.enter_context(Waiting(line))))
            by_examples = isinstance(net, (Translates, Extends, CaptionedModel))
            examples = shown(run, net, SHOWN) if by_examples else None
            net.fit(
                data,
                initial_epoch=done,
                epochs=run["epochs"],
                steps_per_epoch=steps_of(run),
                verbose=verbose,
                callbacks=[
                    *callbacks,
                    # It prints the losses; the doctor's numbers join the logs behind it, for the files.
                    *([keras.callbacks.ProgbarLogger()] if verbose else []),
                    *watching,  # before those who write its numbers
                    Metrics(target / "metrics.csv"),
                    _shown_in(target / "samples", run, net, examples),
                    keras.callbacks.TensorBoard(target / "tensorboard", write_graph=False),
                    Checkpoint(checkpoint, run),
                ],
            )
        if checkpoint.exists():
            os.replace(checkpoint, target / "model.keras")
    return net
