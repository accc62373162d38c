"""Scores of a model: its samples against real images, its likelihood and codes, its discriminator."""

import dataclasses
import functools
import hashlib
import itertools
import math
import os
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

import tfgen
from tfgen import data as images_of
from tfgen import random
from tfgen.data.opening import open_source
from tfgen.degradation import bicubic
from tfgen.errors import InputError, unknown
from tfgen.export import weights
from tfgen.features import Features
from tfgen.fields import Classes, Events
from tfgen.metrics import checks, continuations, label_maps, music, pairs, saliency, sentences
from tfgen.metrics.extractors import extractor as named_extractor
from tfgen.metrics.frechet import Moments, frechet_distance
from tfgen.metrics.kernel import kernel_distance
from tfgen.metrics.likelihood import PER_IMAGE, active_units, per_image
from tfgen.metrics.mode_coverage import MODES, mode_scores, modes
from tfgen.metrics.neighbours import density_coverage, precision_recall
from tfgen.metrics.score import WHOSE, Score
from tfgen.metrics.small_classifier import classifier
from tfgen.metrics.two_sample import two_sample_test
from tfgen.models.abilities import Extends, Games, Translates, TranslatesSentences
from tfgen.models.adversarial.classifying import Classifying
from tfgen.models.base import LABELS
from tfgen.models.step import Step
from tfgen.models.superresolution.base import SuperResolutionModel
from tfgen.models.variational.base import LatentVariableModel

if TYPE_CHECKING:
    from tfgen.models.base import GenerativeModel

SAMPLES = ("frechet", "kernel", "precision", "recall", "density", "coverage", "two_sample_test")
PAIRS = {
    **{"l1": pairs.l1, "psnr": pairs.psnr, "ssim": pairs.ssim},
    **{"cc": saliency.cc, "sim": saliency.sim, "kl": saliency.kl},
}
FIXATIONS = {"auc_judd": saliency.auc_judd, "nss": saliency.nss}
LABEL_MAPS = ("pixel_accuracy", "class_accuracy", "class_iou")
LUMINANCE = {"psnr_y": pairs.psnr_y, "ssim_y": pairs.ssim_y}
TUNES = (*music.SCORES, music.RATIO)
CLASSES = ("class_agreement", "am_score")  # by what the extractor says of classes
METRICS = (
    *(*SAMPLES, *PAIRS, *FIXATIONS, "feature_distance", *LABEL_MAPS, *LUMINANCE, *MODES, *CLASSES, *TUNES),
    *("sharpness", *PER_IMAGE, "active_units", "classify_error", "discriminator_accuracy"),
)
UPSCALED = 192  # pixels of a low-resolution image that are upscaled at a time
TRANSLATED = 32  # at once: translators keep the images' size in many layers
OF_TRAINING = ("split", "flip", "enlarge", "repeat", "labelled")  # options of the data
BLIND = 0.5  # precision of images with shuffled pixels: an extractor that sees anything gives about 0
NEEDS = {  # of a model
    **dict.fromkeys((*PAIRS, *FIXATIONS, "feature_distance", *LABEL_MAPS), Translates),
    **dict.fromkeys(LUMINANCE, SuperResolutionModel),
    **PER_IMAGE,
    "active_units": LatentVariableModel,
    "classify_error": Classifying,
    "discriminator_accuracy": Games,
}


def evaluate(
    model: "GenerativeModel",
    source: Any,
    *,
    split: str = "test",
    extractor: Any = "classifier",
    n: int | None = None,
    seed: int = 0,
    data_dir: str | os.PathLike | None = None,
    download: bool = True,
    batch_size: int = 500,
    metrics: Sequence[str] | None = None,
    data: dict | None = None,
    importance_samples: int = 100,
    reference: bool = False,
    features: Any = None,
    palette: Any = None,
) -> list[Score]:
    """Scores of a model on a split of real images, each with its protocol.

    `n` samples are drawn by `seed` and compared, in the features of `extractor`, with as many
    images of the split (all of a smaller split; of a larger one, n in an order by `seed`).
    Neither is rounded to 8 bits. Samples of captions have the captions of the split's images; those of a
    model that translates are made of the split's inputs, each once, as many as there are. Memory holds one
    batch of images, and the features.

    The scores, by the name in `metrics`:
        frechet, kernel (standard error by blocks), precision, recall, density, coverage: see the
            functions of this package; in units of the features, or shares.
        two_sample_test: two_sample_accuracy (1/2 is ideal) and two_sample_p_value.
        l1, psnr, ssim: see `tfgen.metrics.pairs`: how far translations of the inputs are from their images,
            in shares of the range, in dB, and by structure; mean over the pairs, for models that translate
            pairs, or make their inputs of the images.
        feature_distance: see `tfgen.metrics.pairs`, of the same pairs in the maps of `features`.
        pixel_accuracy, class_accuracy, class_iou: see `tfgen.metrics.label_maps.agreement`, of the same
            pairs, whose images are label maps in the colours of `palette`.
        cc, sim, kl: see `tfgen.metrics.saliency`: how far maps of saliency are from people's maps.
        auc_judd, nss: by the places that people looked at, where a TFDS set has them as `fixations`.
        psnr_y, ssim_y: those of super-resolution's benchmarks, see `tfgen.metrics.pairs`: of the luminance
            of whole images of the split, in its order, cut to multiples of the model's `scale`, which are
            made small and upscaled again.
        psnr_1, ssim_1, sharpness_1, and so _2: of models that continue clips, of the first frame that
            follows and of the second, for which the first is taken as given; by the names psnr, ssim and
            sharpness, see `tfgen.metrics.pairs`. They have no other scores.
        scale_consistency, repetitions, polyphony, tone_span, bigram_ratio: see `tfgen.metrics.music`, for
            models of tunes; means over the samples.
        bleu: see `tfgen.metrics.sentences`, of a model that translates sentences; it has no other.
        modes, high_quality, mode_kl: see `tfgen.metrics.modes`; for the data "ring", "grid" and, but for
            high_quality, "stacked_mnist". Of n samples, or of as many as the literature takes.
        class_agreement: share of images, drawn with each class in turn, that the extractor gives that
            class; for models that are told `classes`, and an extractor that knows as many, as "classifier".
        am_score: KL(mean p of the real images || mean p of the samples) + E H(p(sample)) in nats, p what the
            extractor says of classes (Zhou et al., 2018, section 6); 0 for samples that it is sure of, of
            each class as many as there are; for models of classes, and where it is asked for.
        classify_error: share of the images of which the model's own `classify` says another class.
        elbo, log_prob: mean over the images in nats, and in bits per dimension as
            elbo_bits_per_dim and log_prob_bits_per_dim; for models that have the method. Given the
            labels, if the model is conditional; so are the following.
        rate, distortion: the two parts of -elbo, KL(q(z|x) || p(z)) and -E_q[log p(x|z)], in nats.
        active_units: how many latents have Var_x(E_q[z]) > 0.01; see `tfgen.metrics.active_units`.
        reconstruction_error: |x - reconstruct(x)|^2, the sum over an image's values in the model's
            `value_range`, mean over the images.
        discriminator_accuracy: share of real images with a score above 0 and of as many fakes with one
            below, and discriminator_accuracy_real and _fake; 1/2 each is ideal. Of each game whose
            `zero_decides`: a critic's zero means nothing, so it has no such score. Where a model has
            several games, with the game's name before. Fakes have the labels of the real images.

    Args:
        model: a model with `sample(n, seed, first_row=)` in its `value_range`.
        source, split, data_dir, download: real images, as for `tfgen.data.load`.
        extractor: an `Extractor` or what `tfgen.metrics.extractor` takes; "classifier" is
            `tfgen.metrics.classifier(source)`, and needs labels.
        n: samples; None: as many as the split has images, at most 10,000.
        batch_size: images at once.
        metrics: names, of those above; None: all that the model has.
        data: more options of `tfgen.data.load` for the real images that are compared, as
            {"binarize": "static"}; None: those of the model's recipe for the recipe's own data, for others
            none. What multiplies a training's images (flip, enlarge, repeat), and `labelled`, is left out.
        importance_samples: draws for each image in a `log_prob` that takes `samples`.
        reference: adds what the scores of samples are of n images that take their place: NAME_train,
            of images of the split "train", which no model of this data has reason to beat (where another
            split is compared); NAME_shuffled, of the real images with the pixels of each in another
            order, which every model should beat. Of psnr_y and ssim_y, NAME_bicubic is what bicubic
            interpolation has; of clips, NAME_copied what the last frame given has, shown again; of tunes,
            NAME_data what the split's own have.
        features: for feature_distance, a `tfgen.features.Features` or what it takes, as "vgg19".
        palette: for pixel_accuracy, class_accuracy and class_iou, the colours of the classes: bytes
            (classes, channels), or the file of a picture that has them, as a label map.

    Returns:
        a list of `Score`. What makes them doubtful, as an extractor that knows little of the images,
        is said on standard error and in the protocol's `doubt`.

    Raises:
        InputError: a source, a split or a metric that there is not, images out of range, labels that are
            not the model's, a metric of samples that this model or extractor has not, a palette of other
            colours than the images.
    """
    checks.seed(seed)
    if isinstance(model, TranslatesSentences):
        return sentences.scores(model, source, split, n, metrics)
    extends = isinstance(model, Extends)
    if extends:
        chosen = continuations.chosen(model, metrics, extractor, features, palette)
    if isinstance(source, tf.data.Dataset):
        raise InputError(
            "evaluate needs what tfgen.data.load takes, for it looks at the split in an order of its own: a "
            "name, a folder, an .npz file or arrays (images, labels); received a tf.data.Dataset"
        )
    place = {"data_dir": data_dir, "download": download}
    if data is None:
        own = model.recipe and isinstance(source, str) and source == model.recipe.dataset
        data = model.recipe.data if own else {}
    data = {name: value for name, value in data.items() if name not in OF_TRAINING}
    if extends:
        return _of_clips(model, source, split, chosen, n, seed, place, data, reference)
    how = {name: data[name] for name in ("pair", "domains") if name in data}
    opened = open_source(source, split, **place, names=model.fields, **how)
    fixations = _fixations(model, opened)
    chosen = _chosen(model, metrics, extractor, mode_scores(opened), features, fixations, palette)
    if palette is not None:
        palette = label_maps.opened(palette, model.fields[model.target].shape[-1])
    if features is not None:
        features = features if isinstance(features, Features) else Features(features)
        features.load()
    if reference and not set(chosen) & {*SAMPLES, *LUMINANCE, *TUNES}:
        raise InputError(f"a reference is of scores of samples; choose one of {', '.join(SAMPLES)}")
    size, asked, translates = opened.count, n, isinstance(model, Translates)
    if translates:
        batch_size = min(batch_size, TRANSLATED)
    n = min(10_000, size) if n is None else n
    n = min(n, size) if translates else n  # an input has one translation
    if n < 2:
        raise InputError(f"expected at least 2 samples to compare; received n={n}")

    def real(split, count):
        # One pass over the split; the order matters only where it is cut short.
        dataset = images_of.load(
            source, split, for_model=model, batch_size=batch_size, shuffle=True, seed=seed,
            epochs=range(1), drop_remainder=False, **place, **data,
        )  # fmt: skip
        dataset = dataset.map(lambda *batch: _parts(model, batch))
        return dataset.unbatch().take(count).batch(batch_size).as_numpy_iterator()

    def images(split, count):
        """Batches (images, ...) of what the samples are compared with."""
        if not translates:
            return real(split, count)
        have = open_source(source, split, **place, names=model.fields, **how)
        return ((part,) for part in _column(model, have, real(split, count), model.target))

    def fakes(count):
        if not translates and not _of_data(model):
            return _samples(model, count, seed, batch_size)
        if not translates:
            return _of_captions(model, real(split, count), seed)
        names = (model.source, *model.further)
        columns = [_column(model, opened, real(split, count), name) for name in names]
        return _translations(model, zip(*columns), seed)

    if set(chosen) & set(LABEL_MAPS):
        pair = dict(zip(model.fields, next(real(split, n))))
        label_maps.check_fit(pair[model.target], palette, model.value_range)
    protocol = {
        "source": _name(source),
        "split": split,
        "data": {"image_shape": list(model.image_shape), **data},
        "n_real": min(n, size),
        "seed": seed,
        "tfgen": tfgen.__version__,
    }
    whose = {WHOSE: weights.digest(weights.named(model))} if isinstance(model, keras.Model) else {}
    protocol |= whose
    scores = []
    if set(chosen) & {*SAMPLES, *CLASSES}:
        try:
            extractor = opened_extractor(extractor, source, model, **place)
        except InputError as error:
            others = [name for name in chosen if name not in (*SAMPLES, *CLASSES)]
            usual = not translates and not _takes_others(model) and not _unseen(model)
            if metrics is not None or usual or not (others or extractor == "classifier"):
                raise
            if others:
                print(f"tfgen: without {', '.join(SAMPLES)}: {error}", file=sys.stderr)
                chosen = others
            else:
                print(f"tfgen: compared as pixels: {error}", file=sys.stderr)
                extractor = opened_extractor("pixels", source, model)
    if set(chosen) & {*SAMPLES, *CLASSES}:
        with_features = {**extractor.protocol, **protocol, "n_fake": n}
        if extractor.doubt:
            _doubt(extractor.doubt, with_features)
    if set(chosen) & set(SAMPLES):
        ours = _features(extractor, model, fakes(n))
        theirs = _features(extractor, model, images(split, n))
        with_features |= {"n_real": len(theirs[1]), "n_fake": len(ours[1])}
        with_features["dimension"] = ours[1].shape[1]
        found = [("", ours, {})]
        if reference and split != "train":
            train = _features(extractor, model, images("train", n))
            found.append(("_train", train, {"fake": "split train"}))
        if reference and math.prod(model.image_shape[:2]) > 1:
            shuffled = _features(extractor, model, _shuffled(images(split, n), seed))
            found.append(("_shuffled", shuffled, {"fake": "real images, their pixels shuffled"}))
            if precision_recall(theirs[1], shuffled[1])[0] > BLIND:
                _doubt(
                    f"the extractor {extractor.name!r} takes images with shuffled pixels for real ones, so "
                    "noise has a high precision too; give more labelled images, or another extractor",
                    with_features,
                )
        for suffix, fakes, note in found:
            against = {**with_features, "n_fake": len(fakes[1]), **note}
            for score in _compared(theirs, fakes, chosen, seed, against):
                scores.append(dataclasses.replace(score, name=score.name + suffix))
    if set(chosen) & set(TUNES):
        made = np.concatenate([batch[0] for batch in _samples(model, n, seed, batch_size)])
        have = np.concatenate([batch[0] for batch in real(split, n)])
        note = {**protocol, "n_real": len(have), "n_fake": n}
        for name, (ours, theirs) in music.scores(made, have).items():
            if name in chosen:
                scores += _means(name, ours, 1, note)
                scores += _means(f"{name}_data", theirs, 1, note) if reference else []
    if set(chosen) & set(MODES):
        found = modes(model, source, n=asked, seed=seed, split=split, batch_size=batch_size, **place)
        scores += [
            dataclasses.replace(score, protocol=score.protocol | whose)
            for score in found
            if score.name in chosen
        ]
    if "class_agreement" in chosen:
        unlike = _unlike(model, extractor)
        if unlike and metrics is not None:
            raise InputError(unlike)
        if unlike:
            print(f"tfgen: without class_agreement: {unlike}", file=sys.stderr)
        else:
            scores.append(_class_agreement(model, extractor, n, seed, batch_size, with_features))
    if "am_score" in chosen and not extractor.classes:
        if metrics is not None:
            raise InputError(f"am_score needs an extractor of classes; {extractor.name!r} knows attributes")
    elif "am_score" in chosen:
        scores.append(_am_score(model, extractor, n, images(split, n), seed, batch_size, with_features))
    functions = {name: PAIRS[name] for name in PAIRS if name in chosen}
    if "feature_distance" in chosen:
        functions["feature_distance"] = functools.partial(pairs.feature_distance, features=features)
    if set(chosen) & set(LABEL_MAPS):
        functions["confusion"] = functools.partial(label_maps.confusion, colours=palette)
    if functions:
        found = _differences(model, real(split, n), functions, seed)
        confusion = found.pop("confusion", None)
        for name, values in found.items():
            note = features.protocol if name == "feature_distance" else {}
            scores += _means(name, values, math.prod(model.image_shape), protocol | note)
        if confusion is not None:
            note = protocol | {"palette": palette.tolist()}
            shares = label_maps.agreement(confusion.sum(axis=0)).items()
            scores += [Score(name, share, None, note) for name, share in shares if name in chosen]
    if set(chosen) & set(FIXATIONS):
        in_order = images_of.load(
            source, split, for_model=model, batch_size=batch_size, shuffle=False, drop_remainder=False,
            **place, **data,
        )  # fmt: skip
        names = [name for name in FIXATIONS if name in chosen]
        for name, values in _looked_at(model, in_order, fixations[:n], names, seed).items():
            scores += _means(name, values, math.prod(model.image_shape), protocol)
    if set(chosen) & set(LUMINANCE):
        how = {
            "source": _name(source),
            "split": split,
            "compared": f"whole images made small by {model.scale}, Y of 16..235, shaved by {pairs.SHAVED}",
            "tfgen": tfgen.__version__,
            **whose,
        }
        names = [name for name in LUMINANCE if name in chosen]
        images = images_of.whole(source, split, model.image_shape[-1], **place)
        found = _luminance(model, itertools.islice(images, n), names, reference)
        for name, values in found.items():
            scores += _means(name, values, math.prod(model.image_shape), {**how, "n_real": len(values)})
    for name in chosen:
        if name in PER_IMAGE:
            values, note = per_image(model, name, real(split, n), seed, importance_samples)
            scores += _means(name, values, math.prod(model.image_shape), protocol | note)
        elif name == "active_units":
            scores.append(Score(name, active_units(model, real(split, n))[0], None, protocol))
        elif name == "classify_error":
            scores.append(_classify_error(model, real(split, n), protocol))
        elif name == "discriminator_accuracy":
            scores += _discriminator(model, real(split, n), seed, protocol)
    return scores


def _takes_others(model):
    """Whether it takes more than images and their labels, as images of two domains."""
    return bool(set(model.fields) - {"images", "labels", "unlabelled"})


def _unseen(model):
    """What a model makes that no extractor of pictures sees, in words; "" of pictures."""
    images = model.fields.get("images")
    if isinstance(images, Events):
        return "tunes"
    unit = getattr(images, "unit", "")
    return f"images in {unit}" if unit else "volumes" if len(model.image_shape) == 4 else ""


def opened_extractor(name, source, model, **place):
    """The `Extractor` that `evaluate` takes by that name for a model's images of `source`."""
    image_shape = model.image_shape
    if _unseen(model):
        raise InputError(f"{type(model).__name__} makes {_unseen(model)}, and extractors take pictures")
    if isinstance(name, str) and name == "classifier":
        try:
            if _takes_others(model):
                raise InputError(
                    f"it learns images with labels, and {type(model).__name__} takes "
                    f"{' and '.join(model.fields)}"
                )
            return classifier(source, image_shape=image_shape, **place)
        except InputError as error:
            raise InputError(
                f"the extractor 'classifier' cannot be trained ({error}); 'inception', 'pixels' and "
                "model files need no labels"
            ) from error
    return named_extractor(name, image_shape=image_shape)


def _fixations(model, opened):
    """Where people looked, [(k, 2)] of each picture; None if the data do not say so, or are cut for the
    model."""
    asks = set(getattr(model, "scores", ())) & set(FIXATIONS)
    found = getattr(opened, "fixations", None) if asks else None
    if found is None:
        return None
    (height, width), (tall, wide) = opened.shape[:2], model.image_shape[:2]
    return found if None not in (height, width) and height * wide == width * tall else None


def _chosen(model, metrics, extractor, of_modes, features, fixations, palette):
    has = [*SAMPLES, *of_modes, *(name for name, ability in NEEDS.items() if isinstance(model, ability))]
    if isinstance(model, Translates):
        fit = [name for name in model.scores if name not in FIXATIONS or fixations is not None]
        asked = {*PAIRS, *FIXATIONS, "feature_distance", *LABEL_MAPS}
        has = [name for name in has if name not in asked or name in fit]
    if features is None:
        if "feature_distance" in (metrics or ()):
            raise InputError(
                "feature_distance needs a feature network; give features='vgg19' or another of tfgen.features"
            )
        has = [name for name in has if name != "feature_distance"]
    elif "feature_distance" not in has:
        raise InputError(
            f"features are for feature_distance, which {type(model).__name__} has not: it knows no pairs; "
            f"omit features"
        )
    if palette is None:
        if asked := [name for name in metrics or () if name in LABEL_MAPS]:
            raise InputError(f"{asked[0]} needs the colours of the classes; give a palette, as a map's file")
        has = [name for name in has if name not in LABEL_MAPS]
    elif not set(LABEL_MAPS) & set(has):
        raise InputError(
            f"a palette is for {', '.join(LABEL_MAPS)}, which {type(model).__name__} has not: it does not "
            f"learn label maps by pairs; omit palette"
        )
    if isinstance(model.fields.get("images"), Events):
        has = [*TUNES, *(name for name in has if name not in SAMPLES)]
    if "ssim" in has and min(model.image_shape[:2]) < pairs.TAPS:
        has.remove("ssim")
    if "discriminator_accuracy" in has and not any(game.zero_decides for game in model.games()):
        has.remove("discriminator_accuracy")
    knows = extractor == "classifier" or getattr(extractor, "logits", None) is not None
    if _classes(model) and knows:
        has[len(SAMPLES) : len(SAMPLES)] = CLASSES if _conditional(model) else CLASSES[1:]
    elif knows and "am_score" in (metrics or ()):
        has.append("am_score")
    if "classify_error" in has and not _classes(model):
        has.remove("classify_error")
    for name in metrics or ():
        if name not in METRICS:
            raise unknown("metric", name, METRICS)
        if name not in has:
            raise InputError(
                f"{type(model).__name__} has no {name}; its metrics with this extractor are {', '.join(has)}"
            )
    return has if metrics is None else list(metrics)


def _parts(model, batch):
    """What the scores look at of a batch: images, and labels that are asked for; or all fields."""
    if isinstance(batch[0], dict):
        return tuple(batch[0][name] for name in model.fields)
    asked = _conditional(model) or isinstance(model, Classifying)  # other labels are not looked at
    return tuple(tf.nest.flatten(batch)[: 2 if asked else 1])


def _column(model, opened, batches, name):
    """The field `name` of batches, each example once: of two domains the smaller has begun again."""
    place, row = list(model.fields).index(name), 0
    count = opened.members.get(name, opened).count
    for batch in batches:
        part = batch[place][: max(count - row, 0)]
        row += len(part)
        if len(part):
            yield part


def _translations(model, batches, seed):
    row = 0
    for sources, *values in batches:
        inputs = model.inputs_of({model.source: sources}, random.key(seed), row)
        told = dict(zip(model.further, values))
        yield (np.asarray(model.sample(len(inputs), seed=seed, first_row=row, inputs=inputs, **told)),)
        row += len(inputs)


def _differences(model, batches, functions, seed):
    """{name: value of each pair (n,)} of {name: function of translations, images and their range}."""
    values, row = {name: [] for name in functions}, 0
    for batch in batches:
        pair = dict(zip(model.fields, batch))
        inputs, images = model.inputs_of(pair, random.key(seed), row), pair[model.target]
        told = model.told_of(pair)
        made = np.asarray(model.sample(len(inputs), seed=seed, first_row=row, inputs=inputs, **told))
        row += len(inputs)
        for name, function in functions.items():
            values[name].append(function(made, images, model.value_range))
    return {name: np.concatenate(parts) for name, parts in values.items()}


def _looked_at(model, batches, fixations, names, seed):
    """{name: value of each picture (n,)} of the scores FIXATIONS; batches are in the order of the
    fixations."""
    values, row = {name: [] for name in names}, 0
    for batch in batches.as_numpy_iterator():
        inputs = batch[model.source][: len(fixations) - row]
        if not len(inputs):
            break
        maps = np.asarray(model.sample(len(inputs), seed=seed, first_row=row, inputs=inputs))
        fixed = [saliency.fixations_at(one, *maps.shape[1:3]) for one in fixations[row : row + len(inputs)]]
        row += len(inputs)
        for name in names:
            values[name].append(FIXATIONS[name](maps, np.stack(fixed)))
    return {name: np.concatenate(parts) for name, parts in values.items()}


def _luminance(model, images, names, reference):
    """{name: value of each image (n,)} of the scores LUMINANCE, of whole images (h, w, c) in bytes."""
    values = {name: [] for name in names}
    if reference:
        values |= {f"{name}_bicubic": [] for name in names}
    for image in images:
        height, width = (size // model.scale * model.scale for size in image.shape[:2])
        truth = model.fields["images"].prepared(image[None, :height, :width])
        low = model.low_resolution(truth)
        made = {"": model.upscale(low, tile=None if model.reach is None else UPSCALED)}
        if reference:
            made["_bicubic"] = bicubic(low, height, width)
        for end, upscaled in made.items():
            for name in names:
                value = LUMINANCE[name](np.asarray(upscaled), np.asarray(truth), model.value_range)
                values[name + end].append(value)
    return {name: np.concatenate(parts) for name, parts in values.items()}


def _of_clips(model, source, split, names, n, seed, place, options, reference):
    """The scores of a model that continues clips."""
    ours, copied, count = continuations.scored(model, source, split, names, n, seed, place, options)
    seen = len(next(iter(ours.values())))
    if seen < 2:
        raise InputError(f"expected at least 2 clips to compare; received n={seen}")
    protocol = {
        "source": _name(source),
        "split": split,
        "data": {"image_shape": list(model.image_shape), "frames": model.given, **options},
        "n_real": seen,
        "compared": f"frames after {model.given} of {seen} of {count} clips",
        "seed": seed,
        "tfgen": tfgen.__version__,
        WHOSE: weights.digest(weights.named(model)),
    }
    scores = []
    for name, values in ours.items():
        scores += _means(name, values, math.prod(model.image_shape), protocol)
        if reference:
            note = protocol | {"fake": "the last frame given"}
            scores += _means(f"{name}_copied", copied[name], math.prod(model.image_shape), note)
    return scores


def _of_data(model):
    """Whether what `sample` takes cannot be drawn, as captions: samples have that of the real images."""
    return any(field.draw(random.key(0), 1) is None for field in model.conditions.values())


def _of_captions(model, batches, seed):
    """Samples of the conditions of real examples, in batches (images,)."""
    row = 0
    for batch in batches:
        given = {name: part for name, part in zip(model.fields, batch) if name in model.conditions}
        yield (np.asarray(model.sample(len(batch[0]), seed=seed, first_row=row, **given)),)
        row += len(batch[0])


def _classes(model):
    """How many classes the labels tell apart that the model is told; 0 without such labels."""
    labels = model.fields.get("labels")
    return labels.count if isinstance(labels, Classes) else 0


def _conditional(model):
    """Whether `sample` takes labels: the labels of a classifier's batches are not for its samples."""
    return getattr(model, "label_spec", None) is not None


def _doubt(line, protocol):
    print(f"tfgen: {line}", file=sys.stderr)
    protocol["doubt"] = f"{protocol['doubt']}; {line}" if "doubt" in protocol else line


def _shuffled(batches, seed):
    """Batches of images, the pixels of each in an order of its own."""
    order = np.random.default_rng(seed)
    for images, *_ in batches:
        pixels = images.reshape(len(images), -1, images.shape[-1])
        yield (order.permuted(pixels.swapaxes(1, 2), axis=2).swapaxes(1, 2).reshape(images.shape),)


def _name(source):
    """What a protocol calls a source: no path of this machine, no array."""
    if isinstance(source, (str, Path)):
        return Path(source).resolve().name if Path(source).exists() else str(source)
    digest = hashlib.sha256()
    for part in tf.nest.flatten(source):
        part = np.ascontiguousarray(part)
        digest.update(f"{part.shape} {part.dtype}".encode() + part.tobytes())
    return f"arrays {digest.hexdigest()[:16]}"


def _samples(model, n, seed, batch_size, by_class=False):
    """n samples in batches (images, labels if conditional), of each class in turn if `by_class`.

    The last batch is cut, not drawn smaller, so that nothing is traced twice.
    """
    size = min(n, batch_size)
    for start in range(0, n, size):
        given = {}
        if by_class:
            given["labels"] = np.arange(start, start + size) % _classes(model)
        elif _conditional(model):
            key = random.fold_in(random.key(seed), LABELS)  # where `sample` draws them
            given["labels"] = np.asarray(model.conditions["labels"].draw(key, size, start))
        batch = model.sample(size, seed=seed, first_row=start, **given), *given.values()
        yield tuple(np.asarray(part)[: n - start] for part in batch)


def _features(extractor, model, batches):
    moments, parts = None, []
    for images, *_ in batches:
        parts.append(extractor(images, model.value_range))
        moments = moments or Moments(parts[0].shape[1])
        moments.update(parts[-1])
    return moments, np.concatenate(parts)


def _compared(theirs, ours, chosen, seed, protocol):
    (real_moments, real), (fake_moments, fake) = theirs, ours
    scores = []
    if "frechet" in chosen:
        note = {}
        if min(len(real), len(fake)) <= real.shape[1]:
            note = {"note": "fewer images than dimensions: singular covariances, a distance biased upwards"}
        scores.append(Score("frechet", frechet_distance(real_moments, fake_moments), None, protocol | note))
    if "kernel" in chosen:
        scores.append(Score("kernel", *kernel_distance(real, fake, seed=seed), protocol))
    for function, k, *names in (
        (precision_recall, 3, "precision", "recall"),
        (density_coverage, 5, "density", "coverage"),
    ):
        if set(names) & set(chosen):
            for name, value in zip(names, function(real, fake, k)):
                if name in chosen:
                    scores.append(Score(name, value, None, {**protocol, "k": k}))
    if "two_sample_test" in chosen:
        accuracy, error, p_value = two_sample_test(real, fake, seed=seed)
        scores.append(Score("two_sample_accuracy", accuracy, error, protocol))
        scores.append(Score("two_sample_p_value", p_value, None, protocol))
    return scores


def _unlike(model, extractor):
    """Why the extractor cannot say whether an image is of the model's class; None where it can."""
    pixels = np.full((1, *model.image_shape), model.value_range[0], np.float32)
    knows = extractor.probabilities(pixels, model.value_range).shape[1]
    if extractor.classes and knows == _classes(model):
        return None
    kind = "classes" if extractor.classes else "attributes"
    return (
        f"class_agreement needs the extractor's classes to be the model's {_classes(model)}; "
        f"{extractor.name!r} knows {knows} {kind}"
    )


def _class_agreement(model, extractor, n, seed, batch_size, protocol):
    found = [
        extractor.probabilities(images, model.value_range)
        for images, _ in _samples(model, n, seed, batch_size, by_class=True)
    ]
    found = np.concatenate(found)
    share = float((found.argmax(axis=1) == np.arange(n) % _classes(model)).mean())
    protocol = {**protocol, "labels": "each class in turn"}
    return Score("class_agreement", share, math.sqrt(share * (1 - share) / n), protocol)


def _am_score(model, extractor, n, real, seed, batch_size, protocol):
    """How far the classes of samples are from those of the images, and how unsure they are, in nats."""

    def said(batches):
        found = [extractor.probabilities(images, model.value_range) for images, *_ in batches]
        return np.maximum(np.concatenate(found).astype(np.float64), 1e-12)

    ours, wanted = said(_samples(model, n, seed, batch_size)), said(real).mean(axis=0)
    unsure = -(ours * np.log(ours)).sum(axis=1)
    distance = float((wanted * np.log(wanted / ours.mean(axis=0))).sum())
    return Score("am_score", distance + float(unsure.mean()), None, protocol)


def _classify_error(model, batches, protocol):
    wrong, labels = [], list(model.fields).index("labels")
    for batch in batches:
        wrong.append(np.argmax(model.classify(batch[0]), axis=1) != batch[labels])
    wrong = np.concatenate(wrong)
    share = float(wrong.mean())
    return Score("classify_error", share, math.sqrt(share * (1 - share) / len(wrong)), protocol)


def _means(name, values, dimensions, protocol):
    """The mean over the images with its error; of likelihoods in bits per dimension too."""
    mean, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
    scores = [Score(name, mean, error, protocol)]
    if name in ("elbo", "log_prob"):
        bits = math.log(2) * dimensions
        scores.append(Score(f"{name}_bits_per_dim", -mean / bits, error / bits, protocol))
    return scores


class _Seeded(Step):
    """A step in use whose noise is a function of a seed, and whose examples count from `first_row` on."""

    first_row = 0

    def __init__(self, model, batch, seed, first_row):
        super().__init__(model, batch, training=False)
        self.seed, self.first_row = seed, first_row

    def key(self, name):
        return random.key(self.seed, zlib.crc32(name.encode()))


def _discriminator(model, batches, seed, protocol):
    """Shares on the right side of 0 of real images and of as many fakes, in each game whose 0 decides."""
    games, scores = [game for game in model.games() if game.zero_decides], []
    logits = {game.name: ([], []) for game in games}
    row = 0
    for batch in batches:
        batch = {name: tf.constant(part) for name, part in zip(model.fields, batch)}
        for game in games:
            played = game.play(_Seeded(model, batch, seed, row))
            for kept, part in zip(logits[game.name], (played.real_scores, played.fake_scores)):
                kept.append(np.reshape(part, (len(part), -1)).mean(axis=1))
        row += len(next(iter(batch.values())))

    def error(share):
        return math.sqrt(share * (1 - share) / row)

    for name, parts in logits.items():
        real, fake = (np.concatenate(part) for part in parts)
        on_real, on_fake = float((real > 0).mean()), float((fake < 0).mean())
        both = math.hypot(error(on_real), error(on_fake)) / 2
        name = f"{name}_discriminator_accuracy" if name else "discriminator_accuracy"
        note = {**protocol, "n_fake": row}
        scores += [
            Score(name, (on_real + on_fake) / 2, both, note),
            Score(f"{name}_real", on_real, error(on_real), note),
            Score(f"{name}_fake", on_fake, error(on_fake), note),
        ]
    return scores
