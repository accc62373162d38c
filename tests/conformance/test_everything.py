"""Every model by every mechanism: what tests/mechanisms proves on probes, run on all of them.

`pytest --everything`, before a change of what all models share; not in the gate.
"""

import json
import pathlib
from typing import NamedTuple

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from keras import tree
from zoo import assert_same, batch_of, build, check_half_precision, fit, given_to

from tfgen import export
from tfgen.errors import InputError
from tfgen.export import onnx, saved_model
from tfgen.export.signature import draw, sized, values_of
from tfgen.models import (
    BEGAN,
    CVAEGAN,
    DBVAE,
    DCGAN,
    FVBN,
    MADE,
    MODELS,
    NADE,
    SRGAN,
    VAE,
    WGANGP,
    Attribute2Image,
    CycleGAN,
    GatedPixelCNN,
    GaussianMixture,
    MultiScalePixelRNN,
    PixelCNN,
    PixelCNNPlusPlus,
    PixelRNN,
)
from tfgen.models.step import Step

pytestmark = [pytest.mark.everything, pytest.mark.timeout(900)]

TINY = {cls: cls.tiny for cls in MODELS.values()}

EXCEPTIONS = {  # (test, class): why it cannot hold
    ("test_a_missing_optimizer_is_named", GaussianMixture): "EM has no optimizers",
}


@pytest.fixture(autouse=True)
def exception(request):
    case = getattr(request.node, "callspec", None)
    reason = EXCEPTIONS.get((request.node.originalname, case and case.params.get("cls")))
    if reason is not None:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))


# The tests of one model share a process, and what it has trained.
ROWS = [pytest.param(cls, id=cls.__name__, marks=pytest.mark.xdist_group(cls.__name__)) for cls in TINY]


@pytest.fixture(scope="module", params=ROWS)
def cls(request):
    return request.param


# What the base does for all alike is tried on a model of each kind.
KINDS = {GaussianMixture, VAE, CVAEGAN, DCGAN, WGANGP, PixelCNN}
STATEFUL = {Attribute2Image, DBVAE, BEGAN}  # beside their networks
AMPLIFIED = {CycleGAN, SRGAN}  # their games multiply XLA's rounding some 20 times an epoch
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


@pytest.fixture(scope="module")
def course(cls, tmp_path_factory):
    model = build(cls)
    histories, weights = [fit(model, epochs=2)], [model.get_weights()]
    file = tmp_path_factory.mktemp("course") / "model.keras"
    model.save(file)
    histories.append(fit(model, epochs=2))
    return Course(model, histories, [*weights, model.get_weights()], file)


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
            lambda: model.minimize(name, objective, Step(model, batch, True)), autograph=False
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
    check_half_precision(cls, "mixed_bfloat16", tmp_path / "model.keras")


@one_of_each_kind
def test_half_precision_with_scaled_losses_trains_saves_and_loads(cls, tmp_path):
    check_half_precision(cls, "mixed_float16", tmp_path / "model.keras")


@one_of_each_kind
def test_bytes_train_as_the_floats_they_stand_for(cls):
    model = build(cls)
    low, high = model.value_range
    image = np.random.default_rng(0).integers(0, 256, (8, *model.image_shape), dtype=np.uint8)
    floats = (low + image.astype("float32") * ((high - low) / 255)).astype("float32")
    batch = {name: x.numpy() for name, x in batch_of(model).items()}
    logs = [build(cls).train_on_batch({**batch, "images": x}, return_dict=True) for x in (image, floats)]
    assert_same(*logs)


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
        given = given_to(resumed, 2)
        assert_same(resumed.sample(2, **given), course.model.sample(2, **given))


def test_xla_and_several_steps_in_an_execution_change_nothing(cls, course):
    """Three do not divide the four of an epoch."""
    staged = any(one.stage for one in build(cls).objectives().values())
    model = build(cls, jit_compile=True, steps_per_execution=1 if staged else 3)
    first, second = course.histories
    seen = fit(model, epochs=4)
    assert_same({log: seen[log][:1] for log in first}, {log: first[log][:1] for log in first}, tolerance=1e-4)
    expected = {log: [*first[log], *second[log]] for log in first}
    assert_same(seen, expected, tolerance=1e-2 if cls in AMPLIFIED else 1e-4)


def test_one_seed_gives_one_model(cls):
    assert_same(build(cls).get_weights(), build(cls).get_weights())
    other = build(cls, model=dict(seed=2)).get_weights()
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
    for name, (method, specs, *_) in model.signatures().items():
        session = onnxruntime.InferenceSession(str(exported / "onnx" / f"{name}.onnx"))
        method = tf.function(method, input_signature=specs, autograph=False)
        free = any(None in spec.shape[1:] for spec in specs)
        for batch, more in ((1, 0), (3, 1), (7, 0)):
            sides = model.image_shape[:2] if free else ()
            size = [side // model.scale + more * model.multiple for side in sides]
            inputs = [draw(sized(spec, size), values_of(model, spec), batch, rng) for spec in specs]
            want = method(*map(tf.constant, inputs))
            assert_same(getattr(restored, name)(*inputs), want)
            feed = {i.name: x for i, x in zip(session.get_inputs(), inputs, strict=True)}
            assert_same(session.run(None, feed), [x.numpy() for x in tree.flatten(want)])


@one_of_each_kind
def test_exports_verify(exported):
    export.verify(exported)


def test_a_wrong_batch_is_named(cls):
    model = build(cls)
    batch = {name: x.numpy() for name, x in batch_of(model).items()}
    first = next(iter(batch))
    wrong = {**batch, first: batch[first][:, :-1]}
    told = f"{cls.__name__} (expects a batch of {first}|takes tunes) .*; received"
    with pytest.raises(InputError, match=told):
        model.train_on_batch(wrong)


def test_a_missing_optimizer_is_named(cls):
    with pytest.raises(InputError, match="needs its own optimizer"):
        build(cls, {})


def test_the_recipe_s_model_trains(cls):
    recipe = cls.recipe
    small = {name: value for name, value in TINY[cls].items() if name == "width"}
    tiny = {name: value for name, value in TINY[cls].items() if name != "levels"}
    model = cls(**{**tiny, **recipe.model, **small, "seed": 0})
    model.compile()
    batch = batch_of(model)
    if recipe.data.get("binarize"):
        batch["images"] = tf.round(batch["images"])
    every = max((objective.every for objective in model.objectives().values()), default=1)
    history = model.fit(tf.data.Dataset.from_tensors(batch).repeat(every), verbose=0).history
    # NaN is of stages to come: in a loss that is played it would have ended the run.
    values = np.array(list(history.values()))
    assert np.isfinite(values).any() and not np.isinf(values).any()
