"""The inputs of a request, checked against a signature of the manifest before they meet others."""

import itertools
import math

import numpy as np

SIZES = ("multiple", "smallest", "scale")  # what a signature says of free heights and widths
BEYOND = {"z": None, "temperature": 0, "truncation": 0.01}  # the least of what has no other limit
SLACK = 1e-3  # by which a box may end behind the image, as rounding has it
DATATYPES = {"float32": "FP32", "int32": "INT32", "int64": "INT64"}


class Refused(ValueError):
    """What a request should have had, and what it has, in one line."""


def limits(spec):
    """(low, high) of the values that an input may have, None where there is no limit.

    Beyond them outputs would be nonsense: a class that is not there, pixels of another scale, a
    uniform number above 1. Latents, temperatures and truncations are also of use outside of the values
    that the manifest says they are drawn from.
    """
    values = spec["values"]
    if spec["name"] in BEYOND:
        return BEYOND[spec["name"]], None
    return values.get("low"), values.get("high")


def of_rows(signature):
    """Whether the rows of all inputs and outputs are those of a batch, so that requests can share one."""
    tensors = [tensor for kind in ("inputs", "outputs") for tensor in signature[kind]]
    return all(tensor["shape"][:1] == [None] and None not in tensor["shape"][1:] for tensor in tensors)


def _short(received):
    """What a client sent, in one line that cannot be long."""
    text = repr(received)
    return text if len(text) <= 80 else f"{text[:77]}..."


class Inputs:
    """What a signature takes.

    Args:
        signature: the manifest's: {"inputs": [{"name", "dtype", "shape", "values"}], "outputs"}, and
            "multiple" and "smallest" where heights and widths are free, and "scale" where those of the
            outputs are so many times larger.
        max_n: the most rows of a request.
        max_pixels: the most pixels of a request's free sizes, as given or as made, over all rows.
    """

    def __init__(self, signature, max_n, max_pixels=math.inf):
        self.max_n, self._max_pixels = max_n, max_pixels
        self._free = {name: signature.get(name, 1) for name in SIZES}
        self._specs = {spec["name"]: spec for spec in signature["inputs"]}

    def arrays(self, given):
        """{name: array} as the signature takes them.

        Args:
            given: (name, datatype, shape, data) of each tensor in a request; data are bytes, the
                little-endian numbers, or a list of them, flat or nested.

        Raises:
            Refused: they are not what the signature takes.
        """
        names = [name for name, *_ in given]
        if sorted(names) != sorted(self._specs):
            raise Refused(f"the inputs must be {', '.join(self._specs)}; received {_short(names)}")
        found = {name: self._array(self._specs[name], *rest) for name, *rest in given}
        self._check_rows(found)
        return {name: found[name] for name in self._specs}

    def _array(self, spec, datatype, shape, data):
        name, wanted, sizes = spec["name"], DATATYPES[spec["dtype"]], spec["shape"]
        if datatype == "BYTES" and spec["values"].get("encoding") == "ascii":
            shape, data = self._texts(name, sizes[1], list(shape), data)
        elif datatype != wanted:
            raise Refused(f"input {name!r} must have datatype {wanted}; received {_short(datatype)}")
        shape = list(shape)
        if sizes:
            fits = len(shape) == len(sizes) and all(a in (None, b) for a, b in zip(sizes, shape))
        else:
            fits = shape in ([], [1])
        if not fits:
            shown = [-1 if size is None else size for size in sizes] or [1]
            raise Refused(f"input {name!r} must have shape {shown}; received {_short(shape)}")
        if None in sizes and not 1 <= shape[0] <= self.max_n:
            raise Refused(f"input {name!r} must have 1 to {self.max_n} rows; received {shape[0]}")
        if None in sizes[1:]:
            self._check_size(name, shape[0], *shape[-3:-1])  # of a clip, whose frames come second, too
        array = _numbers(name, data, np.dtype(spec["dtype"]), shape)
        self._check_values(spec, array)
        return array.astype(spec["dtype"], copy=False).reshape(shape if sizes else ())

    def _texts(self, name, length, shape, data):
        """(shape, numbers) of texts, as `tfgen.fields.Tokens` has them: bytes of ASCII in lower case."""
        if isinstance(data, bytes):
            raise Refused(f"input {name!r} takes texts as strings; send a list of them, or INT32 numbers")
        if shape != [len(data)]:
            raise Refused(
                f"input {name!r} of {len(data)} texts must have shape [{len(data)}]; received {_short(shape)}"
            )
        rows = []
        for text in data:
            text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
            if not (isinstance(text, str) and text.strip() and text.isascii() and text.isprintable()):
                raise Refused(
                    f"input {name!r} must be texts of printable ASCII characters; received {_short(text)}"
                )
            if len(text) > length:
                raise Refused(
                    f"input {name!r} must be texts of at most {length} characters; received {len(text)}"
                )
            rows += text.lower().encode().ljust(length, b"\0")
        return [len(data), length], rows

    def _check_size(self, name, n, height, width):
        multiple, smallest, scale = self._free.values()
        if height % multiple or width % multiple or min(height, width) < smallest:
            least = f", at least {smallest}" if smallest > 1 else ""
            raise Refused(
                f"input {name!r} must have a height and a width that are multiples of {multiple}{least}; "
                f"received {height}x{width}"
            )
        count = n * height * width * scale**2
        if count > self._max_pixels:
            made = f", of which {count} would be made" if scale > 1 else ""
            raise Refused(
                f"input {name!r} may have {self._max_pixels // scale**2} pixels, over all rows; received "
                f"{n * height * width}{made}"
            )

    def _check_values(self, spec, array):
        if not np.isfinite(array).all():
            raise Refused(f"input {spec['name']!r} must be finite; received NaN or infinity")
        low, high = limits(spec)
        if spec["values"]["distribution"] == "batch":
            low, high = 1, self.max_n
        least, most = array.min(), array.max()
        if spec["values"]["distribution"] == "boxes":  # which end within the image, too
            boxes = array.reshape(-1, 4)
            most = max(most, (boxes[:, :2] + boxes[:, 2:]).max() - SLACK)
        if (low is not None and least < low) or (high is not None and most > high):
            expected = f"lie in {low}..{high}" if high is not None else f"be {low} or more"
            received = f"{least}" if least == most else f"{least}..{most}"
            raise Refused(f"input {spec['name']!r} must {expected}; received {received}")

    def _check_rows(self, found):
        asked = [
            int(found[name]) for name, x in self._specs.items() if x["values"]["distribution"] == "batch"
        ]
        rows = {name: len(found[name]) for name, x in self._specs.items() if None in x["shape"]}
        if asked and not set(rows.values()) <= {1, *asked}:
            raise Refused(f"inputs of rows must have n rows, {asked[0]}, or 1; received {rows}")
        if not asked and len(set(rows.values())) > 1:
            raise Refused(f"inputs must have as many rows as each other; received {rows}")


def _numbers(name, data, dtype, shape):
    """A flat array; integers of a list as int64, for their limits are not checked yet."""
    count = math.prod(shape)
    if isinstance(data, bytes):
        if len(data) != count * dtype.itemsize:
            size = count * dtype.itemsize
            raise Refused(f"input {name!r} of shape {shape} must have {size} bytes; received {len(data)}")
        return np.frombuffer(data, dtype.newbyteorder("<"))
    data = [data] if not isinstance(data, list) else data
    while list in (kinds := set(map(type, data))) and kinds == {list}:
        data = list(itertools.chain.from_iterable(data))
    expected, allowed = ("numbers", {int, float}) if dtype.kind == "f" else ("whole numbers", {int})
    if kinds - allowed:
        received = sorted(kind.__name__ for kind in kinds - allowed)
        raise Refused(f"input {name!r} must be a list of {expected}; received {', '.join(received)}")
    if len(data) != count:
        raise Refused(f"input {name!r} of shape {shape} must have {count} numbers; received {len(data)}")
    try:
        with np.errstate(over="ignore"):  # infinity is refused by name
            return np.array(data, dtype if dtype.kind == "f" else "int64")
    except OverflowError:
        raise Refused(f"input {name!r} must be {dtype.name}; received a number beyond it") from None
