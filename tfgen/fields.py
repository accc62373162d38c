"""What a model takes: fields by name, each of which answers every question about an input.

    {"images": Image((28, 28, 1)), "labels": Classes(10)}

`images` is what a model makes; `labels` are its classes, attributes or numbers; `inputs` a source image,
`images_a` and `images_b` those of two domains, `captions` text, `places` points or boxes, `frames`
a clip, `unlabelled` images without labels. A batch is a dict by these names. What a model of music makes is
called images, too, and is of `Events`.
"""

import dataclasses
import math
import unicodedata
import warnings
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.errors import InputError, unknown

SLACK = 1e-3  # resizing and rounding may leave the range of images by so much
SEVERAL = 8  # images of which one has a dark pixel


@dataclasses.dataclass(frozen=True, eq=False)
class Field:
    """What several kinds share: the tensor's shape, its values, and the door.

    Attributes:
        shape: of an example, () for a number.
        dtype: of a batch in a model.
        values: what a manifest says the values are.
    """

    dtype: ClassVar = tf.float32

    def spec(self, name):
        """The batch's `tf.TensorSpec`, of that name."""
        return tf.TensorSpec((None, *self.shape), self.dtype, name)

    def takes(self, x):
        """Whether a tensor may be a batch of it, by shape and dtype."""
        kinds = x.dtype.is_floating or x.dtype.is_integer or x.dtype.is_bool
        return kinds and tf.TensorShape((None, *self.shape)).is_compatible_with(x.shape)

    def received(self, array, name, owner):
        """An array given at the door, (n, ...), in the model's own shape and type once it is checked.

        Raises:
            InputError: other values, or another shape.
        """
        array = np.asarray(array)
        self.check(array, name, owner)
        return array.astype(self.dtype.as_numpy_dtype, copy=False)

    def prepared(self, x):
        """A batch (n, ...) as the model's networks take it."""
        return tf.cast(x, self.dtype)

    def looked_at(self, dtype):
        """Whether values of that type can be foreign."""
        return True

    def ends(self, x):
        """(the least, the greatest value) of a batch, float32 scalars; NaN for what no value may be."""
        x = tf.cast(x, tf.float32)  # TensorFlow knows no least of booleans
        return tf.reduce_min(x), tf.reduce_max(x)

    def foreign(self, lowest, highest):
        """Whether values between these, numbers or tensors, cannot be meant."""
        return tf.constant(False)

    def doubtful(self, x, lowest):
        """Whether a batch x that is not foreign was most likely meant in another range."""
        return False

    def warn(self, name, owner):
        """Says so in a warning, which Python shows once for each class of models."""

    def error(self, lowest, highest, name, owner):
        """The InputError for values that are foreign."""
        if math.isnan(lowest):
            return InputError(f"the {name} hold NaN; remove or repair those that do")
        return self.outside(lowest, highest, name, owner)

    def outside(self, lowest, highest, name, owner):
        """The InputError for numbers that are foreign."""
        return InputError(f"{owner} does not take {name} from {lowest:g} to {highest:g}")

    def check(self, array, name, owner):
        """Raises the InputError of an array (n, ...) whose values cannot be meant."""
        array = np.asarray(array)
        if array.size and self.looked_at(tf.as_dtype(array.dtype)):
            lowest, highest = float(array.min()), float(array.max())  # NaN if there is one
            if bool(self.foreign(lowest, highest)):
                raise self.error(lowest, highest, name, owner)
            if bool(self.doubtful(array, lowest)):
                self.warn(name, owner)

    def draw(self, key, n, first_row=0):
        """n values by a key of `tfgen.random`, or None where only data can give them."""
        return None

    def encoded(self, x):
        """What a network is given of a batch."""
        return x

    def for_samples(self, values, n, name, owner):
        """Values for n samples, or one for all, as a tensor (n, ...) once they are checked."""
        values, shape = np.asarray(values), (n, *self.shape)
        if values.shape == (n, 1) and not self.shape:
            values = values[:, 0]
        integer = not self.dtype.is_integer or np.issubdtype(values.dtype, np.integer)
        if values.shape not in (shape, shape[1:]) or not integer:
            raise InputError(
                f"{owner} takes {name} {self.dtype.name} of shape {shape}, or one for all of shape "
                f"{shape[1:]}; received {values.dtype} of shape {values.shape}"
            )
        self.check(values, name, owner)
        return self.prepared(tf.constant(np.broadcast_to(values, shape)))


@dataclasses.dataclass(frozen=True, eq=False)
class Image(Field):
    """Images, volumes or clips.

    Args:
        shape: (height, width, channels), or of any rank; None for a size that is free.
        low, high: the range of the values; bytes are scaled to it.
        unit: of measured values, as GeV, which bytes cannot hold; "" of images.
    """

    shape: tuple
    low: float = -1.0
    high: float = 1.0
    unit: str = ""

    @property
    def values(self):
        return {"distribution": "uniform", "low": self.low, "high": self.high}

    def takes(self, x):
        return (x.dtype == tf.uint8 or x.dtype.is_floating) and super().takes(x)

    def received(self, array, name, owner):
        array = np.asarray(array)
        if array.ndim == len(self.shape) and self.shape and self.shape[-1] == 1 and array.shape[-1:] != (1,):
            raise InputError(
                f"{owner} takes {name} of shape (n, {', '.join(map(str, self.shape))}); received "
                f"{array.shape}; add the axis of the channel: x[..., None]"
            )
        if array.dtype == np.uint8 and not self.unit:
            return array  # scaled on the device
        if not np.issubdtype(array.dtype, np.floating):
            if self.unit:
                raise InputError(
                    f"{owner} takes {name} in {self.unit}, as floats in [{self.low:g}, {self.high:g}]; "
                    f"received {array.dtype}; give x.astype('float32') if these are {self.unit}"
                )
            raise InputError(
                f"{owner} takes {name} as floats in [{self.low:g}, {self.high:g}] or as bytes (uint8); "
                f"received {array.dtype}; give x.astype('uint8') if these are bytes"
            )
        return super().received(array, name, owner)

    def prepared(self, x):
        x = tf.convert_to_tensor(x)
        if x.dtype == tf.uint8:
            return self.low + tf.cast(x, tf.float32) * ((self.high - self.low) / 255)
        return tf.cast(x, tf.float32)

    def looked_at(self, dtype):
        return dtype.is_floating  # any byte is an image's

    def foreign(self, lowest, highest):
        inside = (lowest >= self.low - SLACK) & (highest <= self.high + SLACK)  # NaN is not
        # No byte becomes 0 in [-1, 1], so a smallest value of 0 is the black of images in [0, 1].
        unscaled = (self.low < 0) & (lowest >= 0) & (lowest <= SLACK) & (highest > SLACK)
        return tf.logical_not(inside) | unscaled

    def doubtful(self, x, lowest):
        if self.low >= 0:
            return False

        def no_bytes():
            steps = (tf.cast(x, tf.float32) - self.low) * (255 / (self.high - self.low))
            return tf.reduce_any(tf.abs(steps - tf.round(steps)) > 0.01)

        # Images in [0, 1] without a black pixel; bright ones in [-1, 1] that were bytes lie on their steps.
        return tf.cond((tf.shape(x)[0] >= SEVERAL) & (lowest > SLACK), no_bytes, lambda: tf.constant(False))

    def warn(self, name, owner):
        warnings.warn(
            f"{owner} takes {name} in [{self.low:g}, {self.high:g}], and a whole batch has no value below 0; "
            f"if they are meant in [0, 1], scale them by 2 * x - 1, or give bytes 0..255 as uint8",
            stacklevel=2,
        )

    def outside(self, lowest, highest, name, owner):
        if self.unit:
            return InputError(
                f"{owner} takes {name} in [{self.low:g}, {self.high:g}] {self.unit}; received {lowest:g} to "
                f"{highest:g}; give them in {self.unit}"
            )
        return InputError(
            f"{owner} takes {name} in [{self.low:g}, {self.high:g}]; received {lowest:g} to {highest:g}; "
            f"scale them, give bytes 0..255 as uint8, or use tfgen.data.load(..., for_model=model)"
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Classes(Field):
    """Labels, the number of a class from 0 on.

    Args:
        count: how many classes.
        fixed: whether the model cannot be built with more.
    """

    count: int
    fixed: bool = False
    dtype: ClassVar = tf.int32
    shape: ClassVar = ()

    @property
    def values(self):
        return {"distribution": "integers", "low": 0, "high": max(self.count - 1, 1)}

    def takes(self, x):
        one = x.shape.rank == 2 and x.shape[1] == 1
        return super().takes(x[:, 0] if one else x)

    def received(self, array, name, owner):
        array = np.asarray(array)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if np.issubdtype(array.dtype, np.floating) and not (array == np.floor(array)).all():
            raise InputError(
                f"{name} of {owner} are the numbers of classes, whole from 0 on; received {array.dtype} such "
                f"as {array[array != np.floor(array)][0]:g}; give integers"
            )
        return super().received(array, name, owner)

    def prepared(self, x):
        x = tf.convert_to_tensor(x)
        return tf.cast(x[:, 0] if x.shape.rank == 2 else x, tf.int32)

    def ends(self, x):
        lowest, highest = super().ends(x)
        whole = tf.reduce_all(x == tf.floor(x)) if x.dtype.is_floating else True
        return tf.where(whole, lowest, math.nan), highest

    def foreign(self, lowest, highest):
        return tf.logical_not((lowest >= 0) & (highest <= self.count - 1))

    def error(self, lowest, highest, name, owner):
        if math.isnan(lowest):  # what is not whole
            return InputError(f"{name} of {owner} are the numbers of classes, whole from 0 on; give integers")
        return self.outside(lowest, highest, name, owner)

    def outside(self, lowest, highest, name, owner):
        remedy = "number the classes from 0"
        if highest > self.count - 1 and not self.fixed:
            remedy += f", or build the model with classes={highest + 1:.0f}"
        return InputError(
            f"{name} of {owner} lie in 0..{self.count - 1}; received {lowest:g} to {highest:g}; {remedy}"
        )

    def draw(self, key, n, first_row=0):
        """n classes, all alike."""
        return tf.cast(random.uniform(key, (n, 1), first_row)[:, 0] * self.count, tf.int32)

    def encoded(self, x):
        """One-hot, float32 (n, count)."""
        # tf.one_hot, in an ONNX graph that onnx's own evaluator can run.
        classes = np.arange(self.count, dtype="int32")
        return tf.cast(tf.expand_dims(tf.cast(x, tf.int32), 1) == classes, tf.float32)

    def parsed(self, text, names=()):
        """The class that a text names, in capitals or not, or numbers."""
        if text.isdigit():
            return int(text)
        if names:
            return _places([text], names)[0]
        raise InputError(f"a class is a number from 0 to {self.count - 1}; received {text!r}")


@dataclasses.dataclass(frozen=True, eq=False)
class Attributes(Field):
    """Labels, of which several may hold: float32 (n, count), 1 for an attribute that is there.

    Args:
        count: how many attributes.
        frequencies: of each alone, (count,), by which they are drawn; None: even.
    """

    count: int
    frequencies: object = None
    values: ClassVar = {"distribution": "integers", "low": 0, "high": 1}

    @property
    def shape(self):
        return (self.count,)

    def foreign(self, lowest, highest):
        return tf.logical_not((lowest >= 0) & (highest <= 1))

    def outside(self, lowest, highest, name, owner):
        return InputError(
            f"{name} of {owner} lie in 0..1; received {lowest:g} to {highest:g}; "
            f"give 1 for an attribute that is there, 0 for one that is not"
        )

    def draw(self, key, n, first_row=0):
        """n sets of attributes, each attribute alone as often as its frequency."""
        frequencies = 0.5 if self.frequencies is None else self.frequencies
        return tf.cast(random.uniform(key, (n, self.count), first_row) < frequencies, tf.float32)

    def parsed(self, text, names=()):
        """float32 (count,) of "Smiling,Young", those that are there, or of as many numbers, "1,0,1"."""
        words = [word.strip() for word in text.split(",")]
        if all(word in ("0", "1") for word in words) and len(words) == self.count:
            return np.array(words, np.float32)
        if not names or words[0].isdigit():
            raise InputError(f"attributes are {self.count} numbers 0 or 1 between commas; received {text!r}")
        values = np.zeros(self.count, np.float32)
        values[_places(words, names)] = 1
        return values


@dataclasses.dataclass(frozen=True, eq=False)
class Tokens(Field):
    """Text as numbers: int32 (n, length), 0 where it has ended: bytes of ASCII in lower case.

    Args:
        length: of the longest text.
        vocabulary: how many numbers there are, with 0; 128 for the bytes of ASCII.
    """

    length: int
    vocabulary: int = 128
    dtype: ClassVar = tf.int32

    @property
    def shape(self):
        return (self.length,)

    @property
    def values(self):
        ascii = {"encoding": "ascii"} if self.vocabulary == 128 else {}
        return {"distribution": "integers", "low": 0, "high": self.vocabulary - 1, **ascii}

    def foreign(self, lowest, highest):
        return tf.logical_not((lowest >= 0) & (highest <= self.vocabulary - 1))

    def outside(self, lowest, highest, name, owner):
        return InputError(
            f"{name} of {owner} are numbers from 0 to {self.vocabulary - 1}; received {lowest:g} to "
            f"{highest:g}"
        )

    def parsed(self, text):
        """int32 (length,): the bytes of the text in lower case, padded by 0.

        Raises:
            InputError: no string, an empty one, one that is too long or not of printable ASCII characters.
        """
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"a text must be a string that is not empty; received {text!r}")
        if not (text.isascii() and text.isprintable()):
            raise InputError(f"a text is of ASCII characters that are printable; received {text!r}")
        if len(text) > self.length:
            raise InputError(f"a text has at most {self.length} characters; received {len(text)}: {text!r}")
        return self._padded(text.lower().encode())

    def _padded(self, numbers):
        numbers = np.asarray(list(numbers)[: self.length], np.int32)
        return np.pad(numbers, (0, self.length - len(numbers)))

    def rows(self, texts, name, owner):
        """int32 (n, length) of n texts as data have them: strings, UTF-8 bytes or arrays of numbers.

        Letters lose their accents, other characters that are not ASCII are left out, and what is longer
        than `length` is cut.

        Raises:
            InputError: a text of which nothing is left.
        """
        rows = np.zeros((len(texts), self.length), np.int32)
        for row, text in enumerate(texts):
            if isinstance(text, bytes):
                text = text.decode("utf-8", "replace")
            if isinstance(text, str):
                bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
                numbers = " ".join(bare.lower().split()).encode()
            else:
                numbers = text if np.ndim(text) == 1 and np.asarray(text).dtype.kind in "iu" else ()
            rows[row] = self._padded(numbers)
            if not rows[row].any():
                raise InputError(
                    f"{owner} takes {name} of ASCII characters; number {row} has none: {text!r}; write "
                    f"another text, or leave out its image"
                )
        return rows

    def text(self, row):
        """What a row (length,) of bytes says, a string."""
        return bytes(int(number) for number in row if number).decode("ascii", "replace")

    def received(self, array, name, owner):
        if np.asarray(array).dtype.kind in "USO":
            array = self.rows(np.asarray(array).tolist(), name, owner)
        return super().received(array, name, owner)

    def for_samples(self, values, n, name, owner):
        if isinstance(values, str):
            return super().for_samples(self.parsed(values), n, name, owner)
        # Numbers are an array, or a list of lists or of integers.
        numbers = hasattr(values, "dtype") and np.asarray(values).dtype.kind not in "UO"
        if not numbers and (not len(values) or not all(map(_numbers, values))):
            if len(values) != n:
                raise InputError(
                    f"{owner} takes {name}, a text for each sample, or one for all; received {len(values)} "
                    f"texts for n={n}"
                )
            values = np.stack([self.parsed(text) for text in values])
        return super().for_samples(values, n, name, owner)


class Words(Tokens):
    """Sentences as the numbers of their words: int32 (n, length), 0 where they have ended.

    Args:
        length: words of the longest sentence.
        words: those that have numbers, from 2 on; 1 is any other.
    """

    unknown: ClassVar = "<unk>"

    def __init__(self, length, words):
        super().__init__(length, len(words) + 2)
        object.__setattr__(self, "words", tuple(words))

    def parsed(self, text):
        """int32 (length,): the numbers of the words between spaces, in lower case, padded by 0."""
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"a sentence must be a string that is not empty; received {text!r}")
        found = text.lower().split()
        if len(found) > self.length:
            raise InputError(
                f"a sentence has at most {self.length} words; received {len(found)}: {text[:60]!r}"
            )
        places = {word: place for place, word in enumerate(self.words, 2)}
        row = np.zeros(self.length, np.int32)
        row[: len(found)] = [places.get(word, 1) for word in found]
        return row

    def text(self, row):
        """The sentence of numbers (length,), up to its end."""
        row = np.asarray(row)
        row = row[: np.argmax(row == 0)] if (row == 0).any() else row
        return " ".join((self.unknown, *self.words)[number - 1] for number in row)


@dataclasses.dataclass(frozen=True, eq=False)
class Vector(Field):
    """Numbers, as places or energies: float32 (n, *shape).

    Args:
        shape: of an example; () for a number.
        low, high: the range of the values; None for any.
        unit: of the values, as GeV.
    """

    shape: tuple
    low: float | None = None
    high: float | None = None
    unit: str = ""

    @property
    def values(self):
        if self.low is None or self.high is None:
            return {"distribution": "normal"}
        unit = {"unit": self.unit} if self.unit else {}
        return {"distribution": "uniform", "low": self.low, "high": self.high, **unit}

    def foreign(self, lowest, highest):
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return tf.logical_not((lowest >= low) & (highest <= high))

    def outside(self, lowest, highest, name, owner):
        low, high = (end if end is None else f"{end:g}" for end in (self.low, self.high))
        unit = f" {self.unit}" if self.unit else ""
        return InputError(
            f"{owner} takes {name} in [{low}, {high}]{unit}; received {lowest:g} to {highest:g}{unit}"
        )

    def draw(self, key, n, first_row=0):
        """n of them, uniform in the range; None where it has no ends."""
        if self.low is None or self.high is None:
            return None
        size = math.prod(self.shape)
        u = random.uniform(key, (n, size), first_row)
        return tf.reshape(self.low + (self.high - self.low) * u, (n, *self.shape))

    def encoded(self, x):
        """float32 (n, size)."""
        return x if self.shape else x[:, None]

    def parsed(self, text, names=()):
        """The number that a text says; of several, "0.2,0.9", float32 of the field's shape."""
        size, unit = math.prod(self.shape), f" in {self.unit}" if self.unit else ""
        try:
            numbers = [float(word) for word in text.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) == size:
            return np.float32(numbers).reshape(self.shape) if self.shape else numbers[0]
        named = f" ({', '.join(names)})" if len(names) == size else ""
        what = f"{size} numbers{unit}{named} between commas" if self.shape else f"numbers{unit}, as 50"
        raise InputError(f"labels are {what}; received {text!r}")


@dataclasses.dataclass(frozen=True, eq=False)
class Boxes(Field):
    """Boxes in an image: float32 (n, count, 4), top, left, height and width in shares of the image's sides.

    Args:
        count: how many.
    """

    count: int
    values: ClassVar = {"distribution": "boxes", "low": 0.0, "high": 1.0}

    @property
    def shape(self):
        return (self.count, 4)

    def ends(self, x):
        """The least value, and the greatest, or where a box ends if that is more."""
        x = tf.cast(x, tf.float32)
        ends = x[..., :2] + x[..., 2:]
        return tf.reduce_min(x), tf.maximum(tf.reduce_max(x), tf.reduce_max(ends))

    def foreign(self, lowest, highest):
        return tf.logical_not((lowest >= 0) & (highest <= 1 + SLACK))

    def outside(self, lowest, highest, name, owner):
        return InputError(
            f"{owner} takes {name} as boxes (top, left, height, width) within [0, 1]; received {lowest:g} to "
            f"{highest:g}; divide pixels by the image's size"
        )

    def check(self, array, name, owner):
        array = np.asarray(array)
        if array.size and array.shape[-1] == 4:
            lowest, highest = (float(end) for end in self.ends(array))
            if bool(self.foreign(lowest, highest)):
                raise self.error(lowest, highest, name, owner)

    def draw(self, key, n, first_row=0):
        """n times as many boxes, of 0.3 to 0.7 of each side, anywhere in the image."""
        u = tf.reshape(random.uniform(key, (n, self.count * 4), first_row), (n, self.count, 2, 2))
        sizes = 0.3 + 0.4 * u[:, :, 1]
        return tf.concat([u[:, :, 0] * (1 - sizes), sizes], axis=-1)

    def for_samples(self, values, n, name, owner):
        values = np.asarray(values)
        return super().for_samples(values[..., None, :] if self._single(values) else values, n, name, owner)

    def _single(self, values):
        return self.count == 1 and values.ndim and values.shape[-2:] != self.shape

    def parsed(self, text):
        """float32 (4,) of "0.1,0.2,0.5,0.5"."""
        return _parsed(text, "top,left,height,width", "0.1,0.2,0.5,0.5")


@dataclasses.dataclass(frozen=True, eq=False)
class Points(Field):
    """Points in an image: float32 (n, count, 3), y, x in shares of its sides, and 1 if the point is visible.

    Those that are not given are drawn by the model.

    Args:
        count: how many.
    """

    count: int
    values: ClassVar = {"distribution": "uniform", "low": 0.0, "high": 1.0}

    @property
    def shape(self):
        return (self.count, 3)

    def foreign(self, lowest, highest):
        return tf.logical_not((lowest >= 0) & (highest <= 1))

    def outside(self, lowest, highest, name, owner):
        return InputError(
            f"{owner} takes {name} as points (y, x, visible) within [0, 1]; received {lowest:g} to "
            f"{highest:g}; divide pixels by the image's size"
        )

    def draw(self, key, n, first_row=0):
        """None is given."""
        return tf.zeros((n, *self.shape))

    def parsed(self, text):
        """float32 (3,) of "0.5,0.5,1"."""
        return _parsed(text, "y,x,visible", "0.5,0.5,1")


def _parsed(text, names, example):
    """float32 numbers, as many as names."""
    try:
        numbers = np.float32([float(word) for word in text.split(",")])
    except ValueError:
        numbers = ()
    if len(numbers) != len(names.split(",")):
        raise InputError(f"a place is {names} in [0, 1], as {example}; received {text!r}")
    return numbers


def _numbers(x):
    return np.asarray(x).dtype.kind in "iu"


@dataclasses.dataclass(frozen=True, eq=False)
class Events(Field):
    """Tones of a tune one after another: float32 (n, tones, 4).

    The columns are the length in quarter notes, the pitch as MIDI numbers it (60 is the middle C), the
    intensity from 0 to 127, and the quarter notes since the tone before began, 0 for tones that begin
    together.

    Args:
        tones: of a tune.
        longest: of the lengths, and of the times between tones, in quarter notes.
    """

    tones: int
    longest: float = 8.0
    columns: ClassVar = ("length", "pitch", "intensity", "since")

    @property
    def shape(self):
        return (self.tones, len(self.columns))

    @property
    def high(self):
        """The highest value of each column; the lowest is 0."""
        return (self.longest, 127.0, 127.0, self.longest)

    @property
    def values(self):
        return {"distribution": "uniform", "low": [0.0] * len(self.columns), "high": list(self.high)}

    def takes(self, x):
        return x.dtype.is_floating and super().takes(x)

    def received(self, array, name, owner):
        array = np.asarray(array)
        if array.ndim != 3 or array.shape[1:] != self.shape or not np.issubdtype(array.dtype, np.floating):
            raise InputError(
                f"{owner} takes tunes (n, {self.tones}, 4), floats of {', '.join(self.columns)}; received "
                f"{array.dtype} of shape {array.shape}"
            )
        return super().received(array, name, owner)

    def check(self, array, name, owner):
        if np.size(array):
            shares = np.asarray(array) / self.high
            if bool(self.foreign(shares.min(), shares.max())):
                raise self.error(float(shares.min()), float(shares.max()), name, owner)

    def ends(self, x):
        return super().ends(x / np.float32(self.high))

    def foreign(self, lowest, highest):
        return tf.logical_not((lowest >= -SLACK) & (highest <= 1 + SLACK))

    def error(self, lowest, highest, name, owner):
        return super().error(lowest, highest, "tunes", owner)

    def outside(self, lowest, highest, name, owner):
        return InputError(
            f"{owner} takes tones of length and since in [0, {self.longest:g}] quarter notes, pitch and "
            f"intensity in [0, 127]; received shares {lowest:g} to {highest:g} of these; use "
            f"tfgen.data.load(..., for_model=model), or a larger longest"
        )


def _places(words, names):
    """The places of words among names, in capitals or not."""
    places = {name.lower(): place for place, name in enumerate(names)}
    for word in words:
        if word.lower() not in places:
            raise unknown("label", word, list(names))
    return [places[word.lower()] for word in words]


def needs_classes(classes: int, owner: str) -> None:
    """Raises an InputError unless there are classes to tell apart."""
    if classes < 2:
        raise InputError(
            f"{owner} needs classes >= 2; received {classes}; images of one class are for a model without "
            f"labels, as DCGAN or VAE"
        )
