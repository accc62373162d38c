"""Captions: the text of each image, from a file beside the images, and as the numbers that a model takes."""

from pathlib import Path

from tfgen.errors import InputError
from tfgen.fields import Tokens

FILE = "captions.tsv"  # in a folder of images: a line for each, its name, a tab and its text


def wanted(model):
    """The field of captions of a model, a `Tokens`; None if it takes none."""
    field = None if model is None else model.fields.get("captions")
    return field if isinstance(field, Tokens) else None


def numbers(source, origin, field):
    """The captions of a source's examples in its own order as `field` has them: int32 (count, length).

    Raises:
        InputError: an empty caption.
    """
    return field.rows(source.captions, "captions", f"a model of the captions of {origin}")


def read(root, files):
    """The captions of the images `files`, tuples of names from `root`: [str]; None if no file has any.

    A file `FILE` names images of its own folder, or below it.

    Raises:
        InputError: a file that is not UTF-8, a line without a tab, a name twice or of no image, an image
            without a caption.
    """
    files, texts, told = list(files), {}, set()
    for folder in dict.fromkeys(parts[:depth] for parts in files for depth in range(len(parts))):
        path = Path(root, *folder, FILE)
        if path.is_file():
            told.add(folder)
            texts.update(_lines(path, folder, texts))
    if not told:
        return None
    missing = [parts for parts in files if parts not in texts]
    if missing:
        more = f", nor have {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(
            f"{Path(root, *missing[0])} has no caption in {FILE}{more}; a line is the image's name, a tab "
            f"and its text"
        )
    return [texts[parts] for parts in files]


def _lines(path, folder, before):
    """{an image's names from the root: its text} of a file of captions."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8; save it as UTF-8") from None
    found = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, tab, text = line.partition("\t")
        parts = (*folder, *name.strip().replace("\\", "/").split("/"))
        at = f"line {number} of {path}"
        if not (tab and text.strip()):
            raise InputError(f"{at} must be an image's name, a tab and its text; received {line!r}")
        if not path.parent.joinpath(*parts[len(folder) :]).is_file():
            raise InputError(f"{at} names {name!r}, which is not there; remove the line, or write its name")
        if parts in found or parts in before:
            raise InputError(f"{at} names {name!r} once more; an image has one caption")
        found[parts] = text.strip()
    return found
