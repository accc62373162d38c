"""From what a user names or gives to a source: see `tfgen.data.load` for the forms."""

import difflib
import functools
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfgen.data import arrays, sentences, tunes
from tfgen.data import clips as clips_of
from tfgen.data import images as ops
from tfgen.data.folders import Folder
from tfgen.data.formulas import FORMULAS, Formula
from tfgen.data.measures import measured
from tfgen.data.modes import MIXTURES, Points, Stacked
from tfgen.data.placed import PlacedDigits
from tfgen.data.sources import PAIR, Domains, Halves, Records, Some
from tfgen.data.splits import suffixed
from tfgen.errors import InputError
from tfgen.fields import Words
from tfgen.files import ARRAYS
from tfgen.music import MIDI

OF_DIGITS = {"stacked_mnist": Stacked, "placed_digits": PlacedDigits}  # of MNIST
BUILT_IN = ("digits", *MIXTURES, *OF_DIGITS, *FORMULAS, "moving_digits", "scales", "numerals")
HALVES = (("left", "right"), ("right", "left"))


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
        opened = arrays.given(source, split, names)
    elif source == "digits":
        digits = {name: dict(zip(arrays.NAMES, two)) for name, two in _digits().items()}
        opened = arrays.of_splits(digits, split, names)
    elif source == "scales":
        opened = tunes.scales(split)
    elif Path(source).suffix in ARRAYS:
        opened = arrays.of_file(Path(source).expanduser(), split, names)
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
        found = arrays.by_split(source) if isinstance(source, Mapping) else {"train": {"frames": source}}
        return clips_of.of_arrays(found, split, length, f"the {type(source).__name__}", arrays.images_of)
    if source == "moving_digits":
        digits = {name: images for name, (images, _) in _digits().items()}
        return clips_of.moving_digits(digits, split, length)
    if Path(source).suffix in ARRAYS:
        found = arrays.read(Path(source).expanduser(), arrays.by_split)
        return clips_of.of_arrays(found, split, length, source, arrays.images_of)
    if is_path(source, data_dir) and Path(source).expanduser().is_dir():
        return clips_of.of_folder(Folder(Path(source).expanduser()), split, length)
    return None


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
    splits = arrays.read(path, arrays.by_split).values()
    found = [clip for part in splits for clip in clips_of.clips_in(part, path, arrays.images_of)]
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
