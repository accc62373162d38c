"""SRResNet: what its loss is of, what a pixel sees, and images of any size, whole or in tiles."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.degradation import bicubic
from tfgen.errors import InputError
from tfgen.layers import BatchNormalization, PixelShuffle
from tfgen.models import CycleGAN, Pix2Pix, SRResNet
from tfgen.networks import residual_upscaler

RNG = np.random.default_rng(0)
IMAGES = tf.constant(RNG.uniform(-1, 1, (3, 8, 8, 3)), tf.float32)


def build(**kwargs):
    model = SRResNet(**{**SRResNet.tiny, "seed": 0, **kwargs})
    model.compile()
    return model


@pytest.fixture(scope="module")
def model():
    return build()


@pytest.mark.parametrize("factor", [2, 3])
def test_channels_become_places_as_the_paper_orders_them(factor):
    x = np.arange(2 * 3 * 4 * factor**2 * 5, dtype="float32").reshape(2, 3, 4, factor**2 * 5)
    got, want = PixelShuffle(factor)(x), np.empty((2, 3 * factor, 4 * factor, 5))
    for y, x_, i, j, c in np.ndindex(3, 4, factor, factor, 5):
        want[:, factor * y + i, factor * x_ + j, c] = x[:, y, x_, (factor * i + j) * 5 + c]
    np.testing.assert_array_equal(got, want)
    assert PixelShuffle(factor).compute_output_shape((None, None, 4, 5 * factor**2)) == (
        *(None, None, 4 * factor),
        5,
    )


def test_the_loss_is_the_squared_error_of_what_is_made_of_the_low_resolution_image():
    model = build()
    model.generator.layers[-1].bias.assign([1.5, 0.0, -1.5])  # it is not cut before it is compared
    step = step_of(model, IMAGES)
    loss, logs = model.generator_objective(step)
    low = np.clip(np.rint((bicubic(IMAGES, 2, 2) + 1) * 127.5), 0, 255) / 255  # bytes, in [0, 1]
    made = model.generator(tf.constant(low, tf.float32), training=True)
    squares = np.mean((IMAGES - made) ** 2, axis=(1, 2, 3))
    assert float(loss) == pytest.approx(squares.mean(), rel=1e-4)
    assert float(logs["psnr"]) == pytest.approx(np.mean(10 * np.log10(4 / squares)), rel=1e-4)


def test_the_low_resolution_image_is_in_bytes(model):
    levels = (model.low_resolution(IMAGES).numpy() + 1) * 127.5
    assert levels.shape == (3, 2, 2, 3)
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-3)
    np.testing.assert_array_equal(model.inputs_of({"images": IMAGES}), model.low_resolution(IMAGES))


def test_a_slope_is_one_for_a_channel_and_not_for_a_place(model):
    slopes = [layer.alpha for layer in model.generator.layers if isinstance(layer, keras.layers.PReLU)]
    assert [tuple(slope.shape) for slope in slopes] == [(1, 1, 4)] * 4
    assert all((slope.numpy() == 0.25).all() for slope in slopes)


def test_the_network_is_the_papers():
    # k9n64 and its slopes; 16 blocks; the layer behind them; twice k3n256 of pixels shuffled; k9n3.
    block = 2 * (9 * 64 * 64 + 4 * 64) + 64
    count = (81 * 3 * 64 + 64 + 64) + 16 * block + (9 * 64 * 64 + 4 * 64)
    count += 2 * (9 * 64 * 256 + 256 + 64) + 81 * 64 * 3 + 3
    assert residual_upscaler(3).count_params() == count
    starts = {v.numpy().tobytes() for v in residual_upscaler(3, width=4, blocks=2).trainable_variables}
    assert len(starts) >= 9  # kernels of one shape do not start alike


def test_the_skips_are_the_papers():
    """Of a norm with the gain 0 nothing is left but what the sum behind it has besides."""
    model, inputs = build(blocks=2), RNG.uniform(-1, 1, (1, 5, 5, 3)).astype("float32")
    *inner, behind = (x for x in model.generator.layers if isinstance(x, BatchNormalization))
    assert len(inner) == 4
    behind.gain.assign(0 * behind.gain)
    first = model.upscaled(inputs)  # the first layer's maps alone
    assert np.abs(first - model.upscaled(-inputs)).max() > 1e-3
    for norm in inner:
        norm.gain.assign(0 * norm.gain)
    np.testing.assert_allclose(model.upscaled(inputs), first, atol=1e-6)
    behind.gain.assign(1 + behind.gain)
    assert np.abs(model.upscaled(inputs) - first).max() > 1e-3  # they come through the blocks too


@pytest.mark.parametrize("blocks", [1, 3])
def test_a_pixel_sees_as_far_as_the_reach_says_and_no_farther(blocks):
    model = build(blocks=blocks, width=2)
    size = 2 * model.reach + 3
    inputs = tf.Variable(RNG.uniform(-1, 1, (1, size, size, 3)).astype("float32"))
    middle = model.reach + 1
    seen = []
    with tf.GradientTape(persistent=True) as tape:
        made = model.upscaled(inputs)
        corners = [made[0, 4 * middle + k, 4 * middle + k, 0] for k in (0, 3)]
    for corner in corners:
        seen.append(np.flatnonzero(np.abs(tape.gradient(corner, inputs)[0]).max((1, 2)) > 0))
    far = max(middle - seen[0].min(), seen[1].max() - middle)
    assert far == model.reach


@pytest.mark.parametrize("size", [(5, 7), (30, 21)])
def test_any_size_becomes_four_times_as_large_in_tiles_too(model, size):
    images = RNG.uniform(-1, 1, (2, *size, 3)).astype("float32")
    whole = model.upscale(images)
    assert whole.shape == (2, 4 * size[0], 4 * size[1], 3)
    np.testing.assert_array_equal(model.translate(images), whole)
    for tile in (6, 16):
        np.testing.assert_allclose(model.upscale(images, tile=tile), whole, atol=1e-5)
    as_bytes = np.uint8(np.rint((images + 1) * 127.5))
    np.testing.assert_allclose(model.upscale(as_bytes, tile=8), model.upscale(as_bytes), atol=1e-5)


def test_what_is_made_in_use_is_cut_to_the_range(model):
    inputs = np.ones((1, 4, 4, 3), "float32")
    network = build()
    network.generator.layers[-1].bias.assign([9.0, 0.0, -9.0])
    made = network.upscale(inputs)
    np.testing.assert_array_equal(made[..., 0], 1.0)
    np.testing.assert_array_equal(made[..., 2], -1.0)
    assert float(tf.reduce_max(network.upscaled(inputs))) > 5  # a loss sees it


def test_in_use_an_image_does_not_depend_on_the_batch():
    model = build()
    model.fit(IMAGES, epochs=2, batch_size=3, verbose=0)
    both = model.upscale(IMAGES)
    np.testing.assert_allclose(model.upscale(IMAGES[:1]), both[:1], atol=1e-6)


def test_it_learns_what_a_bicubic_image_lacks():
    """Squares whose edges lie between low-resolution pixels: sharp edges come back."""
    y, x = np.mgrid[:16, :16]
    place = RNG.integers(2, 10, (64, 2, 1, 1))
    inside = (abs(y - place[:, 0] - 2) < 3) & (abs(x - place[:, 1] - 2) < 3)
    squares = np.where(inside, 0.8, -0.8)[..., None].astype("float32")
    model = SRResNet((16, 16, 1), width=8, blocks=1, seed=0)
    model.compile(keras.optimizers.Adam(5e-3))
    model.fit(squares, epochs=30, batch_size=16, verbose=0)
    low = model.low_resolution(squares)

    def error(made):
        return float(np.mean((made - squares) ** 2))

    assert error(model.upscale(low)) < 0.5 * error(np.clip(bicubic(low, 16, 16), -1, 1))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda m: build(image_shape=(10, 8, 3)), r"SRResNet makes images 4 times .*; choose \(8, 8, 3\)"),
        (lambda m: m.sample(2), "SRResNet translates images; give inputs, or use translate"),
        (lambda m: m.upscale(np.zeros((1, 5, 5, 1))), r"translates inputs \(n, height, width, 3\); received"),
        (lambda m: m.upscale(np.zeros((1, 5, 5, 3), "uint8"), tile=0), "of at least 1, as 256; received 0"),
        (lambda m: m.translate_back(IMAGES), "SRResNet translates in one direction"),
    ],
)
def test_bad_input_is_named(model, call, message):
    with pytest.raises(InputError, match=message):
        call(model)


@pytest.mark.parametrize("cls", [Pix2Pix, CycleGAN])
def test_translators_that_see_the_whole_image_refuse_tiles(cls):
    model = cls(**cls.tiny, seed=0)
    images = np.zeros((1, 24, 24, model.input_channels), "float32")
    with pytest.raises(InputError, match=f"{cls.__name__} does not translate in tiles"):
        model.translate(images, tile=8)
