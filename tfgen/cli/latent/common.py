"""What the commands of `tfgen latent` share: options, the run's model and images, the picture."""

from pathlib import Path
from typing import Annotated

import typer

from tfgen import loading
from tfgen.cli.console import import_tensorflow
from tfgen.cli.results import real_images
from tfgen.cli.sampling import labels_of
from tfgen.errors import InputError

To = Annotated[Path | None, typer.Option(help="The picture, FILE.png; by default RUN/latent/COMMAND.png.")]
Seed = Annotated[int, typer.Option(help="Seeds the codes; `tfgen sample` with this seed has the same.")]
Label = Annotated[
    str | None, typer.Option(help="The label of all images, as for `tfgen sample`: 3, cat, or 1,0,1.")
]
Images = Annotated[
    bool, typer.Option("--images", help="Encodes images of the data instead of drawing random codes.")
]
Data = Annotated[str | None, typer.Option(help="The images; by default those of the run.")]
Split = Annotated[str | None, typer.Option(help="By default test if there is one, else train.")]
Place = Annotated[str | None, typer.Option(help="Where TFDS keeps its data.")]
PARTS = ("bottom", "top", "left", "right", "middle", "random")


def start(run, to, command):
    """The model, and where the picture goes."""
    to = loading.place(run, f"latent/{command}.png") if to is None else to
    if to.suffix != ".png":
        raise InputError(f"--to takes a file that ends in .png; received {to}")
    import_tensorflow()
    return loading.load(run), to


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
    options = {**others, **place, "for_model": model}
    if "unlabelled" in model.fields:  # what else it learns from, and few labels, are for training
        options.update(for_model=None, image_shape=model.image_shape, labels=False, labelled=None)
    options.update(wanted)
    rows = min(n, 256)
    batches = load(
        source, split, batch_size=rows, shuffle=False, epochs=range(1), drop_remainder=False, **options
    )
    batches = [batch if isinstance(batch, tuple) else (batch,) for batch in batches.take(-(-n // rows))]
    parts = [np.concatenate(part)[:n] for part in zip(*batches)]
    images = model.fields["images"].prepared(parts[0]).numpy()
    return images, parts[1] if model.label_spec is not None or "labels" in wanted else None


def drawn(model, run, n, seed, label):
    """The codes that `tfgen sample` decodes, and their labels: `label`, or random ones; None if none."""
    import numpy as np

    from tfgen import latent, random
    from tfgen.models.base import LABELS

    z = latent.codes(model, n, seed)
    if model.label_spec is None:
        if label is not None:
            raise InputError(f"{type(model).__name__} is not conditional; omit --label")
        return z, None
    if label is not None:
        given = labels_of([label], model, loading.label_names(run))
        if len(given) > 1:
            raise InputError(f"--label takes a single label for all images; received {label!r}")
        name = type(model).__name__
        return z, model.conditions["labels"].for_samples(np.array(given[0]), n, "labels", name).numpy()
    return z, model.conditions["labels"].draw(random.fold_in(random.key(seed), LABELS), n).numpy()


def part(labels, index):
    """Labels at an index, or a slice; None of a model without."""
    return None if labels is None else labels[index]


def hidden(shape, part, seed=0):
    """Which pixels of images (n, h, w, c) to hide, about half of them: bool (n, h, w, 1).

    Args:
        part: "bottom", "top", "left" or "right"; "middle", a rectangle; "random", pixels of each
            image by a fair coin, from the seed.
    """
    import numpy as np

    n, height, width, _ = shape
    row, column = np.indices((height, width))
    # In the middle: sides of sqrt(1/2), half of the area.
    central = [np.abs(2 * at + 1 - size) < size * 0.5**0.5 for at, size in ((row, height), (column, width))]
    masks = {
        "bottom": row >= height // 2,
        "top": row < height - height // 2,
        "left": column < width - width // 2,
        "right": column >= width // 2,
        "middle": central[0] & central[1],
    }
    if part == "random":
        mask = np.random.default_rng(seed).random((n, height, width)) < 0.5
    else:
        mask = np.broadcast_to(masks[part], (n, height, width))
    return mask[..., None]


def mask_of(file, shape, option="--mask"):
    """Where the picture of an option is white, bool (h, w, 1), of images of a shape (h, w, c)."""
    return _pixels(file, shape, option, "L")[..., None] > 127


def strokes_of(file, shape):
    """The colours of a picture, bytes (h, w, c), and where it is not transparent, bool (h, w, 1)."""
    inside = _pixels(file, shape, "--paint", "RGBA")[..., 3:] > 127
    if inside.all() or not inside.any():
        raise InputError(
            f"--paint takes a picture that is transparent but for strokes; {file} is "
            f"{'nowhere' if inside.all() else 'everywhere'} transparent"
        )
    return _pixels(file, shape, "--paint", "RGB" if shape[2] == 3 else "L").reshape(shape), inside


def _pixels(file, shape, option, mode):
    """The bytes of an option's picture in a mode of Pillow's; it has the size of images (h, w, c)."""
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as picture:
            values = np.asarray(picture.convert(mode))
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{option} takes a picture; {file}: {error}") from error
    (height, width), (tall, wide) = shape[:2], values.shape[:2]
    if (height, width) != (tall, wide):
        raise InputError(f"{option} takes a picture of {height}x{width} pixels; {file} has {tall}x{wide}")
    return values
