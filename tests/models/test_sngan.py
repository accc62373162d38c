"""Every layer's sigma, when its vector moves, and both pairs of losses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.layers import SpectralNormalization
from tfgen.models import SNGAN

IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (6, 16, 16, 1)), tf.float32)
REAL, FAKE = tf.constant([[2.0], [0.0]]), tf.constant([[-1.0], [3.0]])


def build(**kwargs):
    return SNGAN((16, 16, 1), latent_dim=4, width=4, seed=0, **kwargs)


def normalized(model):
    return [layer for layer in model.discriminator.layers if isinstance(layer, SpectralNormalization)]


@pytest.mark.parametrize("body, layers", [("convolutional", 3), ("dense", 3)])
def test_every_layer_of_the_discriminator_is_normalized(body, layers):
    model = build(body=body)
    ours = {id(v) for layer in normalized(model) for v in layer.trainable_variables}
    assert (
        len(normalized(model)) == layers and {id(v) for v in model.discriminator.trainable_variables} == ours
    )
    assert not any(isinstance(layer, SpectralNormalization) for layer in model.generator.layers)


def test_sigma_follows_the_singular_value_through_training():
    """One step an update stays near a kernel that moves, and reaches one that rests."""
    model = build()
    model.compile(jit_compile=False)
    model.fit(tf.data.Dataset.from_tensors(IMAGES).repeat(150), epochs=1, verbose=0)
    for layer in normalized(model):
        kernel = layer.layer.kernel.numpy()
        exact = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]
        assert 0.9 < float(layer.sigma()) / exact < 1.0001, layer.layer.name
        for _ in range(200):
            layer.advance()
        assert float(layer.sigma()) == pytest.approx(exact, rel=1e-3), layer.layer.name


def test_the_dense_discriminator_is_lipschitz():
    """Leaky ReLU has slopes up to 1, so that no two points differ by more than their distance."""
    model = build(body="dense")
    for layer in normalized(model):
        layer.layer.kernel.assign(10 * layer.layer.kernel)
        for _ in range(200):
            layer.advance()
    x = np.random.default_rng(1).normal(size=(2, 500, 16, 16, 1)).astype("float32")
    rise = np.abs(model.score(x[0]) - model.score(x[1]))[:, 0]
    assert (rise <= np.linalg.norm((x[0] - x[1]).reshape(500, -1), axis=1) * 1.001).all()
    assert rise.max() > 0.1


def test_the_vector_moves_once_in_the_discriminator_s_update_and_in_no_other():
    model = build()
    model.compile()
    layer = normalized(model)[1]
    kernel = layer.layer.kernel.numpy().reshape(-1, layer.layer.kernel.shape[-1])
    u = layer.u.numpy()
    v = kernel @ u
    once = kernel.T @ v / np.linalg.norm(kernel.T @ v)
    model.minimize("discriminator", model.objectives()["discriminator"], step_of(model, IMAGES))
    np.testing.assert_allclose(layer.u, once, atol=1e-5)
    model.minimize("generator", model.objectives()["generator"], step_of(model, IMAGES))
    model.score(IMAGES, training=True)
    model.test_on_batch(IMAGES)
    np.testing.assert_allclose(layer.u, once, atol=1e-5)


@pytest.mark.parametrize(
    "hinge, of_discriminator, of_generator",
    [
        (True, 0.5 + 2.0, -1.0),
        (False, (np.log1p(np.exp(-2)) + np.log(2) + np.log1p(np.exp(-1)) + np.log1p(np.exp(3))) / 2,
         (np.log1p(np.exp(1)) + np.log1p(np.exp(-3))) / 2),
    ],
)  # fmt: skip
def test_losses_by_hand(hinge, of_discriminator, of_generator):
    loss = build(hinge=hinge).adversarial_loss
    assert float(loss.discriminator(REAL, FAKE)) == pytest.approx(of_discriminator, abs=1e-6)
    assert float(loss.generator(FAKE)) == pytest.approx(of_generator, abs=1e-6)


def test_optimizers_are_setting_c():
    for optimizer in SNGAN((8, 8, 1), width=2).default_optimizers().values():
        assert isinstance(optimizer, keras.optimizers.Adam)
        assert (float(optimizer.learning_rate), optimizer.beta_1, optimizer.beta_2) == (
            pytest.approx(2e-4), 0.5, 0.999)  # fmt: skip
