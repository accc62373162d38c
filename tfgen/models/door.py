"""The door of a model: what `fit` is given becomes batches by name, once it is known to be the model's."""

import functools
import itertools
import math
import re

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from tfgen.errors import InputError
from tfgen.layers import BatchNormalization, MinibatchDiscrimination


def named(model, given):
    """{name of a field: part} of what is given: a dict, a tuple in the order of the fields, or one part.

    Raises:
        InputError: other names, or more or fewer parts.
    """
    fields = model.fields
    if isinstance(given, (tuple, list)):  # Keras sends (x, y, sample_weight)
        given = [part for part in given if part is not None]
        given = given[0] if len(given) == 1 else given
    if isinstance(given, dict):
        if set(given) == set(fields):
            return {name: given[name] for name in fields}
        parts = ", ".join(given)
    else:
        parts = given if isinstance(given, list) else [given]
        if len(parts) == len(fields):
            return dict(zip(fields, parts))
        parts = ", ".join(map(_described, parts))
    raise _wrong_batch(model, parts)


def _described(part):
    return f"{getattr(part, 'shape', type(part).__name__)} {getattr(getattr(part, 'dtype', ''), 'name', '')}"


def _wrong_batch(model, received):
    specs = [field.spec(name) for name, field in model.fields.items()]
    wanted = ", ".join(f"{spec.name} {spec.shape} {spec.dtype.name}" for spec in specs)
    remedy = (
        "" if len(specs) > 1 or "," not in received else "; it trains without labels: give the images alone"
    )
    return InputError(
        f"{type(model).__name__} expects a batch of {wanted}; received {received.strip()}{remedy}"
    )


def batch_of(model, given):
    """A batch by name, tensors as the fields prepare them; raises an InputError for another batch."""
    parts = {name: tf.convert_to_tensor(part) for name, part in named(model, given).items()}
    if not all(field.takes(parts[name]) for name, field in model.fields.items()):
        raise _wrong_batch(model, ", ".join(map(_described, parts.values())))
    return {name: field.prepared(parts[name]) for name, field in model.fields.items()}


# What `fit` is given as a whole.


def received(model, x, y=None, batch_size=32, updates=True, share=1.0):
    """What Keras' `fit` shall be given for x and y: arrays by name, or batches that are checked.

    Arrays are looked at here. A tf.data.Dataset, a PyDataset or a generator is returned with a check of
    every batch; `error_of` understands a dataset's complaint.

    Args:
        batch_size: of arrays.
        updates: whether the model learns from it.
        share: of arrays, what is not kept for validation.
    """
    alone = updates and _takes_no_single(model)
    if isinstance(x, tf.data.Dataset):
        return _watched(model, x, alone)
    if isinstance(x, keras.utils.PyDataset):
        return _WatchedSequence(model, x)
    if hasattr(x, "__next__"):
        return ((_arrays(model, batch),) for batch in x)  # Keras takes tuples
    arrays = _arrays(model, x if y is None else (*tree.flatten(x), y))
    n = math.floor(len(next(iter(arrays.values()))) * share)  # the rest validates
    if alone and 1 in (min(batch_size, n), n % batch_size):
        raise _single(model)
    return arrays


def first(model, x, batch_size, examples):
    """(the first batch by name, x to go on with); of `examples` examples or the few more that end a batch."""
    if isinstance(x, dict):
        rows = examples or batch_size
        return batch_of(model, {name: tf.constant(part[:rows]) for name, part in x.items()}), x
    if isinstance(x, keras.utils.PyDataset):
        batches = iter([x[0]])
    elif isinstance(x, tf.data.Dataset):
        batches = iter(x)
    else:
        begun = next(x)
        batches, x = iter([begun]), (batch for batch in itertools.chain([begun], x))  # Keras knows no chain
    taken = []
    for batch in batches:
        taken.append(batch_of(model, tree.map_structure(tf.convert_to_tensor, batch)))
        if not examples or sum(len(tree.flatten(one)[0]) for one in taken) >= examples:
            break
    return {name: tf.concat([one[name] for one in taken], axis=0) for name in model.fields}, x


def _arrays(model, given):
    owner = type(model).__name__
    parts = named(model, given)
    arrays = {}
    for name, field in model.fields.items():
        part = parts[name]
        array = arrays[name] = field.received(np.asarray(part), name, owner)
        if not tf.TensorShape((None, *field.shape)).is_compatible_with(array.shape):
            raise _wrong_batch(model, ", ".join(map(_described, map(np.asarray, parts.values()))))
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        raise InputError(
            f"{owner} takes as many of each part; received "
            + ", ".join(f"{count} {name}" for name, count in counts.items())
        )
    return arrays


class _WatchedSequence(keras.utils.PyDataset):
    def __init__(self, model, source):
        options = (source.workers, source.use_multiprocessing, source.max_queue_size)
        super().__init__(*options)
        self.model, self.source = model, source

    def __len__(self):
        return len(self.source)

    def __getitem__(self, index):
        return (_arrays(self.model, self.source[index]),)

    def on_epoch_end(self):
        self.source.on_epoch_end()


def _watched(model, dataset, alone):
    element = dataset.element_spec
    try:
        parts = named(model, element)
    except InputError:
        return dataset  # the first step says what is wrong
    looked_at = [
        (name, field)  # not the model: a dataset may outlive it
        for name, field in model.fields.items()
        if isinstance(parts[name], tf.TensorSpec) and field.looked_at(parts[name].dtype)
    ]
    if not (looked_at or alone):
        return dataset
    owner = type(model).__name__
    names = tree.pack_sequence_as(element, list(range(len(tree.flatten(element)))))
    places = {name: place for name, place in named(model, names).items()}

    @tf.autograph.experimental.do_not_convert
    def check(*batch):
        batch = batch[0] if not isinstance(element, tuple) else batch
        parts = tree.flatten(batch)
        for name, field in looked_at:
            part = parts[places[name]]
            lowest, highest = field.ends(part)
            good = tf.logical_not(field.foreign(lowest, highest))
            tf.debugging.Assert(good, [f"part {name}", lowest, highest])

            def say(name=name, field=field):
                tf.numpy_function(functools.partial(field.warn, name, owner), [], [])
                return True

            tf.cond(tf.convert_to_tensor(field.doubtful(part, lowest)), say, lambda: False)
        if alone:
            size = tf.shape(parts[0])[0]
            tf.debugging.Assert(size != 1, ["part batch", size, size])
        return batch

    return dataset.map(check, tf.data.AUTOTUNE)


def error_of(error, model):
    """The InputError for what a dataset's check raised; None for an error that is not its own."""
    match = re.search(r"assertion failed: \[part (\w+)\] \[(\S+)\] \[(\S+)\]", str(error))
    if match is None:
        return None
    name, lowest, highest = match[1], float(match[2]), float(match[3])
    if name == "batch":
        return _single(model)
    if name == "devices":
        return InputError(
            f"{type(model).__name__} needs an example for each device in every batch; received a batch of "
            f"{lowest:g}; omit the last batch (drop_remainder=True), or use fewer devices"
        )
    return model.fields[name].error(lowest, highest, name, type(model).__name__)


def several_classes(model, arrays):
    """Raises an InputError if the labels of a whole training, given as arrays, are of one class."""
    labels = arrays.get("labels")
    if labels is not None and labels.dtype.kind == "i" and len(labels) > 1 and np.ptp(labels) == 0:
        raise InputError(
            f"{type(model).__name__} tells {model.classes} classes apart; received labels that are "
            f"all {labels[0]}; give images of several classes, or train a model without labels"
        )


def _takes_no_single(model):
    """Why a batch of one teaches nothing, "" where it does: minus its own mean, an example is 0."""
    found = [x for x in model._flatten_layers() if x.trainable]
    if any(isinstance(x, BatchNormalization) and x.single for x in found):
        return "normalises over the batch, which leaves nothing of a single example"
    if any(isinstance(x, MinibatchDiscrimination) for x in found):
        return "compares the examples of a batch, and a single one has none beside it"
    return ""


def _single(model):
    return InputError(
        f"{type(model).__name__} {_takes_no_single(model)}; "
        f"received a batch of 1; choose another batch size, or omit the last batch (drop_remainder=True)"
    )
