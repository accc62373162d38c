"""Arguments given by name, checked against the signature that will receive them."""

import inspect
import typing
from types import NoneType

import numpy as np

from tfgen.errors import InputError, unknown


def plain(value):
    """The value with NumPy's numbers as Python's, also those in tuples, lists and dicts.

    Users count classes and shapes by NumPy, whose integers neither Keras' layers nor JSON take.
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return type(value)(map(plain, value)) if type(value) in (tuple, list) else value


def of_model(cls):
    """{name: inspect.Parameter} of a model's constructor: its own first, then its base classes'."""
    found = {}
    for base in cls.__mro__:
        # Those of a generative model; Keras' own classes come behind.
        if hasattr(base, "data_spec") and "__init__" in vars(base):
            for name, parameter in inspect.signature(base.__init__).parameters.items():
                if name != "self" and parameter.kind is not parameter.VAR_KEYWORD:
                    found.setdefault(name, parameter)
    return found


def of_function(function, without=()):
    """{name: inspect.Parameter} of a function, but for the names in `without`."""
    parameters = inspect.signature(function).parameters
    return {name: parameter for name, parameter in parameters.items() if name not in without}


def check(owner, parameters, given):
    """The arguments `given` by name, each of the type of its parameter's annotation, else of its default.

    A whole number may stand for a float, a list for a tuple, and without an annotation anything for None.

    Raises:
        InputError: for a name that `owner` does not have, or a value of another type.
    """
    checked = {}
    for name, value in given.items():
        if name not in parameters:
            raise unknown(f"argument of {owner}", name, list(parameters))
        default, kinds = parameters[name].default, _kinds(parameters[name].annotation)
        value = plain(value)
        if (isinstance(default, float) or (float in kinds and int not in kinds)) and type(value) is int:
            value = float(value)
        if isinstance(default, tuple) and isinstance(value, list):
            value = tuple(value)
        if kinds and type(value) not in kinds:
            wanted = " or ".join("None" if kind is NoneType else kind.__name__ for kind in kinds)
            raise InputError(
                f"{name} of {owner} must be {wanted}; received {value!r} ({type(value).__name__})"
            )
        if not kinds and not _alike(value, default):
            raise InputError(
                f"{name} of {owner} must be like {default!r} ({type(default).__name__}); received {value!r}"
            )
        checked[name] = value
    return checked


def _kinds(annotation):
    """The types of an annotation such as `float | None`; () of none, or of one that is not so simple."""
    kinds = typing.get_args(annotation) or (annotation,)
    simple = (bool, int, float, str, NoneType)
    return kinds if all(kind in simple for kind in kinds) else ()


def _alike(value, default):
    if default is None or default is inspect.Parameter.empty:
        return True
    if isinstance(default, tuple) and isinstance(value, tuple):
        return len(value) == len(default) and all(map(_alike, value, default))
    return type(value) is type(default)
