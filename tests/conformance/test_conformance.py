"""What every model must do, seen on one small model, one trace of its step and one export.

A new model adds nothing here: its class says its smallest configuration, `tiny`. Whether what all share
works (a resumed run, XLA's numbers, several devices) is proved in tests/mechanisms; here, that a model
gives it no cause to fail: state that is not saved, an operation without a kernel, a layer without a
configuration. `pytest --everything` runs all mechanisms on all models.
"""

import inspect
import json
import re
from typing import NamedTuple
from unittest import mock

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
import traced
import zoo
from zoo import assert_same, batch_of, build

import tfgen
from tfgen import arguments, data, export
from tfgen.export import onnx, saved_model
from tfgen.models import MODELS
from tfgen.models.abilities import Extends, Translates, TranslatesSentences
from tfgen.models.autoregressive.base import AutoregressiveModel
from tfgen.models.registry import catalogue

# Operations that draw noise without a seed, or call Python: a resumed run would go another way.
IMPURE = re.compile(
    r"Random(?!IndexShuffle)|Multinomial|TruncatedNormal|ParameterizedTruncatedNormal|Rng|"
    r"Stateful(?!PartitionedCall)|(Eager)?PyFunc"
)

NOISELESS = {  # models whose training draws nothing
    "Autoencoder": "codes are not drawn",
    "GaussianMixture": "EM's sums are exact",
    **dict.fromkeys(("DiscoGAN", "DTN"), "translations have no noise"),
    **dict.fromkeys(
        ("FVBN", "NADE", "MADE", "PixelCNN", "PixelRNN", "MultiScalePixelRNN", "GatedPixelCNN"),
        "the likelihood is exact",
    ),
    **dict.fromkeys(("SRResNet", "SRGAN"), "an image has one low-resolution image"),
    "SalGAN": "a picture has one map",
    **dict.fromkeys(("FramePredictor", "ContextRNNGAN"), "frames are followed by one"),
    **dict.fromkeys(("GANCLS", "StackGAN", "GAWWN"), "their encoders learn first, which draw nothing"),
}
WIDE = {"GaussianMixture": "has no layers"}  # models that compute in float32 whatever their precision
FORGOTTEN = {("GaussianMixture", name) for name in ("share", "first", "second")}  # empty when an epoch begins
UNAVERAGED = {
    "GaussianMixture": "EM has no networks",
    "BayesianGAN": "weights are samples of a posterior",
}


def row(cls):
    """The tests of one model share a process, and what it has made."""
    marks = [pytest.mark.xdist_group(cls.__name__)]
    marks += [pytest.mark.adversarial] * (catalogue()[cls.__name__.lower()].family == "adversarial")
    return pytest.param(cls, id=cls.__name__, marks=marks)


ROWS = [row(cls) for cls in MODELS.values()]


@pytest.fixture(scope="module", params=ROWS)
def cls(request):
    return request.param


class Course(NamedTuple):
    """A model after four steps; tests leave it as it is."""

    model: keras.Model
    batch: object
    step: zoo.Trace
    start: list  # weights before the first step
    seen: list  # before the first step and after each: {averaged network: (its weights, their averages)}
    history: dict


@pytest.fixture(scope="module")
def course(cls):
    model, seen = build(cls), []
    start, batch = model.get_weights(), batch_of(model)
    step = zoo.traced_step(model, batch)

    def look(*_, **__):
        each = model.averages.items()
        seen.append({name: (getattr(model, name).get_weights(), copy.get_weights()) for name, copy in each})

    # So that `fit` neither traces anew nor has TensorFlow optimise the graph a second time.
    model.train_step = model._train = step.play
    model.run_eagerly = True
    callback = keras.callbacks.LambdaCallback(on_train_begin=look, on_train_batch_end=look)
    history = zoo.fit(model, callbacks=[callback])
    return Course(model, batch, step, start, seen, history)


@pytest.fixture(scope="module")
def trained(course):
    return course.model


def test_the_file_names_its_paper(cls):
    assert "http" in inspect.getmodule(cls).__doc__ and cls.__doc__


def test_losses_are_numbers_and_all_that_is_trained_has_moved(course):
    assert course.history and all(np.isfinite(values).all() for values in course.history.values())
    assert all(one.experimental_get_tracing_count() == 1 for one in course.step.functions.values())
    now = course.model.get_weights()
    assert any(not np.array_equal(a, b) for a, b in zip(course.start, now))


def test_each_objective_moves_its_networks_and_nothing_else(course):
    model, step = course.model, course.step
    trainable = {id(v.value.handle): v.path for v in model.trainable_variables}
    trained = set()
    for name, objective in model.objectives().items():
        own = {id(v.value.handle) for v in objective.variables}
        slots = {id(v.value.handle) for v in model.optimizers[name].variables}
        moved = set(map(id, step.moved[name]))
        assert own and own <= moved <= own | slots, name
        trained |= own
    # Each variable of each network learns, and outside of the updates none changes.
    assert [path for handle, path in trainable.items() if handle not in trained] == []
    assert [trainable[id(handle)] for handle in step.kept if id(handle) in trainable] == []


def test_what_a_step_uses_is_saved_and_nothing_in_it_is_impure(cls, course):
    """So a file holds all that a training depends on, and a resumed one is one that never stopped."""
    model, step = course.model, course.step
    assert not [op for one in step.concretes for op in traced.operations(one) if IMPURE.match(op)]
    trackers = [v for tracker in model.metrics for v in tracker.variables]  # begin anew in each epoch
    kept = {id(v.value) for v in [*zoo.saved_variables(model), *trackers]}
    used = [v for one in step.concretes for v in one.graph.variables]
    names = [v.name.partition(":")[0] for v in used if id(v) not in kept]
    assert [name for name in names if (cls.__name__, name) not in FORGOTTEN] == []


def test_what_a_step_writes_can_be_shared_by_devices(course):
    """State beside the networks says how devices put it together, or each would keep its own."""
    model, written = course.model, set(map(id, course.step.kept))
    copies = {id(w) for copy in model.averages.values() for w in copy.weights}  # of what devices share
    state = [w for w in model.weights if id(w.value.handle) in written and id(w) not in copies]
    assert model.step in state and [w.path for w in state if w.aggregation == "none"] == []


def test_a_step_is_a_function_of_what_is_saved(cls, course):
    """The same state gives the same step, noise included; another step has other noise."""
    model = course.model
    state = [*zoo.saved_variables(model), *(v for tracker in model.metrics for v in tracker.variables)]
    before, (step, *_) = [v.numpy() for v in state], course.step.functions.values()

    def run(later):
        for variable, value in zip(state, before):
            variable.assign(value)
        model.reset_metrics()
        model.step.assign_add(later)
        logs = {log: float(value) for log, value in step(course.batch).items()}
        return logs, [v.numpy() for v in zoo.saved_variables(model)]

    try:
        logs, after = run(0)
        assert_same(run(0), (logs, after))
        # 210 steps on: a multiple of all `every` here, so that the same objectives are due.
        losses = [log for log in logs if log.endswith("_loss")] or list(logs)
        other, _ = run(210)
        changed = [log for log in losses if not np.isclose(other[log], logs[log], 1e-6, 1e-7, equal_nan=True)]
        assert changed == ([] if cls.__name__ in NOISELESS else changed or ["none"])
    finally:
        for variable, value in zip(state, before):
            variable.assign(value)


def test_averages_follow_the_networks(cls, course):
    model = course.model
    assert bool(model.averages) == (cls.__name__ not in UNAVERAGED), "a model names what is worth averaging"
    zoo.check_averages(model, course.seen)


def test_samples_are_of_the_averages(trained):
    model, given = trained, zoo.given_to(trained, 5)
    if not model.averages:
        return
    networks = [getattr(model, name) for name in model.averages]
    before = model.sample(5, seed=3, **given).numpy()
    weights = [network.get_weights() for network in networks]
    try:
        for network in networks:
            network.set_weights([0 * value for value in network.get_weights()])
        np.testing.assert_array_equal(model.sample(5, seed=3, **given), before)
    finally:
        for network, values in zip(networks, weights):
            network.set_weights(values)


def test_xla_can_compile_a_step(course):
    for function in course.step.functions.values():
        assert "ENTRY" in zoo.lowered(function, course.batch)


def test_a_saved_model_loads_as_it_was(cls, trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is cls
    config = trained.get_config()
    assert json.dumps(loaded.get_config()) == json.dumps(config)
    assert json.loads(json.dumps(cls.tiny)).items() <= json.loads(json.dumps(config)).items()
    for ours, theirs in zip(zoo.saved_variables(trained), zoo.saved_variables(loaded), strict=True):
        np.testing.assert_array_equal(theirs, ours, err_msg=ours.path)


def test_half_precision_has_finite_losses_and_the_weights_of_the_seed(cls, course):
    model = build(cls, model=dict(dtype="mixed_bfloat16"))
    assert all(v.dtype == "float32" for v in model.trainable_variables)
    assert_same(model.get_weights(), course.start)  # one seed gives one model
    narrow = {layer.compute_dtype for layer in model._flatten_layers(include_self=False)}
    assert ("bfloat16" in narrow) == (cls.__name__ not in WIDE)
    batch = batch_of(model, 4)
    for name in model.objectives():
        loss, logs = zoo.loss_of(model, name, batch)
        assert loss.dtype == tf.float32 and loss.shape == ()
        assert np.isfinite([float(loss), *map(float, logs.values())]).all(), name


def test_one_seed_gives_one_list_of_samples(trained):
    model, given = trained, zoo.given_to(trained, 5)
    low, high = model.value_range
    five = model.sample(5, seed=3, **given).numpy()
    frames = [model.predicted] if isinstance(model, Extends) else []
    kind = np.int32 if isinstance(model, TranslatesSentences) else np.float32  # numbers of words
    assert five.shape == (5, *frames, *model.image_shape) and five.dtype == kind
    assert low <= five.min() and five.max() <= high
    np.testing.assert_array_equal(model.sample(5, seed=3, **given), five)
    turned = {name: np.roll(x, -2, axis=0) for name, x in given.items()}
    assert_same(model.sample(5, seed=3, first_row=2, **turned)[:3], five[2:])
    if not isinstance(model, (Translates, Extends)) or getattr(model, "stochastic", False):
        assert not np.allclose(model.sample(5, seed=4, **given), five)
    assert len(np.unique(five.reshape(5, -1), axis=0)) == 5


# Signatures that are parts of another, which has all their operations; `--everything` exports each.
HELD = {
    **dict.fromkeys(("sample_from", "latents", "generate", "decode"), "sample"),
    "encode": "reconstruct",
}


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    """An export, which itself compares SavedModel and ONNX with the methods.

    ONNX graphs are left as large as tf2onnx writes them: what makes them smaller is tried in tests/export.
    """
    folder = tmp_path_factory.mktemp("exported") / "artifact"
    every = trained.signatures()
    entries = {name: entry for name, entry in every.items() if HELD.get(name) not in every}
    with (
        mock.patch.multiple(type(trained), signatures=lambda model: entries),
        mock.patch("onnxslim.slim", lambda proto: proto),
    ):
        export.write(trained, folder, {"saved_model": saved_model, "onnx": onnx})
    return folder


def test_an_exported_sampler_draws_what_sample_draws(trained, exported):
    model, seed, given = trained, 2**40 + 3, zoo.given_to(trained, 5)
    name = next(name for name in ("sample", "translate", "extend") if name in model.signatures())
    # Where there is no `sample`, a translation: AffGAN's is not clipped, as its samples are.
    want = model.translate(seed=seed, **given) if name == "translate" else model.sample(5, seed=seed, **given)
    session = onnxruntime.InferenceSession(str(exported / "onnx" / f"{name}.onnx"))
    feed = dict(n=np.array(5, "int32"), seed=np.array(seed), **given)
    feed.update({option: np.array(how.default, "float32") for option, how in model.options.items()})
    got = session.run(None, {one.name: feed[one.name] for one in session.get_inputs()})[0]
    assert_same(got, want.numpy())


def test_an_export_loads_as_the_model(trained, exported):
    loaded = tfgen.load(exported)
    assert type(loaded) is type(trained)
    assert json.dumps(loaded.get_config()) == json.dumps(trained.get_config())
    given = zoo.given_to(trained, 5)
    if isinstance(trained, AutoregressiveModel):  # whose sampler would be compiled once more
        images = trained.sample(5, seed=3, **given)
        assert_same(loaded.log_prob(images, **given), trained.log_prob(images, **given))
    else:
        assert_same(loaded.sample(5, seed=3, **given), trained.sample(5, seed=3, **given))


def test_the_recipe_has_arguments_of_the_model_and_of_the_data(cls):
    recipe = cls.recipe
    arguments.check(cls.__name__, arguments.of_model(cls), recipe.model)
    arguments.check("data.load", arguments.of_function(data.load), recipe.data)
    assert recipe.batch_size > 0 and recipe.epochs > 0
    small = {name: value for name, value in cls.tiny.items() if name == "width"}
    model = cls(**{**recipe.model, **small, "seed": 0})
    assert model.get_config().items() >= {**recipe.model, **small}.items()
