"""A model's weights by name, so that files do not depend on the order in which a model made them."""

import hashlib
import re

import keras

COUNTERS = re.compile(r"step|asked|\w+_updates")  # of calls and steps, no part of what it has learnt


def named(model):
    """{name: variable} of all weights of a model.

    A network's weights are named ATTRIBUTE/LAYER/VARIABLE, as "generator/dense/kernel"; layers of one kind
    are numbered within their network, for Keras numbers them through the whole process. Those of the copy
    that follows a network are "averages/" and the network's. A weight of the model itself has its own name.
    """
    result, known = {}, set()

    def add(prefix, network):
        names = _Names(prefix)
        for variable in network.weights:
            if id(variable) not in known:
                known.add(id(variable))
                result[names.of(_path(variable, network))] = variable

    for attribute, value in sorted(vars(model).items()):
        if not attribute.startswith("_") and attribute != "averages":
            for prefix, layer in _layers(attribute, value):
                add(prefix, layer)
    names = {id(variable): name for name, variable in result.items()}
    for attribute, copy in model.averages.items():
        for variable, average in zip(getattr(model, attribute).weights, copy.weights):
            known.add(id(average))
            result[f"averages/{names[id(variable)]}"] = average
    add("", model)
    return result


def assign(model, arrays, where):
    """Gives weights the values {name: array}; what is not named stays.

    Raises:
        InputError: a name or a shape that the model does not have.
    """
    from tfgen.errors import InputError

    variables = named(model)
    for name, array in arrays.items():
        if name not in variables or tuple(variables[name].shape) != array.shape:
            raise InputError(
                f"{where} has weights {name!r} of shape {array.shape}, which {type(model).__name__} of this "
                f"tfgen has not; make it anew from its run"
            )
    for name, array in arrays.items():
        variables[name].assign(array)


def digest(weights):
    """SHA-256 of weights {name: variable} but counters: it tells whether two models have learnt the same."""
    result = hashlib.sha256()
    for name, variable in sorted(weights.items()):
        if not COUNTERS.fullmatch(name):
            result.update(name.encode())
            result.update(variable.numpy().tobytes())
    return result.hexdigest()


def _layers(name, value):
    """(name, layer) of an attribute that is a layer, or a list or dict of layers."""
    if isinstance(value, keras.layers.Layer):
        yield name, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _layers(f"{name}/{key}", one)
    elif isinstance(value, (list, tuple)):
        for number, one in enumerate(value):
            yield from _layers(f"{name}/{number}", one)


def _path(variable, network):
    parts = variable.path.split("/")
    return parts[1:] if len(parts) > 1 and parts[0] == network.name else parts


class _Names:
    """Paths with layers of one kind numbered from 0, by parent; no name is given twice."""

    def __init__(self, prefix):
        self._prefix = [prefix] if prefix else []
        self._numbers, self._given = {}, set()

    def of(self, path):
        *layers, variable = path
        done = []
        for layer in layers:
            kind = re.sub(r"_\d+$", "", layer)
            seen = self._numbers.setdefault((*done, kind), {})
            number = seen.setdefault(layer, len(seen))
            done.append(f"{kind}_{number}" if number else kind)
        name = whole = "/".join([*self._prefix, *done, variable])
        count = 0
        while name in self._given:
            count += 1
            name = f"{whole}_{count}"
        self._given.add(name)
        return name
