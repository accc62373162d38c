"""Sources of sentences in two languages: text files, arrays of bytes, and numbers as words.

Words stand between spaces. A pair is an example where neither of its sentences has more words than the
model takes.
"""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfgen.data.folders import split_of
from tfgen.data.sources import Source, numbers
from tfgen.data.splits import ranges
from tfgen.errors import InputError

TABLE = (".tsv",)
PLAIN = re.compile(r"(train|test|val|valid|validation)[._](\w+)")  # of files and arrays, as train.en, val_de
ONES = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn "
    "sechzehn siebzehn achtzehn neunzehn",
}
TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
}


class Sentences(Source):
    """Pairs of sentences, texts.

    Args:
        pairs: [(source, target)].
    """

    kind = "pairs of sentences"

    def __init__(self, pairs):
        self.pairs, self.count = pairs, len(pairs)

    @property
    def shapes(self):
        return {"inputs": (None,), "images": (None,)}

    def examples(self, key):
        return numbers(self.count, key)

    def numbered(self, fields):
        """The same, with `tokens`, {name: int32 (n, length)} of the fields."""
        sides = dict(zip(("inputs", "images"), zip(*self.pairs)))
        if not all(fields[name].words for name in sides):
            raise InputError(
                "the model knows no words of its languages; build it with the source_words and target_words "
                "that tfgen.data.vocabulary(source) gives"
            )
        with tf.device("CPU"):
            self.tokens = {
                name: tf.constant(np.stack([fields[name].parsed(text) for text in texts]))
                for name, texts in sides.items()
            }
        return self

    def read(self, index):
        """{name: tokens (n, length)} of examples by number."""
        return {name: tf.gather(tokens, index % self.count) for name, tokens in self.tokens.items()}


def _numeral(n, language):
    """A number below 10,000 in words: 42 as "forty two" or "zwei und vierzig"."""
    ones, tens = ONES[language].split(), TENS[language].split()
    words, german = [], language == "de"
    for unit, name in ((1000, ("thousand", "tausend")[german]), (100, ("hundred", "hundert")[german])):
        count, n = divmod(n, unit)
        if count:
            words += ["ein" if german and count == 1 else ones[count], name]
    if n >= 20:
        ten, one = divmod(n, 10)
        parts = [tens[ten - 2], *([ones[one]] if one else [])]
        if german and one:
            parts = ["ein" if one == 1 else ones[one], "und", tens[ten - 2]]
        words += parts
    elif n or not words:
        words.append(ones[n])
    return " ".join(words)


def numerals():
    """{split: pairs} of the numbers below 10,000 in English and German, in an order of their own."""
    order = np.random.RandomState(0).permutation(10_000)  # its stream is frozen
    pairs = [(_numeral(int(n), "en"), _numeral(int(n), "de")) for n in order]
    return {"train": pairs[500:], "test": pairs[:500]}


def opened(source, split, length=None):
    """The `Sentences` of a split.

    Args:
        source: "numerals", a .tsv file, a folder, an .npz file, a dict of arrays or a pair of lists of texts.
        length: the most words of a sentence; None: any.

    Raises:
        InputError: no pairs of sentences, more of one language than of the other, none that is short enough.
    """
    splits = _splits(source)
    chosen = [
        pair
        for name, start, stop in ranges(split, {name: len(pairs) for name, pairs in splits.items()})
        for pair in splits[name][start:stop]
    ]
    kept = [pair for pair in chosen if _fits(pair, length)]
    if not kept:
        raise InputError(f"{_name(source)} has no pair of sentences of 1 to {length} words in {split!r}")
    return Sentences(kept)


def _fits(pair, length):
    counts = [len(text.split()) for text in pair]
    return min(counts) > 0 and (length is None or max(counts) <= length)


def _name(source):
    return source if isinstance(source, (str, Path)) else f"the {type(source).__name__}"


def _splits(source):
    if isinstance(source, str) and source == "numerals":
        return numerals()
    if isinstance(source, tuple) and len(source) == 2:
        return {"train": _paired("the tuple", *map(list, source))}
    if isinstance(source, Mapping):
        return _of_arrays(source, "the dict")
    path = Path(source).expanduser()
    if not path.exists():
        raise InputError(f"{path} does not exist; give a .tsv file, a folder, an .npz file, or numerals")
    if path.is_dir():
        found = {file.name: file for file in sorted(path.iterdir()) if file.is_file()}
        return _of_arrays({name: _lines(file) for name, file in found.items() if PLAIN.fullmatch(name)}, path)
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return _of_arrays({name: arrays[name] for name in arrays}, path)
    rows = [line.split("\t") for line in _lines(path) if line.strip()]
    bad = next((number for number, row in enumerate(rows, 1) if len(row) != 2), None)
    if bad is not None:
        raise InputError(
            f"{path} must have two sentences in each line, a tab between them; line {bad} has "
            f"{len(rows[bad - 1])}"
        )
    return {"train": [tuple(row) for row in rows]}


def _lines(path):
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path} as text: {error}") from None


def _of_arrays(arrays, origin):
    """{split: pairs} of {"train_en": lines or bytes, "train_de": ..., ...}, languages as they come."""
    found = {}
    for name, lines in arrays.items():
        match = PLAIN.fullmatch(str(name))
        if match:
            if isinstance(lines, np.ndarray) and lines.dtype == np.uint8:
                lines = bytes(lines).decode().split("\n")
            found.setdefault(split_of(match[1]) or "train", {})[match[2]] = [str(line) for line in lines]
    found = {split: sides for split, sides in found.items() if len(sides) == 2}
    if not found:
        raise InputError(
            f"{origin} has no sentences of two languages; name them train.en and train.de (files), or "
            f"train_en and train_de (arrays), or give a .tsv file"
        )
    languages = list(next(iter(found.values())))
    return {split: _paired(origin, *(sides[name] for name in languages)) for split, sides in found.items()}


def _paired(origin, sources, targets):
    if len(sources) != len(targets):
        raise InputError(
            f"{origin} has {len(sources)} sentences of one language and {len(targets)} of the other; give a "
            f"translation for each, in the same order"
        )
    return list(zip(sources, targets))


def vocabulary(
    source: Any, split: str = "train", *, words: int = 3000, length: int | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The commonest words of both languages of pairs of sentences.

    Args:
        source, split: as for `tfgen.data.load`.
        words: of a language, at most.
        length: the most words of a sentence that is looked at; None: any.

    Returns:
        (words of the source, words of the target), the commonest first.

    Raises:
        InputError: as `load`.
    """
    found = []
    for texts in zip(*opened(source, split, length).pairs):
        counts = Counter(word for text in texts for word in text.lower().split())
        found.append(tuple(sorted(counts, key=lambda word: (-counts[word], word))[:words]))
    return tuple(found)
