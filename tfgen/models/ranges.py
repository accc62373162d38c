"""Whether the images given to `fit` lie in the model's value range, said before they spoil a training."""

import re

import numpy as np
import tensorflow as tf

from tfgen.errors import InputError

SLACK = 1e-3  # resizing and rounding may leave the range by so much


def checked(x, model):
    """What `fit` received, once its images are known to be the model's.

    Arrays and tensors are looked at here. A tf.data.Dataset is returned with a check of every batch,
    which runs beside the training; `error_of` understands its complaint. Bytes need none.
    """
    specs = tf.nest.flatten(model.data_spec)
    if not isinstance(x, tf.data.Dataset):
        for spec, part in zip(specs, tf.nest.flatten(x)):
            if isinstance(part, np.ndarray) or tf.is_tensor(part):
                part = np.asarray(part)
                if _image(spec) and part.size and np.issubdtype(part.dtype, np.floating):
                    lowest, highest = float(part.min()), float(part.max())  # NaN if there is one
                    if _foreign(lowest, highest, *model.value_range):
                        raise _error(lowest, highest, model)
        return x
    given = tf.nest.flatten(x.element_spec)
    watched = [
        i
        for i, (spec, part) in enumerate(zip(specs, given))
        if _image(spec) and isinstance(part, tf.TensorSpec) and part.dtype.is_floating
    ]
    if not watched or len(given) != len(specs):
        return x
    element, value_range = x.element_spec, model.value_range  # not the model: a dataset may outlive it

    @tf.autograph.experimental.do_not_convert
    def check(*batch):
        parts = tf.nest.flatten(batch)
        for i in watched:
            lowest, highest = tf.reduce_min(parts[i]), tf.reduce_max(parts[i])
            tf.debugging.Assert(~_foreign(lowest, highest, *value_range), ["images", lowest, highest])
        return tf.nest.pack_sequence_as(element, parts)

    return x.map(check, tf.data.AUTOTUNE)


def error_of(error, model):
    """The InputError for what a dataset's check raised; None for an error that is not its own."""
    found = re.search(r"assertion failed: \[images\] \[(\S+)\] \[(\S+)\]", str(error))
    return _error(float(found[1]), float(found[2]), model) if found else None


def _image(spec):
    return spec.shape.rank > 2 and spec.dtype == tf.float32


def _foreign(lowest, highest, low, high):
    """Whether images from lowest to highest, numbers or tensors, are of another range."""
    inside = (lowest >= low - SLACK) & (highest <= high + SLACK)  # NaN is not
    # No byte becomes 0 in [-1, 1], so a smallest value of 0 is the black of images in [0, 1].
    unscaled = (low < 0) & (lowest >= 0) & (lowest <= SLACK) & (highest > SLACK)
    return tf.logical_not(inside) | unscaled


def _error(lowest, highest, model):
    if np.isnan(lowest):
        return InputError("the images hold NaN; remove or repair those that do")
    low, high = model.value_range
    return InputError(
        f"{type(model).__name__} takes images in [{low:g}, {high:g}]; received {lowest:g} to {highest:g}; "
        f"scale them, give bytes 0..255 as uint8, or use tfgen.data.load(..., for_model=model)"
    )
