"""Places beside images: of arrays, and of digits that are pasted where a box says."""

import numpy as np
import pytest

from tfgen.data import load, placed
from tfgen.data.sources import Arrays
from tfgen.errors import InputError
from tfgen.models import GANCLS, GAWWN

RNG = np.random.default_rng(0)
BOXES = RNG.uniform(0, 0.5, (12, 1, 4)).astype("float32")
ROWS = {
    "images": np.arange(12, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 1), np.uint8),
    "captions": [f"no {number}" for number in range(12)],
    "places": BOXES,
}


@pytest.fixture(scope="module")
def model():
    return GAWWN(**GAWWN.tiny, seed=0)


def test_a_place_stays_with_its_image(model):
    seen = []
    for batch in load(ROWS, for_model=model, batch_size=3, repeat=2, dtype="uint8").as_numpy_iterator():
        number = batch["images"][:, 0, 0, 0]
        np.testing.assert_array_equal(batch["places"], BOXES[number])
        assert list(batch) == ["images", "captions", "places"]
        seen += number.tolist()
    assert sorted(seen) == sorted(2 * list(range(12)))


@pytest.mark.parametrize(
    "rows, how, line",
    [
        ({**ROWS, "places": BOXES[:3]}, {}, "places are those for each image; received 3 for 12 images"),
        ({**ROWS, "places": 8 * BOXES}, {}, "within [0, 1]; received"),
        ({**ROWS, "places": BOXES[..., :3]}, {}, "takes places (n, 1, 4); those of the dict are (n, 1, 3)"),
        ({k: v for k, v in ROWS.items() if k != "places"}, {}, "give boxes or points of arrays as 'places'"),
        (ROWS, {"flip": True}, "the dict has places in images as they are; omit flip"),
        ({**ROWS, "images": np.zeros((12, 8, 12, 1), np.uint8)}, {}, "would be cut to 8x8; give images"),
    ],
)
def test_bad_places_are_named(model, rows, how, line):
    with pytest.raises(InputError) as refused:
        load(rows, for_model=model, batch_size=3, **how)
    assert line in str(refused.value)


@pytest.fixture(scope="module")
def source():
    """Of digits that are a white cross in a corner, of the class of their number."""
    digits = np.zeros((10, 28, 28, 1), np.uint8)
    digits[:, 3:17, 8:11] = digits[:, 9:11, 5:14] = 255

    def of_split(split):
        return Arrays(digits, np.arange(10, dtype=np.int32), 10)

    return placed.PlacedDigits(of_split, "test[:40]")


def test_the_box_is_that_of_the_ink(source):
    images = source.images.numpy()[..., 0]
    assert images.shape == (40, 32, 32) and source.places.shape == (40, 1, 4)
    for image, box in zip(images, source.places[:, 0]):
        top, left, height, width = placed.box_of(image, 1)
        np.testing.assert_allclose(32 * box, (top, left, height, width))
        assert 10 <= height <= 24 and abs(width - height * 9 / 14) <= 0.5
        assert image[top : top + height, left : left + width].sum() == image.sum() > 0
    assert len(np.unique(source.places[:, 0, :2], axis=0)) > 30 and source.places.min() >= 0
    ends = source.places[..., :2] + source.places[..., 2:]
    assert ends.max() <= 1 and ends.max() > 0.9
    assert source.captions == [placed.WORDS[k] for k in source.labels.numpy()]


def test_a_model_of_captions_alone_takes_them_too(source):
    assert GANCLS(**{**GANCLS.tiny, "image_shape": (8, 8, 1)}).fields.keys() <= {"images", "captions"}
    assert source.class_names == placed.WORDS and source.classes == 10
