"""Which labels a batch has: classes, int32 (n,) from 0, attributes, float32 (n, a) of 0 and 1, or numbers,
float32 (n,).

`labels`, of `tfgen.data.load`, is True for all that the source has, the name of an attribute, which
becomes the classes 0 and 1, or several names, in the order that they shall have.
"""

import tensorflow as tf

from tfgen.errors import InputError, unknown
from tfgen.fields import Classes, Vector


def counts(source, origin, labels, name="labels"):
    """{"classes": how many, "attributes": how many} of the labels chosen; 0 for what they are not.

    None where a source does not tell how many classes it has.

    Args:
        name: as for `checked`.
    """
    if not source.labelled:
        give = "(images, labels)" if name == "labels" else "labels_a beside images_a"
        raise InputError(f"labels are wanted, but {origin} has none; give {give}, or class folders")
    if source.numbers:
        return {"classes": 0, "attributes": 0}
    if labels is True:
        return {"classes": 0 if source.attributes else source.classes, "attributes": len(source.attributes)}
    names = [labels] if isinstance(labels, str) else labels
    if not (isinstance(names, (list, tuple)) and names and all(isinstance(name, str) for name in names)):
        raise InputError(
            f"labels must be None, True, False, an attribute's name or a tuple of names; received {labels!r}"
        )
    if not source.attributes:
        raise InputError(f"{origin} has classes, no attributes; labels must be None, True or False")
    for name in names:
        if name not in source.attributes:
            raise unknown(f"attribute of {origin}", name, source.attributes)
    one = isinstance(labels, str)
    if one and source.graded:
        raise InputError(
            f"classes are made of an attribute of 0 and 1; {labels} of {origin} has values between; give "
            f"labels=({labels!r},)"
        )
    return {"classes": 2 if one else 0, "attributes": 0 if one else len(names)}


def checked(source, origin, model, labels, name="labels"):
    """`labels` with True or False for None, once they are known to fit `model`, which may be None.

    Args:
        name: the model's field that takes them: "labels", or "labels_a" where `source` is its first domain.
    """
    field = None if model is None else model.fields.get(name)
    if labels is None:
        labels = source.labelled if model is None else field is not None
    if labels is False:
        return False
    have = counts(source, origin, labels, name)
    if field is None:
        return labels
    if isinstance(field, Vector):
        count = have["attributes"]
        if field.shape and (count,) != field.shape:
            said = f"{count} attributes" if count else "a number each" if source.numbers else "classes"
            remedy = f"build the model with attributes={count}" if count else f"give {field.shape[0]} names"
            raise InputError(
                f"{type(model).__name__} takes {field.shape[0]} numbers as labels; those of {origin} are "
                f"{said}; {remedy}"
            )
        if count and not field.shape:
            raise InputError(
                f"{type(model).__name__} takes numbers as labels; those of {origin} are attributes"
            )
        return labels
    if source.graded and not isinstance(field, Classes):
        raise InputError(
            f"{type(model).__name__} takes attributes of 0 and 1; those of {origin} have values between"
        )
    kind, need = "attributes" if have["attributes"] else "classes", field.count
    if isinstance(field, Classes):
        needed = "classes"
        fits = kind == needed and (have[kind] or 0) <= need and not source.numbers
        other = f"name one, as labels={source.attributes[0]!r}" if source.attributes else ""
    else:
        needed = "attributes"
        fits = have[needed] == need
        other = f"give {need} names as labels" if source.attributes else f"give 0 and 1 of shape (n, {need})"
    if not fits:
        said = "numbers" if source.numbers else f"{have[kind] or 'some'} {kind}"
        remedy = f"build the model with {kind}={have[kind]}" if kind == needed else other
        raise InputError(
            f"{type(model).__name__} has {need} {needed}, but the labels of {origin} are {said}; {remedy}"
        )
    return labels


def choose(source, values, labels):
    """Of a source's `values`, (n,) or (n, a), those that `labels`, not False, names."""
    if labels is True:
        return values
    if isinstance(labels, str):
        return tf.cast(values[:, source.attributes.index(labels)], tf.int32)
    return tf.gather(values, [source.attributes.index(name) for name in labels], axis=1)
