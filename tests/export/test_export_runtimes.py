"""What `tfgen-export verify` tells of an artifact in each runtime, and of runtimes that end badly."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from needs import needs
from onnx import numpy_helper
from signed import only

from export import verify
from export.formats import litert
from export.runtimes import RUNTIMES, child, packed, run, said
from tfgen import export
from tfgen.errors import InputError
from tfgen.export import folders, golden
from tfgen.models import VAE, PixelCNN
from tools import matrix

FORMATS = {"saved_model": export.saved_model, "onnx": export.onnx, "litert": litert}
JAVASCRIPT = ["onnxruntime-node", "onnxruntime-web"]
PYTHON = ["onnxruntime", "onnx-reference", "openvino", "litert"]


javascript = needs(*(RUNTIMES[name].command for name in JAVASCRIPT))
INSTALLED = [*PYTHON, *([] if javascript.args[0] else JAVASCRIPT)]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    """A VAE and a PixelCNN; tests leave them as they are. SavedModels run in test_export_artifact.py."""
    folder = tmp_path_factory.mktemp("artifacts")
    vae = VAE(image_shape=(8, 8, 1), latent_dim=4, width=8, seed=1)
    export.write(only(vae, "encode", "decode", "sample"), folder / "vae", FORMATS)
    pixelcnn = PixelCNN(image_shape=(4, 4, 1), levels=2, width=4, depth=1, seed=1)
    export.to_onnx(only(pixelcnn, "log_prob", "sample", "grow"), folder / "pixelcnn")
    return folder


@pytest.fixture(scope="module")
def tampered(artifacts, tmp_path_factory):
    """The VAE's ONNX files, with one other weight in the decoder, and a manifest that knows it so."""
    folder = tmp_path_factory.mktemp("tampered") / "tampered"
    shutil.copytree(artifacts / "vae", folder)
    for other in ("saved_model", "litert"):
        shutil.rmtree(folder / other)
    path = folder / "onnx" / "decode.onnx"
    model = onnx.load(path)
    weights = [one for one in model.graph.initializer if one.data_type == onnx.TensorProto.FLOAT]
    largest = max(weights, key=lambda one: np.prod(one.dims))
    array = numpy_helper.to_array(largest).copy()
    array.flat[0] += 1.0
    largest.CopyFrom(numpy_helper.from_array(array, largest.name))
    onnx.save(model, path)
    formats = json.loads((folder / "manifest.json").read_text())["formats"]
    reseal(folder, formats={"onnx": formats["onnx"]})
    return folder


def reseal(folder, **changes):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").unlink()
    del manifest["format"]
    folders.seal(folder, {**manifest, **changes})


@pytest.fixture(scope="module")
def report(artifacts, tampered):
    return verify.verified([artifacts / "vae", artifacts / "pixelcnn", tampered], INSTALLED)


def outcomes(report, name, runtime):
    found = {Path(folder).name: row for folder, row in report["artifacts"].items()}
    return found[name]["outcomes"][runtime]


# Numbers.


@pytest.mark.parametrize(
    "runtime",
    [
        *(name for name in PYTHON if name not in ("openvino", "litert")),
        *(pytest.param(name, marks=javascript) for name in JAVASCRIPT),
    ],
)
@pytest.mark.parametrize("name", ["vae", "pixelcnn"])
def test_a_runtime_gives_the_golden_outputs_of_every_signature(report, artifacts, runtime, name):
    found = outcomes(report, name, runtime)
    assert found.keys() == folders.opened(artifacts / name)["signatures"].keys()
    assert {one["status"] for one in found.values()} == {"ok"}
    assert all(one["difference"] <= 1e-5 for one in found.values())
    assert report["runtimes"][runtime]["versions"]


def statuses(found):
    return {name: one["status"] for name, one in found.items()}


def test_openvino_gives_what_needs_no_seed_and_its_failures_are_told(report):
    """Its CPU plugin shifts uint32 as signed integers, and its converter lacks ONNX's loops."""
    wanted = dict(encode="ok", decode="ok", sample="wrong")
    assert statuses(outcomes(report, "vae", "openvino")) == wanted
    loops = outcomes(report, "pixelcnn", "openvino")
    assert statuses(loops) == dict(log_prob="ok", sample="fails", grow="fails")
    assert loops["grow"]["reason"].startswith("Conversion is failed for: Loop")


def test_openvino_reads_a_signature_of_a_saved_model(artifacts):
    """One alone, for it converts them slowly."""
    cases = golden.load(artifacts / "vae" / "golden" / "decode")
    job = {
        "path": str(artifacts / "vae" / "saved_model"),
        "signature": "decode",
        "inputs": [[packed("z", case.inputs["z"])] for case in cases],
        "outputs": ["decode"],
    }
    (answer,), versions = run(RUNTIMES["openvino-saved_model"].command(), [job], 120)
    assert verify._judged(answer, cases, 1e-5)["status"] == "ok" and "openvino" in versions


def test_litert_runs_the_files_that_there_are_and_tells_why_others_are_not(report):
    found = outcomes(report, "vae", "litert")
    wanted = dict(encode="ok", decode="ok", sample="absent")
    assert statuses(found) == wanted and [*found] == [*wanted]
    assert found["sample"]["reason"] == "LiteRT lacks TensorFlow's operation FloorDiv"


@pytest.mark.parametrize(
    "runtime",
    [
        "onnxruntime",
        "onnx-reference",
        "openvino",
        *(pytest.param(name, marks=javascript) for name in JAVASCRIPT),
    ],
)
def test_another_weight_is_wrong_in_every_onnx_runtime(report, runtime):
    found = outcomes(report, "tampered", runtime)
    assert found["decode"]["status"] == "wrong" and found["decode"]["difference"] > 1e-3
    assert found["encode"]["status"] == "ok"


def test_wrong_numbers_are_an_error_where_an_artifact_promises_them(tampered, capsys):
    verify.command([tampered], "onnx-reference")  # told, but no error
    assert "wrong: " in capsys.readouterr().out
    with pytest.raises(InputError, match=r"^.*'decode' does not give .* in onnxruntime \(wrong: .*$"):
        verify.command([tampered], "onnxruntime")


def test_a_changed_file_is_an_error_before_anything_runs(artifacts, tmp_path):
    shutil.copytree(artifacts / "vae", tmp_path / "vae")
    (tmp_path / "vae" / "onnx" / "decode.onnx").write_bytes(b"")
    with pytest.raises(InputError, match=r"changed: onnx/decode\.onnx"):
        verify.verified([tmp_path / "vae"], ["onnxruntime"])


@pytest.mark.parametrize(
    "error, status, text",
    [(0, "ok", "ok 0"), (2e-6, "ok", "ok 2e-06"), (4e-5, "inexact", "4e-05"), (0.25, "wrong", "wrong: 0.25"),
     (np.nan, "wrong", "wrong: NaN"), (np.inf, "wrong", "wrong: infinite, or other names, shapes or types")],
)  # fmt: skip
def test_what_a_difference_is_called(error, status, text):
    want = np.array([1.0, 0.0])
    case = golden.Case({}, {"y": want})
    answer = {"outputs": [[packed("y", want + [0, error])], [packed("y", want)]]}
    outcome = verify._judged(answer, [case, case], 1e-5)
    assert (outcome["status"], verify.shown(outcome)) == (status, text)


def test_the_methods_of_a_saved_model_are_compared_too():
    case = golden.Case({}, {"a": np.ones(2), "b": np.zeros(2)})
    right = [packed("a", np.ones(2)), packed("b", np.zeros(2)), packed("method/0", np.ones(2))]
    one, other = ([*right, packed("method/1", np.full(2, value))] for value in (0.0, 0.5))
    assert verify._judged({"outputs": [one]}, [case], 1e-5)["status"] == "ok"
    assert verify._judged({"outputs": [other]}, [case], 1e-5)["status"] == "wrong"


def test_what_was_refused_is_told_with_its_reason(artifacts, tmp_path, capsys):
    folder = tmp_path / "vae"
    shutil.copytree(artifacts / "vae", folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    formats = manifest["formats"]
    formats["onnx"]["refused"] = {"decode": "differs by 3e-1"}
    reseal(folder, formats=formats)
    verify.command([folder], "onnxruntime,openvino-ir")
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line}
    assert rows["runtime"][1:4] == ["encode", "decode", "sample"]
    assert rows["onnxruntime"][1] == "ok" and rows["onnxruntime"][3:5] == ["[1]", "ok"]
    assert rows["[1]"] == ["[1]", "differs", "by", "3e-1"]
    assert rows["without"] == ["without", "files", "for", "openvino-ir"]


# Processes.

CHILD = """
import json, os, signal, sys, time
jobs, answers = sys.argv[1:]
print("noise")
with open(answers, "a", buffering=1) as stream:
    print(json.dumps({"versions": {"child": "1"}}), file=stream)
    for job in json.load(open(jobs)):
        if job == "hang":
            time.sleep(60)
        if job == "crash":
            stream.write('{"outputs"')
            stream.flush()
            os.kill(os.getpid(), signal.SIGSEGV)
        if job == "exit":
            sys.exit("Error: out of luck")
        print(json.dumps({"outputs": job}), file=stream)
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "child.py"
    path.write_text(CHILD)
    return [sys.executable, path]


def test_a_job_that_ends_its_process_does_not_lose_the_others(script):
    answers, versions = run(script, ["a", "crash", "b", "exit", "crash"], 30)
    assert answers == [
        {"outputs": "a"},
        {"error": "its process ended by SIGSEGV"},
        {"outputs": "b"},
        {"error": "Error: out of luck"},
        {"error": "its process ended by SIGSEGV"},
    ]
    assert versions == {"child": "1"}


def test_a_job_that_takes_too_long_does_not_lose_the_others(script):
    answers, _ = run(script, ["hang", "a"], 1.5)
    assert answers == [{"error": "no answer within 1.5 s"}, {"outputs": "a"}]


def test_a_process_that_does_not_start_is_started_once(tmp_path):
    (tmp_path / "child.py").write_text(f"open({str(tmp_path / 'starts')!r}, 'a').write('1'); import nothing")
    answers, versions = run([sys.executable, tmp_path / "child.py"], ["a", "b"], 30)
    assert answers == [{"error": "ModuleNotFoundError: No module named 'nothing'"}] * 2
    assert versions is None and (tmp_path / "starts").read_text() == "1"


def test_children_cannot_import_tfgen(tmp_path):
    source = Path(child.__file__).read_text().partition("import numpy")[0]
    (tmp_path / "child.py").write_text(source + "\nimport tfgen")
    answers, _ = run([sys.executable, tmp_path / "child.py", "onnxruntime"], ["a"], 30)
    assert "import of tfgen halted" in answers[0]["error"]


def test_the_line_of_an_error_that_tells_most():
    assert said("Exception:\n-- Conversion is failed for: Loop-18\n\n") == "Conversion is failed for: Loop-18"
    assert said("Error: no\n\nNode.js v20.1.0\n") == "Error: no"


# The command.


def test_an_unknown_runtime_suggests_the_nearest():
    with pytest.raises(InputError, match=r"^unknown runtime 'openvin'; did you mean openvino"):
        verify.chosen("onnxruntime,openvin")
    assert verify.chosen("litert, onnxruntime") == ["onnxruntime", "litert"]
    assert verify.chosen("all") == [*RUNTIMES]


def test_a_runtime_that_is_missing_is_one_line(artifacts, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "openvino", None)
    names = ["openvino", "onnxruntime", *JAVASCRIPT]
    verify.command([artifacts / "vae"], ",".join(names))
    skipped = [line for line in capsys.readouterr().out.splitlines() if "is skipped" in line]
    wanted = {
        "onnxruntime-node": "node is not installed; install Node.js",
        "onnxruntime-web": "no Chromium is installed; install it",
        "openvino": "openvino is not installed; pip install 'tfgen[runtimes]'",
    }
    assert len(skipped) == len(wanted)
    for line, (name, why) in zip(skipped, wanted.items()):
        assert line.startswith(f"{name} is skipped: {why}")
    with pytest.raises(InputError, match=r"^onnxruntime-node is skipped: node is not installed"):
        verify.command([artifacts / "vae"], "onnxruntime-node")


def test_the_report_and_the_table(artifacts, tmp_path, capsys):
    verify.command([artifacts / "pixelcnn"], "onnxruntime,openvino", json_file=tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    text = capsys.readouterr().out
    rows = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert rows["runtime"].split() == ["runtime", "log_prob", "sample", "grow"]
    assert rows["onnxruntime"].count(" ok ") == 3
    assert rows["openvino"].count("[1]") == 2 and "[1] Conversion is failed for: Loop" in text
    assert outcomes(report, "pixelcnn", "openvino")["grow"]["status"] == "fails"


def test_the_matrix_shows_the_worst_and_every_reason_once():
    def one(status, difference=None, reason=None):
        return {"status": status, "difference": difference, "reason": reason}

    good = matrix.summary({"encode": one("ok", 1e-7), "decode": one("inexact", 2e-5)})
    bad = matrix.summary(
        {"encode": one("ok", 1e-7), "decode": one("wrong", 0.125), "grow": one("fails", None, "a|b")}
    )
    none = matrix.summary({"encode": one("absent", None, "a|b"), "decode": one("absent", None, "a|b")})
    result = {
        "seconds": 90,
        "cores": 2,
        "runtimes": {name: {"versions": {name: "1"}, "seconds": 1} for name in ("x", "y", "z")},
        "models": {"vae": {"runtimes": {"x": good, "y": bad, "z": none}}},
    }
    text = matrix.table(result)
    assert "| VAE | 2e-05 | ok 1e-07; wrong: decode 0.12; no grow <sup>1</sup> | no <sup>1</sup> |" in text
    assert text.count("a|b") == 1 and "1. `a|b`" in text and "x 1, y 1, z 1" in text


def test_a_row_of_the_matrix_is_a_recipe_made_small():
    assert matrix.configuration("vae") == {
        "image_shape": (28, 28, 1), "width": 16, "latent_dim": 16, "body": "dense",
    }  # fmt: skip
    assert matrix.configuration("gaussianmixture")["image_shape"] == (8, 8, 1)
