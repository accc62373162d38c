import io
import os
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgen.data import images as ops
from tfgen.data import load, opening, pipeline, size, sources
from tfgen.errors import InputError


def model(shape=(8, 8, 1), labels=False, value_range=(-1.0, 1.0)):
    """What `load` looks at in a model."""
    images = tf.TensorSpec((None, *shape), tf.float32, name="images")
    spec = (images, tf.TensorSpec((None,), tf.int32, name="labels")) if labels else images
    return SimpleNamespace(data_spec=spec, value_range=value_range)


def numbered(count, side=8):
    """Images that are constant and hold their own number, and labels that are ten times that."""
    images = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, side, side, 1), np.uint8)
    return images, 10 * np.arange(count)


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def smooth(height, width, channels=3):
    small = Image.fromarray(noise(5, 5, 3)).resize((width, height), Image.BICUBIC)
    return np.asarray(small if channels == 3 else small.convert("L"))


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


def everything(dataset):
    """All batches as one, by parts."""
    batches = [batch if isinstance(batch, tuple) else (batch,) for batch in dataset.as_numpy_iterator()]
    parts = [np.concatenate(part) for part in zip(*batches)]
    return parts[0] if len(parts) == 1 else tuple(parts)


def numbers(dataset):
    """The numbers of `numbered` images, by batch."""
    return [(batch[0] if isinstance(batch, tuple) else batch)[:, 0, 0, 0].tolist()
            for batch in dataset.as_numpy_iterator()]  # fmt: skip


def complaint(*arguments, **options):
    """The one line with which `load` refuses."""
    with pytest.raises(InputError) as caught:
        load(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Arrays


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


def test_levels_of_every_dtype():
    images = noise(4, 8, 8, 3)
    for given in (images, images.astype(np.int64), images / 255, (images / 255).astype(np.float32)):
        np.testing.assert_array_equal(everything(load(given, shuffle=False)), images)
    ink = noise(4, 8, 8) > 127
    np.testing.assert_array_equal(everything(load(ink, shuffle=False))[..., 0], 255 * ink)
    np.testing.assert_array_equal(everything(load(images.tolist(), shuffle=False)), images)


def test_bad_arrays_are_refused():
    images = noise(4, 8, 8, 1) / 255
    assert "[0, 1]; found -1 to 1" in complaint(
        np.stack([images, -images])[:, 0] * 0 + [[[[-1.0], [1.0]] * 4]]
    )
    images[2, 3, 3] = np.nan
    assert "NaN, first in image 2" in complaint(images)
    assert "0..255; found -3 to 7" in complaint(np.array([-3, 7]).reshape(1, 1, 2))
    assert "0..255; found 0 to 256" in complaint(np.array([0, 256]).reshape(1, 1, 2))
    for shape in ((64,), (8, 8), (4, 8, 8, 1, 1), (4, 3, 32, 32), (4, 0, 8, 1)):
        assert f"received {shape}" in complaint(np.zeros(shape, np.uint8))
    assert "received <U1" in complaint(np.full((2, 2, 2), "a"))
    assert "shape (4,), one for each image; received int64 of shape (3,)" in complaint(
        (noise(4, 8, 8), [1, 2, 3])
    )
    assert "received float64" in complaint((noise(2, 8, 8), [0.5, 1.0]))
    assert "(images, labels); received 3 items" in complaint((1, 2, 3))
    assert "is 0:0 of 0" in complaint(np.zeros((0, 8, 8), np.uint8))


def test_bad_options_are_refused():
    images = noise(10, 8, 8)
    message = complaint(images, batch_size=64)
    assert "10 images" in message and "batch of 64" in message and "10 or less" in message
    assert len(load(images, batch_size=64, drop_remainder=False)) == 1
    assert "did you mean random" in complaint(images, crop="randm")
    assert "did you mean static" in complaint(images, binarize="statik")
    assert "unknown dtype 'float16'" in complaint(images, dtype="float16")
    assert "at least 1" in complaint(images, batch_size=0)
    assert "epochs must be a range" in complaint(images, epochs=3)
    assert "(height, width, channels)" in complaint(images, image_shape=(8, 8))
    assert "the model's images are (8, 8, 1)" in complaint(images, for_model=model(), image_shape=(8, 8, 3))
    assert "2 channels" in complaint(images, image_shape=(8, 8, 2))
    paired = SimpleNamespace(data_spec=[tf.TensorSpec((None, 8, 8, 1), name=n) for n in ("photo", "map")])
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
        seen = sum(straight[3 * epoch : 3 * epoch + 3], [])
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
    assert sum(numbers(test), []) == list(range(10))
    assert numbers(load(arrays, "train", shuffle=False, batch_size=8))[0] == list(range(8))
    assert len(load(arrays, "train", shuffle=False, batch_size=8)) == 3
    both = load(arrays, "test", shuffle=False, batch_size=8, drop_remainder=False, epochs=range(2))
    assert [len(batch) for batch in numbers(both)] == [8, 2, 8, 2]


def test_splits_have_tfds_grammar():
    arrays = {"x_train": numbered(20)[0], "x_test": 100 + numbered(10)[0]}

    def chosen(split):
        found = sum(numbers(load(arrays, split, shuffle=False)), [])
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
        sum(
            (part[0][:, 0, 0, 0].numpy().tolist() for part in zip(two_devices.experimental_local_results(x))),
            [],
        )
        for x, _ in two_devices.experimental_distribute_dataset(dataset)
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
        got = everything(load(path, batch_size=2, seed=3))
        np.testing.assert_array_equal(got[1], 10 * got[0][:, 0, 0, 0].astype(int))
    np.savez(path, x_train=images, y_train=labels, test_image=images[:2], test_label=labels[:2])
    assert [size(path, split) for split in ("train", "test")] == [6, 2]
    assert everything(load(path, "test"))[1].tolist() == [0, 10]
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


# Sizes, crops, channels


def test_resizing_is_antialiased_and_keeps_proportions():
    picture = smooth(24, 40)
    got = everything(load(picture[None], image_shape=(12, 12, 3), batch_size=1))[0]
    want = np.asarray(Image.fromarray(picture).resize((20, 12), Image.BILINEAR))[:, 4:16]
    assert np.abs(got.astype(int) - want).max() <= 1
    checks = np.indices((24, 24)).sum(0)[None] % 2 * 255
    grey = everything(load(checks, image_shape=(8, 8, 1), batch_size=1))
    assert np.abs(grey[:, 1:-1, 1:-1] - 127.0).max() < 25  # without antialiasing it is 0 or 255
    larger = everything(
        load(smooth(28, 28, 1)[None], for_model=model((32, 32, 1)), batch_size=1, dtype="uint8")
    )
    want = np.asarray(Image.fromarray(smooth(28, 28, 1)).resize((32, 32), Image.BILINEAR))
    assert np.abs(larger[0, :, :, 0].astype(int) - want).max() <= 1
    odd = everything(load(smooth(17, 31)[None], image_shape=(10, 13, 3), batch_size=1))
    assert odd.shape == (1, 10, 13, 3)


def test_random_crops_are_windows_that_move_by_epoch():
    rows, columns = np.indices((12, 8))
    places = np.stack([rows, columns, rows * 0], -1).astype(np.uint8)
    images = np.repeat(places[None], 40, 0)
    images[..., 2] = np.arange(40)[:, None, None]

    def crops(**options):
        options = dict(image_shape=(8, 8, 3), batch_size=8, crop="random", **options)
        found = everything(load(images, **options))
        np.testing.assert_array_equal(
            found - found[:, :1, :1], np.repeat((places - places[:1, :1])[None, :8], 40, 0)
        )
        return {int(number): int(row) for row, _, number in found[:, 0, 0]}

    first = crops(epochs=range(1))
    assert set(first.values()) == {0, 1, 2, 3, 4}
    assert crops(epochs=range(1), shuffle=False) == first  # by example, not by position
    assert crops(epochs=range(1, 2)) != first and crops(epochs=range(1), seed=1) != first
    centre = everything(load(images, image_shape=(8, 8, 3), batch_size=8))
    assert set(centre[:, 0, 0, 0].tolist()) == {2}


def test_channels_are_converted():
    colour = smooth(8, 8)
    grey = np.asarray(Image.fromarray(colour).convert("L"))
    alpha = np.concatenate([colour, np.full((8, 8, 1), 9, np.uint8)], -1)
    for given in (colour, alpha):
        np.testing.assert_array_equal(
            everything(load(given[None], image_shape=(8, 8, 1), batch_size=1))[0, ..., 0], grey
        )
        np.testing.assert_array_equal(
            everything(load(given[None], image_shape=(8, 8, 3), batch_size=1))[0], colour
        )
    np.testing.assert_array_equal(
        everything(load(grey[None], image_shape=(8, 8, 3), batch_size=1))[0],
        np.repeat(grey[..., None], 3, -1),
    )
    assert everything(load(alpha[None], batch_size=1)).shape == (1, 8, 8, 4)
    grey_alpha = alpha[..., 2:]
    np.testing.assert_array_equal(
        everything(load(grey_alpha[None], image_shape=(8, 8, 1), batch_size=1))[0], grey_alpha[..., :1]
    )


# Binarisation


def test_static_ink_belongs_to_the_example():
    images = np.full((40, 8, 8, 1), 102, np.uint8)
    images[:, 0] = np.arange(40)[:, None, None] * 0 + 255
    images[:, 1] = 0

    def ink(**options):
        pair = everything(load((images, np.arange(40)), binarize="static", **options))
        return pair[0][np.argsort(pair[1])]

    first = ink(epochs=range(1), batch_size=8)
    assert set(np.unique(first)) == {0, 255}
    assert (first[:, 0] == 255).all() and (first[:, 1] == 0).all()
    assert abs((first[:, 2:] == 255).mean() - 102 / 255) < 0.04  # 3.5 sigma
    assert len(np.unique(first.reshape(40, -1), axis=0)) == 40
    np.testing.assert_array_equal(ink(epochs=range(5, 6), batch_size=20), first)
    np.testing.assert_array_equal(ink(shuffle=False, batch_size=7), first)
    assert (ink(seed=1, batch_size=8) != first).any()
    unit = (
        everything(load(images, for_model=model(value_range=(0.0, 1.0)), binarize="static"))
        if False
        else None
    )
    assert unit is None


def test_dynamic_ink_is_drawn_anew_each_epoch():
    images = np.full((16, 8, 8, 1), 128, np.uint8)

    def ink(epoch, **options):
        pair = everything(
            load((images, np.arange(16)), binarize="dynamic", epochs=range(epoch, epoch + 1), **options)
        )
        return pair[0][np.argsort(pair[1])]

    first = ink(0, batch_size=8)
    np.testing.assert_array_equal(ink(0, batch_size=16, shuffle=False), first)
    assert 0.4 < (ink(1, batch_size=8) != first).mean() < 0.6
    unit = everything(
        load(images, for_model=model(value_range=(0.0, 1.0)), batch_size=16, binarize="dynamic")
    )
    assert set(np.unique(unit)) == {0.0, 1.0}


# Folders


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """Twelve images of one size; the first four are cats."""
    root = tmp_path_factory.mktemp("pets")
    for number, image in enumerate(numbered(12)[0][..., 0]):
        save(root / ("cat" if number < 4 else "dog/small") / f"{number:02}.png", np.stack([image] * 3, -1))
    (root / "dog" / "notes.txt").write_text("no image")
    (root / "dog" / ".hidden.png").write_text("no image")
    return root


def test_folders_are_labels(pets):
    assert size(pets) == 12 and size(str(pets), "train[75%:]") == 3
    images, labels = everything(load(pets, batch_size=4, epochs=range(1)))
    assert images.shape == (12, 8, 8, 3) and sorted(images[:, 0, 0, 0]) == list(range(12))
    np.testing.assert_array_equal(labels, images[:, 0, 0, 0] >= 4)
    assert images[:, 0, 0, 0].tolist() != list(range(12))
    floats = load(str(pets), for_model=model((4, 4, 1), labels=True), batch_size=4)
    assert floats.element_spec[0] == tf.TensorSpec((4, 4, 4, 1), tf.float32) and len(floats) == 3
    np.testing.assert_allclose(
        np.sort(everything(floats)[0][:, 0, 0, 0]), np.arange(12) / 127.5 - 1, atol=1e-6
    )


def test_the_order_of_a_folder_is_a_function_of_seed_and_epoch(pets):
    straight = numbers(load(pets, batch_size=5, epochs=range(3)))
    assert [len(batch) for batch in straight] == [5] * 6
    assert numbers(load(pets, batch_size=5, epochs=range(1, 3))) == straight[2:]
    assert straight[:2] != straight[2:4]


def test_images_beside_folders_leave_no_labels(tmp_path):
    save(tmp_path / "a.png", smooth(8, 8))
    save(tmp_path / "b" / "c.PNG", smooth(8, 8))
    assert isinstance(load(tmp_path, batch_size=1).element_spec, tf.TensorSpec)
    assert "has none" in complaint(tmp_path, for_model=model((8, 8, 3), labels=True))


def test_folders_of_splits(tmp_path):
    for number, name in enumerate(("train/cat/a", "train/dog/b", "train/dog/c", "test/dog/d")):
        save(tmp_path / f"{name}.png", np.full((8, 8), number, np.uint8))
    assert [size(tmp_path, split) for split in ("train", "test", "all")] == [3, 1, 4]
    images, labels = everything(load(tmp_path, "test"))
    assert (images[0, 0, 0, 0], labels[0]) == (3, 1)  # a dog is 1 in every split
    assert "there is test, train" in complaint(tmp_path, "val")
    save(tmp_path / "bird" / "e.png", smooth(8, 8, 1))
    assert size(tmp_path) == 5  # now they are three classes


def test_every_format(tmp_path):
    colour = smooth(16, 12)
    for name in ("a.png", "b.bmp"):
        save(tmp_path / name, colour)
    save(tmp_path / "c.webp", colour, lossless=True)
    save(tmp_path / "d.jpeg", colour, quality=90)
    save(tmp_path / "e.JPG", colour, quality=50, subsampling=2)
    Image.fromarray(colour).convert("RGBA").save(tmp_path / "f.png")
    Image.fromarray(colour).quantize(16).save(tmp_path / "g.png")
    Image.fromarray(colour).quantize(16).save(tmp_path / "h.bmp")
    frames = [Image.fromarray(colour).quantize(16), Image.fromarray(255 - colour).quantize(16)]
    frames[0].save(tmp_path / "i.gif", save_all=True, append_images=frames[1:])
    (tmp_path / "j.png").write_bytes((tmp_path / "d.jpeg").read_bytes())  # what it holds counts
    (tmp_path / "k.jpg").write_bytes((tmp_path / "d.jpeg").read_bytes() + b"a camera's notes")
    got = everything(load(tmp_path, shuffle=False))
    assert got.shape == (11, 16, 12, 3)
    for name, image in zip(sorted(os.listdir(tmp_path)), got):
        np.testing.assert_array_equal(image, np.asarray(Image.open(tmp_path / name).convert("RGB")), name)


def test_every_grey(tmp_path):
    grey = smooth(16, 12, 1)
    for name in ("a.png", "b.bmp", "c.jpg"):
        save(tmp_path / name, grey)
    Image.fromarray(grey).convert("LA").save(tmp_path / "d.png")
    Image.fromarray(grey).convert("1").save(tmp_path / "e.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "f.png")
    got = everything(load(tmp_path, shuffle=False))
    assert got.shape == (6, 16, 12, 1)
    want = {
        name: np.asarray(Image.open(tmp_path / name).convert("L")) for name in sorted(os.listdir(tmp_path))
    }
    want["f.png"] = grey
    for image, (name, pixels) in zip(got, want.items()):
        np.testing.assert_array_equal(image[..., 0], pixels, name)


def test_images_of_any_size_are_fitted(tmp_path):
    sizes = ((8, 8), (20, 11), (9, 30), (5, 6))
    for number, (height, width) in enumerate(sizes):
        save(tmp_path / f"{number}.png", np.full((height, width, 3), 50 * number, np.uint8))
    assert "have no size in common; give image_shape" in complaint(tmp_path)
    for crop in ("center", "random"):
        got = everything(load(tmp_path, image_shape=(8, 8, 3), shuffle=False, crop=crop))
        np.testing.assert_array_equal(got, 50 * np.arange(4)[:, None, None, None] * np.ones((1, 8, 8, 3)))


def test_grey_and_colour_mixed(tmp_path):
    save(tmp_path / "a.png", smooth(8, 8, 1))
    save(tmp_path / "b.png", smooth(8, 8))
    assert "mixes grey and colour" in complaint(tmp_path)
    one, three = (everything(load(tmp_path, image_shape=(8, 8, c), shuffle=False)) for c in (1, 3))
    np.testing.assert_array_equal(one[1], one[0])  # smooth(8, 8, 1) is the grey of smooth(8, 8)
    np.testing.assert_array_equal(three[0], np.repeat(smooth(8, 8, 1)[..., None], 3, -1))
    assert len(load(tmp_path, for_model=model(), batch_size=2)) == 1
    assert "4 channels" in complaint(tmp_path, image_shape=(8, 8, 4))


def test_missing_and_empty_folders(tmp_path):
    assert "is not a folder" in complaint(tmp_path / "nothing")
    assert "is not a folder" in complaint("./nothing/here")
    (tmp_path / "notes.txt").write_text("no image")
    assert f"{tmp_path} has no images (.png" in complaint(tmp_path)


def test_an_unreadable_image_is_named_before_training(pets, tmp_path):
    for name in ("a.png", "b.png"):
        save(tmp_path / name, smooth(8, 8))
    (tmp_path / "b.png").write_bytes(b"not an image")
    assert f"cannot read the image {tmp_path / 'b.png'}" in complaint(tmp_path, for_model=model())
    (tmp_path / "b.png").write_bytes(b"")
    assert f"cannot read the image {tmp_path / 'b.png'}" in complaint(tmp_path, for_model=model())


@pytest.mark.parametrize("name", ["b.png", "b.jpg", "b.gif"])
def test_an_image_cut_short_is_named_by_its_decoder(tmp_path, name):
    save(tmp_path / "a.png", smooth(64, 64))
    save(tmp_path / name, smooth(64, 64))
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    dataset = load(tmp_path, image_shape=(8, 8, 3), batch_size=1)
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"cannot read the image {tmp_path / name}"):
        everything(dataset)


def test_a_large_folder_is_sampled_and_read_only_as_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "CHECKED", 10)
    monkeypatch.setattr(sources, "SAMPLED", 5)
    for number in range(20):
        save(tmp_path / f"{number:02}.png", smooth(8, 8))
    (tmp_path / "04.png").write_bytes(b"not an image")
    assert f"cannot read the image {tmp_path / '04.png'}" in complaint(tmp_path)
    (tmp_path / "04.png").write_bytes((tmp_path / "00.png").read_bytes())
    (tmp_path / "19.png").write_bytes(b"not an image")
    batches = load(tmp_path, shuffle=False, batch_size=4).as_numpy_iterator()
    assert next(batches).shape == (4, 8, 8, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"cannot read the image {tmp_path / '19.png'}"):
        list(batches)


def test_cache_reads_once(tmp_path):
    for number in range(4):
        save(tmp_path / "one" / f"{number}.png", np.full((9 + number, 9, 3), number, np.uint8))
    options = dict(for_model=model(labels=True), batch_size=2, epochs=range(2))
    plain = everything(load(tmp_path, **options))
    cached = load(tmp_path, cache=True, **options)
    streamed = load(tmp_path, **options)
    assert "use crop='center'" in complaint(tmp_path, cache=True, crop="random", **options)
    for path in (tmp_path / "one").iterdir():
        path.unlink()
    for got, want in zip(everything(cached), plain):
        np.testing.assert_array_equal(got, want)
    with pytest.raises(tf.errors.NotFoundError):
        everything(streamed)


def test_decoding_is_pillows(tmp_path):
    contents = io.BytesIO()
    Image.fromarray(smooth(33, 47)).save(contents, "JPEG", quality=60)
    got = ops.decode(tf.constant(contents.getvalue()), tf.constant("x"))
    np.testing.assert_array_equal(got, np.asarray(Image.open(contents)))


# TensorFlow Datasets


def write_tfds(root, name, features, splits):
    """A prepared set of TFDS; `splits` is {name: [example]}."""
    import tensorflow_datasets as tfds

    folder = root / name / "1.0.0"
    folder.mkdir(parents=True)
    identity = tfds.core.DatasetIdentity(
        name=name, version=tfds.core.Version("1.0.0"), data_dir=str(folder), module_name=""
    )
    info = tfds.core.DatasetInfo(builder=identity, features=tfds.features.FeaturesDict(features))
    writer = tfds.core.SequentialWriter(info, max_examples_per_shard=7)
    writer.initialize_splits(list(splits))
    writer.add_examples(splits)
    writer.close_all()


@pytest.fixture(scope="module")
def tfds_dir(tmp_path_factory):
    from tensorflow_datasets import features

    root = tmp_path_factory.mktemp("tfds")
    pairs = [{"image": image, "label": number % 3} for number, image in enumerate(numbered(30)[0])]
    kinds = {"image": features.Image(shape=(8, 8, 1)), "label": features.ClassLabel(num_classes=3)}
    write_tfds(root, "tiny_digits", kinds, {"train": pairs[:20], "test": pairs[20:]})
    kinds = {"image": features.Image(shape=(None, None, 3)), "name": features.Text()}
    photos = [{"image": np.full((9 + n, 12, 3), 20 * n, np.uint8), "name": str(n)} for n in range(10)]
    write_tfds(root, "tiny_photos", kinds, {"train": photos})
    write_tfds(root, "tiny_words", {"text": features.Text()}, {"train": [{"text": "a"}]})
    return str(root)


def test_tfds_sets(tfds_dir):
    options = dict(data_dir=tfds_dir, download=False)
    assert (size("tiny_digits", **options), size("tiny_digits", "test[:40%]+train", **options)) == (20, 24)
    images, labels = everything(load("tiny_digits", "test", **options))
    assert images[:, 0, 0, 0].tolist() == list(range(20, 30)) and images.shape == (10, 8, 8, 1)
    np.testing.assert_array_equal(labels, np.arange(20, 30) % 3)
    dataset = load(
        "tiny_digits", "train[5:]", for_model=model((4, 4, 3), labels=True), batch_size=5, **options
    )
    images, labels = everything(dataset)
    levels = np.rint((images[:, 0, 0, 0] + 1) * 127.5)
    assert sorted(levels) == list(range(5, 20)) and len(dataset) == 3 and images.shape[1:] == (4, 4, 3)
    np.testing.assert_array_equal(labels, levels % 3)


def test_streamed_tfds_sets(tfds_dir, monkeypatch):
    options = dict(data_dir=tfds_dir, download=False, batch_size=6)
    kept = numbers(load("tiny_digits", shuffle=False, **options))
    monkeypatch.setattr(pipeline, "MEMORY", 0)
    assert numbers(load("tiny_digits", shuffle=False, **options)) == kept
    straight = numbers(load("tiny_digits", epochs=range(3), **options))
    assert numbers(load("tiny_digits", epochs=range(1, 3), **options)) == straight[3:]
    assert straight[:3] != straight[3:6] and len(set(sum(straight[:3], []))) == 18
    images, labels = everything(load("tiny_digits", **options))
    np.testing.assert_array_equal(labels, images[:, 0, 0, 0] % 3)
    monkeypatch.setattr(sources, "WINDOW", 8)
    windows = sum(numbers(load("tiny_digits", epochs=range(1), **{**options, "batch_size": 20})), [])
    assert windows != list(range(20))
    assert [sorted(windows[:8]), sorted(windows[8:16])] == [list(range(8)), list(range(8, 16))]


def test_tfds_images_of_any_size(tfds_dir):
    options = dict(data_dir=tfds_dir, download=False)
    assert "have no size in common" in complaint("tiny_photos", **options)
    for more in ({}, {"cache": True}, {"crop": "random"}):
        got = everything(load("tiny_photos", image_shape=(6, 6, 3), shuffle=False, **more, **options))
        assert got[:, 0, 0, 0].tolist() == list(range(0, 200, 20)) and got.shape == (10, 6, 6, 3)
    assert "has none" in complaint("tiny_photos", for_model=model((6, 6, 3), labels=True), **options)


def test_a_set_kept_in_memory_is_decoded_once(tfds_dir, monkeypatch):
    options = dict(data_dir=tfds_dir, download=False)
    opening._tfds.cache_clear()
    calls = []
    monkeypatch.setattr(sources, "in_memory", lambda *a, real=sources.in_memory: calls.append(a) or real(*a))
    for _ in range(2):
        load("tiny_digits", batch_size=4, **options)
    assert len(calls) == 1


def test_tfds_names_and_splits_that_are_not_there(tfds_dir, tmp_path):
    options = dict(data_dir=tfds_dir, download=False)
    assert "did you mean fashion_mnist" in complaint("fashion_mnits", **options)
    assert "did you mean digits" in complaint("digit", **options)
    assert "did you mean tiny_photos" in complaint("tiny_photo", **options)
    assert "known are digits, a folder of images" in complaint("zzzzqqqq", **options)
    message = complaint("cifar100", **options)
    assert "'cifar100' is not prepared in" in message and "data_dir" in message
    assert "only: 3.0.1" in complaint("mnist:9.9.9", **options)
    assert "no 8-bit images 'image', but text" in complaint("tiny_words", **options)
    assert "Unknown split 'val'" in complaint("tiny_digits", "val", **options)
    assert "train[:x]" in complaint("tiny_digits", "train[:x]", **options)
    assert "is empty" in complaint("tiny_digits", "train[:0]", **options)
    assert "fewer than a batch" in complaint("tiny_digits", **options)


def test_a_download_that_fails_is_one_line(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    def offline(self):
        raise ConnectionError("no route to the host\nof the data")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", offline)
    message = complaint("cifar100", data_dir=str(tmp_path))
    assert "'cifar100' is not in" in message and message.endswith("no route to the host of the data")
