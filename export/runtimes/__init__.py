"""Runtimes that an artifact is run in, each in a process of its own.

    JOBS      a JSON list of {"path": a model's file or folder, "signature": NAME, "inputs": a list of
              cases, each a list of tensors, "outputs": names}
    ANSWERS   JSON lines: {"versions": {name: version}}, then for each job in turn
              {"outputs": a list of cases} or {"error": text}
    tensor    {"name", "dtype", "shape", "data": little-endian bytes in base64}

`child.py`, `node.mjs` and `web.py` read the one and write the other.
"""

import base64
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfgen.errors import InputError

from .. import browser, node

HERE = Path(__file__).parent


class Runtime(NamedTuple):
    """How one is started, and on which files of an artifact.

    Attributes:
        format: the folder in the artifact.
        suffix: of a signature's file there; None where the folder is one model.
        package: what is imported in it ("node" and "web": the JavaScript ones).
        child: its name in `child.py`, by default that of the package.
    """

    format: str
    suffix: str | None
    package: str
    child: str = ""

    def command(self):
        """What to start, up to JOBS and ANSWERS; an InputError that says what to install for it."""
        if self.package == "node":
            return [node.executable(), HERE / "node.mjs", node.modules()]
        if self.package == "web":
            browser.executable()
            node.modules()
            self._find("playwright", "test")
            return [sys.executable, "-m", f"{__package__}.web"]
        self._find(self.package, "runtimes")
        return [sys.executable, "-P", HERE / "child.py", self.child or self.package]

    @staticmethod
    def _find(package, extra):
        if importlib.util.find_spec(package) is None:
            raise InputError(f"{package} is not installed; pip install 'tfgen[{extra}]'")


RUNTIMES = {
    "saved_model": Runtime("saved_model", None, "tensorflow"),
    "onnxruntime": Runtime("onnx", ".onnx", "onnxruntime"),
    "onnxruntime-fp16": Runtime("onnx_fp16", ".onnx", "onnxruntime"),
    "onnxruntime-int8": Runtime("onnx_int8", ".onnx", "onnxruntime"),
    "onnxruntime-node": Runtime("onnx", ".onnx", "node"),
    "onnxruntime-web": Runtime("onnx", ".onnx", "web"),
    "onnx-reference": Runtime("onnx", ".onnx", "onnx"),
    "openvino": Runtime("onnx", ".onnx", "openvino"),
    "openvino-saved_model": Runtime("saved_model", None, "openvino", "openvino-saved_model"),
    "openvino-ir": Runtime("openvino", ".xml", "openvino"),
    "litert": Runtime("litert", ".tflite", "ai_edge_litert"),
}
# Where other numbers than the golden ones are an error: what an artifact promises.
REQUIRED = ("saved_model", "onnxruntime")


def packed(name, array):
    """A tensor as JSON has it."""
    array = np.asarray(array)
    data = base64.b64encode(array.tobytes()).decode()
    return {"name": name, "dtype": array.dtype.name, "shape": array.shape, "data": data}


def unpacked(tensor):
    return np.frombuffer(base64.b64decode(tensor["data"]), tensor["dtype"]).reshape(tensor["shape"])


def run(command, jobs, limit):
    """The answers to jobs, and the runtime's versions.

    A job that ends its process, or takes more than `limit` seconds, is answered by an "error"; those
    behind it go to a new process.
    """
    answers, versions = [], None
    while len(answers) < len(jobs):
        found, end = _process(command, jobs[len(answers) :], limit)
        if not found:  # it did not even start
            answers += [{"error": end}] * (len(jobs) - len(answers))
            break
        versions = found.pop(0)["versions"]
        answers += found
        if len(answers) < len(jobs):
            answers.append({"error": end})
    return answers, versions


def _process(command, jobs, limit):
    """The lines that a process has written, and how it ended."""
    with tempfile.TemporaryDirectory() as folder:
        given, got, log = (Path(folder) / name for name in ("jobs.json", "answers.jsonl", "log"))
        given.write_text(json.dumps(jobs))
        got.touch()
        with open(log, "wb") as stream:
            process = subprocess.Popen(
                [*command, given, got],
                cwd=HERE.parents[1],
                env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "2"},
                stdout=subprocess.DEVNULL,
                stderr=stream,
                start_new_session=True,  # so that what it starts ends with it
            )
        try:
            size, since, late = 0, time.monotonic(), False
            while process.poll() is None and not late:
                time.sleep(0.02)
                if got.stat().st_size != size:
                    size, since = got.stat().st_size, time.monotonic()
                late = time.monotonic() - since > limit
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
        # Its last line may be cut.
        lines = [json.loads(line) for line in got.read_text().splitlines(True) if line.endswith("\n")]
        if late:
            return lines, f"no answer within {limit:g} s"
        if code < 0:
            return lines, f"its process ended by {signal.Signals(-code).name}"
        return lines, said(log.read_text(errors="replace")) or f"its process ended with exit code {code}"


def said(text):
    """The line of an error's text that tells most: the last, without a hint of where to read more."""
    lines = [line.strip().removeprefix("-- ") for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("To facilitate", "Node.js v"))]
    return lines[-1][:300] if lines else ""
