"""What every model must do. A new model adds one row to TINY."""

import inspect
import json
import pathlib
from typing import NamedTuple

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from keras import tree
from steps import step_of

import tfgen
from tfgen import data, export
from tfgen.errors import InputError
from tfgen.export import onnx, saved_model
from tfgen.export.signature import draw, values_of
from tfgen.models import (
    BEGAN,
    CVAEGAN,
    DBVAE,
    DCGAN,
    FVBN,
    MADE,
    MODELS,
    NADE,
    VAE,
    WGANGP,
    Attribute2Image,
    GatedPixelCNN,
    GaussianMixture,
    MultiScalePixelRNN,
    PixelCNN,
    PixelCNNPlusPlus,
    PixelRNN,
)

DECAY = 0.5  # of averages: the warm-up's is less in the first seven updates, and more then
TINY = {cls: cls.tiny for cls in MODELS.values()}

EXCEPTIONS = {  # (test, class): why it cannot hold
    ("test_averages_follow_the_networks", GaussianMixture): "EM has no networks",
    ("test_a_missing_optimizer_is_named", GaussianMixture): "EM has no optimizers",
}


@pytest.fixture(autouse=True)
def exception(request):
    case = getattr(request.node, "callspec", None)
    reason = EXCEPTIONS.get((request.node.originalname, case and case.params.get("cls")))
    if reason is not None:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))


def build(cls, optimizer=None, model=None, **kwargs):
    model = cls(**{**dict(seed=1, ema_decay=DECAY), **TINY[cls], **(model or {})})
    model.compile(optimizer, **kwargs)
    return model


def drawer(model, size, seed=0):
    """A function that draws `size` examples of what a spec says."""
    low, high = model.value_range
    rng = np.random.default_rng(seed)

    def drawn(spec):
        if spec.name == "labels":  # classes, or attributes
            return tf.constant(rng.integers(0, 2, (size, *spec.shape[1:])), spec.dtype)
        return tf.constant(rng.uniform(low, high, (size, *spec.shape[1:])), spec.dtype)

    return drawn


def batch_of(model, size=8):
    return tree.map_structure(drawer(model, size), model.data_spec)


def data_for(model, batches=4):
    """Batches of 8 with an order of their own, so that a lost or repeated step shows."""
    rows = batch_of(model, 8 * batches)
    return tf.data.Dataset.from_tensor_slices(rows).batch(8, drop_remainder=True)


def fit(model, **kwargs):
    return model.fit(data_for(model), verbose=0, **kwargs).history


def assert_same(a, b, tolerance=1e-5):
    """Nests of numbers, equal up to the order of sums."""
    tree.map_structure(lambda x, y: np.testing.assert_allclose(x, y, tolerance, tolerance), a, b)


# The tests of one model share a process, and what it has trained.
ROWS = [pytest.param(cls, id=cls.__name__, marks=pytest.mark.xdist_group(cls.__name__)) for cls in TINY]


@pytest.fixture(scope="module", params=ROWS)
def cls(request):
    return request.param


# What the base does for all alike is tried on a model of each kind.
KINDS = {GaussianMixture, VAE, CVAEGAN, DCGAN, WGANGP, PixelCNN}
STATEFUL = {Attribute2Image, DBVAE, BEGAN}  # beside their networks
LIKELIHOODS = {FVBN, NADE, MADE, PixelRNN, MultiScalePixelRNN, GatedPixelCNN, PixelCNNPlusPlus}


def only(classes):
    return pytest.mark.parametrize("cls", [row for row in ROWS if row.values[0] in classes], indirect=True)


one_of_each_kind = only(KINDS)


class Course(NamedTuple):
    """A model after four epochs, and what was seen after two and after four; tests leave it as it is."""

    model: keras.Model
    histories: list
    weights: list
    file: pathlib.Path  # of the model after two
    steps: list  # before the first step and after each: {averaged network: (its weights, their averages)}


@pytest.fixture(scope="module")
def course(cls, tmp_path_factory):
    model, steps = build(cls), []

    def look(*_, **__):
        each = model.averages.items()
        steps.append({name: (getattr(model, name).get_weights(), copy.get_weights()) for name, copy in each})

    first = keras.callbacks.LambdaCallback(on_train_begin=look, on_train_batch_end=look)
    histories, weights = [fit(model, epochs=2, callbacks=first)], [model.get_weights()]
    file = tmp_path_factory.mktemp("course") / "model.keras"
    model.save(file)
    then = keras.callbacks.LambdaCallback(on_train_batch_end=look)
    histories.append(fit(model, epochs=2, callbacks=then))
    return Course(model, histories, [*weights, model.get_weights()], file, steps)


@pytest.fixture(scope="module")
def trained(course):
    return course.model


def test_every_model_has_a_row():
    assert set(TINY) == set(MODELS.values())


def test_each_objective_lowers_its_loss_and_moves_only_its_networks(cls):
    model = build(cls)
    batch = batch_of(model)
    for name, objective in model.objectives().items():
        own = {id(v) for v in objective.variables}
        before = [(v, v.numpy()) for v in model.trainable_variables]
        losses = []
        update = tf.function(
            lambda: model.minimize(name, objective, step_of(model, *tree.flatten(batch))), autograph=False
        )
        for _ in range(8):  # the step stands still, so the noise stays the same
            model.reset_metrics()
            update()
            losses.append(float(model.trackers[name].result()[f"{name}_loss"]))
        assert losses[-1] < losses[0], (name, losses)
        moved = {id(v) for v, was in before if not np.array_equal(v, was)}
        assert moved and moved <= own, name


@only(KINDS | STATEFUL | LIKELIHOODS)
def test_two_devices_give_what_one_gives(cls, course, two_devices):
    with two_devices.scope():
        model = build(cls)
    assert_same(fit(model, epochs=2), course.histories[0])
    assert_same([w.numpy() for w in model.weights], course.weights[0])


def test_half_precision_trains_saves_and_loads(cls, tmp_path):
    check_half_precision(cls, "mixed_bfloat16", tmp_path)


@one_of_each_kind
def test_half_precision_with_scaled_losses_trains_saves_and_loads(cls, tmp_path):
    check_half_precision(cls, "mixed_float16", tmp_path)


def check_half_precision(cls, precision, folder):
    model = build(cls, model=dict(dtype=precision))
    history = fit(model)
    assert all(np.isfinite(values).all() for values in history.values())
    assert all(v.dtype == "float32" for v in model.trainable_variables)
    scaled = [isinstance(o, keras.optimizers.LossScaleOptimizer) for o in model.optimizers.values()]
    assert all(scaled) if precision == "mixed_float16" else not any(scaled)
    model.save(folder / "model.keras")
    loaded = keras.models.load_model(folder / "model.keras")
    assert loaded.dtype_policy.name == precision
    for name, optimizer in model.optimizers.items():
        assert_same([v.numpy() for v in loaded.optimizers[name].variables],
                    [v.numpy() for v in optimizer.variables])  # fmt: skip
    assert_same(loaded.get_weights(), model.get_weights())
    assert_same(loaded.sample(2, seed=0), model.sample(2, seed=0))


@one_of_each_kind
def test_bytes_train_as_the_floats_they_stand_for(cls):
    model = build(cls)
    low, high = model.value_range
    image = np.random.default_rng(0).integers(0, 256, (8, *model.image_shape), dtype=np.uint8)
    floats = (low + image.astype("float32") * ((high - low) / 255)).astype("float32")
    _, *labels = tree.flatten(batch_of(model))
    assert_same(model.train_on_batch(image, *labels), build(cls).train_on_batch(floats, *labels))


def test_config_survives_json(cls, trained):
    config = trained.get_config()
    assert json.loads(json.dumps(keras.saving.serialize_keras_object(config)))
    assert cls.from_config(config).get_config() == config
    assert TINY[cls].items() <= config.items()


def test_training_that_resumes_is_training_that_never_stopped(cls, course):
    resumed = keras.models.load_model(course.file)
    assert type(resumed) is cls
    assert_same(resumed.get_weights(), course.weights[0])
    assert_same(fit(resumed, epochs=2), course.histories[1])
    assert_same(resumed.get_weights(), course.weights[1])
    if cls in KINDS:  # unseeded samples
        course.model.asked.assign(resumed.asked)
        assert_same(resumed.sample(2), course.model.sample(2))


def test_xla_and_several_steps_in_an_execution_change_nothing(cls, course):
    """Three do not divide the four of an epoch."""
    model = build(cls, jit_compile=True, steps_per_execution=3)
    first, second = course.histories
    expected = {log: [*first[log], *second[log]] for log in first}
    assert_same(fit(model, epochs=4), expected, tolerance=1e-4)


def test_averages_follow_the_networks(course):
    model = course.model
    assert model.averages, "a model names what is worth averaging"
    objectives = model.objectives().values()
    for name in model.averages:
        network = getattr(model, name)
        (every,) = {one.every for one in objectives if network in one.networks}
        for step in range(1, len(course.steps)):
            (_, means), (weights, got) = course.steps[step - 1][name], course.steps[step][name]
            if step % every == 0:
                decay = min(DECAY, (1 + step // every) / (10 + step // every))
                means = [
                    decay * mean + (1 - decay) * new if weight.trainable else new
                    for weight, mean, new in zip(network.weights, means, weights)
                ]
            assert_same(got, means)


def test_one_seed_gives_one_list_of_samples(cls, trained):
    model = trained
    low, high = model.value_range
    five = model.sample(5, seed=3).numpy()
    assert five.shape == (5, *model.image_shape) and five.dtype == np.float32
    assert low <= five.min() and five.max() <= high
    np.testing.assert_array_equal(model.sample(5, seed=3), five)
    assert_same(model.sample(3, seed=3, first_row=2), five[2:])
    assert not np.allclose(model.sample(5, seed=4), five)
    assert not np.allclose(model.sample(5), model.sample(5))
    assert len(np.unique(five.reshape(5, -1), axis=0)) == 5


def test_one_seed_gives_one_model(cls):
    assert_same(build(cls).get_weights(), build(cls).get_weights())
    other = cls(**TINY[cls], seed=2).get_weights()
    assert any(not np.allclose(a, b) for a, b in zip(build(cls).get_weights(), other))


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "artifact"
    export.write(trained, folder, {"saved_model": saved_model, "onnx": onnx})
    return folder


def test_exports_give_the_same_numbers(trained, exported):
    model = trained
    restored = tf.saved_model.load(str(exported / "saved_model"))
    rng = np.random.default_rng(0)
    for name, (method, specs) in model.signatures().items():
        session = onnxruntime.InferenceSession(str(exported / "onnx" / f"{name}.onnx"))
        method = tf.function(method, input_signature=specs, autograph=False)
        for batch in (1, 3, 7):
            inputs = [draw(spec, values_of(model, spec), batch, rng) for spec in specs]
            want = method(*map(tf.constant, inputs))
            assert_same(getattr(restored, name)(*inputs), want)
            feed = {i.name: x for i, x in zip(session.get_inputs(), inputs, strict=True)}
            assert_same(session.run(None, feed), [x.numpy() for x in tree.flatten(want)])


def test_an_exported_sampler_draws_what_sample_draws(trained, exported):
    model, labels = trained, {}
    session = onnxruntime.InferenceSession(str(exported / "onnx" / "sample.onnx"))
    if model.label_spec is not None:
        labels = dict(labels=drawer(model, 5)(model.label_spec).numpy())

    def exported_sample(seed, **labels):
        given = dict(n=np.array(5, "int32"), seed=np.array(seed), temperature=np.array(1, "float32"))
        given.update(labels)
        return session.run(None, {one.name: given[one.name] for one in session.get_inputs()})[0]

    for seed in (0, 2**40 + 3):
        want = model.sample(5, seed=seed, **labels)
        assert_same(exported_sample(seed, **labels), want.numpy())
    if labels:  # one for all
        want = model.sample(5, seed=seed, labels=labels["labels"][0])
        assert_same(exported_sample(seed, labels=labels["labels"][:1]), want.numpy())


def test_an_export_loads_as_the_model(trained, exported):
    model, loaded = trained, tfgen.load(exported)
    assert type(loaded) is type(model)
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    assert_same(loaded.sample(3, seed=1), model.sample(3, seed=1))


@one_of_each_kind
def test_exports_verify(exported):
    export.verify(exported)


def test_a_wrong_batch_is_named(cls):
    model = build(cls)
    images, *labels = tree.flatten(batch_of(model))
    wrong = tree.pack_sequence_as(model.data_spec, [images[:, :-1], *labels])
    with pytest.raises(InputError, match=f"{cls.__name__} expects a batch of images .*; received"):
        model.train_on_batch(wrong)
    wrong = tree.pack_sequence_as(model.data_spec, [tf.cast(images, tf.float64), *labels])
    with pytest.raises(InputError, match=r"32; received .* float64"):
        model.train_on_batch(wrong)


def test_a_missing_optimizer_is_named(cls):
    with pytest.raises(InputError, match="needs its own optimizer"):
        build(cls, {})


def test_the_recipe_loads_and_its_data_fit(cls):
    recipe = cls.recipe
    small = {name: value for name, value in TINY[cls].items() if name == "width"}
    tiny = {name: value for name, value in TINY[cls].items() if name != "levels"}
    model = cls(**{**tiny, **recipe.model, **small, "seed": 0})
    images = np.random.default_rng(0).integers(0, 256, (10, *model.image_shape), dtype=np.uint8)
    labels = [part.numpy() for part in tree.flatten(batch_of(model, 10))[1:]]
    options = {n: v for n, v in recipe.data.items() if n not in ("labels", "split")}  # of its source
    stream = data.load((images, *labels) if labels else images, for_model=model, batch_size=8, **options)
    model.compile()
    history = model.fit(stream, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())


def test_the_file_names_its_paper(cls):
    assert "http" in inspect.getmodule(cls).__doc__ and cls.__doc__
