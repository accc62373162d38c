"""HIM: ratios in place of a likelihood, drawn weights, and what each part of the ELBO counts."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import HIM
from tfgen.models.variational.him import DrawnDense

tfd = tfp.distributions
RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(-1, 1, (6, 4, 3, 2)).astype("float32")
SMALL = dict(image_shape=(4, 3, 2), latent_dim=3, width=5, observed=50)


@pytest.fixture(scope="module")
def model():
    return HIM(**SMALL, seed=0)


def test_a_trained_ratio_is_that_of_the_model_s_density_to_the_images():
    """x = tanh(m + noise e), and images uniform: r* = log p(x | m) - log(1/2), by the change of variables."""
    model = HIM((1, 1, 1), latent_dim=1, width=4, noise=0.5, seed=0)
    images = RNG.uniform(-0.95, 0.95, (3000, 1, 1, 1)).astype("float32")
    means = tf.constant(RNG.uniform(-0.8, 0.8, images.shape), tf.float32)
    model.posterior = lambda step: (None, None, means)
    optimizer, weights = keras.optimizers.Adam(5e-3), model.ratio.trainable_variables
    optimizer.build(weights)

    @tf.function(autograph=False)
    def learn():
        with tf.GradientTape() as tape:
            loss, _ = model.ratio_objective(step_of(model, images))
        optimizer.apply(tape.gradient(loss, weights), weights)
        model.step.assign_add(1)

    for _ in range(250):
        learn()
    x, m = (grid.astype("float32").reshape(-1, 1, 1, 1) for grid in np.meshgrid([-0.7, 0, 0.4], [-0.5, 0.6]))
    density = tfd.Normal(m, 0.5).prob(np.arctanh(x)) / (1 - x**2)
    found = model.log_ratio(x, m).numpy()
    np.testing.assert_allclose(found, np.log(density * 2 * 0.95), atol=0.3)


def test_the_others_are_pixels_of_other_images_and_of_all_places(model):
    marked = np.broadcast_to(np.arange(6, dtype="float32")[:, None, None, None] / 6, IMAGES.shape)
    assert (model.others(step_of(model, marked)).numpy() != marked).all()
    places = np.broadcast_to(np.arange(12, dtype="float32").reshape(4, 3, 1) / 12, IMAGES.shape)
    first = set()
    for _ in range(80):
        model.step.assign_add(1)
        moved = model.others(step_of(model, places)).numpy()
        assert (np.sort(moved[0, ..., 0], axis=None) == np.sort(places[0, ..., 0], axis=None)).all()
        first.add(float(moved[0, 0, 0, 0]))
    assert len(first) == 12


def test_the_losses_by_hand(model):
    step = step_of(model, IMAGES)
    mean, log_deviation, means = model.posterior(step)
    ratios = model.log_ratio(IMAGES, means, True).numpy()
    assert ratios.shape == (6, 4, 3, 1)
    codes = tfd.kl_divergence(tfd.Normal(mean, tf.exp(log_deviation)), tfd.Normal(0.0, 1.0)).numpy()
    layers = [layer for layer in model.decoder.layers if isinstance(layer, DrawnDense)]
    assert len(layers) == 3
    weights = sum(
        float(tf.reduce_sum(tfd.kl_divergence(tfd.Normal(w, tf.exp(s)), tfd.Normal(0.0, 1.0))))
        for layer in layers
        for w, s in (
            (layer.kernel.value, layer.kernel_deviation.value),
            (layer.bias.value, layer.bias_deviation.value),
        )
    )
    loss, logs = model.variational_objective(step)
    parts = dict(weights_rate=weights / 50, rate=codes.sum(1).mean(), ratio=ratios.sum((1, 2, 3)).mean())
    for name, value in parts.items():
        assert float(logs[name]) == pytest.approx(value, rel=1e-4), name
    assert float(loss) == pytest.approx(parts["weights_rate"] + parts["rate"] - parts["ratio"], rel=1e-4)
    noise = step.normal("noise", 24).numpy().reshape(IMAGES.shape)
    made = model.log_ratio(np.tanh(means + 0.5 * noise), means, True)
    others = model.log_ratio(model.others(step), means, True)
    by_hand = np.log1p(np.exp(-made)).mean() + np.log1p(np.exp(others)).mean()
    assert float(model.ratio_objective(step)[0]) == pytest.approx(by_hand, rel=1e-5)


def test_sums_are_drawn_as_drawn_weights_would_draw_them():
    layer = DrawnDense(2, deviation=0.3)
    x = RNG.normal(size=(1, 4)).astype("float32")
    layer.build(x.shape, (1, 2))
    layer.bias.assign([0.5, -1.0])
    layer.bias_deviation.assign(np.log([0.1, 0.7]))
    drawn = layer(np.repeat(x, 20_000, 0), RNG.normal(size=(20_000, 2)).astype("float32")).numpy()
    shape = (20_000, 4, 2)
    weights = layer.kernel.numpy() + np.exp(layer.kernel_deviation.numpy()) * RNG.normal(size=shape)
    bias = layer.bias.numpy() + np.exp(layer.bias_deviation.numpy()) * RNG.normal(size=(20_000, 2))
    sums = np.einsum("i,nio->no", x[0], weights) / 2 + bias
    np.testing.assert_allclose(drawn.mean(0), sums.mean(0), atol=0.03)
    np.testing.assert_allclose(drawn.std(0), sums.std(0), rtol=0.03)


def test_samples_have_weights_and_noise_of_their_own_and_decoded_codes_have_none(model):
    codes = model.draw_codes(model.key_of(0), 4)
    np.testing.assert_array_equal(model.decode(codes), model.decode(codes))
    model.draw_codes = lambda key, n, first_row=0: tf.zeros((n, 3))
    try:
        images = model.sample(3, seed=0).numpy()
    finally:
        del model.draw_codes
    assert len(np.unique(images, axis=0)) == 3


def test_bad_arguments_are_refused():
    with pytest.raises(InputError, match=r"received observed=0 and noise=0\.5"):
        HIM(observed=0)
    with pytest.raises(InputError, match="noise above 0; received observed=10 and noise=0"):
        HIM(observed=10, noise=0)
