"""Two domains of images, whose examples have nothing to do with each other."""

import numpy as np
import pytest
import tensorflow as tf
from data_cases import (
    READ,
    binary,
    complaint,
    fields,
    noise,
    numbered,
    save,
    together,
    unpaired,
)

from tfgen.data import load
from tfgen.fields import Classes, Image


def of_domains(kind, root, a=5, b=12):
    """(source, options) of two domains: numbers from 0, and from 100."""
    from test_data_tfds import write_tfds

    images = {"A": numbered(a)[0], "B": numbered(b)[0] + 100}
    if kind == "arrays":
        return {"images_a": images["A"], "images_b": images["B"]}, {}
    if kind == "attribute":
        has = np.array([[0, 0]] * a + [[0, 1]] * b)
        return tuple(np.concatenate(each) for each in (tuple(images.values()), (has,))), {
            "domains": "attribute_1"
        }
    if kind == "another":
        np.savez(root / "b.npz", images=images["B"])
        return images["A"], {"domains": str(root / "b.npz")}
    if kind.startswith("folders"):
        names = {"folders": "train{}", "folders A and B": "{}", "folders below train": "train/{}"}[kind]
        for letter, each in images.items():
            for image in each:
                save(root / names.format(letter) / f"{image[0, 0, 0]:03}.png", image[..., 0])
        return root, {}
    from tensorflow_datasets import features

    made = {f"train{letter}": [{"image": image} for image in each] for letter, each in images.items()}
    write_tfds(root, "tiny_domains", {"image": features.Image(shape=(8, 8, 1))}, made)
    return "tiny_domains", {"data_dir": str(root), "download": False}


DOMAINS = (
    "arrays", "attribute", "another", "folders", "folders A and B", "folders below train", "TFDS",
)  # fmt: skip


@READ
@pytest.mark.parametrize("kind", DOMAINS)
def test_domains_have_orders_of_their_own(tmp_path, kind):
    source, options = of_domains(kind, tmp_path)
    options.update(for_model=unpaired(), batch_size=4, dtype="uint8")
    dataset = load(source, epochs=range(3), **options)
    assert list(dataset.element_spec) == ["images_a", "images_b"] and len(dataset) == 9
    straight = {name: each[:, 0, 0, 0] for name, each in together(dataset).items()}
    for epoch in range(3):
        a, b = (straight[name][12 * epoch :][:12] for name in ("images_a", "images_b"))
        assert sorted(b) == list(range(100, 112))
        assert sorted(a[:5]) == sorted(a[5:10]) == list(range(5)) and len(set(a[10:])) == 2
        assert a[:5].tolist() != a[5:10].tolist()
    assert len({str(straight["images_b"][12 * epoch :][:12]) for epoch in range(3)}) == 3
    resumed = together(load(source, epochs=range(1, 3), **options))
    for name, each in resumed.items():
        np.testing.assert_array_equal(each[:, 0, 0, 0], straight[name][12:])


def test_domains_of_as_many_images_have_orders_of_their_own():
    images = numbered(12)[0]
    source = {"images_a": images, "images_b": images}
    got = together(load(source, for_model=unpaired(), batch_size=12, dtype="uint8"))
    assert (got["images_a"] != got["images_b"]).any()


def test_each_domain_is_scaled_and_cut_as_itself():
    source = {"images_a": noise(3, 8, 8, 3), "images_b": noise(5, 12, 12, 1)}
    got = together(
        load(source, for_model=unpaired((8, 8, 3), (6, 6, 1)), batch_size=5, flip=True, enlarge=1.5)
    )
    assert got["images_a"].shape == (5, 8, 8, 3) and got["images_b"].shape == (5, 6, 6, 1)
    assert got["images_a"].min() < -0.5 and got["images_b"].min() >= 0
    bare = load(source, "train[:2]", batch_size=2, shuffle=False)
    assert bare.element_spec["images_a"] == tf.TensorSpec((None, 8, 8, 3), tf.uint8)
    np.testing.assert_array_equal(together(bare)["images_b"], source["images_b"][:2])


def labelled(field, shape=(8, 8, 1)):
    """A model that is told the labels of its first domain."""
    return fields(images_a=Image(shape), labels_a=field, images_b=Image(shape))


@pytest.mark.parametrize("kind", ["arrays", "another", "larger"])
def test_the_first_domain_has_labels_and_the_second_needs_none(tmp_path, kind):
    images, labels = numbered(5)
    images_b = numbered(3 if kind == "larger" else 12)[0] + 100
    source, options = {"images_a": images, "labels_a": labels, "images_b": images_b}, {}
    if kind == "another":
        np.savez(tmp_path / "b.npz", images=images_b)
        source, options = (images, labels), {"domains": str(tmp_path / "b.npz")}
    options.update(for_model=labelled(Classes(41)), batch_size=1, dtype="uint8")
    dataset = load(source, epochs=range(2), **options)
    assert list(dataset.element_spec) == ["images_a", "labels_a", "images_b"]
    assert dataset.element_spec["labels_a"] == tf.TensorSpec((1,), tf.int32)
    got = together(dataset)
    np.testing.assert_array_equal(got["labels_a"], 10 * got["images_a"][:, 0, 0, 0].astype(int))
    assert set(got["images_b"][:, 0, 0, 0]) == set(range(100, 100 + len(images_b)))
    assert len(set(got["labels_a"])) == 5


def test_an_attribute_of_the_first_domain_may_be_its_label():
    images = numbered(8)[0]
    source = {"images_a": images, "labels_a": binary(8), "images_b": images}
    got = together(load(source, for_model=labelled(Classes(2)), labels="attribute_1", batch_size=8))
    bits = np.rint(got["images_a"][:, 0, 0, 0] * 127.5 + 127.5).astype(int) >> 1 & 1
    np.testing.assert_array_equal(got["labels_a"], bits)
    assert "has 2 classes, but the labels of images_a of the dict are 3 attributes" in complaint(
        source, for_model=labelled(Classes(2))
    )


def test_labels_of_a_domain_that_do_not_fit_are_refused():
    images, labels = numbered(5)
    given = {"images_a": images, "labels_a": labels, "images_b": images}
    assert "has 10 classes, but the labels of images_a of the dict are 41 classes" in complaint(
        given, for_model=labelled(Classes(10))
    )
    without = {"images_a": images, "images_b": images}
    message = complaint(without, for_model=labelled(Classes(10)))
    assert "labels are wanted, but images_a of the dict has none; give" in message and "labels_a" in message
    only_b = {**without, "labels_b": labels}
    assert "images_a of the dict has none" in complaint(only_b, for_model=labelled(Classes(10)))


def test_domains_of_an_attribute_that_all_have_are_refused():
    assert "there are no images with attribute_0" in complaint(
        (noise(3, 8, 8), np.zeros((3, 2))), domains="attribute_0", for_model=unpaired()
    )
    assert "no folder and no data set 'Eyeglases'" in complaint(
        (noise(3, 8, 8), binary(3)), domains="Eyeglases", for_model=unpaired()
    )
