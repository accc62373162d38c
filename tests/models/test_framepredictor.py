"""FramePredictor: what the gradient difference sees, how scales refine each other, how clips go on."""

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import FramePredictor
from tfgen.models.video.framepredictor import (
    gradient_difference,
    joined,
    parted,
    pyramid,
    smallest,
)

RNG = np.random.default_rng(0)
FRAMES = tf.constant(RNG.uniform(-1, 1, (3, 3, 26, 26, 1)), tf.float32)


def build(**kwargs):
    model = FramePredictor(**{**FramePredictor.tiny, "seed": 0, **kwargs})
    model.compile()
    return model


@pytest.fixture(scope="module")
def model():
    return build()


def edge(place, height=0.7, width=1, rows=5, columns=24):
    """A step of that height at a column, blurred over `width` pixels: (1, rows, columns, 1)."""
    ramp = np.clip((np.arange(columns) - place + width) / width, 0, 1)
    return np.float32(np.tile(height * ramp, (rows, 1)))[None, ..., None]


def total(a, b, alpha):
    """The sum over a row of the gradient difference, whose means are over 5 x 23 and 4 x 24 neighbours."""
    return 23 * float(gradient_difference(a, b, alpha))


def test_the_gradient_difference_of_a_step_is_the_same_wherever_it_is_moved():
    for shift in (1, 3, 8):
        assert total(edge(8), edge(8 + shift), 1) == pytest.approx(2 * 0.7, rel=1e-4)
        assert total(edge(8), edge(8 + shift), 2) == pytest.approx(2 * 0.7**2, rel=1e-4)
        l1 = np.abs(edge(8) - edge(8 + shift)).sum() / 5
        assert l1 == pytest.approx(0.7 * shift, rel=1e-4)  # while the plain error grows


def test_the_gradient_difference_sees_a_blurred_step():
    for width in (2, 4):
        assert total(edge(10), edge(11, width=width), 1) == pytest.approx(2 * 0.7 * (1 - 1 / width), rel=1e-4)
        assert total(edge(10), edge(11, width=width), 2) == pytest.approx(0.7**2 * (1 - 1 / width), rel=1e-4)
    down, blurred = (np.swapaxes(edge(10, width=width), 1, 2) for width in (1, 2))
    assert float(gradient_difference(down, blurred, 1)) > 0.01


def test_the_gradient_difference_knows_neither_signs_nor_levels_nor_a_border():
    y = FRAMES[:, 0]
    assert float(gradient_difference(y, -y, 1)) == 0  # black for white
    assert float(gradient_difference(y, y + 0.5, 1)) == pytest.approx(0, abs=1e-6)


def test_each_scale_refines_what_the_coarser_one_made():
    """Where all but the coarsest add nothing, the frame is the coarsest, doubled and squashed thrice."""
    model = build(image_shape=(32, 32, 1), scales=4, adversarial_weight=0.0)
    coarse = 8  # weights of the coarsest scale, four kernels and biases
    weights = model.generator.get_weights()
    model.generator.set_weights([w if k < coarse else 0 * w for k, w in enumerate(weights)])
    first, *_, last = model.generator(joined(RNG.uniform(-1, 1, (2, 2, 32, 32, 1)).astype("float32")))
    want = first
    for _ in range(3):
        want = np.tanh(np.repeat(np.repeat(want, 2, 1), 2, 2))
    assert np.std(first) > 1e-3
    np.testing.assert_allclose(last, want, atol=1e-6)
    model.generator.set_weights([0 * w if k < coarse else w for k, w in enumerate(weights)])
    assert np.abs(model.generator(np.ones((1, 32, 32, 2), "float32"))[-1]).max() > 1e-3


def test_the_losses_are_the_papers(model):
    step = step_of(model, FRAMES)
    (given, truth), fakes = model.pair(step), model.fakes(step)
    assert [x.shape[1:3] for x in truth] == [x.shape[1:3] for x in fakes] == [(13, 13), (26, 26)]
    np.testing.assert_allclose(truth[0][0, 2, 3], np.mean(FRAMES[0, 2, 4:6, 6:8], axis=(0, 1)), atol=1e-6)
    real, fake = (model.score(given, x, True).numpy() for x in (truth, fakes))
    bce = {
        name: np.log1p(np.exp(-s)).mean(0) for name, s in (("real", real), ("fake", -fake), ("fool", fake))
    }
    loss, _ = model.discriminator_objective(step)
    assert real.shape == (3, 2) and float(loss) == pytest.approx((bce["real"] + bce["fake"]).sum(), rel=1e-5)
    loss, logs = model.generator_objective(step)
    errors = sum(np.abs(a - b).mean() for a, b in zip(fakes, truth))
    gdl = sum(float(gradient_difference(a, b, 1)) for a, b in zip(fakes, truth))
    assert float(logs["reconstruction"]) == pytest.approx(errors, rel=1e-5)
    assert float(loss) == pytest.approx(errors + gdl + 0.05 * bce["fool"].sum(), rel=1e-5)


def test_losses_can_be_left_out():
    model = build(norm=2, gdl_weight=0.0, adversarial_weight=0.0)
    loss, logs = model.generator_objective(step_of(model, FRAMES))
    step = step_of(model, FRAMES)
    want = sum(np.mean((a - b) ** 2) for a, b in zip(model.fakes(step), model.pair(step)[1]))
    assert list(logs) == ["reconstruction"] and float(loss) == pytest.approx(want, rel=1e-5)
    assert list(model.objectives()) == ["generator"] and model.games() == []
    assert model.fit(np.asarray(FRAMES), verbose=0).history["generator_loss"]


def test_the_discriminator_sees_what_a_frame_follows(model):
    (given, truth) = model.pair(step_of(model, FRAMES))
    scores = model.score(given, truth).numpy()
    assert (np.abs(model.score(tf.roll(given, 1, 0), truth) - scores) > 1e-6).all()


def test_extending_twice_is_extending_once(model):
    frames = FRAMES[:, :2].numpy()
    one = model.extend(frames, 1).numpy()
    two = model.extend(np.concatenate([frames, one], 1), 1).numpy()
    both = model.extend(frames, 2).numpy()
    np.testing.assert_allclose(both, np.concatenate([one, two], 1), atol=1e-6)
    np.testing.assert_allclose(model.sample(3, frames=frames), one, atol=1e-6)
    assert np.abs(both[:, 0] - both[:, 1]).max() > 1e-5
    ahead = build(predicted=2)
    long = ahead.extend(frames, 5)
    np.testing.assert_allclose(ahead.extend(long[:, :2].numpy(), 3), long[:, 2:], atol=1e-6)


def test_frames_of_any_size_are_continued_by_reflection(model):
    odd = RNG.uniform(-1, 1, (1, 2, 29, 40, 1)).astype("float32")
    whole = np.pad(odd, ((0, 0), (0, 0), (0, 1), (0, 0), (0, 0)), "reflect")
    np.testing.assert_allclose(model.extend(odd, 2), model.extend(whole, 2)[:, :, :29], atol=1e-5)
    as_bytes = np.full((1, 2, 8, 8, 1), 255, np.uint8)
    np.testing.assert_allclose(model.extend(as_bytes, 1), model.extend(as_bytes / 255.0, 1), atol=1e-6)


def test_parts_of_a_clip_are_put_together_again():
    frames = RNG.uniform(size=(2, 3, 4, 4, 2))
    np.testing.assert_array_equal(parted(joined(frames), 3), frames)
    np.testing.assert_array_equal(joined(frames)[..., 2:4], frames[:, 1])
    assert [x.shape[1] for x in pyramid(joined(frames), 3)] == [1, 2, 4]
    assert [smallest(k) for k in (1, 2, 4)] == [22, 26, 32]
    assert FramePredictor.fitting((45, 20, 3), scales=4) == (48, 32, 3)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda m: m.sample(2), "FramePredictor continues clips; give frames, or use extend"),
        (lambda m: m.extend(FRAMES[:, :1], 1), "continues clips of 2 frames or more; received 1 of them"),
        (
            lambda m: m.extend(FRAMES[:, 0], 1),
            r"continues frames \(n, t, height, width, 1\); received \(3, 26",
        ),
        (lambda m: m.extend(FRAMES, 0), "steps is how many frames follow, at least 1; received 0"),
        (lambda m: m.extend(200 * FRAMES, 1), r"takes frames in \[-1, 1\]; received"),
        (
            lambda m: build(image_shape=(24, 26, 1)),
            "of scales=2 takes frames of 26x26 at least, of sizes that",
        ),
        (lambda m: build(scales=5), "scales are 1 to 4; received 5"),
        (lambda m: build(norm=3), "norm and alpha are 1 or 2; received norm=3, alpha=1"),
        (lambda m: build(given=0), "given and predicted are 1 at least; received 0 and 1"),
    ],
)
def test_bad_input_is_named(model, call, message):
    with pytest.raises(InputError, match=message):
        call(model)
