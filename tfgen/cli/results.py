"""`tfgen evaluate` and `tfgen export`: commands for a trained model."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tfgen import loading
from tfgen.cli.console import import_tensorflow
from tfgen.errors import InputError, unknown
from tfgen.loading import place as place_of

FORMATS = ("saved_model", "onnx")
Run = Annotated[
    str,
    typer.Argument(
        help="A run folder, a .keras file, the folder of an export, or a name of `tfgen list --shipped`.",
        metavar="RUN",
    ),
]


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
        verbs.write(loading.load(run), to, {name: getattr(verbs, name) for name in wanted})
    print_differences(verbs.verify(to))
    print(f"the export: {to}")


def print_differences(differences):
    for row in differences:
        print(
            f"  {row.format:11}  {row.signature:12}  differs from the model by {row.difference:.1e} "
            f"(of the largest output; at most {row.bound:.0e})"
        )
