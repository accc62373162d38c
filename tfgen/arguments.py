"""Arguments given by name, checked against the signature that will receive them."""

import inspect

from tfgen.errors import InputError, unknown


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
    """The arguments `given` by name, once `parameters` has each with a default of its type.

    A whole number may stand for a float, a list for a tuple, and anything for None.

    Raises:
        InputError: for a name that `owner` does not have, or a value of another type.
    """
    checked = {}
    for name, value in given.items():
        if name not in parameters:
            raise unknown(f"argument of {owner}", name, list(parameters))
        default = parameters[name].default
        if isinstance(default, float) and type(value) is int:
            value = float(value)
        if isinstance(default, tuple) and isinstance(value, list):
            value = tuple(value)
        if not _alike(value, default):
            raise InputError(
                f"{name} of {owner} must be like {default!r} ({type(default).__name__}); received {value!r}"
            )
        checked[name] = value
    return checked


def _alike(value, default):
    if default is None or default is inspect.Parameter.empty:
        return True
    if isinstance(default, tuple) and isinstance(value, tuple):
        return len(value) == len(default) and all(map(_alike, value, default))
    return type(value) is type(default)
