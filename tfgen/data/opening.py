"""From what a user names or gives to a source: see `tfgen.data.load` for the forms."""

import difflib
import functools
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfgen.data.modes import MIXTURES, Points, Stacked
from tfgen.data.sources import Arrays, Files, Records
from tfgen.data.splits import ranges
from tfgen.errors import InputError, unknown

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
SPLITS = ("train", "test", "validation", "val")
IMAGES = ("images", "image", "x", "arr_0")
LABELS = ("labels", "label", "y", "arr_1", "attributes")


def open_source(source, split, data_dir=None, download=True):
    """The source, as `tfgen.data.sources` says what that is, of one split."""
    if isinstance(source, Mapping):
        return _arrays(_named_arrays(source, "the dict"), split)
    if isinstance(source, tuple):
        if len(source) != 2:
            raise InputError(f"a tuple must be (images, labels); received {len(source)} items")
        return _arrays({"train": source}, split)
    if not isinstance(source, (str, os.PathLike)):
        return _arrays({"train": (source, None)}, split)
    if source == "digits":
        return _arrays(_digits(), split)
    path = Path(source).expanduser()
    if path.suffix == ".npz":
        return _arrays(_npz(path), split)
    if path.is_dir():
        return _folder(path, split)
    if isinstance(source, os.PathLike) or path.is_absolute() or str(source).startswith((".", "~")):
        raise InputError(f"{source} is not a folder; give a folder of images, an .npz file or a TFDS name")
    if source in MIXTURES:
        return Points(source, split)
    data_dir = None if data_dir is None else os.fspath(Path(data_dir).expanduser())
    if source == "stacked_mnist":
        return Stacked(lambda part: _tfds("mnist", part, data_dir, download).decoded, split)
    return _tfds(source, split, data_dir, download)


def _images(images):
    """Any array of images as uint8 (n, h, w, c)."""
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or not 1 <= images.shape[-1] <= 4 or 0 in images.shape[1:]:
        raise InputError(
            f"images must have shape (n, height, width) or (n, height, width, channels), with 1 to 4 "
            f"channels; received {images.shape}"
        )
    if images.dtype == bool:
        return images * np.uint8(255)
    if images.dtype == np.uint8 or not images.size:
        return images.astype(np.uint8)
    if not (np.issubdtype(images.dtype, np.floating) or np.issubdtype(images.dtype, np.integer)):
        raise InputError(f"images must be numbers, uint8 or float; received {images.dtype}")
    low, high = images.min(), images.max()  # NaN if there is one
    if np.isnan(low):
        bad = int(np.isnan(images).any(axis=(1, 2, 3)).argmax())
        raise InputError(f"the images hold NaN, first in image {bad}; remove or repair it")
    if np.issubdtype(images.dtype, np.integer):
        if low < 0 or high > 255:
            raise InputError(f"integer images must lie in 0..255; found {low} to {high}")
        return images.astype(np.uint8)
    if low < 0 or high > 1:
        raise InputError(f"float images must lie in [0, 1]; found {low:g} to {high:g}; scale them")
    return np.rint(images * 255).astype(np.uint8)


def _labels(labels, count):
    """Classes as int32 (count,), or attributes as float32 (count, a)."""
    labels = np.asarray(labels)
    integer = np.issubdtype(labels.dtype, np.integer)
    if integer and labels.shape in ((count,), (count, 1)):
        if (labels < 0).any():
            raise InputError(f"labels are classes, numbered from 0; found {labels.min()}")
        return labels.reshape(count).astype(np.int32)
    number = integer or labels.dtype == bool or np.issubdtype(labels.dtype, np.floating)
    if not number or labels.ndim != 2 or len(labels) != count or not labels.size:
        raise InputError(
            f"labels must be attributes of shape ({count}, a), or integers of shape ({count},), one for "
            f"each image; received {labels.dtype} of shape {labels.shape}"
        )
    if not ((labels == 0) | (labels == 1)).all():
        raise InputError(f"attributes must be 0 or 1; found {labels.min():g} to {labels.max():g}")
    return labels.astype(np.float32)


def _arrays(splits, split):
    """What `split` names in {name: (images, labels or None)}."""
    splits = {name: (_images(x), y) for name, (x, y) in splits.items()}
    splits = {name: (x, None if y is None else _labels(y, len(x))) for name, (x, y) in splits.items()}
    kinds = {name: y.shape[1:] for name, (_, y) in splits.items() if y is not None}
    if len(set(kinds.values())) > 1:
        shapes = ", ".join(f"{name} {('n', *shape)}" for name, shape in kinds.items())
        raise InputError(f"labels of the splits differ in shape: {shapes}".replace("'", ""))
    parts = [
        (splits[name][0][start:stop], None if splits[name][1] is None else splits[name][1][start:stop])
        for name, start, stop in ranges(split, {name: len(x) for name, (x, _) in splits.items()})
    ]
    images, labels = zip(*parts)
    if len({part.shape[1:] for part in images}) > 1:
        raise InputError(f"images of {split!r} differ in shape: {[part.shape[1:] for part in images]}")
    images = images[0] if len(images) == 1 else np.concatenate(images)
    if any(y is None for y in labels):
        return Arrays(images)
    labels = np.concatenate(labels)
    if labels.ndim == 2:
        names = tuple(f"attribute_{column}" for column in range(labels.shape[1]))
        return Arrays(images, labels, attributes=names)
    return Arrays(images, labels, 1 + max(int(y.max()) for _, y in splits.values() if y is not None))


def _named_arrays(arrays, what):
    """{split: (images, labels or None)} from names as "image", "x_train" or "test_labels"."""
    found = {}
    for key in arrays:
        words = str(key).lower().split("_")
        split = next((word for word in words if word in SPLITS), "train")
        name = "_".join(word for word in words if word not in SPLITS)
        for position, names in enumerate((IMAGES, LABELS)):
            if name in names:
                found.setdefault(split, [None, None])[position] = arrays[key]
    found = {split: pair for split, pair in found.items() if pair[0] is not None}
    if not found:
        raise InputError(
            f"{what} has no images: it has {', '.join(map(str, arrays)) or 'nothing'}; "
            f"name them 'images' (and 'labels'), or 'train_images' and 'test_images'"
        )
    return found


def _npz(path):
    try:
        with np.load(path) as arrays:
            return _named_arrays(arrays, path)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"cannot read {path}: {error}") from None


def _digits():
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    order = np.random.RandomState(0).permutation(len(images))  # its stream is frozen
    return {
        "train": (images[order[360:]], digits.target[order[360:]]),
        "test": (images[order[:360]], digits.target[order[:360]]),
    }


def _folder(root, split):
    files = []  # paths as tuples of names, from the root
    for folder, _, names in os.walk(root, followlinks=True):
        inside = Path(folder).relative_to(root).parts
        files += [(*inside, n) for n in names if n.lower().endswith(EXTENSIONS) and not n.startswith(".")]
    if not files:
        raise InputError(f"{root} has no images ({', '.join(EXTENSIONS)}), nor have its subfolders")
    files.sort()
    depth = int(all(parts[0] in SPLITS and len(parts) > 1 for parts in files))  # of the class folders
    splits = {}
    for parts in files:
        splits.setdefault(parts[0] if depth else "train", []).append(parts)
    chosen = [
        parts
        for name, start, stop in ranges(split, {name: len(found) for name, found in splits.items()})
        for parts in splits[name][start:stop]
    ]
    labels, classes = None, ()
    if all(len(parts) > depth + 1 for parts in files):
        classes = {name: number for number, name in enumerate(sorted({parts[depth] for parts in files}))}
        labels = [classes[parts[depth]] for parts in chosen]
    return Files([os.path.join(root, *parts) for parts in chosen], labels, tuple(classes))


def _line(error):
    return " ".join(str(error).split())[:300].rstrip(".:")


@functools.lru_cache(maxsize=2)  # a set that was decoded into memory is not decoded again
def _tfds(name, split, data_dir, download):
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except (ValueError, AssertionError, OSError) as error:
        known = {"digits", "stacked_mnist", *MIXTURES, *tfds.list_builders(with_community_datasets=False)}
        if data_dir is not None and os.path.isdir(data_dir):
            known.update(os.listdir(data_dir))
        base = name.split("/")[0].split(":")[0]
        if base in known:
            raise InputError(f"cannot open the TFDS set {name!r}: {_line(error)}") from None
        near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
        others = ["digits", "a folder of images", "an .npz file", *MIXTURES, "stacked_mnist"]
        others.append("the names of tfds.list_builders()")
        raise unknown("data set", name, near or others) from None
    if not builder.is_prepared():
        where = data_dir or "~/tensorflow_datasets"
        if not download:
            raise InputError(
                f"the TFDS set {name!r} is not prepared in {where}; allow its download, or give the data_dir "
                f"that has it"
            )
        try:
            builder.download_and_prepare()
        except (OSError, ImportError, AssertionError, tfds.download.DownloadError) as error:
            raise InputError(
                f"the TFDS set {name!r} is not in {where} and cannot be downloaded: {_line(error)}"
            ) from error
    try:
        count = builder.info.splits[split].num_examples
    except (ValueError, KeyError) as error:
        raise InputError(f"the TFDS set {name!r}: {_line(error)}") from None
    if not count:
        raise InputError(f"the split {split!r} of the TFDS set {name!r} is empty")
    return Records(builder, split)
