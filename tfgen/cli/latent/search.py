"""`tfgen latent project` and `inpaint`: codes that are searched for."""

from pathlib import Path
from typing import Annotated

import typer

from tfgen.cli.latent.common import PARTS, Data, Place, Split, To, first_images, hidden, mask_of, save, start
from tfgen.cli.results import Run
from tfgen.errors import unknown

Number = Annotated[int, typer.Option("-n", help="Number of images, a row each.")]
Steps = Annotated[int, typer.Option(help="Steps of the search.")]
Starts = Annotated[int, typer.Option(help="Tries from other codes, of which the best is kept.")]
From = Annotated[int, typer.Option("--seed", help="Seeds the first codes.")]


def project(
    run: Run,
    n: Number = 8,
    steps: Steps = 500,
    starts: Starts = 4,
    seed: From = 0,
    to: To = None,
    data: Data = None,
    split: Split = None,
    data_dir: Place = None,
):
    """Searches the code of each image, for a model that has no encoder too.

    Each row shows an image, the nearest that the model makes, and how far they differ, times 2.

    \b
    Examples:
      tfgen latent project runs/gan
      tfgen latent project runs/gan --data photos/ -n 4 --starts 8
    """
    model, to = start(run, to, "project")
    import numpy as np

    from tfgen import search

    images, labels = first_images(model, run, n, data, split, data_dir)
    found = search.project(model, images, labels, steps=steps, starts=starts, seed=seed, verbose=1)
    low, high = model.value_range
    apart = np.clip(low + 2 * np.abs(found.images - images), low, high)
    errors = found.losses / images[0].size
    picture = np.stack([images, found.images, apart], axis=1)
    save(picture, model, to, f"{n} images and their projections, mean squared error {errors.mean():.2g}")


def inpaint(
    run: Run,
    hide: Annotated[str, typer.Option(help=f"What to hide: {', '.join(PARTS)}.")] = "middle",
    mask: Annotated[
        Path | None, typer.Option(help="A picture of the images' size, black where they are hidden.")
    ] = None,
    n: Number = 8,
    loss: Annotated[
        str, typer.Option(help="context, as the paper compares, or squares, as the lectures do.")
    ] = "context",
    blend: Annotated[bool, typer.Option(help="Takes the level of what is made from around.")] = True,
    steps: Steps = 500,
    starts: Starts = 4,
    seed: Annotated[int, typer.Option(help="Seeds the first codes, and the pixels of --hide random.")] = 0,
    to: To = None,
    data: Data = None,
    split: Split = None,
    data_dir: Place = None,
):
    """Fills hidden parts of images with what a model makes that fits those around.

    Each row shows an image, what is left of it, the image that the model makes, and the result. Models that
    draw pixel by pixel, and CCGAN, have `tfgen complete`.

    \b
    Examples:
      tfgen latent inpaint runs/faces
      tfgen latent inpaint runs/faces --hide left --loss squares --no-blend
      tfgen latent inpaint runs/faces --data photos/ --mask hole.png -n 1
    """
    if hide not in PARTS:
        raise unknown("part to hide", hide, PARTS)
    model, to = start(run, to, "inpaint")
    import numpy as np

    from tfgen import search

    if loss not in search.LOSSES:
        raise unknown("loss", loss, search.LOSSES)
    images, labels = first_images(model, run, n, data, split, data_dir)
    known = (
        1 - hidden(images.shape, hide, seed)
        if mask is None
        else mask_of(mask, images.shape[1:]).astype("float32")
    )
    how = dict(steps=steps, starts=starts, seed=seed, verbose=1)
    found = search.inpaint(model, images, known, loss, blend=blend, labels=labels, **how)
    grey = np.where(known > 0, images, np.float32(np.mean(model.value_range)))
    picture = np.stack([images, grey, found.generated, found.images], axis=1)
    what = f"hidden ({hide})" if mask is None else f"hidden by {mask}"
    save(picture, model, to, f"{n} images, {what}, and filled in")
