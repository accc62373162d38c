"""A model of any fields that is quickly made, and what its door says of a batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen.errors import InputError
from tfgen.models.base import GenerativeModel, Objective

UNIT_RANGE, SYMMETRIC_RANGE = (0.0, 1.0), (-1.0, 1.0)
UNIT = np.random.default_rng(0).uniform(0, 1, (32, 8, 8, 1)).astype("float32")
UNIT[0, 0, 0], UNIT[0, 0, 1] = 0, 1  # as black and white are in any data
SYMMETRIC = 2 * UNIT - 1


class Mean(GenerativeModel):
    """An image that is near all images: the smallest model there is."""

    image_shape = (8, 8, 1)

    def __init__(self, value_range=UNIT_RANGE, classes=0, **kwargs):
        super().__init__(**kwargs)
        self.value_range, self.classes = value_range, classes
        with self.building():
            self.mean = keras.Sequential([keras.Input((1,)), keras.layers.Dense(64)])

    def objectives(self):
        return {"square": Objective(self.loss_of, (self.mean,))}

    def default_optimizers(self):
        return keras.optimizers.SGD(1e-3)

    def loss_of(self, step):
        shown = tf.reshape(self.mean(tf.ones((1, 1))), (8, 8, 1))
        return tf.reduce_mean((shown - step.batch["images"]) ** 2), {}


class With(Mean):
    """The same, of any fields."""

    def __init__(self, given, **kwargs):
        self.given = given
        super().__init__(**kwargs)

    @property
    def fields(self):
        return self.given


def compiled(*args, **how):
    model = Mean(*args, seed=0)
    model.compile(**how)
    return model


def batches(images, size=8):
    return tf.data.Dataset.from_tensor_slices(images).batch(size, drop_remainder=True)


def complaint(model, *args, **kwargs):
    with pytest.raises(InputError) as caught:
        model.fit(*args, verbose=0, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def labelled(bad, last=2):
    """Labels 0, 1, 2 of 32 images, of which the one at `last` is `bad`."""
    labels = np.arange(32, dtype=np.int32) % 3
    labels[last] = bad
    return labels
