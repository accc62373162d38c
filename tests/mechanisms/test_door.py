"""Images and labels that `fit` cannot have meant: of another range, of one class, a single example."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen.errors import InputError
from tfgen.fields import Attributes, Image, Vector
from tfgen.layers import BatchNormalization
from tfgen.models import (
    ACGAN,
    CGAN,
    CVAE,
    CVAEGAN,
    DBVAE,
    DCGAN,
    VAE,
    Attribute2Image,
    GaussianMixture,
    PixelCNN,
    ProjectionGAN,
    door,
)
from tfgen.models.base import GenerativeModel, Objective

UNIT_RANGE, SYMMETRIC_RANGE = (0.0, 1.0), (-1.0, 1.0)
UNIT = np.random.default_rng(0).uniform(0, 1, (32, 8, 8, 1)).astype("float32")
UNIT[0, 0, 0], UNIT[0, 0, 1] = 0, 1  # as black and white are in any data
HOLE = UNIT.copy()
HOLE[20, 3, 3] = np.nan
SYMMETRIC = 2 * UNIT - 1
WRONG = {
    "bytes as floats": (UNIT_RANGE, 255 * UNIT, "Mean takes images in [0, 1]; received 0 to 255; scale them"),
    "symmetric": (UNIT_RANGE, SYMMETRIC, "Mean takes images in [0, 1]; received -1 to 1; "),
    "not symmetric": (SYMMETRIC_RANGE, UNIT, "Mean takes images in [-1, 1]; received 0 to 1; "),
    "standardised": (SYMMETRIC_RANGE, 3 * SYMMETRIC, "Mean takes images in [-1, 1]; received -3 to 3; "),
    "infinite": (UNIT_RANGE, np.where(UNIT == 1, np.inf, UNIT), "received 0 to inf; "),
    "NaN": (UNIT_RANGE, HOLE, "the images hold NaN"),
}


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


def labelled(bad, last=2):
    """Labels 0, 1, 2 of 32 images, of which the one at `last` is `bad`."""
    labels = np.arange(32, dtype=np.int32) % 3
    labels[last] = bad
    return labels


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


def test_a_dataset_stays_as_it_was(model):
    options = tf.data.Options()
    options.deterministic = True
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    dataset = batches(UNIT).repeat(3).with_options(options)
    got = door.received(model, dataset)
    assert got.cardinality() == dataset.cardinality() == 12
    assert got.element_spec == dataset.element_spec
    assert got.options() == dataset.options()
    for a, b in zip(got, dataset, strict=True):
        np.testing.assert_array_equal(a, b)
    endless = door.received(model, dataset.repeat())
    assert endless.cardinality() == tf.data.INFINITE_CARDINALITY
    pairs = batches((UNIT, np.arange(32)))
    for nest in (lambda x, y: (x, y), lambda x, y: (x,), lambda x, y: {"x": x}, lambda x, y: x):
        nested = pairs.map(tf.autograph.experimental.do_not_convert(nest))
        assert door.received(model, nested).element_spec == nested.element_spec
    of_bytes = batches((255 * UNIT).astype(np.uint8))
    assert door.received(model, of_bytes) is of_bytes


def test_errors_of_the_data_itself_stay_theirs(model):
    def broken(images):
        tf.debugging.Assert(tf.reduce_max(images) < 0, ["a broken file"])
        return images

    with pytest.raises(tf.errors.InvalidArgumentError, match="a broken file"):
        model.fit(batches(UNIT).map(broken), verbose=0)


class Sequence(keras.utils.PyDataset):
    """Two batches, of which the second may be another's."""

    def __init__(self, *batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # as Keras says of any generator's end
def test_batches_of_a_sequence_or_a_generator_are_looked_at_one_by_one(model):
    labels = labelled(0)
    conditional = compiled(UNIT_RANGE, 3)
    for of in (lambda *batches: Sequence(*batches), lambda *batches: (batch for batch in batches)):
        model.fit(of(UNIT, (UNIT,), {"images": UNIT.astype(np.float64)}), verbose=0)
        before = int(model.step.numpy())
        assert "takes images in [0, 1]; received 0 to 255" in complaint(model, of(255 * UNIT, UNIT))
        assert int(model.step.numpy()) == before
        conditional.fit(of((UNIT, labels), {"labels": labels[:, None], "images": UNIT}), verbose=0)
        assert "labels of Mean lie in 0..2; received 0 to 7" in complaint(
            conditional, of((UNIT, labelled(7)), (UNIT, labels))
        )
    assert "expects a batch of images" in complaint(model, of((UNIT, labels)))


# What is taken, and in which form.


def test_an_array_a_dict_and_a_pair_are_the_same_batch():
    labels, ends = labelled(0), []
    for given in (
        dict(x=UNIT, y=labels),
        dict(x=(UNIT, labels)),
        dict(x={"labels": labels, "images": UNIT}),
        dict(x=UNIT.astype(np.float64), y=labels.astype(np.uint8)),
        dict(x=UNIT, y=labels[:, None].astype(np.int64)),
        dict(x=UNIT, y=labels.astype(np.float32)),
        dict(x=tf.constant(UNIT), y=tf.constant(labels, tf.int64)),
        dict(x=batches((UNIT.astype(np.float64), labels[:, None].astype(np.int64)), 32)),
        dict(x=batches({"labels": labels.astype(np.uint8), "images": UNIT}, 32)),
        dict(x=batches((UNIT, labels.astype(np.float32)), 32)),
    ):
        model = compiled(UNIT_RANGE, 3)
        model.compile(keras.optimizers.SGD(0.1))
        model.fit(**given, batch_size=32, shuffle=False, verbose=0)
        ends.append(np.concatenate([np.ravel(w) for w in model.mean.get_weights()]))
    assert np.ptp(ends[0]) > 0
    for end in ends[1:]:
        np.testing.assert_allclose(end, ends[0], rtol=1e-6)


def test_a_batch_reaches_the_loss_in_the_form_of_its_fields():
    seen = {}

    class Looking(With):
        def loss_of(self, step):
            seen.update(step.batch)
            return super().loss_of(step)

    model = Looking({"images": Image((8, 8, 1), -1.0, 1.0), "labels": Attributes(2)})
    model.compile(run_eagerly=True)
    ones = np.ones((32, 2), np.uint8)
    ones[0] = 0
    model.fit((255 * UNIT).astype(np.uint8), ones, batch_size=32, shuffle=False, verbose=0)
    assert (float(tf.reduce_min(seen["images"])), float(tf.reduce_max(seen["images"]))) == (-1, 1)
    np.testing.assert_array_equal(seen["labels"], ones)  # bytes of attributes are no bytes of images
    assert {x.dtype for x in seen.values()} == {tf.float32}


def test_bytes_of_attributes_are_as_frequent_as_they_are():
    model = Attribute2Image((8, 8, 1), attributes=3, latent_dim=4, background_dim=2, width=8, seed=0)
    model.compile()
    model.train_on_batch(UNIT, np.ones((32, 3), np.uint8))
    np.testing.assert_array_equal(model.frequencies, np.ones(3))


@pytest.mark.parametrize(
    "give, message",
    [
        (lambda: (UNIT, None), None),
        (
            lambda: (UNIT, labelled(0)),
            "(32, 8, 8, 1) float32, (32,) int32; it trains without",
        ),
        (
            lambda: (UNIT[:, :4], None),
            "a batch of images (None, 8, 8, 1) float32; received (32, 4, 8,",
        ),
        (lambda: (UNIT[..., 0], None), "received (32, 8, 8); add the axis of the channel: x[..., None]"),
        (
            lambda: ((255 * UNIT).astype(np.int64), None),
            "as bytes (uint8); received int64; give x.astype(",
        ),
        (lambda: (UNIT > 0.5, None), "as floats in [0, 1] or as bytes (uint8); received bool"),
        (
            lambda: ({"pictures": UNIT}, None),
            "a batch of images (None, 8, 8, 1) float32; received pict",
        ),
    ],
)
def test_another_batch_is_named(model, give, message):
    x, y = give()
    if message is None:
        model.fit(x, y, verbose=0)
    else:
        assert message in complaint(model, x, y)


def test_parts_of_a_batch_that_differ_in_number_are_named():
    message = complaint(compiled(UNIT_RANGE, 3), UNIT, labelled(0)[:31])
    assert message == "Mean takes as many of each part; received 32 images, 31 labels"


def test_labels_that_are_no_numbers_of_classes_are_named():
    message = complaint(compiled(UNIT_RANGE, 3), UNIT, labelled(0) + 0.5)
    assert "are the numbers of classes, whole from 0 on; received float64 such as 0.5" in message
    halves = (labelled(0) + 0.5).clip(0, 2).astype(np.float32)
    message = complaint(compiled(UNIT_RANGE, 3), batches((UNIT, halves), 32))
    assert message == "labels of Mean are the numbers of classes, whole from 0 on; give integers"


@pytest.mark.parametrize("name", ["sample_weight", "class_weight"])
def test_weights_of_samples_and_classes_are_refused(model, name):
    weights = np.ones(32) if name == "sample_weight" else {0: 1.0}
    assert complaint(model, UNIT, **{name: weights}) == (
        f"Mean.fit takes no {name}: its losses are means over examples"
    )


SMALL = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, seed=0)
USES = {
    "VAE.encode": lambda x: VAE(**SMALL).encode(x),
    "VAE.reconstruct": lambda x: VAE(**SMALL).reconstruct(x),
    "VAE.elbo": lambda x: VAE(**SMALL).elbo(x, seed=1),
    "VAE.log_prob": lambda x: VAE(**SMALL).log_prob(x, samples=2, seed=1),
    "DCGAN.score": lambda x: DCGAN(**SMALL).score(x if x.dtype == np.uint8 else 2 * x - 1),
    "GaussianMixture.log_prob": lambda x: GaussianMixture((8, 8, 1), components=2, seed=0).log_prob(x),
    "PixelCNN.log_prob": lambda x: PixelCNN((8, 8, 1), levels=4, width=4, depth=1, seed=0).log_prob(x),
}


@pytest.mark.parametrize("use", USES)
def test_bytes_are_the_images_that_they_stand_for_at_every_door(use):
    some = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 1), dtype=np.uint8)
    floats = some.astype(np.float32) / np.float32(255)
    np.testing.assert_allclose(USES[use](some), USES[use](floats), rtol=1e-4, atol=1e-5)
