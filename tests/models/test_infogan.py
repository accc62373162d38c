"""The codes, the bound on information, and who follows it."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from no_game import NoGame
from steps import step_of

from tfgen.analysis import latent
from tfgen.errors import InputError
from tfgen.models import InfoGAN

IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (16, 8, 8, 1)), tf.float32)


def build(**kwargs):
    return InfoGAN((8, 8, 1), **{**dict(latent_dim=9, categories=4, continuous=2, width=8, seed=0), **kwargs})


@pytest.fixture(scope="module")
def model():
    return build()


def test_codes_are_a_category_then_codes_then_noise(model):
    z = model.draw_codes(model.key_of(0), 4000).numpy()
    category, rest = z[:, :4], z[:, 4:]
    assert set(np.unique(category)) == {0, 1} and (category.sum(axis=1) == 1).all()
    np.testing.assert_allclose(category.mean(axis=0), 0.25, atol=0.03)
    np.testing.assert_allclose(rest.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(rest.var(axis=0), 1 / 3, atol=0.02)
    assert rest.shape[1] == 5 and np.abs(rest).max() < 1
    correlation = np.corrcoef(np.c_[category[:, :3], rest].T)
    assert np.abs(correlation[3:] - np.eye(8)[3:]).max() < 0.06  # no code tells of another
    np.testing.assert_array_equal(latent.codes(model, 5), model.draw_codes(model.key_of(0), 5))


def test_the_paper_s_z_for_mnist():
    model = InfoGAN(seed=0)
    assert model.latent_dim - model.categories - model.continuous == 62
    assert (model.categories, model.continuous) == (10, 2)
    rates = {name: float(o.learning_rate) for name, o in model.default_optimizers().items()}
    assert rates == pytest.approx({"discriminator": 2e-4, "generator": 1e-3})


def test_the_paper_s_networks_for_mnist():
    """Table 1: units and filters in order; Q has a layer of its own, of D's last features."""
    model = InfoGAN(seed=0)

    def sizes(network):
        kernels = [layer for layer in network.layers if hasattr(layer, "kernel")]
        return [getattr(layer, "units", None) or layer.filters for layer in kernels]

    assert sizes(model.generator) == [1024, 7 * 7 * 128, 64, 1]
    assert sizes(model.discriminator) == [64, 128, 1024, 128, 1, 12]
    kernels = [v.numpy() for v in model.trainable_variables if v.path.endswith("kernel")]
    assert all(np.std(kernel) == pytest.approx(0.02, rel=0.1) for kernel in kernels)  # as DCGAN's
    dense = {layer.units: layer for layer in model.discriminator.layers if isinstance(layer, layers.Dense)}
    inputs = {units: tuple(layer.kernel.shape) for units, layer in dense.items()}
    assert inputs == {1024: (7 * 7 * 128, 1024), 128: (1024, 128), 1: (1024, 1), 12: (128, 12)}


def test_the_bound_is_the_entropy_for_a_perfect_q_and_less_for_another(model):
    z = model.draw_codes(model.key_of(1), 500)
    category, codes = z[:, :4], z[:, 4:6]
    nothing = tf.zeros_like(codes)
    perfect, _ = model.information(z, 100 * category, nothing, nothing)
    assert float(perfect) == pytest.approx(math.log(4), abs=1e-5)
    unknowing, _ = model.information(z, tf.zeros_like(category), nothing, nothing)
    assert float(unknowing) == pytest.approx(0, abs=1e-5)
    rng = np.random.default_rng(0)
    for scale in (0.5, 2, 8):
        logits = scale * category + rng.normal(size=category.shape)
        assert float(model.information(z, logits, nothing, nothing)[0]) < math.log(4)


def test_the_bound_is_the_information_of_a_noisy_channel(model):
    """Images that keep the category with probability 0.7: I = H(c) - H(c|x), by the true posterior."""
    rng = np.random.default_rng(0)
    n = 40_000
    c = rng.integers(0, 4, n)
    seen = np.where(rng.uniform(size=n) < 0.6, c, rng.integers(0, 4, n))  # 0.6 + 0.4 / 4 = 0.7
    posterior = np.where(np.eye(4)[seen] == 1, 0.7, 0.1)
    truth = math.log(4) + 0.7 * math.log(0.7) + 3 * 0.1 * math.log(0.1)
    z = tf.constant(np.c_[np.eye(4)[c], np.zeros((n, 5))], tf.float32)
    zeros = tf.zeros((n, 2))
    value, _ = model.information(z, tf.constant(np.log(posterior), tf.float32), zeros, zeros)
    assert float(value) == pytest.approx(truth, abs=0.01)


def test_the_continuous_part_by_hand(model):
    z = tf.constant([[1, 0, 0, 0, 0.5, -0.5, 9, 9, 9], [0, 0, 1, 0, 0.1, 0.9, 9, 9, 9]], tf.float32)
    mean, log_deviation = np.array([[0.4, 0], [0.0, 1]]), np.array([[-1.0, 0], [0.5, -2]])
    codes = z[:, 4:6].numpy()
    density = np.exp(-0.5 * ((codes - mean) / np.exp(log_deviation)) ** 2) / (
        np.sqrt(2 * np.pi) * np.exp(log_deviation)
    )
    by_hand = np.log(density).sum(axis=1).mean() + 2 * math.log(2)
    to32 = lambda x: tf.constant(x, tf.float32)  # noqa: E731
    _, value = model.information(z, tf.zeros((2, 4)), to32(mean), to32(log_deviation))
    assert float(value) == pytest.approx(by_hand, rel=1e-5)


def test_the_deviation_is_given_or_said():
    given, said = build(deviation=0.5), build(deviation=None)
    for model, outputs in ((given, 1 + 4 + 2), (said, 1 + 4 + 4)):
        assert model.discriminator.output_shape == (None, outputs)
        assert [part.shape[1] for part in model.heads(IMAGES)] == [1, 4, 2, 2]
    np.testing.assert_allclose(given.heads(IMAGES)[3], math.log(0.5), rtol=1e-6)
    out = said.discriminator(IMAGES)
    np.testing.assert_allclose(said.heads(IMAGES)[3], out[:, 7:], rtol=1e-5)


@pytest.mark.parametrize("deviation", [1.0, None])
def test_objectives_are_the_game_less_the_weighted_bound(deviation):
    model = build(categorical_weight=2.0, continuous_weight=0.3, deviation=deviation)
    made = model.fakes(step_of(model, IMAGES, training=False))
    fake, *q = model.heads(made[0])
    parts = [float(part) for part in model.information(made[1], *q)]
    bound = 2 * parts[0] + 0.3 * parts[1]
    real = model.score(IMAGES)
    loss, _ = model.discriminator_objective(step_of(model, IMAGES, training=False))
    game = model.adversarial_loss
    assert float(loss) == pytest.approx(float(game.discriminator(real, fake)) - bound, rel=1e-5)
    loss, logs = model.generator_objective(step_of(model, IMAGES, training=False))
    assert float(loss) == pytest.approx(float(game.generator(fake)) - bound, rel=1e-5)
    assert [float(logs[f"{kind}_information"]) for kind in ("categorical", "continuous")] == pytest.approx(
        parts
    )


def test_both_players_raise_the_bound():
    """Without the game, D (that is, Q) and G each raise it, to more than either part is worth at first."""
    model = build()
    model.adversarial_loss = NoGame()
    model.compile({name: keras.optimizers.Adam(1e-3) for name in model.objectives()})

    def bound():
        fakes, z = model.fakes(step_of(model, IMAGES))
        return float(model._weighted(model.information(z, *model.heads(fakes, training=True)[1:])))

    for name in ("discriminator", "generator"):
        before = bound()
        for _ in range(3):
            model.minimize(name, model.objectives()[name], step_of(model, IMAGES))
        assert bound() > before, name


def test_infer_reads_the_codes():
    """After training for the bound alone."""
    model = build(width=4)
    model.adversarial_loss = NoGame()
    model.compile({name: keras.optimizers.Adam(3e-3, beta_1=0.5) for name in model.objectives()})
    history = model.fit(np.tile(IMAGES, (40, 1, 1, 1)), batch_size=64, epochs=25, verbose=0).history
    assert history["categorical_information"][0] < 1.2
    assert 1.3 < history["categorical_information"][-1] <= math.log(4) + 1e-5
    z = latent.codes(model, 200, seed=5)
    found = model.infer(model.generate(tf.constant(z)))
    assert found["category"].shape == (200, 4) and found["mean"].shape == (200, 2)
    np.testing.assert_allclose(np.sum(found["category"], axis=1), 1, rtol=1e-5)
    assert (np.argmax(found["category"], axis=1) == z[:, :4].argmax(axis=1)).mean() > 0.95


def test_traversals_move_one_code(model):
    z = latent.codes(model, 1)[0]
    images = latent.traverse(model, z, dimensions=[4, 5], values=[-1, 0, 1])
    assert images.shape == (2, 3, 8, 8, 1)
    moved = z.copy()
    moved[5] = 1
    np.testing.assert_allclose(images[1, 2], model.generate(tf.constant(moved[None]))[0], atol=1e-6)


def test_what_cannot_be_is_named():
    with pytest.raises(InputError, match=r"at least categories \+ continuous = 6; received 5"):
        build(latent_dim=5)
    with pytest.raises(InputError, match="deviation must be above 0, or None; received 0"):
        build(deviation=0)
    with pytest.raises(InputError, match="categories >= 2 and continuous >= 0; received 1 and 2"):
        build(categories=1)
