"""Asks NVIDIA's Triton for an artifact's signatures: python tools/triton.py DIR [--to FILE.json]

Triton is the strict second server of the Open Inference Protocol. PyTriton, which has its binary,
runs the ONNX files of the artifact as Python models, in a virtual environment of Debian's
/usr/bin/python3 (3.11; the binary does not find other builds of Python) that is made in the cache on first
use, from PyPI, in about a minute. For each signature, over REST with JSON, REST with bytes, and gRPC,
the golden outputs are compared, and wrong requests must be refused while the server lives on.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PACKAGES = ("nvidia-pytriton==0.7.0", "onnxruntime==1.31.1")
PYTHON = "/usr/bin/python3"
ROOT = Path(__file__).parents[1]
SECONDS = 240  # then everything is stopped


def scalars_as_rows(array):
    return array if array.ndim else array[None]  # Triton has no scalars


def serve(folder, workspace, port, grpc_port, metrics_port):
    """What runs in the virtual environment: Triton with a model for each signature."""
    import onnxruntime
    from pytriton.decorators import batch
    from pytriton.model_config import ModelConfig, Tensor
    from pytriton.triton import Triton, TritonConfig

    def function(session, signature, rows):
        names = [output["name"] for output in signature["outputs"]]
        shapes = {x["name"]: x["shape"] for x in signature["inputs"]}

        def run(**inputs):
            # A row of rows is [1] where the signature has a number, as for a scalar.
            exact = {k: x.reshape(x.shape[: len(shapes[k])]) for k, x in inputs.items()}
            found = dict(zip(names, session.run(names, exact)))
            return {k: x[:, None] if rows and x.ndim == 1 else scalars_as_rows(x) for k, x in found.items()}

        return batch(run) if rows else lambda requests: [run(**request.data) for request in requests]

    def tensor(told, rows):
        shape = told["shape"][1:] if rows else told["shape"]
        return Tensor(
            name=told["name"],
            dtype=np.dtype(told["dtype"]),
            shape=tuple(-1 if x is None else x for x in shape) or (1,),
        )

    config = TritonConfig(
        http_address="127.0.0.1",
        http_port=port,
        grpc_address="127.0.0.1",
        grpc_port=grpc_port,
        metrics_address="127.0.0.1",
        metrics_port=metrics_port,
    )
    with Triton(config=config, workspace=workspace) as triton:
        for key, signature in json.loads((folder / "manifest.json").read_text())["signatures"].items():
            rows = all(x["shape"][:1] == [None] for x in signature["inputs"] + signature["outputs"])
            session = onnxruntime.InferenceSession(
                folder / "onnx" / f"{key}.onnx", providers=["CPUExecutionProvider"]
            )
            triton.bind(
                model_name=f"{folder.name}.{key}",
                infer_func=function(session, signature, rows),
                inputs=[tensor(x, rows) for x in signature["inputs"]],
                outputs=[tensor(x, rows) for x in signature["outputs"]],
                config=ModelConfig(batching=rows, max_batch_size=64),
                strict=True,
            )
        triton.serve()


def environment():
    """The Python of the virtual environment, which is made if it is not there."""
    from tfgen.files import replacing

    cache = Path(os.environ.get("TFGEN_CACHE") or Path.home() / ".cache" / "tfgen")
    folder = cache / "pytriton-0.7.0"
    if not (folder / "done").exists():
        # No other folder would do: a virtual environment has its own path in its scripts.
        subprocess.run([PYTHON, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", *PACKAGES], check=True)
        with replacing(folder / "done") as part:
            part.write_text("\n".join(PACKAGES) + "\n")
    return folder / "bin" / "python"


@contextlib.contextmanager
def running(*arguments):
    """`serve` in a process of the virtual environment, which ends after SECONDS whatever happens here."""
    # In the foreground, or `timeout` sends each signal twice.
    limit = ["timeout", "--foreground", "--signal=INT", "--kill-after=30", str(SECONDS)]
    command = [*limit, environment(), __file__, "--serve", *map(str, arguments)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield server
    finally:
        server.send_signal(signal.SIGINT)  # PyTriton then stops Triton
        server.wait()


def clients(address, grpc_address, outputs):
    """{protocol: function of a model and {name: array}, to {name: array}}; errors are tritonclient's.

    outputs: {model: names of its outputs}.
    """
    from tritonclient import grpc, http
    from tritonclient.utils import np_to_triton_dtype

    over_http, over_grpc = http.InferenceServerClient(address), grpc.InferenceServerClient(grpc_address)

    def ask(client, module, model, inputs, **chosen):
        given = []
        for name, array in inputs.items():
            one = module.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
            given.append(one.set_data_from_numpy(array, **chosen))
        wanted = [module.InferRequestedOutput(name, **chosen) for name in outputs[model]]
        answer = client.infer(model, given, outputs=wanted)
        return {name: answer.as_numpy(name) for name in outputs[model]}

    return {
        "REST, JSON": lambda *given: ask(over_http, http, *given, binary_data=False),
        "REST, bytes": lambda *given: ask(over_http, http, *given, binary_data=True),
        "gRPC": lambda *given: ask(over_grpc, grpc, *given),
    }, over_http


def wrong_requests(inputs):
    """{what is wrong: inputs}, made of right ones."""
    name, array = next(iter(inputs.items()))
    return {
        "shape": {**inputs, name: array[..., None]},
        "datatype": {**inputs, name: array.astype("float64")},
        "an unknown input": {**inputs, "unknown": array},
        "a missing input": {k: x for k, x in inputs.items() if k != name},
    }


def asked(folder, signatures, ask, client):
    """A row for each signature and protocol."""
    from tritonclient.utils import InferenceServerException

    from tfgen.export import golden

    rows = []
    for key, signature in signatures.items():
        model = f"{folder.name}.{key}"
        by_row = all(x["shape"][:1] == [None] for x in signature["inputs"] + signature["outputs"])
        for protocol, call in ask.items():
            differences, refused = [], {}
            for case in golden.load(folder / "golden" / key):
                inputs = {
                    k: x[:, None] if by_row and x.ndim == 1 else scalars_as_rows(x)
                    for k, x in case.inputs.items()
                }
                got = call(model, inputs)
                got = {k: x.reshape(case.outputs[k].shape) for k, x in got.items()}
                differences.append(case.difference(got))
            for what, bad in wrong_requests(inputs).items():
                try:
                    call(model, bad)
                    refused[what] = None
                except InferenceServerException as error:
                    refused[what] = error.status()
            rows.append(
                {
                    "model": model,
                    "protocol": protocol,
                    "difference": max(differences),
                    "refused": refused,
                    "lives_on": client.is_model_ready(model),
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("artifact", type=Path, metavar="DIR")
    parser.add_argument("--to", type=Path, default=Path("results/benchmarks/triton.json"))
    options = parser.parse_args()
    sys.path[:0] = [str(ROOT)]
    from tfgen.export import folders, golden
    from tfgen.files import replacing
    from tools.load import free_ports

    folder = options.artifact.resolve()
    signatures = folders.opened(folder)["signatures"]
    ports = free_ports(3)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place,
        running(folder, Path(place) / "workspace", *ports) as server,
    ):
        outputs = {
            f"{folder.name}.{key}": [output["name"] for output in signature["outputs"]]
            for key, signature in signatures.items()
        }
        ask, client = clients(*(f"127.0.0.1:{port}" for port in ports[:2]), outputs)
        while not all(_ready(client, model) for model in outputs):
            if server.poll() is not None:
                sys.exit(f"Triton ended with exit code {server.returncode}")
            time.sleep(0.2)
        rows = asked(folder, signatures, ask, client)
        version = client.get_server_metadata()["version"]
    record = {"server": f"Triton {version}", "packages": PACKAGES, "rows": rows}
    with replacing(options.to) as part:
        part.write_text(json.dumps(record, indent=2) + "\n")
    bad = [
        row
        for row in rows
        if row["difference"] > golden.BOUND or not row["lives_on"] or None in row["refused"].values()
    ]
    print(f"Triton {version}: {len(rows)} rows, {len(bad)} bad")
    sys.exit(1 if bad else 0)


def _ready(client, model):
    try:
        return client.is_model_ready(model)
    except OSError:
        return False


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(*map(Path, sys.argv[2:4]), *map(int, sys.argv[4:]))
    else:
        main()
