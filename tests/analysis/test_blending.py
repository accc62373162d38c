"""Poisson blending: closed cases, and the equation itself."""

import numpy as np
import pytest
import scipy.ndimage

from tfgen.analysis import blending
from tfgen.errors import InputError

RNG = np.random.default_rng(0)
SOURCE, TARGET = RNG.normal(size=(2, 2, 9, 11, 3))
INSIDE = np.zeros((9, 11))
INSIDE[3:6, 2:8] = 1
AT_BORDER = np.zeros((9, 11))
AT_BORDER[2:7, 8:] = 1
LAPLACE = np.float64([[0, 1, 0], [1, -4, 1], [0, 1, 0]])[..., None]


@pytest.mark.parametrize(
    "mask", [INSIDE, AT_BORDER, INSIDE[..., None], np.stack([INSIDE, AT_BORDER])[..., None]]
)
def test_a_source_of_another_level_leaves_the_target(mask):
    for level in (0.0, 5.0):
        np.testing.assert_allclose(blending.poisson(TARGET + level, TARGET, mask), TARGET, atol=1e-10)


def test_inside_is_the_sources_laplacian_and_outside_the_target():
    (result,), source = blending.poisson(SOURCE[:1], TARGET[:1], INSIDE), SOURCE[0]
    residual = scipy.ndimage.convolve(result - source, LAPLACE)[INSIDE > 0]
    assert abs(residual).max() < 1e-8 and abs(result - source)[INSIDE > 0].max() > 0.1
    np.testing.assert_array_equal(result[INSIDE == 0], TARGET[0][INSIDE == 0])
    np.testing.assert_allclose(blending.poisson(source, TARGET[0], INSIDE), result)


def test_a_border_is_no_neighbour_of_the_other_side():
    result = blending.poisson(SOURCE, TARGET, AT_BORDER)
    other = TARGET.copy()
    other[:, :, :6] += 100.0  # nothing of it touches the mask
    np.testing.assert_allclose(blending.poisson(SOURCE, other, AT_BORDER)[:, 2:7, 8:], result[:, 2:7, 8:])
    # At the border a pixel has three neighbours: their differences are the source's on average.
    offset = (result - SOURCE)[0]
    beside = offset[3, 10] + offset[5, 10] + offset[4, 9]
    np.testing.assert_allclose(3 * offset[4, 10], beside, atol=1e-10)


def test_masks_may_differ_and_be_empty():
    masks = np.stack([INSIDE, 0 * INSIDE])[..., None]
    result = blending.poisson(SOURCE, TARGET, masks)
    np.testing.assert_allclose(result[0], blending.poisson(SOURCE, TARGET, INSIDE)[0])
    np.testing.assert_array_equal(result[1], TARGET[1])


@pytest.mark.parametrize(
    "source, mask, message",
    [
        (SOURCE[:, 1:], INSIDE, "two stacks of one shape.*8, 11.*9, 11"),
        (SOURCE, INSIDE[1:], "a mask has one of the shapes.*received .8, 11"),
        (SOURCE, np.ones((9, 11)), "touches nothing of the target"),
    ],
)
def test_bad_input_is_one_line(source, mask, message):
    with pytest.raises(InputError, match=message) as error:
        blending.poisson(source, TARGET, mask)
    assert "\n" not in str(error.value)
