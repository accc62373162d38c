"""`load`: batches that fit a model, in an order that is a function of seed and epoch."""

import dataclasses
import functools
import math
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.data import captions
from tfgen.data import images as ops
from tfgen.data.clips import Windows
from tfgen.data.fitting import fields_of, name_of, places_of, shapes_of, specs_of
from tfgen.data.half_labelled import half_labelled
from tfgen.data.labels import checked, choose
from tfgen.data.measures import named
from tfgen.data.modes import Points
from tfgen.data.opening import open_source
from tfgen.data.sentences import Sentences
from tfgen.data.sources import MEMORY, Fixed, Records, Source, in_memory, plain, repeated
from tfgen.data.tunes import Tunes
from tfgen.errors import InputError, unknown

if TYPE_CHECKING:
    from tfgen.models.base import GenerativeModel

# Second words of the keys, which no model uses: order of examples, places of crops, ink of pixels, mirroring.
ORDER, PLACE, INK, MIRROR = 0xDA7A0001, 0xDA7A0002, 0xDA7A0003, 0xDA7A0004
MEMBERS = {  # further words
    "images": (),
    "frames": (),
    "images_a": (0xA,),
    "images_b": (0xB,),
    "unlabelled": (0xC,),
}


def size(
    source: Any,
    split: str = "train",
    *,
    pair: str | tuple[str, str] | None = None,
    domains: str | tuple[str, str] | None = None,
    repeat: int = 1,
    data_dir: str | os.PathLike | None = None,
    download: bool = True,
) -> int:
    """The number of examples of an epoch; arguments and errors as in `load`."""
    return repeat * open_source(source, split, data_dir, download, pair=pair, domains=domains).count


def attributes(
    source: Any, split: str = "train", *, data_dir: str | os.PathLike | None = None, download: bool = True
) -> tuple[str, ...]:
    """The names of the attributes that label the images, a tuple in the order of the columns.

    Arguments and errors as in `load`. Those of arrays are called attribute_0 and so on; () for a
    source whose labels are classes, or that has none.
    """
    return open_source(source, split, data_dir, download).attributes


def whole(
    source: Any,
    split: str = "train",
    channels: int = 3,
    *,
    data_dir: str | os.PathLike | None = None,
    download: bool = True,
) -> Iterator[np.ndarray]:
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
    source: Any,
    split: str = "train",
    for_model: "GenerativeModel | None" = None,
    batch_size: int = 64,
    *,
    image_shape: tuple[int, int, int] | None = None,
    shuffle: bool | None = None,
    seed: int = 0,
    epochs: range | None = None,
    binarize: str | None = None,
    crop: str = "center",
    labels: bool | str | tuple[str, ...] | None = None,
    labelled: int | None = None,
    pair: str | tuple[str, str] | None = None,
    domains: Any = None,
    flip: bool = False,
    enlarge: float = 1.0,
    repeat: int = 1,
    resample: str = "triangle",
    data_dir: str | os.PathLike | None = None,
    download: bool = True,
    cache: bool = False,
    drop_remainder: bool | None = None,
    dtype: str = "float32",
) -> tf.data.Dataset:
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
            "images_a" (with "labels_a", if there are any) and "images_b"; beside images and labels
            "unlabelled"; beside images "captions", strings or rows of numbers, and "places", boxes
            (n, k, 4) of top, left, height and width, or points (n, k, 3) of y, x and visible, in [0, 1].
        an array, an .npy file, or a tuple (images, labels): uint8, integers in 0..255, booleans, or floats in
            [0, 1] (rounded to 256 levels), shape (n, h, w) or (n, h, w, c), or of volumes (n, d, h, w, c).
            Labels are classes, whole numbers (n,) or (n, 1) from 0, attributes (n, a), booleans or
            numbers 0 and 1, or for a model of numbers any, (n,). Floats above 1 are measured values, for a
            model that takes them in their unit, as GeV.
        clips, for a model of "frames": an .npz file, a dict or an array: each (n, h, w, c) is a clip of n
            consecutive frames, (n, t, h, w, c) are n clips; or a folder in which each folder of images is
            one. An example is a window of as many frames as the model takes; of a clip the last fifth
            is "test" (of an array of n clips, the last n / 5), if no name as "test_frames" or folder says so.
        "moving_digits": clips of 20 frames, 32x32 grey, of two of the digits, which move and bounce; 1000 are
            "train", 200 "test".
        a name of TensorFlow Datasets as "fashion_mnist" or "cycle_gan/facades": its features
            'image' and, if integers, 'label', or else 'attributes', a dict of booleans, as of
            "celeb_a", in the order of their sorted names. Up to 256 MiB of decoded images of one size
            are kept in memory; larger sets are streamed, and shuffled in windows of 10,000 examples.
        "ring" and "grid": points of 8 Gaussians on a circle, and of 25 on a square lattice, whose numbers
            are the labels; 100,000 are "train", 10,000 "test". They have shape (1, 1, 2) and are floats
            in [-1, 1]: the coordinates of the literature divided by 2.5 and by 5.
        "solids", "jets" and "showers": what a formula of `tfgen.data.formulas` draws, 4,000 are "train",
            1,000 "test": volumes, images in GeV of two classes, and images in GeV by an energy.
        a .mid file, or a folder of them, also in subfolders, of which train and test are splits; an .npz
            file or dict of "event", whole numbers (tones, 3 or more): since, length (24ths of a quarter
            note) and pitch, with "start", where pieces begin; or of "events", floats (n, tones, 4) as
            `tfgen.fields.Events`; and "scales": runs, arpeggios and chords that a formula writes, 400 pieces
            are "train", 100 "test". A batch has so many tones in a row of each piece as the model takes,
            in the middle, or with crop="random" at another place in each epoch; a piece that is shorter
            begins again, and lengths beyond the model's longest are cut.
        pairs of sentences, for a model of words: a .tsv file, a tab between the two of a line; a folder of
            text files train.en, train.de, test.en, ...; an .npz file or dict of such names, bytes of
            UTF-8 with a line each, or texts; two lists of texts; and "numerals": the numbers below 10,000 in
            English and German, 9,500 "train", 500 "test". Longer ones than the model takes are left out.
        "placed_digits": a digit of TFDS's mnist anywhere in 32x32 pixels, with the word for it as caption
            and its box as place; 20,000 are "train", 2,000 "test".
        "stacked_mnist": three digits of TFDS's mnist as the channels, labels 100 a + 10 b + c; 128,000
            are "train", 26,000 "test", drawn once from the digits of that split.

    Images are resized until the shorter side fits, then cropped; grey is repeated to colour, colour
    weighted to grey, what is transparent laid on white; of 16 bits the upper eight are taken. They are
    bytes until the last step. Volumes, points and measured values are taken as they are.

    A model that takes "inputs" beside "images" is given pairs, which are resized, cropped and mirrored
    as one image; one that takes "images_a" and "images_b" is given two domains, each in an order of its
    own: an epoch has as many examples as the larger, and the smaller begins again in a new order. Where it
    takes "labels_a" too, the first domain must have labels, and the second needs none.

    A model that takes "captions" is given the text of each image: of arrays "captions", of a TFDS set its
    text feature 'caption', of a folder what captions.tsv says in it, a line for each image: its name (from
    that folder on, as birds/1.png), a tab, its text. A text becomes the bytes of its ASCII characters in
    lower case, letters without their accents, cut or padded to the model's length.

    A model that takes "unlabelled" beside "images" and "labels" is given images with labels, of which there
    may be few (`labelled`), and others without, each in an order of its own, as of two domains. Of a source
    that has no unlabelled images of its own these are all its images, those with labels too.

    Args:
        split: in TFDS's grammar: "train", "test[:1000]", "train[80%:]", "train+test", "all".
            Arrays and folders without splits are "train".
        for_model: a model whose fields the batches have, each in its own range. Without one they
            are uint8 (points float32), of the images' own size, with the labels if there are any.
        batch_size: examples of a batch; under tf.distribute, of all devices together.
        image_shape: (h, w, c), or (tones, 4); without it, that of the model, or of the images.
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
            "Male"), gives these attributes, in this order. Names of `tfgen.data.measures`, as ("lightness",
            "saturation"), are measured of the images, in [0, 1].
        labelled: how many images keep their labels, drawn by `seed`, of each class as many, or one more.
            None: all of them.
        pair: which two images are a pair's (inputs, images): ("left", "right") or ("right", "left") of
            images that lie side by side; two subfolders with the same file names, also below train
            and test; or two features of a TFDS set. By default the subfolders A and B, or trainA and
            trainB with the same names, or the set's supervised keys if both are images.
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
        of attributes. Pairs, domains, captions and half-labelled images are dicts by name, as
        {"inputs": ..., "images": ...} or {"images": ..., "labels": ..., "unlabelled": ...}.

    Raises:
        InputError: unknown names, unreadable files, values out of range, NaN, images of different
            sizes where no shape is given, volumes of other sizes than the model's, labels that are
            missing or not the model's, captions that are missing or empty, fewer images than a batch, more
            labels asked than there are, classes without a labelled image.
    """
    _check(crop, binarize, resample, dtype, batch_size, repeat, enlarge, epochs)
    origin = name_of(source)
    opening = {"names": fields_of(for_model), "pair": pair, "domains": domains, "labels": labels}
    labels = named(labels)
    source = open_source(source, split, data_dir, download, **opening)
    if labelled is not None or "unlabelled" in specs_of(for_model):
        source = half_labelled(source, origin, for_model, labelled, labels, seed)
    shapes = shapes_of(source, origin, for_model, image_shape)
    of_domains = "labels_a" in specs_of(for_model)
    label, told = ("labels_a", source.members["images_a"]) if of_domains else ("labels", source)
    labels = checked(told, f"images_a of {origin}" if of_domains else origin, for_model, labels, label)
    shuffle = str(split).startswith("train") if shuffle is None else shuffle
    drop_remainder = shuffle if drop_remainder is None else drop_remainder
    count = source.count * (repeat if shuffle else 1)
    if drop_remainder and count < batch_size:
        raise InputError(
            f"{origin} has {count} images in {split!r}, fewer than a batch of {batch_size}; "
            f"give a batch_size of {count} or less"
        )
    points, music = isinstance(source, Points), isinstance(source, Tunes)
    spoken = isinstance(source, Sentences)
    fixed = music or spoken or isinstance(source, Fixed)
    if fixed and not points and (flip or enlarge > 1 or (crop == "random" and not music)):
        raise InputError(
            f"{origin} has {source.kind} that are taken as they are; omit flip, enlarge and crop"
        )
    if cache and isinstance(source, Windows):
        raise InputError(f"{origin} has clips, which are not cached; omit cache")
    if binarize and (points or music or list(shapes) != ["images"]):
        what = "points" if points else "tunes" if music else ", ".join(shapes)
        raise InputError(f"{origin} is {what}, which have no ink to binarize; omit binarize")
    beside, texts = {}, captions.wanted(for_model)
    if texts is not None:
        beside["captions"] = captions.numbers(source, origin, texts)
    if for_model is not None and "places" in for_model.fields:
        if flip or enlarge > 1 or crop == "random":
            raise InputError(f"{origin} has places in images as they are; omit flip, enlarge and crop")
        beside["places"] = places_of(source, origin, for_model)
    enlarge = enlarge if shuffle else 1
    kept = (crop, resample) if cache and not fixed else None  # those are in memory
    batches = _Batches(
        members=_members(source, shapes, enlarge, kept),
        model=for_model,
        label=label,
        labels=labels,
        beside=beside,
        count=count,
        rows=batch_size,
        whole=drop_remainder,
        shuffle=shuffle,
        seed=seed,
        random_crop=crop == "random" or enlarge > 1,
        flip=flip and shuffle,
        resample=resample,
        binarize=binarize,
        scaled=for_model is not None
        and (points or dtype == "float32")
        and not (music or spoken or getattr(source, "measured", None)),
    )
    return batches.dataset(epochs)


def _check(crop, binarize, resample, dtype, batch_size, repeat, enlarge, epochs):
    """Raises the InputError of an argument of `load` that is wrong by itself."""
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


@functools.cache
def _key_of(count):
    """`random.key` of a seed and words, so many int64 scalars: traced once, not for every data set anew."""
    words = [tf.TensorSpec((), tf.int64)] * count
    return tf.function(random.key, words, autograph=False)


class _Member(NamedTuple):
    """A source that is read in an order of its own.

    Attributes:
        shapes: {name: (h, w, c)} of an example's images.
        size, enlarged: (h, w) of these, and of what they are cropped from.
    """

    source: Source
    shapes: dict
    size: tuple
    enlarged: tuple


def _members(source, shapes, enlarge, kept):
    """{name: _Member} of a source; `kept`: (crop, resample) of images that are kept in memory, or None."""
    members = {}
    for key, member in source.members.items():
        wanted = {"images": shapes[key]}
        if len(source.members) == 1:
            wanted = shapes
        if isinstance(member, Records) and member.bytes <= MEMORY:
            member = member.decoded
        size = next(iter(wanted.values()))[:-1]
        size = size[1:] if isinstance(member, Windows) else size
        enlarged = tuple(round(enlarge * side) for side in size)
        if kept is not None:
            crop, resample = kept
            sizes = {n: member.shapes[n][:2] if crop == "random" else enlarged for n in wanted}
            member = in_memory(member, {n: (*sizes[n], wanted[n][2]) for n in wanted}, resample)
        members[key] = _Member(member, wanted, tuple(size), enlarged)
    return members


@dataclasses.dataclass(frozen=True)
class _Batches:
    """What `load` has settled, and how it makes batches of it.

    Attributes:
        members: {name of its images: _Member}.
        label: the name of the labels' field.
        beside: {name: of all examples, (count, ...)}, as captions and places.
        count, rows: examples of an epoch, and of a batch.
        whole: whether a last partial batch is left out.
        scaled: whether the model's fields have their own range, or bytes.
        model, labels, shuffle, seed, random_crop, flip, resample, binarize: as in `load`.
    """

    members: dict
    model: object
    label: str
    labels: object
    beside: dict
    count: int
    rows: int
    whole: bool
    shuffle: bool
    seed: int
    random_crop: bool
    flip: bool
    resample: str
    binarize: str | None
    scaled: bool

    def dataset(self, epochs):
        """The tf.data.Dataset of a range of epochs; None: one of a random number each time."""
        if epochs is None:
            numbers = tf.data.Dataset.random(self.seed, rerandomize_each_iteration=True).take(1)
        else:
            numbers = tf.data.Dataset.range(epochs.start, epochs.stop, epochs.step)
        steps = self.count // self.rows if self.whole else math.ceil(self.count / self.rows)
        steps *= 1 if epochs is None else len(epochs)
        options = tf.data.Options()
        options.deterministic = True
        # Of each batch a worker takes its share of rows: files cannot be divided in this order.
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
        batches = numbers.flat_map(plain(self._rows_of))
        batches = batches.map(plain(self._read), tf.data.AUTOTUNE, deterministic=True)
        batches = batches.apply(tf.data.experimental.assert_cardinality(steps))
        return batches.prefetch(tf.data.AUTOTUNE).with_options(options)

    def _key(self, member, word, number):
        seed = int(self.seed) % 2**64
        words = (seed - (seed >> 63 << 64), word, number, *MEMBERS[member])
        return _key_of(len(words))(*(tf.cast(one, tf.int64) for one in words))

    def _rows_of(self, number):
        """Batches (number of the epoch, what each member's source has of the examples)."""
        streams = [
            repeated(member.source, self._key(key, ORDER, number) if self.shuffle else None, self.count)
            for key, member in self.members.items()
        ]
        batches = tf.data.Dataset.zip(tuple(streams)).batch(self.rows, self.whole)
        return tf.data.Dataset.zip(tf.data.Dataset.from_tensors(number).repeat(), batches)

    def _read(self, number, rows):
        """A batch as the model takes it."""
        specs, batch = specs_of(self.model), {}
        for (key, member), row in zip(self.members.items(), rows):
            row = row if isinstance(row, tuple) else (row,)
            images, values = self._images(key, member, number, row)
            for name, part in images.items():
                name = key if name == "images" else name
                if self.scaled and name in specs:
                    part = ops.scale(part, self.model.fields[name])
                batch[name] = part
            if self.labels and self.label == key.replace("images", "labels"):
                batch[self.label] = choose(member.source, values, self.labels)
            for name, table in self.beside.items():
                with tf.device("CPU"):
                    table = tf.constant(table)
                batch[name] = tf.gather(table, row[0] % member.source.count)
        if self.model is not None:
            batch = {name: batch[name] for name in [*specs, "labels"] if name in batch}
        if set(batch) <= {"images", "labels"}:
            return (batch["images"], batch["labels"]) if self.labels else batch["images"]
        return batch

    def _images(self, key, member, number, row):
        """{name: images (n, h, w, c)} of a batch of one member's examples, and their labels."""
        clip = isinstance(member.source, Windows)  # whose frames are one image, of many channels
        channels = [shape[-1] for shape in member.shapes.values()] * (member.source.length if clip else 1)
        if isinstance(member.source, Sentences):
            tokens = member.source.read(*row)
            for name, part in tokens.items():
                part.set_shape((self.rows if self.whole else None, *member.shapes[name]))
            return tokens, None
        if isinstance(member.source, Tunes):
            (index,) = row
            place = ops.uniform(self._key(key, PLACE, number), index, (1,)) if self.random_crop else None
            tones = member.source.windows(index, *member.size, None if place is None else place[:, 0])
            tones.set_shape((self.rows if self.whole else None, *member.size, *channels))
            if self.model is not None:  # longer ones are cut
                tones = tf.minimum(tones, np.float32(self.model.fields["images"].high))
            return {"images": tones}, None

        def fit(parts, index):
            def drawn(word, *shape):
                return ops.uniform(self._key(key, word, number), index, shape)

            return ops.fit(
                ops.stack(parts, channels),
                member.size,
                drawn(PLACE, 2) if self.random_crop else None,
                enlarged=member.enlarged,
                mirror=drawn(MIRROR, 1)[:, 0] < 0.5 if self.flip else None,
                resample=self.resample,
            )

        images, labels = member.source.read(fit, *row)
        images.set_shape((self.rows if self.whole else None, *member.size, sum(channels)))
        if self.binarize:
            anew = self.binarize == "dynamic"
            ink = random.key(self.seed, INK, *([number] if anew else []))
            images = ops.binarize(images, ink, row[0] if anew else row[0] % member.source.count)
        parts = tf.split(images, channels, axis=-1)
        return ({"frames": tf.stack(parts, axis=1)} if clip else dict(zip(member.shapes, parts))), labels
