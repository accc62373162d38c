"""`tfgen latent interpolate`, `traverse`, `manifold` and `arithmetic`: pictures of moves among codes."""

from typing import Annotated

import typer

from tfgen.cli.latent.common import (
    Data,
    Images,
    Label,
    Place,
    Seed,
    Split,
    To,
    drawn,
    first_images,
    part,
    save,
    start,
)
from tfgen.cli.results import Run
from tfgen.errors import InputError


def numbers(text, option):
    """The whole numbers of a text: [3, 7, 9] of "3,7,9"."""
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise InputError(f"{option} takes whole numbers, as 3,7,9; received {text!r}") from None


def codes(model, run, n, images, seed, label, data, split, data_dir):
    """n codes and their labels: those of the data's first images, or random ones."""
    from tfgen import latent

    if not images:
        return drawn(model, run, n, seed, label)
    if label is not None:
        raise InputError("images of the data have their own labels; omit --label")
    found, labels = first_images(model, run, n, data, split, data_dir)
    return latent.encode(model, found, labels), labels


def interpolate(
    run: Run,
    n: Annotated[int, typer.Option("-n", help="Number of paths, a row each.")] = 8,
    steps: Annotated[int, typer.Option(help="Images in a path.")] = 10,
    kind: Annotated[str, typer.Option(help="linear or spherical.")] = "linear",
    images: Images = False,
    seed: Seed = 0,
    label: Label = None,
    to: To = None,
    data: Data = None,
    split: Split = None,
    data_dir: Place = None,
):
    """Draws the images on the path from one code to another.

    \b
    Examples:
      tfgen latent interpolate runs/digits --kind spherical
      tfgen latent interpolate runs/vae --images --to paths.png
    """
    if n < 1:
        raise InputError(f"-n must be at least 1; received {n}")
    model, to = start(run, to, "interpolate")
    from tfgen import latent

    z, labels = codes(model, run, 2 * n, images, seed, label, data, split, data_dir)
    paths = latent.interpolate(model, z[:n], z[n:], steps, kind, part(labels, slice(n)))
    save(paths, model, to, f"{n} {kind} paths of {steps} images")


def traverse(
    run: Run,
    dimensions: Annotated[str | None, typer.Option(help="Dimensions, as 0,3,7; by default all.")] = None,
    steps: Annotated[int, typer.Option(help="Number of values of each dimension.")] = 9,
    reach: Annotated[float, typer.Option(help="The values go from -reach to reach.")] = 3.0,
    image: Annotated[
        int | None, typer.Option(help="Starts at the code of this image of the data (a number).")
    ] = None,
    seed: Seed = 0,
    label: Label = None,
    to: To = None,
    data: Data = None,
    split: Split = None,
    data_dir: Place = None,
):
    """Changes one dimension of a code at a time, a row each.

    \b
    Examples:
      tfgen latent traverse runs/vae --dimensions 0,1,2
      tfgen latent traverse runs/vae --image 7 --reach 2
    """
    if image is not None and image < 0:
        raise InputError(f"--image must be at least 0; received {image}")
    chosen = None if dimensions is None else numbers(dimensions, "--dimensions")
    if steps < 1:
        raise InputError(f"--steps must be at least 1; received {steps}")
    model, to = start(run, to, "traverse")
    import numpy as np

    from tfgen import latent

    number = image or 0
    z, labels = codes(model, run, number + 1, image is not None, seed, label, data, split, data_dir)
    values = np.linspace(-reach, reach, steps)
    rows = latent.traverse(model, z[number], chosen, values, part(labels, number))
    save(rows, model, to, f"{len(rows)} dimensions by {steps} values from {-reach:g} to {reach:g}")


def manifold(
    run: Run,
    side: Annotated[int, typer.Option(help="Images in a row and in a column.")] = 20,
    seed: Annotated[int, typer.Option(help="Seeds the label if none is given.")] = 0,
    label: Label = None,
    to: To = None,
):
    """Draws the whole latent plane of a model with two latent dimensions.

    The codes are evenly spaced in probability under the prior.

    \b
    Example:
      tfgen train vae --set latent_dim=2 --out runs/plane; tfgen latent manifold runs/plane
    """
    model, to = start(run, to, "manifold")
    from tfgen import latent

    _, labels = drawn(model, run, 1, seed, label)
    grid = latent.manifold(model, side, part(labels, 0))
    save(grid, model, to, f"a manifold of {side} x {side} images")


def arithmetic(
    run: Run,
    a: Annotated[str, typer.Argument(help="Numbers of samples, as 3,7,9.", metavar="A")],
    b: Annotated[str, typer.Argument(help="Samples to subtract.", metavar="B")],
    c: Annotated[str, typer.Argument(help="Samples to add.", metavar="C")],
    images: Images = False,
    seed: Seed = 0,
    label: Label = None,
    to: To = None,
    data: Data = None,
    split: Split = None,
    data_dir: Place = None,
):
    """Draws A - B + C for three groups of samples.

    Each group stands for the mean of its codes; the picture shows A, B, C and A - B + C.
    Samples are numbered from 0, row by row, as in the grid of `tfgen sample RUN --seed SEED`.

    \b
    Examples:
      tfgen latent arithmetic runs/faces 3,17,40 5,9,21 8,13,60
      tfgen latent arithmetic runs/vae 0,1,2 3,4,5 6,7,8 --images
    """
    groups = [numbers(text, name) for text, name in ((a, "A"), (b, "B"), (c, "C"))]
    if min(map(min, groups)) < 0:
        raise InputError("samples are numbered from 0; received a number below")
    model, to = start(run, to, "arithmetic")
    from tfgen import latent

    n = 1 + max(map(max, groups))
    z, labels = codes(model, run, n, images, seed, label, data, split, data_dir)
    row = latent.arithmetic(model, *(z[group] for group in groups), part(labels, groups[0][0]))
    save(row[None], model, to, "A, B, C and A - B + C")
