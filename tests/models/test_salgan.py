"""SalGAN: the content loss and its least value, whose turn it is, what decays, how an encoder begins."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import SalGAN
from tfgen.models.plan import due
from tfgen.models.translation.salgan import saliency_network, vgg16

RNG = np.random.default_rng(0)
INPUTS = tf.constant(RNG.uniform(-1, 1, (2, 16, 16, 3)), tf.float32)
MAPS = tf.constant(RNG.uniform(0, 1, (2, 16, 16, 1)), tf.float32)


def build(**kwargs):
    model = SalGAN(**{**SalGAN.tiny, "seed": 0, **kwargs})
    model.compile()
    return model


@pytest.fixture(scope="module")
def model():
    return build()


def pooled(maps):
    return np.reshape(maps, (-1, 4, 4, 4, 4)).mean(axis=(2, 4))


def logit(p):
    return np.float32(np.log(p / (1 - p)))


def test_the_content_loss_is_of_maps_averaged_over_4x4_pixels(model):
    logits = RNG.normal(size=(2, 16, 16, 1)).astype("float32")
    made, truth = pooled(1 / (1 + np.exp(-np.float64(logits)))), pooled(MAPS)
    want = -np.mean(truth * np.log(made) + (1 - truth) * np.log(1 - made))
    assert float(model.content(logits, MAPS)) == pytest.approx(want, rel=1e-5)
    # A checkerboard has the means of a grey map.
    board = np.reshape(np.indices((16, 16)).sum(0) % 2, (1, 16, 16, 1)).astype("float32")
    assert float(model.content(logits[:1], board)) == pytest.approx(
        float(model.content(logits[:1], 0 * board + 0.5)), rel=1e-6
    )


def test_the_content_loss_is_least_for_the_truth_where_it_is_its_entropy(model):
    truth = np.repeat(np.repeat(RNG.uniform(0.05, 0.95, (1, 4, 4, 1)), 4, 1), 4, 2).astype("float32")
    least = float(model.content(logit(truth), truth))
    entropy = -np.mean(truth * np.log(truth) + (1 - truth) * np.log(1 - truth))
    assert least == pytest.approx(entropy, rel=1e-5) and least > 0.2
    for shift in (-0.3, 0.3):
        assert float(model.content(logit(truth) + shift, truth)) > least + 1e-3


def test_a_certain_map_that_is_wrong_has_a_finite_loss_and_a_gradient(model):
    logits = tf.constant([-200.0, 200.0], shape=(2, 1, 1, 1)) * tf.ones((2, 16, 16, 1))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = model.content(logits, tf.cast(logits < 0, tf.float32))
    assert float(loss) == pytest.approx(200, rel=1e-4)
    np.testing.assert_allclose(abs(tape.gradient(loss, logits)), 1 / tf.size(logits).numpy(), rtol=1e-4)


def test_the_losses_are_the_papers():
    model = build(content_weight=0.3, weight_decay=0.0)
    step = step_of(model, INPUTS, MAPS)
    logits = model.generator(INPUTS)
    fakes = tf.sigmoid(logits)
    real, fake = (model.discriminator([INPUTS, x]).numpy() for x in (MAPS, fakes))
    content = float(model.content(logits, MAPS))
    assert float(model.content_objective(step)[0]) == pytest.approx(content, rel=1e-5)
    adversarial = np.mean(np.log1p(np.exp(-fake)))
    assert float(model.generator_objective(step)[0]) == pytest.approx(0.3 * content + adversarial, rel=1e-5)
    want = np.mean(np.log1p(np.exp(-real))) + np.mean(np.log1p(np.exp(fake)))
    assert float(model.discriminator_objective(step)[0]) == pytest.approx(want, rel=1e-5)
    np.testing.assert_allclose(model.translate(INPUTS), fakes, atol=1e-6)
    swapped = model.discriminator([INPUTS[::-1], MAPS]).numpy()
    assert np.abs(swapped - real).max() > 1e-7  # D sees the picture too


def test_the_decay_is_in_the_gradients_of_kernels():
    with_decay, without = build(weight_decay=0.01), build(weight_decay=0.0)
    for name, objective in with_decay.objectives().items():
        gradients = []
        for one in (with_decay, without):
            kernels = one.objectives()[name].variables
            with tf.GradientTape() as tape:
                loss = one.objectives()[name].loss(step_of(one, INPUTS, MAPS))[0]
            gradients.append(tape.gradient(loss, [v.value for v in kernels]))
        for variable, a, b in zip(objective.variables, *gradients, strict=True):
            want = 0.02 * variable.numpy() if len(variable.shape) > 1 else 0.0
            np.testing.assert_allclose(a - b, want, atol=1e-5, err_msg=variable.path)


def test_after_the_warm_up_each_has_every_second_batch(model):
    turns = [due(model.objectives(), k) for k in range(1, 7)]
    assert turns == [("warm_up",)] * 2 + [("discriminator",), ("generator",)] * 2


def test_the_rates_begin_at_their_full_size(model):
    """AdaGrad's sums of squares begin at 0, so that the first step is the rate whatever the gradient."""
    for optimizer in model.default_optimizers().values():
        weight = keras.Variable([1.0, 1.0])
        optimizer.apply([tf.constant([0.5, -0.05])], [weight])
        np.testing.assert_allclose(weight, [1 - 3e-4, 1 + 3e-4], atol=1e-7)


def test_an_encoder_begins_with_what_vgg16_knows(monkeypatch):
    """Of pictures in [-1, 1] it makes what VGG16 makes of its own: blue, green, red, less the means."""
    theirs = keras.applications.VGG16(include_top=False, weights=None)
    monkeypatch.setattr(keras.applications, "VGG16", lambda **_: theirs)
    model = SalGAN((32, 32, 1), pretrained=True, seed=0)
    bytes_ = RNG.integers(0, 256, (1, 32, 32, 3)).astype("float32")
    wanted = keras.Model(theirs.inputs[0], theirs.get_layer("block5_conv3").output)
    seen = keras.applications.vgg16.preprocess_input(bytes_.copy())
    ours = keras.Model(model.generator.inputs[0], model.generator.get_layer("block5_conv3").output)
    want = wanted(seen).numpy()
    np.testing.assert_allclose(ours(bytes_ / 127.5 - 1), want, atol=1e-3 * want.max())
    learning = {layer.name for layer in model.generator.layers if layer.trainable and layer.weights}
    assert {"block4_conv1", "block5_conv3"} <= learning and not learning & {"block1_conv1", "block3_conv3"}
    config = model.get_config()
    assert config["pretrained"] is False and len(config["frozen"]) >= 7


def test_weights_that_cannot_be_had_are_named(monkeypatch):
    def offline(**kwargs):
        raise Exception("URL fetch failure on https://storage\nmore")

    monkeypatch.setattr(keras.applications, "VGG16", offline)
    with pytest.raises(InputError, match=r"VGG16 cannot be downloaded \(URL fetch failure.*omit pretrained"):
        SalGAN((16, 16, 1), pretrained=True)


def test_another_encoder_may_take_its_place():
    pictures = keras.Input((None, None, 3))
    encoder = keras.Model(pictures, keras.layers.AveragePooling2D(16)(pictures))
    model = build(generator=saliency_network(encoder, 4))
    assert model.translate(INPUTS).shape == (2, 16, 16, 1)
    again = SalGAN.from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(again.translate(INPUTS), model.translate(INPUTS), atol=1e-6)
    assert vgg16(3, 4)(INPUTS).shape == (2, 1, 1, 32)


def test_maps_lie_in_0_to_1_and_are_shown_beside_their_pictures(model):
    odd = RNG.integers(0, 256, (1, 20, 9, 3), np.uint8)
    made = model.translate(odd).numpy()
    assert made.shape == (1, 20, 9, 1) and 0 <= made.min() <= made.max() <= 1
    columns = model.columns({"inputs": INPUTS.numpy(), "images": MAPS.numpy()})
    assert list(columns) == ["inputs", "translation", "images"]
    np.testing.assert_allclose(columns["inputs"], (INPUTS + 1) / 2, atol=1e-6)
    assert SalGAN.fitting((100, 65, 3)) == (96, 64, 1)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(image_shape=(20, 16, 1)), r"sizes are multiples of 16; received \(20, 16, 1\)"),
        (dict(image_shape=(16, 16, 3)), r"makes maps \(height, width, 1\)"),
        (dict(pretrained=True), "of width 64 and pictures of 3 channels; received width 4"),
    ],
)
def test_bad_arguments_are_named(wrong, message):
    with pytest.raises(InputError, match=message):
        build(**wrong)
