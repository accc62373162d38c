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
        (SOURCE[:, 1:], INSIDE, "of one shape.*8, 11.*9, 11"),
        (SOURCE, INSIDE[1:], "a mask has one of the shapes.*received .8, 11"),
        (SOURCE, np.ones((9, 11)), "touches nothing of the target"),
    ],
)
def test_bad_input_is_one_line(source, mask, message):
    with pytest.raises(InputError, match=message) as error:
        blending.poisson(source, TARGET, mask)
    assert "\n" not in str(error.value)


def equation(source, target, mask, colour, weight, sigma):
    """The least of the energy, from matrices of the differences and of the blur."""
    height, width = mask.shape

    def differences(size):
        return np.eye(size)[1:] - np.eye(size)[:-1]

    def blur(size):
        taps = np.exp(-0.5 * (np.arange(-1, 2) / sigma) ** 2)
        mirrored = np.pad(np.eye(size), ((1, 1), (0, 0)), mode="symmetric")
        return sum(tap * mirrored[k : k + size] for k, tap in enumerate(taps / taps.sum()))

    down, across = np.kron(differences(height), np.eye(width)), np.kron(np.eye(height), differences(width))
    gradient, g = np.concatenate([down, across]), np.kron(blur(height), blur(width))
    share = np.abs(gradient) @ mask.ravel() / 2
    v = share * (gradient @ source.ravel()) + (1 - share) * (gradient @ target.ravel())
    left = gradient.T @ gradient + weight * g.T @ g
    return np.linalg.solve(left, gradient.T @ v + weight * g.T @ colour.ravel()).reshape(height, width)


@pytest.mark.parametrize("weight, sigma", [(1.0, 0.5), (0.1, 1.0)])
def test_gaussian_poisson_solves_its_energys_equation(weight, sigma):
    source, target = SOURCE[0], TARGET[0]
    colour = RNG.normal(size=target.shape)
    result = blending.gaussian_poisson(source, target, INSIDE, colour, weight, sigma)
    for k in range(3):
        want = equation(source[..., k], target[..., k], INSIDE, colour[..., k], weight, sigma)
        np.testing.assert_allclose(result[..., k], want, atol=1e-8)


def test_gaussian_poisson_has_the_details_of_one_and_the_colours_of_the_other():
    """Little weight leaves an image but for its mean, much weight of its own blur gives it back."""
    kept = blending.gaussian_poisson(TARGET, TARGET, INSIDE, 0 * TARGET + 5.0, 1e-9)
    np.testing.assert_allclose(kept, TARGET - TARGET.mean((1, 2), keepdims=True) + 5.0, atol=1e-5)
    near = np.exp(-2.0)
    blurred = TARGET
    for axis in (1, 2):
        taps = np.array([near, 1, near]) / (1 + 2 * near)
        blurred = scipy.ndimage.convolve1d(blurred, taps, axis=axis, mode="reflect")
    flat = 0 * TARGET
    np.testing.assert_allclose(blending.gaussian_poisson(flat, flat, INSIDE, blurred, 1e9), TARGET, atol=1e-5)
    with pytest.raises(InputError, match=r"of one shape.*11, 3\) and .*11, 3\) and .*11, 1\)"):
        blending.gaussian_poisson(TARGET, TARGET, INSIDE, TARGET[..., :1])
    with pytest.raises(InputError, match="weight and sigma are above 0; received 0"):
        blending.gaussian_poisson(TARGET, TARGET, INSIDE, TARGET, 0)
