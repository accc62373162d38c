"""What a user sees of the data: one line about all of it, and the first examples."""

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tfgen.data import captions
from tfgen.data.fitting import fields_of, name_of, shapes_of
from tfgen.data.folders import Folder
from tfgen.data.opening import is_path, open_source
from tfgen.data.pipeline import load
from tfgen.data.sentences import Sentences
from tfgen.data.sources import Files
from tfgen.data.tunes import Tunes, midi_files
from tfgen.errors import InputError

if TYPE_CHECKING:
    from tfgen.models.base import GenerativeModel

DARK = 4096  # a 16-bit image without a brighter value most likely holds 12 bits


def describe(
    source: Any,
    split: str = "train",
    for_model: "GenerativeModel | None" = None,
    batch_size: int = 64,
    *,
    image_shape: tuple[int, int, int] | None = None,
    crop: str = "center",
    pair: str | tuple[str, str] | None = None,
    domains: Any = None,
    flip: bool = False,
    enlarge: float = 1.0,
    repeat: int = 1,
    labelled: int | None = None,
    data_dir: str | os.PathLike | None = None,
    download: bool = True,
    **options,
) -> str:
    """One line about the data of a training: how many images, of what, and what is done to them.

    As "photos: 300 images of 2 sizes up to 480x640x3, in 2 classes (cat, dog); split train of test 50,
    train 300; resized and cropped in the middle to 64x64x3; batches of 64 leave out 44 in each epoch".

    Args:
        source, split, for_model, batch_size and the rest: as for `load`; sizes are height x width x channels.

    Returns:
        a text.

    Raises:
        InputError: as `load`.
    """
    opening = {"names": fields_of(for_model), "pair": pair, "domains": domains}
    opening["labels"] = options.get("labels")
    opened = open_source(source, split, data_dir, download, **opening)
    shapes = shapes_of(opened, name_of(source), for_model, image_shape)
    kind = getattr(opened, "kind", "images")
    told = []
    for name, member in opened.members.items():
        pairs = "inputs" in member.shapes and kind == "images"
        what = "pairs" if pairs else kind if name in ("images", "frames") else name
        told.append(f"{member.count} {what}{_sizes(member)}")
    line = f"{name_of(source)}: {' and '.join(told)}"
    if opened.labelled and opened.attributes:
        line += f", with {len(opened.attributes)} attributes ({_some(opened.attributes)})"
    elif opened.numbers:
        line += ", with a number each"
    elif opened.labelled:
        classes = f" ({_some(opened.class_names)})" if opened.class_names else ""
        line += f", in {opened.classes or 'some'} classes{classes}"
    if captions.wanted(for_model) is not None:
        line += f", with captions ({_texts(opened, captions.wanted(for_model), name_of(source))})"
    whole = list(opened.members) == ["images"] and (not isinstance(opened, Files) or len(opened.names) == 1)
    line += f", {labelled} of them with labels" if labelled is not None else ""
    line += f"; split {split}{_splits(source, data_dir, whole)}"
    to = {name: shape for name, shape in shapes.items() if shape != opened.shapes[name]}
    if isinstance(opened, Tunes):
        place = "at a random place" if crop == "random" else "in the middle"
        line += f"; {shapes['images'][0]} tones of each, {place}"
    elif isinstance(opened, Sentences):
        line += f"; of at most {shapes['images'][0]} words"
    elif to:
        place = "at a random place" if crop == "random" or enlarge > 1 else "in the middle"
        sizes = " and ".join(dict.fromkeys("x".join(map(str, shape)) for shape in to.values()))
        line += f"; resized and cropped {place} to {sizes}"
    line += "; half of them mirrored" if flip else ""
    line += f"; each {repeat} times an epoch" if repeat > 1 else ""
    for member in opened.members.values():
        line += _depth(member)
    left = opened.count * repeat % batch_size
    if left:
        line += f"; batches of {batch_size} leave out {left} in each epoch"
    return line


def _some(names):
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")


def _texts(source, field, origin):
    """The first captions as the model sees them, and how many are cut."""
    rows = captions.numbers(source, origin, field)
    longer = sum(len(text) > field.length for text in source.captions)
    cut = f"; {longer} of them are cut after {field.length} characters" if longer else ""
    return f"{_some([repr(field.text(row)) for row in rows[:3]])}{', ...' * (len(rows) > 3)}{cut}"


def _sizes(source):
    """Of 28x28x1, or between which; a folder is looked through."""
    if isinstance(source, Sentences):
        return ""
    if isinstance(source, Tunes):
        return f" of {min(source.tones)} to {max(source.tones)} tones"
    if not isinstance(source, Files):
        shape = next(iter(source.shapes.values()))
        return " of any size" if None in shape[:2] else f" of {'x'.join(map(str, shape))}"
    sizes = sorted({shape for shape, _ in source.headers[source.names[0]]})
    ends = [
        "x".join(map(str, shape)) for shape in (sizes[0], max(sizes, key=lambda shape: shape[0] * shape[1]))
    ]
    if len(sizes) == 1:
        return f" of {ends[0]}"
    channels = Counter("grey" if shape[2] == 1 else "colour" for shape in sizes)
    return f" of {len(sizes)} sizes up to {ends[1]}" + (", grey and colour" if len(channels) > 1 else "")


def _splits(source, data_dir, whole):
    """As " of test 50, train 300"; without numbers where a file is no example: of pairs and domains."""
    if not isinstance(source, (str, os.PathLike)) or not is_path(source, data_dir):
        return ""
    if not os.path.isdir(os.path.expanduser(source)) or midi_files(os.path.expanduser(source)):
        return ""
    splits = Folder(os.path.expanduser(source)).splits
    counts = {name if whole else name.rstrip("AB"): len(files) for name, files in splits.items()}
    shown = ", ".join(f"{name} {count}" if whole else name for name, count in counts.items())
    return f" of {shown}" if len(counts) > 1 else ""


def _depth(source):
    """A warning of 16-bit images that will be almost black."""
    if not isinstance(source, Files):
        return ""
    for name, files in zip(source.names, source.paths):
        deep = [
            path
            for path, (_, mode) in zip(files, source.headers[name])
            if mode.startswith("I") and path.lower().endswith(".png")
        ][:8]  # fmt: skip
        brightest = 0
        for path in deep:
            with Image.open(path) as image:
                brightest = max(brightest, int(np.asarray(image).max()))
        if deep and brightest < DARK:
            return (
                f"; 16-bit images whose brightest value is {brightest} of 65535 become almost black: "
                f"multiply them by 16 if they hold 12 bits"
            )
    return ""


def examples(
    source: Any,
    n: int,
    for_model: "GenerativeModel | None" = None,
    seed: int = 0,
    *,
    split: str | None = None,
    **options,
) -> dict[str, np.ndarray]:
    """The same n examples each time: as arrays by name, in the ranges of the model's fields.

    Args:
        source: as for `load`.
        n: how many; all there are, if they are fewer.
        for_model: a model whose fields they have; without one they are bytes of their own size.
        seed: which examples.
        split: by default "test", or "train" where there is no test split.
        options: further options of `load`. Nothing is mirrored, enlarged or cropped at random.

    Returns:
        {name: array (n, ...)}, as {"inputs": ..., "images": ...}; labels if the model takes them.

    Raises:
        InputError: as `load`.
    """
    opening = ("pair", "domains", "data_dir", "download")
    opening = {name: value for name, value in options.items() if name in opening}

    def count(split):
        return open_source(source, split, names=fields_of(for_model), **opening).count

    if split is None:
        try:
            split, found = "test", count("test")
        except InputError:  # it has no such split, or the next line says what is wrong
            split, found = "train", count("train")
    else:
        found = count(split)
    plain = {"flip": False, "enlarge": 1.0, "repeat": 1, "crop": "center", "dtype": "float32"}
    batches = load(
        source,
        split,
        for_model,
        min(n, found),
        **{**options, **plain, "seed": seed, "shuffle": True, "epochs": range(1)},
    )
    batch = next(batches.as_numpy_iterator())
    if isinstance(batch, dict):
        return batch
    return dict(zip(("images", "labels"), batch if isinstance(batch, tuple) else (batch,)))
