"""What the base does that no model of its own shows: conditions, clipping, bad losses, seeds."""

import copy
import json
import os
import pathlib
import random as python_random
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen import arguments, random
from tfgen.errors import InputError
from tfgen.export import weights
from tfgen.fields import Classes, Image
from tfgen.models import DCGAN, MODELS, VAE, get
from tfgen.models.base import GenerativeModel, Objective
from tfgen.models.monitoring import Diverged

TINY = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, seed=0)
IMAGES = np.random.default_rng(0).uniform(0, 1, (16, 8, 8, 1)).astype("float32")


@keras.saving.register_keras_serializable("tests")
class Conditional(GenerativeModel):
    """Predicts an image from its label: the smallest model with a condition."""

    value_range = (0.0, 1.0)

    def __init__(self, classes=3, **kwargs):
        super().__init__(**kwargs)
        self.classes = classes
        with self.building():
            self.table = keras.Sequential([keras.Input(()), keras.layers.Embedding(classes, 64)])

    @property
    def fields(self):
        return {"images": Image((8, 8, 1), 0.0, 1.0), "labels": Classes(self.classes)}

    def objectives(self):
        return {"square": Objective(self.loss_of, (self.table,))}

    def default_optimizers(self):
        return keras.optimizers.Adam(0.1)

    def loss_of(self, step):
        shown = tf.reshape(self.table(step.batch["labels"]), (-1, 8, 8, 1))
        return tf.reduce_mean((shown - step.batch["images"]) ** 2), {}


@pytest.mark.parametrize("seed", [0, 7, -1, 2**63, -(2**63), 2**64 - 1])
def test_the_key_of_a_seed_is_the_generators(seed):
    np.testing.assert_array_equal(DCGAN((8, 8, 1), width=8).key_of(seed), random.key(seed))


def test_a_condition_reaches_the_loss():
    model = Conditional(seed=0)
    model.compile()
    labels = np.arange(16, dtype=np.int32) % 3
    images = np.broadcast_to(labels.reshape(16, 1, 1, 1) / 2, (16, 8, 8, 1)).astype("float32")
    model.fit(images, labels, batch_size=16, epochs=60, verbose=0)
    np.testing.assert_allclose(np.mean(model.table(np.arange(3)), axis=1) * 2 - 1, [-1, 0, 1], atol=0.05)
    with pytest.raises(InputError, match=r"images .*, labels \(None,\) int32; received \(16, 8, 8, 1\)"):
        model.fit(images, verbose=0)


class NoNumberAfterOneStep(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return tf.where(step < 1, 1e-3, np.nan)


def test_a_loss_that_is_no_number_ends_the_run_with_its_place():
    model = VAE(**TINY)
    model.compile(keras.optimizers.SGD(NoNumberAfterOneStep()))
    data = tf.data.Dataset.from_tensor_slices(IMAGES).batch(4)
    with pytest.raises(Diverged, match=r"VAE: the loss of objective 'elbo' is nan at step 3; try a lower"):
        model.fit(data, epochs=2, verbose=0)


@pytest.mark.parametrize("clip", [dict(clipnorm=1e-3), dict(global_clipnorm=1e-3), dict(clipvalue=1e-3)])
@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_gradients_are_clipped(clip, dtype):
    """Plain descent of rate 1 moves no further than the clip allows, also with loss scaling."""
    model = VAE(**TINY, dtype=dtype)
    model.compile(keras.optimizers.SGD(1.0, **clip))
    before = [v.numpy() for v in model.trainable_variables]
    model.train_on_batch(IMAGES)
    moves = [v.numpy() - was for v, was in zip(model.trainable_variables, before)]
    furthest = max(np.abs(move).max() for move in moves)
    assert 0 < furthest <= 1.01e-3


@pytest.mark.parametrize(
    "optimizer", ["adam", {"discriminator": "adam", "generator": keras.optimizers.SGD(0.1)}]
)
def test_optimizers_by_name_or_by_objective(optimizer):
    model = DCGAN(**TINY)
    model.compile(optimizer)
    assert model.optimizers["discriminator"] is not model.optimizers["generator"]
    model.train_on_batch(2 * IMAGES - 1)


def test_one_optimizer_cannot_serve_two_objectives():
    with pytest.raises(
        InputError, match=r"DCGAN needs its own optimizer for each of \['discriminator', 'gen"
    ):
        DCGAN(**TINY).compile(keras.optimizers.Adam())


def test_the_name_of_keras_logs_is_not_a_model_s():
    model = DCGAN(**TINY)
    model.history = [model.add_weight((), name="past")]
    with pytest.raises(InputError, match="DCGAN has an attribute `history`"):
        model.compile()
    del model.history
    model.compile()
    model.fit(2 * IMAGES - 1, verbose=0)
    model.compile()  # Keras' own stands there now


@pytest.mark.parametrize("steps", [0, -2])
def test_an_update_in_no_steps_is_refused(steps):
    model = get("wgangp")(**TINY, discriminator_steps=steps)
    with pytest.raises(InputError, match=f"WGANGP updates its generator once in .*; received {steps}"):
        model.compile()


def test_updates_of_some_steps_and_several_steps_at_once_exclude_each_other_on_several_devices(two_devices):
    with two_devices.scope():
        model = get("wgangp")(**TINY)
        model.compile(steps_per_execution=2)
    with pytest.raises(InputError, match="needs steps_per_execution=1; received 2"):
        model.fit(tf.data.Dataset.from_tensors(IMAGES), verbose=0)


def test_updates_of_some_steps_under_a_strategy_of_one_device():
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = get("wgangp")(**TINY, discriminator_steps=2)
        model.compile()
    model.fit(tf.data.Dataset.from_tensors(2 * IMAGES - 1).repeat(4), verbose=0)
    assert int(model.optimizers["generator"].iterations.numpy()) == 2


def test_building_leaves_the_caller_s_state_alone():
    python_random.seed(5)
    expected = python_random.random()
    python_random.seed(5)
    VAE(**TINY, dtype="mixed_bfloat16")
    assert python_random.random() == expected
    assert keras.config.dtype_policy().name == "float32"


def test_validation_does_not_change_training():
    plain, validated = VAE(**TINY), VAE(**TINY)
    for model, extra in ((plain, {}), (validated, dict(validation_data=(IMAGES[:8],)))):
        model.compile()
        history = model.fit(
            tf.data.Dataset.from_tensors(IMAGES).repeat(2), epochs=2, verbose=0, **extra
        ).history
    assert "val_elbo_loss" in history
    for a, b in zip(plain.trainable_variables, validated.trainable_variables):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_each_step_and_each_batch_of_a_validation_have_noise_of_their_own():
    model = VAE(**TINY)
    model.compile(keras.optimizers.SGD(0.0))
    losses = []
    for _ in range(2):
        model.reset_metrics()
        losses.append(model.train_on_batch(IMAGES, return_dict=True)["distortion"])
    assert losses[0] != losses[1]
    same = tf.data.Dataset.from_tensors(IMAGES)
    one, two = (model.evaluate(same, verbose=0, return_dict=True)["distortion"] for _ in range(2))
    assert one != two


def test_a_seed_that_is_not_given_is_drawn_and_kept():
    model = VAE(**{**TINY, "seed": None})
    assert isinstance(model.seed, int)
    np.testing.assert_array_equal(VAE.from_config(model.get_config()).sample(2, 1).shape, (2, 8, 8, 1))
    assert VAE.from_config(model.get_config()).seed == model.seed


def test_a_model_can_be_copied():
    model = VAE(**TINY)
    np.testing.assert_array_equal(copy.deepcopy(model).sample(2, seed=0), model.sample(2, seed=0))


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_a_bad_decay_is_named(decay):
    with pytest.raises(InputError, match=r"ema_decay must lie in \[0, 1\); received"):
        VAE(**TINY, ema_decay=decay)


def test_unknown_models_suggest_the_nearest():
    with pytest.raises(InputError, match="unknown model 'dcgn'; did you mean dcgan"):
        get("dcgn")
    assert MODELS["dcgan"] is get("DCGAN") is DCGAN and "nothing" not in MODELS


def test_loading_needs_only_the_import_which_leaves_onednn_as_the_user_says(tmp_path):
    """Real TensorFlow, once: that `turn_on` leaves a setting alone is in test_onednn."""
    model = DCGAN(**TINY)
    model.compile()
    model.save(tmp_path / "m.keras")
    root = pathlib.Path(__file__).parents[2]
    code = (
        f"import keras, tfgen; m = keras.models.load_model({str(tmp_path / 'm.keras')!r});"
        "print(abs(m.sample(2, seed=3).numpy()).sum(), tfgen.onednn.is_on())"
    )
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0"}
    run = [sys.executable, "-c", code]
    out = subprocess.run(run, capture_output=True, text=True, cwd=root, check=True, env=environment)
    total, is_on = out.stdout.split()
    assert float(total) == pytest.approx(float(np.abs(model.sample(2, seed=3)).sum()), rel=1e-5)
    assert is_on == "False"


# Networks of a user's own.


def dense_decoder(units=5, latent_dim=4, shape=(8, 8, 1)):
    size = int(np.prod(shape))
    body = [keras.layers.Dense(units, "relu"), keras.layers.Dense(size), keras.layers.Reshape(shape)]
    return keras.Sequential([keras.Input((latent_dim,)), *body])


def test_a_network_of_the_users_own_is_trained_averaged_and_saved(tmp_path):
    decoder = dense_decoder()
    model = VAE(**TINY, decoder=decoder, ema_decay=0.5)
    assert model.decoder is decoder and model.averages["decoder"].layers[0].units == 5
    model.compile()
    before = decoder.get_weights()
    model.fit(IMAGES, verbose=0)
    assert all((a != b).any() for a, b in zip(before, decoder.get_weights()))
    assert sum(v is w for v in model.trainable_variables for w in decoder.trainable_variables) == 4
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.decoder.layers[0].units == 5
    np.testing.assert_array_equal(loaded.sample(3, seed=0), model.sample(3, seed=0))
    loaded.fit(IMAGES, verbose=0)
    again = VAE.from_config(model.get_config())
    assert again.decoder.layers[0].units == 5 and again.decoder is not decoder
    assert VAE(**TINY, decoder=None).decoder.count_params() == VAE(**TINY).decoder.count_params()


def test_both_networks_of_a_game_may_be_the_users(tmp_path):
    flat = [keras.layers.Flatten(), keras.layers.Dense(3, "relu"), keras.layers.Dense(1)]
    discriminator = keras.Sequential([keras.Input((8, 8, 1)), *flat])
    model = DCGAN(**TINY, generator=dense_decoder(), discriminator=discriminator)
    model.compile()
    model.fit(2 * IMAGES - 1, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.sample(3, seed=0), model.sample(3, seed=0))
    np.testing.assert_array_equal(loaded.score(IMAGES), model.score(IMAGES))


@pytest.mark.parametrize(
    "network, received",
    [
        (lambda: dense_decoder(latent_dim=3), r"received \[\[\(None, 3\)\], \[\(None, 8, 8, 1\)\]\]"),
        (lambda: dense_decoder(shape=(8, 8, 3)), r"received \[\[\(None, 4\)\], \[\(None, 8, 8, 3\)\]\]"),
        (lambda: keras.layers.Dense(64), "received Dense"),
        (lambda: keras.Sequential([keras.layers.Dense(64)]), "received Sequential"),
        (lambda: "decoder", "received str"),
    ],
)
def test_a_network_that_does_not_fit_is_named(network, received):
    wanted = r"decoder of VAE must be a keras.Model of inputs and outputs "
    wanted += r"\[\[\(None, 4\)\], \[\(None, 8, 8, 1\)\]\]; "
    with pytest.raises(InputError, match=wanted + received):
        VAE(**TINY, decoder=network())


def test_a_network_in_the_place_of_a_models_own_would_not_be_saved():
    model = VAE(**TINY)
    with pytest.raises(
        InputError, match=r"VAE does not save a network that replaces its own; give decoder=\."
    ):
        model.decoder = dense_decoder()
    model.decoder = model.decoder  # is no other
    pixels = get("pixelcnn")(image_shape=(4, 4, 1))
    with pytest.raises(
        InputError, match="PixelCNN does not save a network that replaces its own; build a new"
    ):
        pixels.predictor = dense_decoder()


def test_arguments_of_numpy_are_saved_as_python_s(tmp_path):
    model = VAE(tuple(np.array([8, 8, 1])), np.int64(4), width=np.int32(8), seed=np.int64(7))
    plain = VAE((8, 8, 1), 4, width=8, seed=7)
    config = model.get_config()
    assert {k: v for k, v in config.items() if k != "name"} == {
        k: v for k, v in plain.get_config().items() if k != "name"
    }
    assert type(config["latent_dim"]) is type(config["seed"]) is type(config["image_shape"][0]) is int
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.sample(np.int64(2), seed=np.int64(1)), plain.sample(2, seed=1))


def numpy(value):
    """A default of a constructor, its numbers as NumPy's."""
    if isinstance(value, tuple):
        return tuple(map(numpy, value))
    return {int: np.int64, float: np.float32}.get(type(value), lambda x: x)(value)


@pytest.mark.parametrize("name", MODELS)
def test_a_constructor_takes_numpy_s_numbers_and_each_weight_has_one_name(name):
    cls = get(name)
    known = arguments.of_model(cls).items()
    given = {argument: one.default for argument, one in known if one.default is not one.empty}
    given = {argument: numpy(one) for argument, one in {**given, **cls.tiny, "seed": 0}.items()}
    model = cls(**given)
    config = model.get_config()
    assert json.loads(json.dumps(config)).items() >= json.loads(json.dumps(arguments.plain(given))).items()
    named = weights.named(model)
    assert {id(x) for x in named.values()} == {id(x) for x in model.weights}
    assert len(named) == len(model.weights)


@pytest.mark.parametrize("name", ["model.h5", "model.hdf5"])
def test_an_h5_file_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"VAE is saved as \.keras; received .*" + name.replace(".", r"\.")):
        VAE(**TINY).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_keras_export_says_what_exports(tmp_path):
    with pytest.raises(
        InputError, match=r"VAE is exported by tfgen\.export\.to_saved_model\(model, .*: encode"
    ):
        VAE(**TINY).export(tmp_path / "model")
    assert not list(tmp_path.iterdir())


# The arguments of sample.


@pytest.mark.parametrize(
    "given, line",
    [
        (dict(labels=[0, 1]), "VAE is not conditional; omit `labels`"),
        (dict(temperature=0.5), "unknown argument of VAE.sample 'temperature'; known are first_row"),
        (dict(first_rows=3), "unknown argument of VAE.sample 'first_rows'; did you mean first_row"),
        (dict(n=0), "sample needs n >= 1; received 0"),
    ],
)
def test_an_argument_that_sample_does_not_take_is_named(given, line):
    with pytest.raises(InputError, match=line):
        VAE(**TINY).sample(**{"n": 2, **given})


def test_the_options_of_sample_come_by_name():
    model = VAE(**TINY)
    with pytest.raises(TypeError):
        model.sample(2, 0, 5)
    np.testing.assert_allclose(model.sample(2, 0, first_row=3), model.sample(5, 0)[3:], atol=1e-6)
    np.testing.assert_array_equal(model.sample(2, 0, labels=None), model.sample(2, 0))


def test_losses_and_metrics_of_others_are_refused():
    with pytest.raises(
        InputError, match="VAE has its own losses and logs; received loss, metrics; look at sam"
    ):
        VAE(**TINY).compile(loss="mse", metrics=["mae"])


def test_frozen_layers_stay_frozen_after_saving_and_move_no_more(tmp_path):
    model = VAE(**TINY)
    model.encoder.trainable = False
    model.decoder.layers[-2].trainable = False
    model.compile()
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    before, after = ([v.path for v in one.trainable_variables] for one in (model, loaded))
    assert len(before) == len(after) and not loaded.encoder.trainable_variables
    frozen = loaded.encoder.get_weights()
    loaded.fit(IMAGES, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(frozen, loaded.encoder.get_weights()))


def test_a_game_goes_on_with_a_frozen_player():
    model = DCGAN(**TINY)
    model.discriminator.trainable = False
    model.compile()
    before = model.discriminator.get_weights()
    history = model.fit(2 * IMAGES - 1, verbose=0).history
    assert np.isfinite(history["discriminator_loss"]).all()
    assert all(np.array_equal(a, b) for a, b in zip(before, model.discriminator.get_weights()))
