"""From what a user names or gives to a source: see `tfgen.data.load` for the forms."""

import difflib
import functools
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfgen.data import clips as clips_of
from tfgen.data import images as ops
from tfgen.data import sentences, tunes
from tfgen.data.folders import Folder, split_of
from tfgen.data.formulas import FORMULAS, Formula
from tfgen.data.measures import measured
from tfgen.data.modes import MIXTURES, Points, Stacked
from tfgen.data.placed import PlacedDigits
from tfgen.data.sources import PAIR, Arrays, Domains, Fixed, HalfLabelled, Halves, Records, Some
from tfgen.data.splits import ranges, suffixed
from tfgen.errors import InputError
from tfgen.fields import Words
from tfgen.files import ARRAYS
from tfgen.music import MIDI

OF_DIGITS = {"stacked_mnist": Stacked, "placed_digits": PlacedDigits}  # of MNIST
BUILT_IN = ("digits", *MIXTURES, *OF_DIGITS, *FORMULAS, "moving_digits", "scales", "numerals")
HALVES = (("left", "right"), ("right", "left"))
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


def open_source(
    source, split, data_dir=None, download=True, *, names=None, pair=None, domains=None, labels=None
):
    """The source, as `tfgen.data.sources` says what that is, of one split.

    Args:
        names: the fields that are wanted, by name or as {name: `tfgen.fields.Field`}, which says how many
            frames a clip has (else it has one); None takes what there is.
        pair, domains, labels: as for `tfgen.data.load`; of labels, what is measured matters here.
    """

    def opened(split):
        return _opened(source, split, data_dir, download, names, pair, domains)

    return measured(opened(split), labels, opened)


def _opened(source, split, data_dir, download, names, pair, domains):
    pair, domains = _two("pair", pair), _two("domains", domains) if _is_two(domains) else domains
    if pair is not None and domains is not None:
        raise InputError("a pair and two domains exclude each other; give pair=... or domains=...")
    names = (names or ()) if pair is None and domains is None else PAIR if pair else ("images_a", "images_b")
    if _of_sentences(source, names):
        field = names["images"] if isinstance(names, Mapping) else None
        return sentences.opened(source, split, getattr(field, "length", None))
    if "frames" in names or (isinstance(source, str) and source == "moving_digits"):
        opened = _of_clips(source, split, names, data_dir)
        if opened is not None:
            return opened
    if not isinstance(source, (str, os.PathLike)):
        opened = _given(source, split, names)
    elif source == "digits":
        opened = _arrays({name: dict(zip(NAMES, two)) for name, two in _digits().items()}, split, names)
    elif source == "scales":
        opened = tunes.scales(split)
    elif Path(source).suffix in ARRAYS:
        opened = _file(Path(source).expanduser(), split, names)
    elif Path(source).suffix.lower() in MIDI:
        opened = _of_midi(Path(source).expanduser(), split)
    elif is_path(source, data_dir):
        opened = _of_folder(source, split, names, pair, domains)
    elif source in MIXTURES:
        opened = Points(source, split)
    elif source in FORMULAS:
        opened = Formula(source, split)
    else:
        data_dir = None if data_dir is None else os.fspath(Path(data_dir).expanduser())
        if source in OF_DIGITS:
            opened = OF_DIGITS[source](lambda part: _tfds("mnist", part, data_dir, download).decoded, split)
        else:
            opened = _of_tfds(source, split, data_dir, download, names, pair, domains)
    if pair in HALVES and len(opened.shapes) == 1:
        return Halves(opened, pair[0])
    if isinstance(domains, (str, os.PathLike)):
        if domains in opened.attributes:
            return _by_attribute(opened, domains, (source, split, data_dir, download))
        return Domains(opened, open_source(domains, split, data_dir, download))
    return opened


def _of_sentences(source, names):
    """Whether pairs of sentences are wanted, or what a source has."""
    wanted = isinstance(names, Mapping) and isinstance(names.get("images"), Words)
    if wanted and isinstance(source, str) and source in BUILT_IN and source != "numerals":
        raise InputError(f"a model of sentences needs pairs of them; {source} has none; give a .tsv file")
    named = isinstance(source, (str, os.PathLike)) and os.fspath(source)
    return wanted or (named == "numerals" or Path(named).suffix in sentences.TABLE if named else False)


def _is_two(value):
    return isinstance(value, (tuple, list)) or (isinstance(value, str) and "," in value)


def _two(option, value):
    """A pair of names; the command line gives it as one text with a comma."""
    if value is None:
        return None
    names = tuple(n.strip() for n in value.split(",")) if isinstance(value, str) else value
    if not (_is_two(value) and len(names) == 2 and all(isinstance(n, str) and n for n in names)):
        example = "('left', 'right')" if option == "pair" else "('A', 'B')"
        raise InputError(f"{option} must be two names, as {example}; received {value!r}")
    return tuple(names)


def is_path(source, data_dir=None):
    """Whether a text or path means a folder or a file, and no data set's name.

    A name of a data set wins over a folder of that name, which is meant by "./digits" or "digits/".
    """
    text = os.fspath(source)
    if isinstance(source, os.PathLike) or os.path.isabs(text) or text.startswith((".", "~")):
        return True
    if text.endswith(("/", os.sep, *ARRAYS, *MIDI, *sentences.TABLE)):
        return True
    return os.path.exists(text) and not _is_name(text, data_dir)


def _is_name(text, data_dir):
    if text in BUILT_IN:
        return True
    if data_dir is not None and os.path.isdir(os.path.join(os.path.expanduser(data_dir), text)):
        return True
    import tensorflow_datasets as tfds

    name, _, config = text.partition(":")[0].partition("/")
    if name not in tfds.list_builders(with_community_datasets=False):
        return False
    return not config or any(each.name == config for each in tfds.builder_cls(name).BUILDER_CONFIGS)


def _images(images):
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


def _given(source, split, names):
    if isinstance(source, Mapping) and tunes.are(source):
        return tunes.of_arrays(source, split, "the dict")
    if isinstance(source, Mapping):
        return _arrays(_named_arrays(source, "the dict"), split, names)
    if isinstance(source, tuple):
        if len(source) != 2:
            raise InputError(f"a tuple must be (images, labels); received {len(source)} items")
        return _arrays({"train": dict(zip(NAMES, source))}, split, names)
    return _arrays({"train": {"images": source}}, split, names)


def _arrays(splits, split, names):
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
        images, labels = _images(arrays[name]), arrays.get(label)
        texts = arrays.get("captions") if name == "images" else None
        where = arrays.get("places") if name == "images" else None
        for what, values in (("captions are a text", texts), ("places are those", where)):
            if values is not None and len(values) != len(images):
                raise InputError(
                    f"{what} for each image; received {len(values)} for {len(images)} images in {each!r}"
                )
        channels = {"images": images.shape[-1]}
        if inputs is not None:
            given = _images(arrays[inputs]) if inputs in arrays else None
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


def _named_arrays(arrays, what):
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


def _file(path, split, names):
    """The source of a file of arrays."""

    def read(arrays, path):
        return dict(arrays) if tunes.are(arrays) else _named_arrays(arrays, path)

    found = _npz(path, read)
    return tunes.of_arrays(found, split, path) if tunes.are(found) else _arrays(found, split, names)


def _npz(path, named=_named_arrays):
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


def _of_midi(path, split):
    """The tunes of a MIDI file, or of those of a folder."""
    if not path.exists():
        raise InputError(f"{path} does not exist")
    return tunes.of_folder(path, tunes.midi_files(path) if path.is_dir() else [path], split)


def _of_clips(source, split, names, data_dir):
    """The windows of a source of clips; None of a data set, which has none."""
    field = names.get("frames") if isinstance(names, Mapping) else None
    length = field.shape[0] if field is not None else 1 if names else None
    if not isinstance(source, (str, os.PathLike)):
        if isinstance(source, tuple):
            return None
        arrays = _by_split(source) if isinstance(source, Mapping) else {"train": {"frames": source}}
        return clips_of.of_arrays(arrays, split, length, f"the {type(source).__name__}", _images)
    if source == "moving_digits":
        digits = {name: images for name, (images, _) in _digits().items()}
        return clips_of.moving_digits(digits, split, length)
    if Path(source).suffix in ARRAYS:
        return clips_of.of_arrays(_npz(Path(source).expanduser(), _by_split), split, length, source, _images)
    if is_path(source, data_dir) and Path(source).expanduser().is_dir():
        return clips_of.of_folder(Folder(Path(source).expanduser()), split, length)
    return None


def _by_split(arrays, _=None):
    """{split: {name: array}} of arrays of any names, of which a word as "test" says the split."""
    found = {}
    for name in arrays:
        split = next(filter(None, map(split_of, str(name).split("_"))), "train")
        found.setdefault(split, {})[name] = arrays[name]
    return found


def clips(path, channels):
    """The clips of a file of arrays, or the clip that is a folder of images: [bytes (t, h, w, c)].

    Args:
        channels: 1 or 3, of a folder's images.

    Raises:
        InputError: neither, no clips, or clips of several sizes.
    """
    path = Path(path)
    if path.is_dir():
        files = [file for files in Folder(path).splits.values() for file in files]
        files.sort(key=clips_of.in_order)
        return [np.stack([ops.read(os.path.join(path, *parts), channels) for parts in files])]
    splits = _npz(path, _by_split).values()
    found = [clip for arrays in splits for clip in clips_of.clips_in(arrays, path, _images)]
    clips_of.check(found, path)
    return found


def _digits():
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    order = np.random.RandomState(0).permutation(len(images))  # its stream is frozen
    return {
        "train": (images[order[360:]], digits.target[order[360:]]),
        "test": (images[order[:360]], digits.target[order[:360]]),
    }


def _of_folder(path, split, names, pair, domains):
    path = Path(path).expanduser()
    if not path.is_dir():
        raise InputError(
            f"{path} is not a folder; give a folder of images, an .npz or .npy file or a TFDS name"
        )
    try:
        folder = Folder(path)
    except InputError:
        if tunes.midi_files(path):  # which are no images
            return _of_midi(path, split)
        raise

    def subfolders(option, two):
        if not set(two) <= set(folder.branches):
            sides = ", or left,right of images that lie side by side" if option == "pair" else ""
            raise InputError(
                f"{option}={two}: {path} has {', '.join(folder.branches[:6]) or 'no subfolders of images'}; "
                f"name two of its subfolders{sides}"
            )
        return two

    if "inputs" in names and pair not in HALVES and (pair or folder.branches == ("A", "B")):
        return folder.pairs(split, subfolders("pair", pair or ("A", "B")))
    if "images_a" in names and not isinstance(domains, (str, os.PathLike)):
        two = domains or ("A", "B")
        if folder.sided:
            return Domains(*(folder.images(suffixed(split, each)) for each in two))
        if domains or set(two) <= set(folder.branches):
            return Domains(*(folder.branch(split, each) for each in subfolders("domains", two)))
    return folder.images(split)


def _line(error):
    return " ".join(str(error).split())[:300].rstrip(".:")


def _unknown_name(name, data_dir, known):
    """The error for a text that is neither a folder nor a data set."""
    known = {*known, *(entry.name for entry in os.scandir() if entry.is_dir() and entry.name[0] not in "._")}
    near = difflib.get_close_matches(name.lower(), sorted(known), n=3, cutoff=0.75)
    others = "give " + ", ".join((*BUILT_IN, "a folder of images", "an .npz file", "or a name of TFDS"))
    hint = f"did you mean {' or '.join(near)}?" if near else others
    return InputError(f"there is no folder and no data set {name!r}; {hint}")


def _builder(name, data_dir, download):
    """The builder of a prepared TFDS set."""
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except (ValueError, AssertionError, OSError) as error:
        known = {*BUILT_IN, *tfds.list_builders(with_community_datasets=False)}
        if data_dir is not None and os.path.isdir(data_dir):
            known.update(os.listdir(data_dir))
        if name.split("/")[0].split(":")[0] in known:
            raise InputError(f"cannot open the TFDS set {name!r}: {_line(error)}") from None
        raise _unknown_name(name, data_dir, known) from None
    if not builder.is_prepared():
        where = data_dir or "~/tensorflow_datasets"
        folder = f" (the folder is ./{name})" if os.path.isdir(name) else ""
        if not download:
            raise InputError(
                f"the TFDS set {name!r} is not prepared in {where}{folder}; allow its download, or give the "
                f"data_dir that has it"
            )
        try:
            builder.download_and_prepare()
        except (OSError, ImportError, AssertionError, tfds.download.DownloadError) as error:
            raise InputError(
                f"the TFDS set {name!r} is not in {where}{folder} and cannot be downloaded: {_line(error)}"
            ) from error
    return builder


def _of_tfds(name, split, data_dir, download, names, pair, domains):
    if "images_a" in names and (domains is None or _is_two(domains)):
        splits = _builder(name, data_dir, download).info.splits
        two = domains or ("A", "B")
        if any(each.endswith(two) for each in splits):
            return Domains(*(_tfds(name, suffixed(split, each), data_dir, download) for each in two))
        if domains is not None:
            raise InputError(
                f"domains={two}: the splits of {name} are {', '.join(splits)}; give an attribute's name or "
                f"another source"
            )
    if pair is not None and pair not in HALVES:
        return _tfds(name, split, data_dir, download, pair)
    if pair is None:
        info = _builder(name, data_dir, download).info
        keys = info.supervised_keys or ()
        shapes = [info.features[key].shape for key in keys if isinstance(key, str)]
        images = len(keys) == 2 and all(len(shape) == 3 for shape in shapes) and len(shapes) == 2
        if images and ("inputs" in names or "image" not in info.features):
            return _tfds(name, split, data_dir, download, tuple(keys))
    return _tfds(name, split, data_dir, download)


@functools.lru_cache(maxsize=4)  # a set that was decoded into memory is not decoded again
def _tfds(name, split, data_dir, download, features=("image",), only=None):
    builder = _builder(name, data_dir, download)
    try:
        count = builder.info.splits[split].num_examples
    except (ValueError, KeyError) as error:
        raise InputError(f"the TFDS set {name!r}: {_line(error)}") from None
    if not count:
        raise InputError(f"the split {split!r} of the TFDS set {name!r} is empty")
    return Records(builder, split, features, only)


def _by_attribute(opened, name, place):
    """The images without an attribute and those with it, as two domains."""
    if isinstance(opened, Records):
        parts = [_tfds(*place, only=(name, value)) for value in (0, 1)]
    else:
        has = np.asarray(opened.labels)[:, opened.attributes.index(name)]
        parts = [Some(opened, np.flatnonzero(has == value)) for value in (0, 1)]
    for part, kind in zip(parts, ("without", "with")):
        if not part.count:
            raise InputError(f"domains={name!r}: there are no images {kind} {name} in the split")
    return Domains(*parts)
