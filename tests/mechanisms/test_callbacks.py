"""Keras' own callbacks and optimizers' options, with models of one objective and of several."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen.models import DCGAN, VAE, WGANGP
from tfgen.models.monitoring import Diverged, not_finite

IMAGES = np.random.default_rng(0).random((16, 8, 8, 1)).astype("float32")


def vae():
    return VAE(image_shape=(8, 8, 1), latent_dim=2, width=4, seed=0), IMAGES, "elbo_loss"


def gan():
    model = DCGAN(image_shape=(8, 8, 1), latent_dim=2, width=4, seed=0)
    return model, 2 * IMAGES - 1, "discriminator_loss"


@pytest.fixture(params=[vae, gan])
def case(request):
    model, images, log = request.param()
    model.compile(jit_compile=False)
    return model, images, log


def rates(model):
    return [float(one.learning_rate) for one in model.optimizers.values()]


def weights(model):
    return [np.array(v) for v in model.trainable_variables]


def assert_same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_schedule_of_rates_sets_those_of_all_optimizers(case):
    model, images, _ = case
    before = rates(model)
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    model.fit(images, batch_size=8, epochs=2, verbose=0, callbacks=[halve])
    np.testing.assert_allclose(rates(model), [rate / 4 for rate in before], rtol=1e-5)


def test_a_plateau_lowers_the_rates_of_all_optimizers(case):
    model, images, log = case
    before = rates(model)
    # No epoch improves by so much.
    plateau = keras.callbacks.ReduceLROnPlateau(log, factor=0.1, patience=1, min_delta=1e9, mode="min")
    model.fit(images, batch_size=8, epochs=3, verbose=0, callbacks=[plateau])
    np.testing.assert_allclose(rates(model), [rate / 100 for rate in before], rtol=1e-5)


def test_setting_the_rate_of_the_model_sets_all(case):
    model, *_ = case
    model.optimizer.learning_rate = 0.5
    assert rates(model) == [0.5] * len(model.optimizers)
    with pytest.raises(AttributeError, match="compile"):
        model.optimizer = "adam"


def test_early_stopping_restores_the_best_weights(case):
    model, images, log = case
    kept = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(weights(model)))
    stop = keras.callbacks.EarlyStopping(
        log, patience=2, min_delta=1e9, mode="min", restore_best_weights=True
    )
    model.fit(images, batch_size=8, epochs=9, verbose=0, callbacks=[watch, stop])
    assert len(kept) == 3  # the first is the best, for no other improves by so much
    assert_same(weights(model), kept[0])


def test_a_checkpoint_of_keras_has_all(case, tmp_path):
    model, images, _ = case
    path = tmp_path / "best.keras"
    model.fit(images, batch_size=8, verbose=0, callbacks=[keras.callbacks.ModelCheckpoint(path)])
    assert_same(weights(keras.models.load_model(path)), weights(model))


@pytest.mark.parametrize("make", [vae, gan])
def test_a_backup_of_keras_continues_a_training(make, tmp_path):
    def trained(folder, stops=None):
        def fail(epoch, logs):
            if epoch == stops:
                raise ZeroDivisionError

        model, images, _ = make()
        model.compile(jit_compile=False)
        backup = keras.callbacks.BackupAndRestore(folder)
        breaks = keras.callbacks.LambdaCallback(on_epoch_begin=fail)
        model.fit(images, batch_size=8, epochs=3, shuffle=False, verbose=0, callbacks=[backup, breaks])
        return model

    with pytest.raises(ZeroDivisionError):
        trained(tmp_path / "broken", stops=2)
    resumed, straight = trained(tmp_path / "broken"), trained(tmp_path / "whole")
    assert int(resumed.step.numpy()) == int(straight.step.numpy()) == 6
    assert_same(weights(resumed), weights(straight))


@pytest.mark.parametrize("make", [vae, gan])
def test_averages_of_the_optimizers_are_taken_over_at_the_end_of_fit(make):
    model, images, _ = make()
    optimizers = {
        name: keras.optimizers.Adam(1e-3, use_ema=True, ema_momentum=0.9) for name in model.objectives()
    }
    model.compile(optimizers, jit_compile=False)
    steps = []
    watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda step, logs: steps.append(weights(model)))
    model.fit(images, batch_size=8, verbose=0, callbacks=[watch])
    assert_same(weights(model), [0.9 * a + 0.1 * b for a, b in zip(*steps)])  # Keras' first is step 1's


def test_a_loss_without_an_update_is_no_number_and_no_divergence():
    model = WGANGP(image_shape=(8, 8, 1), latent_dim=2, width=4, discriminator_steps=3, seed=0)
    model.compile(jit_compile=False)
    logs = model.fit(2 * IMAGES - 1, batch_size=8, epochs=2, verbose=0).history
    assert np.isnan(logs["generator_loss"][0]) and np.isfinite(logs["generator_loss"][1])
    assert np.isfinite(logs["discriminator_loss"]).all()
    model.reset_metrics()
    logs = {name: float(value) for name, value in model.get_metrics_result().items()}
    assert np.isnan(logs["generator_loss"]) and not_finite(model, logs) == []
    logs = {"generator_loss": tf.constant(np.nan), "discriminator_loss": 1.0}
    model.trackers["generator"].update_state({"generator_loss": np.nan})
    assert not_finite(model, logs) == ["generator_loss"]
    model.optimizer.learning_rate = np.nan
    with pytest.raises(Diverged, match="'discriminator' is nan at step 6"):
        model.fit(2 * IMAGES - 1, batch_size=8, verbose=0)
