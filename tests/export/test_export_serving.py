"""Artifacts behind MLServer, as clients see them; and the layouts of the other servers."""

import asyncio
import gzip
import json
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from signed import only

from export.serving import layouts
from export.serving.inputs import limits
from tfgen import export
from tfgen.errors import InputError
from tfgen.export import folders, golden
from tfgen.models import CVAE, BigGAN, CycleGAN, PixelCNN
from tools.load import GRPC, REST, free_ports, table, wait_ready

ROOT = Path(__file__).parents[2]
MAX_N, MAX_BODY, MAX_PIXELS = 16, 1, 600  # MB for bodies


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifacts")
    cvae = CVAE(image_shape=(8, 8, 1), latent_dim=2, classes=3, body="dense", width=8, seed=0)
    pixel = PixelCNN(image_shape=(4, 4, 1), levels=2, width=4, depth=1, seed=0)
    formats = {"saved_model": export.saved_model, "onnx": export.onnx}
    export.write(only(cvae, "encode", "decode", "sample"), folder / "cvae-tiny", formats)
    export.to_onnx(only(pixel, "log_prob", "sample", "grow"), folder / "pixel-tiny")
    export.to_onnx(only(CycleGAN(**CycleGAN.tiny, seed=0), "translate"), folder / "cycle-tiny")
    return [folder / f"{name}-tiny" for name in ("cvae", "pixel", "cycle")]


def arguments(artifacts, repository, ports):
    return [
        *(str(path) for path in artifacts),
        *("--to", str(repository), "--port", str(ports[0]), "--grpc-port", str(ports[1])),
        *("--max-n", str(MAX_N), "--max-body", str(MAX_BODY), "--max-pixels", str(MAX_PIXELS)),
    ]


def command(*words, **options):
    return [sys.executable, "-m", "export", "serve", *words]


class Server:
    """The command in a process of its own, at free ports."""

    def __init__(self, artifacts, repository):
        self.ports = free_ports(2)
        self.rest, self.grpc = (f"127.0.0.1:{port}" for port in self.ports)
        self._words = arguments(artifacts, repository, self.ports)
        self.start()

    def start(self):
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command(*self._words), cwd=ROOT, **options)
        try:
            wait_ready(self.process, self.rest, 60)
        except RuntimeError:
            self.stop()
            raise

    def stop(self):
        with self.process:
            self.process.kill()

    def get(self, path, body=None, **headers):
        """(status, JSON) of a REST call; a body makes it a POST."""
        headers = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        request = urllib.request.Request(f"http://{self.rest}/{path}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def infer(self, model, *inputs, **rest):
        body = json.dumps({"inputs": inputs, **rest}).encode()
        return self.get(f"v2/models/{model}/infer", body)


@pytest.fixture(scope="module")
def server(artifacts, tmp_path_factory):
    running = Server(artifacts, tmp_path_factory.mktemp("serving") / "repository")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def grpc_client(server):
    from tritonclient import grpc

    with grpc.InferenceServerClient(server.grpc) as client:
        yield client


def tensor(name, datatype, shape, data):
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


Z = tensor("z", "FP32", [1, 2], [0.5, -0.5])
LABELS = tensor("labels", "INT32", [1], [2])
SEED = tensor("seed", "INT64", [1], [7])


def n(value):
    return tensor("n", "INT32", [1], [value])


def picture(height, width):
    return tensor("inputs", "FP32", [1, height, width, 1], [0.5] * (height * width))


def every_case(artifacts):
    for folder in artifacts:
        for name in folders.opened(folder)["signatures"]:
            for case in golden.load(folder / "golden" / name):
                yield f"{folder.name}.{name}", case


def test_metadata_is_that_of_the_manifest(server, grpc_client, artifacts):
    signature = folders.opened(artifacts[0])["signatures"]["sample"]
    status, told = server.get("v2/models/cvae-tiny.sample")
    assert status == 200 and told["platform"] == "onnxruntime_onnx"
    shapes = {"seed": [1], "n": [1], "labels": [-1], "sample": [-1, 8, 8, 1]}
    datatypes = {"seed": "INT64", "n": "INT32", "labels": "INT32", "sample": "FP32"}
    for tensors in (told["inputs"] + told["outputs"], _over_grpc(grpc_client, "cvae-tiny.sample")):
        assert {x["name"]: x["shape"] for x in tensors} == shapes
        assert {x["name"]: x["datatype"] for x in tensors} == datatypes
    values = {x["name"]: json.loads(x["parameters"]["values"]) for x in told["inputs"]}
    assert values["labels"] == signature["inputs"][2]["values"] and values["labels"]["high"] == 2
    assert values["n"] == {"distribution": "batch", "low": 1, "high": MAX_N}


def test_metadata_says_which_sizes_are_free(server):
    told = server.get("v2/models/cycle-tiny.translate")[1]["inputs"][0]
    said = {name: value for name, value in told["parameters"].items() if name != "values"}
    assert told["shape"] == [-1, -1, -1, 1] and said == {
        "multiple": 4,
        "smallest": 12,
        "scale": 1,
        "max_pixels": MAX_PIXELS,
    }


def _over_grpc(client, model):
    told = client.get_model_metadata(model)
    return [
        {"name": x.name, "datatype": x.datatype, "shape": list(x.shape)}
        for x in (*told.inputs, *told.outputs)
    ]


@pytest.mark.parametrize("kind", [REST, GRPC])
def test_golden_outputs_of_every_signature(server, artifacts, kind):
    async def ask(model, case):
        address = server.rest if kind is REST else server.grpc
        async with kind(address, model, [case.inputs]) as client:
            return kind.outputs(await client.ask(0))

    for model, case in every_case(artifacts):
        assert case.difference(asyncio.run(ask(model, case))) <= golden.BOUND, model


def test_scalars_with_and_without_an_axis(server):
    with_axis = server.infer("cvae-tiny.sample", SEED, n(2), LABELS)
    without = server.infer(
        "cvae-tiny.sample", {**SEED, "shape": [], "data": 7}, {**n(2), "shape": []}, LABELS
    )
    assert with_axis[0] == without[0] == 200
    assert with_axis[1]["outputs"] == without[1]["outputs"]


def test_one_label_for_all_images(server):
    one = server.infer("cvae-tiny.sample", SEED, n(2), LABELS)
    each = server.infer("cvae-tiny.sample", SEED, n(2), {**LABELS, "shape": [2], "data": [2, 2]})
    assert one[0] == each[0] == 200 and one[1]["outputs"] == each[1]["outputs"]


def test_grpc_answers_lists_with_lists(grpc_client):
    from tritonclient.grpc import service_pb2

    request = service_pb2.ModelInferRequest(model_name="cvae-tiny.decode")
    request.inputs.add(name="z", datatype="FP32", shape=[1, 2]).contents.fp32_contents.extend([0.5, -0.5])
    request.inputs.add(name="labels", datatype="INT32", shape=[1]).contents.int_contents.append(2)
    answer = grpc_client._client_stub.ModelInfer(request)
    assert len(answer.outputs[0].contents.fp32_contents) == 64 and not answer.raw_output_contents


def test_concurrent_requests_get_their_own_answers(server, artifacts):
    """Each client of another z, some of them wrong ones, which spoil no one's."""
    folder, signature = artifacts[0], folders.opened(artifacts[0])["signatures"]["decode"]
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "onnx" / "decode.onnx")
    names = [output["name"] for output in signature["outputs"]]
    rng = np.random.default_rng(0)
    z = rng.standard_normal((60, 2)).astype("float32")

    def ask(k):
        labels = {**LABELS, "data": [k % 3 if k % 4 else 9]}
        return server.infer("cvae-tiny.decode", {**Z, "data": z[k].tolist()}, labels)

    with ThreadPoolExecutor(20) as threads:
        for k, (status, told) in enumerate(threads.map(ask, range(60))):
            if k % 4 == 0:
                assert status == 400 and "0..2" in told["error"]
                continue
            got = np.array(told["outputs"][0]["data"], "float32").reshape(1, 8, 8, 1)
            want = session.run(names, {"z": z[k : k + 1], "labels": np.int32([k % 3])})[0]
            assert golden.Case({}, {"": want}).difference({"": got}) <= golden.BOUND


WRONG = {  # what is wrong: the inputs of cvae-tiny.decode, and the line
    "shape": (
        [{**Z, "shape": [1, 3], "data": [0, 0, 0]}, LABELS],
        "'z' must have shape [-1, 2]; received [1, 3]",
    ),
    "rank": ([{**Z, "shape": [2]}, LABELS], "'z' must have shape [-1, 2]; received [2]"),
    "datatype": ([{**Z, "datatype": "FP64"}, LABELS], "'z' must have datatype FP32; received 'FP64'"),
    "no datatype": ([{**Z, "datatype": "FLOAT"}, LABELS], "inputs.0.datatype: Input should be 'BOOL'"),
    "missing": ([Z], "the inputs must be z, labels; received ['z']"),
    "unknown": ([Z, {**LABELS, "name": "label"}], "the inputs must be z, labels; received ['z', 'label']"),
    "twice": ([Z, Z, LABELS], "the inputs must be z, labels; received ['z', 'z', 'labels']"),
    "none": ([], "the inputs must be z, labels; received []"),
    "too many numbers": ([{**Z, "data": [0] * 3}, LABELS], "of shape [1, 2] must have 2 numbers; received 3"),
    "ragged": ([{**Z, "data": [[0], 0]}, LABELS], "'z' must be a list of numbers; received list"),
    "words": ([{**Z, "data": ["0", 0]}, LABELS], "'z' must be a list of numbers; received str"),
    "null": ([{**Z, "data": [None, 0]}, LABELS], "'z' must be a list of numbers; received NoneType"),
    "infinity": ([{**Z, "data": [1e39, 0]}, LABELS], "'z' must be finite"),
    "no class": ([Z, {**LABELS, "data": [3]}], "'labels' must lie in 0..2; received 3"),
    "negative class": ([Z, {**LABELS, "data": [-1]}], "'labels' must lie in 0..2; received -1"),
    "class of 33 bits": ([Z, {**LABELS, "data": [2**32]}], "'labels' must lie in 0..2; received 4294967296"),
    "half a class": (
        [Z, {**LABELS, "data": [0.5]}],
        "'labels' must be a list of whole numbers; received float",
    ),
    "unlike rows": ([{**Z, "shape": [2, 2], "data": [0] * 4}, LABELS], "as many rows as each other"),
    "no rows": ([{**Z, "shape": [0, 2], "data": []}, LABELS], "must have 1 to 16 rows; received 0"),
    "many rows": ([{**Z, "shape": [17, 2], "data": [0] * 34}, LABELS], "must have 1 to 16 rows; received 17"),
    "a long name": ([{**Z, "name": "z\n" * 9999}], "the inputs must be z, labels; received ['z\\n"),
}


@pytest.mark.parametrize(["inputs", "line"], WRONG.values(), ids=WRONG)
def test_wrong_inputs(server, inputs, line):
    _refused(server.infer("cvae-tiny.decode", *inputs), line)
    assert server.infer("cvae-tiny.decode", Z, LABELS)[0] == 200


WRONG_CALLS = {
    "n": ("cvae-tiny.sample", [SEED, n(17), LABELS], "'n' must lie in 1..16; received 17"),
    "n of 0": ("cvae-tiny.sample", [SEED, n(0), LABELS], "'n' must lie in 1..16; received 0"),
    "n of 64 bits": ("cvae-tiny.sample", [SEED, n(2**63), LABELS], "'n' must be int32"),
    "seed": (
        "cvae-tiny.sample",
        [{**SEED, "data": [-1]}, n(1), LABELS],
        "'seed' must lie in 0..9223",
    ),
    "scalar": (
        "cvae-tiny.sample",
        [{**SEED, "shape": [2], "data": [1, 2]}, n(1), LABELS],
        "'seed' must have shape [1]",
    ),
    "labels": (
        "cvae-tiny.sample",
        [SEED, n(3), {**LABELS, "shape": [2], "data": [0, 0]}],
        "must have n rows, 3, or 1; received {'labels': 2}",
    ),
    "bytes of images": (
        "cvae-tiny.encode",
        [tensor("images", "FP32", [1, 8, 8, 1], [255] + [0] * 63), LABELS],
        "'images' must lie in 0.0..1.0; received 0.0..255.0",
    ),
    "temperature": (
        "pixel-tiny.sample",
        [SEED, n(1), tensor("temperature", "FP32", [1], [-1])],
        "'temperature' must be 0 or more; received -1.0",
    ),
    "no multiple": ("cycle-tiny.translate", [picture(14, 12)], "of 4, at least 12; received 14x12"),
    "small": ("cycle-tiny.translate", [picture(8, 12)], "of 4, at least 12; received 8x12"),
    "large": ("cycle-tiny.translate", [picture(24, 28)], "may have 600 pixels, over all rows; received 672"),
}


@pytest.mark.parametrize(["model", "inputs", "line"], WRONG_CALLS.values(), ids=WRONG_CALLS)
def test_wrong_values(server, model, inputs, line):
    _refused(server.infer(model, *inputs), line)


def _refused(answer, line, expected=400):
    status, told = answer
    assert status == expected and line in told["error"]
    assert "\n" not in told["error"] and len(told["error"]) < 200


def test_values_outside_of_those_drawn_that_make_sense(server):
    assert server.infer("cvae-tiny.decode", {**Z, "data": [9, -9]}, LABELS)[0] == 200
    cold = tensor("temperature", "FP32", [1], [0])
    assert server.infer("pixel-tiny.sample", SEED, n(1), cold)[0] == 200


def test_wrong_outputs(server):
    _refused(server.infer("cvae-tiny.decode", Z, LABELS, outputs=[{"name": "x"}]), "the outputs are decode")


def test_unknown_model(server):
    _refused(server.infer("nothing", Z), "Model nothing not found", 404)
    _refused(server.get("v2/models/nothing"), "Model nothing not found", 404)
    assert server.get("v3")[0] == 404


def test_clients_cannot_unload_models(server, grpc_client):
    from tritonclient.utils import InferenceServerException

    assert server.get("v2/repository/models/cvae-tiny.decode/unload", b"")[0] == 404
    with pytest.raises(InferenceServerException, match="does not stream, load or unload"):
        grpc_client.unload_model("cvae-tiny.decode")
    assert server.infer("cvae-tiny.decode", Z, LABELS)[0] == 200


@pytest.mark.parametrize(
    ["body", "line"],
    [
        (b"{", "the body must be JSON"),
        (b'{"inputs": [NaN]}', "the body must be JSON"),
        (b"[" * 100_000, "the body must be JSON"),
        (b"", "the body must be a JSON object"),
        (b"[]", "the body must be a JSON object"),
        (b'{"inputs": 1}', "inputs: Input should be a valid list"),
    ],
)
def test_malformed_bodies(server, body, line):
    _refused(server.get("v2/models/cvae-tiny.decode/infer", body), line)


def test_huge_bodies(server):
    path, line = "v2/models/cvae-tiny.decode/infer", "the body must have at most 1048576 bytes"
    _refused(server.get(path, b" " * (MAX_BODY * 2**20 + 1)), f"{line}; received 1048577", 413)
    # Without a Content-Length.
    chunks = (b" " * 2**16 for _ in range(17))
    _refused(server.get(path, chunks, Transfer_Encoding="chunked"), f"{line}; received more", 413)
    much = b" " * (8 * MAX_BODY * 2**20)
    for _ in range(5):  # a client reads the answer though it is still sending
        _refused(server.get(path, much), "received 8388608", 413)
    small = gzip.compress(b" " * 2**24)
    _refused(server.get(path, small, Content_Encoding="gzip"), "without a Content-Encoding", 415)
    assert server.get(path, b" " * MAX_BODY * 2**20)[0] == 400  # is read


def test_the_binary_extension_is_refused_by_name(server):
    from tritonclient import http
    from tritonclient.utils import InferenceServerException

    given = http.InferInput("z", [1, 2], "FP32").set_data_from_numpy(np.zeros((1, 2), "float32"))
    with http.InferenceServerClient(server.rest) as client:
        with pytest.raises(InferenceServerException, match="binary extension is not spoken here"):
            client.infer("cvae-tiny.decode", [given])


def _raw(model, *inputs):
    from tritonclient.grpc import service_pb2

    request = service_pb2.ModelInferRequest(model_name=model)
    for name, datatype, shape, content in inputs:
        request.inputs.add(name=name, datatype=datatype, shape=shape)
        request.raw_input_contents.append(content)
    return request


def test_wrong_requests_over_grpc(server, grpc_client):
    import grpc

    z, labels = ("z", "FP32", [1, 2], bytes(8)), ("labels", "INT32", [1], bytes(4))
    uneven = _raw("cvae-tiny.decode", z, labels)
    uneven.raw_input_contents.pop()
    nan = np.full((1, 2), np.nan, "float32").tobytes()
    huge = ("z", "FP32", [2**20, 2], bytes(2**23))
    wrong = {
        "'z' must have shape [-1, 2]; received [1, 3]": ("z", "FP32", [1, 3], bytes(12)),
        "'z' must have 1 to 16 rows; received 1000000000000000000": ("z", "FP32", [10**18, 2], bytes(8)),
        "'z' must have datatype FP32; received 'FLOAT'": ("z", "FLOAT", [1, 2], bytes(8)),
        "of shape [1, 2] must have 8 bytes; received 7": ("z", "FP32", [1, 2], bytes(7)),
        "'z' must be finite": ("z", "FP32", [1, 2], nan),
    }
    requests = {
        line: (_raw("cvae-tiny.decode", first, labels), "INVALID_ARGUMENT") for line, first in wrong.items()
    }
    requests |= {
        "raw_input_contents must have one entry for each input": (uneven, "INVALID_ARGUMENT"),
        "must lie in 0..2; received 16777216": (
            _raw("cvae-tiny.decode", z, ("labels", "INT32", [1], b"\0\0\0\1")),
            "INVALID_ARGUMENT",
        ),
        "the inputs must be z, labels; received []": (_raw("cvae-tiny.decode"), "INVALID_ARGUMENT"),
        "Model nothing not found": (_raw("nothing", z), "NOT_FOUND"),
        "larger than max": (_raw("cvae-tiny.decode", huge, labels), "RESOURCE_EXHAUSTED"),
    }
    for line, (request, code) in requests.items():
        with pytest.raises(grpc.RpcError) as caught:
            grpc_client._client_stub.ModelInfer(request)
        assert caught.value.code().name == code and line in caught.value.details()
        assert "\n" not in caught.value.details()
    with pytest.raises(grpc.RpcError) as caught:
        grpc_client._client_stub.ModelInfer(
            _raw("cvae-tiny.decode", huge, labels), compression=grpc.Compression.Gzip
        )
    assert caught.value.code().name == "RESOURCE_EXHAUSTED"
    assert grpc_client.is_server_ready()
    assert grpc_client._client_stub.ModelInfer(_raw("cvae-tiny.decode", z, labels)).raw_output_contents


def test_killed_and_started_again(server):
    """Last of those that ask the server: it also ends it, by Ctrl-C."""
    server.process.kill()
    server.process.communicate()
    server.start()
    assert server.infer("cvae-tiny.decode", Z, LABELS)[0] == 200
    busy = subprocess.run(command(*server._words), cwd=ROOT, capture_output=True, text=True)
    assert busy.returncode == 2 and f"cannot listen at {server.rest}: Address already in use" in busy.stderr
    assert busy.stderr.count("\n") == 1
    server.process.send_signal(2)
    _, log = server.process.communicate(timeout=20)
    assert server.process.returncode == 0 and "Traceback" not in log


@pytest.mark.parametrize(
    ["words", "line"],
    [
        (["nothing"], "is not an export: it has no manifest.json"),
        (["{artifact}", "--layout", "torch"], "unknown layout 'torch'"),
        (["{artifact}", "--no-start"], "--to must say where"),
        (["{artifact}", "{artifact}"], "two artifacts are named cvae-tiny"),
        (["{artifact}", "--to", "{artifact}", "--no-start"], "is an artifact; expected a new folder"),
        (["{artifact}", "--port", "9", "--grpc-port", "9"], "must differ"),
    ],
)
def test_wrong_commands(artifacts, words, line, capsys, tmp_path, monkeypatch):
    from export.__main__ import app
    from tfgen.cli.console import run

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run(app, "tfgen-export", ["serve", *(word.format(artifact=artifacts[0]) for word in words)])
    told = capsys.readouterr().err
    assert ended.value.code == 2 and line in told and told.count("\n") == 1


def test_name_that_no_address_can_have(tmp_path):
    with pytest.raises(InputError, match=r"letters, digits, _, - and \.; received 'a b'"):
        layouts.artifacts([tmp_path / "a b"])


STRANGER = """
import asyncio, json, sys
for name in ("tfgen", "export", "tensorflow"):
    sys.modules[name] = None  # to import one is an error
from mlserver.settings import ModelSettings
from mlserver.types import InferenceRequest

async def main(folder):
    model = (settings := ModelSettings.parse_file(folder + "/model-settings.json")).implementation(settings)
    assert await model.load()
    sizes, function = [], model._queue._function
    model._queue._function = lambda arrays: sizes.append(len(arrays["z"])) or function(arrays)
    ask = {"inputs": [{"name": "z", "datatype": "FP32", "shape": [1, 2], "data": [0.0] * 2},
        {"name": "labels", "datatype": "INT32", "shape": [1], "data": [1]}]}
    answers = await asyncio.gather(*(model.predict(InferenceRequest(**ask)) for _ in range(8)))
    await model.unload()
    print(json.dumps([sizes, [answer.outputs[0].shape for answer in answers]]))

sys.path.insert(0, sys.argv[1])
asyncio.run(main(sys.argv[1] + "/cvae-tiny.decode"))
"""


def test_repository_by_itself(artifacts, tmp_path):
    """Without tfgen and TensorFlow; requests that come at once share a batch."""
    layouts.write(layouts.artifacts(artifacts[:1]), tmp_path / "repository", "mlserver")
    words = [sys.executable, "-c", STRANGER, tmp_path / "repository"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sizes, shapes = json.loads(done.stdout.splitlines()[-1])
    assert sum(sizes) == 8 and max(sizes) > 1
    assert shapes == [[1, 8, 8, 1]] * 8


def test_signature_without_onnx_is_served_from_the_saved_model(artifacts, tmp_path):
    from export.serving.function import function

    found = layouts.artifacts(artifacts[:1])
    (_, manifest) = found["cvae-tiny"]
    del manifest["files"]["onnx/decode.onnx"]
    layouts.write(found, tmp_path / "repository", "mlserver")
    told = json.loads((tmp_path / "repository/cvae-tiny.decode/model-settings.json").read_text())
    assert told["platform"] == "tensorflow_savedmodel"
    path = tmp_path / "repository/cvae-tiny.decode" / told["parameters"]["uri"]
    case = golden.load(artifacts[0] / "golden" / "decode")[0]
    got = function(path, told["parameters"]["extra"]["name"])(case.inputs)
    assert case.difference(got) <= golden.BOUND


def test_repository_replaces_a_repository_and_nothing_else(artifacts, tmp_path):
    found = layouts.artifacts(artifacts[:1])
    to = tmp_path / "repository"
    layouts.write(found, to, "mlserver")
    (to / "tfgen_serving" / "__pycache__").mkdir()  # as Python does
    (to / "tfgen_serving" / "__pycache__" / "x.pyc").touch()
    layouts.write(found, to, "triton")
    assert not (to / "settings.json").exists() and (to / "cvae-tiny.decode/config.pbtxt").exists()
    model = CVAE(image_shape=(8, 8, 1), latent_dim=2, classes=3, body="dense", width=8)
    export.write(only(model, "decode"), to, {})  # an artifact in its place
    assert folders.opened(to)["signatures"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(InputError, match="expected a new folder"):
        layouts.write(found, tmp_path / "other", "mlserver")


def test_layout_of_tensorflow_serving(artifacts, tmp_path):
    cvae, pixel, _ = artifacts
    layouts.write(layouts.artifacts([cvae]), tmp_path / "repository", "tensorflow_serving")
    text = (tmp_path / "repository/models.config").read_text()
    assert 'name: "cvae-tiny" base_path: "/models/cvae-tiny"' in text
    served = tf.saved_model.load(str(tmp_path / "repository" / "cvae-tiny" / "1")).signatures
    assert set(served) == set(folders.opened(cvae)["signatures"])
    with pytest.raises(InputError, match="pixel-tiny has no saved_model"):
        layouts.write(layouts.artifacts([pixel]), tmp_path / "repository", "tensorflow_serving")
    assert (tmp_path / "repository/models.config").read_text() == text


def test_layout_of_triton(artifacts, tmp_path):
    """config.pbtxt parses, and says what the ONNX files take."""
    import onnxruntime
    from google.protobuf import text_format
    from tritonclient.grpc import model_config_pb2

    layouts.write(layouts.artifacts(artifacts), tmp_path / "repository", "triton", max_n=32)
    configs = sorted((tmp_path / "repository").glob("*/config.pbtxt"))
    assert len(configs) == sum(len(folders.opened(folder)["signatures"]) for folder in artifacts)
    batched = set()
    for path in configs:
        config = text_format.Parse(path.read_text(), model_config_pb2.ModelConfig())
        assert config.name == path.parent.name and config.backend == "onnxruntime"
        assert config.max_batch_size == (32 if config.HasField("dynamic_batching") else 0)
        session = onnxruntime.InferenceSession(path.parent / "1" / "model.onnx")
        rows = config.max_batch_size > 0
        batched |= {config.name} if rows else set()
        for told, real in ((config.input, session.get_inputs()), (config.output, session.get_outputs())):
            assert {x.name for x in told} == {x.name for x in real}
            for one in told:
                (node,) = (x for x in real if x.name == one.name)
                dims = list(one.reshape.shape) if one.HasField("reshape") else list(one.dims)
                shape = ["free" if isinstance(x, str) else x for x in node.shape]
                assert ["free"] * rows + ["free" if x == -1 else x for x in dims] == shape, path
                kinds = {"TYPE_FP32": "float", "TYPE_INT32": "int32", "TYPE_INT64": "int64"}
                assert f"tensor({kinds[model_config_pb2.DataType.Name(one.data_type)]})" == node.type
                assert list(one.dims)
    assert batched == {
        *("cvae-tiny.decode", "cvae-tiny.encode", "pixel-tiny.log_prob"),
    }


def test_table_of_a_record():
    row = {"model": "m", "protocol": "REST", "clients": 8, "requests": 10, "p50_ms": 1.25, "p99_ms": 2.0}
    row |= {"images_per_second": 99.5, "wrong": 1, "failed": 2}
    assert table({"rows": [row]}).splitlines()[-1] == "| m | REST | 8 | 1.2 | 2.0 | 100 | 3 of 10 |"


def test_options_have_the_limits_of_sample():
    """Not those of a page's slider."""
    values = {"distribution": "uniform", "low": 0.1, "high": 3.0}
    assert limits({"name": "truncation", "values": values}) == (0.01, None)
    assert BigGAN.options["truncation"].low == 0.01
