"""PixelCNN: the order of its values, its exact probabilities, and the sampling that relies on both."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen import random
from tfgen.errors import InputError
from tfgen.models import PixelCNN
from tfgen.models.autoregressive.base import inverse_cdf
from tfgen.models.autoregressive.pixel_cnn import wavefront

BINARY = np.array(list(itertools.product((0, 1), repeat=6)), "float32").reshape(64, 2, 3, 1)


def tiny(image_shape, levels=2, spread=0.25, **kwargs):
    """A model whose weights are large enough for its distribution to be far from uniform."""
    model = PixelCNN(image_shape, levels=levels, width=8, depth=2, top=8, seed=0, **kwargs)
    rng = np.random.default_rng(1)
    for weight in model.trainable_variables:
        weight.assign_add(spread * rng.normal(size=weight.shape).astype("float32"))
    return model


@pytest.fixture(scope="module", params=[1, 3], ids=["grey", "colour"])
def model(request):
    return tiny((4, 9, request.param), levels=3, spread=0.2)  # two rows at once


@pytest.fixture(scope="module")
def small():
    return tiny((2, 3, 1))


def assert_distributed(images, probability):
    """Chi-square: how often each of BINARY occurs among the images, against its probability."""
    code = images.numpy().reshape(len(images), 6) @ 2 ** np.arange(5, -1, -1)
    counts = np.bincount(code.astype(int), minlength=64)
    expected = len(images) * probability
    assert counts[expected == 0].sum() == 0
    rare = expected < 5
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], max(expected[rare].sum(), 1e-9))
    freedom = len(counts) - 1
    assert freedom > 5
    assert ((counts - expected) ** 2 / expected).sum() < freedom + 4 * np.sqrt(2 * freedom)


def sensitivity(image_shape):
    """Whether value i of the logits changes with value k of the image: (values, values)."""
    model = tiny(image_shape)
    for weight in model.trainable_variables:
        weight.assign(tf.abs(weight) + 0.01)  # nothing cancels, no unit is off
    x = tf.fill((1, *image_shape), 0.5)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = tf.reshape(model(x)[..., 0], [-1])
    return tf.reshape(tape.jacobian(logits, x), (len(logits), len(logits))).numpy() != 0


@pytest.mark.parametrize("channels", [1, 3])
def test_a_value_depends_on_all_values_just_before_it_and_on_none_after(channels):
    seen = sensitivity((4, 6, channels))
    assert not np.triu(seen).any()
    seen = seen.reshape(24, channels, 24, channels)
    for pixel in range(24):
        assert (seen[pixel, :, pixel] == np.tri(channels, k=-1)).all()  # red before green before blue
        assert pixel % 6 == 0 or seen[pixel, :, pixel - 1].all()
        assert pixel < 6 or seen[pixel, :, pixel - 6].all()


def test_the_receptive_field_has_the_blind_spot_of_the_paper():
    """A 7x7 and two 3x3 kernels: 5 columns to the left and 5 rows up; to the right 3, 4, 5, 5, 5 in them."""
    row, column = 6, 7
    seen = sensitivity((7, 14, 1))[row * 14 + column].reshape(7, 14)
    expected = np.zeros((7, 14), bool)
    for up, right in enumerate((-1, 3, 4, 5, 5, 5)):
        expected[row - up, column - 5 : column + right + 1] = True
    np.testing.assert_array_equal(seen, expected)


def test_probabilities_of_all_images_sum_to_one_and_samples_have_them(small):
    probability = np.exp(small.log_prob(BINARY).numpy().astype("float64"))
    assert abs(probability.sum() - 1) < 1e-5
    assert probability.max() > 3 / 64  # not the uniform distribution
    assert_distributed(small.sample(20_000, seed=0), probability)


def test_conditions_are_kept_and_the_rest_follows_its_distribution(small):
    condition = np.full((1, 2, 3, 1), np.nan, "float32")
    condition[0, 0, 0], condition[0, 1, 0] = 1, 0
    images = small.sample(20_000, seed=0, conditioned_on=condition)
    each = small.log_likelihood(small(BINARY), BINARY).numpy().astype("float64")
    drawn = np.isnan(condition)
    fits = (drawn | (condition == BINARY)).all(axis=(1, 2, 3))
    assert_distributed(images, fits * np.exp((each * drawn).sum(axis=(1, 2, 3))))


def test_log_prob_is_the_sum_of_the_log_softmax_at_the_levels(model):
    level = np.random.default_rng(0).integers(0, 3, (5, *model.image_shape))
    images = (level / 2).astype("float32")
    each = keras.ops.log_softmax(model(images)).numpy()
    want = np.take_along_axis(each, level[..., None], axis=-1).sum(axis=(1, 2, 3, 4))
    np.testing.assert_allclose(model.log_prob(images), want, rtol=1e-5)
    near = np.clip(images + 0.1, 0, 1)  # rounds to the same levels
    np.testing.assert_allclose(model.log_prob(near), want, rtol=1e-5)
    loss, logs = model.nll_loss(images, training=True)
    np.testing.assert_allclose(loss, -want.mean(), rtol=1e-5)
    np.testing.assert_allclose(logs["bits_per_dim"], -want.mean() / level[0].size / np.log(2), rtol=1e-5)


@pytest.mark.parametrize("conditioned", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.5, 0.0])
def test_cached_sampling_gives_the_images_of_the_naive_sampler(model, temperature, conditioned):
    condition = None
    if conditioned:
        condition = random.uniform(random.key(1), (4, *model.image_shape)).numpy()
        hidden = random.uniform(random.key(2), (4, *model.image_shape)).numpy() < 0.6
        condition[hidden] = np.nan
    options = dict(seed=0, temperature=temperature, conditioned_on=condition)
    images = model.sample(4, **options).numpy()
    np.testing.assert_array_equal(images, model.sample(4, **options, cached=False))
    if temperature == 1:
        assert len(np.unique(images)) > 2
    if conditioned:
        np.testing.assert_array_equal(images[~hidden], condition[~hidden])


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


def test_levels_by_the_inverse_of_the_distribution_function():
    logits = tf.math.log(tf.constant([[0.2, 0.3, 0.5]] * 6))
    noise = tf.constant([0.01, 0.19, 0.21, 0.49, 0.51, 0.99])
    np.testing.assert_array_equal(inverse_cdf(logits, noise), [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(inverse_cdf(logits, noise, 0.0), [2] * 6)
    # Squared and divided by their sum: 4/38, 9/38, 25/38.
    np.testing.assert_array_equal(inverse_cdf(logits, noise, 0.5), [0, 1, 1, 2, 2, 2])


def test_temperature_zero_takes_the_most_likely_level_each_time(model):
    images = model.sample(2, seed=0, temperature=0)
    levels = np.round(images * (model.levels - 1))
    np.testing.assert_array_equal(np.argmax(model(images), axis=-1), levels)
    np.testing.assert_array_equal(images[0], model.sample(1, seed=5, temperature=0)[0])


def test_samples_are_a_prefix_of_longer_samples_and_depend_on_the_seed(model):
    images = model.sample(70, seed=4).numpy()  # more than are drawn together
    np.testing.assert_array_equal(model.sample(3, seed=4), images[:3])
    np.testing.assert_array_equal(model.sample(2, seed=4, first_row=66), images[66:68])
    assert len(np.unique(images.reshape(70, -1), axis=0)) == 70
    assert (model.sample(3, seed=5) != images[:3]).numpy().any()
    assert (model.sample(3) != model.sample(3)).numpy().any()


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_an_image_grown_line_by_line_is_the_sample(model, temperature):
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


def test_the_sampler_is_compiled_once_and_neither_saved_nor_lost(tmp_path):
    model = tiny((4, 8, 1))
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


def test_half_precision_leaves_the_likelihood_in_float32():
    images = np.random.default_rng(0).integers(0, 2, (4, 8, 8, 1)).astype("float32")
    wide, half = (tiny((8, 8, 1), spread=0.1, dtype=dtype) for dtype in ("float32", "mixed_bfloat16"))
    for one, other in zip(wide.trainable_variables, half.trainable_variables):
        assert other.dtype == "float32"
        np.testing.assert_array_equal(one, other)
    assert half(images).dtype == tf.float32 and half.log_prob(images).dtype == tf.float32
    difference = np.abs(half.log_prob(images) - wide.log_prob(images))
    assert 0 < difference.max() < 0.02 * np.abs(wide.log_prob(images)).max()
    assert half.sample(2, seed=0).dtype == tf.float32


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(levels=1), "levels must be at least 2"),
        (dict(image_shape=(8, 8)), r"image_shape must be \(height, width, channels\)"),
        (dict(image_shape=(8, 8, 3), width=2), "width and top >= 3"),
        (dict(depth=0), "depth >= 1"),
    ],
)
def test_a_wrong_constructor_argument_is_named(arguments, message):
    with pytest.raises(InputError, match=message):
        PixelCNN(**arguments)


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
def test_a_wrong_argument_of_sample_is_named(small, arguments, message):
    with pytest.raises(InputError, match=message):
        small.sample(**{"n": 2, **arguments})


def test_images_that_cannot_have_a_probability_are_named(small):
    with pytest.raises(InputError, match=r"images of shape \(n, 2, 3, 1\)"):
        small.log_prob(np.zeros((1, 3, 2, 1)))
    with pytest.raises(InputError, match=r"in \[0, 1\]; received values from 0 to 255"):
        small.log_prob(np.array([0, 255] * 3, "float32").reshape(1, 2, 3, 1))
