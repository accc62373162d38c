"""Captions: of arrays, of a folder and of a TFDS set, as numbers beside their own image."""

import numpy as np
import pytest
from data_cases import READ, complaint, fields, numbered, save, together

from tfgen.data import arrays, describe, examples, load
from tfgen.fields import Image, Tokens

LENGTH = 12


def captioned(length=LENGTH):
    return fields(images=Image((8, 8, 1)), captions=Tokens(length))


def text_of(number):
    return f"Number {number:02}"


def of(kind, root, count=10):
    """(source, options) of images that hold their number, which their captions say."""
    images, texts = numbered(count)[0], [text_of(number) for number in range(count)]
    if kind == "arrays":
        return {"images": images, "captions": np.array(texts)}, {}
    if kind == ".npz":
        half = count // 2
        parts = {"train_image": images[:half], "test_image": images[half:]}
        parts |= {"train_captions": texts[:half], "test_captions": [text.encode() for text in texts[half:]]}
        np.savez(root / "data.npz", **parts)
        return root / "data.npz", {"split": "train+test"}
    if kind == "folder":
        for image, folder in zip(images, "ab" * count):
            save(root / "train" / folder / f"{image[0, 0, 0]:03}.png", image[..., 0])
        lines = [f"{'ab'[n % 2]}/{n:03}.png\t{text}" for n, text in reversed(list(enumerate(texts)))]
        (root / "train" / "captions.tsv").write_text("\ufeff" + "\r\n".join([*lines, "", ""]))
        return root, {}
    from data_cases import write_tfds
    from tensorflow_datasets import features

    pairs = [{"image": image, "caption": text} for image, text in zip(images, texts)]
    kinds = {"image": features.Image(shape=(8, 8, 1)), "caption": features.Text()}
    write_tfds(root, "tiny_captions", kinds, {"train": pairs})
    return "tiny_captions", {"data_dir": str(root), "download": False}


@READ
@pytest.mark.parametrize("kind", ["arrays", ".npz", "folder", "TFDS"])
def test_a_caption_stays_beside_its_image(tmp_path, kind):
    source, options = of(kind, tmp_path)
    field = Tokens(LENGTH)
    for cache in (False, True):
        how = dict(for_model=captioned(), batch_size=5, dtype="uint8", shuffle=True, repeat=2, cache=cache)
        got = together(load(source, epochs=range(2), **how, **options))
        seen = got["images"][:, 0, 0, 0]
        assert sorted(seen[:20]) == sorted([*range(10)] * 2) and list(seen[:20]) != list(seen[20:])
        assert got["captions"].dtype == np.int32 and got["captions"].shape == (40, LENGTH)
        assert [field.text(row) for row in got["captions"]] == [text_of(n).lower() for n in seen]
    assert "captions" not in str(load(source, **options, batch_size=5).element_spec)  # no model wants them


@READ
def test_a_line_about_data_shows_captions_and_says_which_are_cut(tmp_path):
    for kind in ("arrays", "TFDS"):
        source, options = of(kind, tmp_path)
        line = describe(source, for_model=captioned(), **options)
        assert "with captions ('number 00', 'number 01', 'number 02', ...)" in line and "cut" not in line
        line = describe(source, for_model=captioned(8), **options)
        assert "('number 0', 'number 0', 'number 0', ...; 10 of them are cut after 8 characters)" in line
    shown = examples(of("arrays", tmp_path)[0], 3, captioned())
    assert list(shown) == ["images", "captions"] and shown["captions"].shape == (3, LENGTH)


def test_numbers_are_captions_too():
    images, rows = numbered(4)[0], np.arange(8).reshape(4, 2) + 97
    got = together(
        load({"images": images, "captions": rows}, for_model=captioned(3), batch_size=4, shuffle=False)
    )
    np.testing.assert_array_equal(got["captions"], np.pad(rows, ((0, 0), (0, 1))))


def test_missing_captions_are_one_line(tmp_path):
    images = numbered(4)[0]
    line = complaint(images, for_model=captioned())
    assert (
        "trains on images, captions; the ndarray has images; give the texts of a folder's images in" in line
    )
    line = complaint({"images": images, "captions": ["a"] * 3}, for_model=captioned())
    assert line == "captions are a text for each image; received 3 for 4 images in 'train'"
    for text in (" ", "\u732b", b""):
        line = complaint(
            {"images": images, "captions": np.array(["a", text, "b", "c"], object)},
            for_model=captioned(),
            batch_size=2,
        )
        assert "captions of ASCII characters; number 1 has none" in line
    source, _ = of("folder", tmp_path)
    file = source / "train" / "captions.tsv"
    good = file.read_text("utf-8-sig")
    for text, said in (
        (good.replace("a/004.png\tNumber 04\n", ""), "a/004.png has no caption in captions.tsv; a line is"),
        ("", "a/000.png has no caption in captions.tsv, nor have 9 more"),
        (good.replace("\t", " "), "line 1 of"),
        (good + "b/001.png\tagain\n", "names 'b/001.png' once more; an image has one caption"),
        (good + "b/100.png\tnone\n", "names 'b/100.png', which is not there"),
    ):
        file.write_text(text)
        assert said in complaint(source, for_model=captioned(), batch_size=2), said
    file.write_bytes(b"\xff\xfe")
    assert "captions.tsv is not UTF-8; save it as UTF-8" in complaint(source, for_model=captioned())


def test_a_split_without_captions_has_none():
    splits = arrays.named(
        {"x_train": numbered(3)[0], "x_test": numbered(2)[0], "test_captions": ["a", "b"]}, ""
    )
    assert arrays.of_splits(splits, "test", ["images", "captions"]).captions == ["a", "b"]
    assert arrays.of_splits(splits, "train+test", ["images", "captions"]).captions is None
