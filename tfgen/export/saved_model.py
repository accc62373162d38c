"""The format "saved_model": each signature as a method and as a serving signature."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tfgen.errors import InputError
from tfgen.export.golden import difference

PACKAGES = ("tensorflow", "keras")


def write(signatures, folder):
    import tensorflow as tf

    module = tf.Module()
    module.all_variables = [v for signature in signatures for v in signature.variables]
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


def differences_afresh(folder, golden_folder, cases):
    """The same over the golden files, run in a process that has TensorFlow alone."""
    script = Path(__file__).with_name("replay.py")
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "2"}
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-P", script, folder, golden_folder, out]
        run = subprocess.run(command, env=environment, capture_output=True, text=True)
        if run.returncode:
            last = run.stderr.strip().rpartition("\n")[2] or f"exit code {run.returncode}"
            raise InputError(f"{folder} does not run with TensorFlow alone: {last}")
        result = {}
        for name, some in cases.items():
            with np.load(Path(out) / f"{name}.npz") as arrays:
                for number, case in enumerate(some):
                    prefix = f"{number}/"
                    got = {k.removeprefix(prefix): arrays[k] for k in arrays.files if k.startswith(prefix)}
                    result[name] = max(result.get(name, 0.0), _difference(got, case))
        return result


def _difference(got, case):
    """Of the method's outputs and of the served ones from the case's."""
    want = {f"served/{name}": array for name, array in case.outputs.items()}
    want |= {f"method/{k}": array for k, array in enumerate(case.outputs.values())}
    return difference(got, want)
