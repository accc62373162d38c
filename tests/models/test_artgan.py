"""ArtGAN: both cross-entropies, and a reconstruction that skips G's first layers and D's last."""

import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.models import AMGAN, ArtGAN

SMALL = dict(image_shape=(8, 8, 1), classes=3, latent_dim=4, width=8, seed=0)
RNG = np.random.default_rng(0)
BATCH = RNG.uniform(-1, 1, (6, 8, 8, 1)).astype("float32"), np.array([0, 1, 2, 0, 1, 2])


@pytest.fixture(scope="module")
def model():
    return ArtGAN(**SMALL)


def test_without_reconstruction_its_losses_are_those_of_predefined_targets():
    model, am = ArtGAN(**SMALL, reconstruction_weight=0.0), AMGAN(**SMALL, target="predefined")
    step = step_of(model, *BATCH)
    fakes = model.fakes(step)
    for one in (model, am):
        one.fakes = lambda step: fakes
        one.logits = model.logits
    for name in ("discriminator", "generator"):
        ours, theirs = (one.objectives()[name].loss(step_of(one, *BATCH))[0] for one in (model, am))
        assert float(ours) == pytest.approx(float(theirs), rel=1e-5), name


def test_the_reconstruction_moves_the_encoder_and_the_decoder_alone(model):
    step = step_of(model, *BATCH)
    with tf.GradientTape() as tape:
        loss = model.reconstruction_loss(step)
    images, again = BATCH[0], model.reconstruct(BATCH[0], training=True)
    assert float(loss) == pytest.approx(((images - again.numpy()) ** 2).mean(), rel=1e-4)
    inside = {id(v) for name in ("encoder", "decoder") for v in part(model, name).trainable_variables}
    own = [v for v in model.trainable_variables]
    found = tape.gradient(loss, [v.value for v in own])
    assert {id(v) for v, g in zip(own, found) if g is not None} == inside
    assert len(inside) < len(own)


def part(model, name):
    owner = model.discriminator if name == "encoder" else model.generator
    return owner.get_layer(name)


@pytest.mark.parametrize("image_shape", [(8, 8, 1), (28, 28, 1), (19, 13, 3)])
def test_dec_takes_what_enc_gives(image_shape):
    model = ArtGAN(image_shape, classes=2, latent_dim=3, width=4, seed=0)
    assert part(model, "encoder").output.shape == part(model, "decoder").input.shape
    images = np.zeros((2, *image_shape), np.float32)
    assert model.reconstruct(images).shape == model.sample(2, seed=0).shape == images.shape


def test_g_wants_the_class_it_was_told_and_d_takes_fakes_for_fakes(model):
    step = step_of(model, *BATCH)
    loss, logs = model.discriminator_objective(step)
    fake = tf.nn.log_softmax(model.logits(model.fakes(step)[0], True)).numpy()
    assert float(logs["fake_class_loss"]) == pytest.approx(-fake[:, 3].mean(), rel=1e-4)
    wanted, _ = model.generator_objective(step)
    error = float(logs["reconstruction_loss"])
    assert float(wanted) == pytest.approx(-fake[range(6), BATCH[1]].mean() + error, rel=1e-3)
    assert float(loss) == pytest.approx(sum(float(x) for x in logs.values()), rel=1e-5)


def test_a_weight_below_zero_is_refused():
    with pytest.raises(InputError, match="reconstruction_weight must be 0 or more; received -1"):
        ArtGAN(reconstruction_weight=-1)
