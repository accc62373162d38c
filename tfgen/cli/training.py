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


def _rates(texts):
    """["1e-4"] as 1e-4, and ["generator=1e-4", ...] as {"generator": 1e-4, ...}."""
    rates = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        try:
            rates[name] = float(value)
        except ValueError:
            raise InputError(
                f"--learning-rate takes a number, as 1e-4, or OBJECTIVE=NUMBER, as generator=1e-4; "
                f"received {text!r}"
            ) from None
    if "" in rates and len(texts) > 1:
        raise InputError(
            f"give one --learning-rate for all objectives, or OBJECTIVE=NUMBER for each; "
            f"received {' and '.join(texts)}"
        )
    return rates.get("", rates)


def train(
    model: Annotated[
        str | None, typer.Argument(help="A name of `tfgen list`, or module:Class for your own model.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="A TFDS name, a folder of images, an .npz file, or digits, ring, grid (built in). "
            "With --resume: where the data are now."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder to create.")] = None,
    resume: Annotated[Path | None, typer.Option(help="The run folder to continue.")] = None,
    arguments: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Sets a parameter of the model.")
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--data-set", metavar="NAME=VALUE", help="Sets an option of the data, as binarize=dynamic."
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Number of passes over the data. With --resume: the new, larger total.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Instead of --epochs: number of batches, rounded up to whole epochs.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Images in a batch, over all devices together.")
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="A Keras optimizer, as adam. By default, the paper's.")
    ] = None,
    learning_rate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[OBJECTIVE=]RATE",
            help="The learning rate, or that of one objective, as generator=1e-4.",
        ),
    ] = None,
    clip_norm: Annotated[
        float | None, typer.Option(help="Scales each objective's gradient down to at most this norm.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seeds the weights, the noise and the order of the data (default 0).")
    ] = None,
    data_dir: Annotated[str | None, typer.Option(help="Where TFDS keeps its data.")] = None,
    download: Annotated[
        bool | None, typer.Option("--download/--no-download", help="Lets TFDS download the data, or not.")
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            help="none; mirrored: all devices of this machine; multi_worker: the machines in TF_CONFIG."
        ),
    ] = None,
    xla: Annotated[bool | None, typer.Option("--xla/--no-xla", help="Compiles with XLA, or not.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32, mixed_bfloat16 or mixed_float16.")] = None,
):
    """Trains a model, or continues a stopped run.

    Without --data, the model's recipe runs (`tfgen show MODEL`). For your own data, the model has its own
    defaults and the shape of your images, and trains until each of its losses had 5,000 updates.
    Ctrl-C loses at most the unfinished epoch: --resume repeats it, and the run ends as if it had
    never been stopped.

    A model of pairs takes folders A and B with the same names, also below train and test, or trainA and
    trainB, or images with both side by side; a model of two domains takes folders of these names, too.

    \b
    Examples:
      tfgen train dcgan --data digits --epochs 6 --seed 3 --set width=32 --out runs/digits
      tfgen train vae --data photos/ --set image_shape=64,64,3 --out runs/photos
      tfgen train pix2pix --data pairs/ --data-set pair=left,right --out runs/maps
      tfgen train cyclegan --data horses_and_zebras/ --out runs/zebras
      tfgen train improvedgan --data photos/ --data-set labelled=100 --out runs/few_labels
      tfgen train wgangp --data photos/ --steps 20000 --learning-rate generator=1e-4 --out runs/faces
      tfgen train mymodule:MyGAN --data digits --out runs/mine
      tfgen train --resume runs/digits --epochs 12
      tfgen train --resume runs/photos --data /new/place/photos
    """
    asked = {
        "source": data,
        "arguments": _pairs(arguments, "--set") if arguments else None,
        "options": _pairs(options, "--data-set") if options else None,
        "epochs": epochs,
        "steps": steps,
        "batch_size": batch_size,
        "optimizer": optimizer,
        "learning_rate": _rates(learning_rate) if learning_rate else None,
        "clip_norm": clip_norm,
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
        raise InputError("--resume continues in its own folder; omit --out")
    folder = out or resume
    try:
        import_tensorflow()
        import tensorflow as tf

        from tfgen import runs
        from tfgen.models.abilities import Extends, Translates
        from tfgen.models.monitoring import Diverged

        if resume is not None:
            net = runs.resume(resume, **asked, **({} if model is None else {"model": model}))
        else:
            net = runs.train(model, out, **asked)
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
    few = runs.few_updates(folder, net)
    if few:
        print(f"warning: {few}")
    photo = f"tfgen translate {folder} PHOTO; " if isinstance(net, Translates) else ""
    photo = f"tfgen translate {folder} CLIP.npz --steps 8; " if isinstance(net, Extends) else photo
    print(f"next: {photo}tfgen sample {folder}; tfgen evaluate {folder}; tfgen export {folder}")
