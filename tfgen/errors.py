"""What a user can do wrong, said in one line."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input: what was expected, what was received, what to do."""


def unknown(kind: str, name: object, known: Iterable[str]) -> InputError:
    """The error for a name that is not among `known`; it suggests the nearest."""
    near = difflib.get_close_matches(str(name).lower(), known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}"
    return InputError(f"unknown {kind} {name!r}; {hint}")
