"""SRGAN: its losses, what its content loss reaches, the network that it begins from."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from steps import step_of

from tfgen import features, runs
from tfgen.errors import InputError
from tfgen.models import SRGAN, SRResNet
from tfgen.models.superresolution.srgan import discriminator, total_variation

IMAGES = np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 3)).astype("float32")


def build(**kwargs):
    model = SRGAN(**{**SRGAN.tiny, "seed": 0, **kwargs})
    model.compile()
    return model


@pytest.fixture(scope="module")
def model():
    return build()


def test_the_discriminator_halves_four_times_and_ends_dense():
    network = discriminator((96, 96, 3), 2)
    maps = [x.output.shape[1:] for x in network.layers if isinstance(x, layers.Conv2D)]
    assert [m[0] for m in maps] == [96, 48, 48, 24, 24, 12, 12, 6]
    assert [m[2] for m in maps] == [2, 2, 4, 4, 8, 8, 16, 16]
    assert [x.units for x in network.layers if isinstance(x, layers.Dense)] == [32, 1]
    kinds = [type(x).__name__ for x in network.layers]
    assert kinds[:3] == ["Conv2D", "LeakyReLU", "Conv2D"] and kinds.count("BatchNormalization") == 7


def test_the_losses_are_the_papers(model):
    step = step_of(model, IMAGES)
    fakes = model.fakes(step)
    real, fake = (model.score(x, True).numpy() for x in (IMAGES, fakes))
    loss, _ = model.discriminator_objective(step)
    assert float(loss) == pytest.approx(
        np.mean(np.log1p(np.exp(-real))) + np.mean(np.log1p(np.exp(fake))), rel=1e-5
    )
    loss, logs = model.generator_objective(step)
    assert set(logs) == {"content", "adversarial"}
    assert float(logs["adversarial"]) == pytest.approx(np.mean(np.log1p(np.exp(-fake))), rel=1e-5)
    a, b = (features.load("random", ("conv2",))(x)[0].numpy() for x in (IMAGES, fakes))
    assert float(logs["content"]) == pytest.approx(np.mean((a - b) ** 2) / 12.75**2, rel=1e-4)
    assert float(loss) == pytest.approx(float(logs["content"] + 1e-3 * logs["adversarial"]), rel=1e-6)


def test_the_adversary_weighs_a_thousandth():
    model = build()
    last = model.discriminator.layers[-1]
    last.set_weights([0 * value for value in last.get_weights()])  # D = 1/2
    loss, logs = model.generator_objective(step_of(model, IMAGES))
    assert float(loss - logs["content"]) == pytest.approx(1e-3 * np.log(2), rel=1e-3)


def test_the_low_resolution_images_are_what_is_upscaled(model):
    step = step_of(model, IMAGES, training=False)
    np.testing.assert_allclose(
        tf.clip_by_value(model.fakes(step), -1, 1), model.upscale(model.low_resolution(IMAGES)), atol=1e-5
    )


def test_the_content_loss_is_zero_of_equal_images_alone_and_reaches_the_whole_generator(model):
    assert float(model.content(IMAGES, IMAGES)) == 0
    assert float(model.content(IMAGES, np.roll(IMAGES, 1, axis=2))) > 0
    variables = model.generator.trainable_variables
    with tf.GradientTape() as tape:
        _, logs = model.generator_objective(step_of(model, IMAGES))
    gradients = tape.gradient(logs["content"], variables)
    assert all(g is not None and np.abs(g).max() > 0 for g in gradients)
    assert np.isclose(build(features=None).content(IMAGES, 0.5 * IMAGES), np.mean((0.5 * IMAGES) ** 2))


def test_total_variation():
    ramp = np.zeros((2, 5, 4, 3), "float32") + 0.1 * np.arange(5).reshape(1, 5, 1, 1)
    assert float(total_variation(0 * ramp + 0.3)) == 0
    assert float(total_variation(ramp)) == pytest.approx(0.1)
    assert float(total_variation(np.swapaxes(ramp, 1, 2))) == pytest.approx(0.1)
    model = build(tv_weight=2.0)
    loss, logs = model.generator_objective(step_of(model, IMAGES))
    rest = logs["content"] + 1e-3 * logs["adversarial"]
    assert float(loss - rest) == pytest.approx(2 * float(logs["total_variation"]), rel=1e-4)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """An SRResNet in use, and its file."""
    model = SRResNet(image_shape=(16, 16, 3), width=4, blocks=1, ema_decay=0.9, seed=5)
    model.averages["generator"].set_weights([0.9 * w for w in model.generator.get_weights()])
    path = tmp_path_factory.mktemp("first") / "srresnet.keras"
    model.save(path)
    return model, path


def test_it_begins_as_the_pretrained_network(first, tmp_path, monkeypatch):
    srresnet, path = first
    low = IMAGES[:, :5, :7]
    model = build(pretrained=path, ema_decay=0.5)
    np.testing.assert_array_equal(model.upscale(low), srresnet.upscale(low))
    model.generator.set_weights([0.5 * w for w in model.generator.get_weights()])
    model.save(tmp_path / "srgan.keras")
    path.rename(path.with_suffix(".moved"))
    try:  # a model that is loaded has weights of its own
        loaded = keras.models.load_model(tmp_path / "srgan.keras")
    finally:
        path.with_suffix(".moved").rename(path)
    assert loaded.pretrained == str(path)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights()):
        np.testing.assert_array_equal(theirs, ours)


def test_a_pretrained_network_that_does_not_fit_is_named(first, model, tmp_path):
    model.save(tmp_path / "other.keras")
    for path, more, message in (
        (
            first[1],
            {"width": 8},
            r"channels\) \(8, 1, 3\); .* is of \(4, 1, 3\)",
        ),
        (tmp_path / "other.keras", {}, "is of SRGAN"),
        (tmp_path / "missing.keras", {}, "missing.keras does not exist"),
    ):
        with pytest.raises(InputError, match=message):
            build(pretrained=path, **more)


def test_the_feature_network_is_asked_for_when_training_begins_and_never_for_upscaling(tmp_path, monkeypatch):
    """A model of "vgg19" is made, saved, loaded and used without a download."""

    def unreachable(*args, **kwargs):
        raise Exception("no network")

    monkeypatch.setattr(keras.applications, "VGG19", unreachable)
    model = build(features="vgg19", tap="block5_conv4")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    low = IMAGES[:1, :4, :4]
    np.testing.assert_array_equal(loaded.upscale(low), model.upscale(low))
    for train in (
        lambda: model.fit(IMAGES, batch_size=3, verbose=0),
        lambda: model.train_on_batch(IMAGES),
        lambda: model.evaluate(IMAGES, verbose=0),
    ):
        with pytest.raises(InputError, match=r"the weights of vgg19 cannot be downloaded \(no network\)"):
            train()


def test_a_run_without_its_feature_network_writes_nothing(tmp_path):
    np.savez(tmp_path / "images.npz", train_images=np.zeros((4, 16, 16, 3), np.uint8))
    arguments = {**SRGAN.tiny, "features": f"mobilenet_v2:{tmp_path}/missing.npz", "tap": "b3"}
    with pytest.raises(InputError, match=r"no file of MobileNetV2 weights .*missing\.npz"):
        runs.train("srgan", tmp_path / "run", tmp_path / "images.npz", arguments=arguments, epochs=1)
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="unknown tap of random 'b3'"):
        build(tap="b3")
