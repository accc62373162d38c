"""Where images come from. Each kind gives examples by number, in the order of a key.

A source has `count`; `shape` (h, w, c), None where examples differ; `labelled`; `attributes`, names of
what its labels say by 0 and 1, () if they are classes; `classes`, how many, None if it is not known; and

    class_names         of the classes, () where they have none
    examples(key)       a tf.data.Dataset of tuples (index, ...) in the order of `key`; None keeps the order
    read(fit, *batch)   (images, labels) of a batch of examples: uint8 (n, h, w, c), or of points float32
                        in [-1, 1]; and int32 (n,) of classes, float32 (n, a) of attributes, or None;
                        `fit(images, index)` gives images their final shape, as many at once as can be
"""

import functools
import math

import numpy as np
import tensorflow as tf
from PIL import Image

from tfgen import random
from tfgen.data.images import GREY_MODES, decode, fit
from tfgen.errors import InputError

CHECKED = 10_000  # a folder of at most so many images is checked whole
SAMPLED = 1_000  # of a larger one, so many
WINDOW = 10_000  # examples that a stream shuffles at a time

plain = tf.autograph.experimental.do_not_convert  # nothing here needs it, and it takes its time


def permutation(key, index):
    """An order of the examples numbered `index` (consecutive), int32."""
    words = random.bits(key, (tf.size(index), 1), first_row=index[0])[:, 0]
    return tf.gather(index, tf.argsort(tf.cast(words, tf.int64), stable=True))


def numbers(count, key):
    """A tf.data.Dataset of the numbers of examples that lie in memory, in the order of `key`."""
    if key is None:
        return tf.data.Dataset.range(count, output_type=tf.int32)
    return tf.data.Dataset.from_tensor_slices(permutation(key, tf.range(count)))


class Arrays:
    """Images in memory: uint8 (n, h, w, c), and labels int32 (n,), float32 (n, a) or None."""

    class_names = ()

    def __init__(self, images, labels=None, classes=None, attributes=()):
        with tf.device("CPU"):
            self.images = tf.constant(images)
            self.labels = None if labels is None else tf.constant(labels)
        self.classes, self.attributes = classes, attributes
        self.count, *shape = self.images.shape
        self.shape = tuple(shape)
        self.labelled = labels is not None

    def examples(self, key):
        return numbers(self.count, key)

    def read(self, fit, index):
        labels = tf.gather(self.labels, index) if self.labelled else None
        return fit(tf.gather(self.images, index), index), labels


class Files:
    """Image files, which are read when their turn comes."""

    attributes = ()

    def __init__(self, paths, labels=None, class_names=()):
        self.names = paths
        with tf.device("CPU"):
            self.paths = tf.constant(paths)
            self.labels = None if labels is None else tf.constant(labels, tf.int32)
        self.count = len(paths)
        self.labelled, self.classes, self.class_names = labels is not None, len(class_names), class_names

    @functools.cached_property
    def shape(self):
        """From the headers, which finds files that are no images before they are needed."""
        kinds = set()
        step = 1 if self.count <= CHECKED else self.count // SAMPLED
        for path in self.names[::step]:
            try:
                with Image.open(path) as image:
                    grey = image.mode in GREY_MODES
                    kinds.add((image.height, image.width, 1 if grey else 3))
            except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
                raise InputError(f"cannot read the image {path}: {error}; repair or remove it") from None
        return tuple(sizes.pop() if len(sizes) == 1 else None for sizes in map(set, zip(*kinds)))

    def examples(self, key):
        return numbers(self.count, key)

    def read(self, fit, index):
        def one(number):
            path = self.paths[number]
            return fit(decode(tf.io.read_file(path), path)[None], number[None])[0]

        labels = tf.gather(self.labels, index) if self.labelled else None
        return tf.map_fn(one, index, fn_output_signature=tf.uint8), labels


class Records:
    """A prepared TFDS set, read one record after another; shuffled in windows of 10,000 records."""

    def __init__(self, builder, split):
        import tensorflow_datasets as tfds

        features = dict(builder.info.features)
        image, label = features.get("image"), features.get("label")
        if not isinstance(image, tfds.features.Image) or image.np_dtype != np.uint8:
            raise InputError(
                f"the TFDS set {builder.name} has no 8-bit images 'image', but {', '.join(features)}; "
                f"take them by tfds.load and give arrays"
            )
        integer = label is not None and label.shape == () and np.issubdtype(label.np_dtype, np.integer)
        named = features.get("attributes")
        named = dict(named) if isinstance(named, tfds.features.FeaturesDict) else {}
        binary = all(part.shape == () and part.tf_dtype is tf.bool for part in named.values())
        self.attributes = tuple(sorted(named)) if binary and not integer else ()
        self.labelled = bool(integer or self.attributes)
        self.classes = getattr(label, "num_classes", None) if integer else None
        self.class_names = tuple(getattr(label, "names", ())) if integer else ()
        self.count = builder.info.splits[split].num_examples
        self.shape = image.shape
        wanted = {"image": True, "label": True} if integer else {"image": True}
        if self.attributes:
            wanted["attributes"] = dict.fromkeys(self.attributes, True)
        self.records = builder.as_dataset(
            split=split,
            decoders=tfds.decode.PartialDecoding(wanted, {"image": tfds.decode.SkipDecoding()}),
            read_config=tfds.ReadConfig(try_autocache=False, skip_prefetch=True),
        )

    @property
    def bytes(self):
        """How much its images take when they are decoded."""
        return math.inf if None in self.shape else self.count * math.prod(self.shape)

    @functools.cached_property
    def decoded(self):
        return in_memory(self, self.shape)

    def examples(self, key):
        numbers = tf.data.Dataset.range(self.count, output_type=tf.int32)
        records = tf.data.Dataset.zip(numbers, self.records)
        if key is None:
            return records

        @plain
        def mixed(index, record):
            order = permutation(key, index) - index[0]
            return tf.nest.map_structure(lambda part: tf.gather(part, order), (index, record))

        return records.batch(WINDOW).map(mixed).prefetch(1).unbatch()

    def read(self, fit, index, record):
        def one(example):
            number, contents = example
            image = tf.io.decode_image(contents, channels=self.shape[-1] or 0, expand_animations=False)
            return fit(tf.ensure_shape(image, self.shape)[None], number[None])[0]

        labels = None
        if self.attributes:
            labels = tf.stack([record["attributes"][name] for name in self.attributes], axis=-1)
            labels = tf.cast(labels, tf.float32)
        elif self.labelled:
            labels = tf.cast(record["label"], tf.int32)
        return tf.map_fn(one, (index, record["image"]), fn_output_signature=tf.uint8), labels


def in_memory(source, shape):
    """The images of a source, fitted to `shape`, as `Arrays`."""
    if None in shape:
        raise InputError("cache keeps one crop of each image; these differ in size, so use crop='center'")

    @plain
    def read(*batch):
        images, labels = source.read(lambda images, _: fit(images, shape), *batch)
        return images, *([labels] if source.labelled else [])

    batches = source.examples(None).batch(256).map(read, tf.data.AUTOTUNE, deterministic=True)
    labels = (
        np.empty((source.count, len(source.attributes)), np.float32)
        if source.attributes
        else np.empty(source.count, np.int32)
    )
    arrays = np.empty((source.count, *shape), np.uint8), labels
    row = 0
    for batch in batches.as_numpy_iterator():
        for array, part in zip(arrays, batch):
            array[row : row + len(part)] = part
        row += len(batch[0])
    return Arrays(arrays[0], labels if source.labelled else None, source.classes, source.attributes)
