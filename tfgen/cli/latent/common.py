"""What the commands of `tfgen latent` share: options, the run's model and images, the picture."""

from pathlib import Path
from typing import Annotated

import typer

from tfgen.cli.console import import_tensorflow
from tfgen.cli.results import real_images
from tfgen.errors import InputError

To = Annotated[Path | None, typer.Option(help="FILE.png; by default RUN/latent/COMMAND.png.")]
Seed = Annotated[int, typer.Option(help="Of the codes: those of `tfgen sample` with this seed.")]
Label = Annotated[int | None, typer.Option(help="Class of all images, if the model has classes.")]
Images = Annotated[
    bool, typer.Option("--images", help="Take codes of the data's images in place of random ones.")
]
Data = Annotated[str | None, typer.Option(help="Images; by default those of the run.")]
Split = Annotated[str | None, typer.Option(help="By default test, where there is one, else train.")]
Place = Annotated[str | None, typer.Option(help="Where TFDS has its data.")]


def start(run, to, command):
    """The run's model, and where the picture goes."""
    to = run / "latent" / f"{command}.png" if to is None else to
    if to.suffix != ".png":
        raise InputError(f"--to takes a file that ends in .png; received {to}")
    import_tensorflow()
    from tfgen import runs

    return runs.load(run), to


def save(images, model, to, what):
    """A picture of images (rows, columns, h, w, c)."""
    from tfgen import pictures
    from tfgen.files import replacing

    _, columns, *shape = images.shape
    with replacing(to) as part:
        pictures.grid(images.reshape(-1, *shape), model.value_range, columns).save(part)
    print(f"{what}: {to}")


def first_images(model, run, n, data, split, data_dir, **wanted):
    """The first n images of the data, and their labels, None of a model that takes none."""
    import numpy as np

    from tfgen.data import load, size

    source, split, place, others = real_images(run, data, split, data_dir)
    count = size(source, split, **place)
    if not 1 <= n <= count:
        raise InputError(f"{source} has {count} images in {split!r}; {n} are wanted")
    options = {**others, **place, **wanted}
    rows = min(n, 256)
    batches = load(
        source, split, model, rows, shuffle=False, epochs=range(1), drop_remainder=False, **options
    )
    batches = [batch if isinstance(batch, tuple) else (batch,) for batch in batches.take(-(-n // rows))]
    parts = [np.concatenate(part)[:n] for part in zip(*batches)]
    return parts[0], parts[1] if model.label_spec is not None or "labels" in wanted else None


def drawn(model, n, seed, label):
    """The codes that `tfgen sample` decodes and their labels: `label`, or drawn; None if not conditional."""
    from tfgen import latent, random
    from tfgen.models.base import LABELS

    z = latent.codes(model, n, seed)
    if model.label_spec is None:
        if label is not None:
            raise InputError(f"{type(model).__name__} is not conditional; leave --label away")
        return z, None
    if label is not None:
        return z, model.conditions["labels"].for_samples(label, n, "labels", type(model).__name__).numpy()
    return z, model.conditions["labels"].draw(random.fold_in(random.key(seed), LABELS), n).numpy()


def part(labels, index):
    """Labels at an index, or a slice; None of a model without."""
    return None if labels is None else labels[index]
