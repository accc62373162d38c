"""The line about the data: what is in it, and what is done to it."""

import numpy as np
from data_cases import model, noise, numbered, save, smooth

from tfgen.data import describe


def test_a_folder_in_one_line(tmp_path):
    for number in range(10):
        save(tmp_path / "train" / "cat" / f"{number}.png", smooth(20 + number % 2, 16))
    save(tmp_path / "test" / "dog" / "0.png", smooth(8, 8, 1))
    line = describe(tmp_path, for_model=model((16, 16, 3)), batch_size=4)
    assert line == (
        f"{tmp_path}: 10 images of 2 sizes up to 21x16x3, in 2 classes (cat, dog); split train of test 1, "
        f"train 10; resized and cropped in the middle to 16x16x3; batches of 4 leave out 2 in each epoch"
    )
    one = describe(tmp_path, "test", image_shape=(8, 8, 1), batch_size=1)
    assert one == f"{tmp_path}: 1 images of 8x8x1, in 2 classes (cat, dog); split test of test 1, train 10"


def test_what_is_done_to_the_images_is_said():
    options = dict(image_shape=(4, 4, 1), batch_size=3, flip=True, enlarge=1.5, repeat=3, binarize="static")
    assert describe(numbered(8), **options) == (
        "the tuple: 8 images of 8x8x1, in 71 classes; split train; resized and cropped at a random place to "
        "4x4x1; half of them mirrored; each 3 times an epoch"
    )
    line = describe((noise(4, 8, 8), np.eye(4)[:, :3]), batch_size=4)
    assert "with 3 attributes (attribute_0, attribute_1, " in line


def test_pairs_and_domains_are_called_so(tmp_path):
    pair = {"inputs": noise(6, 8, 8), "images": noise(6, 8, 8, 3)}
    assert describe(pair, batch_size=6) == "the dict: 6 pairs of 8x8x1; split train"
    two = {"images_a": noise(6, 8, 8), "images_b": noise(9, 4, 4, 3)}
    line = describe(two, batch_size=2)
    assert line.startswith(
        "the dict: 6 images_a of 8x8x1 and 9 images_b of 4x4x3; split train; batches of 2 leave"
    )


def test_deep_images_that_are_dark_are_said(tmp_path):
    save(tmp_path / "a.png", np.arange(64, dtype=np.uint16).reshape(8, 8) * 50)
    assert "16-bit images whose brightest value is 3150 of 65535 become almost black" in describe(tmp_path)
    save(tmp_path / "b.png", np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000)
    assert "16-bit" not in describe(tmp_path)
