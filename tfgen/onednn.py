"""oneDNN, the kernels for processors that TensorFlow leaves off on some of them."""

import os
import platform
import sys


def turn_on():
    """Has TensorFlow use oneDNN, if it is not imported yet and the user has not decided otherwise.

    TensorFlow does so by itself on processors with AVX-512 VNNI and the like alone. Elsewhere too it
    makes convolutional steps faster: results/README.md has the measurement.
    """
    if "tensorflow" not in sys.modules and platform.machine() in ("x86_64", "AMD64"):
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def is_on():
    """Whether TensorFlow, which this imports, uses oneDNN in this process."""
    import tensorflow  # noqa: F401
    from tensorflow.python.util import _pywrap_util_port

    return _pywrap_util_port.IsMklEnabled()


def processor():
    """The processor's name with what oneDNN makes use of, as "AMD EPYC, avx2, avx512f"."""
    try:
        with open("/proc/cpuinfo") as file:
            said = dict(line.split(":", 1) for line in file if ":" in line)
    except OSError:
        return platform.processor()
    said = {name.strip(): value.strip() for name, value in said.items()}
    flags = said.get("flags", "").split()
    return ", ".join(
        [said.get("model name", ""), *(f for f in ("avx2", "avx512f", "avx512_vnni") if f in flags)]
    )
