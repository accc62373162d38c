"""Chunks of z and the class at every depth, orthogonal filters, truncated samples, their statistics."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen import layers
from tfgen.errors import InputError
from tfgen.layers import BatchNormalization, ConditionalBatchNormalization, SpectralNormalization
from tfgen.models import BigGAN
from tfgen.models.adversarial.biggan import orthogonality

RNG = np.random.default_rng(0)
IMAGES = tf.constant(RNG.uniform(-1, 1, (6, 16, 16, 1)), tf.float32)
LABELS = tf.constant([0, 1, 2, 0, 1, 2])


def build(**kwargs):
    shape = dict(image_shape=(16, 16, 1), classes=3, latent_dim=7, width=2, embedding=3, attention=8)
    return BigGAN(**{**shape, "seed": 0, **kwargs})


@pytest.fixture(scope="module")
def model():
    """As built; tests leave it so."""
    return build()


@pytest.fixture(scope="module")
def spoilt():
    """A model whose kernels tests overwrite."""
    return build()


def of_kind(network, kind):
    return [layer for layer in network._flatten_layers() if isinstance(layer, kind)]


def test_the_penalty_by_hand():
    """R of [[1, .3], [.3, 1]] is 2 x .6^2; the filters' lengths cost nothing."""
    w = tf.Variable([[1.0, 0.3], [0.3, 1.0]])
    with tf.GradientTape() as tape:
        value = orthogonality(w)
    assert float(value) == pytest.approx(0.72)
    np.testing.assert_allclose(tape.gradient(value, w), [[0.72, 2.4], [2.4, 0.72]], rtol=1e-5)
    assert float(orthogonality(tf.constant([[3.0, 0], [0, 0.1]]))) == pytest.approx(0, abs=1e-5)
    # Filters are columns: two alike ones cost, whatever the rows.
    assert float(orthogonality(tf.constant([[1.0, 1], [0, 0]]))) == pytest.approx(2)
    assert float(orthogonality(tf.constant([[1.0, 0], [1, 0]]))) == pytest.approx(0)


@pytest.mark.parametrize("shape", [(3, 3, 4, 5), (2, 9), (9, 2)])
def test_the_penalty_of_kernels_of_any_shape(shape):
    kernel = RNG.normal(size=shape).astype("float32")
    w = kernel.reshape(-1, shape[-1])
    by_hand = np.sum((w.T @ w * (1 - np.eye(shape[-1]))) ** 2)
    assert float(orthogonality(tf.constant(kernel))) == pytest.approx(by_hand, rel=1e-4)


def test_the_penalty_is_of_all_kernels_of_the_generator_but_the_embedding(model):
    kernels = {id(v) for v in model.generator.trainable_variables if len(v.shape) > 1}
    embedding = model.generator.get_layer("embedding").kernel
    assert {id(v) for v in model.regularised()} == kernels - {id(embedding)}
    loss, logs = model.generator_objective(step_of(model, IMAGES, LABELS, training=False))
    model.orthogonal_weight = 0.5
    more, _ = model.generator_objective(step_of(model, IMAGES, LABELS, training=False))
    model.orthogonal_weight = 1e-4
    by_hand = sum(float(orthogonality(v.value)) for v in model.regularised())
    assert float(logs["orthogonality"]) == pytest.approx(by_hand, rel=1e-5)
    assert loss.shape == () and float(more - loss) == pytest.approx((0.5 - 1e-4) * by_hand, rel=1e-3)


def gains_of(model, z, labels):
    """What each conditional normalisation is told, and the gains and biases it makes of that."""
    found = of_kind(model.generator, ConditionalBatchNormalization)
    told = keras.Model(model.generator.inputs, [layer.input[1] for layer in found])
    given = told(model.told(tf.constant(z, tf.float32), labels))
    return [(1 + layer.gain(y), layer.bias(y)) for layer, y in zip(found, given)]


def test_a_chunk_of_z_is_its_block_s_alone(model):
    """Seven numbers are chunks of 3, 2 and 2: of the first layer, of the first block and of the second."""
    z = RNG.normal(size=(1, 7))
    start = gains_of(model, z, [0])
    assert len(start) == 4  # two a block
    for place, blocks in ((0, ()), (2, ()), (3, (0, 1)), (4, (0, 1)), (5, (2, 3)), (6, (2, 3))):
        moved = z.copy()
        moved[0, place] += 1
        for number, (was, now) in enumerate(zip(start, gains_of(model, moved, [0]))):
            assert (np.abs(now[0] - was[0]).max() > 1e-3) == (number in blocks), (place, number)
    moved = z.copy()
    moved[0, 1] += 1
    assert np.abs(model.generate(tf.constant(moved, tf.float32), [0]) - model.generate(z, [0])).max() > 1e-4
    # The class is every block's.
    for was, now in zip(start, gains_of(model, z, [1])):
        assert np.abs(now[0] - was[0]).max() > 1e-3 and np.abs(now[1] - was[1]).max() > 1e-3


def test_untrained_gains_are_about_1_and_biases_about_0(model):
    z, labels = RNG.normal(size=(3000, 7)), np.arange(3000) % 3
    embedding = model.generator.get_layer("embedding").kernel
    was = embedding.numpy()
    embedding.assign(0 * was)  # of a class, a gain may be any
    try:
        for gain, bias in gains_of(model, z, labels):
            np.testing.assert_allclose(np.mean(gain, 0), 1, atol=0.1)
            np.testing.assert_allclose(np.mean(bias, 0), 0, atol=0.1)
            assert np.std(gain, 0).min() > 0.1
    finally:
        embedding.assign(was)


def test_every_block_and_no_other_row_teaches_the_embedding_of_a_class(model):
    found = of_kind(model.generator, ConditionalBatchNormalization)
    told = keras.Model(model.generator.inputs, [layer.input[1] for layer in found])
    embedding = model.generator.get_layer("embedding").kernel
    for number, layer in enumerate(found):
        with tf.GradientTape() as tape:
            y = told(model.told(tf.zeros((1, 7)), [1]))[number]
            loss = tf.reduce_sum(layer.gain(y) ** 2)
        gradient = tape.gradient(loss, embedding.value).numpy()
        assert np.abs(gradient[1]).max() > 1e-4 and np.all(gradient[[0, 2]] == 0)
    z = tf.constant(RNG.normal(size=(6, 7)), tf.float32)
    alone = model.generate(z[:1], LABELS[:1])
    np.testing.assert_allclose(model.generate(z, LABELS)[:1], alone, atol=1e-5)
    other = LABELS.numpy()
    other[1:] = (other[1:] + 1) % 3
    np.testing.assert_allclose(model.generate(z, other)[:1], alone, atol=1e-5)


def test_every_kernel_but_the_embedding_has_spectral_norm_1(spoilt):
    model = spoilt
    for net in (model.generator, model.discriminator):
        normal = of_kind(net, SpectralNormalization)
        inside = {id(layer.layer.kernel): layer for layer in normal}
        kernels = [v for v in net.trainable_variables if v.name == "kernel"]
        assert [v.path for v in kernels if id(v) not in inside and "embedding" not in v.path] == []
        assert len(kernels) - len(inside) == (net is model.generator)
        for v in kernels:
            v.assign(RNG.normal(size=v.shape) + 3)  # of one large singular value
        for _ in range(6):
            layers.advance(net)
        for layer in normal:
            w = layer.layer.kernel.numpy().reshape(-1, layer.layer.kernel.shape[-1])
            assert np.linalg.norm(w / float(layer.sigma()), 2) == pytest.approx(1, abs=5e-3), layer.name


def test_each_player_s_vectors_move_in_its_own_update(spoilt):
    model = spoilt
    for v in model.trainable_variables:
        if v.name == "kernel":
            v.assign(RNG.normal(size=v.shape))
    u = {name: [layer.u for layer in of_kind(getattr(model, name), SpectralNormalization)]
         for name in ("generator", "discriminator")}  # fmt: skip

    def moved(objective, training=True):
        before = {name: [v.numpy() for v in us] for name, us in u.items()}
        objective(step_of(model, IMAGES, LABELS, training=training))
        return {
            name: np.mean([not np.array_equal(v, was) for v, was in zip(u[name], before[name])]) for name in u
        }

    assert moved(model.generator_objective, training=False) == {"generator": 0, "discriminator": 0}
    assert moved(model.discriminator_objective, training=False) == {"generator": 0, "discriminator": 0}
    shares = moved(model.generator_objective)
    assert shares["generator"] > 0.5 and shares["discriminator"] == 0  # a row or a column has one vector
    shares = moved(model.discriminator_objective)
    assert shares["discriminator"] > 0.5 and shares["generator"] == 0


def test_the_discriminator_sums_features_over_places_and_projects_on_the_class(model):
    net = model.discriminator
    v, phi = net.get_layer("projection").input
    maps = next(layer for layer in reversed(net.layers) if isinstance(layer, keras.layers.ReLU)).output
    parts = keras.Model(net.inputs, [maps, v, phi, net.output])
    maps, v, phi, score = parts(model.told(IMAGES, LABELS))
    assert maps.shape == (6, 4, 4, 8)
    np.testing.assert_allclose(phi, np.sum(maps, axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(model.score(IMAGES, LABELS), score)
    other = parts(model.told(IMAGES, (LABELS + 1) % 3))
    np.testing.assert_allclose(other[2], phi, rtol=1e-6)  # features know no class
    np.testing.assert_allclose(
        other[3] - score, np.sum((other[1] - v) * phi, axis=1, keepdims=True), atol=1e-4
    )
    assert np.abs(other[3] - score).min() > 1e-4


def test_truncated_samples_are_images_of_truncated_z(model):
    key = model.key_of(5)
    z = model.prior.draw(key, (4, 7), 2, truncation=0.5)
    images = model.sample(4, seed=5, first_row=2, labels=[0, 1, 2, 0], truncation=0.5)
    np.testing.assert_array_equal(images, model.generate(z, [0, 1, 2, 0]))
    np.testing.assert_array_equal(model.latents_from_seed(5, 4, 0.5), model.prior.draw(key, (4, 7), 0, 0.5))
    # As by default, and in training, nothing is cut off.
    whole = model.sample(4, seed=5, labels=1)
    np.testing.assert_array_equal(whole, model.sample(4, seed=5, labels=1, truncation=np.inf))
    np.testing.assert_array_equal(model.draw_codes(key, 4), model.prior.draw(key, (4, 7), truncation=6.0))
    assert np.std(model.draw_codes(key, 500)) == pytest.approx(1, abs=0.05)
    spec = model.signatures()["latents"][1][-1]
    assert (spec.name, spec.shape, spec.dtype) == ("truncation", (), tf.float32)


def test_standing_statistics_are_means_over_batches_of_samples():
    model = build(ema_decay=0.5)
    network, learner = model.averages["generator"], model.generator
    learnt = [v for v in network.weights if v.name in ("kernel", "gain", "bias", "scale")]
    for v in learnt:
        v.assign(RNG.normal(0, 0.5, v.shape))
    first = of_kind(network, BatchNormalization)[0]
    reshape = next(layer for layer in network.layers if isinstance(layer, keras.layers.Reshape))
    inputs = keras.Model(network.inputs, reshape.output)
    before = learner.get_weights()
    kept = [v.numpy() for v in learnt]
    model.standing_statistics(3, batch_size=8, seed=2, truncation=0.5)
    assert all(np.array_equal(a, b) for a, b in zip(before, learner.get_weights()))
    assert all(np.array_equal(a, b) for a, b in zip(kept, learnt))
    parts = []
    for row in (0, 8, 16):
        z = model.prior.draw(model.key_of(2), (8, 7), row, truncation=0.5)
        parts.append(inputs(model.told(z, LABELS[:1].numpy().repeat(8))).numpy())  # it knows no class
    np.testing.assert_allclose(first.mean, np.mean([x.mean((0, 1, 2)) for x in parts], 0), atol=1e-5)
    np.testing.assert_allclose(first.variance, np.mean([x.var((0, 1, 2)) for x in parts], 0), rtol=1e-4)
    assert first.momentum == 0.9 and not first.trainable
    half = first.variance.numpy()
    model.standing_statistics(3, batch_size=8, seed=2, truncation=2.0)
    assert np.all(first.variance > 1.5 * half)


def test_sizes_are_the_paper_s():
    """Figure 15, table 4: filters of 128x128 pixels at width 1, and chunks of 20."""
    model = BigGAN(width=1, embedding=4, classes=2, seed=0)
    shapes = [
        layer.output.shape[1:] for layer in model.generator.layers if isinstance(layer, keras.layers.Add)
    ]
    assert shapes == [(8, 8, 16), (16, 16, 8), (32, 32, 4), (64, 64, 2), (128, 128, 1)]
    net = model.discriminator
    shapes = [layer.output.shape[1:] for layer in net.layers if isinstance(layer, keras.layers.Add)][:-1]
    assert shapes == [(64, 64, 1), (32, 32, 2), (16, 16, 4), (8, 8, 8), (4, 4, 16), (4, 4, 16)]
    for net in (model.generator, model.discriminator):
        (attention,) = of_kind(net, layers.SelfAttention)
        assert attention.output.shape[1:3] == (64, 64)
    told = [layer.input[1].shape[1] for layer in of_kind(model.generator, ConditionalBatchNormalization)]
    assert told == [4 + 20] * 10
    assert model.discriminator_steps == 2 and model.orthogonal_weight == 1e-4
    optimizers = model.default_optimizers()
    rates = {name: float(optimizer.learning_rate) for name, optimizer in optimizers.items()}
    assert rates == pytest.approx({"discriminator": 2e-4, "generator": 5e-5})
    assert all((one.beta_1, one.beta_2) == (0.0, 0.999) for one in optimizers.values())


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(image_shape=(6, 6, 1)), "can be halved to 4 pixels or more; received image_shape=(6, 6, 1)"),
        (dict(image_shape=(17, 16, 1)), "received image_shape=(17, 16, 1)"),
        (dict(latent_dim=2), "BigGAN cuts z into 3 chunks for images of 16x16; received latent_dim=2"),
        (dict(classes=1), "BigGAN needs classes >= 2; received 1"),
    ],
)
def test_bad_arguments_are_one_line(wrong, message):
    with pytest.raises(InputError) as error:
        build(**wrong)
    assert message in str(error.value)


@pytest.mark.parametrize("truncation", [0, -1.0, "narrow", None])
def test_a_truncation_that_is_none_is_one_line(model, truncation):
    with pytest.raises(InputError, match=r"truncation must be (0\.01 or more|a number); received"):
        model.sample(2, truncation=truncation)
