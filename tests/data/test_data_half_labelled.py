"""Images of which few have labels: a labelled and an unlabelled stream, cut by the seed."""

import numpy as np
import pytest
import tensorflow as tf
from data_cases import READ, binary, complaint, fields, model, numbered, save, together

from tfgen.data import describe, load
from tfgen.fields import Classes, Image
from tfgen.runs.data import checked_options


def half(classes=3, shape=(8, 8, 1)):
    """A model that takes images with labels and images without."""
    return fields(images=Image(shape), labels=Classes(classes), unlabelled=Image(shape))


def of(kind, root, count=30):
    """(source, options) of images that hold their number, whose class is the number modulo 3."""
    images, classes = numbered(count)[0], np.arange(count) % 3
    if kind == "arrays":
        return (images, classes), {}
    if kind == "folder":
        for image, label in zip(images, classes):
            save(root / f"{label}" / f"{image[0, 0, 0]:03}.png", image[..., 0])
        return root, {}
    from data_cases import write_tfds
    from tensorflow_datasets import features

    examples = [{"image": image, "label": label} for image, label in zip(images, classes)]
    made = {"image": features.Image(shape=(8, 8, 1)), "label": features.ClassLabel(num_classes=3)}
    write_tfds(root, "tiny_half", made, {"train": examples})
    return "tiny_half", {"data_dir": str(root), "download": False}


@READ
@pytest.mark.parametrize("kind", ["arrays", "folder", "TFDS"])
def test_few_keep_their_labels_of_each_class_as_many(tmp_path, kind):
    source, options = of(kind, tmp_path)
    options.update(for_model=half(), batch_size=6, dtype="uint8", labelled=7, seed=4)
    dataset = load(source, epochs=range(2), **options)
    assert list(dataset.element_spec) == ["images", "labels", "unlabelled"] and len(dataset) == 10
    straight = together(dataset)
    seen = straight["images"][:, 0, 0, 0].astype(int)
    np.testing.assert_array_equal(straight["labels"], seen % 3)
    assert len(set(seen)) == 7 and sorted(np.bincount([n % 3 for n in set(seen)])) == [2, 2, 3]
    for epoch in range(2):  # all images without their labels, and the few again and again
        others = straight["unlabelled"][30 * epoch :][:30, 0, 0, 0]
        assert sorted(others) == list(range(30))
        assert set(seen[30 * epoch :][:7]) == set(seen)
    assert len({str(seen[start : start + 7]) for start in (0, 7, 14, 30)}) == 4
    resumed = together(load(source, epochs=range(1, 2), **options))
    for name, each in resumed.items():
        np.testing.assert_array_equal(each, straight[name][30:])


def chosen(seed, **options):
    source, _ = of("arrays", None)
    options = {"batch_size": 30, **options}
    got = together(load(source, for_model=half(), labelled=6, seed=seed, **options))
    return set(got["images"][:, 0, 0, 0])


def test_the_seed_chooses_which():
    assert chosen(0) == chosen(0, batch_size=5, epochs=range(3, 4)) != chosen(1)


def test_without_a_number_all_have_labels():
    source, _ = of("arrays", None)
    got = together(load(source, "train[:6]", half(), 6, shuffle=False))
    np.testing.assert_array_equal(got["images"], got["unlabelled"])
    np.testing.assert_array_equal(got["labels"], [0, 1, 2, 0, 1, 2])


def test_a_source_may_have_unlabelled_images_of_its_own():
    images = numbered(30)[0]
    source = {"images": images[:3], "labels": [0, 1, 2], "unlabelled": images[3:], "test_images": images[:5],
              "test_labels": [0, 1, 2, 0, 1]}  # fmt: skip
    got = together(load(source, for_model=half(), batch_size=9, dtype="uint8"))
    assert set(got["images"][:, 0, 0, 0]) == {0, 1, 2}
    assert set(got["unlabelled"][:, 0, 0, 0]) == set(range(3, 30))
    test = together(load(source, "test", half(), 5, dtype="uint8"))
    np.testing.assert_array_equal(test["unlabelled"], test["images"])
    plain = load(source, for_model=model(labels=True), batch_size=3)  # a model of labels takes those alone
    assert plain.element_spec[1] == tf.TensorSpec((3,), tf.int32) and len(plain) == 1
    assert "has unlabelled images of its own" in complaint(source, for_model=half(), labelled=3)


def test_an_attribute_may_be_the_label():
    source = numbered(30)[0], binary(30)
    how = dict(labels="attribute_0", labelled=4, batch_size=4, dtype="uint8")
    got = together(load(source, for_model=half(2), **how))
    np.testing.assert_array_equal(got["labels"], got["images"][:, 0, 0, 0] & 1)
    assert "name one, as labels='attribute_0'" in complaint(source, labelled=4)


@pytest.mark.parametrize(
    ("labelled", "classes", "said"),
    [
        (31, 3, "labelled=31 asks for more labels than there are; the tuple has 30"),
        (2, 3, "labelled=2 leaves classes without an image; give 3 at least"),
        (8, 4, "each of 4 classes needs a labelled image; the tuple has none of 3"),
        (29, 3, "labelled=29 asks for 14 images of each class; the tuple has 1 of class 2; give 3 or less"),
    ],
)
def test_labels_that_cannot_be_cut_are_one_line(labelled, classes, said):
    images, labels = of("arrays", None)[0]
    if labelled == 29:
        labels, said = np.r_[np.arange(29) % 2, 2], said.replace("14", "10")
    message = complaint((images, labels), for_model=half(classes), labelled=labelled)
    assert said in message


def test_a_model_that_takes_no_unlabelled_images_says_so():
    source = of("arrays", None)[0]
    message = complaint(source, for_model=model(labels=True), labelled=6)
    assert "trains on images, labels; omit labelled, or choose a model that takes unlabelled" in message
    assert "omit labels=False" in complaint(source, labelled=6, labels=False)
    assert "labels are wanted" in complaint(source[0], for_model=half())


def test_the_command_line_s_option_and_the_line_about_the_data():
    assert checked_options({"labelled": 6}) == {"labelled": 6}
    line = describe(of("arrays", None)[0], for_model=half(), labelled=6)
    assert "30 images of 8x8x1, in 3 classes, 6 of them with labels" in line
    own = {"images": numbered(3)[0], "labels": [0, 1, 2], "unlabelled": numbered(9)[0]}
    assert "3 images of 8x8x1 and 9 unlabelled of 8x8x1, in 3 classes" in describe(own, for_model=half())
