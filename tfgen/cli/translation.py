"""`tfgen translate`: pictures in, a model's translations out."""

from pathlib import Path
from typing import Annotated

import typer

from tfgen import loading
from tfgen.cli.console import import_tensorflow
from tfgen.cli.results import Run, labels_of
from tfgen.errors import InputError
from tfgen.files import IMAGES
from tfgen.loading import place


def translate(
    run: Run,
    photos: Annotated[
        list[Path], typer.Argument(help="Pictures of any size, or folders of them.", metavar="PHOTO...")
    ],
    to: Annotated[
        Path | None,
        typer.Option(help="FILE.png for one picture, else a new folder; by default RUN/translations."),
    ] = None,
    back: Annotated[
        bool, typer.Option("--back", help="Translates from the second domain to the first.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same translations.")] = 0,
    label: Annotated[
        list[str] | None,
        typer.Option(
            help="For a model that is told how it shall look: its numbers, as 0.9,0.2,0.5; several in turn.",
            metavar="K",
        ),
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option(help="Translates so many pixels high and wide at a time, for large pictures.", min=1),
    ] = None,
    max_pixels: Annotated[
        int,
        typer.Option(help="The most pixels of what is made at a time, with which the memory grows.", min=1),
    ] = 2**22,
):
    """Translates pictures with a model that turns images into images.

    Grey pictures are repeated to colour and colour weighted to grey, as the model takes them. Sizes that the
    network does not take are continued by reflection, and the translation is cut. Without --label a model
    that takes labels draws them by the seed.

    \b
    Examples:
      tfgen translate runs/facades plan.png --to house.png
      tfgen translate runs/horses photos/ --to zebras/
      tfgen translate runs/horses zebra.jpg --back
      tfgen translate runs/sharper photo.jpg --tile 256 --to large.png
      tfgen translate runs/scenes layout.png --label 0.9,0.2,0.5
    """
    to = place(run, "translations") if to is None else to
    photos, single = _listed(photos), to.suffix == ".png"
    if single and len(photos) > 1:
        raise InputError(f"{len(photos)} pictures do not fit into {to}; give a folder")
    if not single and to.suffix.lower() in IMAGES:
        raise InputError(f"--to takes a file ending in .png, or a new folder; received {to}")
    names = [f"{photo.stem}.png" for photo in photos]
    if len(set(names)) < len(names):
        raise InputError("two of the pictures have the same name; translate them into folders of their own")
    if to.exists() and (not single or to.is_dir()):
        raise InputError(f"{to} exists; give a new folder, or a file ending in .png")
    names_of_labels = loading.label_names(run) if label else ()
    import_tensorflow()
    import numpy as np

    from tfgen import pictures
    from tfgen.data import images
    from tfgen.files import replacing
    from tfgen.models.abilities import Translates, needs

    model = loading.load(run)
    needs(model, Translates, "translate")
    rows = labels_of(label or [], model, names_of_labels)
    if back and tile:
        raise InputError("--back translates pictures whole; omit --tile")
    taken, made = model.conditions["inputs"], model.fields[model.target]
    if back:
        taken, made = made, model.fields[model.source]
    channels, limits = taken.shape[-1], (made.low, made.high)
    if channels not in (1, 3):
        raise InputError(f"{type(model).__name__} takes images of {channels} channels, which no picture has")
    for photo in photos:
        height, width, _ = images.header(photo)[0]
        count = model.scale**2 * (height * width if tile is None else min(height, tile) * min(width, tile))
        if count > max_pixels:
            tiles = "--tile 256" if tile is None else "a smaller --tile"
            raise InputError(
                f"{photo} has {width}x{height} pixels: {count:,} would be made at a time, for which the "
                f"memory may not suffice (at most {max_pixels:,}); make it smaller, or give {tiles}, or "
                f"raise --max-pixels"
            )
    with replacing(to) as part:
        if not single:
            part.mkdir()
        for k, (photo, name) in enumerate(zip(photos, names)):
            image = images.read(photo, channels)[None]
            told = {"labels": rows[k % len(rows)]} if rows else {}
            if tile:
                made = _tiled(model, image, tile, seed, told)
            else:
                made = (model.translate_back if back else model.translate)(image, seed, **told)
                made = pictures.to_uint8(np.asarray(made), limits)[0]
            pictures.to_picture(made).save(part if single else part / name)
    print(f"{len(photos)} translated: {to}")


def _tiled(model, image, tile, seed, told):
    """The translation of one image (1, h, w, c), as bytes: as floats it might fill the memory."""
    import numpy as np

    from tfgen import pictures

    whole = None
    for top, left, part in model.translate_tiles(image, tile, seed, **told):
        if whole is None:
            height, width = (model.scale * size for size in image.shape[1:3])
            whole = np.empty((height, width, part.shape[-1]), np.uint8)
        part = pictures.to_uint8(part[0], model.value_range)
        whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    return whole


def _listed(photos):
    """The pictures, those of folders in the order of their names."""
    found = []
    for photo in photos:
        inside = [photo]
        if photo.is_dir():
            inside = sorted(file for file in photo.iterdir() if file.suffix.lower() in IMAGES)
            if not inside:
                raise InputError(f"{photo} has no pictures ({', '.join(IMAGES)})")
        found += inside
    return found
