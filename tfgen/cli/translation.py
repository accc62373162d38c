"""`tfgen translate`: pictures in, a model's translations out."""

from pathlib import Path
from typing import Annotated

import typer

from tfgen import loading
from tfgen.cli.console import import_tensorflow
from tfgen.cli.results import Run
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
):
    """Translates pictures with a model that turns images into images.

    Grey pictures are repeated to colour and colour weighted to grey, as the model takes them.

    \b
    Examples:
      tfgen translate runs/facades plan.png --to house.png
      tfgen translate runs/horses photos/ --to zebras/
      tfgen translate runs/horses zebra.jpg --back
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
    import_tensorflow()
    import numpy as np

    from tfgen import pictures
    from tfgen.data import images
    from tfgen.files import replacing
    from tfgen.models.abilities import Translates, needs

    model = loading.load(run)
    needs(model, Translates, "translate")
    channels = model.fields[model.target if back else model.source].shape[-1]
    if channels not in (1, 3):
        raise InputError(f"{type(model).__name__} takes images of {channels} channels, which no picture has")
    made = []
    for photo in photos:
        image = images.read(photo, channels)[None]
        translation = (model.translate_back if back else model.translate)(image, seed)
        made.append(pictures.to_uint8(np.asarray(translation), model.value_range)[0])
    with replacing(to) as part:
        if single:
            pictures.to_picture(made[0]).save(part)
        else:
            part.mkdir()
            for name, image in zip(names, made):
                pictures.to_picture(image).save(part / name)
    print(f"{len(made)} translated: {to}")


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
