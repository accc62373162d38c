"""Exports run without tfgen, give the methods' numbers, and are whole or not there."""

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from onnx import helper
from signed import only
from tf2onnx.graph import GraphUtil
from tf2onnx.optimizer import optimize_graph
from tf2onnx.optimizer.identity_optimizer import IdentityOptimizer

from tfgen import export
from tfgen.errors import InputError
from tfgen.export import folders, golden, replay
from tfgen.export import onnx as onnx_format
from tfgen.export.onnx_graph import by_rows
from tfgen.models import VAE

TINY = dict(image_shape=(8, 8, 1), latent_dim=4, width=8)


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def vae():
    return VAE(seed=1, **TINY)


@pytest.fixture(scope="module")
def exported(vae, tmp_path_factory):
    """Both formats of a VAE; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("export") / "vae"
    export.write(vae, folder, {"saved_model": export.saved_model, "onnx": export.onnx})
    return folder


@pytest.fixture(scope="module")
def decoder():
    """A VAE that has one signature."""
    return only(VAE(seed=1, **TINY), "decode")


@pytest.fixture(scope="module")
def small(decoder, tmp_path_factory):
    """Both formats of it; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("export") / "vae"
    export.to_saved_model(decoder, folder)
    export.to_onnx(decoder, folder)
    return folder


@pytest.fixture
def copy(small, tmp_path):
    return Path(shutil.copytree(small, tmp_path / "vae"))


# What is written.


def test_saved_model_has_methods_and_serving_signatures_of_any_batch(exported, vae):
    loaded = tf.saved_model.load(str(exported / "saved_model"))
    z, images = np.float32(np.random.default_rng(1).normal(size=(5, 4))), np.ones((2, 8, 8, 1), "float32")
    np.testing.assert_allclose(loaded.decode(z), vae.decode(z), rtol=1e-5, atol=1e-6)
    served = loaded.signatures["reconstruct"](images=tf.constant(images))
    np.testing.assert_allclose(served["reconstruct"], vae.reconstruct(images), rtol=1e-5, atol=1e-6)


def test_onnx_runs_in_onnxruntime_with_the_declared_names(exported, vae):
    images = np.float32(np.random.default_rng(1).uniform(size=(5, 8, 8, 1)))
    one = session(exported / "onnx" / "encode.onnx")
    assert [(i.name, i.shape) for i in one.get_inputs()] == [("images", ["batch", 8, 8, 1])]
    assert [(o.name, o.shape) for o in one.get_outputs()] == [("encode", ["batch", 4])]
    np.testing.assert_allclose(one.run(None, {"images": images})[0], vae.encode(images), atol=1e-5)
    assert {o.version for o in onnx.load(exported / "onnx" / "encode.onnx").opset_import if not o.domain} == {
        18
    }


def test_a_reshape_that_makes_an_output_keeps_its_axes():
    """tf2onnx says nothing to a graph of the Squeeze that it puts behind one: five axes without the mend."""
    nodes = [("Shape", ["x"], ["sizes"]), ("Gather", ["sizes", "order"], ["turned"])]
    nodes = [helper.make_node(*one) for one in (*nodes, ("Reshape", ["x", "turned"], ["y"]))]
    ends = {"x": (None, 1, None, None), "y": (None, None, None, 1)}
    given, made = ([helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ends[n])] for n in ends)
    order = onnx.numpy_helper.from_array(np.array([0, 2, 3, 1]), "order")
    opset = [helper.make_opsetid("", onnx_format.OPSET)]
    proto = helper.make_model(helper.make_graph(nodes, "g", given, made, [order]), opset_imports=opset)
    graph = IdentityOptimizer().optimize(GraphUtil.create_graph_from_onnx_model(proto), 0)
    with onnx_format.whole_outputs():
        proto = optimize_graph(graph, catch_errors=False).make_model("g")
    image = np.random.default_rng(0).normal(size=(3, 1, 4, 5)).astype("float32")
    (turned,) = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"x": image})
    np.testing.assert_array_equal(turned, image.transpose(0, 2, 3, 1))


@pytest.mark.parametrize("pads", [dict(auto_pad="SAME_UPPER"), dict(pads=[1, 2, 3, 0]), dict()])
@pytest.mark.parametrize("kernel, bias", [((3, 5, 9, 9), False), ((1, 2, 8, 3), True)])
def test_a_convolution_of_few_outputs_is_the_sum_of_its_rows(kernel, bias, pads):
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=kernel), "b": rng.normal(size=kernel[:1])}
    names = ["w", "b"][: 1 + bias]
    given, made = (
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, channels, None, None])]
        for name, channels in (("x", kernel[1]), ("y", kernel[0]))
    )
    stored = [onnx.numpy_helper.from_array(weights[name].astype("float32"), name) for name in names]
    conv = helper.make_node("Conv", ["x", *names], ["y"], **pads)
    opset = helper.make_opsetid("", onnx_format.OPSET)
    graph = helper.make_graph([conv], "g", given, made, stored)
    proto = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    x = rng.normal(size=(2, kernel[1], 11, 12)).astype("float32")
    (want,) = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"x": x})
    by_rows(proto.graph)
    onnx.checker.check_model(proto, full_check=True)
    assert [node.op_type for node in proto.graph.node] == ["Conv", *["Slice"] * kernel[2], "Sum"]
    (got,) = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"x": x})
    np.testing.assert_allclose(got, want, atol=2e-5)


@pytest.mark.parametrize(
    "kernel, said", [((5, 2, 9, 9), {}), ((3, 2, 5, 5), {}), ((3, 2, 9, 9), dict(strides=[2, 2]))]
)
def test_other_convolutions_stay_as_they_are(kernel, said):
    stored = [onnx.numpy_helper.from_array(np.zeros(kernel, "float32"), "w")]
    graph = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["y"], **said)], "g", [], [], stored)
    before = graph.SerializeToString()
    by_rows(graph)
    assert graph.SerializeToString() == before


def test_manifest_says_what_is_there(exported, vae):
    manifest = json.loads((exported / "manifest.json").read_text())
    assert type(keras.saving.deserialize_keras_object(manifest["model"])) is VAE
    assert manifest["model"]["config"]["latent_dim"] == 4
    assert (manifest["model"]["seed"], manifest["model"]["step"]) == (1, 0)
    assert manifest["formats"].keys() == {"saved_model", "onnx"}
    assert manifest["formats"]["onnx"]["versions"]["onnxruntime"] == onnxruntime.__version__
    encode = manifest["signatures"]["encode"]
    assert 1e-8 < encode.pop("rounding") < 5e-6
    assert encode == {
        "role": "encoder",
        "inputs": [
            {
                "name": "images",
                "dtype": "float32",
                "shape": [None, 8, 8, 1],
                "values": {"distribution": "uniform", "low": 0.0, "high": 1.0},
            }
        ],
        "outputs": [{"name": "encode", "dtype": "float32", "shape": [None, 4]}],
    }
    for name, file in manifest["files"].items():
        content = (exported / name).read_bytes()
        assert file == {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    three, one = golden.load(exported / "golden" / "decode")
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(three.inputs["z"], np.float32(rng.standard_normal((3, 4))))
    np.testing.assert_array_equal(one.inputs["z"], np.float32(rng.standard_normal((1, 4))))
    np.testing.assert_allclose(three.outputs["decode"], vae.decode(three.inputs["z"]), atol=1e-6)


def test_verify_reports_every_format_and_signature(exported, monkeypatch):
    # In this process; below and in test_export_sizes.py verify starts one.
    monkeypatch.setattr(export.saved_model, "differences_afresh", export.saved_model.differences)
    report = export.verify(exported)
    assert {(row.format, row.signature) for row in report} == {
        (format, name)
        for format in ("saved_model", "onnx")
        for name in ("encode", "decode", "reconstruct", "latents", "sample")
    }
    assert all(row.ok and 0 <= row.difference <= row.bound == 1e-5 for row in report)


def test_a_fresh_process_that_runs_a_saved_model_cannot_import_tfgen():
    script = Path(replay.__file__).read_text().partition("import numpy")[0] + "import tfgen"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "import of tfgen halted" in run.stderr


# Folders.


def test_the_same_model_keeps_its_other_format_and_another_does_not(copy, decoder):
    export.to_onnx(decoder, copy)
    assert folders.opened(copy)["formats"].keys() == {"saved_model", "onnx"}
    export.to_saved_model(only(VAE(seed=2, name=decoder.name, **TINY), "decode"), copy)
    assert folders.opened(copy)["formats"].keys() == {"saved_model"}
    assert not (copy / "onnx").exists()
    assert [path.name for path in copy.parent.iterdir()] == ["vae"]


def test_a_folder_of_something_else_is_left_alone(vae, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is no export; expected a new folder"):
        export.to_onnx(vae, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_beside_an_export_is_not_deleted_with_it(copy, decoder):
    (copy / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"extra: notes\.txt"):
        export.to_onnx(decoder, copy)
    assert (copy / "notes.txt").read_text() == "mine"


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def no_space_for_tensorflow(*_, **__):
    raise tf.errors.ResourceExhaustedError(None, None, "/a/part-00000; No space left on device")


@pytest.mark.parametrize(
    "module, name, fails",
    [
        (os, "fsync", no_space),
        (Path, "write_bytes", no_space),
        (tf.saved_model, "save", no_space_for_tensorflow),
    ],
)
@pytest.mark.parametrize("there", [True, False])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    decoder, small, tmp_path, monkeypatch, module, name, fails, there
):
    folder = tmp_path / "vae"
    if there:
        shutil.copytree(small, folder)
    monkeypatch.setattr(module, name, fails)
    with pytest.raises(
        InputError, match=r"^cannot write the export .*/vae: No space left on device; [^\n]*$"
    ):
        export.to_saved_model(decoder, folder)
    assert [path.name for path in tmp_path.iterdir()] == ["vae"] * there
    if there:
        assert folders.opened(folder) == folders.opened(small)


KILLED_WHILE_WRITING = """
import os, signal, sys
folder, sys.argv = sys.argv[1], ["tfgen"]  # as the command line, which imports no TensorFlow
from tfgen.export import folders

with folders.staged(folder) as (temporary, earlier):
    (temporary / "half").write_bytes(b"0" * 100)
    os.kill(os.getpid(), signal.SIGKILL)
"""

KILLED_BETWEEN_THE_RENAMES = """
import os, pathlib, signal, sys
folder, sys.argv = sys.argv[1], ["tfgen"]  # as the command line, which imports no TensorFlow
from tfgen.export import folders

rename = pathlib.Path.rename
def rename_and_die(path, target):
    rename(path, target)
    os.kill(os.getpid(), signal.SIGKILL)

pathlib.Path.rename = rename_and_die
with folders.staged(folder) as (temporary, earlier):
    folders.seal(temporary, {})
"""


def killed(script, folder):
    run = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL, run.stderr


def test_what_is_half_written_lies_beside_the_old_one(copy, decoder, monkeypatch):
    """The disk when ONNX files are written: what a process leaves that is killed there."""
    old, save, seen = folders.opened(copy), onnx.save, []

    def half(proto, path):
        path.write_bytes(proto.SerializeToString()[:100])
        seen.append((folders.opened(copy), path.is_relative_to(copy), len(list(copy.parent.iterdir()))))
        save(proto, path)

    monkeypatch.setattr(onnx, "save", half)
    export.to_onnx(decoder, copy)
    assert seen == [(old, False, 2)]


def test_a_killed_export_leaves_the_old_one_and_the_next_cleans_up(copy, decoder):
    old = folders.opened(copy)
    killed(KILLED_WHILE_WRITING, copy)
    assert len(list(copy.parent.iterdir())) == 2
    assert folders.opened(copy) == old

    killed(KILLED_BETWEEN_THE_RENAMES, copy)
    assert not copy.exists()
    assert folders.opened(copy) == old  # as verify begins: the old one is back
    killed(KILLED_BETWEEN_THE_RENAMES, copy)
    export.to_onnx(decoder, copy)
    assert folders.opened(copy)["formats"].keys() == {"saved_model", "onnx"}
    assert [path.name for path in copy.parent.iterdir()] == ["vae"]


def test_an_export_under_way_is_not_cleaned_up(decoder, tmp_path):
    other = tmp_path / f".vae.tmp-{os.getppid()}"
    other.mkdir()
    export.to_onnx(decoder, tmp_path / "vae")
    assert other.exists()


# What verify refuses.


@pytest.mark.parametrize(
    "name",
    [
        "onnx/decode.onnx",
        "saved_model/saved_model.pb",
        "saved_model/variables/variables.data-00000-of-00001",
        "golden/decode/test_data_set_0/input_0.pb",
        "manifest.json",
    ],
)
def test_a_changed_byte_is_named(copy, name):
    content = bytearray((copy / name).read_bytes())
    where = content.index(b"VAE") if name == "manifest.json" else len(content) // 2
    content[where] ^= 1
    (copy / name).write_bytes(content)
    expected = "manifest.json is not as" if name == "manifest.json" else f"(changed: {name})"
    with pytest.raises(InputError) as error:
        export.verify(copy)
    assert expected in str(error.value)


def test_missing_and_extra_files_are_named(copy):
    (copy / "onnx/decode.onnx").unlink()
    (copy / "saved_model/evil.so").write_text("")
    with pytest.raises(InputError, match=r"missing: onnx/decode\.onnx; extra: saved_model/evil\.so"):
        export.verify(copy)


@pytest.mark.parametrize("content, what", [(None, "has no manifest.json"), ("{", "not as it was written")])
def test_what_is_no_export_is_refused(tmp_path, content, what):
    if content:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=what):
        export.verify(tmp_path)


@pytest.mark.parametrize("format", ["onnx", "saved_model"])
def test_a_wrong_number_is_refused(copy, format):
    cases = golden.load(copy / "golden/decode")
    wrong = cases[1].outputs["decode"].copy()
    wrong[0, 3, 3, 0] += 1e-4
    golden.save(copy / "golden/decode", [cases[0], golden.Case(cases[1].inputs, {"decode": wrong})])
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").unlink()
    other = {"onnx": "saved_model", "saved_model": "onnx"}[format]
    shutil.rmtree(copy / other)
    del manifest["formats"][other], manifest["format"]
    folders.seal(copy, manifest)
    with pytest.raises(InputError, match=f"signature 'decode' gives other numbers as {format}: .* 1e-05"):
        export.verify(copy)
