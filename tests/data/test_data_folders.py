import os

import numpy as np
import pytest
import tensorflow as tf
from data_cases import complaint, everything, model, numbered, numbers, save, smooth
from PIL import Image, ImageOps

from tfgen.data import load, size, sources
from tfgen.data.opening import is_path
from tfgen.runs.data import absolute


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


def test_images_beside_folders_are_named(tmp_path):
    save(tmp_path / "cat" / "c.PNG", smooth(8, 8))
    save(tmp_path / "dog" / "d.png", smooth(8, 8))
    stray = tmp_path / "a.png"
    save(stray, smooth(8, 8))
    message = complaint(tmp_path, batch_size=1)
    assert f"{tmp_path} has class folders (cat, dog) and beside them an image: a.png; move" in message
    save(tmp_path / "b.png", smooth(8, 8))
    assert "2 images: a.png" in complaint(tmp_path, batch_size=1)
    stray.unlink()
    (tmp_path / "b.png").unlink()
    assert load(tmp_path, batch_size=1).element_spec[1].dtype == tf.int32


def test_folders_of_splits(tmp_path):
    for number, name in enumerate(("train/cat/a", "train/dog/b", "train/dog/c", "test/dog/d")):
        save(tmp_path / f"{name}.png", np.full((8, 8), number, np.uint8))
    assert [size(tmp_path, split) for split in ("train", "test", "all")] == [3, 1, 4]
    images, labels = everything(load(tmp_path, "test"))
    assert (images[0, 0, 0, 0], labels[0]) == (3, 1)  # a dog is 1 in every split
    assert "there is test, train" in complaint(tmp_path, "val")
    save(tmp_path / "bird" / "e.png", smooth(8, 8, 1))
    beside = f"has folders of splits (test, train) and beside them an image: {os.path.join('bird', 'e.png')}"
    assert beside in complaint(tmp_path)
    (tmp_path / "bird" / "e.png").rename(tmp_path / "e.png")
    assert "and beside them an image: e.png" in complaint(tmp_path)
    (tmp_path / "e.png").rename(tmp_path / "train" / "e.png")
    assert f"{tmp_path / 'train'} has class folders (cat, dog)" in complaint(tmp_path)
    (tmp_path / "train" / "e.png").rename(tmp_path / "test" / "e.png")
    assert f"{tmp_path / 'test'} has class folders (dog)" in complaint(tmp_path)
    (tmp_path / "test" / "dog" / "d.png").unlink()
    assert everything(load(tmp_path, "train", shuffle=False))[1].tolist() == [0, 1, 1]
    assert isinstance(load(tmp_path, "test").element_spec, tf.TensorSpec)  # without classes


@pytest.mark.parametrize(
    "names", [("Train", "Test"), ("training", "testing"), ("TRAIN", "val"), ("train", "Validation")]
)
def test_splits_by_other_names(tmp_path, names):
    for number, name in enumerate(names):
        save(tmp_path / name / "cat" / "a.png", np.full((8, 8), number, np.uint8))
    assert size(tmp_path) == 1
    other = "test" if "est" in names[1] else "validation"
    assert everything(load(tmp_path, other))[0][0, 0, 0, 0] == 1 and size(tmp_path, "all") == 2
    assert other == "test" or size(tmp_path, "val") == 1


def test_a_class_may_be_called_like_a_split(tmp_path):
    for name in ("car", "train"):
        save(tmp_path / name / "a.png", smooth(8, 8))
    assert everything(load(tmp_path, batch_size=2, shuffle=False))[1].tolist() == [0, 1]


def test_what_is_hidden_is_no_data(tmp_path):
    save(tmp_path / "cat" / "a.png", smooth(8, 8))
    for name in (".ipynb_checkpoints/b.png", "cat/.cache/c.png", "cat/._a.png", "__MACOSX/cat/a.png"):
        save(tmp_path / name, smooth(8, 8))
    (tmp_path / ".DS_Store").write_bytes(b"x")
    images, labels = everything(load(tmp_path, batch_size=1))
    assert len(images) == 1 and labels.tolist() == [0]


def test_pictures_of_runs_are_no_data(tmp_path):
    save(tmp_path / "cat" / "a.png", smooth(8, 8))
    save(tmp_path / "runs" / "vae" / "samples" / "epoch-0001.png", smooth(8, 8))
    (tmp_path / "runs" / "vae" / "run.json").write_text("{}")
    assert size(tmp_path) == 1
    assert "is the folder of a run, not of images" in complaint(tmp_path / "runs" / "vae")


def test_links_that_come_back_end(tmp_path):
    for name in ("cat", "dog"):
        save(tmp_path / "data" / name / "a.png", smooth(8, 8))
    (tmp_path / "data" / "all").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "cat" / "friend").symlink_to(tmp_path / "data" / "dog")
    (tmp_path / "data" / "dog" / "friend").symlink_to(tmp_path / "data" / "cat")
    assert size(tmp_path / "data") == 2
    save(tmp_path / "elsewhere" / "b.png", smooth(8, 8))
    (tmp_path / "data" / "fish").symlink_to(tmp_path / "elsewhere")
    assert sorted(everything(load(tmp_path / "data", batch_size=3))[1]) == [0, 1, 2]


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    save(tmp_path / "cat" / "a.png", smooth(8, 8))
    save(tmp_path / "dog" / "a.png", smooth(8, 8))
    scandir = os.scandir

    def refusing(folder):  # root may read everything
        if str(folder).endswith("dog"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    assert f"cannot read the folder {tmp_path / 'dog'}: Permission denied" in complaint(tmp_path)


@pytest.mark.parametrize("name", ["digits", "ring", "stacked_mnist", "mnist", "cifar10"])
def test_a_name_wins_over_a_folder_of_that_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / name / "0.png", smooth(8, 8))
    assert absolute(name) == name and not is_path(name)
    for folder in (f"./{name}", f"{name}/", str(tmp_path / name)):
        assert size(folder) == 1 and absolute(folder) == str(tmp_path / name)
    if name in ("digits", "ring"):
        assert size(name) > 1
    else:
        message = complaint(name, data_dir=str(tmp_path / "none"), download=False)
        assert f"the folder is ./{name}" in message or name == "stacked_mnist"


def test_another_folder_needs_no_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "photos" / "0.png", smooth(8, 8))
    save(tmp_path / "data" / "photos" / "0.png", smooth(8, 8))
    for name in ("photos", "data/photos"):
        assert size(name) == 1 and absolute(name) == str(tmp_path / name)
    message = complaint("photoz")
    assert "there is no folder and no data set 'photoz'; did you mean photos?" in message
    assert "toto" not in message


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
    save(tmp_path / "dot.png", smooth(1, 1))
    assert f"{tmp_path / 'dot.png'} is an image of one pixel" in complaint(tmp_path, for_model=model())


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


@pytest.mark.parametrize("name", ["b.png", "b.jpg"])
def test_damage_between_whole_ends_is_named_by_the_decoder(tmp_path, name):
    save(tmp_path / "a.png", smooth(64, 64))
    save(tmp_path / name, smooth(64, 64))
    damaged = bytearray((tmp_path / name).read_bytes())
    begin = damaged.index(b"IDAT" if name == "b.png" else b"\xff\xc4") + 8  # pixels; Huffman tables
    damaged[begin : begin + 60] = bytes(60)
    (tmp_path / name).write_bytes(damaged)
    dataset = load(tmp_path, image_shape=(8, 8, 3), batch_size=1)
    line = f"InputError: cannot read the image {tmp_path / name}: .*put another image in its place"
    with pytest.raises(tf.errors.InvalidArgumentError, match=line):
        everything(dataset)


@pytest.mark.parametrize("turned", [False, True])
def test_images_stand_upright(tmp_path, turned):
    """By ImageOps, which is another implementation than ours; the size is known before, from the header."""
    exif, want = Image.Exif(), []
    for orientation in range(5, 9) if turned else range(1, 5):
        exif[0x0112] = orientation
        for extension, options in (("jpg", {}), ("png", {}), ("webp", {"lossless": True})):
            path = tmp_path / f"{orientation}-{extension}.{extension}"
            save(path, smooth(16, 12), exif=exif, **options)
            want.append(np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB")))
    assert {image.shape for image in want} == {(12, 16, 3) if turned else (16, 12, 3)}
    np.testing.assert_array_equal(everything(load(tmp_path, batch_size=12, shuffle=False)), want)


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
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"cannot read the image .* No such file"):
        everything(streamed)
