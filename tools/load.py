"""Measures a server under load, and checks its answers: python tools/load.py DIR... [--to FILE.json]

Serves artifacts by `tfgen-export serve` on loopback and asks for one image a request, over REST
(JSON) and gRPC (raw bytes), by 1, 8 and 64 clients, each of which sends its next request when it has
its answer. Clients and server share the machine. Every answer is compared with what onnxruntime
gives for the same input alone; "wrong" counts those that differ by more than 1e-5 of the largest,
"failed" those that are no answer.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

CLIENTS = (1, 8, 64)
INPUTS = 64  # different requests of a signature
OF_NOISE = ("decode", "generate", "sample_from")


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def server(*arguments, seconds=90):
    """`tfgen-export serve` with these arguments; yields (process, REST address, gRPC address)."""
    port, grpc_port = free_ports(2)
    command = [sys.executable, "-m", "export", "serve", *map(str, arguments)]
    command += ["--port", str(port), "--grpc-port", str(grpc_port)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_ready(process, f"127.0.0.1:{port}", seconds)
        yield process, f"127.0.0.1:{port}", f"127.0.0.1:{grpc_port}"
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def wait_ready(process, address, seconds):
    """Returns when a server says that its models are ready; a RuntimeError if it ends or is too late."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {process.communicate()[1]}")
        with contextlib.suppress(OSError, urllib.error.URLError):
            with urllib.request.urlopen(f"http://{address}/v2/health/ready", timeout=5) as answer:
                if answer.status == 200:
                    return
        time.sleep(0.05)
    raise RuntimeError(f"the server is not ready after {seconds} s")


def cases(folder, name, signature):
    """INPUTS pairs of inputs and outputs of one image: drawn as golden data are, and by onnxruntime."""
    import onnxruntime
    import tensorflow as tf

    from tfgen.export.signature import draw

    session = onnxruntime.InferenceSession(folder / "onnx" / f"{name}.onnx")
    rng, found = np.random.default_rng(1), []
    for _ in range(INPUTS):
        inputs = {
            x["name"]: draw(tf.TensorSpec(x["shape"], x["dtype"]), x["values"], 1, rng)
            for x in signature["inputs"]
        }
        outputs = {output["name"]: None for output in signature["outputs"]}
        found.append((inputs, dict(zip(outputs, session.run(list(outputs), inputs)))))
    return found


class REST:
    """Requests as JSON."""

    def __init__(self, address, model, inputs):
        self._url = f"http://{address}/v2/models/{model}/infer"
        self._bodies = [self._body(one) for one in inputs]

    @staticmethod
    def _body(inputs):
        from export.serving.inputs import DATATYPES

        tensors = [
            {
                "name": name,
                "datatype": DATATYPES[x.dtype.name],
                "shape": x.shape or [1],
                "data": x.ravel().tolist(),
            }
            for name, x in inputs.items()
        ]
        return json.dumps({"inputs": tensors}).encode()

    async def __aenter__(self):
        import aiohttp

        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), headers={"Content-Type": "application/json"}
        )
        return self

    async def __aexit__(self, *_):
        await self._session.close()

    async def ask(self, place):
        async with self._session.post(self._url, data=self._bodies[place]) as answer:
            return await answer.read() if answer.status == 200 else None

    @staticmethod
    def outputs(answer):
        return {
            x["name"]: np.array(x["data"], "float32").reshape(x["shape"])
            for x in json.loads(answer)["outputs"]
        }


class GRPC:
    """Requests with the numbers as bytes, all over one connection."""

    def __init__(self, address, model, inputs):
        from tritonclient.grpc import service_pb2

        from export.serving.inputs import DATATYPES

        self._address, self._requests = address, []
        for one in inputs:
            request = service_pb2.ModelInferRequest(model_name=model)
            for name, x in one.items():
                request.inputs.add(name=name, datatype=DATATYPES[x.dtype.name], shape=x.shape or [1])
                request.raw_input_contents.append(x.tobytes())
            self._requests.append(request)

    async def __aenter__(self):
        import grpc
        from tritonclient.grpc import service_pb2_grpc

        self._channel = grpc.aio.insecure_channel(self._address)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        return self

    async def __aexit__(self, *_):
        await self._channel.close()

    async def ask(self, place):
        import grpc

        try:
            return await self._stub.ModelInfer(self._requests[place])
        except grpc.RpcError:
            return None

    @staticmethod
    def outputs(answer):
        return {
            x.name: np.frombuffer(raw, "float32").reshape(x.shape)
            for x, raw in zip(answer.outputs, answer.raw_output_contents)
        }


async def measured(client, clients, requests, seconds):
    """[(which input, answer, seconds it took)] and the seconds of all."""
    found, numbers = [], iter(range(requests))
    for place in range(min(clients, INPUTS)):
        await client.ask(place)
    start = time.perf_counter()

    async def one():
        for number in numbers:
            begin = time.perf_counter()
            if begin - start > seconds:
                return
            answer = await client.ask(number % INPUTS)
            found.append((number % INPUTS, answer, time.perf_counter() - begin))

    await asyncio.gather(*(one() for _ in range(clients)))
    return found, time.perf_counter() - start


async def rows(addresses, model, pairs, requests, seconds):
    from tfgen.export import golden

    for kind, address in zip((REST, GRPC), addresses):
        for clients in CLIENTS:
            async with kind(address, model, [inputs for inputs, _ in pairs]) as client:
                found, took = await measured(client, clients, requests, seconds)
            answers = [(pairs[place][1], answer) for place, answer, _ in found if answer is not None]
            differences = [golden.Case({}, want).difference(kind.outputs(answer)) for want, answer in answers]
            times = 1e3 * np.array([duration for *_, duration in found])
            yield {
                "model": model,
                "protocol": kind.__name__,
                "clients": clients,
                "requests": len(found),
                "p50_ms": round(float(np.percentile(times, 50)), 2),
                "p99_ms": round(float(np.percentile(times, 99)), 2),
                "images_per_second": round(len(answers) / took, 1),
                "wrong": int(np.sum(np.array(differences) > golden.BOUND)),
                "failed": len(found) - len(answers),
                "largest_difference": max(differences, default=None),
            }


def table(record):
    """The markdown table of a record that this tool wrote."""
    lines = [
        "| model | protocol | clients | p50 ms | p99 ms | images/s | wrong answers |",
        "| --- " * 7 + "|",
    ]
    for row in record["rows"]:
        wrong = row["wrong"] + row["failed"]
        figures = f"{row['p50_ms']:.1f} | {row['p99_ms']:.1f} | {row['images_per_second']:.0f}"
        asked = f"{row['model']} | {row['protocol']} | {row['clients']}"
        lines.append(f"| {asked} | {figures} | {wrong} of {row['requests']} |")
    return "\n".join(lines)


async def run(folders, requests, seconds):
    from tfgen.export import folders as exports

    found = []
    with server(*folders) as (_, *addresses):
        for folder in folders:
            signatures = exports.opened(folder)["signatures"]
            for name in [*(name for name in OF_NOISE if name in signatures), "sample"]:
                pairs = cases(folder, name, signatures[name])
                async for row in rows(addresses, f"{folder.name}.{name}", pairs, requests, seconds):
                    print(json.dumps(row), flush=True)
                    found.append(row)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("artifacts", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--to", type=Path, default=Path("results/benchmarks/serving.json"))
    parser.add_argument("--requests", type=int, default=1000, help="of each row, at most")
    parser.add_argument("--seconds", type=float, default=10, help="of each row, at most")
    options = parser.parse_args()
    found = asyncio.run(
        run([path.resolve() for path in options.artifacts], options.requests, options.seconds)
    )
    packages = ("mlserver", "onnxruntime", "numpy", "grpcio", "uvicorn")
    record = {
        "machine": {
            "cpu_cores": os.cpu_count(),
            "machine": platform.machine(),
            "versions": {name: version(name) for name in packages},
        },
        "rows": found,
    }
    from tfgen.files import replacing

    with replacing(options.to) as part:
        part.write_text(json.dumps(record, indent=2) + "\n")
    print(table(record))
    bad = sum(row["wrong"] + row["failed"] for row in found)
    sys.exit(f"{bad} wrong answers" if bad else 0)


if __name__ == "__main__":
    main()
