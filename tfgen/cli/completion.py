"""`tfgen complete`: half-hidden images of the data, and what a model makes of the rest."""

from pathlib import Path
from typing import Annotated

import typer

from tfgen.cli.latent.common import PARTS, Data, Place, Split, first_images, hidden, save, start
from tfgen.cli.results import Run
from tfgen.cli.sampling import WITHOUT
from tfgen.errors import InputError, unknown
from tfgen.loading import place


def complete(
    run: Run,
    hide: Annotated[str, typer.Option(help=f"The half to hide: {', '.join(PARTS)}.")] = "bottom",
    n: Annotated[int, typer.Option("-n", help="Number of images, a row each.")] = 8,
    draws: Annotated[int, typer.Option(help="Number of completions of each image.")] = 4,
    seed: Annotated[int, typer.Option(help="The same seed gives the same completions.")] = 0,
    temperature: Annotated[
        float | None,
        typer.Option(help="For a model of pixels: below 1, more likely values; 0, the likeliest."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="The picture, FILE.png; by default RUN/completions.png.")
    ] = None,
    data: Data = None,
    split: Split = None,
    data_dir: Place = None,
):
    """Hides half of each image and completes it with a model of pixels, or with a CCGAN.

    Each row shows an image, its visible half, and completions. A model of pixels draws them row by row from
    the top: a hidden bottom follows from the visible top, but a hidden top cannot take the visible bottom
    into account. A conditional model gets the images' labels.

    \b
    Examples:
      tfgen complete runs/pixels
      tfgen complete runs/pixels --hide right -n 4 --draws 8 --to right.png
      tfgen complete runs/pixels --data photos/ --hide random --temperature 0.8
    """
    if hide not in PARTS:
        raise unknown("part to hide", hide, PARTS)
    if n < 1 or draws < 1:
        raise InputError(f"-n and --draws must be at least 1; received {n} and {draws}")
    if seed < 0:
        raise InputError(f"--seed must be at least 0; received {seed}")
    model, to = start(run, place(run, "completions.png") if to is None else to, "complete")
    import numpy as np

    from tfgen.models.abilities import Completes, needs

    needs(model, Completes, "complete")
    if temperature is not None and "temperature" not in model.options:
        raise InputError(f"{type(model).__name__} {WITHOUT['temperature']}; omit --temperature")
    images, labels = first_images(model, run, n, data, split, data_dir)
    mask = hidden(images.shape, hide, seed)
    given = {} if temperature is None else {"temperature": temperature}
    if labels is not None:
        given["labels"] = np.repeat(labels, draws, axis=0)
    repeated, known = (np.repeat(part, draws, axis=0) for part in (images, np.float32(~mask)))
    drawn = model.completed(repeated, known, seed, **given)
    drawn = np.reshape(drawn, (n, draws, *images.shape[1:]))
    grey = np.where(mask, np.float32(np.mean(model.value_range)), images)
    picture = np.concatenate([images[:, None], grey[:, None], drawn], axis=1)
    save(picture, model, to, f"{n} images, half hidden ({hide}), and completed {draws} times")
