"""The down-scaler: Pillow's, linear, and as an axis demands it."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgen.degradation import bicubic, bicubic_matrix, keys, rounded

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("size, to", [((96, 96), (24, 24)), ((30, 31), (7, 10)), ((10, 7), (40, 28))])
def test_it_is_pillows(size, to):
    image = RNG.integers(60, 190, (*size, 3), np.uint8)
    if to < size:  # else Pillow cuts what leaves the range between its two passes
        image[: size[0] // 2] = (0, 255, 255)
    theirs = np.asarray(Image.fromarray(image).resize(to[::-1], Image.Resampling.BICUBIC))
    ours = rounded(bicubic(tf.constant(image[None], tf.float32), *to), 0.0, 255.0)
    difference = np.abs(ours[0] - theirs)
    assert difference.max() <= 1 and (difference > 0).mean() < 0.3  # it rounds twice


def test_a_constant_and_a_slope_are_kept():
    np.testing.assert_allclose(bicubic_matrix(36, 9).sum(axis=1), 1)
    slope = bicubic_matrix(36, 9) @ np.arange(36)
    np.testing.assert_allclose(slope[2:-2], 4 * np.arange(9)[2:-2] + 1.5)  # the middle of four pixels


def test_fine_stripes_are_averaged():
    stripes = np.tile([0.0, 1.0], 18)
    np.testing.assert_allclose((bicubic_matrix(36, 9) @ stripes)[2:-2], 0.5, atol=0.02)


def test_the_kernel_is_keys():
    assert keys(np.float64(0.5)) == pytest.approx(9 / 16) and keys(np.float64(1.5)) == pytest.approx(-1 / 16)
    np.testing.assert_array_equal(keys(np.arange(-3.0, 4.0)), [0, 0, 0, 1, 0, 0, 0])


def test_it_is_linear_with_the_matrices_as_gradient():
    images = tf.constant(RNG.uniform(-1, 1, (1, 8, 12, 1)), tf.float64)
    rows, columns = bicubic_matrix(8, 2), bicubic_matrix(12, 3)
    with tf.GradientTape() as tape:
        tape.watch(images)
        small = bicubic(images, 2, 3)
        one = small[0, 1, 2, 0]
    np.testing.assert_allclose(small[0, ..., 0], rows @ images[0, ..., 0].numpy() @ columns.T, atol=1e-12)
    np.testing.assert_allclose(
        tape.gradient(one, images)[0, ..., 0], np.outer(rows[1], columns[2]), atol=1e-12
    )


def test_rounding_clips_and_takes_the_nearest_level():
    x = tf.constant([-1.2, -1.0, -1 + 0.6 / 127.5, 0.3, 1.01])
    levels = (rounded(x, -1.0, 1.0) + 1) * 127.5
    np.testing.assert_allclose(levels, [0, 0, 1, np.rint(1.3 * 127.5), 255], atol=1e-4)
