"""Label maps: their palette, and scores of classes against scikit-learn's."""

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score, jaccard_score, recall_score

from tfgen.errors import InputError
from tfgen.metrics import label_maps

COLOURS = np.uint8([[0, 0, 222], [255, 80, 0], [32, 255, 224], [9, 9, 9]])


def test_a_palette_is_that_of_flat_colours():
    rng = np.random.default_rng(0)
    maps = COLOURS[rng.choice(3, (4, 16, 16), p=(0.6, 0.3, 0.1)).repeat(8, 1).repeat(8, 2)]
    assert (label_maps.palette(maps) == COLOURS[:3]).all()
    noisy = np.uint8(np.clip(maps + rng.normal(0, 3, maps.shape), 0, 255))  # as JPEG makes it
    small = np.uint8(maps.reshape(4, 32, 4, 32, 4, 3).mean((2, 4)))
    rims = np.stack([Image.fromarray(image).resize((100, 100)) for image in maps])
    for images in (noisy, small, rims):
        found = np.int16(label_maps.palette(images))
        assert found.shape == (3, 3) and abs(found - COLOURS[:3]).max() <= 8
    spots = [Image.fromarray(image) for image in rng.integers(0, 256, (8, 6, 6, 3), np.uint8)]
    for side in (16, 64):  # smooth, as photographs
        photos = np.stack([image.resize((side, side), Image.Resampling.BICUBIC) for image in spots])
        assert label_maps.palette(photos) is None
    ramp = np.uint8(np.linspace(0, 255, 4096).reshape(1, 64, 64, 1))
    assert label_maps.palette(ramp) is None
    assert label_maps.palette(rng.integers(0, 256, (2, 32, 32, 3), np.uint8)) is None
    assert label_maps.palette(np.where(ramp > 250, ramp, 0)).tolist()[0] == [0]


def test_scores_of_classes_are_scikit_learn_s():
    """Of noisy colours, a class that the truth does not have, and one that is never made."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, (5, 6, 7))
    made = np.where(rng.random(truth.shape) < 0.6, truth % 2, 3)
    noise = rng.integers(-4, 5, (2, *truth.shape, 3))
    images, others = (np.clip(COLOURS[x] + y, 0, 255) / 127.5 - 1 for x, y in zip((made, truth), noise))
    label_maps.check_fit(others, COLOURS, (-1, 1))
    counts = label_maps.confusion(images, others, (-1, 1), COLOURS)
    assert counts.shape == (5, 4, 4)
    made, truth = made.ravel(), truth.ravel()
    of = {"labels": [0, 1, 2], "average": "macro"}
    assert label_maps.agreement(counts.sum(0)) == pytest.approx(
        {
            "pixel_accuracy": accuracy_score(truth, made),
            "class_accuracy": recall_score(truth, made, **of),
            "class_iou": jaccard_score(truth, made, **of),
        }
    )


def test_a_palette_that_does_not_fit_is_refused(tmp_path):
    def opened(what, channels=3):
        with pytest.raises(InputError) as error:
            label_maps.opened(what, channels)
        return str(error.value)

    photo = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    Image.new("RGB", (16, 16)).save(tmp_path / "black.png")
    for name in ("photo.png", "black.png"):
        assert f"{tmp_path / name} is no picture of 2 to 32 flat colours" in opened(tmp_path / name)
    assert f"{tmp_path} is a folder; give a picture" in opened(tmp_path)
    assert "none.png does not exist" in opened(tmp_path / "none.png")
    assert "bytes (classes, 1) in 0..255; received uint8 of shape (4, 3)" in opened(COLOURS, 1)
    assert "received float64 of shape (4, 3)" in opened(COLOURS / 255)
    assert "at least 2 colours, each once; received [[0, 0, 222]]" in opened(COLOURS[:1])
    assert "each once" in opened(COLOURS[[0, 1, 1]])
    Image.fromarray(COLOURS[None].repeat(3, 0)).save(tmp_path / "legend.png")
    assert sorted(label_maps.opened(tmp_path / "legend.png", 3).tolist()) == sorted(COLOURS.tolist())
    with pytest.raises(InputError, match=r"does not fit: \d+% of the pixels of the true images are far"):
        label_maps.check_fit(photo[None] / 255, COLOURS, (0, 1))
