"""Images that `fit` cannot have meant: of another range, NaN, a batch of a single example."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from mean import SYMMETRIC, SYMMETRIC_RANGE, UNIT, UNIT_RANGE, Mean, With, batches, compiled, complaint

from tfgen.errors import InputError
from tfgen.fields import Image, Vector
from tfgen.layers import BatchNormalization

HOLE = UNIT.copy()
HOLE[20, 3, 3] = np.nan
WRONG = {
    "bytes as floats": (UNIT_RANGE, 255 * UNIT, "Mean takes images in [0, 1]; received 0 to 255; scale them"),
    "symmetric": (UNIT_RANGE, SYMMETRIC, "Mean takes images in [0, 1]; received -1 to 1; "),
    "not symmetric": (SYMMETRIC_RANGE, UNIT, "Mean takes images in [-1, 1]; received 0 to 1; "),
    "standardised": (SYMMETRIC_RANGE, 3 * SYMMETRIC, "Mean takes images in [-1, 1]; received -3 to 3; "),
    "infinite": (UNIT_RANGE, np.where(UNIT == 1, np.inf, UNIT), "received 0 to inf; "),
    "NaN": (UNIT_RANGE, HOLE, "the images hold NaN"),
}


@pytest.fixture(scope="module")
def model():
    return compiled()


@pytest.mark.parametrize("case", WRONG)
def test_foreign_images_are_named(case):
    value_range, images, message = WRONG[case]
    model = compiled(value_range)
    for given in (images, tf.constant(images), images.astype(np.float64)):
        assert message in complaint(model, given)
    assert int(model.step.numpy()) == 0  # before training
    assert message in complaint(model, batches(images, 32))


def test_the_right_images_pass(model):
    symmetric = compiled(SYMMETRIC_RANGE)
    model.fit(UNIT, verbose=0, validation_data=(UNIT,))
    model.fit(batches(UNIT), verbose=0, validation_data=batches(UNIT))
    model.fit(np.full_like(UNIT, 255, np.uint8), verbose=0)
    symmetric.fit(SYMMETRIC, verbose=0)
    symmetric.fit(np.zeros_like(UNIT), verbose=0)  # grey, and nothing else
    model.fit(1.001 * UNIT - 0.0005, verbose=0)
    assert "received -0.002 to 0.998" in complaint(model, UNIT - 0.002)
    assert "received 0.002 to 1.002" in complaint(model, UNIT + 0.002)


def test_bright_images_are_no_unscaled_ones():
    levels = np.arange(128, 192, dtype=np.float32) / 127.5 - 1  # the bytes of the upper half, from its lowest
    compiled(SYMMETRIC_RANGE).fit(np.broadcast_to(levels.reshape(8, 8, 1), (8, 8, 8, 1)), verbose=0)


def sequence(x):
    class Sequence(keras.utils.PyDataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return x

    return Sequence()


DOORS = {
    "arrays": lambda model, x: model.fit(x, verbose=0),
    "dataset": lambda model, x: model.fit(tf.data.Dataset.from_tensor_slices(x).batch(16), verbose=0),
    "generator": lambda model, x: model.fit(iter([x, x]), steps_per_epoch=2, verbose=0),
    "sequence": lambda model, x: model.fit(sequence(x), verbose=0),
    "evaluate": lambda model, x: model.evaluate(x, verbose=0),
}


@pytest.mark.parametrize("door", DOORS)
def test_images_from_0_to_1_without_a_black_pixel_are_warned_of(door):
    line = r"Mean takes images in \[-1, 1\], and a whole batch .* scale them by 2 \* x - 1, or give bytes"
    grey = 0.02 + 0.98 * UNIT
    for unscaled in (grey, np.rint(255 * grey).astype(np.float32) / 255):
        with pytest.warns(UserWarning, match=line):
            DOORS[door](compiled(SYMMETRIC_RANGE), unscaled)
        DOORS[door](compiled(UNIT_RANGE), unscaled)  # and a warning is an error here


@pytest.mark.parametrize("door", DOORS)
def test_bright_bytes_few_images_and_grey_ones_are_not_warned_of(door):
    bright = np.random.default_rng(0).integers(128, 256, (16, 8, 8, 1))
    for x in (
        (bright / 127.5 - 1).astype("float32"),  # bytes in [-1, 1]
        bright.astype("uint8"),
        (0.02 + 0.98 * UNIT)[:4],  # a few may all be bright
        np.zeros((16, 8, 8, 1), "float32"),
    ):
        DOORS[door](compiled(SYMMETRIC_RANGE), x)


def test_a_late_batch_is_looked_at_too():
    model = compiled()
    message = complaint(model, batches(np.concatenate([UNIT, HOLE])))
    assert message == "the images hold NaN; remove or repair those that do"
    assert int(model.step.numpy()) >= 6  # of 8


@pytest.mark.parametrize("how", [dict(jit_compile=True), dict(steps_per_execution=2), dict(run_eagerly=True)])
def test_however_the_step_is_run(how):
    assert "received 0 to 255" in complaint(compiled(**how), batches(255 * UNIT, 16))


def test_images_with_labels():
    model, labels = compiled(UNIT_RANGE, 300), np.arange(32, dtype=np.int32) * 9
    model.fit(UNIT, labels, verbose=0)
    model.fit(batches((UNIT, labels)), verbose=0)
    assert "takes images in [0, 1]; received 0 to 255" in complaint(model, 255 * UNIT, labels)
    assert "received 0 to 255" in complaint(model, batches((255 * UNIT, labels), 32))
    assert "expects a batch of images" in complaint(model, batches(255 * UNIT))  # first things first


class Normalised(Mean):
    """Also normalises a value, or an image, of each example over the batch."""

    def __init__(self, shape, **kwargs):
        super().__init__(**kwargs)
        self.shape = shape
        self.normal = keras.Sequential([keras.Input(shape), BatchNormalization()])

    def loss_of(self, step):
        x = tf.reshape(step.batch["images"][:, :, :, 0], (-1, *self.shape))
        loss, logs = super().loss_of(step)
        return loss + tf.reduce_mean(self.normal(x, training=step.training) ** 2), logs


def test_a_batch_of_one_that_would_be_normalised_to_nothing_is_named():
    message = "Normalised normalises over the batch, which leaves nothing of a single example; received a "
    message += "batch of 1; choose another batch size, or omit the last batch (drop_remainder=True)"
    last = tf.data.Dataset.from_tensor_slices(UNIT[:9]).batch(4)
    model = Normalised((1, 1, 64))
    model.compile()
    assert complaint(model, UNIT[:9], batch_size=4) == complaint(model, UNIT, batch_size=1) == message
    assert complaint(model, UNIT[:18], batch_size=4, validation_split=0.5) == message
    with pytest.raises(InputError, match="received a batch of 1;"):
        model.train_on_batch(UNIT[:1])
    assert int(model.step.numpy()) == 0
    assert complaint(model, last) == message
    model.fit(UNIT[:10], batch_size=4, validation_data=(UNIT[:1],), verbose=0)
    model.fit(UNIT[:18], batch_size=4, validation_split=0.1, verbose=0)  # 16 of them
    model.fit(last.take(2), validation_data=last, verbose=0)
    flat = Normalised((64,))
    flat.compile()
    assert complaint(flat, UNIT[:1]) == message


def test_a_batch_of_one_that_has_more_values_is_as_good_as_any():
    frozen = Normalised((64,))
    frozen.normal.trainable = False  # its averages are used
    for model in (Normalised((8, 8, 1)), frozen):
        model.compile()
        model.fit(UNIT[:9], batch_size=4, verbose=0)
        model.train_on_batch(UNIT[:1])


def test_other_vectors_have_no_range():
    model = With({"images": Image((8, 8, 1), 0.0, 1.0), "places": Vector((3,))})
    model.compile()
    numbers = 100 * np.arange(96, dtype=np.float32).reshape(32, 3)
    model.fit({"images": UNIT, "places": -numbers}, verbose=0)
    model.fit(batches({"images": UNIT, "places": numbers}), verbose=0)
    numbers[5, 1] = np.nan
    assert complaint(model, {"images": UNIT, "places": numbers}).startswith("the places hold NaN")


def test_validation_is_looked_at(model):
    for given in ((255 * UNIT,), [255 * UNIT], batches(255 * UNIT, 32)):
        assert "received 0 to 255" in complaint(model, UNIT, validation_data=given)


def test_two_devices(two_devices):
    with two_devices.scope():
        model = compiled()
    model.fit(batches(UNIT), verbose=0)
    assert "Mean takes images in [0, 1]; received " in complaint(model, batches(255 * UNIT))
