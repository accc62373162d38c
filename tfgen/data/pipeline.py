"""`load`: batches that fit a model, in an order that is a function of seed and epoch."""

import math
import os

import tensorflow as tf

from tfgen import random
from tfgen.data import images as ops
from tfgen.data.labels import checked, choose
from tfgen.data.modes import Points
from tfgen.data.opening import open_source
from tfgen.data.sources import Records, in_memory, plain
from tfgen.errors import InputError, unknown

# Second words of the keys, which no model uses: order of examples, places of crops, ink of pixels.
ORDER, PLACE, INK = 0xDA7A0001, 0xDA7A0002, 0xDA7A0003
MEMORY = 2**28  # bytes; a TFDS set up to this size is decoded once and kept


def size(source, split="train", *, data_dir=None, download=True):
    """The number of examples of a split; arguments and errors as in `load`."""
    return open_source(source, split, data_dir, download).count


def attributes(source, split="train", *, data_dir=None, download=True):
    """The names of the attributes that label the images, a tuple in the order of the columns.

    Arguments and errors as in `load`. Those of arrays are called attribute_0 and so on; () for a
    source whose labels are classes, or that has none.
    """
    return open_source(source, split, data_dir, download).attributes


def load(
    source,
    split="train",
    for_model=None,
    batch_size=64,
    *,
    image_shape=None,
    shuffle=None,
    seed=0,
    epochs=None,
    binarize=None,
    crop="center",
    labels=None,
    data_dir=None,
    download=True,
    cache=False,
    drop_remainder=None,
    dtype="float32",
):
    """Batches of images from `source`, as `for_model` wants them.

    Sources:
        "digits": scikit-learn's 1797 handwritten digits, 8x8 grey with labels 0 to 9; 1437 are
            "train" and 360 "test", by a fixed permutation. Levels 0..16 become 0..255.
        a folder of png, jpg, bmp, gif (first frame) or webp images of any size, read as they are
            needed. If every image lies in a subfolder, the first subfolder is its label, numbered
            by sorted name. Subfolders train, test, validation or val, and no others, are splits.
            An existing folder wins over a name but "digits".
        an .npz file, or a dict: arrays "images" and "labels" (or image, x; label, y, attributes),
            also by split: "train_image", "x_test".
        an array, or a tuple (images, labels): uint8, integers in 0..255, booleans, or floats in
            [0, 1] (rounded to 256 levels), shape (n, h, w) or (n, h, w, c). Labels are classes,
            integers (n,) from 0, or attributes (n, a), booleans or numbers 0 and 1.
        a name of TensorFlow Datasets as "fashion_mnist" or "cycle_gan/facades": its features
            'image' and, if integers, 'label', or else 'attributes', a dict of booleans, as of
            "celeb_a", in the order of their sorted names. Up to 256 MiB of decoded images of one size
            are kept in memory; larger sets are streamed, and shuffled in windows of 10,000 examples.
        "ring" and "grid": points of 8 Gaussians on a circle, and of 25 on a square lattice, whose numbers
            are the labels; 100,000 are "train", 10,000 "test". They have shape (1, 1, 2) and are floats
            in [-1, 1]: the coordinates of the literature divided by 2.5 and by 5.
        "stacked_mnist": three digits of TFDS's mnist as the channels, labels 100 a + 10 b + c; 128,000
            are "train", 26,000 "test", drawn once from the digits of that split.

    Images are resized (antialiased) until the shorter side fits, then cropped; grey is repeated to
    colour, colour weighted to grey, alpha dropped. They are bytes until the last step.

    Args:
        split: in TFDS's grammar: "train", "test[:1000]", "train[80%:]", "train+test", "all".
            Arrays and folders without splits are "train".
        for_model: a model whose `data_spec` and `value_range` the batches have. Without one they
            are uint8 (points float32), of the images' own size, with the labels if there are any.
        batch_size: examples of a batch; under tf.distribute, of all devices together.
        image_shape: (h, w, c); without it, that of the model, or of the images.
        shuffle: whether each epoch has an order of its own; by default where `split` begins with "train".
        seed: an integer; of order, crops and binarisation.
        epochs: a range: the dataset holds these epochs one after another, each a function of
            `seed` and its number, so that a resumed run sees what it would have seen. None: one
            epoch, another one in each iteration.
        binarize: None; "static": each value v of 0..255 is white with probability v / 255, drawn
            once; "dynamic": drawn anew in each epoch.
        crop: "center", or "random": at another place in each epoch.
        labels: whether to give labels; None leaves it to the model, or to the source. The name of an
            attribute, as "Smiling", gives it as a class 0 or 1; a tuple of names, as ("Smiling",
            "Male"), gives these attributes, in this order.
        data_dir, download: where TFDS looks, and whether it may download.
        cache: whether to decode and resize all images once, into memory.
        drop_remainder: whether to leave out an epoch's last partial batch; by default as `shuffle`.
        dtype: with a model, "float32" in its `value_range`, or "uint8" for it to scale on the device.
            Points are float32 in its `value_range` in both.

    Returns:
        a tf.data.Dataset, whose length is known, of images (batch_size, h, w, c), or of tuples
        (images, labels), with int32 labels (batch_size,) of classes or float32 (batch_size, a)
        of attributes.

    Raises:
        InputError: unknown names, unreadable files, values out of range, NaN, images of different
            sizes where no shape is given, labels that are missing or not the model's, fewer
            images than a batch.
    """
    for name, value, known in (
        ("crop", crop, ("center", "random")),
        ("binarize", binarize, (None, "static", "dynamic")),
        ("dtype", dtype, ("float32", "uint8")),
    ):
        if value not in known:
            raise unknown(name, value, [str(choice) for choice in known])
    if batch_size < 1:
        raise InputError(f"batch_size must be at least 1; received {batch_size}")
    if epochs is not None and not (isinstance(epochs, range) and len(epochs)):
        raise InputError(f"epochs must be a range, as range(0, 10), that is not empty; received {epochs!r}")
    origin = source if isinstance(source, (str, os.PathLike)) else f"the {type(source).__name__}"
    source = open_source(source, split, data_dir, download)
    shape = _wanted(source, origin, for_model, image_shape)
    labels = checked(source, origin, for_model, labels)
    shuffle = str(split).startswith("train") if shuffle is None else shuffle
    drop_remainder = shuffle if drop_remainder is None else drop_remainder
    if drop_remainder and source.count < batch_size:
        raise InputError(
            f"{origin} has {source.count} images in {split!r}, fewer than a batch of {batch_size}; "
            f"give a batch_size of {source.count} or less"
        )
    if isinstance(source, Records) and source.bytes <= MEMORY:
        source = source.decoded
    points = isinstance(source, Points)
    if points and binarize:
        raise InputError(f"{origin} is points, which have no ink to binarize; leave binarize away")
    if cache and not points:  # they are in memory, and no bytes
        source = in_memory(source, shape if crop == "center" else source.shape)

    @plain
    def epoch(number):
        key = random.key(seed, ORDER, number) if shuffle else None
        batches = source.examples(key).batch(batch_size, drop_remainder)
        return batches.map(plain(lambda *batch: (number, *batch)))

    @plain
    def read(number, index, *batch):
        def fit(images, index):
            place = None
            if crop == "random":
                place = ops.uniform(random.key(seed, PLACE, number), index, (2,))
            return ops.fit(images, shape, place)

        images, values = source.read(fit, index, *batch)
        images.set_shape((batch_size if drop_remainder else None, *shape))
        if binarize:
            ink = random.key(seed, INK, *([number] if binarize == "dynamic" else []))
            images = ops.binarize(images, ink, index)
        if for_model is not None and (points or dtype == "float32"):
            images = ops.scale(images, for_model.value_range)
        return (images, choose(source, values, labels)) if labels else images

    if epochs is None:
        numbers = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).take(1)
    else:
        numbers = tf.data.Dataset.range(epochs.start, epochs.stop, epochs.step)
    steps = source.count // batch_size if drop_remainder else math.ceil(source.count / batch_size)
    steps *= 1 if epochs is None else len(epochs)
    options = tf.data.Options()
    options.deterministic = True
    # Of each batch a worker takes its share of rows: files cannot be divided in this order.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    batches = numbers.flat_map(epoch).map(read, tf.data.AUTOTUNE, deterministic=True)
    batches = batches.apply(tf.data.experimental.assert_cardinality(steps))
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)


def _wanted(source, origin, model, image_shape):
    """The shape of the images, or the reason why they cannot be had."""
    shape = source.shape  # of a folder: looks into the files
    if model is not None:
        specs = tf.nest.flatten(model.data_spec)
        if [spec.name for spec in specs] not in (["images"], ["images", "labels"]):
            raise InputError(
                f"{type(model).__name__} trains on {', '.join(spec.name for spec in specs)}; "
                f"data.load gives images, or images and labels"
            )
        needed = specs[0].shape[1:]
        if image_shape is not None and not needed.is_compatible_with(image_shape):
            raise InputError(f"image_shape is {image_shape}, but the model's images are {tuple(needed)}")
        shape = tuple(want or have for want, have in zip(needed, shape))
    if image_shape is not None:
        if len(image_shape) != 3 or min(image_shape) < 1:
            raise InputError(f"image_shape must be (height, width, channels); received {image_shape}")
        shape = tuple(image_shape)
    if None in shape[:2]:
        raise InputError(
            f"the images of {origin} have no size in common; give image_shape=(height, width, channels)"
        )
    if shape[2] is None:
        raise InputError(f"{origin} mixes grey and colour images; give image_shape=(height, width, 1 or 3)")
    if isinstance(source, Points) and shape != source.shape:
        raise InputError(f"{origin} is points of shape {source.shape}; received image_shape={shape}")
    if shape[2] not in (source.shape[2], 1, 3):
        raise InputError(f"cannot make images of {shape[2]} channels from {origin}; 1 and 3 can be had")
    return shape
