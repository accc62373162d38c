"""`tfgen latent attributes`, `reconstruct`, `neighbours` and `density`: codes beside the data."""

from typing import Annotated

import typer

from tfgen import loading
from tfgen.cli.console import import_tensorflow
from tfgen.cli.latent.common import Data, Place, Seed, Split, To, first_images, save, start
from tfgen.cli.results import Run, real_images
from tfgen.errors import InputError, unknown


def attributes(
    run: Run,
    attribute: Annotated[str, typer.Option(help="Its name in the data, or the number of a class.")],
    n: Annotated[
        int | None, typer.Option("-n", help="Number of images for the vector; by default all, at most 1000.")
    ] = None,
    rows: Annotated[int, typer.Option(help="Number of images to change.")] = 8,
    reach: Annotated[float, typer.Option(help="Adds from -reach to reach times the vector.")] = 1.5,
    to: To = None,
    data: Data = None,
    split: Split = None,
    data_dir: Place = None,
):
    """Adds an attribute to images.

    The attribute's vector is the mean code of the images that have it minus the mean code of the others.
    Each row shows an image, and its code decoded with seven strengths of the attribute.

    \b
    Examples:
      tfgen latent attributes runs/faces --attribute Smiling
      tfgen latent attributes runs/vae --data mnist --attribute 7
    """
    model, to = start(run, to, "attributes")
    import numpy as np

    from tfgen import latent
    from tfgen.data import attributes as names_of
    from tfgen.data import size

    if model.label_spec is not None:
        raise InputError(f"{type(model).__name__} is conditional: an image is changed by its labels")
    source, where, place, _ = real_images(run, data, split, data_dir)
    n = min(1000, size(source, where, **place)) if n is None else n
    if not 1 <= rows <= n:
        raise InputError(f"--rows must lie in 1..{n}, the images of the vector; received {rows}")
    names = names_of(source, where, **place)
    if not names and not attribute.isdecimal():
        raise InputError(f"{source} has no attributes; give the number of a class, as --attribute 3")
    wanted = attribute if names else True
    images, labels = first_images(model, run, n, data, split, data_dir, labels=wanted)
    has = labels == (1 if names else int(attribute))
    if has.all() or not has.any():
        raise InputError(
            f"{'all' if has.all() else 'none'} of the first {n} images are of {attribute!r}; "
            f"choose another attribute, or a larger -n"
        )
    vector = latent.attribute_vector(model, images, has)
    z = latent.encode(model, images[:rows])[:, None]
    changed = latent.decode(model, z + np.linspace(-reach, reach, 7)[:, None] * vector)
    picture = np.concatenate([images[:rows, None], changed], axis=1)
    save(picture, model, to, f"{attribute} from {-reach:g} to {reach:g}, by {has.sum()} of {n} images")


def reconstruct(
    run: Run,
    n: Annotated[int, typer.Option("-n", help="Number of images.")] = 32,
    to: To = None,
    data: Data = None,
    split: Split = None,
    data_dir: Place = None,
):
    """Shows images beside their reconstructions.

    \b
    Examples:
      tfgen latent reconstruct runs/vae
      tfgen latent reconstruct runs/vae --data photos/ -n 16
    """
    model, to = start(run, to, "reconstruct")
    from tfgen import latent

    pairs = latent.reconstructions(model, *first_images(model, run, n, data, split, data_dir))
    across = next(k for k in (8, 4, 2, 1) if n % k == 0)  # pairs in a row
    pairs = pairs.reshape(n // across, 2 * across, *pairs.shape[2:])
    save(pairs, model, to, f"{n} images, each left of its reconstruction")


def neighbours(
    run: Run,
    n: Annotated[int, typer.Option("-n", help="Number of samples, a row each.")] = 8,
    k: Annotated[int, typer.Option("-k", help="Number of neighbours of each sample.")] = 7,
    by: Annotated[str, typer.Option(help="Measures distances of pixels, or of codes: code.")] = "pixels",
    seed: Seed = 0,
    to: To = None,
    data: Data = None,
    split: Annotated[str | None, typer.Option(help="By default the split of the training.")] = None,
    data_dir: Place = None,
):
    """Shows samples beside their nearest training images, to reveal copies.

    \b
    Examples:
      tfgen latent neighbours runs/digits
      tfgen latent neighbours runs/vae --by code -k 3
    """
    if by not in ("pixels", "code"):
        raise unknown("place to measure", by, ["pixels", "code"])
    if n < 1:
        raise InputError(f"-n must be at least 1; received {n}")
    model, to = start(run, to, "neighbours")
    import numpy as np

    from tfgen import latent
    from tfgen.data import load

    if by == "code" and model.label_spec is not None:
        raise InputError(f"{type(model).__name__}'s codes depend on labels; use --by pixels")
    if split is None:
        told = loading.run_of(run)
        split = "train" if told is None or data is not None else told["data"]["options"]["split"]
    source, split, place, options = real_images(run, data, split, data_dir)
    how = dict(shuffle=False, epochs=range(1), drop_remainder=False, **place, **options)
    samples = np.asarray(model.sample(n, seed=seed))
    features = None if by == "pixels" else lambda images: latent.encode(model, images)
    found, distances, _ = latent.neighbours(samples, load(source, split, model, 256, **how), k, features)
    nearest = distances[:, 0]
    what = f"{n} samples and their {k} neighbours, the nearest at {nearest.min():.3g} to {nearest.max():.3g}"
    save(np.concatenate([samples[:, None], found], axis=1), model, to, what)


def density(
    run: Run,
    components: Annotated[int, typer.Option(help="Number of Gaussians in the mixture.")] = 10,
):
    """Fits a mixture of Gaussians to the codes of the training images.

    Then the model samples its codes from the mixture: an autoencoder becomes a generative model (Ghosh et
    al., 2020). The command replaces RUN/model.keras by the model with its mixture.

    \b
    Example:
      tfgen latent density runs/autoencoder --components 20
    """
    if components < 1:
        raise InputError(f"--components must be at least 1; received {components}")
    import_tensorflow()
    from tfgen import runs
    from tfgen.models.coding import CodingModel
    from tfgen.runs.data import load_data
    from tfgen.runs.folder import read

    model = runs.load(run)
    if not isinstance(model, CodingModel):
        raise InputError(f"{type(model).__name__} has no codes of images; an autoencoder or a VAE has")
    nats = model.fit_density(load_data(read(run), model, range(1)), components=components)
    print(f"{components} Gaussians, {nats[-1]:.4g} nats a code: {runs.save(run, model)}")
