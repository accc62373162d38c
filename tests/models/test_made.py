"""MADE: its masks are the paper's, and whatever the width, samples are those of the network.

See also test_autoregressive.py.
"""

import numpy as np
import pytest
from autoregressive_cases import sensitivity, spread

from tfgen import random
from tfgen.errors import InputError
from tfgen.models import MADE
from tfgen.models.autoregressive.masked import MaskedDense, degrees


def test_degrees_lie_evenly_between_the_lowest_and_the_highest():
    np.testing.assert_array_equal(degrees(1, 6, 6), [1, 2, 3, 4, 5, 6])  # inputs
    np.testing.assert_array_equal(degrees(0, 2, 6), [0, 0, 1, 1, 2, 2])  # outputs of three levels
    np.testing.assert_array_equal(degrees(1, 5, 10), [1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
    counts = np.bincount(degrees(1, 783, 8000))
    assert counts[0] == 0 and len(counts) == 784 and counts[1:].min() == 10 and counts.max() == 11


@pytest.mark.parametrize("depth", [1, 2])
def test_the_network_is_that_of_the_paper(depth):
    model = spread(MADE((2, 3, 1), width=7, depth=depth, seed=0))
    weights = [w.numpy() for w in model.trainable_variables]
    m = [np.arange(1, 7), *[degrees(1, 5, 7)] * depth]
    images = np.random.default_rng(0).random((5, 2, 3, 1)).astype("float32")
    h = images.reshape(5, 6)
    for before, after, kernel, bias in zip(m, m[1:], weights[::2], weights[1::2]):
        h = np.maximum(h @ (kernel * (after >= before[:, None])) + bias, 0)  # eq. 13
    logit = h @ (weights[-2] * (np.arange(1, 7) > m[-1][:, None])) + weights[-1]  # eq. 14
    want = np.stack([np.zeros_like(logit), logit], axis=-1).reshape(5, 2, 3, 1, 2)
    np.testing.assert_allclose(model(images), want, atol=1e-5)


def test_with_fewer_units_than_values_the_degrees_have_gaps():
    seen = sensitivity(MADE((3, 4, 1), width=3, seed=0))
    highest = degrees(1, 11, 3)
    for value in range(12):
        sees = max([m for m in highest if m <= value], default=0)
        np.testing.assert_array_equal(seen[value], np.arange(12) < sees)


@pytest.mark.parametrize(
    "image_shape, width, depth",
    [((3, 4, 1), 1, 1), ((3, 4, 1), 5, 2), ((4, 3, 1), 31, 2), ((4, 1, 2), 7, 3), ((1, 1, 1), 4, 1)],
)
def test_a_row_completes_its_own_units_whatever_their_number(image_shape, width, depth):
    model = spread(MADE(image_shape, levels=3, width=width, depth=depth, seed=0), 0.4)
    noise = random.uniform(random.key(0), (16, *image_shape))
    np.testing.assert_array_equal(model.sample_from(noise), model.naive_sample_from(noise))


def test_a_layer_says_how_it_is_made():
    layer = MaskedDense(6, (1, 4), (0, 3), "relu")
    assert MaskedDense.from_config(layer.get_config()).get_config() == layer.get_config()
    assert layer.compute_output_shape((None, 4)) == (None, 6)


@pytest.mark.parametrize("arguments", [dict(width=0), dict(depth=0)])
def test_a_wrong_size_is_named(arguments):
    with pytest.raises(InputError, match="MADE needs width and depth >= 1; received width"):
        MADE((2, 3, 1), **arguments)
