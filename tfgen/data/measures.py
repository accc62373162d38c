"""Labels that are measured of the images: how light a photograph is, how red, how colourful.

lightness     the mean L of CIE Lab, from black to white
redness       the mean a, from green to red
yellowness    the mean b, from blue to yellow
saturation    the mean of 1 - min / max of red, green and blue, from grey to colour
contrast      the standard deviation of L

A label is the share of the images of the split train that have less: 0.9 is lighter than nine tenths of them.
"""

import functools

import numpy as np
import tensorflow as tf

from tfgen import colour
from tfgen.data import images as ops
from tfgen.data.sources import MEMORY, Fixed, Records, Source, plain
from tfgen.errors import InputError, unknown

SIZE = (32, 32)  # to which an image is fitted to be measured
BATCH = 256


def _saturation(rgb, lab):
    least, greatest = tf.reduce_min(rgb, axis=-1), tf.reduce_max(rgb, axis=-1)
    return tf.reduce_mean(tf.math.divide_no_nan(greatest - least, greatest), axis=(1, 2))  # black has none


MEASURES = {  # functions of batches (n, h, w, 3): sRGB in [0, 1], and Lab
    "lightness": lambda rgb, lab: tf.reduce_mean(lab[..., 0], axis=(1, 2)),
    "redness": lambda rgb, lab: tf.reduce_mean(lab[..., 1], axis=(1, 2)),
    "yellowness": lambda rgb, lab: tf.reduce_mean(lab[..., 2], axis=(1, 2)),
    "saturation": _saturation,
    "contrast": lambda rgb, lab: tf.math.reduce_std(lab[..., 0], axis=(1, 2)),
}


def named(labels):
    """`labels`, of `tfgen.data.load`, with several names as a tuple, also where they are a text with commas,
    as from the command line, and the name of a measure as a tuple of one."""
    if isinstance(labels, str) and ("," in labels or labels in MEASURES):
        return tuple(name.strip() for name in labels.split(","))
    return labels


def measure(images, names):
    """What is measured of images, bytes (n, h, w, 1 or 3): float32 (n, len(names)), in its own units.

    Args:
        names: of MEASURES.

    Raises:
        InputError: an unknown name.
    """
    for name in names:
        if name not in MEASURES:
            raise unknown("measure", name, list(MEASURES))
    parts = [np.empty((0, len(names)), np.float32)]
    for start in range(0, len(images), BATCH):
        some = ops.stack([ops.fit(tf.constant(images[start : start + BATCH]), SIZE)], [3])
        rgb = tf.cast(some, tf.float32) / 255
        lab = colour.lab_of(rgb)
        parts.append(np.stack([MEASURES[name](rgb, lab) for name in names], axis=1))
    return np.concatenate(parts)


def ranked(values, among):
    """The share of `among` (m, a) that is less than each of `values` (n, a), between them in a straight line:
    float32 (n, a) in [0, 1]."""
    shares = np.linspace(0, 1, len(among))
    return np.stack(
        [np.interp(own, np.sort(all_), shares) for own, all_ in zip(values.T, among.T)], axis=1
    ).astype(np.float32)


class Measured(Source):
    """The images of a source, labelled by what is measured of them; its own labels are left aside.

    Args:
        source: of pictures, which are read by number.
        names: of MEASURES.
        train: train() is the source of which the labels are shares.
    """

    labelled, graded = True, True

    def __init__(self, source, names, train):
        self.source = source.decoded if isinstance(source, Records) else source
        self.count, self.attributes, self._train = source.count, tuple(names), train
        self.captions, self.places = source.captions, source.places

    @property
    def shapes(self):
        return self.source.shapes

    @functools.cached_property
    def labels(self):
        """Float32 (count, a) in [0, 1]."""
        with tf.init_scope():  # a batch may be the first to ask, within a graph
            values = [_values(source, self.attributes) for source in (self.source, self._train())]
            return tf.constant(ranked(*values))

    def examples(self, key):
        return self.source.examples(key)

    def read(self, fit, *batch):
        images, _ = self.source.read(fit, *batch)
        return images, tf.gather(self.labels, batch[0] % self.count)


def _values(source, names):
    """What is measured of the images of all examples, (count, a)."""
    source = source.decoded if isinstance(source, Records) else source
    place = list(source.shapes).index("images")

    def seen(parts, index):
        return ops.fit(ops.stack([parts[place]], [3]), SIZE)

    batches = source.examples(None).batch(BATCH)
    batches = batches.map(plain(lambda *batch: source.read(seen, *batch)[0]), tf.data.AUTOTUNE)
    return np.concatenate([measure(images, names) for images in batches.as_numpy_iterator()])


def measured(source, labels, reopened):
    """The source, labelled by measures where `labels` names some that are not attributes of its own.

    Args:
        labels: as in `tfgen.data.load`.
        reopened: reopened(split) is the source of another split.

    Raises:
        InputError: measures beside other names, or of what are no pictures.
    """
    names = named(labels)
    if (
        not isinstance(names, (tuple, list))
        or not set(names) & set(MEASURES)
        or set(names) <= set(source.attributes)
    ):
        return source
    for name in names:
        if name not in MEASURES:
            raise InputError(
                f"labels are measured, or those of the source; received {', '.join(names)}; choose of "
                f"{', '.join(MEASURES)} alone"
            )
    if list(source.members) != ["images"] or isinstance(source, Fixed):
        raise InputError(f"{', '.join(names)} are measured of pictures; omit labels={','.join(names)}")
    if isinstance(source, Records) and source.bytes > MEMORY:
        raise InputError(
            f"{', '.join(names)} are measured of images of one size that fit into {MEMORY >> 20} MiB; give a "
            f"part of the split, as train[:1000]"
        )

    def train():
        try:
            return reopened("train")
        except InputError:  # it has no such split
            return source

    return Measured(source, names, train)
