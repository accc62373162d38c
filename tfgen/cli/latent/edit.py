"""`tfgen latent edit`: images that follow strokes, lines, or a part that is moved."""

from pathlib import Path
from typing import Annotated

import typer

from tfgen.cli.latent.codes import numbers
from tfgen.cli.latent.common import Data, Place, Split, To, first_images, mask_of, save, start, strokes_of
from tfgen.cli.latent.search import From, Number, Starts, Steps
from tfgen.cli.results import Run
from tfgen.errors import InputError


def edit(
    run: Run,
    paint: Annotated[
        Path | None,
        typer.Option(help="A picture of the images' size, transparent but for strokes of colour."),
    ] = None,
    sketch: Annotated[
        Path | None, typer.Option(help="A picture of the images' size, white where edges shall be.")
    ] = None,
    move: Annotated[
        str | None,
        typer.Option(help="A part and its new place: TOP,LEFT,HEIGHT,WIDTH,TOP,LEFT in pixels."),
    ] = None,
    smoothness: Annotated[float, typer.Option(help="How strongly the codes are held where they were.")] = 1.0,
    n: Number = 8,
    steps: Steps = 500,
    starts: Starts = 4,
    seed: From = 0,
    to: To = None,
    data: Data = None,
    split: Split = None,
    data_dir: Place = None,
):
    """Edits images by strokes, lines, or a part that is moved, as far as the model makes such images.

    The code of each image is searched for first, from --starts codes, and then moves to what was painted.
    Each row shows an image, what was painted on it, the nearest that the model makes, that one edited, and
    the image itself, which has followed the motion and the colours of the edit.

    \b
    Examples:
      tfgen latent edit runs/faces --paint strokes.png
      tfgen latent edit runs/faces --sketch lines.png --smoothness 0.2 -n 4
      tfgen latent edit runs/faces --move 20,8,6,16,22,8 --data photos/
    """
    if paint is None and sketch is None and move is None:
        raise InputError("an edit takes --paint, --sketch or --move; received none of them")
    if paint is not None and move is not None:
        raise InputError("--paint and --move both say colours; give one of them, and then the other")
    places = None if move is None else numbers(move, "--move")
    if places is not None and len(places) != 6:
        raise InputError(f"--move takes six numbers, as 20,8,6,16,22,8; received {move!r}")
    model, to = start(run, to, "edit")
    import numpy as np

    from tfgen import editing, search
    from tfgen.metrics import checks

    images, labels = first_images(model, run, n, data, split, data_dir)
    shape = images.shape[1:]
    colours = mask = lines = None
    if paint is not None:
        colours, mask = strokes_of(paint, shape)
        colours = checks.images(model, colours[None])[0]
    if places is not None:
        parts = [editing.moved(image, places[:4], places[4:]) for image in images]
        colours, mask = np.stack([one for one, _ in parts]), parts[0][1]
    painted = images if mask is None else np.where(mask > 0, colours, images)
    if sketch is not None:
        lines = mask_of(sketch, shape, "--sketch")
        painted = np.where(lines, np.float32(model.value_range[1]), painted)
    found = search.project(model, images, labels, steps=steps, starts=starts, seed=seed, verbose=1)
    how = dict(smoothness=smoothness, photos=images, labels=labels, steps=steps, verbose=1)
    edited = editing.edit(model, found.z, colours, mask, lines, **how)
    picture = [images, painted, found.images, edited.generated, edited.images]
    save(np.stack(picture, axis=1), model, to, f"{n} images and their edits")
