"""AEGAN: a game, and then an encoder that inverts its generator on the generator's own images."""

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import AEGAN
from tfgen.models.adversarial.inversion import inversion_loss

IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 1)), tf.float32)


def test_the_image_asks_for_what_is_seen_and_the_latent_for_all_of_z():
    """G shows z1 alone: no pixel is wrong if E knows z1; of z, E misses z2, and guesses its mean at best."""
    z = tf.constant(np.random.default_rng(1).standard_normal((5_000, 2)), tf.float32)
    decode = lambda z: tf.stack([z[:, 0], 2 * z[:, 0]], axis=1)  # noqa: E731

    def losses(guess):
        encode = lambda x: tf.stack([x[:, 0], 0 * x[:, 0] + guess], axis=1)  # noqa: E731
        return [float(inversion_loss(by, encode, decode, z)) for by in ("image", "latent")]

    spread, mean = np.var(z[:, 1]), np.mean(z[:, 1])
    assert losses(mean) == pytest.approx([0, spread], abs=1e-4)
    assert losses(mean + 0.5) == pytest.approx([0, spread + 0.25], abs=1e-4)
    wrong = float(inversion_loss("image", lambda x: x + 1.0, decode, z))
    assert wrong == pytest.approx(1 + 4, rel=1e-5)  # a sum over the pixels


@pytest.mark.parametrize("by", ["image", "latent"])
def test_the_encoder_learns_through_a_generator_that_stays(by):
    model = AEGAN(**{**AEGAN.tiny, "by": by}, seed=0)
    losses, slopes = [], []
    for images in (IMAGES, -IMAGES):  # real images are not looked at
        with tf.GradientTape() as tape:
            loss, _ = model.encoder_objective(step_of(model, images))
        weights = [v.value for v in model.encoder.trainable_variables]
        losses.append(float(loss))
        slopes.append(tape.gradient(loss, weights))
    assert losses[0] == losses[1]
    assert all(np.abs(x).max() > 0 for x in slopes[0])
    assert model.objectives()["encoder"].networks == (model.encoder,)
    z = model.draw_codes(step_of(model, IMAGES).key("z to be inferred"), 6)
    made = model.generate(z)
    codes = model.encoder(made, training=True)
    error = codes - z if by == "latent" else model.generate(codes) - made
    assert losses[0] == pytest.approx(np.sum(np.square(error)) / 6, rel=1e-4)


def test_the_game_ends_and_the_generator_rests_while_the_encoder_learns():
    model = AEGAN(**AEGAN.tiny, ema_decay=0.5, seed=0)
    model.compile(run_eagerly=True, jit_compile=False)
    names, seen = ("generator", "discriminator", "encoder"), []
    for _ in range(4):
        seen.append([getattr(model, name).get_weights() for name in names])
        model.train_on_batch(IMAGES)
    seen.append([getattr(model, name).get_weights() for name in names])

    def moved(k):
        return [any((a != b).any() for a, b in zip(*pair)) for pair in zip(seen[k], seen[k + 1])]

    assert [moved(k) for k in range(4)] == 2 * [[True, True, False]] + 2 * [[False, False, True]]
    # It inverts what `decode` makes, the average.
    z = model.draw_codes(step_of(model, IMAGES).key("z to be inferred"), 6)
    made = model.decode(z)
    again = model.decode(model.encoder(made, training=True))
    loss, _ = model.encoder_objective(step_of(model, IMAGES))
    assert float(loss) == pytest.approx(float(tf.reduce_mean(tf.reduce_sum((again - made) ** 2, (1, 2, 3)))))


def test_bad_arguments():
    for given in (dict(gan_steps=0), dict(by="pixel")):
        with pytest.raises(InputError, match=next(iter(given))):
            AEGAN(**{**AEGAN.tiny, **given})
