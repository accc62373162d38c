from types import SimpleNamespace

import numpy as np
import tensorflow as tf
from data_cases import binary, complaint, everything, joined, model, noise, numbered, numbers

from tfgen.data import attributes, load, size
from tfgen.fields import Image


def test_batches_fit_the_model():
    images = noise(20, 8, 8, 1)
    dataset = load(images, for_model=model(), batch_size=8, shuffle=False)
    assert dataset.element_spec == tf.TensorSpec((None, 8, 8, 1), tf.float32)
    np.testing.assert_allclose(everything(dataset), images / 127.5 - 1, atol=1e-6)
    unit = everything(load(images, for_model=model(value_range=(0.0, 1.0)), shuffle=False))
    assert unit.min() == 0 and unit.max() == 1
    np.testing.assert_array_equal(np.rint(unit * 255), images)


def test_bytes_are_kept_for_the_device_and_without_a_model():
    images = noise(6, 8, 8)
    kept = everything(load(images, for_model=model(), shuffle=False, dtype="uint8"))
    assert kept.dtype == np.uint8
    np.testing.assert_array_equal(kept[..., 0], images)
    np.testing.assert_array_equal(everything(load(images, shuffle=False))[..., 0], images)


def test_labels_come_where_the_model_wants_them():
    pair = numbered(6)
    plain = load(pair, for_model=model(), batch_size=3)
    assert isinstance(plain.element_spec, tf.TensorSpec)
    asked = load(pair, for_model=model(), batch_size=3, labels=True)
    wanted = load(pair, for_model=model(labels=True), batch_size=3)
    assert wanted.element_spec == (
        tf.TensorSpec((3, 8, 8, 1), tf.float32),
        tf.TensorSpec((3,), tf.int32),
    )
    for dataset in (asked, wanted, load(pair, batch_size=3)):
        images, labels = everything(dataset)
        level = images[:, 0, 0, 0] if images.dtype == np.uint8 else np.rint((images[:, 0, 0, 0] + 1) * 127.5)
        np.testing.assert_array_equal(labels, 10 * level)
    assert isinstance(load(pair, batch_size=3, labels=False).element_spec, tf.TensorSpec)
    assert "labels are wanted, but the ndarray has none" in complaint(pair[0], for_model=model(labels=True))


def test_attributes_come_where_the_model_wants_them():
    images, digits = numbered(8)[0], binary(8)
    ways = [dict(for_model=model(attributes=3), epochs=range(1)), dict(for_model=model(), labels=True), {}]
    for given in (digits, digits.astype(bool), digits.astype(np.float64), digits.astype(np.uint8)):
        pair = (images, given)
        for how in ways if given is digits else ways[:1]:
            dataset = load(pair, batch_size=4, **how)
            assert dataset.element_spec[1] == tf.TensorSpec((4, 3), tf.float32)
            got, labels = everything(dataset)
            level = got[:, 0, 0, 0] if got.dtype == np.uint8 else np.rint((got[:, 0, 0, 0] + 1) * 127.5)
            np.testing.assert_array_equal(labels, digits[level.astype(int)])
    assert isinstance(load(pair, for_model=model(), batch_size=4).element_spec, tf.TensorSpec)


def test_attributes_are_chosen_by_name():
    pair = numbered(8)[0], binary(8)
    assert attributes(pair) == ("attribute_0", "attribute_1", "attribute_2")
    assert attributes(numbered(8)) == attributes(pair[0]) == attributes("digits") == ()
    options = dict(batch_size=8, shuffle=False)
    for choice in (("attribute_2", "attribute_0"), ["attribute_2", "attribute_0"]):  # a run's is a list
        _, labels = everything(load(pair, for_model=model(attributes=2), labels=choice, **options))
        np.testing.assert_array_equal(labels, pair[1][:, [2, 0]])
    _, labels = everything(
        load(pair, for_model=model(labels=True, classes=2), labels="attribute_1", **options)
    )
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, pair[1][:, 1])
    assert "did you mean attribute_2 or" in complaint(pair, labels="attribute_3")
    assert "did you mean attribute_2 or" in complaint(pair, labels=("attribute_0", "Attribute_2"))
    for bad in (3, (), ("attribute_0", 1)):
        assert f"an attribute's name or a tuple of names; received {bad!r}" in complaint(pair, labels=bad)
    assert "has classes, no attributes" in complaint("digits", labels="attribute_0")
    assert "labels are wanted, but the ndarray has none" in complaint(pair[0], labels="attribute_0")


def test_labels_that_are_not_the_model_s_are_refused():
    pair, classes = (numbered(8)[0], binary(8)), (numbered(8)[0], np.arange(8))
    three, ten = model(attributes=3), model(labels=True, classes=10)
    assert (
        "has 3 attributes, but the labels of digits are 10 classes; give 0 and 1 of shape (n, 3)"
        in complaint("digits", for_model=three)
    )
    message = complaint(pair, for_model=model(attributes=2))
    assert (
        "2 attributes, but the labels of the tuple are 3 attributes; build the model with attributes=3"
        in message
    )
    assert "are 2 classes; give 3 names as labels" in complaint(pair, for_model=three, labels="attribute_1")
    assert "are 1 attributes" in complaint(pair, for_model=three, labels=("attribute_1",))
    message = complaint(pair, for_model=ten)
    assert "10 classes" in message and "are 3 attributes; name one, as labels='attribute_0'" in message
    everything(load(classes, for_model=model(labels=True, classes=8), batch_size=8))
    few = model(labels=True, classes=7)
    message = complaint(classes, for_model=few, batch_size=4)
    assert (
        "has 7 classes, but the labels of the tuple are 8 classes; build the model with classes=8" in message
    )
    assert "are 8 classes" in complaint(classes, "train[:4]", for_model=few)  # of a part too
    everything(load(classes, for_model=few, labels=False, batch_size=8))
    everything(load("digits", "test", for_model=ten))


def test_levels_of_every_dtype():
    images = noise(4, 8, 8, 3)
    for given in (images, images.astype(np.int64), images / 255, (images / 255).astype(np.float32)):
        np.testing.assert_array_equal(everything(load(given, shuffle=False)), images)
    ink = noise(4, 8, 8) > 127
    np.testing.assert_array_equal(everything(load(ink, shuffle=False))[..., 0], 255 * ink)
    np.testing.assert_array_equal(everything(load(images.tolist(), shuffle=False)), images)


def test_bad_arrays_are_refused():
    images = noise(4, 8, 8, 1) / 255
    assert "[0, 1]; found -1 to 1" in complaint(2 * np.round(images) - 1)
    images[2, 3, 3] = np.nan
    assert "NaN, first in image 2" in complaint(images)
    assert "0..255; found -3 to 7" in complaint(np.array([-3, 7]).reshape(1, 1, 2))
    assert "0..255; found 0 to 256" in complaint(np.array([0, 256]).reshape(1, 1, 2))
    for shape in ((64,), (8, 8), (4, 8, 8, 8, 5), (4, 3, 32, 32), (4, 0, 8, 1)):
        assert f"received {shape}" in complaint(np.zeros(shape, np.uint8))
    assert "received <U1" in complaint(np.full((2, 2, 2), "a"))
    assert "(images, labels); received 3 items" in complaint((1, 2, 3))
    assert "is 0:0 of 0" in complaint(np.zeros((0, 8, 8), np.uint8))


def test_bad_labels_are_refused():
    def refused(labels, count=4):
        return complaint((noise(count, 8, 8), labels))

    assert "shape (4,), one for each image; received int64 of shape (3,)" in refused([1, 2, 3])
    assert "received float64" in refused([0.5, np.nan], 2)
    assert "received <U1 of shape (4, 2)" in refused(np.full((4, 2), "a"))
    assert "received int64 of shape (3, 2)" in refused(np.zeros((3, 2), int))
    assert "received bool of shape (4, 0)" in refused(np.zeros((4, 0), bool))
    assert "numbered from 0; found -1" in refused([0, 1, -1, 2])
    assert "found 1 to 3, which would make a class 0 without images: give labels - 1" in refused([1, 2, 3, 3])
    message = refused([0, 1, 2, 100_000])
    assert "4 different labels up to 100000: number them, as by np.unique" in message
    assert "lie in 0..1; found -1 to 1" in refused(2 * binary(4) - 1)
    assert "lie in 0..1; found 0 to 1.5" in refused(1.5 * binary(4))
    assert "lie in 0..1; found nan to nan" in refused(binary(4) * np.nan)
    unlike = {"x_train": noise(4, 8, 8), "y_train": binary(4), "x_test": noise(4, 8, 8), "y_test": [0] * 4}
    assert "differ in shape: train (n, 3), test (n,)" in complaint(unlike)


def test_labels_of_every_form():
    images = noise(4, 8, 8)
    for given in ([0, 1, 2, 1], np.array([[0], [1], [2], [1]], np.int64), np.array([0, 1, 2, 1], np.uint8),
                  np.array([0.0, 1.0, 2.0, 1.0])):  # fmt: skip
        labels = everything(load((images, given), batch_size=4, shuffle=False))[1]
        assert labels.dtype == np.int32 and labels.tolist() == [0, 1, 2, 1]
    ink = everything(load((images, [True, False, True, True]), batch_size=4, shuffle=False))[1]
    assert ink.tolist() == [1, 0, 1, 1] and ink.dtype == np.int32
    one = everything(load((images, np.full(4, 3)), "train", model(labels=True, classes=10), 4))[1]
    assert one.tolist() == [3] * 4  # one class of ten alone


def test_an_image_alone_is_explained():
    message = complaint(noise(28, 28, 3))
    assert (
        "received (28, 28, 3): a single image is x[None], grey images of this width are x[..., None]"
        in message
    )


def test_bad_options_are_refused():
    images = noise(10, 8, 8)
    message = complaint(images, batch_size=64)
    assert "10 images" in message and "batch of 64" in message and "10 or less" in message
    assert len(load(images, batch_size=64, drop_remainder=False)) == 1
    assert "did you mean random" in complaint(images, crop="randm")
    assert "did you mean static" in complaint(images, binarize="statik")
    assert "unknown dtype 'float16'" in complaint(images, dtype="float16")
    assert "at least 1" in complaint(images, batch_size=0)
    assert "repeat must be at least 1; received 0" in complaint(images, repeat=0)
    assert "enlarge must be at least 1; received 0.5" in complaint(images, enlarge=0.5)
    assert "did you mean nearest" in complaint(images, resample="neares")
    assert "pair must be two names, as ('left', 'right'); received 'left'" in complaint(images, pair="left")
    assert "exclude each other" in complaint(images, pair="left,right", domains="usps")
    assert "epochs must be a range" in complaint(images, epochs=3)
    assert "(height, width, channels)" in complaint(images, image_shape=(8, 8))
    assert "the model's images are (8, 8, 1)" in complaint(images, for_model=model(), image_shape=(8, 8, 3))
    assert "2 channels" in complaint(images, image_shape=(8, 8, 2))
    both = {name: Image((8, 8, 1)) for name in ("photo", "map")}
    paired = SimpleNamespace(fields=both, data_spec=[field.spec(name) for name, field in both.items()])
    assert "trains on photo, map" in complaint(images, for_model=paired)


# Order


def test_an_epoch_is_a_function_of_seed_and_number():
    pair, options = numbered(20), dict(batch_size=6)
    straight = numbers(load(pair, epochs=range(4), **options))
    assert len(straight) == 12 and len(load(pair, epochs=range(4), **options)) == 12
    tf.random.set_seed(99)
    resumed = numbers(load(pair, epochs=range(2, 4), **options))
    assert resumed == straight[6:]
    for epoch in range(4):
        seen = joined(straight[3 * epoch : 3 * epoch + 3])
        assert len(set(seen)) == 18
        assert seen != sorted(seen)
    assert len({str(straight[3 * epoch]) for epoch in range(4)}) == 4
    assert numbers(load(pair, epochs=range(4), seed=1, **options)) != straight
    assert numbers(load(pair, epochs=range(3, 0, -2), **options)) == straight[9:] + straight[3:6]


def test_all_orders_are_likely():
    first = [batch[0] for batch in numbers(load(numbered(4), epochs=range(400), batch_size=4))]
    assert np.bincount(np.array(first, int), minlength=4).min() > 70  # 100 expected, 3.5 sigma


def test_without_epochs_each_iteration_has_an_order_of_its_own():
    pair = numbered(20)
    dataset = load(pair, batch_size=20)
    orders = [numbers(dataset)[0] for _ in range(3)]
    assert len({str(order) for order in orders}) == 3
    assert all(sorted(order) == list(range(20)) for order in orders)
    again = load(pair, batch_size=20)
    assert [numbers(again)[0] for _ in range(3)] == orders
    assert len({str(order) for order in numbers(dataset.repeat(3))}) == 3


def test_defaults_follow_the_split():
    arrays = {"train_image": numbered(20)[0], "test_image": numbered(10)[0]}
    train, test = (load(arrays, split, batch_size=8) for split in ("train[:15]", "test"))
    assert (len(train), len(test)) == (1, 2)
    assert joined(numbers(test)) == list(range(10))
    assert numbers(load(arrays, "train", shuffle=False, batch_size=8))[0] == list(range(8))
    assert len(load(arrays, "train", shuffle=False, batch_size=8)) == 3
    both = load(arrays, "test", shuffle=False, batch_size=8, drop_remainder=False, epochs=range(2))
    assert [len(batch) for batch in numbers(both)] == [8, 2, 8, 2]


def test_splits_have_tfds_grammar():
    arrays = {"x_train": numbered(20)[0], "x_test": 100 + numbered(10)[0]}

    def chosen(split):
        found = joined(numbers(load(arrays, split, shuffle=False)))
        assert size(arrays, split) == len(found)
        return found

    assert chosen("train[:3]") == [0, 1, 2]
    assert chosen("train[-2:]") == [18, 19]
    assert chosen("train[80%:]") == [16, 17, 18, 19]
    assert chosen("test[:25%]") == [100, 101]  # 2.5, to the even one, as in TFDS
    assert chosen("train[3:5]+test[5%:-8]") == [3, 4, 100, 101]
    assert chosen("all") == [*range(20), *range(100, 110)]
    assert "no split 'val'; there is train, test" in complaint(arrays, "val")
    for bad in ("train[", "train[1:2:3]", "train[a:]", "train[:1.5%]", ""):
        assert "cannot read the split" in complaint(arrays, bad)
    for bad in ("train[:21]", "train[5:5]", "train[-21:]"):
        assert "of 20 examples in 'train'" in complaint(arrays, bad)
    assert "there is train; a part of one is written 'train[80%:]'" in complaint(numbered(4), "test")


def test_global_batches_are_kept_on_two_devices(two_devices):
    dataset = load(numbered(20), batch_size=8, epochs=range(2))
    shared = [
        joined(x[:, 0, 0, 0].numpy().tolist() for x in two_devices.experimental_local_results(images))
        for images, _ in two_devices.experimental_distribute_dataset(dataset)
    ]
    assert shared == numbers(dataset)
    policy = dataset.options().experimental_distribute.auto_shard_policy
    assert policy == tf.data.experimental.AutoShardPolicy.DATA


# Named arrays and digits


def test_npz_files(tmp_path):
    images, labels = numbered(6)
    path = tmp_path / "a.npz"
    for names in (("image", "label"), ("images", "labels"), ("x", "y"), ("arr_0", "arr_1")):
        np.savez(path, **dict(zip(names, (images, labels))))
        assert size(path) == size(str(path)) == 6
        got = everything(load(path, batch_size=6))
        np.testing.assert_array_equal(got[1], 10 * got[0][:, 0, 0, 0].astype(int))
    np.savez(path, x_train=images, y_train=labels, test_image=images[:2], test_label=labels[:2])
    assert [size(path, split) for split in ("train", "test")] == [6, 2]
    assert everything(load(path, "test"))[1].tolist() == [0, 10]
    np.savez(path, images=images, attributes=binary(6))
    assert len(attributes(path)) == 3
    np.testing.assert_array_equal(everything(load(path, shuffle=False))[1], binary(6))
    np.savez(path, voxels=images)
    assert "it has voxels; name them 'images'" in complaint(path)
    path.write_bytes(b"PK nothing")
    assert f"cannot read {path}" in complaint(path)
    assert "does not exist" in complaint(tmp_path / "b.npz")


def test_digits():
    assert (size("digits"), size("digits", "test"), size("digits", "all")) == (1437, 360, 1797)
    images, labels = everything(load("digits", "all"))
    assert images.shape == (1797, 8, 8, 1) and np.bincount(labels).min() > 170
    assert sorted(set(images.ravel().tolist())) == [round(level * 255 / 16) for level in range(17)]
    test, _ = everything(load("digits", "test"))
    train, _ = everything(load("digits", "train", shuffle=False))
    np.testing.assert_array_equal(np.concatenate([train, test]), images)
    assert np.bincount(everything(load("digits", "test"))[1]).min() > 20
