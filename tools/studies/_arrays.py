"""A data set whole, for studies that choose among its examples, and functions of all of it."""

import numpy as np

from tfgen import data


def arrays(name, split, data_dir, image_shape=None, labels=True):
    """(images, labels) of a split in its own order: bytes (n, h, w, c), and labels as of `data.load`."""
    batches = data.load(
        name, split, image_shape=image_shape, labels=labels, batch_size=500, shuffle=False,
        drop_remainder=False, data_dir=data_dir, download=data_dir is None,
    )  # fmt: skip
    return tuple(map(np.concatenate, zip(*batches.as_numpy_iterator())))


def in_parts(function, *arrays):
    """A function of rows on all of them, 250 at a time."""
    parts = [function(*(a[i : i + 250] for a in arrays)) for i in range(0, len(arrays[0]), 250)]
    return np.concatenate([np.asarray(part) for part in parts])
