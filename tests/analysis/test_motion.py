"""Motion and colours between images: those that were put in are found, and a photo follows them."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tfgen.analysis import motion
from tfgen.errors import InputError

RNG = np.random.default_rng(0)
GAIN, LEVEL = np.float64([0.6, 0.9]), np.float64([0.2, -0.1])


def texture(channels=2):
    """A smooth one of 40x45 pixels, of which `at` takes 32x37."""
    smooth = gaussian_filter(RNG.normal(size=(1, 40, 45, channels)), (0, 2.5, 2.5, 0))
    return smooth / abs(smooth).max()


IMAGE, PHOTO = texture(), texture()


def at(image, down=0, right=0):
    return image[:, 4 + down : 36 + down, 4 + right : 41 + right]


def inner(values):
    """Without what comes from beyond the border."""
    return values[:, 5:-5, 5:-5]


@pytest.fixture(scope="module")
def shifted():
    return motion.changes(at(IMAGE), at(IMAGE, 1, -2))


def test_the_flow_of_a_shift_is_the_shift_and_colours_stay(shifted):
    flow, colour = shifted
    assert flow.shape == (1, 32, 37, 2) and colour.shape == (1, 32, 37, 2, 3)
    np.testing.assert_allclose(inner(flow).mean((1, 2)), [[1, -2]], atol=0.1)
    assert abs(inner(flow) - [1, -2]).max() < 0.3
    assert abs(inner(colour) - np.eye(2, 3)).max() < 0.1


def test_a_photo_of_another_texture_moves_by_the_same_shift():
    made = motion.carried(at(IMAGE), at(IMAGE, 1, -2), at(PHOTO))
    wanted = at(PHOTO, 1, -2)
    assert abs(inner(made - wanted)).max() < 0.1 * abs(inner(at(PHOTO) - wanted)).max()


def test_a_gain_and_a_level_are_carried_over():
    brighter = GAIN * IMAGE + LEVEL
    flow, colour = motion.changes(at(IMAGE), at(brighter))
    wanted = np.concatenate([np.diag(GAIN), LEVEL[:, None]], axis=1)
    np.testing.assert_allclose(colour.mean((0, 1, 2)), wanted, atol=0.1)
    assert abs(flow).mean() < 0.1
    made = motion.carried(at(IMAGE), at(brighter), at(PHOTO))
    error, change = (made - (GAIN * at(PHOTO) + LEVEL), at(PHOTO) - (GAIN * at(PHOTO) + LEVEL))
    assert np.mean(error**2) < 0.02 * np.mean(change**2)


def test_what_does_not_change_leaves_a_photo_as_it_is_whatever_is_beside():
    two = np.concatenate([at(IMAGE), at(IMAGE)])
    other = np.concatenate([at(IMAGE), at(IMAGE, 1, -2)])
    made = motion.carried(two, other, np.concatenate([at(PHOTO), at(PHOTO)]))
    np.testing.assert_allclose(made[:1], at(PHOTO), atol=1e-12)
    np.testing.assert_allclose(made[1:], motion.carried(at(IMAGE), other[1:], at(PHOTO)), atol=1e-12)


def test_one_correction_is_the_least_of_its_sum():
    """From neighbours' means, which are the values themselves here, against a system of all unknowns."""
    seen = np.tile(np.arange(9.0)[:, None] * [0.1, -0.05], (1, 9, 1, 1)) + 0.2
    second = seen + [0.3, -0.1]
    flow, colour = np.zeros((1, 9, 9, 2)), np.tile(np.eye(2, 3), (1, 9, 9, 1, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(motion, "SWEEPS", 1)
        moved, coloured = motion._corrected(seen, second, flow, colour)
    x, slope, lacks = (
        np.append(seen[0, 4, 4], 1),
        np.float64([[0, 0.1], [0, -0.05]]),
        -np.float64([0.3, -0.1]),
    )
    of_unknowns = np.concatenate(
        [slope, np.kron(np.eye(2), x)], axis=1
    )  # two of the flow, six of the colours
    stiff = 4 * np.diag([motion.MOTION] * 2 + [motion.COLOUR] * 6)
    least = np.linalg.solve(of_unknowns.T @ of_unknowns + stiff, -of_unknowns.T @ lacks)
    np.testing.assert_allclose(moved[0, 4, 4], least[:2], atol=1e-12)
    np.testing.assert_allclose(coloured[0, 4, 4] - np.eye(2, 3), least[2:].reshape(2, 3), atol=1e-12)


@pytest.mark.parametrize(
    "first, second, photos, message",
    [
        ((1, 8, 8, 1), (2, 8, 8, 1), (1, 8, 8, 1), "to as many.*1, 8, 8, 1.*2, 8, 8, 1"),
        ((1, 8, 8, 1), (1, 8, 8, 1), (1, 9, 8, 1), "the shape of the images, .1, 8, 8, 1.*1, 9, 8, 1"),
    ],
)
def test_other_shapes_are_one_line(first, second, photos, message):
    with pytest.raises(InputError, match=message) as error:
        motion.carried(*map(np.zeros, (first, second, photos)))
    assert "\n" not in str(error.value)
