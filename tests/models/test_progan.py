"""ProGAN: what fades in changes nothing at first, and each resolution has a clock of its own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import ProGAN

IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)), tf.float32)


@pytest.fixture(scope="module")
def model():
    return ProGAN(**ProGAN.tiny, seed=0)


def test_phases_follow_one_another(model):
    assert [model.level(k) for k in range(1, 8)] == [0, 0, 1, 1, 1, 1, 1]
    assert [float(model.alpha(1, float(k))) for k in range(1, 8)] == [0, 0, 0.5, 1, 1, 1, 1]
    deeper = ProGAN(**{**ProGAN.tiny, "image_shape": (16, 24, 1)}, seed=0)
    assert deeper.levels == 3 and deeper.generator.size == (4, 6)
    assert [deeper.level(k) for k in range(1, 12)] == [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2]


def test_a_level_that_has_not_faded_in_changes_nothing(model):
    z = model.draw_codes(model.key_of(0), 4)
    old, new = (model.images_at(z, level, 0.0).numpy() for level in (0, 1))
    np.testing.assert_allclose(new, np.kron(old, np.ones((1, 2, 2, 1))), atol=1e-6)
    small = IMAGES.numpy().reshape(4, 4, 2, 4, 2, 1).mean((2, 4))
    score = model.discriminator(IMAGES, level=1, alpha=0.0)
    np.testing.assert_allclose(score, model.discriminator(small, level=0, alpha=1.0), atol=1e-6)
    np.testing.assert_allclose(model.reals_at(IMAGES, 0, 1.0), small, atol=1e-6)
    np.testing.assert_allclose(
        model.reals_at(IMAGES, 1, 0.25),
        0.75 * np.kron(small, np.ones((1, 2, 2, 1))) + 0.25 * IMAGES,
        atol=1e-6,
    )


def test_a_level_that_has_faded_in_leaves_the_old_heads_alone(model):
    z = model.draw_codes(model.key_of(0), 4)
    for network, given, heads in (
        (model.generator, z, model.generator.to_rgb),
        (model.discriminator, IMAGES, model.discriminator.from_rgb),
    ):
        for alpha, reached in ((1.0, False), (0.5, True)):
            with tf.GradientTape() as tape:
                out = tf.reduce_sum(network(given, level=1, alpha=alpha) ** 2)
            gradients = tape.gradient(out, [heads[0].trainable_variables[0].value])
            assert bool(gradients[0] is not None and tf.reduce_any(gradients[0] != 0)) == reached


def test_only_the_direction_of_a_latent_matters(model):
    z = model.draw_codes(model.key_of(0), 4)
    np.testing.assert_allclose(model.images_at(3 * z, 0, 1.0), model.images_at(z, 0, 1.0), atol=1e-4)


def test_the_losses_are_the_papers():
    model = ProGAN(**ProGAN.tiny, seed=0, penalty_weight=0.0, drift_weight=0.5)
    stage, step = model.stages[0], step_of(model, IMAGES)
    real = model.discriminator(model.reals_at(IMAGES, 0, 1.0), level=0, alpha=1.0).numpy()
    fake = model.discriminator(stage.fakes(step), level=0, alpha=1.0).numpy()
    loss, _ = stage.discriminator_objective(step)
    assert float(loss) == pytest.approx(fake.mean() - real.mean() + 0.5 * np.mean(real**2), rel=1e-4)
    assert float(stage.generator_objective(step)[0]) == pytest.approx(-fake.mean(), rel=1e-4)


def test_each_level_begins_with_a_fresh_optimizer_and_samples_keep_their_size(tmp_path):
    """Of one clock, a first gradient after many steps would move a weight by 10 rates."""
    model, moves, sizes = ProGAN(**{**ProGAN.tiny, "phase_steps": 3}, seed=0), [], []
    model.compile()
    fresh = [v for v in model.generator.blocks[1].trainable_variables if v.ndim > 1]

    class Watch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.before = [v.numpy() for v in fresh]

        def on_train_batch_end(self, batch, logs=None):
            moves.append(max(np.abs(v.numpy() - was).max() for v, was in zip(fresh, self.before)))
            images = self.model.sample(2, seed=0).numpy()
            sizes.append((images.shape, bool(np.allclose(images[:, ::2, ::2], images[:, 1::2, 1::2]))))

    data = tf.data.Dataset.from_tensors(IMAGES).repeat(5)
    history = model.fit(data, verbose=0, callbacks=[Watch()]).history
    assert np.isfinite(history["gradient_penalty"]).all()  # of whichever level played
    assert moves[:3] == [0, 0, 0] and moves[3] == pytest.approx(1e-3, rel=0.02)
    assert sizes == [((2, 8, 8, 1), enlarged) for enlarged in (True, True, True, False, False)]
    # In the middle of a fade: resumed, it is the run that did not stop.
    model.save(tmp_path / "model.keras")
    resumed = keras.models.load_model(tmp_path / "model.keras")
    for one in (model, resumed):
        one.fit(data.take(2), verbose=0)
    for a, b in zip(model.get_weights(), resumed.get_weights()):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize(
    "wrong", [dict(image_shape=(7, 8, 1)), dict(image_shape=(4, 4, 1)), dict(phase_steps=0)]
)
def test_sizes_that_cannot_be_halved_are_named(wrong):
    with pytest.raises(InputError, match="whose sizes can be halved to 4 to 7 pixels"):
        ProGAN(**{**ProGAN.tiny, **wrong})


def test_a_group_has_an_image():
    with pytest.raises(InputError, match=r"group must be at least 1, .*; received 0"):
        ProGAN(**{**ProGAN.tiny, "group": 0})
