"""Labels that are measured of the images: what they are, of which images, and for which models."""

import numpy as np
import pytest
from data_cases import save, two

from tfgen.data import describe, load, measures
from tfgen.errors import InputError
from tfgen.models import ALCGAN, IcGAN
from tfgen.runs.data import conditions, label_names

GREY = [np.full((8, 8, 3), level, np.uint8) for level in (0, 50, 119, 255)]
RED, BLUE = (np.full((8, 8, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))
HALVES = np.uint8(255 * (np.arange(8) < 4))[:, None, None] * np.ones((1, 8, 3), np.uint8)


def test_they_are_those_of_cie_lab():
    """Grey 119 has L = 50; red and blue as CIE Lab of sRGB has them (L 53.2, a 80.1, b 67.2; b -107.9)."""
    names = ("lightness", "redness", "yellowness", "saturation", "contrast")
    found = measures.measure(np.stack([*GREY, RED, BLUE, HALVES]), names)
    np.testing.assert_allclose(found[[0, 2, 3, 4], 0], [0, 50, 100, 53.2], atol=0.1)
    np.testing.assert_allclose(found[4, 1:3], [80.1, 67.2], atol=0.2)
    assert found[5, 2] == pytest.approx(-107.9, abs=0.2)
    np.testing.assert_allclose(found[:6, 3], [0, 0, 0, 0, 1, 1])
    np.testing.assert_allclose(found[:6, 4], 0, atol=1e-3)
    assert found[6, 4] == pytest.approx(50, abs=4)  # resizing softens the edge


def test_a_label_is_the_share_of_training_images_that_have_less():
    arrays = {
        "train_images": np.stack([GREY[2], GREY[0], GREY[3], GREY[1], GREY[0]]),
        "test_images": np.stack([GREY[3], GREY[1], GREY[0]]),
    }
    how = dict(batch_size=8, shuffle=False, drop_remainder=False, labels="lightness")
    images, labels = next(load(arrays, "train", **how).as_numpy_iterator())
    assert images.shape == (5, 8, 8, 3) and labels.dtype == np.float32
    np.testing.assert_allclose(labels[[3, 0, 2], 0], [0.5, 0.75, 1])  # of two black ones, either's share
    _, other = next(load(arrays, "test", **how).as_numpy_iterator())
    np.testing.assert_allclose(other[:2, 0], [1, 0.5])


@pytest.mark.parametrize("kind", ["arrays", "files", "pairs", "halves"])
def test_they_are_of_what_is_made_and_stay_with_their_image(kind, tmp_path):
    rng = np.random.default_rng(0)
    levels = rng.permutation(np.arange(0, 250, 10))
    photos = levels[:, None, None, None].astype(np.uint8) * np.ones((1, 8, 8, 3), np.uint8)
    options = {}
    if kind == "files":
        for number, photo in enumerate(photos):
            save(tmp_path / f"{number:02}.png", photo)
    source = {"arrays": {"images": photos}, "files": tmp_path}.get(kind)
    if kind == "pairs":
        source = {"inputs": 255 - photos[..., :1], "images": photos}
    if kind == "halves":
        source, options = np.concatenate([255 - photos, photos], axis=2), {"pair": "left,right"}
    how = dict(batch_size=5, labels=("lightness", "contrast"), shuffle=True, seed=3, repeat=2, **options)
    seen = 0
    for batch in load(source, **how).as_numpy_iterator():
        images, labels = (batch["images"], batch["labels"]) if isinstance(batch, dict) else batch
        np.testing.assert_allclose(labels[:, 0], images[:, 0, 0, 0] / 240, atol=1e-6)
        seen += len(images)
    assert seen == 50


def test_attributes_of_the_same_name_are_the_sources_own():
    images = np.stack(GREY)
    labels = np.float32([[0], [1], [0], [1]])
    own = load((images, labels), labels=("attribute_0",), batch_size=4, shuffle=False)
    np.testing.assert_array_equal(next(own.as_numpy_iterator())[1], labels)


def test_a_model_of_numbers_takes_measures_attributes_and_shares():
    model = ALCGAN(**ALCGAN.tiny)
    pairs = {"inputs": np.zeros((4, 8, 8, 3), np.uint8), "images": np.stack(GREY)[..., :1]}
    shares = np.float32([[0.2, 1], [0, 0.7], [0.5, 0.5], [1, 0]])
    for labels in (shares, np.rint(shares)):
        batch = next(
            load(
                {**pairs, "labels": labels}, for_model=model, batch_size=4, shuffle=False
            ).as_numpy_iterator()
        )
        np.testing.assert_array_equal(batch["labels"], labels)
    batch = next(
        load(pairs, for_model=model, batch_size=4, labels=("lightness", "contrast")).as_numpy_iterator()
    )
    assert list(batch) == ["inputs", "images", "labels"] and batch["labels"].shape == (4, 2)


def test_a_run_knows_how_many_there_are_and_their_names():
    loading = dict(source={"images": np.stack(GREY)}, data_dir=None, download=False)
    loading["options"] = {"split": "train", "labels": ("lightness", "redness")}
    assert conditions(loading, ("attributes",)) == {"attributes": 2}
    assert label_names(loading) == ("lightness", "redness")
    loading["options"]["labels"] = "contrast, redness"  # as from the command line
    assert conditions(loading, ("attributes",)) == {"attributes": 2}
    assert label_names(loading) == ("contrast", "redness")
    assert "with 2 attributes (lightness, redness)" in describe(
        np.stack(GREY), labels=("lightness", "redness"), batch_size=4
    )


@pytest.mark.parametrize(
    "call, line",
    [
        (
            lambda: load(np.stack(GREY), labels=("lightness", "Smiling")),
            "labels are measured, or those of the source",
        ),
        (lambda: load("ring", labels=("lightness",)), "lightness are measured of pictures; omit labels"),
        (
            lambda: load(np.stack(GREY)[..., :1], for_model=IcGAN(**IcGAN.tiny), labels=("lightness",)),
            "IcGAN takes attributes of 0 and 1; those of the ndarray have values between",
        ),
        (
            lambda: load(
                {**two(), "labels": np.zeros(12, int)}, for_model=ALCGAN(**{**ALCGAN.tiny, "attributes": 3})
            ),
            "ALCGAN takes 3 numbers as labels; those of the dict are classes; give 3 names",
        ),
        (
            lambda: load((np.stack(GREY), np.full((4, 2), 0.5)), labels="attribute_1"),
            "classes are made of an attribute of 0 and 1; attribute_1 of the tuple has values between; give "
            r"labels=('attribute_1',)",
        ),
        (lambda: measures.measure(np.stack(GREY), ("sky",)), "unknown measure 'sky'"),
    ],
)
def test_bad_labels_are_named(call, line):
    with pytest.raises(InputError) as refused:
        call()
    assert line in str(refused.value)
