"""`tfgen translate`: pictures in, a model's translations out; or a clip in, and how it goes on out."""

from pathlib import Path
from typing import Annotated

import typer

from tfgen import loading
from tfgen.cli.console import import_tensorflow
from tfgen.cli.results import Run
from tfgen.cli.sampling import labels_of
from tfgen.errors import InputError
from tfgen.files import ARRAYS, IMAGES
from tfgen.loading import place

CLIPS = (".gif", ".png", ".npz")  # endings of what a clip becomes


def translate(
    run: Run,
    photos: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Pictures of any size, or folders of them; a clip; or a .txt file.", metavar="PHOTO..."
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            help="FILE.png for one picture, else a new folder; by default RUN/translations. Of a clip, "
            "FILE.gif, FILE.png or FILE.npz; by default RUN/extended.gif."
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="For a model that continues clips: by how many frames.")
    ] = None,
    text: Annotated[
        list[str] | None, typer.Option(help="For a model of sentences: one, in words; several times.")
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

    A model that continues clips takes an .npz or .npy file of frames (n, height, width, channels), or of
    several clips of one size, or a folder of frames. A .gif file plays the frames given and those that
    follow, a .png file has them in a row for each clip, and an .npz file has those that follow, as bytes
    "frames".

    A model of sentences takes --text, or a .txt file with a sentence in each line, and prints translations,
    or writes them to a .txt file.

    \b
    Examples:
      tfgen translate runs/facades plan.png --to house.png
      tfgen translate runs/horses photos/ --to zebras/
      tfgen translate runs/horses zebra.jpg --back
      tfgen translate runs/sharper photo.jpg --tile 256 --to large.png
      tfgen translate runs/scenes layout.png --label 0.9,0.2,0.5
      tfgen translate runs/german --text "a man rides a horse"
      tfgen translate runs/video clip.npz --steps 8 --to next.gif
    """
    if text or any(photo.suffix == ".txt" for photo in photos or ()):
        return _sentences(run, photos or [], text or [], to)
    if not photos:
        raise InputError("give pictures or a clip to translate, or sentences by --text")
    if steps is not None or any(photo.suffix in ARRAYS for photo in photos):
        return _extended(run, photos, to, steps, {"back": back, "seed": seed, "tile": tile, "label": label})
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
    from tfgen.models.abilities import Extends, Translates, TranslatesSentences, needs

    model = loading.load(run)
    if isinstance(model, Extends):
        raise InputError(
            f"{type(model).__name__} continues clips; give a clip, and by how many frames, as clip.npz "
            f"--steps 8"
        )
    if isinstance(model, TranslatesSentences):
        raise InputError(f"{type(model).__name__} translates sentences; give --text, or a .txt file")
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


def _extended(run, clips, to, steps, others):
    """`translate` of a model that continues clips; it takes none of the `others`, {option: value}."""
    to = place(run, "extended.gif") if to is None else to
    if to.suffix not in CLIPS or to.is_dir():
        raise InputError(f"--to takes a file ending in {', '.join(CLIPS)} for a clip; received {to}")
    if len(clips) > 1:
        raise InputError(f"one file or folder of clips at a time; received {len(clips)}")
    import_tensorflow()
    import numpy as np

    from tfgen import pictures
    from tfgen.data.opening import clips as read
    from tfgen.files import replacing
    from tfgen.models.abilities import Extends

    model = loading.load(run)
    name, (clip,) = type(model).__name__, clips
    if not isinstance(model, Extends):
        raise InputError(f"{name} does not continue clips; give pictures, and omit --steps")
    if steps is None:
        raise InputError(f"{name} continues clips; say by how many frames, as --steps 8")
    for option, value in others.items():
        if value:
            raise InputError(f"{name} continues clips; omit --{option}")
    least, *_, channels = model.conditions["frames"].shape
    found = read(clip, channels)
    for frames in found:
        if len(frames) < least:
            raise InputError(f"{clip} has a clip of {len(frames)} frames; {name} takes {least} or more")
        if frames.shape[-1] != channels:
            raise InputError(f"{clip} has frames of {frames.shape[-1]} channels; {name} takes {channels}")
    given = np.stack([frames[-least:] for frames in found])
    made = pictures.to_uint8(model.extend(given, steps), model.value_range)
    with replacing(to) as part:
        if to.suffix == ".npz":
            np.savez_compressed(part, frames=made)
        elif to.suffix == ".gif":
            pictures.moving(np.concatenate([given, made], axis=1) / 255, (0, 1), part)
        else:
            frames = np.concatenate([given, made], axis=1) / 255
            titles = [*["given"] * least, *(f"+{k + 1}" for k in range(steps))]
            cells = frames.reshape(-1, *frames.shape[2:])
            pictures.grid(cells, (0, 1), len(titles), titles=titles).save(part)
    print(f"{len(found)} extended by {steps} frames: {to}")


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


def _sentences(run, files, texts, to):
    """`translate` of sentences: those of --text, or of .txt files, a line each."""
    if any(file.suffix != ".txt" for file in files) or (files and texts):
        raise InputError("give sentences by --text, or in .txt files, a line each")
    if to is not None and to.suffix != ".txt":
        raise InputError(f"--to takes a file ending in .txt for translations of sentences; received {to}")
    for file in files:
        try:
            texts += [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read {file} as text: {error}") from None
    import_tensorflow()
    from tfgen.files import replacing
    from tfgen.models.abilities import TranslatesSentences, needs

    model = loading.load(run)
    needs(model, TranslatesSentences, "translate --text")
    made = model.translate(texts)
    if to is None:
        print("\n".join(made))
        return
    with replacing(to) as part:
        part.write_text("".join(f"{text}\n" for text in made), encoding="utf-8")
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
