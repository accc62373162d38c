"""`tfgen translate`: pictures in, a model's translations out."""

import inspect
from pathlib import Path
from typing import Annotated

import typer

from tfgen import loading
from tfgen.cli.console import import_tensorflow
from tfgen.cli.results import Run
from tfgen.errors import InputError
from tfgen.loading import place


def translate(
    run: Run,
    photos: Annotated[list[Path], typer.Argument(help="Pictures of any size.", metavar="PHOTO...")],
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

    \b
    Examples:
      tfgen translate runs/facades plan.png --to house.png
      tfgen translate runs/horses photos/*.jpg --to zebras/
      tfgen translate runs/horses zebra.jpg --back --seed 3
    """
    to = place(run, "translations") if to is None else to
    if to.suffix == ".png" and len(photos) > 1:
        raise InputError(f"{len(photos)} pictures do not fit into {to}; give a folder")
    names = [f"{photo.stem}.png" for photo in photos]
    if len(set(names)) < len(names):
        raise InputError("two of the pictures have the same name; translate them into folders of their own")
    if to.suffix != ".png" and to.exists():
        raise InputError(f"{to} exists; give a new folder, or a file ending in .png")
    import_tensorflow()
    import numpy as np

    from tfgen import pictures
    from tfgen.files import replacing
    from tfgen.models.abilities import Translates, needs

    model = loading.load(run)
    needs(model, Translates, "translate")
    options = {}
    if "seed" in inspect.signature(model.translate).parameters:
        options["seed"] = seed
    if back:
        if "back" not in inspect.signature(model.translate).parameters:
            raise InputError(f"{type(model).__name__} translates in one direction; omit --back")
        options["back"] = True
    field = _field_of(model, back)
    made = []
    for photo in photos:
        image = _opened(photo, field)
        low, high = model.value_range
        made.append(pictures.to_uint8(np.asarray(model.translate(image[None], **options)), (low, high))[0])
    with replacing(to) as part:
        if to.suffix == ".png":
            pictures.to_picture(made[0]).save(part)
        else:
            part.mkdir()
            for name, image in zip(names, made):
                pictures.to_picture(image).save(part / name)
    print(f"{len(made)} translated: {to}")


def _field_of(model, back):
    """What `translate` takes: the field of the inputs, or of a domain."""
    names = ("images_b",) if back else ("inputs", "images_a", "images")
    return next(model.fields[name] for name in names if name in model.fields)


def _opened(photo, field):
    """A picture as float32 (height, width, channels) in the field's range, upright as its EXIF data say."""
    import numpy as np
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(photo) as image:
            image = ImageOps.exif_transpose(image).convert("L" if field.shape[-1] == 1 else "RGB")
    except FileNotFoundError:
        raise InputError(f"{photo} does not exist") from None
    except (UnidentifiedImageError, OSError) as error:
        raise InputError(f"cannot read the image {photo}: {error}") from None
    values = np.asarray(image, np.float32).reshape(image.height, image.width, -1) / 255
    return field.low + (field.high - field.low) * values
