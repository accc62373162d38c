"""Pairs: two images of one example, from sources of every kind."""

import numpy as np
import pytest
from data_cases import (
    READ,
    complaint,
    fields,
    folders,
    noise,
    paired,
    save,
    smooth,
    together,
    two,
    unpaired,
)

from tfgen.data import load, size
from tfgen.fields import Image


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


@READ
@pytest.mark.parametrize("kind", PAIRS)
def test_pairs_stay_together(tmp_path, kind):
    source, options = of_pairs(kind, tmp_path)
    dataset = load(source, for_model=paired(), batch_size=4, epochs=range(2), dtype="uint8", **options)
    assert list(dataset.element_spec) == ["inputs", "images"] and len(dataset) == 6
    got = together(dataset)
    np.testing.assert_array_equal(got["images"], got["inputs"] + 100)
    first, second = got["inputs"][:12, 0, 0, 0].tolist(), got["inputs"][12:, 0, 0, 0].tolist()
    assert sorted(first) == sorted(second) == list(range(12)) and first != second
    again = together(load(source, for_model=paired(), batch_size=4, epochs=range(1, 2), **options))
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
    seen = together(load(source, epochs=range(2), **options))
    np.testing.assert_array_equal(seen["inputs"], seen["images"])
    plain = together(load(source, "train", shuffle=False, **options))
    np.testing.assert_array_equal(
        plain["inputs"],
        together(load(source, for_model=net, shuffle=False, batch_size=6, dtype="uint8", cache=cache))[
            "inputs"
        ],
    )
    assert len(np.unique(np.concatenate([seen["inputs"], plain["inputs"]]), axis=0)) > 12


def test_pairs_of_sides_have_an_order_of_the_sides():
    images = np.concatenate([noise(4, 8, 8, 3), np.zeros((4, 8, 8, 3), np.uint8)], 2)
    got = together(load(images, pair=("right", "left"), batch_size=4, shuffle=False))
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
    got = together(load(tmp_path, for_model=net, pair=("photo", "map"), batch_size=3, dtype="uint8"))
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
        got = together(load(tmp_path, split, for_model=paired(), batch_size=count, dtype="uint8"))
        assert len(got["inputs"]) == count and (got["images"] == got["inputs"] + 100).all()
    back = together(load(tmp_path, "test", for_model=paired(), pair="B,A", batch_size=2, dtype="uint8"))
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
