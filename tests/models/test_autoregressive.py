"""What every autoregressive model must show: order, exact probabilities, and sampling that has them.

A new model adds one row to ROWS: its class, small arguments, and in `Row` what it cannot do. What is
special to a model (its receptive field, its layers, its own errors) is tested in a file of its own.
"""

from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from autoregressive_cases import BINARY, assert_distributed, labels_for, sensitivity, spread
from steps import step_of

from tfgen import random
from tfgen.errors import InputError
from tfgen.models import (
    FVBN,
    MADE,
    NADE,
    GatedPixelCNN,
    MultiScalePixelRNN,
    PixelCNN,
    PixelCNNPlusPlus,
    PixelRNN,
)
from tfgen.models.autoregressive.base import inverse_cdf


class Row(NamedTuple):
    cls: type
    arguments: dict  # the receptive field is to cover 4 x 6 images
    levels: int = 3
    colour: bool = True
    blind: bool = False  # whether some earlier values are not seen
    raster: bool = True  # whether values come row by row
    wide: bool = False  # whether it computes in float32 whatever its precision


ROWS = {
    "FVBN": Row(FVBN, {}, wide=True),
    "NADE": Row(NADE, dict(width=6), wide=True),
    "MADE": Row(MADE, dict(width=80)),
    "PixelCNN": Row(PixelCNN, dict(width=8, depth=2, top=8), blind=True),
    "GatedPixelCNN": Row(GatedPixelCNN, dict(width=6, depth=3, kernel_size=3, top=6)),
    "GatedPixelCNN of classes": Row(
        GatedPixelCNN, dict(width=6, depth=2, kernel_size=5, top=6, classes=3), colour=False
    ),
    "RowLSTM": Row(PixelRNN, dict(width=8, depth=2, top=8, lstm="row"), blind=True),
    "DiagonalBiLSTM": Row(PixelRNN, dict(width=8, depth=2, top=8, lstm="diagonal")),
    "MultiScalePixelRNN": Row(
        MultiScalePixelRNN, dict(width=6, depth=1, top=6, scale=2, lstm="row"), colour=False, raster=False
    ),
    "PixelCNNPlusPlus": Row(PixelCNNPlusPlus, dict(width=8, blocks=1, scales=2, mixtures=2, classes=3)),
}

# The tests of one model share a process, and what it has compiled.
NAMES = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ROWS]
# A model is tried with images of colour where it has any; `small`, whose probabilities sum to one, is grey.
IMAGES = [
    pytest.param((name, 3 if row.colour else 1), id=name, marks=pytest.mark.xdist_group(name))
    for name, row in ROWS.items()
]
# Conditions on other models: the sampler of each is compared with the naive one, which is the family's.
CONDITIONED = [one for one in NAMES if one.values[0] in ("GatedPixelCNN of classes", "MultiScalePixelRNN")]


def build(name, image_shape, levels=None, **kwargs):
    row = ROWS[name]
    return row.cls(image_shape, levels=levels or row.levels, seed=0, **row.arguments, **kwargs)


@pytest.fixture(scope="module", params=IMAGES)
def model(request):
    name, channels = request.param
    return spread(build(name, (4, 9, channels)), 0.2)


@pytest.fixture(scope="module", params=NAMES)
def small(request):
    return spread(build(request.param, (2, 3, 1), levels=2))


@pytest.mark.parametrize("case", [case for case in IMAGES if ROWS[case.values[0][0]].raster])
def test_a_value_depends_on_those_before_it_and_on_none_after(case):
    name, channels = case
    seen = sensitivity(build(name, (4, 6, channels)))
    assert not np.triu(seen).any()
    if not ROWS[name].blind:
        np.testing.assert_array_equal(seen, np.tri(len(seen), k=-1, dtype=bool))
    seen = seen.reshape(24, channels, 24, channels)
    for pixel in range(24):
        assert (seen[pixel, :, pixel] == np.tri(channels, k=-1)).all()  # red before green before blue
        assert pixel % 6 == 0 or seen[pixel, :, pixel - 1].all()
        assert pixel < 6 or seen[pixel, :, pixel - 6].all()


def test_probabilities_of_all_images_sum_to_one_and_samples_have_them(small):
    label = {name: labels[-1] for name, labels in labels_for(small, 3).items()}  # one for all
    labels = {name: tf.repeat(one, 64) for name, one in label.items()}
    probability = np.exp(small.log_prob(BINARY, **labels).numpy().astype("float64"))
    assert abs(probability.sum() - 1) < 1e-5
    assert probability.max() > 2.5 / 64  # not the uniform distribution
    assert_distributed(small.sample(20_000, seed=0, **label), probability)
    if label:
        other = np.exp(small.log_prob(BINARY, tf.zeros(64, tf.int32)))
        assert abs(other.sum() - 1) < 1e-5
        assert np.abs(other - probability).sum() > 0.1


@pytest.mark.parametrize("small", CONDITIONED, indirect=True)
def test_conditions_are_kept_and_the_rest_follows_its_distribution(small):
    condition = np.full((1, 2, 3, 1), np.nan, "float32")
    condition[0, 0, 0], condition[0, 1, 0] = 1, 0
    label = {name: labels[-1] for name, labels in labels_for(small, 3).items()}
    images = small.sample(20_000, seed=0, conditioned_on=condition, **label)
    labels = {name: tf.repeat(one, 64) for name, one in label.items()}
    each = small.log_likelihood(small(BINARY, **labels), BINARY).numpy().astype("float64")
    drawn = np.isnan(condition)
    fits = (drawn | (condition == BINARY)).all(axis=(1, 2, 3))
    assert_distributed(images, fits * np.exp((each * drawn).sum(axis=(1, 2, 3))))
    free = small.sample(64, seed=1, conditioned_on=np.full_like(condition, np.nan), **label)
    np.testing.assert_array_equal(free, small.sample(64, seed=1, **label))


def test_cached_sampling_gives_the_images_of_the_naive_sampler(model):
    condition = random.uniform(random.key(1), (16, *model.image_shape)).numpy()
    hidden = random.uniform(random.key(2), (16, *model.image_shape)).numpy() < 0.6
    hidden[:8] = True  # free images
    condition[hidden] = np.nan
    for temperature in (1.0, 0.5, 0.0):
        options = dict(seed=0, temperature=temperature, **labels_for(model, 16))
        images = model.sample(16, **options, conditioned_on=condition).numpy()
        naive = model.sample(16, **options, conditioned_on=condition, naive=True)
        np.testing.assert_array_equal(images, naive)
        np.testing.assert_array_equal(images[~hidden], condition[~hidden])
        if temperature == 1:
            assert len(np.unique(images[:8])) == model.levels


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_leaves_the_likelihood_in_float32(name):
    images = np.random.default_rng(0).integers(0, 2, (4, 6, 6, 1)).astype("float32")
    wide, half = (
        spread(build(name, (6, 6, 1), levels=2, dtype=dtype), 0.1) for dtype in ("float32", "mixed_bfloat16")
    )
    for one, other in zip(wide.trainable_variables, half.trainable_variables):
        assert other.dtype == "float32"
        np.testing.assert_array_equal(one, other)
    labels = labels_for(wide, 4)
    exact, rounded = (model.log_prob(images, **labels) for model in (wide, half))
    assert rounded.dtype == tf.float32
    difference = np.abs(rounded - exact)
    assert (difference.max() == 0) == ROWS[name].wide
    assert difference.max() < 0.02 * np.abs(exact).max()


# What the family says for all of them, shown with one.


@pytest.fixture(scope="module")
def pixel_cnn():
    return spread(build("PixelCNN", (4, 9, 1)), 0.2)


@pytest.fixture(scope="module")
def small_pixel_cnn():
    return spread(build("PixelCNN", (2, 3, 1), levels=2))


def test_log_prob_is_the_sum_of_the_log_softmax_at_the_levels():
    model = spread(build("PixelCNN", (4, 9, 3)), 0.2)
    level = np.random.default_rng(0).integers(0, 3, (5, *model.image_shape))
    images = (level / 2).astype("float32")
    each = keras.ops.log_softmax(model(images)).numpy()
    want = np.take_along_axis(each, level[..., None], axis=-1).sum(axis=(1, 2, 3, 4))
    np.testing.assert_allclose(model.log_prob(images), want, rtol=1e-5)
    near = np.clip(images + 0.1, 0, 1)  # rounds to the same levels
    np.testing.assert_allclose(model.log_prob(near), want, rtol=1e-5)
    loss, logs = model.nll_loss(step_of(model, images))
    np.testing.assert_allclose(loss, -want.mean(), rtol=1e-5)
    np.testing.assert_allclose(logs["bits_per_dim"], -want.mean() / level[0].size / np.log(2), rtol=1e-5)


def test_levels_by_the_inverse_of_the_distribution_function():
    logits = tf.math.log(tf.constant([[0.2, 0.3, 0.5]] * 6))
    noise = tf.constant([0.01, 0.19, 0.21, 0.49, 0.51, 0.99])
    np.testing.assert_array_equal(inverse_cdf(logits, noise), [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(inverse_cdf(logits, noise, 0.0), [2] * 6)
    # Squared and divided by their sum: 4/38, 9/38, 25/38.
    np.testing.assert_array_equal(inverse_cdf(logits, noise, 0.5), [0, 1, 1, 2, 2, 2])


def test_temperature_zero_takes_the_most_likely_level_each_time(pixel_cnn):
    images = pixel_cnn.sample(3, seed=0, temperature=0)  # 3 or 4 images: one size to compile in this file
    levels = np.round(images * (pixel_cnn.levels - 1))
    np.testing.assert_array_equal(np.argmax(pixel_cnn(images), axis=-1), levels)
    np.testing.assert_array_equal(images, pixel_cnn.sample(3, seed=5, temperature=0))


def test_samples_are_a_prefix_of_longer_samples_and_depend_on_the_seed(pixel_cnn):
    images = pixel_cnn.sample(70, seed=4).numpy()  # more than are drawn together
    np.testing.assert_array_equal(pixel_cnn.sample(3, seed=4), images[:3])
    np.testing.assert_array_equal(pixel_cnn.sample(4, seed=4, first_row=66), images[66:])
    assert len(np.unique(images.reshape(70, -1), axis=0)) == 70
    assert (pixel_cnn.sample(3, seed=5) != images[:3]).numpy().any()
    assert (pixel_cnn.sample(3) != pixel_cnn.sample(3)).numpy().any()


def test_the_sampler_is_compiled_once_and_neither_saved_nor_lost(tmp_path):
    model = spread(build("PixelCNN", (4, 8, 1), levels=2))
    first = model.sample(2, seed=0)
    count = model._sample_cached.experimental_get_tracing_count()
    for seed in range(3):
        model.sample(2, seed=seed, temperature=0.1 * seed)
    assert model._sample_cached.experimental_get_tracing_count() == count == 1
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.sample(2, seed=0), first)
    for weight in model.trainable_variables:  # weights are read when an image is drawn
        weight.assign(-weight)
    assert (model.sample(2, seed=0) != first).numpy().any()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(levels=1), "levels must be at least 2"),
        (dict(image_shape=(8, 8)), r"image_shape must be \(height, width, channels\)"),
    ],
)
def test_a_wrong_constructor_argument_is_named(arguments, message):
    with pytest.raises(InputError, match=message):
        PixelCNN(**{"image_shape": (8, 8, 1), **arguments})


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(n=0), "sample needs n >= 1; received 0"),
        (dict(temperature=-1.0), "temperature must be 0 or more; received -1.0"),
        (dict(temperature=float("nan")), "temperature must be 0 or more; received nan"),
        (dict(labels=[1, 2]), "PixelCNN is not conditional"),
        (dict(conditioned_on=np.zeros((3, 2, 3, 1))), r"shape \(2 or 1, 2, 3, 1\); received \(3, 2, 3, 1\)"),
        (dict(conditioned_on=np.zeros((2, 3, 1))), r"received \(2, 3, 1\)"),
        (dict(conditioned_on=np.full((1, 2, 3, 1), 2.0)), "received values from 2 to 2"),
        (dict(conditioned_on=np.full((1, 2, 3, 1), np.inf)), "received values from inf to inf"),
    ],
)
def test_a_wrong_argument_of_sample_is_named(small_pixel_cnn, arguments, message):
    with pytest.raises(InputError, match=message):
        small_pixel_cnn.sample(**{"n": 2, **arguments})


def test_levels_that_do_not_fit_the_images_are_named_before_training():
    black_and_white = np.random.default_rng(0).integers(0, 2, (8, 2, 3, 1)).astype("float32")
    grey = np.random.default_rng(0).uniform(0, 1, (8, 2, 3, 1)).astype("float32")
    two, four = (build("PixelCNN", (2, 3, 1), levels=levels) for levels in (2, 4))
    for model, wrong, right, message in (
        (two, grey, black_and_white, "has 2 levels, black and white; .*% of the values received are grey"),
        (four, black_and_white, grey, "has 4 levels; received images of 0 and 1 alone; .*levels=2"),
    ):
        model.compile()
        for data in (wrong, tf.data.Dataset.from_tensors(wrong)):
            with pytest.raises(InputError, match=message):
                model.fit(data, verbose=0)
        model.fit(right, verbose=0)


def test_labels_that_the_model_does_not_have_are_named():
    model = build("GatedPixelCNN of classes", (2, 3, 1), levels=2)
    for labels in ([0, 3], [0.5, 1.0], [[1]]):
        for use in (lambda: model.log_prob(BINARY[:2], labels), lambda: model.sample(2, labels=labels)):
            with pytest.raises(InputError, match="labels"):
                use()


def test_images_that_cannot_have_a_probability_are_named(small_pixel_cnn):
    with pytest.raises(InputError, match=r"images of shape \(n, 2, 3, 1\)"):
        small_pixel_cnn.log_prob(np.zeros((1, 3, 2, 1)))
    with pytest.raises(InputError, match=r"in \[0, 1\]; received values from 0 to 255"):
        small_pixel_cnn.log_prob(np.array([0, 255] * 3, "float32").reshape(1, 2, 3, 1))
