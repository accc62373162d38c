"""Two devices that share a batch, of which one has three examples and the other two."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen.errors import InputError
from tfgen.layers import BatchNormalization
from tfgen.models import BEGAN, DCGAN, VAE, Attribute2Image, BigGAN, ProGAN
from tfgen.networks import residual

ROWS = np.random.default_rng(1).uniform(0, 1, (5, 8, 8, 1)).astype("float32")


def test_uneven_devices_have_the_noise_of_the_whole_batch(two_devices):
    with two_devices.scope():
        model = VAE((8, 8, 1), 4, width=8, seed=0)
    whole = step_of(model, ROWS).normal("z", 4)

    def drawn(images):
        step = step_of(model, images)
        return step.normal("z", 4), step.share, step.first_row

    (rows,) = two_devices.experimental_distribute_dataset(tf.data.Dataset.from_tensors(ROWS))
    noise, share, first = map(
        two_devices.experimental_local_results, tf.function(lambda x: two_devices.run(drawn, (x,)))(rows)
    )
    assert [len(part) for part in noise] == [3, 2]
    np.testing.assert_allclose(np.concatenate(noise), whole, atol=1e-6)
    assert [float(x) for x in share] == pytest.approx([0.6, 0.4]) and [int(x) for x in first] == [0, 3]


MODELS = {
    "VAE": lambda: VAE((8, 8, 1), 4, width=8, seed=0),
    "DCGAN": lambda: DCGAN((8, 8, 1), 4, width=8, seed=0, ema_decay=0.5),  # normalises over the batch
    "BEGAN": lambda: BEGAN((8, 8, 1), 4, width=4, depth=1, balance_rate=0.1, seed=0),  # keeps a balance
    "Attribute2Image": lambda: Attribute2Image(
        (8, 8, 1), attributes=2, latent_dim=4, background_dim=2, width=8, seed=0
    ),  # keeps frequencies
    # Normalises by class, keeps singular vectors, and, as its large maps do, computes again.
    "BigGAN": lambda: BigGAN(**BigGAN.tiny, seed=0),
    "ProGAN": lambda: grown(),
}


def grown():
    """A ProGAN whose last level fades in; a group is within a device's share, so that here it is an image."""
    model = ProGAN(**{**ProGAN.tiny, "group": 1}, seed=0)
    model.step.assign(model.phase_steps)
    return model


@pytest.mark.parametrize("name", MODELS)
def test_uneven_devices_give_the_losses_and_weights_of_one(name, two_devices, monkeypatch):
    """Batches of 8 and of 5, the last of which are 4 + 4 and 3 + 2 rows."""
    monkeypatch.setattr(residual, "LARGE", 1)
    rows = np.concatenate([ROWS, 1 - ROWS, ROWS])[:13]
    if name in ("DCGAN", "BEGAN", "BigGAN", "ProGAN"):
        rows = 2 * rows - 1
    data = (rows,)
    if name == "Attribute2Image":
        data = (rows, (np.arange(26).reshape(13, 2) % 3 == 0).astype(np.float32))
    if name == "BigGAN":
        data = (rows, np.arange(13) % 3)
    ends = []
    for scope in (tf.distribute.get_strategy(), two_devices):
        with scope.scope():
            model = MODELS[name]()
            model.compile({one: keras.optimizers.SGD(0.01) for one in model.objectives()}, jit_compile=False)
        dataset = tf.data.Dataset.from_tensor_slices(data if len(data) > 1 else data[0]).batch(8)
        logs = model.fit(dataset, verbose=0).history
        if name in ("VAE", "DCGAN"):  # of one objective and of several: evaluation knows no more
            tested = model.evaluate(dataset, verbose=0, return_dict=True)
            logs |= {f"test_{log}": [x] for log, x in tested.items()}
        ends.append((logs, model.get_weights()))
    (logs, one), (uneven, two) = ends
    assert list(logs) == list(uneven)
    for log, value in logs.items():
        assert uneven[log] == pytest.approx(value, rel=2e-5, abs=1e-6, nan_ok=True), log
    for weight, ours, theirs in zip(model.weights, two, one):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-6, err_msg=weight.path)


def test_uneven_devices_normalise_over_the_whole_batch(two_devices):
    layer_of = lambda: BatchNormalization(momentum=0.0)  # noqa: E731
    x = np.random.default_rng(2).normal(2, 3, (5, 4)).astype("float32")
    x[3:] += 5  # so that the two parts' means differ
    alone = layer_of()
    want = alone(tf.constant(x), training=True)
    with two_devices.scope():
        layer = layer_of()
        layer.build((None, 4))
    (rows,) = two_devices.experimental_distribute_dataset(tf.data.Dataset.from_tensors(x))
    got = tf.function(lambda x: two_devices.run(lambda x: layer(x, training=True), (x,)))(rows)
    got = np.concatenate(two_devices.experimental_local_results(got))
    np.testing.assert_allclose(got, want, atol=1e-5)
    np.testing.assert_allclose(got.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(layer.variance, x.var(0), rtol=1e-4)
    np.testing.assert_allclose(layer.mean, x.mean(0), rtol=1e-5)


def test_a_batch_of_fewer_examples_than_devices_is_named(two_devices):
    """The mean of no example is no number."""
    with two_devices.scope():
        model = VAE(image_shape=(8, 8, 1), latent_dim=2, width=4, body="dense", seed=0)
        model.compile()
    data = tf.data.Dataset.from_tensor_slices(np.zeros((3, 8, 8, 1), np.float32)).batch(2)
    with pytest.raises(
        InputError, match="needs an example for each device in every batch; received a batch of 1"
    ):
        model.fit(data, verbose=0)
