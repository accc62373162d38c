"""What every metric asks of its features before it counts anything."""

import numpy as np

from tfgen.errors import InputError


def features(array, name, least):
    """`array` as a float64 matrix (n, d) of finite numbers with n >= least, or an `InputError`."""
    array = np.asarray(array)
    if array.ndim != 2 or array.shape[1] == 0 or array.dtype.kind not in "fiu":
        raise InputError(
            f"expected {name} features as real numbers of shape (n, d); received shape "
            f"{array.shape} {array.dtype}"
        )
    if len(array) < least:
        raise InputError(f"expected at least {least} {name} features; received {len(array)}")
    array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        raise InputError(f"expected finite {name} features; received NaN or infinity")
    return array


def pair(real, fake, least):
    """Both sets of features, checked, with one dimension."""
    real, fake = features(real, "real", least), features(fake, "generated", least)
    if real.shape[1] != fake.shape[1]:
        raise InputError(
            f"expected features of one extractor; received {real.shape[1]} real and "
            f"{fake.shape[1]} generated dimensions"
        )
    return real, fake


def seed(value):
    """Raises an `InputError` unless `value` is a seed for NumPy's generators: an integer of at least 0."""
    if not isinstance(value, (int, np.integer)) or value < 0:
        raise InputError(f"expected a seed, an integer of at least 0; received {value!r}")


def images(model, array):
    """Images (n, h, w, c), n >= 1, as the model's networks take them: bytes scaled, float32 in `value_range`.

    Raises:
        InputError: another shape, NaN, values of another range.
    """
    field, name = model.fields["images"], type(model).__name__
    array = field.received(array, "images", name)
    if array.ndim != 1 + len(field.shape) or array.shape[1:] != tuple(field.shape) or not len(array):
        raise InputError(
            f"{name} takes images (n, {', '.join(map(str, field.shape))}), n >= 1; received {array.shape}"
        )
    return field.prepared(array).numpy()
