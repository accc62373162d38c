"""Inputs and outputs that every format of an export must reproduce.

They are stored as the ONNX project's model zoo stores its tests: NAME/test_data_set_K/input_I.pb and
output_I.pb, each an ONNX TensorProto with its name.
"""

from typing import NamedTuple

import numpy as np

BOUND = 1e-5


class Case(NamedTuple):
    """Named arrays that go into a signature, and those that come out of it."""

    inputs: dict
    outputs: dict


def save(folder, cases):
    """Writes FOLDER/test_data_set_K for each case."""
    from onnx import numpy_helper

    for number, case in enumerate(cases):
        for kind, arrays in (("input", case.inputs), ("output", case.outputs)):
            for place, (name, array) in enumerate(arrays.items()):
                path = folder / f"test_data_set_{number}" / f"{kind}_{place}.pb"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(numpy_helper.from_array(np.asarray(array), name).SerializeToString())


def load(folder):
    """The cases in a folder that `save` wrote."""
    sets = sorted(folder.glob("test_data_set_*"), key=_number)
    return [Case(_arrays(path, "input"), _arrays(path, "output")) for path in sets]


def _number(path):
    return int(path.stem.rpartition("_")[2])


def _arrays(folder, kind):
    import onnx
    from onnx import numpy_helper

    arrays = {}
    for path in sorted(folder.glob(f"{kind}_*.pb"), key=_number):
        tensor = onnx.TensorProto.FromString(path.read_bytes())
        arrays[tensor.name] = numpy_helper.to_array(tensor)
    return arrays


def difference(got, want):
    """The largest |got - want| / max |want| over named arrays; inf where they are unlike."""
    if got.keys() != want.keys():
        return np.inf
    return max(_difference(np.asarray(got[name]), want[name]) for name in want)


def _difference(got, want):
    if got.shape != want.shape or got.dtype != want.dtype:
        return np.inf
    got, want = got.astype("float64"), want.astype("float64")
    unlike = ~((got == want) | (np.isnan(got) & np.isnan(want)))  # infinities may be equal
    if not unlike.any():
        return 0.0
    error = np.abs(got[unlike] - want[unlike]).max()
    scale = np.abs(want[np.isfinite(want)]).max(initial=0.0)
    return float(error / (scale or 1.0)) if np.isfinite(error) else np.inf
