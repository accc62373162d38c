import os

import numpy as np
import pytest
import tensorflow as tf
from data_cases import complaint, everything, model, numbered, numbers, save, smooth
from PIL import Image

from tfgen.data import load, size, sources


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


def test_more_folders_than_classes_are_refused(pets):
    message = complaint(pets, for_model=model((8, 8, 3), labels=True, classes=1))
    assert "has 1 classes, but the labels of" in message and "are 2 classes" in message
    assert len(load(pets, for_model=model((8, 8, 3), labels=True, classes=2), batch_size=4)) == 3
    assert "are 2 classes" in complaint(pets, "train[:2]", for_model=model(labels=True, classes=1))


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
        with Image.open(tmp_path / name) as want:
            np.testing.assert_array_equal(image, np.asarray(want.convert("RGB")), name)


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
    (tmp_path / name).write_bytes(whole[: len(whole) * 3 // 4])
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
