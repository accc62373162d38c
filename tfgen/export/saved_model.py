"""The format "saved_model": each signature as a method and as a serving signature."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tfgen.errors import InputError
from tfgen.export import golden

PACKAGES = ("tensorflow", "keras")


REQUIRED = True
BOUND = golden.BOUND


def write(signatures, folder):
    import tensorflow as tf

    module = tf.Module()
    module.weights = {name: v for signature in signatures for name, v in signature.weights.items()}
    for signature in signatures:
        setattr(module, signature.name, signature.function)
    served = {signature.name: signature.served for signature in signatures}
    try:
        tf.saved_model.save(module, str(folder), signatures=served)
    except tf.errors.OpError as error:  # as "PATH; No space left on device"
        raise OSError(error.message.rpartition("; ")[2]) from error


def differences(folder, cases):
    """{signature: largest difference from its cases}, run in this process."""
    import tensorflow as tf

    from tfgen.export import replay

    loaded = tf.saved_model.load(str(folder))
    return {
        name: max(_difference(replay.call(loaded, name, case.inputs), case) for case in some)
        for name, some in cases.items()
    }


def differences_afresh(folder, cases):
    """The same, run in a process that has TensorFlow alone."""
    script = Path(__file__).with_name("replay.py")
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "2"}
    with tempfile.TemporaryDirectory() as given, tempfile.TemporaryDirectory() as out:
        each = [(f"{name}.{k}.npz", case) for name, some in cases.items() for k, case in enumerate(some)]
        for name, case in each:
            np.savez(Path(given) / name, **case.inputs)
        command = [sys.executable, "-P", script, folder, given, out]
        run = subprocess.run(command, env=environment, capture_output=True, text=True)
        if run.returncode:
            last = run.stderr.strip().rpartition("\n")[2] or f"exit code {run.returncode}"
            raise InputError(f"{folder} does not run with TensorFlow alone: {last}")
        result = dict.fromkeys(cases, 0.0)
        for file, case in each:
            name = file.split(".")[0]
            with np.load(Path(out) / file) as arrays:
                result[name] = max(result[name], _difference(dict(arrays), case))
        return result


def weights(folder):
    """{name, as `export.weights.named` gives them: array} of what the signatures use."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    result = {}
    for key in reader.get_variable_to_shape_map():
        if match := re.fullmatch(r"weights/(.+)/\.ATTRIBUTES/VARIABLE_VALUE", key):
            # TensorFlow writes "/" within a name as ".S", and "." as "..".
            result[match[1].replace(".S", "/").replace("..", ".")] = reader.get_tensor(key)
    return result


def _difference(got, case):
    """Of the method's outputs and of the served ones from the case's."""
    method = {name: array for name, array in got.items() if name.startswith("method/")}
    served = {name: array for name, array in got.items() if name not in method}
    return max(
        case.named(*(f"method/{k}" for k in range(len(case.outputs)))).difference(method),
        case.named(*(f"served/{name}" for name in case.outputs)).difference(served),
    )
