"""`tfgen sample`, `tfgen evaluate` and `tfgen export`: commands for a trained model."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tfgen import loading
from tfgen.cli.console import import_tensorflow
from tfgen.errors import InputError, unknown
from tfgen.loading import place as place_of

FORMATS = ("saved_model", "onnx")
ENDINGS = (".png", ".npz", ".gif", ".mid")
Run = Annotated[
    str,
    typer.Argument(
        help="A run folder, a .keras file, the folder of an export, or a name of `tfgen list --shipped`.",
        metavar="RUN",
    ),
]


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


def evaluate(
    run: Run,
    data: Annotated[str | None, typer.Option(help="Real images; by default those of the run.")] = None,
    split: Annotated[
        str | None, typer.Option(help="Of the real images; by default test, else the split of the run.")
    ] = None,
    extractor: Annotated[
        str, typer.Option(help="classifier (trained on the labels), inception, or a .keras or .onnx file.")
    ] = "classifier",
    features: Annotated[
        str | None,
        typer.Option(
            help="Adds feature_distance of translations by vgg19, mobilenet_v2:FILE.npz or a .keras file."
        ),
    ] = None,
    palette: Annotated[
        Path | None,
        typer.Option(
            help="Adds pixel_accuracy, class_accuracy and class_iou of translations into label maps: a "
            "picture that has the colours of the classes."
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option("-n", help="Number of samples; by default as many as the split has, at most 10000."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seeds the samples.")] = 0,
    importance_samples: Annotated[
        int, typer.Option(help="Draws for each image where log p(x) is estimated, not exact.")
    ] = 100,
    data_dir: Annotated[str | None, typer.Option(help="Where TFDS keeps its data.")] = None,
):
    """Scores a trained model against real images.

    RUN/scores.json keeps the scores. For a model with a discriminator, the command also prints what looks
    wrong, a line each, and writes it to RUN/doctor.json.

    \b
    Examples:
      tfgen evaluate runs/digits
      tfgen evaluate runs/photos --split train --extractor inception -n 5000
      tfgen evaluate model.keras --data photos/
      tfgen evaluate runs/labels --palette labels/B/1.png
    """
    chosen = {"features": features, "palette": palette}
    chosen |= {"importance_samples": importance_samples, "reference": True}
    score(run, data, split, extractor, n, seed, data_dir, **chosen)


def score(
    run,
    data=None,
    split=None,
    extractor="classifier",
    n=None,
    seed=0,
    data_dir=None,
    **chosen,
):
    """What `tfgen evaluate` does; `chosen` are further arguments of `tfgen.metrics.evaluate`."""
    if seed < 0:
        raise InputError(f"--seed must be at least 0; received {seed}")
    import_tensorflow()
    from tfgen import metrics
    from tfgen.files import replacing

    model = loading.load(run)
    source, split, place, options = real_images(run, data, split, data_dir, model.fields)
    scores = metrics.evaluate(
        model, source, split=split, extractor=extractor, n=n, seed=seed, data=options, **place, **chosen
    )
    rows = [json.loads(score.to_json()) for score in scores]
    to = place_of(run, "scores.json")
    with replacing(to) as part:
        part.write_text(json.dumps(rows, indent=2) + "\n")
    print_scores(scores)
    print(f"with their protocols: {to}")
    diagnose(run, model, extractor, seed, source, split, options, place)


def diagnose(run, model, extractor, seed, source, split, options, place):
    """Prints the doctor's findings about a model that plays games, and writes them to RUN/doctor.json."""
    from tfgen import data
    from tfgen.doctor import REMEDIES, checkup
    from tfgen.doctor.measure import SAMPLES
    from tfgen.files import replacing
    from tfgen.metrics.evaluation import opened_extractor
    from tfgen.models.abilities import Games
    from tfgen.runs.folder import history

    if not isinstance(model, Games):
        return
    shown = data.load(
        source, split, for_model=model, batch_size=SAMPLES, shuffle=True, seed=seed, epochs=range(1),
        drop_remainder=False, **place, **options,
    )  # fmt: skip
    try:
        extractor = opened_extractor(extractor, source, model, **place)
    except InputError:  # the scores did without it
        extractor = None
    findings = checkup(model, shown, extractor, history(run))
    for finding in findings:
        print(finding)
    with replacing(place_of(run, "doctor.json")) as part:
        rows = [{**finding._asdict(), "remedy": REMEDIES[finding.name]} for finding in findings]
        part.write_text(json.dumps(rows, indent=2) + "\n")


def real_images(run, data=None, split=None, data_dir=None, names=()):
    """What to compare a run with, for `tfgen.data`: source, split, where TFDS looks, other options.

    The run's own data, where nothing else is given; their split test, where there is one, or that of the
    run. `names` are the fields that are wanted, where they are no plain images.
    """
    from tfgen.data.opening import open_source

    told = loading.run_of(run)
    if told is None and data is None:
        raise InputError(f"{run} is no run folder, and does not say what it was trained on; give --data")
    usual = {"source": data, "data_dir": None, "download": True, "options": {}}
    usual = usual if told is None else told["data"]
    source = usual["source"] if data is None else data
    place = {"data_dir": data_dir or usual["data_dir"], "download": usual["download"]}
    options = {name: value for name, value in usual["options"].items() if name != "split"}
    how = {name: options[name] for name in ("pair", "domains") if name in options}
    if split is None:
        try:
            open_source(source, "test", **place, **how, names=names)
            split = "test"
        except InputError:  # it has no such split
            split = usual["options"].get("split", "train") if data is None else "train"
    return source, split, place, options


def print_scores(scores):
    """A line for each score: the model's, which values are better, and what real images and noise have."""
    from tfgen.metrics.score import beside_references, said

    rows = beside_references(scores)
    width = max(len(score.name) for score, _ in rows)
    for score, references in rows:
        error = "" if score.standard_error is None else f" +- {score.standard_error:.2g}"
        better = score.better and {"1/2": "1/2 is ideal"}.get(score.better, f"{score.better} is better")
        others = [f"{what} {other.value:.4g}" for what, other in references.items()]
        notes = ", ".join(filter(None, [better, *others]))
        print(f"  {score.name:{width}}  {score.value:10.4g}{error:10}  {notes}".rstrip())
    of = {}
    for score, _ in rows:
        of.setdefault(score.protocol.get("compared"), []).append(score)
    for some in of.values():
        whose = f"{', '.join(score.name for score in some)}: " if len(of) > 1 else ""
        print(f"  {whose}{said(some[0].protocol)}")


def export(
    run: Run,
    to: Annotated[Path | None, typer.Option(help="The folder to write; by default RUN/export.")] = None,
    formats: Annotated[
        str, typer.Option(help="saved_model, onnx, or both, separated by a comma.")
    ] = ",".join(FORMATS),
    check: Annotated[bool, typer.Option("--check", help="Only checks an earlier export.")] = False,
):
    """Writes a trained model as SavedModel and ONNX, and checks that they give the same numbers.

    `tfgen-export` makes more of it: a card, further formats, a server, a web page.

    \b
    Examples:
      tfgen export runs/digits
      tfgen export runs/digits --to site/model --formats onnx
      tfgen export runs/digits --check
      tfgen export model.keras --to site/model
    """
    to = place_of(run, "export") if to is None else to
    wanted = [name.strip() for name in formats.split(",")]
    for name in wanted:
        if name not in FORMATS:
            raise unknown("format", name, FORMATS)
    import_tensorflow()
    from tfgen import export as verbs

    if not check:
        model = loading.load(run)
        for name in wanted:
            {"saved_model": verbs.to_saved_model, "onnx": verbs.to_onnx}[name](model, to)
    print_differences(verbs.verify(to))
    print(f"the export: {to}")


def print_differences(differences):
    for row in differences:
        print(
            f"  {row.format:11}  {row.signature:12}  differs from the model by {row.difference:.1e} "
            f"(of the largest output; at most {row.bound:.0e})"
        )
