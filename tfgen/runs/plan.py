"""What a run will be: everything of run.json, checked, before anything is written or trained."""

import importlib
import json
import math
import os
import sys
from pathlib import Path

import keras
import tensorflow as tf

from tfgen import arguments as checking
from tfgen import models
from tfgen.data import vocabulary
from tfgen.errors import InputError, unknown
from tfgen.models.abilities import Extends, Translates
from tfgen.models.base import GenerativeModel, Recipe
from tfgen.models.plan import check_length
from tfgen.runs.callbacks import factor
from tfgen.runs.data import (
    absolute,
    check_large,
    checked_options,
    conditions,
    identity,
    image_shape,
    input_channels,
    label_names,
    steps,
)

STRATEGIES = {
    "none": tf.distribute.get_strategy,
    "mirrored": tf.distribute.MirroredStrategy,
    "multi_worker": tf.distribute.MultiWorkerMirroredStrategy,
}
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
ENOUGH = 5000  # updates of each objective that a run of others' data has by default
PASS = 100  # steps of an epoch, at least, where the length of the run is given in steps


def model_class(name: str) -> type[GenerativeModel]:
    """The class of a model: "dcgan" of the catalogue, or "module:Class" of the user's own.

    A module is looked for in the current folder too.

    Raises:
        InputError: no such model, module or class, or a class that is no GenerativeModel.
    """
    module, colon, cls = str(name).partition(":")
    if not colon:
        return models.get(name)
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module), cls, None)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise InputError(
            f"no module {module!r} in {here} or among the installed packages; received {name!r}"
        ) from None
    if not (isinstance(found, type) and issubclass(found, GenerativeModel)):
        raise InputError(
            f"{module} has no model {cls!r}; a model is a class that derives from "
            f"tfgen.models.base.GenerativeModel or a family's base"
        )
    return found


def canonical(name):
    """The name as run.json has it."""
    return name if ":" in name else name.lower()


def distribution_of(strategy):
    """The tf.distribute strategy of a name in STRATEGIES."""
    if strategy not in STRATEGIES:
        raise unknown("strategy", strategy, list(STRATEGIES))
    if strategy == "multi_worker":
        text = os.environ.get("TF_CONFIG", "")
        try:
            config = json.loads(text or "{}")
        except ValueError:
            config = None
        if not (isinstance(config, dict) and {"cluster", "task"} <= set(config)):
            raise InputError(
                "the strategy multi_worker needs TF_CONFIG to be JSON with a cluster and a task, as "
                '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}; '
                f"received {text!r}"
            )
    return STRATEGIES[strategy]()


def planned(
    model: str,
    source: str | os.PathLike | None = None,
    *,
    arguments: dict | None = None,
    options: dict | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    optimizer: str | None = None,
    learning_rate: float | dict[str, float] | None = None,
    clip_norm: float | None = None,
    seed: int = 0,
    data_dir: str | os.PathLike | None = None,
    download: bool = True,
    strategy: str = "none",
    xla: bool | None = None,
    precision: str = "float32",
) -> tuple[dict, dict]:
    """What run.json will say, a dict, and what of it is the recipe's, {name: value}.

    The arguments are those of `tfgen.runs.train`. Opens the data, and neither builds nor writes anything:
    `settled` adds what needs the model.

    Raises:
        InputError: an argument that is wrong by itself, or does not fit the data.
    """
    cls = model_class(model)
    if precision not in PRECISIONS:
        raise unknown("precision", precision, list(PRECISIONS))
    for name, value in (("epochs", epochs), ("steps", steps), ("batch_size", batch_size)):
        if value is not None and value < 1:
            raise InputError(f"{name} must be at least 1; received {value}")
    if epochs is not None and steps is not None:
        raise InputError(
            f"give epochs or steps, one says the other; received epochs {epochs} and steps {steps}"
        )
    if xla and strategy != "none":
        raise InputError(
            f"TensorFlow cannot train with XLA under the strategy {strategy!r}; omit one of them"
        )
    _check_optimizer(optimizer, learning_rate, clip_norm)
    if not isinstance(source, (str, os.PathLike, type(None))):
        raise InputError(
            f"a run finds its data again by name or path; received {type(source).__name__}: "
            f"save arrays as .npz, or call the model's own fit"
        )
    recipe, parameters = cls.recipe, checking.of_model(cls)
    if recipe is None:
        if source is None:
            raise InputError(
                f"{cls.__name__} has no recipe, and so no data of its own; give the data (--data)"
            )
        recipe = Recipe(None, batch_size=64, epochs=None)
    given = checking.check(
        cls.__name__,
        {n: p for n, p in parameters.items() if n not in ("seed", "dtype", "name")},
        arguments or {},
    )
    source = absolute(recipe.dataset if source is None else source)
    own = source == recipe.dataset  # else nothing that was chosen for the recipe's data is used
    usual = dict(recipe.data) if own else {}
    if given.get("levels", 2) > 2:
        usual.pop("binarize", None)
    chosen = checked_options(options or {})
    loading = {
        "source": source,
        "options": {"split": "train", **cls.data_options, **usual, **chosen},
        "data_dir": absolute(data_dir),
        "download": download,
    }
    config = {**(recipe.model if own else {}), **given}
    taken = {name: value for name, value in config.items() if name not in given}
    taken.update({name: value for name, value in usual.items() if name not in chosen})
    if batch_size is None:
        taken["batch_size"] = recipe.batch_size
    if own and epochs is None and steps is None:
        taken["epochs"] = epochs = recipe.epochs
    if own and recipe.learning_rate is not None and optimizer is None and learning_rate is None:
        taken["learning_rate"] = learning_rate = recipe.learning_rate
    if recipe.schedule is not None:
        factor(recipe.schedule, 0)  # refuses a wrong one
        taken["schedule"] = recipe.schedule
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    if "image_shape" in parameters and "image_shape" not in given:
        if not own or "image_shape" not in config:
            config["image_shape"] = _image_shape(cls, loading, {**defaults, **config})
            taken.pop("image_shape", None)
    if "input_channels" in parameters and "input_channels" not in config:
        parts = cls.parts(**{**defaults, **config})
        if len(parts) > 1:  # else it makes them of the images
            config["input_channels"] = input_channels(loading, parts, parts[0])
    if cls.data_options.get("resample") == "never":
        shape = config.get("image_shape", defaults["image_shape"])
        check_large(loading, cls.__name__, shape, cls.scale)
    if "source_words" in parameters and not {"source_words", "target_words"} <= set(given):
        length = config.get("length", defaults["length"])
        found = vocabulary(source, loading["options"]["split"], length=length)
        config.update(source_words=found[0], target_words=found[1])
    conditional = {"classes", "attributes"} & set(parameters)
    if not conditional & set(given) and any(config.get(n, parameters[n].default) for n in conditional):
        config.update(conditions(loading, conditional))
    run = {
        "model": canonical(model),
        "config": {**config, "seed": seed, "dtype": precision},
        "data": loading,
        "batch_size": batch_size or recipe.batch_size,
        "epochs": epochs,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "clip_norm": clip_norm,
        "schedule": recipe.schedule,
        "seed": seed,
        "strategy": strategy,
        "xla": xla,
        "precision": precision,
    }
    if epochs is None:
        run["passes"], run["steps"] = None, steps
    return run, taken


def _image_shape(cls, loading, config):
    """That of the data, or next to it, where a translator takes some sizes alone."""
    parts = cls.parts(**config)
    shape = image_shape(loading, parts, parts[-1])
    return cls.fitting(shape, **config) if issubclass(cls, (Translates, Extends)) else shape


def settled(run, net):
    """The planned run with what its model and its data say: config, fingerprint, names, epochs, rates."""
    labels = [name for name in ("labels", "labels_a") if name in net.fields]
    if labels and run["data"]["options"].get("labels") is False:
        raise InputError(f"{type(net).__name__} trains on {labels[0]}; omit labels=False")
    run["config"] = net.get_config()
    run["data"].update(identity(run, net))
    if net.label_spec is not None:
        run["data"]["label_names"] = list(label_names(run["data"]))
    if run["schedule"] is not None:
        run["rates"] = {name: float(one.learning_rate) for name, one in net.optimizers.items()}
    if run["epochs"] is None:
        wanted = run.pop("steps")
        once = run["data"]["examples"] // run["batch_size"]
        if wanted is None:
            wanted = ENOUGH * max((x.every for x in net.objectives().values()), default=1)
        run["passes"] = max(1, min(math.ceil(PASS / once), math.ceil(wanted / once)))
        run["epochs"] = epochs_of(run, wanted)
    check_length(net, run["epochs"] * steps(run))
    return run


def epochs_of(run, wanted):
    """How many epochs of the run have at least so many steps."""
    return math.ceil(wanted / steps(run))


def _check_optimizer(optimizer, learning_rate, clip_norm):
    if optimizer is not None:
        known = [name.lower() for name in dir(keras.optimizers) if _is_optimizer(name)]
        if str(optimizer).lower() not in known:
            raise unknown("optimizer", optimizer, known)
    rates = learning_rate if isinstance(learning_rate, dict) else {"the model": learning_rate}
    for name, value in (*((f"learning_rate of {n}", x) for n, x in rates.items()), ("clip_norm", clip_norm)):
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise InputError(f"{name} must be a number above 0, as 1e-4; received {value!r}")


def _is_optimizer(name):
    found = getattr(keras.optimizers, name)
    base = keras.optimizers.Optimizer
    return (
        isinstance(found, type)
        and issubclass(found, base)
        and name not in ("Optimizer", "LossScaleOptimizer")
    )


def _optimizers(run, net):
    """For `compile`: None for the paper's, or one for each objective as the run's options say."""
    name, rate, clip = (run.get(key) for key in ("optimizer", "learning_rate", "clip_norm"))
    if name is None and rate is None and clip is None:
        return None
    objectives = list(net.objectives())
    if isinstance(rate, dict):
        for objective in rate:
            if objective not in objectives:
                raise unknown("objective", objective, objectives)
    base = net.default_optimizers() if name is None else name
    if not isinstance(base, dict):
        base = dict.fromkeys(objectives, base)
    made = {}
    for objective in objectives:
        one = keras.optimizers.get(base[objective])
        config = one.get_config()
        wanted = rate.get(objective) if isinstance(rate, dict) else rate
        if wanted is not None:
            config["learning_rate"] = wanted
        if clip is not None:
            config.update(clipnorm=None, clipvalue=None, global_clipnorm=clip)
        made[objective] = type(one).from_config(config)
    return made


def built(run):
    """The run's model, new and compiled."""
    cls = model_class(run["model"])
    try:
        net = cls(**run["config"])
    except (TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{cls.__name__} cannot be built: {reason}") from error
    # Keras' "auto" is XLA on accelerators, where it fails under a strategy.
    xla = False if run["strategy"] != "none" else run["xla"]
    net.compile(_optimizers(run, net), **({} if xla is None else {"jit_compile": xla}))
    net.prepare()  # what it cannot do without shall be missed now, before anything is written
    return net


def as_run(asked):
    """Arguments of `train`, at the places that they have in run.json."""
    data_names = ("options", "download")
    run = {name: value for name, value in asked.items() if name not in (*data_names, "arguments")}
    run["config"] = asked.get("arguments") or {}
    run["data"] = {name: asked[name] for name in data_names if name in asked}
    if "model" in run:
        run["model"] = canonical(run["model"])
    return json.loads(json.dumps(run))


def check_new(out):
    """Raises an InputError unless `out` is free for a new run."""
    out = Path(out)
    if (out / "run.json").exists():
        raise InputError(
            f"{out} is a run already; continue it with `tfgen train --resume {out}`, or choose a new folder"
        )
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"{out} exists and is not empty; choose a new folder")
