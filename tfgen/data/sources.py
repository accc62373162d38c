"""Where images come from. Each kind gives examples by number, in the order of a key.

A source has `count`; `shapes`, {name: (h, w, c)} of the images that an example has, with None where
examples differ; `shape`, that of "images"; `labelled`; `attributes`, names of what its labels say in [0, 1],
() if they are classes; `classes`, how many, None if it is not known; and

    class_names         of the classes, () where they have none
    numbers             whether its labels are numbers, as energies, float32 (n,)
    captions            the text of each example in its own order, [str or bytes or int (k,)]; None where it
                        has none
    places              boxes or points of each example in its own order, (count, k, 4 or 3); or None
    graded              whether its attributes have values between 0 and 1, too
    fixations           where people looked at each example, [(k, 2)] in its own order: row and column as
                        shares of the size; None where it does not say so
    examples(key)       a tf.data.Dataset of index or (index, record), in the order of `key`; None keeps it
    read(fit, *batch)   (images, labels) of a batch of examples: images as `fit(parts, index)` makes them of
                        an example's, uint8 (n, H, W, C) each (of points float32 in [-1, 1]), as many at
                        once as can be; and int32 (n,) of classes, float32 (n, a) of attributes, float32 (n,)
                        of numbers, or None.
                        The index of the same example in the r-th repetition is r * count more.
"""

import functools
import math
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.data import images as ops
from tfgen.errors import InputError

CHECKED = 10_000  # a folder of at most so many images is checked whole
SAMPLED = 1_000  # of a larger one, so many
WINDOW = 10_000  # examples that a stream shuffles at a time
MEMORY = 2**28  # bytes; a TFDS set up to this size is decoded once and kept
PAIR = ("inputs", "images")

plain = tf.autograph.experimental.do_not_convert  # nothing here needs it, and it takes its time


@functools.partial(
    tf.function,  # traced once, and not for every data set anew
    input_signature=[tf.TensorSpec((2,), tf.uint32), tf.TensorSpec((None,), tf.int32)],
    autograph=False,
)
def permutation(key, index):
    """An order of the examples numbered `index` (consecutive), int32."""
    words = random.bits(key, (tf.size(index), 1), first_row=index[0])[:, 0]
    return tf.gather(index, tf.argsort(tf.cast(words, tf.int64), stable=True))


def numbers(count, key):
    """A tf.data.Dataset of the numbers of examples that lie in memory, in the order of `key`."""
    if key is None:
        return tf.data.Dataset.range(count, output_type=tf.int32)
    return tf.data.Dataset.from_tensor_slices(permutation(key, tf.range(count)))


def repeated(source, key, rows):
    """The first `rows` examples of a source that begins again, in a new order each time."""
    if rows == source.count:
        return source.examples(key)

    @plain
    def again(number):
        def shifted(index, *record):
            index += number * source.count
            return (index, *record) if record else index

        order = None if key is None else random.fold_in(key, number)
        return source.examples(order).map(plain(shifted))

    times = tf.data.Dataset.range(math.ceil(rows / source.count), output_type=tf.int32)
    return times.flat_map(again).take(rows)


class Source:
    """What most sources are: plain images without labels."""

    labelled, classes, attributes, class_names, numbers = False, None, (), (), False
    fixations = captions = places = None
    graded = False
    example = "pair"  # what several files of an example are

    @property
    def shapes(self):
        return {"images": self.shape}

    @property
    def shape(self):
        return self.shapes["images"]

    @property
    def members(self):
        """The sources that are read, each with an order of its own: {name of its images: source}."""
        return {"images": self}


class Arrays(Source):
    """Images in memory: uint8 (n, h, w, c), and labels int32 (n,), float32 (n, a) or (n,), or None.

    Args:
        channels: {name: how many} of the images that are stacked on the channel axis.
        captions, places: the text of each, and boxes or points.
    """

    def __init__(
        self, images, labels=None, classes=None, attributes=(), channels=None, captions=None, places=None
    ):
        with tf.device("CPU"):
            self.images = tf.constant(images)
            self.labels = None if labels is None else tf.constant(labels)
        self.classes, self.attributes = classes, attributes
        self.channels = channels or {"images": self.images.shape[-1]}
        self.captions, self.places = captions, places
        self.count = len(images)
        self.labelled = labels is not None
        self.numbers = self.labelled and self.labels.dtype.is_floating and self.labels.shape.rank == 1
        self.graded = bool(attributes) and not np.isin(labels, (0, 1)).all()

    @property
    def shapes(self):
        return {name: (*self.images.shape[1:-1], count) for name, count in self.channels.items()}

    def examples(self, key):
        return numbers(self.count, key)

    def read(self, fit, index):
        row = index % self.count
        labels = tf.gather(self.labels, row) if self.labelled else None
        parts = tf.split(tf.gather(self.images, row), list(self.channels.values()), axis=-1)
        return fit(parts, index), labels


class Fixed(Arrays):
    """Images that are taken as they are: volumes, bytes (n, d, h, w, c), and measured values, float32.

    Attributes:
        kind: the word for them.
        measured: (the least, the greatest value), float32, or None of bytes.
    """

    def __init__(self, images, *args, **kwargs):
        super().__init__(images, *args, **kwargs)
        self.kind = "volumes" if self.images.shape.rank == 5 else "images"
        self.measured = None
        if self.images.dtype.is_floating:
            self.measured = float(images.min()), float(images.max())

    def read(self, fit, index):
        return super().read(lambda parts, _: parts[0], index)


class Files(Source):
    """Image files, which are read when their turn comes.

    Args:
        paths: for each of `names`, the files of all examples.
        captions: the text of each example.
    """

    def __init__(self, paths, labels=None, class_names=(), names=("images",), captions=None):
        self.paths, self.names, self.captions = paths, names, captions
        with tf.device("CPU"):
            self.table = tf.constant(paths)
            self.labels = None if labels is None else tf.constant(labels, tf.int32)
        self.count = len(paths[0])
        self.labelled, self.classes, self.class_names = labels is not None, len(class_names), class_names
        self._tried = np.zeros((len(paths), self.count), bool)
        self._for_tensorflow = np.zeros((len(paths), self.count), bool)

    @functools.cached_property
    def headers(self):
        """Shapes and modes of the files: {name: [((h, w, c), mode)]}, of a sample of a large folder.

        Finds files that are no images before they are needed, images of one pixel, and pairs of two sizes.
        """
        step = 1 if self.count <= CHECKED else self.count // SAMPLED
        found = {name: list(map(ops.header, each[::step])) for name, each in zip(self.names, self.paths)}
        for paths, kinds in zip(self.paths, found.values()):
            for path, (shape, _) in zip(paths[::step], kinds):
                if shape[:2] == (1, 1):
                    raise InputError(f"{path} is an image of one pixel, which shows nothing; remove it")
        for row, kinds in enumerate(zip(*found.values())):
            if len({shape[:2] for shape, _ in kinds}) > 1:
                sizes = " and ".join(f"{h}x{w}" for (h, w, _), _ in kinds)
                raise InputError(
                    f"the images of the {self.example} {self.paths[-1][row * step]} differ in size: {sizes} "
                    f"(height x width); resize one of them"
                )
        return found

    @property
    def shapes(self):
        def common(kinds):
            return tuple(each.pop() if len(each) == 1 else None for each in map(set, zip(*kinds)))

        return {name: common(shape for shape, _ in found) for name, found in self.headers.items()}

    def examples(self, key):
        return numbers(self.count, key)

    def _who_decodes(self, index):
        """Whether TensorFlow decodes the files of examples, (n, files of an example).

        It could not name one that is damaged, so each file is tried when its first turn comes.
        """
        rows = index % self.count
        for column, row in zip(*np.nonzero(~self._tried[:, rows])):
            path, row = self.paths[column][rows[row]], rows[row]
            try:
                contents = Path(path).read_bytes()
            except OSError as error:
                raise ops.unreadable(path, error) from None
            self._for_tensorflow[column, row] = ops.for_tensorflow(contents, path)
            self._tried[column, row] = True
        return self._for_tensorflow[:, rows].T

    def read(self, fit, index):
        def one(example):
            number, by_tensorflow = example
            parts = []
            for column in range(len(self.paths)):
                path = self.table[column, number % self.count]
                parts.append(ops.decode(tf.io.read_file(path), path, by_tensorflow[column])[None])
            return fit(parts, number[None])[0]

        who = tf.numpy_function(self._who_decodes, [index], tf.bool)
        who.set_shape((index.shape[0], len(self.paths)))
        labels = tf.gather(self.labels, index % self.count) if self.labelled else None
        return tf.map_fn(one, (index, who), fn_output_signature=tf.uint8), labels


class Records(Source):
    """A prepared TFDS set, read one record after another; shuffled in windows of 10,000 records.

    Args:
        features: the names of its images: one, or of a pair the inputs' and the images'.
        only: (attribute, 0 or 1), of the records that are wanted; None for all.
    """

    def __init__(self, builder, split, features=("image",), only=None):
        import tensorflow_datasets as tfds

        every = dict(builder.info.features)
        for name in features:
            image = every.get(name)
            if not isinstance(image, tfds.features.Image) or image.np_dtype != np.uint8:
                raise InputError(
                    f"the TFDS set {builder.name} has no 8-bit images {name!r}, but {', '.join(every)}; "
                    f"take them by tfds.load and give arrays"
                )
        label = every.get("label")
        integer = label is not None and label.shape == () and np.issubdtype(label.np_dtype, np.integer)
        named = every.get("attributes")
        named = dict(named) if isinstance(named, tfds.features.FeaturesDict) else {}
        binary = all(part.shape == () and part.tf_dtype is tf.bool for part in named.values())
        self.attributes = tuple(sorted(named)) if binary and not integer else ()
        self.labelled = bool(integer or self.attributes)
        self.classes = getattr(label, "num_classes", None) if integer else None
        self.class_names = tuple(getattr(label, "names", ())) if integer else ()
        self.features = features
        names = PAIR if len(features) == 2 else ("images",)
        self._shapes = {name: every[feature].shape for name, feature in zip(names, features)}
        wanted = dict.fromkeys(features, True)
        if integer:
            wanted["label"] = True
        if self.attributes:
            wanted["attributes"] = dict.fromkeys(self.attributes, True)
        self.records = builder.as_dataset(
            split=split,
            decoders=tfds.decode.PartialDecoding(wanted, {f: tfds.decode.SkipDecoding() for f in features}),
            read_config=tfds.ReadConfig(try_autocache=False, skip_prefetch=True),
        )
        self.count = builder.info.splits[split].num_examples
        self._told = {
            name: (builder, split)
            for name, kind in every.items()
            if only is None and (name == "fixations" or _is_caption(name, kind))
        }
        if only is not None:
            name, value = only
            self.records = self.records.filter(plain(lambda r: r["attributes"][name] == bool(value)))
            self.count = sum(1 for _ in self.records)

    @property
    def shapes(self):
        return self._shapes

    @functools.cached_property
    def fixations(self):
        return self._all("fixations")

    @functools.cached_property
    def captions(self):
        return self._all("caption")

    def _all(self, feature):
        """What all records say of a feature, in their own order; None where they do not have it."""
        if feature not in self._told:
            return None
        import tensorflow_datasets as tfds

        builder, split = self._told[feature]
        told = builder.as_dataset(split=split, decoders=tfds.decode.PartialDecoding({feature: True}))
        return [record[feature] for record in told.as_numpy_iterator()]

    @property
    def bytes(self):
        """How much its images take when they are decoded."""
        shapes = self.shapes.values()
        return math.inf if any(None in s for s in shapes) else self.count * sum(map(math.prod, shapes))

    @functools.cached_property
    def decoded(self):
        return in_memory(self, self.shapes)

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
            number, *contents = example
            parts = []
            for part, shape in zip(contents, self.shapes.values()):
                image = tf.io.decode_image(part, channels=shape[-1] or 0, expand_animations=False)
                parts.append(tf.ensure_shape(image, shape)[None])
            return fit(parts, number[None])[0]

        labels = None
        if self.attributes:
            labels = tf.stack([record["attributes"][name] for name in self.attributes], axis=-1)
            labels = tf.cast(labels, tf.float32)
        elif self.labelled:
            labels = tf.cast(record["label"], tf.int32)
        contents = [record[feature] for feature in self.features]
        return tf.map_fn(one, (index, *contents), fn_output_signature=tf.uint8), labels


def _is_caption(name, feature):
    return name == "caption" and feature.shape == () and feature.np_dtype in (object, str, bytes)


class Halves(Source):
    """Pairs that lie side by side in one image, of `source`.

    Args:
        inputs: which half the inputs are, "left" or "right".
    """

    def __init__(self, source, inputs):
        self.source, self.inputs = source, inputs
        self.count, self.labelled, self.classes = source.count, source.labelled, source.classes
        self.attributes, self.class_names = source.attributes, source.class_names

    @property
    def shapes(self):
        height, width, channels = self.source.shape
        if isinstance(self.source, Files):
            narrow = [shape for shape, _ in self.source.headers["images"] if shape[1] < 2]
        else:
            narrow = [self.source.shape] if width == 1 else []
        if narrow:
            raise InputError(
                f"of a pair side by side each has a pixel at least; received an image of {narrow[0][0]}x1 "
                f"(height x width)"
            )
        return dict.fromkeys(PAIR, (height, width and width // 2, channels))

    def examples(self, key):
        return self.source.examples(key)

    def read(self, fit, *batch):
        def halved(parts, index):
            (image,) = parts
            half = tf.shape(image)[2] // 2
            halves = image[:, :, :half], image[:, :, -half:]
            return fit(halves if self.inputs == "left" else halves[::-1], index)

        return self.source.read(halved, *batch)


class Some(Source):
    """The examples `rows` of a source whose examples are read by number; with their labels if `labelled`."""

    def __init__(self, source, rows, labelled=False):
        self.source, self.count, self.labelled = source, len(rows), labelled
        self.classes, self.attributes = source.classes, source.attributes
        self.class_names, self.numbers = source.class_names, source.numbers
        with tf.device("CPU"):
            self.rows = tf.constant(rows, tf.int32)

    @property
    def shapes(self):
        return self.source.shapes

    def examples(self, key):
        return numbers(self.count, key)

    def read(self, fit, index):
        again = index // self.count * self.source.count
        return self.source.read(fit, tf.gather(self.rows, index % self.count) + again)


class Domains(Source):
    """Two sources whose examples have nothing to do with each other; an epoch is as long as the larger."""

    def __init__(self, a, b):
        self.a, self.b = a, b
        self.count = max(a.count, b.count)

    @property
    def shapes(self):
        return {"images_a": self.a.shape, "images_b": self.b.shape}

    @property
    def shape(self):
        return self.a.shape

    @property
    def members(self):
        return {"images_a": self.a, "images_b": self.b}


class HalfLabelled(Source):
    """Images with labels, and others without; an epoch is as long as the more of them."""

    labelled = True

    def __init__(self, with_labels, unlabelled):
        self.with_labels, self.unlabelled = with_labels, unlabelled
        self.count = max(with_labels.count, unlabelled.count)
        self.classes, self.attributes = with_labels.classes, with_labels.attributes
        self.class_names, self.numbers = with_labels.class_names, with_labels.numbers

    @property
    def shapes(self):
        return {"images": self.with_labels.shape, "unlabelled": self.unlabelled.shape}

    @property
    def members(self):
        return {"images": self.with_labels, "unlabelled": self.unlabelled}


def in_memory(source, shapes, resample="triangle"):
    """The images of a source, fitted to `shapes`, {name: (h, w, c)}, as `Arrays`."""
    if any(None in shape for shape in shapes.values()):
        raise InputError("cache keeps one crop of each image; these differ in size, so use crop='center'")
    channels = {name: shape[2] for name, shape in shapes.items()}
    size = next(iter(shapes.values()))[:2]

    @plain
    def read(*batch):
        def fit(parts, index):
            return ops.fit(ops.stack(parts, channels.values()), size, resample=resample)

        images, labels = source.read(fit, *batch)
        return images, *([labels] if source.labelled else [])

    batches = source.examples(None).batch(256).map(read, tf.data.AUTOTUNE, deterministic=True)
    labels = (
        np.empty((source.count, len(source.attributes)), np.float32)
        if source.attributes
        else np.empty(source.count, np.int32)
    )
    arrays = np.empty((source.count, *size, sum(channels.values())), np.uint8), labels
    row = 0
    for batch in batches.as_numpy_iterator():
        for array, part in zip(arrays, batch):
            array[row : row + len(part)] = part
        row += len(batch[0])
    labels = labels if source.labelled else None
    return Arrays(arrays[0], labels, source.classes, source.attributes, channels)
