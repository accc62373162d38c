"""The five guidelines, the players' moves, and any size of image."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen import losses
from tfgen.layers import BatchNormalization
from tfgen.models import DCGAN


@pytest.fixture(scope="module")
def model():
    model = DCGAN((32, 32, 3), latent_dim=8, width=8, seed=0)
    model.compile()
    return model


def kinds(network):
    return [type(layer).__name__ for layer in network.layers]


def test_the_guidelines(model):
    generator, discriminator = kinds(model.generator), kinds(model.discriminator)
    assert not any("Pool" in kind or "UpSampling" in kind for kind in generator + discriminator)
    assert discriminator.count("Dense") == 1 and discriminator[-1] == "Dense"  # no hidden dense layer
    assert discriminator[:4] == ["Conv2D", "LeakyReLU", "Conv2D", "BatchNormalization"]
    assert generator[-1] == "Conv2DTranspose"
    assert model.generator.layers[-1].activation is keras.activations.tanh
    assert "LeakyReLU" not in generator and "ReLU" not in discriminator
    assert all(layer.negative_slope == 0.2 for layer in model.discriminator.layers
               if isinstance(layer, keras.layers.LeakyReLU))  # fmt: skip


def test_the_paper_s_network():
    """Figure 1: z of 100, then 1024, 512, 256, 128 filters from 4x4 on, to 64x64x3."""
    generator = DCGAN().generator
    shapes = [layer.output.shape[1:] for layer in generator.layers if isinstance(layer, BatchNormalization)]
    assert shapes == [(4, 4, 1024), (8, 8, 512), (16, 16, 256), (32, 32, 128)]
    assert generator.input_shape == (None, 100) and generator.output_shape == (None, 64, 64, 3)


def test_start_and_optimizers_are_the_paper_s(model):
    kernels = [v.numpy() for v in model.trainable_variables if v.path.endswith("kernel")]
    assert all(np.std(k) == pytest.approx(0.02, rel=0.15) and abs(k.mean()) < 2e-3 for k in kernels)
    for optimizer in model.optimizers.values():
        assert isinstance(optimizer, keras.optimizers.Adam)
        assert float(optimizer.learning_rate) == pytest.approx(2e-4) and optimizer.beta_1 == 0.5


def test_codes_are_uniform(model):
    z = model.draw_codes(model.key_of(0), 2000).numpy()
    assert -1 < z.min() < -0.99 and 0.99 < z.max() < 1 and abs(z.mean()) < 0.02


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (29, 40, 3), (109, 89, 3)])
def test_any_size(shape):
    model = DCGAN(shape, latent_dim=4, width=2, seed=0)
    images = model.sample(2, seed=0)
    assert images.shape == (2, *shape)
    assert model.discriminator(images).shape == (2, 1)


def test_each_player_gains_by_its_move(model):
    """One update of D widens its gap between real and fake; one of G raises D's score of fakes."""
    images = tf.constant(np.random.default_rng(0).uniform(-1, 1, (16, 32, 32, 3)), tf.float32)
    model = DCGAN((32, 32, 3), latent_dim=8, width=8, seed=0)
    model.compile({name: keras.optimizers.SGD(1e-2) for name in model.objectives()})

    def gap():
        fake, _ = model.fakes(step_of(model, images))
        score = lambda x: float(tf.reduce_mean(model.discriminator(x, training=True)))  # noqa: E731
        return score(images) - score(fake), score(fake)

    def move(name):
        before = gap()
        model.minimize(name, model.objectives()[name], step_of(model, images))
        return before, gap()

    before, after = move("discriminator")
    assert after[0] > before[0]
    before, after = move("generator")
    assert after[1] > before[1]


def test_the_updates_of_a_step_share_one_pass_of_the_generator():
    """The step equals D's update, then G's by the new D, each by a tape of its own on the same fakes."""
    images = tf.constant(np.random.default_rng(0).uniform(-1, 1, (6, 16, 16, 1)), tf.float32)
    build = lambda: DCGAN((16, 16, 1), latent_dim=4, width=4, seed=0)  # noqa: E731
    model, plain = build(), build()
    model.compile({name: keras.optimizers.SGD(0.1) for name in model.objectives()})
    calls = []
    generator, model.generator.call = model.generator.call, None
    model.generator.call = lambda *args, **kwargs: calls.append(1) or generator(*args, **kwargs)
    model.train_on_batch(images)
    assert len(calls) == 1

    plain.step.assign(1)
    z = plain.draw_codes(step_of(plain, images).key("z"), 6)
    for loss, network in (
        (lambda fake: losses.Minimax().discriminator(
            plain.discriminator(images, training=True), plain.discriminator(fake, training=True)),
         plain.discriminator),
        (lambda fake: losses.Minimax().generator(plain.discriminator(fake, training=True)),
         plain.generator),
    ):  # fmt: skip
        kept = plain.generator.get_weights()
        with tf.GradientTape() as tape:
            value = loss(plain.generator(z, training=True))
        for v, gradient in zip(
            network.trainable_variables, tape.gradient(value, network.trainable_variables)
        ):
            v.assign_sub(0.1 * gradient)
        if network is plain.discriminator:
            plain.generator.set_weights(kept)  # the batch's statistics count once
    for ours, theirs in zip(model.weights, plain.weights):
        np.testing.assert_allclose(ours, theirs, atol=1e-5, err_msg=ours.path)
