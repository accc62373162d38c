"""Games on digits, and what the doctor says of them."""

import keras
import tensorflow as tf
from sklearn.datasets import load_digits

from tfgen.doctor import TrainingDoctor
from tfgen.metrics import Extractor
from tfgen.models import DCGAN

IMAGES = (load_digits().images[:640, ..., None] / 8 - 1).astype("float32")
TEST = IMAGES[320:]
BATCHES = tf.data.Dataset.from_tensor_slices(IMAGES).batch(64)


def build(cls=DCGAN, discriminator=None, generator=None, **kwargs):
    model = cls((8, 8, 1), latent_dim=8, width=16, seed=0, **kwargs)
    given = {"discriminator": discriminator, "generator": generator}
    model.compile({**model.default_optimizers(), **{n: o for n, o in given.items() if o is not None}})
    return model


def adam(rate):
    return keras.optimizers.Adam(rate, beta_1=0.5)


def watched(model, epochs=4, data=IMAGES, extractor=None):
    """The doctor, once it has watched; and the history."""
    watching = TrainingDoctor(data, extractor)
    history = model.fit(BATCHES, epochs=epochs, verbose=0, callbacks=[watching])
    return watching, history.history


def looked(model, data, extractor=None, epochs=1):
    """The doctor of epochs without a step, whose end it has not seen; and what it logs of the last one."""
    watching, logs = TrainingDoctor(data, extractor), {}
    watching.set_model(model)
    watching.on_train_begin()
    for epoch in range(epochs):
        watching.on_epoch_begin(epoch)
        watching.on_epoch_end(epoch, logs)
    return watching, logs


def names(watching):
    return [finding.name for finding in watching.findings]


def rows(**columns):
    return [
        {"generator_loss": 0.7} | {f"doctor_{name}": value for name, value in zip(columns, row)}
        for row in zip(*columns.values())
    ]


def halves():
    """An extractor of the means of the upper and the lower half; two classes, by the brighter one."""
    return Extractor(
        "halves", "0", (8, 8, 1), (-1.0, 1.0),
        lambda x: tf.reduce_mean(tf.reshape(x, (-1, 2, 32)), 2), lambda f: 100 * f,
    )  # fmt: skip
