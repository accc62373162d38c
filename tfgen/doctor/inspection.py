"""Looks into a model of games between its training steps that leave no trace in it."""

import contextlib

import tensorflow as tf
from keras import tree


def first(data, n):
    """The first n examples of training data, as `fit` takes it."""
    if not isinstance(data, tf.data.Dataset):
        return tree.map_structure(lambda x: tf.convert_to_tensor(x[:n]), data)
    batches, have = [], 0
    for batch in data:
        batches.append(tree.flatten(batch))
        have += len(batches[-1][0])
        if have >= n:
            break
    parts = [tf.concat(part, 0)[:n] for part in zip(*batches)]
    return tree.pack_sequence_as(data.element_spec, parts)


def networks(model):
    """{attribute: network} of those that learn, the generators first."""
    learning = {id(net) for objective in model.objectives().values() for net in objective.networks}
    found = {name: value for name, value in vars(model).items() if id(value) in learning}
    first = [game.generator for game in model.games()]
    return {name: found[name] for name in first if name in found} | found


@contextlib.contextmanager
def kept(model):
    """What a training pass moves in passing (batch statistics, vectors of norms) is put back."""
    values = [(v, v.numpy()) for v in model.non_trainable_variables]
    try:
        yield
    finally:
        for variable, value in values:
            variable.assign(value)


@contextlib.contextmanager
def listening(model, outputs):
    """Notes (layer, its largest output) of every layer that is called, in order."""
    leaves = [
        (f"the outputs of {name}'s {layer.name}", layer)
        for name, network in networks(model).items()
        for layer in network._flatten_layers()
        if not layer._layers
    ]

    def heard(at, call):
        def listen(*args, **kwargs):
            result = call(*args, **kwargs)
            outputs.extend((at, float(tf.reduce_max(tf.abs(x)))) for x in tree.flatten(result))
            return result

        return listen

    own = [vars(layer).get("call") for _, layer in leaves]
    for at, layer in leaves:
        layer.call = heard(at, layer.call)
    try:
        yield
    finally:
        for (_, layer), call in zip(leaves, own):
            if call is None:
                del layer.call
            else:
                layer.call = call
