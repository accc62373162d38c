"""From arrays, given in Python or in a file, to a source: what they are named, and what they may hold."""

import functools
import zipfile
from collections.abc import Mapping

import numpy as np

from tfgen.data import tunes
from tfgen.data.folders import split_of
from tfgen.data.sources import Arrays, Domains, Fixed, HalfLabelled
from tfgen.data.splits import ranges
from tfgen.errors import InputError

NAMES = {  # of arrays in a dict or an .npz file
    "images": ("images", "image", "x", "arr_0"),
    "labels": ("labels", "label", "y", "arr_1", "attributes"),
    "inputs": ("inputs", "input"),
    "images_a": ("images_a",),
    "images_b": ("images_b",),
    "labels_a": ("labels_a",),
    "unlabelled": ("unlabelled",),
    "captions": ("captions", "caption"),
    "places": ("places",),
}
CLASSES = 1000  # up to so many, numbers of classes may have gaps


def images_of(images):
    """Any array of images as uint8 (n, h, w, c), of volumes (n, d, h, w, c); measured values stay float32."""
    images = np.asarray(images)
    if images.ndim == 3 and images.shape[-1] in (2, 3, 4) and len(images) > images.shape[-1]:
        raise InputError(
            f"images must have shape (n, height, width, channels); received {images.shape}: a single image "
            f"is x[None], grey images of this width are x[..., None]"
        )
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim not in (4, 5) or not 1 <= images.shape[-1] <= 4 or 0 in images.shape[1:]:
        raise InputError(
            f"images must have shape (n, height, width) or (n, height, width, channels), with 1 to 4 "
            f"channels, and volumes (n, depth, height, width, channels); received {images.shape}"
        )
    if images.dtype == bool:
        return images * np.uint8(255)
    if images.dtype == np.uint8 or not images.size:
        return images.astype(np.uint8)
    if not (np.issubdtype(images.dtype, np.floating) or np.issubdtype(images.dtype, np.integer)):
        raise InputError(f"images must be numbers, uint8 or float; received {images.dtype}")
    low, high = images.min(), images.max()  # NaN if there is one
    if np.isnan(low):
        what = "volume" if images.ndim == 5 else "image"
        bad = int(np.isnan(images).any(axis=tuple(range(1, images.ndim))).argmax())
        raise InputError(f"the {what}s hold NaN, first in {what} {bad}; remove or repair it")
    if np.issubdtype(images.dtype, np.integer):
        if low < 0 or high > 255:
            raise InputError(f"integer images must lie in 0..255; found {low} to {high}")
        return images.astype(np.uint8)
    if low < 0 or high > 1:
        return images.astype(np.float32)  # which a model must want
    return np.rint(images * 255).astype(np.uint8)


def _labels(labels, count):
    """Classes as int64 (count,), attributes as float32 (count, a), or numbers as float32 (count,)."""
    labels = np.asarray(labels)
    number = labels.dtype == bool or any(
        np.issubdtype(labels.dtype, kind) for kind in (np.integer, np.floating)
    )
    whole = number and np.isfinite(labels).all() and (labels == np.rint(labels)).all()
    flat = labels.shape == (count,) or (
        labels.shape == (count, 1) and np.issubdtype(labels.dtype, np.integer)
    )
    if whole and flat:
        if (labels < 0).any():
            raise InputError(f"labels are classes, numbered from 0; found {labels.min():g}")
        return labels.reshape(count).astype(np.int64)
    if number and labels.shape == (count,) and np.isfinite(labels).all():
        return labels.astype(np.float32)
    if not number or labels.ndim != 2 or len(labels) != count or not labels.size:
        raise InputError(
            f"labels must be attributes of shape ({count}, a), or integers or numbers of shape ({count},), "
            f"one for each image; received {labels.dtype} of shape {labels.shape}"
        )
    if not ((labels >= 0) & (labels <= 1)).all():  # NaN is not
        raise InputError(f"attributes must lie in 0..1; found {labels.min():g} to {labels.max():g}")
    return labels.astype(np.float32)


def _count_of_classes(labels):
    """How many classes the labels of all splits number."""
    present = np.unique(labels)
    if len(present) > 1 and present[0] == 1 and present[-1] == len(present):
        raise InputError(
            f"labels are classes, numbered from 0; found 1 to {present[-1]}, which would make a class 0 "
            f"without images: give labels - 1"
        )
    if present[-1] >= max(CLASSES, 2 * len(present)):
        raise InputError(
            f"labels are classes, numbered from 0; found {len(present)} different labels up to "
            f"{present[-1]}: number them, as by np.unique(labels, return_inverse=True)[1]"
        )
    return int(present[-1]) + 1


def given(source, split, names):
    """The source of a dict of arrays, of (images, labels), or of images alone."""
    if isinstance(source, Mapping) and tunes.are(source):
        return tunes.of_arrays(source, split, "the dict")
    if isinstance(source, Mapping):
        return of_splits(named(source, "the dict"), split, names)
    if isinstance(source, tuple):
        if len(source) != 2:
            raise InputError(f"a tuple must be (images, labels); received {len(source)} items")
        return of_splits({"train": dict(zip(NAMES, source))}, split, names)
    return of_splits({"train": {"images": source}}, split, names)


def of_splits(splits, split, names):
    """What `split` names in {split: {name: array}}, of the fields `names`."""
    every = {name for arrays in splits.values() for name in arrays}
    if "images_a" in every and "images_b" in every and ("images_a" in names or "images" not in every):
        return Domains(_plain(splits, split, "images_a", "labels_a"), _plain(splits, split, "images_b"))
    if "inputs" in every and "images" in every and ("inputs" in names or not names):
        return _plain(splits, split, "images", "labels", "inputs")
    counts = {each: len(arrays["images"]) for each, arrays in splits.items() if "images" in arrays}
    own = "unlabelled" in every and ("unlabelled" in names or not names)
    if own and any("unlabelled" in splits[each] for each, *_ in ranges(split, counts)):
        return HalfLabelled(_plain(splits, split, "images", "labels"), _plain(splits, split, "unlabelled"))
    return _plain(splits, split, "images", "labels")


def _plain(splits, split, name, label=None, inputs=None):
    """The `Arrays` of one array of images and its labels, of `splits` that have it."""
    found = {}
    for each, arrays in splits.items():
        if name not in arrays:
            continue
        images, labels = images_of(arrays[name]), arrays.get(label)
        texts = arrays.get("captions") if name == "images" else None
        where = arrays.get("places") if name == "images" else None
        for what, values in (("captions are a text", texts), ("places are those", where)):
            if values is not None and len(values) != len(images):
                raise InputError(
                    f"{what} for each image; received {len(values)} for {len(images)} images in {each!r}"
                )
        channels = {"images": images.shape[-1]}
        if inputs is not None:
            given = images_of(arrays[inputs]) if inputs in arrays else None
            if given is None or given.shape[:3] != images.shape[:3]:
                shape = None if given is None else given.shape
                raise InputError(
                    f"inputs and images are pairs of one size; received inputs {shape} and images "
                    f"{images.shape} in {each!r}"
                )
            channels = {"inputs": given.shape[-1], **channels}
            images = np.concatenate([given, images], axis=-1)
        labels = None if labels is None else _labels(labels, len(images))
        found[each] = images, labels, channels, texts, None if where is None else np.asarray(where)
    kinds = {each: y.shape[1:] for each, (_, y, *_) in found.items() if y is not None}
    if len(set(kinds.values())) > 1:
        shapes = ", ".join(f"{each} {('n', *shape)}" for each, shape in kinds.items())
        raise InputError(f"labels of the splits differ in shape: {shapes}".replace("'", ""))
    parts = [
        [x if x is None else x[start:stop] for x in (*found[each][:2], *found[each][3:])]
        for each, start, stop in ranges(split, {each: len(x) for each, (x, *_) in found.items()})
    ]
    images, labels, texts, places = zip(*parts)
    places = None if any(part is None for part in places) else np.concatenate(places)
    texts = None if any(part is None for part in texts) else [text for part in texts for text in part]
    if len({part.shape[1:] for part in images}) > 1:
        raise InputError(f"images of {split!r} differ in shape: {[part.shape[1:] for part in images]}")
    images = images[0] if len(images) == 1 else np.concatenate(images)
    plain = images.dtype == np.uint8 and images.ndim == 4
    told = dict(captions=texts, places=places)
    source = functools.partial(Arrays if plain else Fixed, images, channels=channels, **told)
    if any(y is None for y in labels):
        return source()
    labels = np.concatenate(labels)
    if labels.ndim == 2:
        attributes = tuple(f"attribute_{column}" for column in range(labels.shape[1]))
        return source(labels, attributes=attributes)
    if any(y.dtype == np.float32 for _, y, *_ in found.values() if y is not None):
        return source(labels.astype(np.float32))
    classes = _count_of_classes(np.concatenate([y for _, y, *_ in found.values() if y is not None]))
    return source(labels.astype(np.int32), classes)


def named(arrays, what):
    """{split: {name: array}} from names as "image", "x_train" or "test_labels"."""
    found = {}
    for key in arrays:
        words = str(key).split("_")
        split = next(filter(None, map(split_of, words)), "train")
        bare = "_".join(word for word in words if not split_of(word)).lower()
        for name, names in NAMES.items():
            if bare in names:
                found.setdefault(split, {})[name] = arrays[key]
    found = {split: each for split, each in found.items() if {"images", "images_a", "images_b"} & set(each)}
    if not found:
        raise InputError(
            f"{what} has no images: it has {', '.join(map(str, arrays)) or 'nothing'}; "
            f"name them 'images' (and 'labels'), or 'train_images' and 'test_images'"
        )
    return found


def of_file(path, split, names):
    """The source of a file of arrays."""

    def meant(arrays, path):
        return dict(arrays) if tunes.are(arrays) else named(arrays, path)

    found = read(path, meant)
    return tunes.of_arrays(found, split, path) if tunes.are(found) else of_splits(found, split, names)


def read(path, named=named):
    """What `named(arrays, path)` makes of an .npz file; an .npy file is images."""
    try:
        arrays = np.load(path)
        if isinstance(arrays, np.ndarray):  # of an .npy file
            return {"train": {"images": arrays}}
        with arrays:
            return named(arrays, path)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"cannot read {path}: {error}") from None


def by_split(arrays, _=None):
    """{split: {name: array}} of arrays of any names, of which a word as "test" says the split."""
    found = {}
    for name in arrays:
        split = next(filter(None, map(split_of, str(name).split("_"))), "train")
        found.setdefault(split, {})[name] = arrays[name]
    return found
