"""A small classifier of the labelled data, trained once and kept: features of one's own data.

Inception v3 knows photographs. On digits or garments the features of a network that tells
their classes apart say more, as in Binkowski et al., Demystifying MMD GANs, ICLR 2018,
section 5 (a LeNet for MNIST).
"""

import hashlib
import json
import math
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfgen import data
from tfgen.errors import InputError
from tfgen.files import replacing
from tfgen.metrics.extractors import Extractor, traced, weights_sha256

VERSION = 2  # of the network and its training: another number trains anew
FEATURES = 64
BATCH = 128
STEPS = 1000  # of training, about
HELD_OUT = 5  # one of so many images of "train" tests, where there is no split "test"
NOTE = "tfgen.json"  # a member of the .keras file, which Keras ignores


def classifier(
    source: Any,
    *,
    image_shape: tuple[int, int, int] | None = None,
    seed: int = 0,
    data_dir: str | os.PathLike | None = None,
    download: bool = True,
) -> Extractor:
    """The extractor "classifier" of a labelled data set: 64 features, logits of classes or attributes.

    A convolutional network learns the labels of the split "train"; without a split "test", of four
    fifths of it, and the rest tests it. It is kept in the folder
    $TFGEN_CACHE, or ~/.cache/tfgen, under a key of the data (their number and the first batch),
    `image_shape`, `seed` and version; a second call reads it there. Training again elsewhere may
    differ in the last bits and so in the hash: to compare scores of two machines, copy the file.

    Args:
        source, data_dir, download: as for `tfgen.data.load`.
        image_shape: (h, w, c) to train at; None: the images' own.
        seed: of the initial weights and of the data's order.

    Returns:
        an `Extractor`, whose `accuracy`, of attributes their mean, is that on images it has not learnt.
    """
    place = {"data_dir": data_dir, "download": download}
    loading = dict(batch_size=BATCH, image_shape=image_shape, labels=True, dtype="uint8", **place)
    path = _folder() / f"classifier-{_fingerprint(source, seed, loading, place)}.keras"
    if not path.is_file():
        _train(source, seed, loading, place, path)
    try:
        with zipfile.ZipFile(path) as file:
            note = json.loads(file.read(NOTE))
        model = keras.models.load_model(path, compile=False)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"the kept classifier {path} cannot be read; remove it to train it anew") from error
    features = keras.Model(model.input, model.get_layer("features").output)
    return Extractor(
        name="classifier",
        sha256=weights_sha256(model.get_weights()),
        input_shape=model.input_shape[1:],
        value_range=(-1.0, 1.0),
        function=traced(features),
        logits=model.get_layer("logits"),
        attributes=note["attributes"],
        accuracy=note["accuracy"],
        chance=note["chance"],
    )


def _folder():
    return Path(os.environ.get("TFGEN_CACHE") or Path.home() / ".cache" / "tfgen")


def _fingerprint(source, seed, loading, place):
    count = data.size(source, "train", **place)
    digest = hashlib.sha256(f"{VERSION} {seed} {count}".encode())
    for batch in data.load(source, "train", shuffle=False, **loading).take(1):
        if isinstance(batch, dict):
            raise InputError(f"a classifier learns images with labels; received {', '.join(batch)}")
        for part in batch:
            digest.update(f"{part.shape[1:]}".encode())
            digest.update(np.ascontiguousarray(part.numpy()).tobytes())
    return digest.hexdigest()[:16]


def _network(image_shape, classes, seed):
    """Strided convolutions down to 4 pixels, 64 features, logits."""
    seeds = iter(range(1000 * seed, 1000 * seed + 1000))

    def start():
        return keras.initializers.HeUniform(seed=next(seeds))

    x = images = keras.Input(image_shape)
    filters, size = 32, 5
    while x.shape[1] > 4 and x.shape[2] > 4:
        x = keras.layers.Conv2D(
            filters, size, strides=2, padding="same", activation="relu", kernel_initializer=start()
        )(x)
        filters, size = 64, 3
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(FEATURES, activation="relu", kernel_initializer=start(), name="features")(x)
    return keras.Model(images, keras.layers.Dense(classes, kernel_initializer=start(), name="logits")(x))


def _normalize(model, batches):
    """Gives the features a mean square of 1 and leaves the logits as they are: ReLU allows it."""
    features, logits = model.get_layer("features"), model.get_layer("logits")
    run = traced(keras.Model(model.input, features.output))
    squares = [tf.reduce_mean(tf.square(run(images)), axis=1).numpy() for images, _ in batches]
    scale = math.sqrt(np.concatenate(squares).mean())
    features.set_weights([weight / scale for weight in features.get_weights()])
    logits.kernel.assign(logits.kernel * scale)


def _batches(source, seed, loading, place):
    """(batches to learn from, shuffled; how many are an epoch; batches that test)."""

    def load(split, **how):
        return data.load(source, split, seed=seed, drop_remainder=False, **loading, **how)

    def scaled(dataset):
        if dataset.element_spec[0].dtype.is_floating:  # points, in [-1, 1] as they are
            return dataset
        return dataset.map(lambda x, y: (tf.cast(x, tf.float32) / 127.5 - 1.0, y))

    per_epoch = math.ceil(data.size(source, "train", **place) / BATCH)
    epochs = range(max(1, round(STEPS / per_epoch)))
    train = load("train", shuffle=True, epochs=epochs)
    try:
        data.size(source, "test", **place)
    except InputError:  # there is no such split

        def held(images, _):  # by a hash of its bytes, so that equal images lie on one side
            return tf.strings.to_hash_bucket_fast(tf.io.serialize_tensor(images), HELD_OUT) == 0

        def part(dataset, chosen):
            return scaled(dataset.unbatch().filter(chosen).batch(BATCH))

        test = part(load("train", shuffle=False), held)
        train = part(train, lambda *pair: ~held(*pair)).repeat()
        return train, max(1, round(per_epoch * (1 - 1 / HELD_OUT))), test
    return scaled(train), per_epoch, scaled(load("test", shuffle=False))


def _train(source, seed, loading, place, path):
    print(f"Training a classifier of this data once; it is kept as {path}", file=sys.stderr)
    train, per_epoch, test = _batches(source, seed, loading, place)
    epochs = max(1, round(STEPS / per_epoch))
    images, labels = train.element_spec
    truth = np.concatenate([np.empty((0, *labels.shape[1:])), *(labels for _, labels in test)])
    attributes = labels.shape.rank == 2
    if attributes:
        outputs = labels.shape[1]
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
    else:
        learnt = [labels for _, labels in train.take(per_epoch)]
        outputs = 1 + int(max(np.max(labels, initial=0) for labels in (truth, *learnt)))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = _network(tuple(images.shape[1:]), outputs, seed)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, epochs * per_epoch)
    model.compile(keras.optimizers.Adam(rate), loss)
    model.fit(train, epochs=epochs, steps_per_epoch=per_epoch, shuffle=False, verbose=0)
    _normalize(model, train.take(per_epoch))
    note = dict(accuracy=None, chance=None, attributes=attributes, seed=seed)
    if len(truth):
        run = traced(model)
        logits = np.concatenate([run(images) for images, _ in test])
        right = (logits > 0) == truth if attributes else logits.argmax(1) == truth
        shares = truth.mean(0) if attributes else np.bincount(truth.astype(int)) / len(truth)
        chance = np.maximum(shares, 1 - shares).mean() if attributes else shares.max()
        note.update(accuracy=round(float(right.mean()), 5), chance=round(float(chance), 5))
    with replacing(path) as part:
        model.save(part)
        with zipfile.ZipFile(part, "a") as file:
            file.writestr(NOTE, json.dumps(note))
