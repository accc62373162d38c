"""ContextRNNGAN: what is seen of the past, and nothing of the future; sums over the frames; memory."""

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import ContextRNNGAN

RNG = np.random.default_rng(0)
FRAMES = tf.constant(RNG.uniform(-1, 1, (3, 4, 8, 8, 1)), tf.float32)


def build(**kwargs):
    model = ContextRNNGAN(**{**ContextRNNGAN.tiny, "seed": 0, **kwargs})
    model.compile()
    return model


@pytest.fixture(scope="module")
def model():
    return build()


def test_a_frame_depends_on_all_before_it_and_on_none_after(model):
    """Which frames a change of frame t reaches: the triangle below the diagonal."""
    made = model.following(FRAMES).numpy()
    for t in range(4):
        other = FRAMES.numpy()
        other[:, t] = -other[:, t]
        reached = np.abs(model.following(other).numpy() - made).max((0, 2, 3, 4)) > 0
        assert reached.tolist() == [k >= t for k in range(4)]  # what is made after frame t sees it


def test_a_score_depends_on_the_frames_before_it(model):
    fakes = model.following(FRAMES[:, :-1])
    real, fake = (x.numpy() for x in model.scores(FRAMES, fakes))
    assert real.shape == fake.shape == (3, 3)
    turned = tf.concat([FRAMES[:, 1::-1], FRAMES[:, 2:]], axis=1)  # the first two change places
    others = [x.numpy() for x in model.scores(turned, fakes)]
    for score, other in zip((real, fake), others):
        assert (np.abs(score - other)[:, 1:] > 1e-7).all()  # of the same frames, after others
    own = [x.numpy() for x in model.scores(FRAMES, FRAMES[:, 1:])]
    np.testing.assert_allclose(*own, atol=1e-6)  # a true frame in its own place
    changed = tf.concat([fakes[:, :1], -fakes[:, 1:]], axis=1)
    again = [x.numpy() for x in model.scores(FRAMES, changed)]
    np.testing.assert_array_equal(again[0], real)  # fakes are no context
    np.testing.assert_allclose(again[1][:, 0], fake[:, 0], atol=1e-6)


def test_losses_are_sums_over_the_frames(model):
    step = step_of(model, FRAMES)
    fakes = model.fakes(step)
    np.testing.assert_allclose(fakes, model.following(FRAMES[:, :-1]), atol=1e-6)
    real, fake = (x.numpy() for x in model.scores(FRAMES, fakes))
    loss, _ = model.discriminator_objective(step)
    want = np.log1p(np.exp(-real)).mean(0).sum() + np.log1p(np.exp(fake)).mean(0).sum()
    assert float(loss) == pytest.approx(want, rel=1e-5)
    loss, logs = model.generator_objective(step)
    errors = np.mean((fakes - FRAMES[:, 1:]) ** 2, axis=(0, 2, 3, 4)).sum()
    assert float(logs["squared_error"]) == pytest.approx(errors, rel=1e-5)
    assert float(loss) == pytest.approx(errors + 0.01 * np.log1p(np.exp(-fake)).mean(0).sum(), rel=1e-5)


def test_a_frame_that_two_before_it_decide_is_learnt():
    """Two dark frames, two bright ones: the last alone says nothing of the next, whose error would be 1."""
    model = build(image_shape=(4, 4, 1), given=4, predicted=1, units=4, adversarial_weight=0.0)
    clips = np.stack([[(k + shift) // 2 % 2 for k in range(5)] for shift in range(4)])
    clips = np.float32(2 * clips - 1)[:, :, None, None, None] * np.ones((1, 1, 4, 4, 1), np.float32)

    def error():
        return np.mean((model.following(clips)[:, 1:-1] - clips[:, 2:]) ** 2)

    assert error() > 0.8
    model.optimizers["generator"].learning_rate = 0.03
    model.fit(np.tile(clips, (25, 1, 1, 1, 1)), batch_size=4, epochs=8, verbose=0)
    assert error() < 0.1


def test_extending_twice_is_extending_once(model):
    frames = FRAMES[:, :2].numpy()
    one = model.extend(frames, 1).numpy()
    both = model.extend(frames, 3).numpy()
    np.testing.assert_allclose(both[:, :1], one, atol=1e-6)
    np.testing.assert_allclose(model.extend(np.concatenate([frames, one], 1), 2), both[:, 1:], atol=1e-6)
    np.testing.assert_allclose(
        model.extend(FRAMES.numpy(), 1)[:, 0], model.following(FRAMES)[:, -1], atol=1e-6
    )
    np.testing.assert_allclose(model.sample(3, frames=frames), both[:, :2], atol=1e-6)
    assert model.extend(RNG.integers(0, 256, (1, 2, 9, 14, 1), np.uint8), 2).shape == (1, 2, 9, 14, 1)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda m: m.extend(FRAMES[:, :1], 1), "continues clips of 2 frames or more; received 1 of them"),
        (lambda m: build(image_shape=(8, 10, 1)), r"sizes are multiples of 4; received \(8, 10, 1\)"),
        (lambda m: build(predicted=0), "given and predicted are 1 at least; received 2 and 0"),
    ],
)
def test_bad_input_is_named(model, call, message):
    with pytest.raises(InputError, match=message):
        call(model)
