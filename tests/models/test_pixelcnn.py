"""PixelCNN: its receptive field, and the wavefront by which it samples. See also test_autoregressive.py."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from autoregressive_cases import sensitivity, spread

from tfgen.errors import InputError
from tfgen.models import PixelCNN
from tfgen.models.autoregressive.wavefront import wavefront

SIZE = dict(width=8, depth=2, top=8, seed=0)


def test_the_receptive_field_has_the_blind_spot_of_the_paper():
    """A 7x7 and two 3x3 kernels: 5 columns to the left and 5 rows up; to the right 3, 4, 5, 5, 5 in them."""
    row, column = 6, 7
    seen = sensitivity(PixelCNN((7, 14, 1), levels=2, **SIZE))[row * 14 + column].reshape(7, 14)
    expected = np.zeros((7, 14), bool)
    for up, right in enumerate((-1, 3, 4, 5, 5, 5)):
        expected[row - up, column - 5 : column + right + 1] = True
    np.testing.assert_array_equal(seen, expected)


@pytest.mark.parametrize("size", [(1, 1), (3, 4), (5, 7), (6, 8), (9, 13), (28, 28), (4, 30)])
def test_the_wavefront_draws_each_pixel_once_and_after_all_that_it_sees(size):
    height, width = size
    plan = wavefront(height, width, reach=3)
    drawn = plan.pixel[plan.pixel < height * width]
    np.testing.assert_array_equal(np.sort(drawn), np.arange(height * width))
    time = np.empty(height * width, int)
    time[drawn] = np.nonzero(plan.pixel < height * width)[0]
    taps = [(up, right) for up in range(4) for right in range(-3, 4) if up or right < 0]
    neighbours = plan.neighbours(taps)
    for step, lane in np.argwhere(plan.pixel < height * width):
        row, column = divmod(plan.pixel[step, lane], width)
        for (up, right), seen in zip(taps, neighbours[step, lane]):
            if row >= up and 0 <= column + right < width:
                assert seen == (row - up) * width + column + right
                assert time[seen] < step
            else:
                assert seen == plan.outside


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_an_image_grown_line_by_line_is_the_sample(channels, temperature):
    model = spread(PixelCNN((4, 9, channels), levels=3, **SIZE), 0.2)  # two rows at once
    method, specs = model.signatures()["grow"]
    state = {spec.name: tf.zeros(spec.shape) for spec in specs[2:4]}
    lines = model.input_values["line"]["high"] + 1
    drawn = []
    for line in range(lines):
        step = method(tf.constant(5, tf.int64), line, **state, temperature=temperature)
        state = {name: step[f"next_{name}"] for name in state}
        drawn.append(step["next_image"].numpy())
    np.testing.assert_allclose(drawn[-1], model.sample(1, seed=5, temperature=temperature), atol=1e-6)
    assert all(np.array_equal(a[a != 0], b[a != 0]) for a, b in itertools.pairwise(drawn))
    assert not np.array_equal(drawn[-2], drawn[-1])


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(image_shape=(8, 8, 3), width=2), "width and top >= 3"),
        (dict(depth=0), "depth >= 1"),
    ],
)
def test_a_wrong_constructor_argument_is_named(arguments, message):
    with pytest.raises(InputError, match=message):
        PixelCNN(**arguments)
