"""Options of `sample` beside its seed and its conditions, as a temperature."""

import math
from typing import NamedTuple

from tfgen.errors import InputError


class Option(NamedTuple):
    """A number that changes how a model samples: an argument of `sample`, an input of the export, a flag.

    Attributes:
        default: what it is if it is not given.
        low, high: its range, `low` included.
        help: a line for users.
    """

    default: float
    low: float = 0.0
    high: float = math.inf
    help: str = ""

    def checked(self, name, value):
        """The value as a float, once it is known to lie in the range."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise InputError(f"{name} must be a number; received {value!r}") from None
        if not (self.low <= number < self.high or number == self.high == math.inf):
            limit = f"{self.low:g} or more" + ("" if math.isinf(self.high) else f", below {self.high:g}")
            raise InputError(f"{name} must be {limit}; received {value}")
        return number
