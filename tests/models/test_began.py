"""The balance k, the measure of convergence, and the networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.models import BEGAN

IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 1)), tf.float32)


def build(**kwargs):
    model = BEGAN((8, 8, 1), latent_dim=4, width=4, depth=1, seed=0, **kwargs)
    model.compile(jit_compile=False)
    return model


def play(model, real, fake, training=True):
    """The discriminator's objective where L(x) and L(G(z)) are what they are said to be."""
    scores = iter([-tf.constant(real)[:, None], -tf.constant(fake)[:, None]])
    model.score = lambda *args, **kwargs: next(scores)
    loss, logs = model.discriminator_objective(step_of(model, IMAGES, training=training))
    return float(loss), {name: float(value) for name, value in logs.items()}


def test_l_is_the_mean_absolute_error_of_an_image():
    model = build()
    by_hand = np.abs(model.discriminator(IMAGES) - IMAGES).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(model.score(IMAGES), -by_hand[:, None], rtol=1e-5)


def test_the_step_by_hand():
    """L(x) = 0.4 and L(G(z)) = 0.1 on average, gamma 0.5, lambda_k 0.2, k 0.3."""
    model = build(gamma=0.5, balance_rate=0.2)
    model.k.assign(0.3)
    loss, logs = play(model, [0.3, 0.5], [0.0, 0.2])
    assert loss == pytest.approx(0.4 - 0.3 * 0.1)
    assert logs == {"k": pytest.approx(0.3), "convergence": pytest.approx(0.4 + abs(0.5 * 0.4 - 0.1))}
    assert float(model.k) == pytest.approx(0.3 + 0.2 * (0.5 * 0.4 - 0.1))
    assert float(model.adversarial_loss.generator(-tf.constant([[0.0], [0.2]]))) == pytest.approx(0.1)


def test_convergence_counts_both_sides_of_the_balance():
    *_, logs = play(build(gamma=0.5), [0.4, 0.4], [0.7, 0.7])
    assert logs["convergence"] == pytest.approx(0.4 + 0.5)


def test_k_stays_between_0_and_1():
    model = build(gamma=0.5, balance_rate=10.0)
    assert float(model.k) == 0
    play(model, [0.1], [0.9])
    assert float(model.k) == 0
    play(model, [0.9], [0.1])
    assert float(model.k) == 1


def test_k_moves_in_the_discriminator_s_training_only_and_is_saved(tmp_path):
    model = build(balance_rate=0.1)
    model.k.assign(0.5)
    model.test_on_batch(IMAGES)
    play(model, [0.9], [0.1], training=False)
    del model.score
    model.generator_objective(step_of(model, IMAGES))
    assert float(model.k) == 0.5
    model.train_on_batch(IMAGES)
    assert float(model.k) != 0.5
    model.save(tmp_path / "model.keras")
    assert float(keras.models.load_model(tmp_path / "model.keras").k) == float(model.k)
    assert not model.k.trainable


def test_the_paper_s_networks_and_constants():
    model = BEGAN()
    assert (model.gamma, model.balance_rate, model.latent_dim) == (0.5, 1e-3, 64)
    for network in (model.generator, model.discriminator.layers[-1]):  # of one form, weights of their own
        assert [v.shape for v in network.weights] == [v.shape for v in model.generator.weights]
    kinds = {type(layer).__name__ for layer in [*model.discriminator.layers, *model.generator.layers]}
    assert not any("Normalization" in kind or "Transpose" in kind or "Pool" in kind for kind in kinds)
    encoder = model.discriminator.layers[:-1]
    strided = [one for one in encoder if getattr(one, "strides", None) == (2, 2)]
    assert [one.output.shape[1:] for one in strided] == [(32, 32, 128), (16, 16, 192), (8, 8, 256)]
    assert model.generator.layers[0].units == 8 * 8 * 64
    for optimizer in model.default_optimizers().values():
        assert isinstance(optimizer, keras.optimizers.Adam)
        assert float(optimizer.learning_rate) == pytest.approx(1e-4)
    z = model.draw_codes(model.key_of(0), 100).numpy()
    assert -1 < z.min() < -0.99 and 0.99 < z.max() < 1


@pytest.mark.parametrize("shape", [(8, 8, 1), (29, 40, 3)])
def test_any_size(shape):
    model = BEGAN(shape, latent_dim=4, width=2, depth=1, seed=0)
    images = model.sample(2, seed=0)
    assert images.shape == (2, *shape) and model.score(images).shape == (2, 1)
