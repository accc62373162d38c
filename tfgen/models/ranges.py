"""Whether the images and labels given to `fit` are the model's, said before they spoil a training."""

import math
import re

import numpy as np
import tensorflow as tf

from tfgen.errors import InputError
from tfgen.layers import BatchNormalization

SLACK = 1e-3  # resizing and rounding may leave the range of images by so much


def checked(x, model, y=None, sizes=()):
    """What `fit` received as x, once the images, and the labels, are known to be the model's.

    Arrays and tensors are looked at here. A tf.data.Dataset is returned with a check of every batch,
    which runs beside the training; `error_of` understands its complaint. The images' bytes need none.

    Args:
        y: labels, where x is images.
        sizes: of the batches in which the model is updated; None if it is not.
    """
    specs = tf.nest.flatten(model.data_spec)
    kinds = [_kind(spec) for spec in specs]
    alone = sizes is not None and _takes_no_single(model)
    if not isinstance(x, tf.data.Dataset):
        for kind, part in zip(kinds, tf.nest.flatten(x if y is None else (x, y))):
            if _is_array(part):
                part = np.asarray(part)
                if part.size and _looked_at(kind, part.dtype):
                    lowest, highest = float(part.min()), float(part.max())  # NaN if there is one
                    if _foreign(kind, lowest, highest, *_limits(kind, model)):
                        raise _error(kind, lowest, highest, model)
        if alone and 1 in sizes:
            raise _error("batch", 1, 1, model)
        return x
    given = tf.nest.flatten(x.element_spec)
    watched = [
        (i, kind, _limits(kind, model))  # not the model: a dataset may outlive it
        for i, (kind, part) in enumerate(zip(kinds, given))
        if isinstance(part, tf.TensorSpec) and _looked_at(kind, part.dtype.as_numpy_dtype)
    ]
    if not (watched or alone) or len(given) != len(specs):
        return x
    element = x.element_spec

    @tf.autograph.experimental.do_not_convert
    def check(*batch):
        parts = tf.nest.flatten(batch)
        for i, kind, limits in watched:
            ends = tf.reduce_min(parts[i]), tf.reduce_max(parts[i])
            lowest, highest = (tf.cast(end, tf.float32) for end in ends)
            tf.debugging.Assert(~_foreign(kind, lowest, highest, *limits), [kind, lowest, highest])
        if alone:
            size = tf.shape(parts[0])[0]
            tf.debugging.Assert(size != 1, ["batch", size, size])
        return tf.nest.pack_sequence_as(element, parts)

    return x.map(check, tf.data.AUTOTUNE)


def sizes(x, batch_size, share=1.0):
    """Of the batches that `fit` makes of the first `share` of arrays; () of what brings its own."""
    if isinstance(x, tf.data.Dataset):
        return ()
    n = next((len(part) for part in tf.nest.flatten(x) if _is_array(part)), 0)
    n = math.floor(n * share)  # the rest validates
    return {min(batch_size, n), n % batch_size}


def check_several(x, model, y=None):
    """Arrays of a whole training, once their labels are known to be of more than one class."""
    specs = tf.nest.flatten(model.data_spec)
    for spec, part in zip(specs, tf.nest.flatten(x if y is None else (x, y))):
        if _kind(spec) == "labels" and spec.dtype.is_integer and _is_array(part):
            found = np.unique(np.asarray(part))
            if len(part) > 1 and len(found) == 1:
                raise InputError(
                    f"{type(model).__name__} tells {model.classes} classes apart; received labels that are "
                    f"all {found[0]}; give images of several classes, or train a model without labels"
                )


def error_of(error, model):
    """The InputError for what a dataset's check raised; None for an error that is not its own."""
    found = re.search(r"assertion failed: \[(images|labels|batch)\] \[(\S+)\] \[(\S+)\]", str(error))
    return _error(found[1], float(found[2]), float(found[3]), model) if found else None


def _is_array(x):
    return isinstance(x, np.ndarray) or tf.is_tensor(x)


def _kind(spec):
    if spec.shape.rank > 2 and spec.dtype == tf.float32:
        return "images"
    return "labels" if spec.name == "labels" else None


def _looked_at(kind, dtype):
    floating, integer = (np.issubdtype(dtype, each) for each in (np.floating, np.integer))
    return kind is not None and (floating or (kind == "labels" and integer))


def _limits(kind, model):
    if kind == "labels":
        return 0, model.classes - 1 if model.classes else 1  # attributes
    return model.value_range


def _foreign(kind, lowest, highest, low, high):
    """Whether what goes from lowest to highest, numbers or tensors, is of another range."""
    if kind == "labels":
        return tf.logical_not((lowest >= low) & (highest <= high))
    inside = (lowest >= low - SLACK) & (highest <= high + SLACK)  # NaN is not
    # No byte becomes 0 in [-1, 1], so a smallest value of 0 is the black of images in [0, 1].
    unscaled = (low < 0) & (lowest >= 0) & (lowest <= SLACK) & (highest > SLACK)
    return tf.logical_not(inside) | unscaled


def _takes_no_single(model):
    """Whether a batch of one example would be normalised to nothing: minus its own mean, it is 0."""
    return any(
        isinstance(x, BatchNormalization) and x.single and x.trainable for x in model._flatten_layers()
    )


def _error(kind, lowest, highest, model):
    name = type(model).__name__
    if kind == "batch":
        return InputError(
            f"{name} normalises over the batch, which leaves nothing of a single example; received a batch "
            f"of 1; choose another batch size, or leave the last batch away (drop_remainder=True)"
        )
    if np.isnan(lowest):
        return InputError(f"the {kind} hold NaN; remove or repair those that do")
    low, high = _limits(kind, model)
    if kind == "labels":
        remedy = "give 1 for an attribute that is there, 0 for one that is not"
        if model.classes:
            remedy = "number the classes from 0"
            if highest > high and "classes" in vars(model):  # else it cannot have others
                remedy += f", or build the model with classes={highest + 1:.0f}"
        return InputError(
            f"labels of {name} lie in {low}..{high}; received {lowest:g} to {highest:g}; {remedy}"
        )
    return InputError(
        f"{name} takes images in [{low:g}, {high:g}]; received {lowest:g} to {highest:g}; "
        f"scale them, give bytes 0..255 as uint8, or use tfgen.data.load(..., for_model=model)"
    )
