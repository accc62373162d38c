"""IAN: three classes, a flow, one kernel at several dilations, and channels in an order."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import IAN
from tfgen.models.adversarial import ian

RNG = np.random.default_rng(0)
IMAGES = tf.constant(RNG.uniform(-1, 1, (6, 8, 8, 3)), tf.float32)


@pytest.fixture(scope="module")
def model():
    return IAN(**IAN.tiny, seed=0)


def test_the_best_discriminator_of_three_has_three_log_three_less_the_divergence():
    """Three distributions of four points; D* is each one's share, and no other D does better."""
    p = np.array([[4, 3, 2, 1], [1, 2, 2, 5], [3, 3, 2, 2]])
    logits = np.log(p / p.sum(0)).T.astype("float32")

    def loss(logits):
        shown = [tf.constant(np.repeat(logits, often, axis=0)) for often in p]
        return sum(float(ian.likelihood_loss(x, kind)) for kind, x in enumerate(shown))

    assert loss(logits) == pytest.approx(3.02458, abs=1e-5)
    others = [loss(logits + RNG.normal(0, 0.3, logits.shape).astype("float32")) for _ in range(5)]
    assert min(others) > loss(logits)


def test_dilations_of_one_kernel_are_plain_convolutions_with_gains():
    layer = ian.MultiscaleDilation(2, 3)
    x = tf.constant(RNG.normal(size=(2, 9, 10, 4)), tf.float32)
    layer.build(x.shape)
    kernel, gains = RNG.normal(size=(3, 3, 4, 2)), RNG.normal(size=(4, 2))
    layer.set_weights([kernel, gains])
    kernel, gains = (tf.constant(w, tf.float32) for w in (kernel, gains))
    want = gains[0] * tf.nn.conv2d(x, tf.reduce_mean(kernel, (0, 1), keepdims=True), 1, "SAME")
    for scale in (1, 2, 3):
        want += gains[scale] * tf.nn.conv2d(x, kernel, 1, "SAME", dilations=scale)
    np.testing.assert_allclose(layer(x), want, atol=1e-4)
    assert layer.count_params() == 3 * 3 * 4 * 2 + 4 * 2


def test_orthogonal_kernels_cost_nothing_and_descent_finds_them(model):
    assert ian.orthogonality([2 * tf.eye(3), tf.eye(5)[:2]]) == 9.0
    for name in ("discriminator", "generator"):
        assert float(model._orthogonal(name)) == pytest.approx(0, abs=1e-4)
    w = tf.Variable(RNG.normal(0, 0.5, (2, 2, 3, 5)).astype("float32"))
    optimizer = keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.05, 150))
    start = float(ian.orthogonality([w]))
    for _ in range(150):
        with tf.GradientTape() as tape:
            loss = ian.orthogonality([w])
        optimizer.apply([tape.gradient(loss, w)], [w])
    assert float(ian.orthogonality([w])) < 0.02 * start


def test_players_pay_for_kernels_that_are_not_orthogonal(model):
    """The kernels that start orthogonal cost nothing, so that their term shows once they are longer."""
    kept = model.get_weights(), model.orthogonality
    try:
        for name in ("discriminator", "generator"):
            own = [v for v in model.objectives()[name].variables if len(v.shape) == 4]
            for v in own:
                v.assign(1.5 * v)
            losses = []
            for model.orthogonality in (0.0, 0.25):
                losses.append(float(model.objectives()[name].loss(step_of(model, IMAGES))[0]))
            want = 0.25 * float(ian.orthogonality([v.value for v in own]))
            assert want > 1 and losses[1] - losses[0] == pytest.approx(want, rel=1e-3)
    finally:
        model.set_weights(kept[0])
        model.orthogonality = kept[1]


def test_a_channel_sees_those_before_it_and_is_the_mean_of_a_beta(model):
    z = model.draw_codes(model.key_of(0), 3)
    before = model.generate(z).numpy()
    assert np.abs(before).max() < 1
    changed = {}
    for name in ("channel_0", "channel_1", "channel_2", "before_1", "before_2"):
        layer = model.generator.get_layer(name)
        kept = layer.get_weights()
        layer.set_weights([w + 0.1 * RNG.normal(size=w.shape) for w in kept])
        changed[name] = [bool(np.abs(d).max() > 1e-5) for d in np.moveaxis(model.generate(z) - before, -1, 0)]
        layer.set_weights(kept)
    assert changed["channel_0"] == [True] * 3
    assert changed["channel_1"] == changed["before_1"] == [False, True, True]
    assert changed["channel_2"] == changed["before_2"] == [False, False, True]
    ends = keras.Model(model.generator.input, model.generator.get_layer("channel_0").output)
    a, b = np.moveaxis(1 / (1 + np.exp(-ends(z).numpy())), -1, 0)
    np.testing.assert_allclose(before[..., 0], 2 * a / (a + b) - 1, atol=1e-5)


def test_the_flow_is_inverted_value_by_value_and_knows_its_volume(model):
    start = tf.constant(RNG.normal(size=(5, 4)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(start)
        z, log_scale = model.flowed(start)
    jacobian = tape.batch_jacobian(z, start).numpy()
    assert np.triu(jacobian, 1).max() == 0 and np.abs(np.tril(jacobian, -1)).max() > 1e-3
    np.testing.assert_allclose(np.linalg.slogdet(jacobian)[1], -np.sum(log_scale, axis=1), atol=1e-4)
    again = np.zeros((5, 4), "float32")
    for k in range(4):
        shift, scale = (out.numpy() for out in model.flow(again))
        again[:, k] = z[:, k] * np.exp(scale[:, k]) + shift[:, k]
    np.testing.assert_allclose(again, start, atol=1e-5)


def test_the_losses_are_those_of_the_words(model):
    step = step_of(model, IMAGES)
    (copies, rate), (fakes, _) = model._copied(step), model.fakes(step)
    *maps, real = model.discriminator(IMAGES, training=True)
    *again, copy = model.discriminator(copies, training=True)
    made = model.discriminator(fakes, training=True)[-1]
    log = [keras.ops.log_softmax(x).numpy() for x in (real, copy, made)]
    want = -sum(x[:, kind].mean() for kind, x in enumerate(log))
    assert float(model.discriminator_objective(step)[0]) == pytest.approx(want, abs=2e-4)
    image = 3 * np.abs(IMAGES - copies).mean()
    feature = np.mean([np.square(a - b).mean() for a, b in zip(maps, again)])
    want = image + feature - log[1][:, 0].mean() - log[2][:, 0].mean()
    assert float(model.generator_objective(step)[0]) == pytest.approx(want, abs=2e-4)
    assert float(model.encoder_objective(step)[0]) == pytest.approx(image + feature + float(rate), abs=2e-4)
    score = model.score(IMAGES, training=True)[:, 0]
    np.testing.assert_allclose(1 / (1 + np.exp(-score)), np.exp(log[0][:, 0]), atol=1e-5)


def test_the_rate_is_the_divergence_of_what_the_flow_makes(model):
    """Of a flow that stands still it is the Gaussian's; of another, by its density at the draw."""
    step = step_of(model, IMAGES)
    _, rate = model._copied(step)
    e = step.normal("z of x", 4)
    mean, log_deviation = np.split(model.encoder(model._seen(step)[-2], training=True).numpy(), 2, axis=1)
    z, s = model.flowed(mean + np.exp(log_deviation) * e)
    log_q = -0.5 * np.sum(np.square(e), 1) - log_deviation.sum(1) + np.sum(s, 1)
    assert float(rate) == pytest.approx(np.mean(log_q + 0.5 * np.sum(np.square(z), 1)) / 4, abs=1e-4)


def test_the_encoder_reads_the_features_of_the_discriminator(model):
    maps = model.discriminator(IMAGES)[-2]
    mean = model.encoder(maps)[:, :4]
    np.testing.assert_allclose(model.encode(IMAGES), model.flowed(mean)[0], atol=1e-5)
    with tf.GradientTape() as tape:
        loss, _ = model.encoder_objective(step_of(model, IMAGES))
    slopes = tape.gradient(loss, [v.value for v in (*model.encoder.trainable_variables, *model.flow.weights)])
    assert all(x is not None and np.abs(x).max() > 0 for x in slopes)


def test_bad_arguments():
    for name, value in (("image_shape", (9, 9, 3)), ("latent_dim", 1), ("scales", 0), ("kernels", 0)):
        with pytest.raises(InputError, match="halved" if name == "image_shape" else name):
            IAN(**{**IAN.tiny, name: value})
