"""What the door takes, and in which form: arrays, dicts, pairs, datasets, sequences, generators, bytes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from mean import UNIT, UNIT_RANGE, With, batches, compiled, complaint, labelled

from tfgen.fields import Attributes, Image
from tfgen.models import (
    DCGAN,
    VAE,
    Attribute2Image,
    GaussianMixture,
    PixelCNN,
    door,
)


@pytest.fixture(scope="module")
def model():
    return compiled()


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
