"""LiteRT, OpenVINO and fewer bits: the numbers of the methods, or a reason why a signature is not there."""

import json
import sys

import numpy as np
import onnx
import pytest
import tensorflow as tf
from onnx import numpy_helper
from signed import only

from export import speed
from export.formats import FORMATS, openvino, precision
from export.formats.saved import imported
from tfgen import export
from tfgen.errors import InputError
from tfgen.export import golden
from tfgen.export.signature import Signature
from tfgen.models import CVAE, DCGAN, VAE, PixelCNN

SMALL = dict(image_shape=(8, 8, 1), seed=0)
CALLS = {
    "litert": lambda path, name: speed._litert(path, name),
    "openvino": lambda path, name: speed._openvino(path, name),
}


def written(model, folder, *names, formats=FORMATS):
    """The manifest of some of a model's signatures in further formats, beside ONNX."""
    export.write(only(model, *names), folder, {"onnx": export.onnx, **formats})
    return json.loads((folder / "manifest.json").read_text())["formats"]


@pytest.fixture(scope="module")
def vae():
    return VAE(latent_dim=4, width=8, **SMALL)


@pytest.fixture(scope="module")
def artifact(vae, tmp_path_factory):
    folder = tmp_path_factory.mktemp("formats") / "vae"
    written(vae, folder, "decode", "sample")
    return folder


@pytest.fixture(scope="module")
def formats(artifact):
    return json.loads((artifact / "manifest.json").read_text())["formats"]


def files(folder):
    return {path.name for path in folder.iterdir()}


def ran(path, **inputs):
    """The first output of an ONNX file."""
    return export.onnx.session(path).run(None, {name: np.asarray(array) for name, array in inputs.items()})[0]


# LiteRT and OpenVINO.


@pytest.mark.parametrize(
    "format, content", [("litert", {"decode.tflite"}), ("openvino", {"decode.xml", "decode.bin"})]
)
def test_a_decoder_is_written_and_its_seeded_sampler_refused(artifact, formats, format, content):
    assert formats[format]["bound"] == 1e-5
    assert formats[format]["differences"].keys() == {"decode"}
    assert formats[format]["refused"].keys() == {"sample"}
    assert files(artifact / format) == content


def test_a_refusal_names_the_operation_or_the_difference(formats):
    assert formats["litert"]["refused"]["sample"] == "LiteRT lacks TensorFlow's operation FloorDiv"
    assert formats["openvino"]["refused"]["sample"].startswith("differs by ")
    assert formats["openvino"]["refused"]["sample"].endswith("(bound 1e-05)")


@pytest.mark.parametrize("format", CALLS)
def test_the_batch_is_free(artifact, vae, format):
    prepare = CALLS[format](artifact, "decode")
    for n in (1, 5, 2):
        z = np.random.default_rng(n).normal(size=(n, 4)).astype("float32")
        np.testing.assert_allclose(prepare({"z": z})()[0], vae.decode(z), atol=1e-5)


@pytest.mark.parametrize("format", CALLS)
def test_inputs_go_in_by_name(tmp_path, format):
    model = CVAE(latent_dim=4, width=8, classes=3, **SMALL)
    found = written(model, tmp_path / "cvae", "decode", formats={format: FORMATS[format]})
    assert found[format]["differences"]["decode"] <= 1e-5
    z, labels = np.ones((2, 4), "float32"), np.array([0, 2], "int32")
    got = CALLS[format](tmp_path / "cvae", "decode")({"labels": labels, "z": z})()[0]
    np.testing.assert_allclose(got, model.decode(z, labels), atol=1e-5)
    assert np.abs(got[0] - got[1]).max() > 1e-4


def test_a_generator_is_in_every_format(tmp_path):
    model = DCGAN(latent_dim=4, width=8, **SMALL)
    for name, format in written(model, tmp_path / "dcgan", "generate").items():
        assert 0 <= format["differences"]["generate"] <= format["bound"], name


@pytest.fixture(scope="module")
def pixels():
    return PixelCNN(image_shape=(4, 4, 1), levels=2, width=4, depth=2, seed=0)


@pytest.fixture(scope="module")
def loops(pixels, tmp_path_factory):
    """Formats of a sampler that ONNX writes as a Loop, which OpenVINO cannot read there."""
    folder = tmp_path_factory.mktemp("formats") / "pixels"
    formats = {name: FORMATS[name] for name in CALLS}
    return folder, written(PixelCNN.from_config(pixels.get_config()), folder, "sample_from", formats=formats)


@pytest.mark.parametrize("format", CALLS)
def test_loops_run_for_any_batch(loops, format):
    folder, formats = loops
    assert formats[format]["differences"] == {"sample_from": 0.0}
    for n in (1, 5):
        noise = np.random.default_rng(n).uniform(size=(n, 4, 4, 1)).astype("float32")
        want = ran(folder / "onnx" / "sample_from.onnx", noise=noise)
        got = CALLS[format](folder, "sample_from")({"noise": noise})()[0]
        np.testing.assert_array_equal(got, want)
        assert len(np.unique(got)) > 1


def test_outputs_keep_their_names_and_order_without_an_onnx_file(vae, tmp_path):
    def many(z):
        return tuple(z + k for k in range(11))

    signature = Signature(vae, "many", many, [tf.TensorSpec((None, 4), tf.float32, "z")])
    assert openvino.write([signature], tmp_path / "openvino") == {}
    assert openvino.differences(tmp_path / "openvino", {"many": signature.cases}) == {"many": 0.0}
    model = imported("openvino").Core().read_model(tmp_path / "openvino" / "many.xml")
    assert [f"many_{k}" in port.names for k, port in enumerate(model.outputs)] == [True] * 11


def test_what_openvino_cannot_run_is_refused_with_its_reason(tmp_path):
    # It drops an addition of zeros, and with it an axis, where there is but one block.
    model = PixelCNN(image_shape=(4, 4, 1), levels=2, width=4, depth=1, seed=0)
    signature = Signature(model, "sample_from", *model.signatures()["sample_from"])
    refused = openvino.write([signature], tmp_path / "openvino")
    assert refused["sample_from"].startswith("OpenVINO cannot run it: Check 'input_order")
    assert files(tmp_path / "openvino") == set()


def test_a_missing_runtime_names_the_extra(vae, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(InputError, match=r"openvino is not installed; pip install 'tfgen\[runtimes\]'"):
        openvino.write([], tmp_path / "openvino")


# Fewer bits.

VARIANTS = {"onnx_fp16": np.float16, "onnx_int8": np.int8}


@pytest.mark.parametrize("format, dtype", VARIANTS.items())
def test_weights_are_stored_in_fewer_bits_and_all_else_is_as_it_was(artifact, formats, format, dtype):
    assert 0 < formats[format]["differences"]["sample"] <= formats[format]["bound"]
    full = onnx.load(artifact / "onnx" / "sample.onnx").graph
    less = onnx.load(artifact / format / "sample.onnx").graph
    kept = {one.name: numpy_helper.to_array(one) for one in less.initializer}
    large = 0
    for one in full.initializer:
        array = numpy_helper.to_array(one)
        if array.dtype == np.float32 and array.size >= 256:
            large += 1
            assert one.name not in kept
            assert kept[f"{one.name}/{format[-4:]}"].dtype == dtype
        else:  # the generator's integers, and the numbers of Box and Muller
            np.testing.assert_array_equal(kept[one.name], array)
    assert large >= 1
    assert list(less.node)[-len(full.node) :] == list(full.node)
    assert [(v.name, v.type) for v in (*less.input, *less.output)] == [
        (v.name, v.type) for v in (*full.input, *full.output)
    ]
    sizes = [(artifact / folder / "decode.onnx").stat().st_size for folder in ("onnx", format)]
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize("format", VARIANTS)
def test_a_seed_selects_the_same_images_in_fewer_bits(artifact, format):
    def sample(format, seed):
        return ran(artifact / format / "sample.onnx", seed=np.int64(seed), n=np.int32(5))

    bound = FORMATS[format].BOUND
    same, other = (np.abs(sample(format, seed) - sample("onnx", 2**40 + 1)).max() for seed in (2**40 + 1, 1))
    assert same <= bound * np.abs(sample("onnx", 1)).max() < other / 2
    np.testing.assert_array_equal(sample(format, 7), sample(format, 7))


def test_a_variant_beyond_its_bound_is_refused_with_the_figure(tmp_path):
    def signs(weight):
        return np.sign(weight).astype(np.int8), np.abs(weight).mean(keepdims=True)

    model = DCGAN(latent_dim=4, width=8, **SMALL)
    rough = precision.Stored("signs", signs, 1e-3)
    found = written(model, tmp_path / "dcgan", "generate", "latents", formats={"onnx_signs": rough})[
        "onnx_signs"
    ]
    assert found["differences"] == {}
    assert found["refused"]["generate"].startswith("differs by ")
    assert 1e-3 < float(found["refused"]["generate"].split()[2]) < 10
    assert found["refused"]["generate"].endswith("of the largest output (bound 1e-03)")
    assert found["refused"]["latents"] == "it has no weights of 256 values or more"
    assert files(tmp_path / "dcgan" / "onnx_signs") == set()


def test_fewer_bits_need_the_onnx_files(vae, tmp_path):
    signature = Signature(vae, "decode", *VAE.signatures(vae)["decode"])
    with pytest.raises(InputError, match="int8 is made of the ONNX files; add onnx to the formats"):
        FORMATS["onnx_int8"].write([signature], tmp_path / "onnx_int8")


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_int8_scales_lie_along_the_axis_that_loses_least(axis):
    weight = np.random.default_rng(0).normal(size=(6, 7, 8)).astype("float32")
    size = np.geomspace(1, 30, weight.shape[axis], dtype="float32")
    size[0] = 0  # a place without weights
    weight *= np.expand_dims(size, [other for other in range(3) if other != axis])
    integer, scale = precision.eighth(weight)
    assert integer.dtype == np.int8 and integer.min() >= -127
    assert scale.dtype == np.float32 and scale.size == scale.shape[axis] == weight.shape[axis]
    assert (np.abs(integer * scale - weight) <= 0.501 * scale).all()
    assert (np.abs(integer).max(axis=tuple({0, 1, 2} - {axis})) == np.where(size, 127, 0)).all()


# Sessions, and the benchmark of runtimes.


def test_sessions_have_the_options_that_were_measured(artifact):
    options = export.onnx.session(artifact / "onnx" / "decode.onnx").get_session_options()
    assert options.intra_op_num_threads == 1
    assert export.onnx.session_options([[None, 4]]) == {"intra_op_num_threads": 1}
    seed, images_of_any_size = [], [None, None, None, 3]
    assert export.onnx.session_options([seed, images_of_any_size]) == {"intra_op_num_threads": 0}


def test_runtimes_are_timed_that_give_the_golden_numbers(artifact, monkeypatch, capsys):
    def wrong(path, name):
        return lambda arrays: lambda: [np.zeros((len(arrays["z"]), 8, 8, 1), "float32")]

    def turns(ways, rounds):
        return {
            name: {"median_ms": 2.0 * place, "min_ms": way()[0].shape[0]}
            for place, (name, way) in enumerate(ways.items(), 1)
        }

    monkeypatch.setattr(speed, "take_turns", turns)
    known = {name: speed.RUNTIMES[name] for name in ("onnxruntime", "openvino", "litert")}
    reference = speed._onnxruntime
    monkeypatch.setattr(speed, "RUNTIMES", {"tensorflow": reference, "wrong": wrong, **known})
    rows = speed.measured(artifact, json.loads((artifact / "manifest.json").read_text()))
    assert [(row["signature"], row["batch"]) for row in rows] == [("decode", n) for n in (1, 16, 64)]
    for row in rows:
        assert row["times"].keys() == {"tensorflow", *known}
        assert {one["min_ms"] for one in row["times"].values()} == {row["batch"]}
        assert row["fastest"] == "tensorflow"
        assert row["images_per_s"]["onnxruntime"] == 250 * row["batch"]
    assert "vae decode wrong: left out: differs by " in capsys.readouterr().out


def test_tensorflow_is_timed_with_and_without_xla(vae, tmp_path):
    model = only(VAE.from_config(vae.get_config()), "decode", "sample")
    export.write(model, tmp_path / "vae", {"saved_model": export.saved_model})
    for name in ("decode", "sample"):
        case = golden.load(tmp_path / "vae" / "golden" / name)[0]
        for xla in (False, True):
            got = speed._tensorflow(tmp_path / "vae", name, xla)(case.inputs)()
            np.testing.assert_allclose(got[0], case.outputs[name], atol=1e-5)
            assert tf.is_tensor(got[0]) is False
