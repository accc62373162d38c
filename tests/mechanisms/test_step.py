"""A step: noise by name, what is computed once, who is updated when, and devices that share a batch."""

import itertools
import zlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from steps import step_of

from tfgen import random
from tfgen.errors import InputError
from tfgen.layers import BatchNormalization
from tfgen.models import BEGAN, DCGAN, VAE, Attribute2Image
from tfgen.models.base import GenerativeModel, Objective

IMAGES = np.random.default_rng(0).uniform(-1, 1, (5, 2, 2, 1)).astype("float32")
RATE = 0.1


class Toy(GenerativeModel):
    """A body of features and two heads, trained by the objectives that a test gives."""

    averaged_networks = ("body",)
    image_shape = (2, 2, 1)

    def __init__(self, given=lambda model: {}, **kwargs):
        super().__init__(**kwargs)
        self.given, self.passes = given, 0
        with self.building():
            flat = keras.layers.Flatten()
            self.body = keras.Sequential([keras.Input((2, 2, 1)), flat, keras.layers.Dense(3, "tanh")])
            self.left, self.right = (
                keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]) for _ in range(2)
            )

    def objectives(self):
        return self.given(self)

    def default_optimizers(self):
        return {name: keras.optimizers.SGD(RATE) for name in self.objectives()}

    def features(self, step):
        self.passes += 1
        return self.body(step.batch["images"], training=step.training)

    def shared(self, step):
        return step.once(self.features, self.body)

    def left_loss(self, step):
        return tf.reduce_mean((self.left(self.shared(step)) - 1) ** 2), {}

    def right_loss(self, step):
        return tf.reduce_mean((self.right(self.shared(step)) + 2) ** 2), {}

    def game_loss(self, step):
        """What the body is trained by: the left head's opinion of its features."""
        return tf.reduce_mean(self.left(self.shared(step)) ** 2), {}


def toy(given=lambda model: {}, **how):
    model = Toy(given, seed=0)
    model.compile(jit_compile=False, **how)
    return model


def weights(network):
    return np.concatenate([np.ravel(w) for w in network.get_weights()])


def rested(seen):
    """Of weights before and after each step: whether the step left them as they were."""
    return [np.array_equal(before, after) for before, after in itertools.pairwise(seen)]


# Noise.


def test_noise_is_a_function_of_seed_step_and_name():
    model = toy()
    model.step.assign(7)
    step = step_of(model, IMAGES)
    z = step.normal("z", 3).numpy()
    assert z.shape == (5, 3) and step.uniform("u", 2, 2).shape == (5, 2, 2)
    np.testing.assert_array_equal(step.normal("z", 3), z)  # one name, one draw
    again = step_of(model, IMAGES)
    again.uniform("other", 2)  # what else is drawn does not matter
    np.testing.assert_array_equal(again.normal("z", 3), z)
    few = step_of(model, IMAGES[:2])  # nor how many there are
    np.testing.assert_array_equal(few.uniform("u", 3), step.uniform("u", 3)[:2])
    np.testing.assert_allclose(few.normal("z", 3), z[:2], atol=1e-6)
    key = random.key(model.seed, 1, zlib.crc32(b"z"), 7)
    np.testing.assert_array_equal(step.key("z"), key)
    np.testing.assert_array_equal(random.normal(key, (5, 3)), z)
    others = [step.normal("y", 3), step_of(model, IMAGES, training=False).normal("z", 3)]
    others.append(step_of(Toy(seed=1), IMAGES).normal("z", 3))
    model.step.assign(8)
    others.append(step_of(model, IMAGES).normal("z", 3))
    for other in others:
        assert (np.abs(other - z) > 1e-6).all()


# What is computed once.


def test_a_computation_is_made_once_in_a_step():
    model = toy()
    step = step_of(model, IMAGES)
    assert model.shared(step) is model.shared(step) and model.passes == 1
    assert model.shared(step_of(model, IMAGES)) is not model.shared(step) and model.passes == 2


def play(objectives, once):
    """(the weights after a step, how often the body was run), by shared or by fresh features."""
    model = toy(lambda model: objectives(model))
    if not once:
        model.shared = model.features
    model.train_on_batch(IMAGES)
    return {name: weights(getattr(model, name)) for name in ("body", "left", "right")}, model.passes


def test_a_later_objective_continues_a_shared_pass_backwards():
    """The left head learns from the features, then the body by the new head: as if it ran again."""

    def game(model):
        return {
            "left": Objective(model.left_loss, (model.left,)),
            "body": Objective(model.game_loss, (model.body,)),
        }

    (shared, once), (fresh, twice) = play(game, True), play(game, False)
    assert (once, twice) == (1, 2)
    start = toy()
    for name in ("body", "left"):
        assert np.abs(shared[name] - weights(getattr(start, name))).max() > 1e-3
        np.testing.assert_allclose(shared[name], fresh[name], rtol=1e-5, atol=1e-7, err_msg=name)


def test_an_objective_s_gradient_reaches_its_own_networks_alone():
    def both(model):
        return {
            "left": Objective(model.left_loss, (model.left,)),
            "right": Objective(model.right_loss, (model.right,)),
            "body": Objective(model.game_loss, (model.body,)),
        }

    model = toy(both)
    before = {name: weights(getattr(model, name)) for name in ("body", "left", "right")}
    model.minimize("left", model.objectives()["left"], step_of(model, IMAGES))
    moved = {name for name, was in before.items() if (weights(getattr(model, name)) != was).any()}
    assert moved == {"left"}
    with tf.GradientTape() as tape:
        fresh = toy()
        loss, _ = fresh.left_loss(step_of(fresh, IMAGES))
    slopes = tape.gradient(loss, fresh.left.trainable_variables)
    moves = [w - RATE * g for w, g in zip(fresh.left.get_weights(), slopes)]
    np.testing.assert_allclose(weights(model.left), np.concatenate([np.ravel(m) for m in moves]), rtol=1e-5)


def test_two_objectives_that_share_variables_are_two_updates():
    """w1 = w0 - r g1(w0), w2 = w1 - r g2(w1): of fresh features, the second sees the first's update."""

    def both(model):
        return {
            "left": Objective(model.left_loss, (model.body, model.left)),
            "right": Objective(model.right_loss, (model.body, model.right)),
        }

    (ours, _) = play(both, False)
    model = toy()
    for head, loss in ((model.left, model.left_loss), (model.right, model.right_loss)):
        variables = [*model.body.trainable_variables, *head.trainable_variables]
        with tf.GradientTape() as tape:
            value, _ = loss(step_of(model, IMAGES))
        for variable, slope in zip(variables, tape.gradient(value, variables)):
            variable.assign_sub(RATE * slope)
    for name, ended in ours.items():
        np.testing.assert_allclose(ended, weights(getattr(model, name)), rtol=1e-5, atol=1e-7, err_msg=name)


def test_two_objectives_that_share_variables_and_a_pass_take_the_gradients_of_that_pass():
    """w2 = w0 - r (g1(w0) + g2(w0)) for the body, which ran once."""

    def both(model):
        return {
            "left": Objective(model.left_loss, (model.body, model.left)),
            "right": Objective(model.right_loss, (model.body, model.right)),
        }

    ours, passes = play(both, True)
    model = toy()
    with tf.GradientTape() as tape:
        step = step_of(model, IMAGES)
        value = model.left_loss(step)[0] + model.right_loss(step)[0]
    slopes = tape.gradient(value, model.body.trainable_variables)
    moved = [w - RATE * g for w, g in zip(model.body.get_weights(), slopes)]
    assert passes == 1
    np.testing.assert_allclose(ours["body"], np.concatenate([np.ravel(m) for m in moved]), rtol=1e-5)


def test_networks_that_share_a_layer_have_its_variables_once():
    model = toy()
    objective = Objective(model.left_loss, (model.body, keras.Sequential([*model.body.layers, model.left])))
    kernels = [*model.body.trainable_variables, *model.left.trainable_variables]
    assert [id(v) for v in objective.variables] == [id(v) for v in kernels]


# Averages, and who is due.


def averaged(given, steps=3, **how):
    model = Toy(given, seed=0, ema_decay=0.5)
    model.compile(jit_compile=False, **how)
    seen = [weights(model.body)]
    for _ in range(steps):
        model.train_on_batch(IMAGES)
        seen.append(weights(model.body))
    return model, seen


def test_averages_move_once_a_step_under_two_objectives_of_a_network():
    def both(model):
        return {
            "left": Objective(model.left_loss, (model.body, model.left)),
            "right": Objective(model.right_loss, (model.body, model.right)),
        }

    model, seen = averaged(both)
    copy = seen[0]
    for t, value in enumerate(seen[1:], start=1):
        decay = min(0.5, (1 + t) / (10 + t))
        copy = decay * copy + (1 - decay) * value
    np.testing.assert_allclose(weights(model.averages["body"]), copy, rtol=1e-5)
    assert int(model.average_updates["body"].numpy()) == 3


def test_an_average_follows_the_updates_of_its_network_alone():
    def rarely(model):
        return {
            "left": Objective(model.left_loss, (model.left,)),
            "body": Objective(model.game_loss, (model.body,), every=2),
        }

    model, seen = averaged(rarely, steps=5)
    assert int(model.average_updates["body"].numpy()) == 2
    copy = seen[0]
    for t, value in enumerate((seen[2], seen[4]), start=1):
        decay = min(0.5, (1 + t) / (10 + t))
        copy = decay * copy + (1 - decay) * value
    np.testing.assert_allclose(weights(model.averages["body"]), copy, rtol=1e-5)
    assert rested(seen) == [True, False, True, False, True]


@pytest.mark.parametrize("eagerly", [False, True])
def test_data_may_decide_whether_there_is_an_update(eagerly):
    """Under Adam a gradient of 0 would move the weights; no update does not, nor the clock, nor a copy."""

    def bright(model):
        return {
            "left": Objective(model.left_loss, (model.left,)),
            "body": Objective(
                model.game_loss, (model.body,), when=lambda step: tf.reduce_mean(step.batch["images"]) > 0
            ),
        }

    model = Toy(bright, seed=0, ema_decay=0.5)
    model.compile({name: keras.optimizers.Adam(0.1) for name in bright(model)}, run_eagerly=eagerly)
    seen, heads = [weights(model.body)], [weights(model.left)]
    for images in (abs(IMAGES), -abs(IMAGES), abs(IMAGES)):
        model.train_on_batch(images)
        seen.append(weights(model.body))
        heads.append(weights(model.left))
    assert rested(seen) == [False, True, False]
    assert not any(rested(heads))
    counts = {name: int(one.iterations.numpy()) for name, one in model.optimizers.items()}
    assert counts == {"left": 3, "body": 2} and int(model.average_updates["body"].numpy()) == 2
    plain = Toy(lambda model: {**bright(model), "body": Objective(model.game_loss, (model.body,))}, seed=0)
    plain.compile({name: keras.optimizers.Adam(0.1) for name in bright(plain)}, run_eagerly=eagerly)
    plain.train_on_batch(abs(IMAGES))
    np.testing.assert_allclose(seen[1], weights(plain.body), rtol=1e-5)  # an update is the usual one


def test_data_decide_nothing_under_a_strategy(two_devices):
    with two_devices.scope():
        model = toy(lambda model: {"left": Objective(model.left_loss, (model.left,), when=lambda step: True)})
    with pytest.raises(
        InputError, match="Toy decides some updates by what the data say, which TensorFlow can"
    ):
        model.fit(tf.data.Dataset.from_tensors(IMAGES), verbose=0)


def stages(model):
    return {
        "first": Objective(model.left_loss, (model.body, model.left), stage=lambda k: k <= 2),
        "then": Objective(model.right_loss, (model.body, model.right), stage=lambda k: k > 2),
    }


def test_stages_have_an_optimizer_each():
    model = Toy(stages, seed=0)
    model.compile({name: keras.optimizers.Adam(0.1) for name in ("first", "then")}, jit_compile=False)
    left, right = [weights(model.left)], [weights(model.right)]

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            left.append(weights(model.left))
            right.append(weights(model.right))

    model.fit(tf.data.Dataset.from_tensors(IMAGES).repeat(5), verbose=0, callbacks=[Look()])
    assert rested(left) == [False, False, True, True, True]
    assert rested(right) == [True, True, False, False, False]
    counts = {name: int(one.iterations.numpy()) for name, one in model.optimizers.items()}
    assert counts == {"first": 2, "then": 3}
    model.fit(tf.data.Dataset.from_tensors(IMAGES), verbose=0)  # goes on where it was
    assert int(model.optimizers["then"].iterations.numpy()) == 4


def test_stages_and_several_steps_at_once_exclude_each_other():
    model = toy(stages, steps_per_execution=2)
    with pytest.raises(
        InputError,
        match="Toy updates some objectives in stages; that needs steps_per_execution=1; received 2",
    ):
        model.fit(tf.data.Dataset.from_tensors(IMAGES), verbose=0)


# Two devices, of which one has three examples and the other two.

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
}


@pytest.mark.parametrize("name", MODELS)
def test_uneven_devices_give_the_losses_and_weights_of_one(name, two_devices):
    """Batches of 8 and of 5, the last of which are 4 + 4 and 3 + 2 rows."""
    rows = np.concatenate([ROWS, 1 - ROWS, ROWS])[:13]
    if name in ("DCGAN", "BEGAN"):
        rows = 2 * rows - 1
    data = (rows,)
    if name == "Attribute2Image":
        data = (rows, (np.arange(26).reshape(13, 2) % 3 == 0).astype(np.float32))
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
        assert uneven[log] == pytest.approx(value, rel=2e-5, abs=1e-6), log
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
