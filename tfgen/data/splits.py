"""Names of splits in the grammar of TFDS: "train", "test[:80%]", "train[100:200]+test", "all"."""

import re

from tfgen.errors import InputError

_PART = re.compile(r"(\w+)(?:\[(-?\d+%?)?:(-?\d+%?)?\])?")


def _position(text, default, count):
    """An index or a percentage, from the end when negative, as an index."""
    if text is None:
        return default
    number = round(int(text[:-1]) * count / 100) if text.endswith("%") else int(text)
    return number + count if number < 0 else number


def ranges(split, counts):
    """What a split means: a list of (name, start, stop).

    Args:
        split: as "train[:1000]"; percentages are rounded to the nearest example.
        counts: {name: number of examples} of the splits there are.
    """
    found = []
    for part in str(split).split("+"):
        match = _PART.fullmatch(part.strip())
        if not match:
            raise InputError(
                f"cannot read the split {part!r}; write 'train', 'train[:1000]' or 'train[80%:]'"
            )
        name, *ends = match.groups()
        if name == "val" and "validation" in counts:
            name = "validation"
        if name != "all" and name not in counts:
            first = next(iter(counts))
            raise InputError(
                f"no split {name!r}; there is {', '.join(counts)}; a part of one is written '{first}[80%:]'"
            )
        for each in counts if name == "all" else [name]:
            count = counts[each]
            start, stop = (_position(text, default, count) for text, default in zip(ends, (0, count)))
            if not 0 <= start < stop <= count:
                raise InputError(f"the split {part!r} is {start}:{stop} of {count} examples in {each!r}")
            found.append((each, start, stop))
    return found


def suffixed(split, suffix):
    """The split "trainA[:9]+testA" of "train[:9]+test"."""
    return "+".join(re.sub(r"^(\w+)", rf"\1{suffix}", part.strip()) for part in str(split).split("+"))
