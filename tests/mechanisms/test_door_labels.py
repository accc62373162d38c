"""Labels that `fit` cannot have meant: of another class, of one class, no numbers of classes."""

import re

import numpy as np
import pytest
import tensorflow as tf
from mean import (
    UNIT,
    UNIT_RANGE,
    With,
    batches,
    compiled,
    complaint,
    labelled,
)

from tfgen.errors import InputError
from tfgen.fields import Attributes, Image
from tfgen.models import (
    ACGAN,
    CGAN,
    CVAE,
    CVAEGAN,
    DBVAE,
    ProjectionGAN,
    door,
)


@pytest.mark.parametrize("bad, remedy", [(3, "from 0, or build the model with classes=4"), (-1, "from 0")])
def test_foreign_labels_are_named(bad, remedy):
    model, labels = compiled(UNIT_RANGE, 3), labelled(bad)
    span = "-1 to 2" if bad < 0 else "0 to 3"
    message = f"labels of Mean lie in 0..2; received {span}; number the classes {remedy}"
    assert complaint(model, UNIT, labels) == complaint(model, UNIT, y=tf.constant(labels)) == message
    assert complaint(model, (UNIT, labels)) == message
    for call in (model.train_on_batch, lambda x, y: model.train_on_batch(tf.constant(x), y)):
        with pytest.raises(InputError, match=re.escape(message)):
            call(UNIT, labels)
    assert int(model.step.numpy()) == 0
    assert complaint(model, batches((UNIT, labels), 32)) == message
    of_bytes = (255 * UNIT).astype(np.uint8)
    assert complaint(model, batches((of_bytes, labels), 32)) == message
    assert complaint(model, UNIT, labelled(0), validation_data=(UNIT, labels)) == message
    assert complaint(model, UNIT, labelled(0), validation_data=batches((UNIT, labels), 32)) == message


def test_a_late_label_is_looked_at_too():
    model = compiled(UNIT_RANGE, 3)
    assert "received 0 to 7" in complaint(model, batches((UNIT, labelled(7, last=31)), 4))
    assert int(model.step.numpy()) >= 4  # of 8
    endless = batches((UNIT, labelled(0)), 4).repeat()
    model.fit(endless, steps_per_epoch=2, verbose=0)


def test_a_model_of_two_classes_for_good_is_not_asked_to_have_more():
    model = DBVAE((8, 8, 1), latent_dim=2, width=4)
    model.compile()
    assert complaint(model, UNIT, labelled(1)).endswith(
        "lie in 0..1; received 0 to 2; number the classes from 0"
    )


def test_attributes_lie_in_0_to_1():
    model = With({"images": Image((8, 8, 1), 0.0, 1.0), "labels": Attributes(2)})
    model.compile()
    given = np.resize(np.array([0, 0.5, 1], np.float32), (32, 2))
    model.fit(UNIT, given, verbose=0)
    yes_or_no = next(iter(door.received(model, batches((UNIT, given > 0.5), 32))))
    np.testing.assert_array_equal(door.batch_of(model, yes_or_no)["labels"], given > 0.5)
    message = complaint(model, UNIT, 2 * given - 1)  # as some files have them
    assert "labels of With lie in 0..1; received -1 to 1; give 1 for an attribute that is there" in message
    assert complaint(model, batches((UNIT, 2 * given - 1), 32)) == message


def test_labels_of_one_class_are_named():
    model, labels = compiled(UNIT_RANGE, 3), np.full(32, 2, np.int32)
    message = "Mean tells 3 classes apart; received labels that are all 2; give images of several classes"
    assert message in complaint(model, UNIT, labels) and message in complaint(
        model, UNIT, tf.constant(labels)
    )
    assert int(model.step.numpy()) == 0
    model.train_on_batch(UNIT, labels)  # one batch may well be of one class
    model.fit(UNIT, labelled(0), validation_data=(UNIT, labels), verbose=0)


@pytest.mark.parametrize("cls", [ACGAN, CGAN, ProjectionGAN, CVAE, CVAEGAN])
def test_a_model_of_classes_needs_several(cls):
    with pytest.raises(
        InputError, match=f"{cls.__name__} needs classes >= 2; received 1; images of one class"
    ):
        cls((8, 8, 1), classes=1)


def test_labels_that_are_no_numbers_of_classes_are_named():
    message = complaint(compiled(UNIT_RANGE, 3), UNIT, labelled(0) + 0.5)
    assert "are the numbers of classes, whole from 0 on; received float64 such as 0.5" in message
    halves = (labelled(0) + 0.5).clip(0, 2).astype(np.float32)
    message = complaint(compiled(UNIT_RANGE, 3), batches((UNIT, halves), 32))
    assert message == "labels of Mean are the numbers of classes, whole from 0 on; give integers"
