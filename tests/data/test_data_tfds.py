import numpy as np
import pytest
import tensorflow as tf
from data_cases import binary, complaint, everything, joined, model, numbered, numbers, write_tfds

from tfgen.data import attributes, load, opening, pipeline, size, sources

# TFDS 4.9 reads a field of protobuf 6 that is deprecated there.
pytestmark = pytest.mark.filterwarnings("ignore:label\\(\\) is deprecated:DeprecationWarning")


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
    names = ("Smiling", "5_o_Clock", "Male")  # of the lowest binary digit, and so on
    kinds = {"image": features.Image(shape=(8, 8, 1)), "attributes": dict.fromkeys(names, np.bool_)}
    faces = [
        {"image": image, "attributes": dict(zip(names, digits.astype(bool)))}
        for image, digits in zip(numbered(20)[0], binary(20))
    ]
    write_tfds(root, "tiny_faces", kinds, {"train": faces[:16], "test": faces[16:]})
    kinds = {"image": features.Image(shape=(8, 8, 1)), "attributes": {"name": features.Text()}}
    named = [{"image": numbered(1)[0][0], "attributes": {"name": "a"}}]
    write_tfds(root, "tiny_names", kinds, {"train": named})
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
    assert straight[:3] != straight[3:6] and len(set(joined(straight[:3]))) == 18
    images, labels = everything(load("tiny_digits", **options))
    np.testing.assert_array_equal(labels, images[:, 0, 0, 0] % 3)
    monkeypatch.setattr(sources, "WINDOW", 8)
    options["batch_size"] = 20
    windows = joined(numbers(load("tiny_digits", epochs=range(1), **options)))
    assert set(windows[:4]) != set(range(4))
    assert [sorted(windows[:8]), sorted(windows[8:16])] == [list(range(8)), list(range(8, 16))]


@pytest.mark.parametrize("kept", [True, False], ids=["in memory", "streamed"])
def test_tfds_attributes(tfds_dir, monkeypatch, kept):
    opening._tfds.cache_clear()
    if not kept:
        monkeypatch.setattr(pipeline, "MEMORY", 0)
    options = dict(data_dir=tfds_dir, download=False)
    assert attributes("tiny_faces", **options) == ("5_o_Clock", "Male", "Smiling")
    assert attributes("tiny_faces", "test", **options) == ("5_o_Clock", "Male", "Smiling")
    assert attributes("tiny_digits", **options) == attributes("tiny_names", **options) == ()
    options["batch_size"] = 4

    def given(labels=None, for_model=None, **more):
        dataset = load("tiny_faces", for_model=for_model, labels=labels, dtype="uint8", **options, **more)
        images, labels = everything(dataset)
        return labels, binary(20)[images[:, 0, 0, 0]]

    for more in ({}, {"cache": True}, {"for_model": model(attributes=3)}):
        labels, digits = given(**more)
        assert labels.dtype == np.float32
        np.testing.assert_array_equal(labels, digits[:, [1, 2, 0]])
    labels, digits = given(("Smiling", "Male"), model(attributes=2))
    np.testing.assert_array_equal(labels, digits[:, [0, 2]])
    labels, digits = given("Male", model(labels=True, classes=2))
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, digits[:, 2])
    assert isinstance(load("tiny_faces", for_model=model(), **options).element_spec, tf.TensorSpec)
    assert isinstance(load("tiny_names", **{**options, "batch_size": 1}).element_spec, tf.TensorSpec)
    assert "did you mean Smiling" in complaint("tiny_faces", labels="smilng", **options)
    assert "name one, as labels='5_o_Clock'" in complaint(
        "tiny_faces", for_model=model(labels=True), **options
    )
    assert "are 3 classes; build" in complaint(
        "tiny_digits", for_model=model(labels=True, classes=2), **options
    )


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
    message = complaint("zzzzqqqq", **options)
    assert "no folder and no data set 'zzzzqqqq'; give digits, ring, grid" in message
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
