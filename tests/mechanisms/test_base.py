"""What the base does that no model of its own shows: conditions, clipping, bad losses, seeds."""

import copy
import pathlib
import random as python_random
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen import random
from tfgen.errors import InputError
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


def test_loading_needs_only_the_import(tmp_path):
    model = DCGAN(**TINY)
    model.compile()
    model.save(tmp_path / "m.keras")
    root = pathlib.Path(__file__).parents[2]
    code = (
        f"import keras, tfgen; m = keras.models.load_model({str(tmp_path / 'm.keras')!r});"
        "print(abs(m.sample(2, seed=3).numpy()).sum())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert float(out.stdout) == pytest.approx(float(np.abs(model.sample(2, seed=3)).sum()), rel=1e-5)
