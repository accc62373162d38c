"""What is measured of a game: numbers that are functions of a model, a game and a probe alone.

Arora and Zhang. Do GANs actually learn the distribution? 2018. https://arxiv.org/abs/1706.08224:
the birthday paradox. Of s samples of a generator that makes N images, all alike, about s**2 / (2 N)
pairs are equal. So near duplicates among a few samples mean a small N.
"""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from keras import tree

from tfgen import random
from tfgen.doctor.inspection import first, kept, listening, networks
from tfgen.metrics.frechet import Moments, frechet_distance
from tfgen.models import door
from tfgen.models.abilities import Translates
from tfgen.models.step import Step

SAMPLES = 256  # half of them have a near duplicate if the generator makes about 370 images, by the paradox
PIXELS = 2**20  # 16 images of 256x256
GRADIENT_ROWS = 64  # a batch as papers train with: enough to tell a norm's order of magnitude
NEAR = 0.5  # of the real images' median distance to their neighbour: few of them are so near
BLIND = 0.05  # of the contrast, where no real image says: theirs differ by about half of it
EDGE = 1e-3  # of the range: a tanh so near to its end passes back less than 1 % of the gradient
MISSED = 1e-3  # chance of a healthy generator to miss a class in all samples: rarer is no accident
PLAIN = 0.99  # of the real images are less rough than what counts as rough


class Seen(NamedTuple):
    """What is seen of images (n, h, w, c).

    Attributes:
        near: each image's distance to its neighbour in units of the contrast, (n,). The unit lets a young
            generator's pale images be different.
        ends: share of the values at an end of the range.
        rough: how unlike neighbouring pixels of each image are, (n,): see `roughness`.
        moments: of the extractor's features, and `classes`, the share of each; None without.
    """

    near: np.ndarray
    ends: float
    rough: np.ndarray
    moments: Moments | None = None
    classes: np.ndarray | None = None


class _Look(Step):
    """A step of training in which every device sees the same examples."""

    first_row = 0


def probe(model, data):
    """The batch that is looked at again and again: the first `SAMPLES` examples of what `fit` takes.

    Of a model that translates, so many that their images have no more than `PIXELS` pixels.
    """
    rows = SAMPLES
    if isinstance(model, Translates):  # its networks keep the images' size, and large images fill the memory
        height, width, *_ = model.image_shape
        rows = max(1, min(SAMPLES, PIXELS // (height * width)))
    return door.batch_of(model, first(data, rows))


def roughness(images):
    """The mean square of the differences of neighbouring pixels over twice the variance: float64 (n,).

    1 for noise, whose pixels have nothing to do with each other; near 0 where they change slowly; 2 for
    a chessboard. It is 0 of an image of one value, and of a point.
    """
    images = np.asarray(images, np.float64)
    places = tuple(range(1, images.ndim - 1))  # three of a volume
    squares = [np.diff(images, axis=axis) ** 2 for axis in places if images.shape[axis] > 1]
    if not squares:
        return np.zeros(len(images))
    sums = sum(part.reshape(len(images), -1).sum(1) for part in squares)
    count = sum(math.prod(part.shape[1:]) for part in squares)
    variance = images.var(axis=places).mean(-1)
    return sums / count / np.where(variance > 1e-12, 2 * variance, np.inf)


def seen(images, value_range, extractor=None):
    """What is `Seen` of images (n, h, w, c)."""
    rows = images.reshape(len(images), -1).astype(np.float64)
    contrast = rows.std() * math.sqrt(rows.shape[1])
    rows -= rows.mean(0)
    square = (rows**2).sum(1)
    distance = square[:, None] + square - 2 * rows @ rows.T
    np.fill_diagonal(distance, np.inf)
    low, high = value_range
    edge = EDGE * (high - low)
    ends = float(((images <= low + edge) | (images >= high - edge)).mean())
    moments = classes = None
    if extractor is not None and np.isfinite(images).all():
        features = extractor(images, (low, high))
        moments = Moments(features.shape[1]).update(features)
        if extractor.classes:
            found = extractor.probabilities(images, (low, high))
            classes = np.bincount(found.argmax(1), minlength=found.shape[1]) / len(images)
    near = np.sqrt(np.maximum(distance.min(1), 0)) / (contrast + 1e-9)
    return Seen(near, ends, roughness(images), moments, classes)


def look(model, game, probe=None, extractor=None):
    """({number: value}, [(layer, its largest output)]) of a game, by the networks as they train.

    Neither the weights nor the noise of the model are touched.

    Args:
        model: a model of `Games`, compiled.
        game: one of its games.
        probe: a batch, of `probe`; None leaves what fakes alone can tell.
        extractor: a `tfgen.metrics.Extractor`, for the Frechet distance and, if it knows any, classes.
    """
    strategy, outputs = model.distribute_strategy or tf.distribute.get_strategy(), []
    batch = _conditions(model) if probe is None else probe
    if any(value is None for value in batch.values()):
        return {}, []  # only data can give what the model turns into images
    n = SAMPLES if probe is None else len(tree.flatten(probe)[0])  # distances compare at equal numbers

    def play():
        step = _Look(model, batch, True)
        step.rows = n
        played = game.play(step)
        scores = [_one_score(x) for x in (played.fake_scores, played.real_scores) if x is not None]
        return [x for x in (played.fakes, played.reals) if x is not None], scores

    def norms():
        # The devices share the batch, and then have the gradient of all of it.
        context = tf.distribute.get_replica_context()
        rows = max(min(GRADIENT_ROWS, n) // context.num_replicas_in_sync, 1)
        start = context.replica_id_in_sync_group * rows
        part = {name: x[start : start + rows] for name, x in probe.items()}
        return {
            f"{role}_gradient": _norm(model, name, Step(model, part, True))
            for role in ("generator", "discriminator")
            if (name := trained_by(model, getattr(game, role)))
        }

    def local(results):
        return tree.map_structure(
            lambda x: np.asarray(strategy.experimental_local_results(x)[0], np.float64), results
        )

    with kept(model):
        with listening(model, outputs):
            images, scores = local(strategy.run(play))
        gradients = {} if probe is None else local(strategy.run(norms))
    numbers = {**of_scores(game.zero_decides, *scores), **gradients}
    return numbers | of_fakes(*(seen(x, model.value_range, extractor) for x in images)), outputs


def _conditions(model):
    key = random.key(0)
    return {name: field.draw(key, SAMPLES) for name, field in model.conditions.items()}


def _one_score(scores):
    """The mean score of each image, (n,): a discriminator of patches has one for each patch."""
    scores = tf.cast(scores, tf.float32)
    return tf.reduce_mean(tf.reshape(scores, (tf.shape(scores)[0], -1)), 1)


def trained_by(model, network):
    """The name of the first objective that trains the network of that name; None if none does."""
    network = getattr(model, network)
    return next(
        (
            name
            for name, objective in model.objectives().items()
            if any(own is network for own in objective.networks)
        ),
        None,
    )


def _norm(model, name, step):
    objective = model.objectives()[name]
    scale = model.optimizers[name].scale_loss  # half precision loses small gradients
    with step.recording(name, objective.variables) as tape:
        loss = scale(objective.loss(step)[0])
    gradients = [g for g in tape.gradient(loss, objective.variables) if g is not None]
    gradients = tf.distribute.get_replica_context().all_reduce("MEAN", gradients)
    return tf.linalg.global_norm(gradients) / scale(tf.constant(1.0))


def of_scores(zero_decides, fake, real=None):
    """Numbers of scores of fakes (n,), and of real images (m,).

    accuracy_real, accuracy_fake: shares on the right side of 0, if it decides. doubt_*: the mean
    probability of the wrong side. gap: of the means. real_above_fake: share of pairs.
    """
    numbers = {"doubt_fake": _sigmoid(fake).mean()}
    if zero_decides:
        numbers["accuracy_fake"] = (fake < 0).mean()
    if real is not None:
        if zero_decides:
            numbers["accuracy_real"] = (real > 0).mean()
        numbers["gap"] = real.mean() - fake.mean()
        numbers["real_above_fake"] = (real[None] > fake[:, None]).mean()
        numbers["doubt_real"] = _sigmoid(-real).mean()
    return numbers


def of_fakes(fakes, real=None):
    """Numbers of what is `Seen` of fakes, and of real images: shares, and `frechet` in squared features.

    duplicates: with a neighbour nearer than half of the real images' median distance. saturated: values at
    an end of the range. rough: images rougher than 99 % of the real ones. missing: the classes that are in
    no fake, but would be in those of a healthy generator; missing_classes: their share. *_real: of
    real images.
    """
    radius = BLIND if real is None else NEAR * np.median(real.near)
    numbers = {
        "duplicates": (fakes.near < radius).mean(),
        "saturated": fakes.ends,
        "samples": len(fakes.near),
    }
    if real is not None:
        numbers["duplicates_real"] = (real.near < radius).mean()
        numbers["saturated_real"] = real.ends
        numbers["rough"] = (fakes.rough > np.quantile(real.rough, PLAIN)).mean()
        numbers["roughness"] = np.median(fakes.rough)
        numbers["roughness_real"] = np.median(real.rough)
    if fakes.classes is not None:
        wanted = np.full(len(fakes.classes), 1 / len(fakes.classes)) if real is None else real.classes
        rare = (1 - wanted) ** len(fakes.near) >= MISSED
        numbers["missing"] = tuple(np.flatnonzero((fakes.classes == 0) & ~rare).tolist())
        numbers["missing_classes"] = len(numbers["missing"]) / len(fakes.classes)
    if fakes.moments is not None and real is not None:
        numbers["frechet"] = frechet_distance(real.moments, fakes.moments)
    return numbers


def kernels(model):
    """{network_kernels: root mean square of its kernels}, of the networks that learn."""
    values = {
        name: [v.numpy().ravel().astype(np.float64) for v in network.trainable_variables if v.ndim > 1]
        for name, network in networks(model).items()
    }
    return {
        f"{name}_kernels": float(np.sqrt(np.mean(np.concatenate(k) ** 2))) for name, k in values.items() if k
    }


def broken_weights(model):
    """The weights that are no numbers, in words; "" where all are."""
    weights = [(name, v) for name, net in networks(model).items() for v in net.weights]
    bad = [f"{name}'s {v.path}" for name, v in weights if not np.isfinite(v.numpy()).all()]
    more = f" and {len(bad) - 1} more of {len(weights)} weights" if len(bad) > 1 else ""
    return bad[0] + more if bad else ""


def _sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))
