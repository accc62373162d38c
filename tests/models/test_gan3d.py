"""3D-GAN: volumes by three-dimensional convolutions, and the accuracy that lets the discriminator rest."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen.errors import InputError
from tfgen.models import GAN3D
from tfgen.models.adversarial.gan3d import accuracy, halvings
from tfgen.models.step import Step

VOLUMES = np.random.default_rng(0).integers(0, 2, (6, 8, 8, 8, 1)).astype("float32")


@pytest.fixture(scope="module")
def compiled():
    model = GAN3D(**GAN3D.tiny, seed=0)
    model.compile(run_eagerly=True)
    return model


def test_sides_are_halved_down_to_three_or_more():
    wanted = {(64, 64, 64, 1): 4, (24, 24, 24, 1): 3, (32, 32, 32, 1): 3, (6, 8, 40, 2): 1}
    assert {shape: halvings(shape) for shape in wanted} == wanted
    model = GAN3D((24, 24, 24, 1), latent_dim=4, width=2, seed=0)
    sizes = [x.output.shape[1:] for x in model.discriminator.layers if x.name.startswith("response")]
    assert sizes == [(12, 12, 12, 2), (6, 6, 6, 4), (3, 3, 3, 8)]
    assert model.generator.input_shape == (None, 4) and model.generator.output_shape == (None, 24, 24, 24, 1)
    counts = {layer.name: layer.kernel.shape[:3] for layer in model.generator.layers if "conv" in layer.name}
    assert set(counts.values()) == {(4, 4, 4)} and len(counts) == 3


@pytest.mark.parametrize(
    "shape, told",
    [
        ((28, 28, 1), "image_shape must be (depth, height, width, channels); received (28, 28, 1)"),
        ((25, 24, 24, 1), "each must be even and at least 6; received (25, 24, 24, 1); pad or resample"),
        ((4, 8, 8, 1), "at least 6; received (4, 8, 8, 1)"),
    ],
)
def test_a_volume_that_cannot_be_halved_is_one_line(shape, told):
    with pytest.raises(InputError) as error:
        GAN3D(shape)
    assert told in str(error.value) and "\n" not in str(error.value)


def test_volumes_with_holes_or_of_another_size_are_one_line(compiled):
    holes = VOLUMES.copy()
    holes[2, 1, 1, 1] = np.nan
    with pytest.raises(InputError, match="the images hold NaN; remove or repair those that do"):
        compiled.fit(holes, verbose=0)
    with pytest.raises(
        InputError, match=r"GAN3D expects a batch of images \(None, 8, 8, 8, 1\) float32; received"
    ):
        compiled.fit(VOLUMES[:, :6], verbose=0)
    with pytest.raises(InputError, match="highest_accuracy must lie in"):
        GAN3D(**GAN3D.tiny, highest_accuracy=80)


def test_a_transposed_convolution_is_the_adjoint_of_a_convolution():
    """<C x, y> = <x, C* y> for kernels with channels exchanged, in double precision."""
    rng = np.random.default_rng(0)
    how = dict(kernel_size=4, strides=2, padding="same", use_bias=False, dtype="float64")
    x, y = rng.normal(size=(2, 6, 6, 6, 2)), rng.normal(size=(2, 3, 3, 3, 3))
    down, up = keras.layers.Conv3D(3, **how), keras.layers.Conv3DTranspose(2, **how)
    down.build(x.shape), up.build(y.shape)
    up.kernel.assign(down.kernel)  # (4, 4, 4, 2, 3) both
    np.testing.assert_allclose(np.vdot(down(x), y), np.vdot(x, up(y)), rtol=1e-10)


def test_accuracy_by_hand():
    real, fake = (tf.constant(x, tf.float32)[:, None] for x in ([1, -1, 2, 3], [-1, 4, -2, -3]))
    assert float(accuracy(real, fake)) == 6 / 8


@pytest.mark.parametrize("share, moves", [(0.8, True), (0.81, False)])
def test_the_discriminator_rests_above_80_percent(compiled, share, moves):
    """Then neither its weights nor Adam's averages and clock change; the generator plays in each step."""
    model = compiled
    model.accuracy.assign(share)
    adam = model.optimizers["discriminator"]
    weights = [v for v in model.discriminator.trainable_variables] + list(adam.variables)
    before, made = [v.numpy() for v in weights], model.generator.get_weights()
    model.train_on_batch(VOLUMES)
    same = [np.array_equal(a, b) for a, b in zip(before, weights)]
    assert not all(same) if moves else all(same)
    assert not all(map(np.array_equal, made, model.generator.get_weights()))


def test_the_accuracy_is_of_the_batch_before_the_update(compiled):
    """Whether D is updated on it or not; it is saved with the model, and a test does not change it."""
    model = compiled
    for last in (0.5, 1.0):
        model.accuracy.assign(last)
        model.step.assign_add(1)  # to draw what the next step will
        step = Step(model, {"images": tf.constant(VOLUMES)}, True)
        fakes, _ = model.fakes(step)
        real, fake = (model.score(x, training=True) for x in (VOLUMES, fakes))
        model.step.assign_sub(1)
        model.train_on_batch(VOLUMES)
        assert float(model.accuracy) == pytest.approx(float(accuracy(real, fake)))
    kept = float(model.accuracy)
    model.evaluate(VOLUMES[:4], verbose=0)
    assert float(model.accuracy) == kept and any(w is model.accuracy for w in model.weights)


def test_features_are_the_pooled_responses(compiled):
    model = compiled
    responses = model.discriminator.layers[2](model.discriminator.layers[1](VOLUMES))
    assert responses.shape == (6, 4, 4, 4, 4)
    np.testing.assert_allclose(model.features(VOLUMES), np.reshape(responses, (6, -1)), rtol=1e-5)
    deep = GAN3D((12, 12, 12, 1), latent_dim=2, width=2, seed=0)
    volumes = np.random.default_rng(1).uniform(size=(2, 12, 12, 12, 1)).astype("float32")
    first = deep.discriminator.layers[2](deep.discriminator.layers[1](volumes)).numpy()
    pooled = first.reshape(2, 3, 2, 3, 2, 3, 2, 2).max((2, 4, 6))
    np.testing.assert_allclose(deep.features(volumes)[:, : 27 * 2], pooled.reshape(2, -1), rtol=1e-5)


def test_z_is_uniform_and_of_mean_zero_where_it_enters(compiled):
    z = compiled.latents_from_seed(3, 4000).numpy()
    assert z.min() > 0 and z.max() < 1 and compiled.input_values["z"]["low"] == 0
    inner = compiled.generator.layers[1](z).numpy()
    assert abs(inner.mean()) < 0.03 and inner.std() == pytest.approx(1, abs=0.02)
