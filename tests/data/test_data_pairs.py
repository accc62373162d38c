"""Pairs, two domains, and what a training does to its images: sources of every kind."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from data_cases import (
    binary,
    complaint,
    everything,
    model,
    noise,
    numbered,
    numbers,
    save,
    smooth,
)

from tfgen.data import examples, load, size
from tfgen.fields import Classes, Image


def fields(**given):
    """A model of these fields."""
    return SimpleNamespace(fields=given)


def paired(shape=(8, 8, 1), channels=1):
    return fields(inputs=Image((*shape[:2], channels), 0.0, 1.0), images=Image(shape))


def unpaired(shape=(8, 8, 1), other=(8, 8, 1)):
    return fields(images_a=Image(shape), images_b=Image(other, 0.0, 1.0))


def joined(dataset):
    """The batches of a dataset of dicts as one."""
    batches = list(dataset.as_numpy_iterator())
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def two(count=12):
    """Pairs, of which the image is 100 more than the input."""
    images, _ = numbered(count)
    return {"inputs": images, "images": images + 100}


def folders(root, count=12, height=8, width=8, splits=("",)):
    """`two` as folders A and B, in which the endings differ."""
    for split in splits:
        for number in range(count):
            save(root / split / "A" / f"{number:02}.png", np.full((height, width), number, np.uint8))
            save(root / split / "B" / f"{number:02}.webp", np.full((height, width), number + 100, np.uint8),
                 lossless=True)  # fmt: skip
    return root


def of_pairs(kind, root):
    """(source, options) of `two` pairs, of every kind."""
    from test_data_tfds import write_tfds

    arrays = two()
    if kind == "arrays":
        return arrays, {}
    if kind == "npz":
        np.savez(root / "pairs.npz", **arrays)
        return root / "pairs.npz", {}
    if kind == "folders":
        return folders(root), {}
    if kind == "sides of files":
        for number, (left, right) in enumerate(zip(*arrays.values())):
            save(root / f"{number:02}.png", np.concatenate([left, right], 1)[..., 0])
        return root, {"pair": ("left", "right")}
    if kind == "sides of arrays":
        return np.concatenate([arrays["images"], arrays["inputs"]], 2), {"pair": "right,left"}
    from tensorflow_datasets import features

    image = features.Image(shape=(8, 8, 1))
    made = [{"drawing": a, "photo": b} for a, b in zip(*arrays.values())]
    write_tfds(root, "tiny_pairs", {"drawing": image, "photo": image}, {"train": made},
               supervised_keys=("drawing", "photo"))  # fmt: skip
    options = {"data_dir": str(root), "download": False}
    return "tiny_pairs", {**options, "pair": ["drawing", "photo"]} if kind == "features" else options


PAIRS = ("arrays", "npz", "folders", "sides of files", "sides of arrays", "supervised keys", "features")
READ = pytest.mark.filterwarnings("ignore:label\\(\\) is deprecated:DeprecationWarning")


@READ
@pytest.mark.parametrize("kind", PAIRS)
def test_pairs_stay_together(tmp_path, kind):
    source, options = of_pairs(kind, tmp_path)
    dataset = load(source, for_model=paired(), batch_size=4, epochs=range(2), dtype="uint8", **options)
    assert list(dataset.element_spec) == ["inputs", "images"] and len(dataset) == 6
    got = joined(dataset)
    np.testing.assert_array_equal(got["images"], got["inputs"] + 100)
    first, second = got["inputs"][:12, 0, 0, 0].tolist(), got["inputs"][12:, 0, 0, 0].tolist()
    assert sorted(first) == sorted(second) == list(range(12)) and first != second
    again = joined(load(source, for_model=paired(), batch_size=4, epochs=range(1, 2), **options))
    np.testing.assert_allclose(again["inputs"][:, 0, 0, 0], np.array(second) / 255, atol=1e-6)
    np.testing.assert_allclose(
        again["images"][:, 0, 0, 0], np.array(second) / 127.5 + 100 / 127.5 - 1, atol=1e-6
    )
    assert size(source, **options) == 12 or kind in ("folders",)


@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.parametrize("kind", ["arrays", "folders"])
def test_crops_and_mirrors_are_of_the_pair(tmp_path, kind, cache):
    """The one image is the other in grey, before and after; none is like the plain one."""
    colour = np.stack([smooth(20, 20)] * 6) // 2 + np.arange(6, dtype=np.uint8)[:, None, None, None]
    if kind == "folders":
        for number, image in enumerate(colour):
            save(tmp_path / "train" / "A" / f"{number}.png", image)
            save(tmp_path / "train" / "B" / f"{number}.png", image)
        source = tmp_path
    else:
        source = {"inputs": colour, "images": colour}
    net = fields(inputs=Image((16, 16, 3)), images=Image((16, 16, 3), 0.0, 1.0))
    options = dict(for_model=net, batch_size=6, flip=True, enlarge=1.25, dtype="uint8", cache=cache)
    one, other = (joined(load(source, epochs=range(e, e + 1), **options)) for e in (0, 1))
    for got in (one, other):
        np.testing.assert_array_equal(got["inputs"], got["images"])
    plain = joined(load(source, "train", shuffle=False, **options))
    np.testing.assert_array_equal(
        plain["inputs"],
        joined(load(source, for_model=net, shuffle=False, batch_size=6, dtype="uint8", cache=cache))[
            "inputs"
        ],
    )
    assert len(np.unique(np.concatenate([one["inputs"], other["inputs"], plain["inputs"]]), axis=0)) > 12


def test_pairs_of_sides_have_an_order_of_the_sides():
    images = np.concatenate([noise(4, 8, 8, 3), np.zeros((4, 8, 8, 3), np.uint8)], 2)
    got = joined(load(images, pair=("right", "left"), batch_size=4, shuffle=False))
    assert not got["inputs"].any()
    np.testing.assert_array_equal(got["images"], noise(4, 8, 8, 3))
    assert "trains on inputs, images; the ndarray has images; they are twice as wide as high" in complaint(
        images, for_model=paired((8, 8, 3), 3)
    )


def test_channels_of_a_pair_are_the_model_s(tmp_path):
    for number in range(3):
        save(tmp_path / "photo" / f"{number}.png", smooth(8, 8))
        save(tmp_path / "map" / f"{number}.png", smooth(8, 8))
    net = paired((8, 8, 1), 3)
    got = joined(load(tmp_path, for_model=net, pair=("photo", "map"), batch_size=3, dtype="uint8"))
    np.testing.assert_array_equal(got["inputs"][0], smooth(8, 8))
    np.testing.assert_array_equal(got["images"][0, ..., 0], smooth(8, 8, 1))
    smaller = fields(inputs=Image((None, None, 3)), images=Image((None, None, 1)))
    got = load(tmp_path, for_model=smaller, pair="photo,map", batch_size=3, image_shape=(4, 4, 1))
    assert got.element_spec["inputs"].shape == (3, 4, 4, 3) and got.element_spec["images"].shape == (
        3,
        4,
        4,
        1,
    )


def test_pairs_that_are_none_are_refused(tmp_path):
    root = folders(tmp_path / "p", 3)
    (root / "B" / "01.webp").unlink()
    assert f"{root / 'A' / '01.png'} has no partner in B" in complaint(root, for_model=paired())
    (root / "A" / "01.png").unlink()
    save(root / "B" / "09.png", smooth(8, 8, 1))
    assert f"{root / 'B' / '09.png'} has no partner in A" in complaint(root, for_model=paired())
    save(root / "B" / "10.png", smooth(8, 8, 1))
    line = (
        f"2 images have no partner in A ({root / 'B' / '09.png'}, {root / 'B' / '10.png'}); a pair has the "
    )
    assert line in complaint(root, for_model=paired())
    (root / "B" / "10.png").unlink()
    save(root / "A" / "09.png", smooth(16, 8, 1))
    assert "differ in size: 16x8 and 8x8" in complaint(root, for_model=paired())
    assert "pair=('a', 'b')" in complaint(root, pair=("a", "b")) and "has A, B; name two" in complaint(
        root, pair=("a", "b")
    )
    narrow = complaint(noise(4, 8, 1), for_model=paired(), pair=("left", "right"))
    assert "of a pair side by side each has a pixel at least; received an image of 8x1" in narrow
    save(tmp_path / "thin" / "0.png", smooth(8, 1))
    save(tmp_path / "thin" / "1.png", smooth(8, 8))
    assert "received an image of 8x1" in complaint(
        tmp_path / "thin", pair="left,right", image_shape=(8, 4, 3)
    )
    assert "or left,right of images that lie side" in complaint(tmp_path / "thin", pair="top,bottom")
    unlike = {"inputs": noise(3, 8, 8), "images": noise(3, 8, 9)}
    assert "pairs of one size; received inputs (3, 8, 8, 1) and images (3, 8, 9, 1)" in complaint(unlike)
    message = complaint(noise(4, 8, 8), for_model=unpaired())
    assert "trains on images_a, images_b; the ndarray has images; give folders A and B, or trainA" in message
    assert "no ink to binarize" in complaint(two(), binarize="static", batch_size=4)


def test_trained_sides_are_pairs_where_names_agree(tmp_path):
    for split, count in (("train", 4), ("test", 2)):
        for number in range(count):
            save(tmp_path / f"{split}A" / f"{number}.png", np.full((8, 8), number, np.uint8))
            save(tmp_path / f"{split}B" / f"{number}.png", np.full((8, 8), number + 100, np.uint8))
    for split, count in (("train", 4), ("test", 2)):
        got = joined(load(tmp_path, split, for_model=paired(), batch_size=count, dtype="uint8"))
        assert len(got["inputs"]) == count and (got["images"] == got["inputs"] + 100).all()
    back = joined(load(tmp_path, "test", for_model=paired(), pair="B,A", batch_size=2, dtype="uint8"))
    assert (back["images"] == back["inputs"] - 100).all()
    (tmp_path / "testB" / "0.png").unlink()
    assert f"{tmp_path / 'testA' / '0.png'} has no partner in B" in complaint(tmp_path, for_model=paired())
    save(tmp_path / "testB" / "0.png", smooth(8, 8, 1))
    save(tmp_path / "testB" / "0.bmp", smooth(8, 8, 1))
    assert "0.png have one name, and one partner; remove one" in complaint(tmp_path, for_model=paired())


def test_a_folder_that_could_be_pairs_says_how(tmp_path):
    for number in range(3):
        save(tmp_path / "sides" / f"{number}.png", smooth(8 + number, 16 + 2 * number))
        for name in ("maps", "photos"):
            save(tmp_path / "two" / name / f"{number}.png", smooth(8, 8))
            save(tmp_path / "alone" / f"{number}.png", smooth(8, 9))
    for name, net, hint in (
        (
            "sides",
            paired(),
            "twice as wide as high: if each is a pair side by side, give pair=left,right",
        ),
        ("two", paired(), "of the same names in both folders, give pair=maps,photos, the inputs first"),
        ("two", unpaired(), "give domains=maps,photos"),
        ("alone", paired(), "give pairs, as folders A and B with the same names, or side by side"),
    ):
        assert hint in complaint(tmp_path / name, for_model=net, image_shape=(8, 8, 1))


# Two domains


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
    straight = {name: each[:, 0, 0, 0] for name, each in joined(dataset).items()}
    for epoch in range(3):
        a, b = (straight[name][12 * epoch :][:12] for name in ("images_a", "images_b"))
        assert sorted(b) == list(range(100, 112))
        assert sorted(a[:5]) == sorted(a[5:10]) == list(range(5)) and len(set(a[10:])) == 2
        assert a[:5].tolist() != a[5:10].tolist()
    assert len({str(straight["images_b"][12 * epoch :][:12]) for epoch in range(3)}) == 3
    resumed = joined(load(source, epochs=range(1, 3), **options))
    for name, each in resumed.items():
        np.testing.assert_array_equal(each[:, 0, 0, 0], straight[name][12:])


def test_each_domain_is_scaled_and_cut_as_itself():
    source = {"images_a": noise(3, 8, 8, 3), "images_b": noise(5, 12, 12, 1)}
    got = joined(load(source, for_model=unpaired((8, 8, 3), (6, 6, 1)), batch_size=5, flip=True, enlarge=1.5))
    assert got["images_a"].shape == (5, 8, 8, 3) and got["images_b"].shape == (5, 6, 6, 1)
    assert got["images_a"].min() < -0.5 and got["images_b"].min() >= 0
    bare = load(source, "train[:2]", batch_size=2, shuffle=False)
    assert bare.element_spec["images_a"] == tf.TensorSpec((None, 8, 8, 3), tf.uint8)
    np.testing.assert_array_equal(joined(bare)["images_b"], source["images_b"][:2])


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
    got = joined(dataset)
    np.testing.assert_array_equal(got["labels_a"], 10 * got["images_a"][:, 0, 0, 0].astype(int))
    assert set(got["images_b"][:, 0, 0, 0]) == set(range(100, 100 + len(images_b)))
    assert len(set(got["labels_a"])) == 5


def test_an_attribute_of_the_first_domain_may_be_its_label():
    images = numbered(8)[0]
    source = {"images_a": images, "labels_a": binary(8), "images_b": images}
    got = joined(load(source, for_model=labelled(Classes(2)), labels="attribute_1", batch_size=8))
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


# Mirrors, enlargement, repetition


def test_half_of_the_images_are_mirrored_each_epoch_anew():
    ramp = np.broadcast_to(np.arange(8, dtype=np.uint8) * 10, (200, 8, 8)).copy()
    ramp[:, 0, :] = np.arange(200, dtype=np.uint8)[:, None]

    def mirrored(epoch, **options):
        images = everything(load(ramp, flip=True, epochs=range(epoch, epoch + 1), **options))[..., 0]
        falling = images[:, 1, 0] > images[:, 1, -1]
        assert (np.sort(images[:, 1]) == ramp[0, 1]).all()
        return {int(number): bool(each) for number, each in zip(images[:, 0, 0], falling)}

    first = mirrored(0, batch_size=50)
    assert 70 < sum(first.values()) < 130
    assert mirrored(0, batch_size=200) == mirrored(0, batch_size=200, cache=True) == first
    assert mirrored(1, batch_size=50) != first and mirrored(0, batch_size=50, seed=1) != first
    assert not any(mirrored(0, batch_size=50, shuffle=False).values())
    assert not any(mirrored(0, batch_size=50, split="train[:50]", shuffle=False).values())


def test_enlarged_images_are_cut_at_random_places():
    images = np.stack([smooth(16, 16)] * 30)

    def cut(epoch, **options):
        options = {"image_shape": (8, 8, 3), "enlarge": 1.25, "batch_size": 30, **options}
        return everything(load(images, epochs=range(epoch, epoch + 1), **options))

    whole = everything(load(images[:1], image_shape=(10, 10, 3), batch_size=1))[0]
    windows = {whole[y : y + 8, x : x + 8].tobytes() for y in range(3) for x in range(3)}
    assert {image.tobytes() for image in cut(0)} == windows  # 30 draws of 9 places miss one with 0.26
    assert (cut(0) == cut(0, cache=True)).all() and (cut(0) != cut(1)).any()
    assert len(np.unique(cut(0, shuffle=False), axis=0)) == 1


def test_an_epoch_may_take_each_image_several_times():
    pair = numbered(5)
    options = dict(image_shape=(8, 8, 1), batch_size=5, repeat=3)
    assert size(pair[0], repeat=3) == 15
    straight = numbers(load(pair, epochs=range(2), **options))
    assert len(straight) == 6 and all(sorted(batch) == list(range(5)) for batch in straight)
    assert len({str(batch) for batch in straight}) > 3
    assert numbers(load(pair, epochs=range(1, 2), **options)) == straight[3:]
    assert len(load(pair, batch_size=15, repeat=3)) == 1
    assert len(load(pair, batch_size=1, repeat=3, shuffle=False)) == 5
    grey = np.full((1, 8, 8), 128, np.uint8)
    for how, kinds in (("static", 1), ("dynamic", 3)):
        ink = everything(load(grey, binarize=how, batch_size=3, repeat=3, epochs=range(1)))
        assert len(np.unique(ink, axis=0)) == kinds
    places = np.stack(np.indices((12, 12)), -1).astype(np.uint8)
    places = np.stack([np.concatenate([places, places[..., :1] * 0], -1)])
    got = everything(
        load(places, image_shape=(8, 8, 3), resample="never", crop="random", batch_size=20, repeat=20)
    )
    assert len(np.unique(got[:, 0, 0], axis=0)) > 8  # of 25 places


def test_resampling():
    classes = np.kron(noise(4, 4) // 128 * 200, np.ones((5, 5), np.uint8)).astype(np.uint8)
    got = everything(load(classes[None], image_shape=(12, 12, 1), resample="nearest", batch_size=1))
    assert set(np.unique(got)) <= {0, 200}
    assert len(np.unique(everything(load(classes[None], image_shape=(12, 12, 1), batch_size=1)))) > 2
    picture = smooth(20, 24)
    got = everything(load(picture[None], image_shape=(8, 8, 3), resample="never", batch_size=1))
    np.testing.assert_array_equal(got[0], picture[6:14, 8:16])
    assert load(smooth(4, 6)[None], image_shape=(8, 8, 3), resample="never", batch_size=1)


# Examples


def test_examples_are_the_same_each_time(tmp_path):
    root = folders(tmp_path, 6, splits=("train", "test"))
    net = paired()
    first, again = (examples(root, 4, net, flip=True, enlarge=2.0) for _ in range(2))
    assert list(first) == ["inputs", "images"] and first["inputs"].shape == (4, 8, 8, 1)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    np.testing.assert_allclose(first["images"], 2 * first["inputs"] + 100 / 127.5 - 1, atol=1e-5)
    assert (examples(root, 4, net, seed=1)["inputs"] != first["inputs"]).any()
    assert len(examples(root, 40, net)["inputs"]) == 6
    bare = examples(numbered(9), 3)
    assert list(bare) == ["images", "labels"] and bare["images"].dtype == np.uint8
    arrays = {"x_train": numbered(9)[0], "x_test": numbered(3)[0] + 50}
    assert examples(arrays, 9, model())["images"].max() > -0.7 and len(examples(arrays, 9)["images"]) == 3
