"""`tfgen train`."""

import ast
import sys
from pathlib import Path
from typing import Annotated

import typer

from tfgen.cli.console import disk_is_full, import_tensorflow
from tfgen.errors import InputError


def _pairs(texts, option):
    """["a=1", "b=x"] as {"a": 1, "b": "x"}: Python literals, and text for what is none."""
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise InputError(f"{option} takes NAME=VALUE, as {option} width=32; received {text!r}")
        try:
            pairs[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            pairs[name] = value
    return pairs


def train(
    model: Annotated[str | None, typer.Argument(help="A name of `tfgen list`.")] = None,
    data: Annotated[
        str | None,
        typer.Option(help="A TFDS name, a folder, an .npz file, or digits, ring, grid (built in)."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder to make.")] = None,
    resume: Annotated[Path | None, typer.Option(help="The run folder to continue.")] = None,
    arguments: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the model.")
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--data-set", metavar="NAME=VALUE", help="An option of the data, as binarize=dynamic."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="With --resume: the new, larger total.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Of all devices together.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, noise and order of the data (0).")] = None,
    data_dir: Annotated[str | None, typer.Option(help="Where TFDS has its data.")] = None,
    download: Annotated[
        bool | None, typer.Option("--download/--no-download", help="Whether TFDS may fetch the data.")
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(help="none; mirrored: all devices here; multi_worker: the machines of TF_CONFIG."),
    ] = None,
    xla: Annotated[bool | None, typer.Option("--xla/--no-xla", help="Compile with XLA.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32, mixed_bfloat16 or mixed_float16.")] = None,
):
    """Trains a model, or continues a stopped run.


    What is not said is the model's recipe (`tfgen show MODEL`). Ctrl-C loses no more than the
    unfinished epoch, which `--resume` does again, as if nothing had happened.

    \b
    Examples:
      tfgen train dcgan --data digits --epochs 6 --seed 3 --set width=32 --out runs/digits
      tfgen train vae --data photos/ --set image_shape=64,64,3 --out runs/photos
      tfgen train --resume runs/digits --epochs 12
    """
    asked = {
        "source": data,
        "arguments": _pairs(arguments, "--set") if arguments else None,
        "options": _pairs(options, "--data-set") if options else None,
        "epochs": epochs,
        "batch_size": batch_size,
        "seed": seed,
        "data_dir": data_dir,
        "download": download,
        "strategy": strategy,
        "xla": xla,
        "precision": precision,
    }
    asked = {name: value for name, value in asked.items() if value is not None}
    if resume is None and (model is None or out is None):
        raise InputError("give MODEL and --out RUN for a new run, or --resume RUN for an old one")
    if resume is not None and out is not None:
        raise InputError("--resume continues in its own folder; leave --out away")
    folder = out or resume
    try:
        import_tensorflow()
        import tensorflow as tf

        from tfgen import runs
        from tfgen.models.monitoring import Diverged

        if resume is not None:
            runs.resume(resume, **asked, **({} if model is None else {"model": model}))
        else:
            runs.train(model, out, **asked)
    except KeyboardInterrupt:
        how = (
            f"continue with: tfgen train --resume {folder}"
            if (folder / "run.json").exists()
            else "no run was made"
        )
        print(f"\ntfgen: interrupted; {how}", file=sys.stderr)
        raise typer.Exit(130) from None
    except Diverged as error:
        raise InputError(str(error)) from error
    except (OSError, tf.errors.ResourceExhaustedError) as error:
        if not disk_is_full(error):
            raise
        raise InputError(
            f"the disk is full; the last checkpoint is whole: make room, then tfgen train --resume {folder}"
        ) from error
    except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
        raise InputError(
            "another worker of TF_CONFIG has ended; see what it says, then start all of them with "
            f"tfgen train --resume {folder}"
        ) from error
    print(f"{folder} is complete: {folder / 'model.keras'}")
    print(f"next: tfgen sample {folder}; tfgen evaluate {folder}; tfgen export {folder}")
