"""`tfgen latent blend`: a part of one picture in another, by a model that knows how parts fit."""

from pathlib import Path
from typing import Annotated

import typer

from tfgen.cli.latent.common import PARTS, Data, Place, Split, To, first_images, hidden, mask_of, save, start
from tfgen.cli.results import Run
from tfgen.errors import InputError, unknown


def blend(
    run: Run,
    source: Annotated[Path | None, typer.Option(help="A picture, of which a part is taken.")] = None,
    target: Annotated[Path | None, typer.Option(help="The picture that it goes into, of one size.")] = None,
    mask: Annotated[
        Path | None, typer.Option(help="A picture of their size, white where the source goes.")
    ] = None,
    part: Annotated[str, typer.Option(help=f"Without a mask: {', '.join(PARTS)}.")] = "middle",
    n: Annotated[int, typer.Option("-n", help="Of the data: number of images, a row each.")] = 8,
    to: To = None,
    data: Data = None,
    split: Split = None,
    data_dir: Place = None,
):
    """Blends a part of one picture into another, of a BlendingGAN.

    Of two pictures, of any size, the result is a picture. Else each row shows an image of the data, the one
    before it, of which the part is, the part as it is pasted, blended by Poisson's equation, and by the
    model.

    \b
    Examples:
      tfgen latent blend runs/blending --source sunny.jpg --target cloudy.jpg --mask hill.png --to both.png
      tfgen latent blend runs/blending -n 4 --part left
    """
    if (source is None) != (target is None):
        raise InputError(
            "--source and --target are two pictures; give both, or neither, for those of the data"
        )
    if source is None and n < 2:
        raise InputError(f"-n must be at least 2, as each image takes a part of another; received {n}")
    if part not in PARTS:
        raise unknown("part", part, PARTS)
    model, to = start(run, to, "blend")
    import numpy as np

    from tfgen import blending, pictures
    from tfgen.data.images import read
    from tfgen.files import replacing
    from tfgen.models import BlendingGAN

    if not isinstance(model, BlendingGAN):
        raise InputError(f"{type(model).__name__} does not blend; BlendingGAN does")
    if source is not None:
        pair = [read(photo, model.image_shape[-1]) for photo in (source, target)]
        inside = hidden((1, *pair[1].shape), part)[0] if mask is None else mask_of(mask, pair[1].shape)
        made = model.blend(*pair, inside)
        with replacing(to) as file:
            pictures.to_picture(pictures.to_uint8(made, model.value_range)).save(file)
        print(f"{source} in {target}: {to}")
        return
    images, _ = first_images(model, run, n, data, split, data_dir)
    others = np.roll(images, 1, axis=0)
    inside = hidden(images.shape, part)[0] if mask is None else mask_of(mask, images.shape[1:])
    pasted = np.where(inside, others, images)
    poisson = np.clip(blending.poisson(others, images, inside), *model.value_range)
    made = np.stack([model.blend(*pair, inside) for pair in zip(others, images)])
    picture = np.stack([images, others, pasted, poisson, made], axis=1).astype(np.float32)
    save(picture, model, to, f"{n} images with a part of others")
