"""Multi-scale PixelRNN: the order of its values, and its two networks. See also test_autoregressive.py."""

import numpy as np
import pytest
import tensorflow as tf
from autoregressive_cases import sensitivity, spread

from tfgen import random
from tfgen.errors import InputError
from tfgen.models import MultiScalePixelRNN

SIZE = dict(levels=2, width=4, depth=1, top=4, seed=0)


@pytest.fixture(scope="module")
def model():
    return spread(MultiScalePixelRNN((5, 7, 1), scale=3, lstm="row", **SIZE))


def test_a_value_depends_on_the_small_image_and_on_all_values_before_it():
    model = MultiScalePixelRNN((4, 5, 1), scale=2, **SIZE)
    seen = sensitivity(model)
    order = np.argsort(~model.in_small.ravel(), kind="stable")
    assert list(order[:6]) == [0, 2, 4, 10, 12, 14]
    np.testing.assert_array_equal(seen[order][:, order], np.tri(20, k=-1, dtype=bool))


def test_the_probability_is_that_of_the_small_image_times_that_of_the_rest(model):
    images = tf.constant(np.random.default_rng(0).integers(0, 2, (4, 5, 7, 1)), tf.float32)
    part = model.predictor.get_layer
    small = images[:, ::3, ::3]
    both = tf.reduce_sum(model.log_likelihood(part("small")(small), small), axis=(1, 2, 3))
    logits = part("large")([images, part("upsampling")(images)])
    rest = tf.where(model.in_small, 0.0, model.log_likelihood(logits, images))
    np.testing.assert_allclose(model.log_prob(images), both + tf.reduce_sum(rest, axis=(1, 2, 3)), rtol=1e-5)


def test_given_values_change_those_that_come_after_them(model):
    noise = random.uniform(random.key(0), (16, 5, 7, 1))
    images = model.sample_from(noise).numpy()
    between = np.full_like(images, np.nan)
    between[:, ~model.in_small[..., 0]] = 1
    other = model.sample_from(noise, between).numpy()
    np.testing.assert_array_equal(other[:, ::3, ::3], images[:, ::3, ::3])
    small = np.where(model.in_small, 1 - images, np.nan).astype("float32")
    other = model.sample_from(noise, small).numpy()
    assert (other != images)[:, ~model.in_small[..., 0]].any()


@pytest.mark.parametrize("scale", [1, 9])
def test_a_wrong_scale_is_named(scale):
    with pytest.raises(InputError, match=f"scale must be 2 or more.*received {scale}"):
        MultiScalePixelRNN((8, 8, 1), scale=scale)
