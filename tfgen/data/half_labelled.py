"""Which images of a source keep their labels, where few have some."""

import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.data.labels import checked
from tfgen.data.sources import MEMORY, HalfLabelled, Records, Some, permutation
from tfgen.errors import InputError

CUT = 0xDA7A0005  # the second word of the key, which no model uses


def half_labelled(source, origin, model, count, labels, seed):
    """A source as `HalfLabelled`: arguments as in `tfgen.data.load`, of which `count` is `labelled`."""
    owner, field = type(model).__name__, None
    if model is not None:
        field = model.fields.get("labels")
        if "unlabelled" not in model.fields:
            raise InputError(
                f"labelled={count} leaves images without labels, and {owner} trains on "
                f"{', '.join(model.fields)}; omit labelled, or choose a model that takes unlabelled images"
            )
    if isinstance(source, HalfLabelled):
        if count is not None:
            raise InputError(f"{origin} has unlabelled images of its own; omit labelled")
        _classes_of(source.with_labels, origin, field, labels)
        return source
    if isinstance(source, Records) and source.bytes <= MEMORY:
        source = source.decoded
    labels = checked(source, origin, model, labels)
    if count is None:
        return HalfLabelled(source, source)
    if labels is False:
        raise InputError(f"labelled={count} is a number of labels; omit labels=False")
    values, classes = _classes_of(source, origin, field, labels)
    return HalfLabelled(Some(source, _drawn(values, classes, count, origin, seed), labelled=True), source)


def _classes_of(source, origin, field, labels):
    """(the class of each image, how many classes there are), none of which is without an image."""
    if getattr(source, "labels", None) is None or source.numbers:
        kind = "numbers" if source.numbers else "no labels that are known before the images are read"
        raise InputError(f"labelled images are of classes, and {origin} has {kind}; give arrays or a folder")
    values = np.asarray(source.labels)
    if isinstance(labels, str):
        values = values[:, source.attributes.index(labels)].astype(np.int64)
    if values.ndim != 1:
        raise InputError(
            f"labelled images are of classes, and those of {origin} have attributes; name one, as "
            f"labels={source.attributes[0]!r}"
        )
    classes = source.classes or int(values.max()) + 1 if field is None else field.count
    missing = sorted(set(range(classes)) - set(values.tolist()))
    if missing:
        raise InputError(
            f"each of {classes} classes needs a labelled image; {origin} has none of "
            f"{', '.join(map(str, missing[:6]))}{', ...' * (len(missing) > 6)}; number the classes from 0, "
            f"or build the model with as many as there are"
        )
    return values, classes


def _drawn(values, classes, count, origin, seed):
    """The numbers of `count` images, of each class as many, or one more."""
    if count > len(values):
        raise InputError(f"labelled={count} asks for more labels than there are; {origin} has {len(values)}")
    if count < classes:
        raise InputError(f"labelled={count} leaves classes without an image; give {classes} at least")
    key = random.key(seed, CUT)
    order = permutation(key, tf.range(len(values))).numpy()
    more = permutation(random.fold_in(key, 1), tf.range(classes)).numpy()[: count % classes]
    rows = []
    for label in range(classes):
        wanted = count // classes + (label in more)
        found = order[values[order] == label][:wanted]
        if len(found) < wanted:
            raise InputError(
                f"labelled={count} asks for {wanted} images of each class; {origin} has {len(found)} of "
                f"class {label}; give {classes * len(found)} or less"
            )
        rows.append(found)
    return np.sort(np.concatenate(rows))
