"""What one does with codes: interpolation, traversal, manifold, arithmetic, attributes, neighbours.

White. Sampling Generative Networks. 2016. https://arxiv.org/abs/1609.04468

    spherical(a, b, t) = sin((1 - t) w) / sin w * a + sin(t w) / sin w * b,  w the angle of a and b

Kingma and Welling. Auto-Encoding Variational Bayes. ICLR 2014, figure 4: the manifold.
https://arxiv.org/abs/1312.6114
Radford et al. Unsupervised Representation Learning with Deep Convolutional GANs. ICLR 2016,
figures 4, 7 and 8: interpolation, arithmetic. https://arxiv.org/abs/1511.06434
Larsen et al. Autoencoding beyond pixels. ICML 2016: visual attribute vectors.
https://arxiv.org/abs/1512.09300

`decode` is the one door to a model's images: its `decode` or its `generate`. Everything here is
deterministic and gives NumPy arrays; images lie in the model's `value_range`. A conditional model
needs `labels`, one for each row of codes or images, or one for all.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import scipy.special
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from tfgen import random
from tfgen.errors import InputError, unknown
from tfgen.metrics import checks
from tfgen.models.abilities import Codes, Latents

KINDS = ("linear", "spherical")
BATCH = 256  # rows that a network is given at once


def codes(model: Codes, n: int, seed: int = 0) -> np.ndarray:
    """The codes that `model.sample(n, seed)` decodes: float32 (n, latent_dim)."""
    decoder(model)
    return np.asarray(model.draw_codes(random.key(seed), n, 0))


def encode(model: Codes, images: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray:
    """Codes (n, latent_dim) of images (n, h, w, c), in the model's `value_range` or bytes."""
    if not isinstance(model, Codes):
        raise InputError(f"{type(model).__name__} has no encoder, so that images have no codes; give codes")
    images = checks.images(model, images)
    return _in_batches(model.encode, images, labels_of(model, labels, images.shape[:1]))


def decode(model: Codes, z: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray:
    """Images (..., h, w, c) of codes z (..., latent_dim); `labels` are those of z's first axis."""
    method = decoder(model)
    z = np.asarray(z, np.float32)
    if z.ndim < 2 or z.shape[-1] != model.latent_dim:
        raise InputError(
            f"{type(model).__name__} has codes of size {model.latent_dim}; received z of shape {z.shape}"
        )
    lead = z.shape[:-1]
    images = _in_batches(method, z.reshape(-1, model.latent_dim), labels_of(model, labels, lead))
    return images.reshape(*lead, *images.shape[1:])


def interpolate(
    model: Codes,
    a: ArrayLike,
    b: ArrayLike,
    steps: int = 10,
    kind: str = "linear",
    labels: ArrayLike | None = None,
) -> np.ndarray:
    """Images on the way from each a to its b, both ends included.

    Args:
        a, b: codes (n, latent_dim), or images (n, h, w, c), which are encoded; or one of them.
        steps: images of a way, at least 2.
        kind: "linear", or "spherical" along the great circle, where codes that are drawn from a
            Gaussian of many dimensions lie. Where a and b are parallel, or one is zero, so
            that there is no such circle, the way is linear.
        labels: for each pair, or one for all.

    Returns:
        (n, steps, h, w, c), or (steps, h, w, c) for one pair.
    """
    if kind not in KINDS:
        raise unknown("kind of interpolation", kind, KINDS)
    if steps < 2:
        raise InputError(f"an interpolation needs steps >= 2; received {steps}")
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise InputError(f"an interpolation needs two ends of one shape; received {a.shape} and {b.shape}")
    single = a.ndim in (1, 3)
    a, b = (_as_codes(model, x[None] if single else x, labels).astype(np.float64) for x in (a, b))
    t = np.linspace(0, 1, steps)[:, None]
    from_a, from_b = 1 - t, t
    if kind == "spherical":
        angle = _angle(a, b)[:, None, None]
        sine = np.sin(angle)
        on_circle = sine > 1e-6  # below, the two ways are one
        safe = np.where(on_circle, sine, 1.0)
        from_a = np.where(on_circle, np.sin((1 - t) * angle) / safe, from_a)
        from_b = np.where(on_circle, np.sin(t * angle) / safe, from_b)
    images = decode(model, from_a * a[:, None] + from_b * b[:, None], labels)
    return images[0] if single else images


def traverse(
    model: Codes,
    z: ArrayLike,
    dimensions: Sequence[int] | None = None,
    values: Sequence[float] | None = None,
    labels: ArrayLike | None = None,
) -> np.ndarray:
    """Images of one code, with one of its dimensions at a time set to each of the values.

    Args:
        z: a code (latent_dim,).
        dimensions: their numbers, from 0; None: all.
        values: numbers; None: nine, evenly between the prior's quantiles of 0.13 % and 99.87 %, which are
            -3 and 3 of a normal prior, and the ends of a uniform one.
        labels: one label.

    Returns:
        (dimensions, values, h, w, c).
    """
    decoder(model)
    z = np.asarray(z, np.float32)
    if z.shape != (model.latent_dim,):
        raise InputError(
            f"{type(model).__name__} has codes of size {model.latent_dim}; received z of shape {z.shape}"
        )
    dimensions = range(model.latent_dim) if dimensions is None else dimensions
    for dimension in dimensions:
        if not 0 <= dimension < model.latent_dim:
            raise InputError(
                f"dimensions of {type(model).__name__}'s code are 0 to {model.latent_dim - 1}; "
                f"received {dimension}"
            )
    if values is None:
        low, high = (
            np.broadcast_to(model.prior.quantile(np.full(model.latent_dim, share)), model.latent_dim)
            for share in scipy.special.ndtr([-3, 3])
        )
        values = np.linspace(low, high, 9).T[list(dimensions)]
    else:
        values = np.broadcast_to(values, (len(dimensions), len(values)))
    moved = np.tile(z, (*values.shape, 1))
    for row, dimension in enumerate(dimensions):
        moved[row, :, dimension] = values[row]
    return decode(model, moved, labels)


def manifold(model: Codes, side: int = 20, labels: ArrayLike | None = None) -> np.ndarray:
    """Images of a grid of two-dimensional codes, (side, side, h, w, c).

    The grid is even on the unit square and goes through the inverse distribution function of
    the model's prior, so that each cell has one share of its probability: first dimension from left
    to right, second from top to bottom.
    """
    decoder(model)
    if model.latent_dim != 2:
        raise InputError(
            f"a manifold is a picture of codes of size 2; this {type(model).__name__} has "
            f"{model.latent_dim}: train one with latent_dim=2, or traverse its dimensions"
        )
    if side < 1:
        raise InputError(f"a manifold needs side >= 1; received {side}")
    shares = (np.arange(side) + 0.5) / side
    return decode(model, model.prior.quantile(np.stack(np.meshgrid(shares, shares), axis=-1)), labels)


def arithmetic(
    model: Codes, a: ArrayLike, b: ArrayLike, c: ArrayLike, labels: ArrayLike | None = None
) -> np.ndarray:
    """The images of "a - b + c", as smiling woman - neutral woman + neutral man.

    Args:
        a, b, c: codes (n, latent_dim) or images (n, h, w, c); each group is represented by the
            mean of its codes, for single codes are unstable (the paper takes three).
        labels: one label.

    Returns:
        (4, h, w, c): the decoded means of a, b and c, and of mean a - mean b + mean c.
    """
    a, b, c = (_as_codes(model, group, labels).mean(0) for group in (a, b, c))
    return decode(model, np.stack([a, b, c, a - b + c]), labels)


def attribute_vector(
    model: Codes, images: ArrayLike, attributes: ArrayLike, labels: ArrayLike | None = None
) -> np.ndarray:
    """The mean code of images that have an attribute, less that of images that lack it.

    Args:
        images: (n, h, w, c).
        attributes: (n,) or (n, k), each 0 or 1.

    Returns:
        (latent_dim,) or (k, latent_dim): to be added to the code of an image, times a strength.
    """
    z, has = encode(model, images, labels), np.asarray(attributes)
    if has.ndim not in (1, 2) or len(has) != len(z) or not np.isin(has, (0, 1)).all():
        raise InputError(
            f"attributes are 0 or 1, of shape ({len(z)},) or ({len(z)}, k); received shape {has.shape} "
            f"with values {np.unique(has)[:5].tolist()}"
        )
    columns = has.reshape(len(z), -1) == 1
    for i, column in enumerate(columns.T):
        if column.all() or not column.any():
            raise InputError(
                f"attribute {i} is {int(column[0])} in all {len(z)} images; give images with and without it"
            )
    vectors = np.stack([z[column].mean(0) - z[~column].mean(0) for column in columns.T])
    return vectors[0] if has.ndim == 1 else vectors


def reconstructions(model: Codes, images: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray:
    """Images beside what becomes of them: (n, 2, h, w, c), the truth first."""
    z = encode(model, images, labels)
    return np.stack([checks.images(model, images), decode(model, z, labels)], axis=1)


def neighbours(
    samples: ArrayLike, images: ArrayLike | Iterable, k: int = 5, features: Callable | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nearest of many images to each sample, as the training images, to see what is learnt by heart.

    Args:
        samples: (n, h, w, c).
        images: an array (m, h, w, c), or batches, as a tf.data.Dataset, of which one at a time is
            in memory. If a batch is a tuple, its first part.
        k: neighbours of a sample.
        features: a function of images to (n, d) in which to measure, as `model.encode`; None:
            the pixels.

    Returns:
        (images (n, k, h, w, c), Euclidean distances (n, k), numbers (n, k) of the images), the
        nearest first.
    """

    def measured(batch):
        found = batch if features is None else np.asarray(features(batch))
        return found.reshape(len(batch), -1).astype(np.float64)

    samples = np.asarray(samples)
    ours, first = measured(samples), 0
    best = np.empty((len(samples), 0, *samples.shape[1:]), samples.dtype)
    distances, numbers = np.empty((len(samples), 0)), np.empty((len(samples), 0), np.int64)
    rows = np.arange(len(samples))[:, None]
    for batch in _batches(images):
        if batch.shape[1:] != samples.shape[1:]:
            raise InputError(f"samples are {samples.shape[1:]}, but the images are {batch.shape[1:]}")
        distances = np.concatenate([distances, cdist(ours, measured(batch))], axis=1)
        here = np.broadcast_to(np.arange(first, first + len(batch)), (len(samples), len(batch)))
        numbers = np.concatenate([numbers, here], axis=1)
        order = np.argsort(distances, axis=1, kind="stable")[:, :k]
        old = best.shape[1]
        kept = np.empty((*order.shape, *samples.shape[1:]), samples.dtype)
        kept[order < old] = best[np.broadcast_to(rows, order.shape)[order < old], order[order < old]]
        kept[order >= old] = batch[order[order >= old] - old]
        best, distances, numbers = kept, distances[rows, order], numbers[rows, order]
        first += len(batch)
    if not 1 <= k <= first:
        raise InputError(f"k must lie in 1..{first}, the number of images; received {k}")
    return best, distances, numbers


def _batches(images):
    if hasattr(images, "shape"):
        images = np.asarray(images)
        yield from (images[i : i + BATCH] for i in range(0, len(images), BATCH))
    else:
        yield from (np.asarray(batch[0] if isinstance(batch, tuple) else batch) for batch in images)


def decoder(model: Latents) -> Callable:
    """What makes images of codes (n, latent_dim), and of labels if conditional: `decode` or `generate`.

    Raises:
        InputError: a model without codes.
    """
    if isinstance(model, Codes):
        return model.decode
    if isinstance(model, Latents):
        return model.generate
    raise InputError(
        f"{type(model).__name__} has no codes that it decodes; models with `decode` or `generate` have"
    )


def _as_codes(model, x, labels):
    """Codes as they are, images by their codes."""
    x = np.asarray(x)
    return encode(model, x, labels) if x.ndim == 4 else x


def _angle(a, b):
    """Between the rows of a and b, from 0 to pi; 0 where one of them is zero."""
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosine = np.where(norms > 0, (a * b).sum(axis=1) / np.where(norms > 0, norms, 1.0), 1.0)
    return np.arccos(np.clip(cosine, -1, 1))


def labels_of(model: Latents, labels: ArrayLike | None, lead: tuple[int, ...]) -> np.ndarray | None:
    """Labels of the first axis of `lead`, a shape, one for each of its rows; None of a model without.

    Raises:
        InputError: labels of a model that takes none, none of one that takes them, or of another number.
    """
    if (labels is None) != (model.label_spec is None):
        raise InputError(
            f"{type(model).__name__} is not conditional; omit `labels`"
            if labels is not None
            else f"{type(model).__name__} is conditional; give labels"
        )
    if labels is None:
        return None
    labels = model.conditions["labels"].for_samples(labels, lead[0], "labels", type(model).__name__)
    return np.repeat(labels, int(np.prod(lead[1:])), axis=0)


def _in_batches(method, x, labels):
    if not len(x):
        raise InputError(f"expected at least one row; received shape {x.shape}")
    parts = [slice(i, i + BATCH) for i in range(0, len(x), BATCH)]
    given = [(x[part],) if labels is None else (x[part], labels[part]) for part in parts]
    return np.concatenate([np.asarray(method(*arrays)) for arrays in given])
