"""Points of mixtures as data: where they lie, in which form a model has them."""

import numpy as np
import pytest
import tensorflow as tf
from data_cases import complaint, everything, model

from tfgen.data import load, size

MODES = {"ring": 8, "grid": 25}


def literature(name, split="train"):
    """Points in the units of the literature, and their labels."""
    points, labels = everything(load(name, split, batch_size=5000, shuffle=False))
    return points.reshape(-1, 2).astype(np.float64) * {"ring": 2.5, "grid": 5.0}[name], labels


@pytest.mark.parametrize("name", MODES)
def test_points_lie_where_the_literature_has_them(name):
    points, labels = literature(name)
    assert points.shape == (100_000, 2) and size(name, "test") == 10_000
    assert set(labels) == set(range(MODES[name]))
    np.testing.assert_allclose(np.bincount(labels) / 1e5, 1 / MODES[name], rtol=0.1)
    means = np.stack([points[labels == k].mean(axis=0) for k in range(MODES[name])])
    stds = np.stack([points[labels == k].std(axis=0) for k in range(MODES[name])])
    np.testing.assert_allclose(stds, {"ring": 0.02, "grid": 0.05}[name], rtol=0.05)
    if name == "ring":
        np.testing.assert_allclose(np.hypot(*means.T), 2, atol=1e-3)
        angles = np.degrees(np.arctan2(*means.T[::-1])) % 360
        np.testing.assert_allclose((angles + 1) % 360, 45 * np.arange(8) + 1, atol=0.1)
    else:
        assert {tuple(mean) for mean in np.rint(means)} == {(x, y) for x in range(-4, 5, 2)
                                                            for y in range(-4, 5, 2)}  # fmt: skip
        np.testing.assert_allclose(means, np.rint(means), atol=5e-3)


def test_points_are_a_function_of_the_split_and_keep_their_precision():
    first, again = (everything(load("ring", "train[:500]", shuffle=False))[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.float32 and len(np.unique(first)) > 900  # bytes have 256
    test, modes = everything(load("ring", "test[:500]", shuffle=False))
    assert (modes == everything(load("ring", "train[:500]", shuffle=False))[1]).mean() < 0.5
    assert not (test == first).all(axis=-1).any()
    both = everything(load("ring", "train[:3]+test[:2]", shuffle=False))[0]
    np.testing.assert_array_equal(both, np.concatenate([first[:3], test[:2]]))


def test_points_fit_a_model_of_any_range_and_of_either_dtype():
    bare, modes = everything(load("grid", "test", shuffle=False))
    for dtype in ("float32", "uint8"):
        for low, high in ((-1.0, 1.0), (0.0, 1.0)):
            for cache in (False, True):
                net = model((1, 1, 2), value_range=(low, high))
                dataset = load("grid", "test", net, 100, dtype=dtype, shuffle=False, cache=cache)
                assert dataset.element_spec == tf.TensorSpec((None, 1, 1, 2), tf.float32)
                wanted = low + (bare + 1) * (high - low) / 2
                np.testing.assert_allclose(everything(dataset), wanted, atol=2e-7)
    points, labels = everything(load("grid", "test", model((1, 1, 2), labels=True, classes=25)))
    np.testing.assert_array_equal(labels, modes)
    np.testing.assert_allclose(points, bare, atol=2e-7)


def test_what_points_cannot_be_is_refused():
    assert "ring is points of shape (1, 1, 2); received image_shape=(8, 8, 1)" in complaint(
        "ring", for_model=model()
    )
    assert "(1, 1, 2); received image_shape=(4, 4, 2)" in complaint("ring", image_shape=(4, 4, 2))
    assert "no ink to binarize" in complaint("grid", binarize="static")
    assert "no split 'validation'; there is train, test" in complaint("ring", "validation")
    few = model((1, 1, 2), labels=True, classes=8)
    assert "the labels of grid are 25 classes" in complaint("grid", for_model=few)
