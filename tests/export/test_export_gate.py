"""The exporter refuses graphs that would not give the method's numbers, and writes all others."""

import json

import keras
import numpy as np
import onnx
import onnxruntime
import onnxslim
import pytest
import tensorflow as tf
from signed import only, only_of
from steps import step_of

from export.serving.inputs import Inputs
from tfgen import export, random
from tfgen.errors import InputError
from tfgen.export import golden
from tfgen.export import onnx as onnx_format
from tfgen.export.signature import Signature
from tfgen.models import DCGAN, PixelCNN

TINY = dict(image_shape=(8, 8, 1), latent_dim=4, width=8)
Z = tf.TensorSpec((None, 4), tf.float32, "z")
OUTSIDE = tf.constant([1.0, 2.0, 3.0, 4.0])


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def gan():
    return DCGAN(seed=1, **TINY)


@pytest.fixture
def signed(gan, monkeypatch):
    """A function that gives the GAN one signature, a method of z."""

    def sign(method, *specs):
        monkeypatch.setattr(gan, "signatures", lambda: {"draw": (method, [Z, *specs])})
        return gan

    return sign


def refused(verb, model, folder, *words):
    with pytest.raises(InputError) as error:
        verb(model, folder)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)
    assert not list(folder.parent.iterdir()), "something is left"


# What is written.


def test_outputs_may_be_several_and_loops_and_seeds_are_exported(gan, tmp_path, monkeypatch):
    def pair(z):
        return z + 1, gan.generate(z)

    def loop(z):
        def step(i, y):
            return i + 1, tf.tanh(y + tf.cast(i, tf.float32))

        return {"last": tf.while_loop(lambda i, y: i < 5, step, (0, z))[1], "first": z[:, 0]}

    def sample(n, seed):
        return gan.generate(gan.draw_codes(random.fold_in(random.key(0), seed), n))

    whole = [tf.TensorSpec((), tf.int32, "n"), tf.TensorSpec((), tf.int32, "seed")]
    signatures = {"pair": (pair, [Z]), "loop": (loop, [Z]), "sample": (sample, whole)}
    monkeypatch.setattr(gan, "signatures", lambda: signatures)
    export.to_saved_model(gan, tmp_path / "gan")
    export.to_onnx(gan, tmp_path / "gan")

    z = np.ones((2, 4), "float32")
    first, second = session(tmp_path / "gan/onnx/pair.onnx").run(["pair_0", "pair_1"], {"z": z})
    np.testing.assert_allclose(first, z + 1)
    np.testing.assert_allclose(second, gan.generate(z), atol=1e-5)
    assert session(tmp_path / "gan/onnx/loop.onnx").run(["last"], {"z": z})[0].shape == (2, 4)
    loaded = tf.saved_model.load(str(tmp_path / "gan/saved_model"))
    assert loaded.loop(z).keys() == loaded.signatures["loop"](z=tf.constant(z)).keys() == {"first", "last"}
    run = session(tmp_path / "gan/onnx/sample.onnx").run

    def draw(n, seed):
        return run(None, {"n": np.array(n, "int32"), "seed": np.array(seed, "int32")})[0]

    np.testing.assert_allclose(draw(5, -7), sample(5, -7), atol=1e-5)
    np.testing.assert_array_equal(draw(5, 3)[:2], draw(2, 3))
    assert abs(draw(2, 3) - draw(2, 4)).max() > 1e-3


def test_mixed_precision_is_exported_in_float32(tmp_path, monkeypatch):
    mixed = DCGAN(seed=1, dtype="mixed_bfloat16", ema_decay=0.5, **TINY)
    mixed.step.assign(7)
    mixed.averages["generator"].set_weights([w + 0.01 for w in mixed.generator.get_weights()])
    only_of(monkeypatch, DCGAN, "generate")  # of the copy in float32, too
    export.to_onnx(mixed, tmp_path / "gan")
    manifest = json.loads((tmp_path / "gan/manifest.json").read_text())
    assert (manifest["model"]["config"]["dtype"], manifest["model"]["step"]) == ("float32", 7)
    z = np.float32(np.random.default_rng(1).normal(size=(5, 4)))
    got = session(tmp_path / "gan/onnx/generate.onnx").run(None, {"z": z})[0]
    assert abs(got).max() > 0.01
    np.testing.assert_allclose(got, mixed.generate(z), rtol=0.05, atol=0.02 * abs(got).max())


def test_a_model_says_what_values_its_inputs_take(tmp_path, monkeypatch):
    gan = only(DCGAN(seed=1, **TINY), "generate")
    values = {**gan.input_values, "z": {"distribution": "uniform", "low": 5.0, "high": 6.0}}
    monkeypatch.setattr(DCGAN, "input_values", values)
    export.to_onnx(gan, tmp_path / "gan")
    manifest = json.loads((tmp_path / "gan/manifest.json").read_text())
    assert manifest["signatures"]["generate"]["inputs"][0]["values"] == values["z"]
    z = golden.load(tmp_path / "gan/golden/generate")[0].inputs["z"]
    assert 5 <= z.min() < z.max() <= 6


def test_a_served_pixelcnn_takes_the_ring_that_it_gave():
    model = PixelCNN((4, 4, 1), levels=2, width=8, depth=1, seed=1)
    signature = Signature(model, "grow", *model.signatures()["grow"])
    for weight in model.trainable_variables:
        weight.assign(8 * weight)  # features above 1, as trained ones are
    inputs = Inputs(signature.described, 8)
    types = {"int64": "INT64", "int32": "INT32", "float32": "FP32"}
    state = {"image": np.zeros((1, 4, 4, 1)), "ring": np.zeros(signature.inputs[3]["shape"])}
    for line in range(2):
        values = {"seed": 3, "line": line, "temperature": 1.0, **state}
        given = [
            (one["name"], types[one["dtype"]], one["shape"] or [1], np.ravel(values[one["name"]]).tolist())
            for one in signature.inputs
        ]
        out = signature.function(*map(tf.constant, inputs.arrays(given).values()))
        state = {"image": out["next_image"].numpy(), "ring": out["next_ring"].numpy()}
        assert state["ring"].max() > 1


# What the verbs refuse.

BOTH = pytest.mark.parametrize("verb", [export.to_saved_model, export.to_onnx])


@BOTH
def test_noise_inside_of_the_graph_is_refused(signed, tmp_path, verb):
    generator = keras.random.SeedGenerator(1)
    noise = {
        "RandomStandardNormal": lambda z: tf.random.normal(tf.shape(z)),
        "RandomUniform": lambda z: tf.random.uniform(tf.shape(z), seed=1),
        "AssignVariableOp": lambda z: keras.random.normal((4,), seed=generator),
    }
    for op, draw in noise.items():
        refused(verb, signed(lambda z, draw=draw: z + draw(z)), tmp_path / "x", "'draw'", f"op {op} ")


@BOTH
def test_noise_frozen_by_tracing_is_refused(signed, tmp_path, verb):
    rng = np.random.default_rng(0)
    refused(verb, signed(lambda z: z + rng.normal()), tmp_path / "x", "'draw'", "frozen in the graph")


@BOTH
def test_the_noise_of_a_step_is_refused(gan, signed, tmp_path, verb):
    """It depends on a counter of the model, not on a seed that is given."""

    def noisy(z):
        images = tf.zeros((tf.shape(z)[0], 8, 8, 1))
        return z + step_of(gan, images, training=False).normal("z", 4)

    refused(verb, signed(noisy), tmp_path / "x", "'draw'", "counter 'asked'")


@BOTH
def test_a_seed_without_effect_is_refused(signed, tmp_path, verb):
    model = signed(lambda z, seed: z, tf.TensorSpec((), tf.int32, "seed"))
    refused(verb, model, tmp_path / "x", "'draw'", "two values of 'seed' give the same outputs")


def test_a_captured_tensor_is_refused_as_onnx(signed, tmp_path):
    model = signed(lambda z: z * OUTSIDE)
    refused(export.to_onnx, model, tmp_path / "x", "'draw'", "made outside of the method", "NumPy")


def test_an_operation_that_onnx_lacks_is_named(signed, tmp_path):
    layer = keras.layers.Lambda(tf.math.erfc, name="the_layer")
    refused(export.to_onnx, signed(layer), tmp_path / "x", "'draw'", "uses Erfc (in ", "the_layer")


def test_an_operation_in_a_loop_that_onnx_lacks_is_named(signed, tmp_path):
    def inner(z):
        return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.math.erfc(y)), (0, z))[1]

    refused(export.to_onnx, signed(inner), tmp_path / "x", "'draw'", "uses Erfc")


def test_a_graph_of_wrong_numbers_is_refused(tmp_path, monkeypatch):
    gan = only(DCGAN(seed=1, **TINY), "generate")
    slim = onnxslim.slim

    def wrong(proto):
        proto = slim(proto)
        weight = max(proto.graph.initializer, key=lambda tensor: np.prod(tensor.dims))
        array = onnx.numpy_helper.to_array(weight).copy()
        array = (array * 1.001).astype(array.dtype)
        weight.CopyFrom(onnx.numpy_helper.from_array(array, weight.name))
        return proto

    monkeypatch.setattr(onnxslim, "slim", wrong)
    refused(export.to_onnx, gan, tmp_path / "x", "'generate'", "other numbers as onnx")


@pytest.mark.parametrize(
    "spec, what",
    [
        (tf.TensorSpec((None, 4), tf.float32), "inputs of different names"),
        (Z, "inputs of different names"),
        (tf.TensorSpec((None, None), tf.float32, "y"), "only the first size"),
        (tf.TensorSpec((None, 4), tf.float32, "draw"), "names an input and an output"),
    ],
)
def test_unclear_specs_are_refused(signed, tmp_path, spec, what):
    refused(export.to_onnx, signed(lambda z, y: z + y, spec), tmp_path / "x", "'draw'", what)


# What the gate relies on.


@pytest.mark.parametrize(
    "gain, off, fits",
    [(1.0, 9e-6, True), (1.0, 2e-5, False), (200.0, 2e-5, True), (200.0, 9e-5, False), (1e6, 2e-4, False)],
)
def test_the_bound_is_what_roundings_do_to_a_signature(signed, tmp_path, monkeypatch, gain, off, fits):
    """z of some 2 moves by 1e-7 of itself, and the sine of gain * z by gain times as much."""
    model = signed(lambda z: tf.sin(gain * z))
    monkeypatch.setattr(onnx_format, "_difference", lambda path, name, cases: off)
    if not fits:
        return refused(export.to_onnx, model, tmp_path / "x", f"differ by {off:.1e}")
    (row,) = export.to_onnx(model, tmp_path / "x")
    assert off <= row.bound == export.verify(tmp_path / "x")[0].bound <= 8e-5
    manifest = json.loads((tmp_path / "x/manifest.json").read_text())
    rounding = manifest["signatures"]["draw"]["rounding"]
    assert row.bound == max(1e-5, 2 * rounding) and 1e-8 * gain < rounding < 4e-7 * gain


def test_the_difference_is_relative_to_the_largest_value():
    want = np.array([0.0, 200.0, np.inf], "float32")
    case = golden.Case({}, {"a": want})
    assert case.difference({"a": np.array([0.002, 200.0, np.inf], "float32")}) == pytest.approx(1e-5)
    for other in ([0.0, 200.0, 5.0], [0.0, np.nan, np.inf], [0.0, 200.0]):
        assert case.difference({"a": np.array(other, "float32")}) == np.inf
    assert case.difference({"a": want.astype("float64")}) == np.inf
    assert case.difference({"b": want}) == np.inf
    assert golden.Case({}, {"a": np.zeros(1)}).difference({"a": np.array([1e-3])}) == 1e-3


def test_a_drawn_value_may_take_the_next_level_and_change_what_follows(tmp_path):
    """In half of a case's images, if what differs first is one level away, and not in small cases."""
    step = 1 / 128
    want = np.random.default_rng(0).integers(0, 129, (8, 50, 50, 3)) / np.float32(128)
    golden.save(tmp_path, [golden.Case({}, {"sample": want}, {"sample": 129})])
    (case,) = golden.load(tmp_path)
    assert case.levels == {"sample": 129} and case.difference({"sample": want}) == 0

    def changed(*images, first=step, value=None, after=0.5):
        other = want.reshape(8, -1).copy()
        for image in images:
            other[image, 5] += first if other[image, 5] < 1 else -first
            other[image, 6:] = (other[image, 6:] + after) % (1 + step)
            if value is not None:
                other[image, -1] = value
        return case.difference({"sample": other.reshape(want.shape)})

    assert changed(3) == changed(0, 3, 5, 7) == changed(0, after=0.0) == 0
    assert changed(0, 2, 3, 5, 7) >= step
    assert changed(3, first=0.5) >= 0.5 and changed(3, first=1e-4) > 1e-5
    for value in (0.3, 1 + step, np.nan):
        assert changed(3, value=value) > 1e-5
    few = golden.Case({}, {"sample": want[:1, :10]}, {"sample": 129})
    assert few.difference({"sample": (want[:1, :10] + step) % (1 + step)}) >= step
    plain = golden.Case({}, {"sample": want}).named("method/0")
    assert plain.difference({"method/0": want}) == 0 and not plain.levels


def test_random_is_bit_equal_in_onnxruntime(gan):
    def draw(key, n, first_row):
        shape = (n, 5, 3)
        kinds = {"bits": random.bits, "uniform": random.uniform, "normal": random.normal}
        return {kind: function(key, shape, first_row) for kind, function in kinds.items()}

    specs = [
        tf.TensorSpec((2,), tf.uint32, "key"),
        tf.TensorSpec((), tf.int32, "n"),
        tf.TensorSpec((), tf.int32, "first_row"),
    ]
    graph = export.onnx.convert(Signature(gan, "draw", draw, specs)).SerializeToString()
    for seed, n, first_row in [(0, 1, 0), (2**40 + 5, 200, 3), (-1, 7, 2**31 - 8)]:
        key = random.key(seed, 3)
        feed = {"key": key.numpy(), "n": np.array(n, "int32"), "first_row": np.array(first_row, "int32")}
        names = ["bits", "uniform", "normal"]
        got = dict(zip(names, session(graph).run(names, feed)))
        want = draw(key, n, first_row)
        np.testing.assert_array_equal(got["bits"], want["bits"])
        np.testing.assert_array_equal(got["uniform"], want["uniform"])
        np.testing.assert_allclose(got["normal"], want["normal"], rtol=0, atol=1e-6)
