"""`tfgen sample`, and what a user asks of a model: its labels, texts and places."""

from pathlib import Path
from typing import Annotated

import typer

from tfgen import loading
from tfgen.cli.console import import_tensorflow
from tfgen.cli.results import Run
from tfgen.errors import InputError
from tfgen.loading import place as place_of

ENDINGS = (".png", ".npz", ".gif", ".mid")
WITHOUT = {  # of models that lack an option of `sample`
    "temperature": "does not draw pixel by pixel",
    "domain": "makes images of one domain",
    "truncation": "does not truncate its latents",
}


def sample(
    run: Run,
    n: Annotated[
        int | None,
        typer.Option(
            "-n",
            help="Number of images; by default 64, or 8 of a model that translates; of tunes in a .mid, 1.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same images.")] = 0,
    to: Annotated[
        Path | None,
        typer.Option(
            help="FILE.png: a grid; FILE.npz: bytes; FILE.gif: volumes turn; FILE.mid: tunes one after "
            "another; else a new folder of PNG files."
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            help="For a conditional model: classes or numbers in turn, or the attributes of an image.",
            metavar="K",
        ),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(help="For a model of captions: what the images shall show; several in turn."),
    ] = None,
    place: Annotated[
        list[str] | None,
        typer.Option(
            help="For a model of captions and places: a box (top,left,height,width) or a point (y,x,1), as "
            "shares of the image; several in turn.",
            metavar="P",
        ),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(help="For a model of pixels: below 1, more likely values; 0, the likeliest."),
    ] = None,
    truncation: Annotated[
        float | None,
        typer.Option(help="For a BigGAN: latents are no larger; the smaller, the more typical the images."),
    ] = None,
    domain: Annotated[
        int | None,
        typer.Option(help="For a model of two domains: 0 for images of the first, 1 for the second."),
    ] = None,
):
    """Draws images from a trained model.

    A .npz file has "images", uint8 of shape (n, height, width, channels); for a model of points,
    "points", float32 of shape (n, 2); of measured values, as energies, "images" in their unit, float32.
    Volumes are seen from the front, above and the side, and turn in a .gif file. Tunes are seen as piano
    rolls, and heard from a .mid file; a .npz file has "events", float32 (n, tones, 4).

    A model of classes draws them at random, or takes --label: a number or a name of the data, as 3 or
    cat, or 0,1,2 for one after another. For a model of attributes, --label 1,0,1 gives all of them,
    and --label Smiling,Young those that are there; several --label are taken in turn.

    A model of captions takes --text, in letters, digits and signs of ASCII; of several texts each has 8
    images, or its share of -n, below it. A model of places takes --place, one for each of its boxes or
    points, or several such sets in turn; without it boxes are drawn at random, and points by the model.

    A model that translates, or continues clips, shows what it makes of n examples of its data, the same each
    time, of the split test where there is one: a row for each, of which a .npz file has the columns.

    \b
    Examples:
      tfgen sample runs/digits
      tfgen sample runs/digits -n 10000 --seed 1 --to samples.npz
      tfgen sample runs/digits -n 16 --to pictures/
      tfgen sample runs/classes --label 3
      tfgen sample runs/classes --label 0,1,2 -n 30 --to classes.png
      tfgen sample runs/animals --label cat,dog
      tfgen sample runs/faces --label 1,0,1 --label 0,0,1
      tfgen sample runs/emoji --text "a red bird" --text "two cats"
      tfgen sample runs/digits --text three --place 0.1,0.2,0.5,0.4
      tfgen sample runs/pixels --temperature 0.9
      tfgen sample runs/birds --truncation 0.5
      tfgen sample runs/pairs --domain 1
      tfgen sample runs/music -n 4 --to tunes.mid
      tfgen sample model.keras -n 9 --to nine.png
    """
    if n is not None and n < 1:
        raise InputError(f"-n must be at least 1; received {n}")
    to = place_of(run, "samples.png") if to is None else to
    if to.suffix not in ENDINGS and to.exists():
        raise InputError(f"{to} exists; give a new folder, or a file ending in {', '.join(ENDINGS)}")
    names = loading.label_names(run) if label else ()
    import_tensorflow()
    import numpy as np

    from tfgen import music, pictures
    from tfgen.fields import Events
    from tfgen.files import replacing
    from tfgen.models.abilities import Extends, Translates, TranslatesSentences

    model = loading.load(run)
    options = {"temperature": temperature, "truncation": truncation, "domain": domain}
    options = {name: value for name, value in options.items() if value is not None}
    if isinstance(model, TranslatesSentences):
        raise InputError(f"{type(model).__name__} translates sentences; use tfgen translate {run} --text ...")
    if isinstance(model, (Translates, Extends)):
        others = ["label"] * bool(label) + ["text"] * bool(text) + ["place"] * bool(place) + list(options)
        return _translated(run, model, n or 8, seed, to, others)
    volumes = len(model.image_shape) == 4
    if to.suffix == ".gif" and not volumes:
        raise InputError(f"{type(model).__name__} makes no volumes, which turn in a .gif; give a .png file")
    tunes = isinstance(model.fields.get("images"), Events)
    if to.suffix == ".mid" and not tunes:
        raise InputError(f"{type(model).__name__} makes no tunes, which a .mid file holds; give a .png file")
    texts = texts_of(text or [], model, n)
    n = n or (1 if to.suffix == ".mid" else 8 * len(texts) if len(texts) > 1 else 64)
    rows, places = labels_of(label or [], model, names), places_of(place or [], model)
    for name in options:
        if name not in model.options:
            raise InputError(f"{type(model).__name__} {WITHOUT[name]}; omit --{name}")
    size = min(n, 256)
    parts = []
    for start in range(0, n, size):
        given = {
            name: [values[i % len(values)] for i in range(start, start + size)]
            for name, values in {"labels": rows, "captions": texts, "places": places}.items()
            if values
        }
        for name in {"labels", "places"} & given.keys():
            given[name] = np.array(given[name])
        parts.append(model.sample(size, seed=seed, first_row=start, **given, **options))
    images = np.concatenate(parts)[:n]
    with replacing(to) as part:
        if to.suffix == ".png" and texts:
            below = {text: images[place :: len(texts)] for place, text in enumerate(texts)}
            pictures.captioned(below, model.value_range).save(part)
        elif to.suffix == ".png":
            columns = len(rows) if len(rows) > 1 else None
            titles = rows[:n] if columns and model.classes else None
            pictures.grid(model.picture(images), model.value_range, columns, titles=titles).save(part)
        elif to.suffix == ".gif":
            pictures.turning(images, model.value_range, part)
        elif to.suffix == ".mid":
            music.write_midi(images, part)
        elif to.suffix == ".npz":
            if tunes:
                np.savez_compressed(part, events=images)
            elif getattr(model.fields.get("images"), "unit", ""):  # CoGAN has images_a and images_b
                np.savez_compressed(part, images=images)
            elif images.shape[1:] == pictures.POINT:  # bytes are too coarse
                np.savez_compressed(part, points=images.reshape(n, 2))
            else:
                np.savez_compressed(part, images=pictures.to_uint8(images, model.value_range))
        else:
            part.mkdir()
            for i, image in enumerate(pictures.to_uint8(model.picture(images), model.value_range)):
                pictures.to_picture(image).save(part / f"{i:05d}.png")
    print(f"{n} {'tunes' if tunes else 'images'} of seed {seed}: {to}")


def _translated(run, model, n, seed, to, others):
    """`sample` of a model that translates or extends: rows of examples of its data, without the `others`."""
    import numpy as np

    from tfgen import pictures
    from tfgen.files import replacing
    from tfgen.models.abilities import Extends
    from tfgen.runs.data import shown

    name, told, extends = type(model).__name__, loading.run_of(run), isinstance(model, Extends)
    if others:
        does = "continues clips" if extends else "translates images"
        raise InputError(f"{name} {does}; omit --{others[0]}")
    if told is None:
        yours = f"a clip of yours to tfgen translate {run} CLIP.npz --steps 8"
        raise InputError(
            f"{run} does not say which data it was trained on, of which `tfgen sample` shows examples; give "
            f"{yours if extends else f'pictures of yours to tfgen translate {run} PHOTO'}"
        )
    examples = shown(told, model, n)
    n, size = len(next(iter(examples.values()))), 8
    parts = [
        model.columns({key: value[start : start + size] for key, value in examples.items()}, seed, start)
        for start in range(0, n, size)
    ]
    columns = {title: np.concatenate([part[title] for part in parts]) for title in parts[0]}
    with replacing(to) as part:
        if to.suffix == ".png":
            pictures.table(columns, model.value_range).save(part)
        elif to.suffix == ".npz":
            bytes_of = {title: pictures.to_uint8(x, model.value_range) for title, x in columns.items()}
            np.savez_compressed(part, **{title.replace(" ", "_"): x for title, x in bytes_of.items()})
        else:
            part.mkdir()
            for i in range(n):
                row = {title: images[i : i + 1] for title, images in columns.items()}
                pictures.table(row, model.value_range).save(part / f"{i:05d}.png")
    made = "continuations" if extends else f"translations of seed {seed}"
    print(f"{n} examples and their {made}: {to}")


def texts_of(texts, model, n):
    """What --text says to a model, each text once: a list of captions.

    Raises:
        InputError: the model takes none, or needs some; a text that it cannot have; more texts than n.
    """
    name, field = type(model).__name__, model.conditions.get("captions")
    if field is None:
        if texts:
            raise InputError(f"{name} does not make images of texts; omit --text")
        return []
    if not texts:
        raise InputError(f"{name} makes images of captions; give --text, as --text 'a red bird'")
    texts = list(dict.fromkeys(texts))
    if n is not None and len(texts) > n:
        raise InputError(f"each --text has an image at least; received {len(texts)} texts and -n {n}")
    for text in texts:
        field.parsed(text)
    return texts


def places_of(texts, model):
    """What --place says to a model: a list of places, (k, 4) of boxes or (k, 3) of points each.

    Raises:
        InputError: the model takes none; no numbers, or some beyond the image; boxes that are no whole sets.
    """
    import numpy as np

    from tfgen.fields import Points

    name, field = type(model).__name__, model.conditions.get("places")
    if not texts:
        return []
    if field is None:
        raise InputError(f"{name} does not take places; omit --place")
    every, count = [field.parsed(text) for text in texts], field.shape[0]
    if isinstance(field, Points) and len(every) < count:
        every += [np.zeros(3, np.float32)] * (count - len(every))  # those that the model makes
    if len(every) % count:
        raise InputError(f"{name} takes {count} places for an image; received {len(every)} --place")
    sets = np.reshape(every, (-1, *field.shape))
    field.check(sets, "places", name)
    return list(sets)


def labels_of(texts, model, names):
    """What --label says to a model: a list of classes, or of rows of attributes or numbers.

    Args:
        texts: ["3"], ["0,1,2"], ["cat,dog"]; for attributes ["1,0,1", ...] or ["Smiling,Young"]; for
            several numbers ["0.2,0.9"].
        names: of the data's classes or attributes, in order; () if not known.

    Raises:
        InputError: the model takes no labels; neither numbers nor known names.
    """
    field = model.conditions.get("labels")
    if texts and field is None:
        raise InputError(f"{type(model).__name__} is not conditional; omit --label")
    if texts and not field.shape:
        texts = [word.strip() for text in texts for word in text.split(",")]
    return [field.parsed(text, names) for text in texts]
