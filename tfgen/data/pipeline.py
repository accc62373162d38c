"""`load`: batches that fit a model, in an order that is a function of seed and epoch."""

import math
import os

import tensorflow as tf

from tfgen import random
from tfgen.data import images as ops
from tfgen.data.labels import checked, choose
from tfgen.data.modes import Points
from tfgen.data.opening import open_source
from tfgen.data.sources import Domains, Records, in_memory, plain, repeated
from tfgen.errors import InputError, unknown

# Second words of the keys, which no model uses: order of examples, places of crops, ink of pixels, mirroring.
ORDER, PLACE, INK, MIRROR = 0xDA7A0001, 0xDA7A0002, 0xDA7A0003, 0xDA7A0004
DOMAINS = {"": (), "_a": (0xA,), "_b": (0xB,)}  # further words, of two domains
MEMORY = 2**28  # bytes; a TFDS set up to this size is decoded once and kept


def size(source, split="train", *, pair=None, domains=None, repeat=1, data_dir=None, download=True):
    """The number of examples of an epoch; arguments and errors as in `load`."""
    return repeat * open_source(source, split, data_dir, download, pair=pair, domains=domains).count


def attributes(source, split="train", *, data_dir=None, download=True):
    """The names of the attributes that label the images, a tuple in the order of the columns.

    Arguments and errors as in `load`. Those of arrays are called attribute_0 and so on; () for a
    source whose labels are classes, or that has none.
    """
    return open_source(source, split, data_dir, download).attributes


def whole(source, split="train", channels=3, *, data_dir=None, download=True):
    """The images of a split one after another in its own order, each of its own size: uint8 (h, w, channels).

    Arguments and errors as in `load`; channels are 1 or 3.
    """
    opened = open_source(source, split, data_dir, download)
    batches = opened.examples(None).batch(1)
    batches = batches.map(
        plain(lambda *batch: opened.read(lambda parts, index: ops.stack(parts, [channels]), *batch)[0])
    )
    for images in batches.as_numpy_iterator():
        yield images[0]


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
    pair=None,
    domains=None,
    flip=False,
    enlarge=1.0,
    repeat=1,
    resample="triangle",
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
            needed, upright as their EXIF says. If the images lie in subfolders, the first subfolder is
            the label, numbered by sorted name. Subfolders train, test and validation (training, testing,
            val; in small or capital letters) are splits. What is hidden and run folders are left out,
            and no folder is read twice. A name of a data set wins over a folder of that name, which is
            meant by "./digits" or "digits/".
        an .npz file, or a dict: arrays "images" and "labels" (or image, x; label, y, attributes),
            also by split: "train_image", "x_test"; of pairs "inputs" and "images", of two domains
            "images_a" (with "labels_a", if there are any) and "images_b".
        an array, or a tuple (images, labels): uint8, integers in 0..255, booleans, or floats in
            [0, 1] (rounded to 256 levels), shape (n, h, w) or (n, h, w, c). Labels are classes,
            whole numbers (n,) or (n, 1) from 0, or attributes (n, a), booleans or numbers 0 and 1.
        a name of TensorFlow Datasets as "fashion_mnist" or "cycle_gan/facades": its features
            'image' and, if integers, 'label', or else 'attributes', a dict of booleans, as of
            "celeb_a", in the order of their sorted names. Up to 256 MiB of decoded images of one size
            are kept in memory; larger sets are streamed, and shuffled in windows of 10,000 examples.
        "ring" and "grid": points of 8 Gaussians on a circle, and of 25 on a square lattice, whose numbers
            are the labels; 100,000 are "train", 10,000 "test". They have shape (1, 1, 2) and are floats
            in [-1, 1]: the coordinates of the literature divided by 2.5 and by 5.
        "stacked_mnist": three digits of TFDS's mnist as the channels, labels 100 a + 10 b + c; 128,000
            are "train", 26,000 "test", drawn once from the digits of that split.

    Images are resized until the shorter side fits, then cropped; grey is repeated to colour, colour
    weighted to grey, what is transparent laid on white; of 16 bits the upper eight are taken. They are
    bytes until the last step.

    A model that takes "inputs" beside "images" is given pairs, which are resized, cropped and mirrored
    as one image; one that takes "images_a" and "images_b" is given two domains, each in an order of its
    own: an epoch has as many examples as the larger, and the smaller begins again in a new order. Where it
    takes "labels_a" too, the first domain must have labels, and the second needs none.

    Args:
        split: in TFDS's grammar: "train", "test[:1000]", "train[80%:]", "train+test", "all".
            Arrays and folders without splits are "train".
        for_model: a model whose fields the batches have, each in its own range. Without one they
            are uint8 (points float32), of the images' own size, with the labels if there are any.
        batch_size: examples of a batch; under tf.distribute, of all devices together.
        image_shape: (h, w, c); without it, that of the model, or of the images.
        shuffle: whether each epoch has an order of its own; by default where `split` begins with "train".
        seed: an integer; of order, crops, mirroring and binarisation.
        epochs: a range: the dataset holds these epochs one after another, each a function of
            `seed` and its number, so that a resumed run sees what it would have seen. None: one
            epoch, another one in each iteration.
        binarize: None; "static": each value v of 0..255 is white with probability v / 255, drawn
            once; "dynamic": drawn anew in each epoch.
        crop: "center", or "random": at another place in each epoch.
        labels: whether to give labels; None leaves it to the model, or to the source. The name of an
            attribute, as "Smiling", gives it as a class 0 or 1; a tuple of names, as ("Smiling",
            "Male"), gives these attributes, in this order.
        pair: which two images are a pair's (inputs, images): ("left", "right") or ("right", "left") of
            images that lie side by side; two subfolders with the same file names, also below train
            and test; or two features of a TFDS set. By default the subfolders A and B, or the set's
            supervised keys if both are images.
        domains: the second domain: an attribute, whose absence is domain a and presence b; another
            source; or two names, of subfolders or of the ends of splits. By default ("A", "B"), as
            of the splits trainA and trainB, of which "train" means both.
        flip: whether to mirror half of the images of an epoch; where `shuffle` is on.
        enlarge: at least 1; more covers so many times the size before a crop at a random place, as
            286 / 256; where `shuffle` is on.
        repeat: how many times an epoch takes each image, each with a crop and mirroring of its own;
            where `shuffle` is on.
        resample: how images are resized: "triangle", antialiased; "nearest", which makes no new
            colours (of label maps); "never", but what is smaller than the crop.
        data_dir, download: where TFDS looks, and whether it may download.
        cache: whether to decode and resize all images once, into memory.
        drop_remainder: whether to leave out an epoch's last partial batch; by default as `shuffle`.
        dtype: with a model, "float32" in its `value_range`, or "uint8" for it to scale on the device.
            Points are float32 in its `value_range` in both.

    Returns:
        a tf.data.Dataset, whose length is known, of images (batch_size, h, w, c), or of tuples
        (images, labels), with int32 labels (batch_size,) of classes or float32 (batch_size, a)
        of attributes. Pairs and domains are dicts by name, as {"inputs": ..., "images": ...}.

    Raises:
        InputError: unknown names, unreadable files, values out of range, NaN, images of different
            sizes where no shape is given, labels that are missing or not the model's, fewer
            images than a batch.
    """
    for name, value, known in (
        ("crop", crop, ("center", "random")),
        ("binarize", binarize, (None, "static", "dynamic")),
        ("resample", resample, ("triangle", "nearest", "never")),
        ("dtype", dtype, ("float32", "uint8")),
    ):
        if value not in known:
            raise unknown(name, value, [str(choice) for choice in known])
    for name, value in (("batch_size", batch_size), ("repeat", repeat), ("enlarge", enlarge)):
        if value < 1:
            raise InputError(f"{name} must be at least 1; received {value}")
    if epochs is not None and not (isinstance(epochs, range) and len(epochs)):
        raise InputError(f"epochs must be a range, as range(0, 10), that is not empty; received {epochs!r}")
    origin = name_of(source)
    specs = specs_of(for_model)
    opening = {"names": list(specs), "pair": pair, "domains": domains}
    source = open_source(source, split, data_dir, download, **opening)
    shapes = shapes_of(source, origin, for_model, image_shape)
    of_domains = "labels_a" in specs
    label, labelled = ("labels_a", source.members["_a"]) if of_domains else ("labels", source)
    labels = checked(labelled, f"images_a of {origin}" if of_domains else origin, for_model, labels, label)
    shuffle = str(split).startswith("train") if shuffle is None else shuffle
    drop_remainder = shuffle if drop_remainder is None else drop_remainder
    count = source.count * (repeat if shuffle else 1)
    if drop_remainder and count < batch_size:
        raise InputError(
            f"{origin} has {count} images in {split!r}, fewer than a batch of {batch_size}; "
            f"give a batch_size of {count} or less"
        )
    points = isinstance(source, Points)
    if binarize and (points or list(shapes) != ["images"]):
        what = "points" if points else ", ".join(shapes)
        raise InputError(f"{origin} is {what}, which have no ink to binarize; omit binarize")
    random_crop = crop == "random" or (shuffle and enlarge > 1)
    members = {}
    for suffix, member in source.members.items():
        wanted = {name: shape for name, shape in shapes.items() if name.endswith(suffix)}
        if suffix:
            wanted = {"images": wanted["images" + suffix]}
        if isinstance(member, Records) and member.bytes <= MEMORY:
            member = member.decoded
        *inner, _ = next(iter(wanted.values()))
        enlarged = tuple(round(enlarge * side) for side in inner) if shuffle else tuple(inner)
        if cache and not points:  # they are in memory, and no bytes
            kept = {name: (*enlarged, shape[2]) for name, shape in wanted.items()}
            kept = {n: (*member.shapes[n][:2], kept[n][2]) for n in kept} if crop == "random" else kept
            member = in_memory(member, kept, resample)
        members[suffix] = member, wanted, tuple(inner), enlarged

    @plain
    def epoch(number):
        streams = [
            repeated(member, random.key(seed, ORDER, number, *DOMAINS[suffix]) if shuffle else None, count)
            for suffix, (member, *_) in members.items()
        ]
        batches = tf.data.Dataset.zip(tuple(streams)).batch(batch_size, drop_remainder)
        return batches.map(plain(lambda *batch: (number, *batch)))

    @plain
    def read(number, *rows):
        batch = {}
        for (suffix, (member, wanted, inner, enlarged)), row in zip(members.items(), rows):
            channels = [shape[2] for shape in wanted.values()]

            def fit(parts, index):
                def drawn(word, *shape):
                    return ops.uniform(random.key(seed, word, number, *DOMAINS[suffix]), index, shape)

                return ops.fit(
                    ops.stack(parts, channels),
                    inner,
                    drawn(PLACE, 2) if random_crop else None,
                    enlarged=enlarged,
                    mirror=drawn(MIRROR, 1)[:, 0] < 0.5 if flip and shuffle else None,
                    resample=resample,
                )

            row = row if isinstance(row, tuple) else (row,)
            images, values = member.read(fit, *row)
            images.set_shape((batch_size if drop_remainder else None, *inner, sum(channels)))
            if binarize:
                anew = binarize == "dynamic"
                ink = random.key(seed, INK, *([number] if anew else []))
                images = ops.binarize(images, ink, row[0] if anew else row[0] % member.count)
            for name, part in zip(wanted, tf.split(images, channels, axis=-1)):
                name += suffix
                if for_model is not None and (points or dtype == "float32") and name in specs:
                    part = ops.scale(part, for_model.fields[name])
                batch[name] = part
            if labels and label == f"labels{suffix}":
                batch[label] = choose(member, values, labels)
        if for_model is not None:
            batch = {name: batch[name] for name in [*specs, "labels"] if name in batch}
        if set(batch) <= {"images", "labels"}:
            return (batch["images"], batch["labels"]) if labels else batch["images"]
        return batch

    if epochs is None:
        numbers = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).take(1)
    else:
        numbers = tf.data.Dataset.range(epochs.start, epochs.stop, epochs.step)
    steps = count // batch_size if drop_remainder else math.ceil(count / batch_size)
    steps *= 1 if epochs is None else len(epochs)
    options = tf.data.Options()
    options.deterministic = True
    # Of each batch a worker takes its share of rows: files cannot be divided in this order.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    batches = numbers.flat_map(epoch).map(read, tf.data.AUTOTUNE, deterministic=True)
    batches = batches.apply(tf.data.experimental.assert_cardinality(steps))
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)


def name_of(source):
    """How a line calls a source."""
    return source if isinstance(source, (str, os.PathLike)) else f"the {type(source).__name__}"


def specs_of(model):
    """{name: TensorSpec} of what a model takes, in order; {} of None."""
    return {} if model is None else {name: field.spec(name) for name, field in model.fields.items()}


def _missing(source, origin, model, specs):
    """Refuses a model that takes what the source has not."""
    have = [*source.shapes, *(["labels"] if source.labelled else [])]
    for name in specs:
        if name in source.shapes or name in ("labels", "labels_a"):  # `checked` asks for labels
            continue
        hint = {"inputs": "; give pair=...", "images_a": "; give domains=..."}.get(name, "")
        raise InputError(
            f"{type(model).__name__} trains on {', '.join(specs)}; {origin} has {', '.join(have)}{hint}"
        )


def shapes_of(source, origin, model=None, image_shape=None):
    """{name: (h, w, c)} of the images of a batch, or the reason why there are none."""
    if image_shape is not None and (len(image_shape) != 3 or min(image_shape) < 1):
        raise InputError(f"image_shape must be (height, width, channels); received {image_shape}")
    specs = specs_of(model)
    _missing(source, origin, model, specs)
    shapes = {}
    for name, shape in source.shapes.items():  # of a folder: looks into the files
        needed = specs[name].shape[1:] if name in specs else (None, None, None)
        if image_shape is not None:
            # The channels of inputs are the model's matter, or their own.
            asked = (*image_shape[:2], (needed[2] or shape[2]) if name == "inputs" else image_shape[2])
            if name in specs and not needed.is_compatible_with(asked):
                raise InputError(f"image_shape is {image_shape}, but the model's {name} are {tuple(needed)}")
            shape = asked
        elif name == "inputs" and "inputs" not in specs and "images" in specs:
            shape = (*specs["images"].shape[1:3], shape[2])
        shape = tuple(want or have for want, have in zip(needed, shape))
        if None in shape[:2]:
            raise InputError(
                f"the images of {origin} have no size in common; give image_shape=(height, width, channels)"
            )
        if shape[2] is None:
            raise InputError(
                f"{origin} mixes grey and colour images; give image_shape=(height, width, 1 or 3)"
            )
        if isinstance(source, Points) and shape != source.shape:
            raise InputError(f"{origin} is points of shape {source.shape}; received image_shape={shape}")
        if shape[2] not in (source.shapes[name][2], 1, 3):
            raise InputError(f"cannot make images of {shape[2]} channels from {origin}; give 1 or 3")
        shapes[name] = shape
    if len({shape[:2] for shape in shapes.values()}) > 1 and not isinstance(source, Domains):
        raise InputError(f"a pair has one size; received {shapes}")
    return shapes
