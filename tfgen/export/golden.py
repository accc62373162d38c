"""Inputs and outputs that every format of an export must reproduce.

They are stored as the ONNX project's model zoo stores its tests: NAME/test_data_set_K/input_I.pb and
output_I.pb, each an ONNX TensorProto with its name.
"""

from typing import NamedTuple

import numpy as np

BOUND = 1e-5  # of every runtime that computes in float32
LOOSEST = 1e-4  # beyond which float32 is no excuse
# Of images in which one is drawn at another level, by value and level. Between TensorFlow and onnxruntime a
# trained PixelCNN++ of 256 levels has 1.4e-7: 7 of 64 images of 32x32x3.
OTHER_LEVEL = 1e-6


class Case(NamedTuple):
    """Named arrays that go into a signature, and those that come out of it.

    Attributes:
        levels: {name of an output: their number} of images (n, ...) drawn value by value, in the order of
            the array, from the levels k / (levels - 1).
    """

    inputs: dict
    outputs: dict
    levels: dict = {}

    def named(self, *names):
        """The case with other names of its outputs, in their order."""
        other = dict(zip(self.outputs, names, strict=True))
        levels = {other[name]: levels for name, levels in self.levels.items()}
        return Case(self.inputs, {other[name]: array for name, array in self.outputs.items()}, levels)

    def difference(self, got):
        """The largest |got - output| / max |output| over named arrays; inf where they are unlike.

        Where the noise of a value lies within rounding of the end of a level, another runtime may draw
        the next level, and other values after it. So images may differ if the first value that differs
        is one level away: as many as there are values times levels times 1e-6 in the case, which
        few levels do not reach, and no more than half of them.
        """
        if got.keys() != self.outputs.keys():
            return np.inf
        got = {name: np.asarray(array) for name, array in got.items()}
        for name, levels in self.levels.items():
            got[name] = _settled(got[name], self.outputs[name], levels)
        return max(_difference(got[name], want) for name, want in self.outputs.items())


def bound(least, rounding):
    """What a signature's outputs may differ by, of the largest.

    Each runtime rounds in each layer, in an order of its own. A deep network may enlarge that: the paper's
    CycleGAN at 256x256 moves by 1.5e-5 when its input moves by a rounding, and no runtime can do better.

    Args:
        least: the format's own bound, `BOUND` where it computes in float32.
        rounding: what a rounding of the inputs changes.
    """
    return max(least, min(2 * rounding, LOOSEST))


def bounds(least, manifest):
    """{signature: its `bound`} of a manifest; those of earlier versions said no "rounding"."""
    return {name: bound(least, one.get("rounding", 0.0)) for name, one in manifest["signatures"].items()}


def rounded(array, rng):
    """A float array of which each value is the next float32 below or above, by chance."""
    return np.nextafter(array, np.where(rng.random(array.shape) < 0.5, -np.inf, np.inf).astype(array.dtype))


def save(folder, cases):
    """Writes FOLDER/test_data_set_K for each case."""
    from onnx import numpy_helper

    for number, case in enumerate(cases):
        for kind, arrays in (("input", case.inputs), ("output", case.outputs)):
            for place, (name, array) in enumerate(arrays.items()):
                path = folder / f"test_data_set_{number}" / f"{kind}_{place}.pb"
                path.parent.mkdir(parents=True, exist_ok=True)
                tensor = numpy_helper.from_array(np.asarray(array), name)
                if kind == "output" and name in case.levels:
                    tensor.metadata_props.add(key="levels", value=str(case.levels[name]))
                path.write_bytes(tensor.SerializeToString())


def load(folder):
    """The cases in a folder that `save` wrote."""
    sets = sorted(folder.glob("test_data_set_*"), key=_number)
    return [_case(path) for path in sets]


def _number(path):
    return int(path.stem.rpartition("_")[2])


def _case(folder):
    import onnx
    from onnx import numpy_helper

    arrays, levels = {"input": {}, "output": {}}, {}
    for kind, found in arrays.items():
        for path in sorted(folder.glob(f"{kind}_*.pb"), key=_number):
            tensor = onnx.TensorProto.FromString(path.read_bytes())
            found[tensor.name] = numpy_helper.to_array(tensor)
            for said in tensor.metadata_props:
                levels[tensor.name] = int(said.value)
    return Case(arrays["input"], arrays["output"], levels)


def _settled(got, want, levels):
    """`got` with the images of `want` in place of those in which the noise met the end of a level."""
    if got.shape != want.shape:
        return got
    level, wanted = (np.reshape((levels - 1) * x.astype("float64"), (len(x), -1)) for x in (got, want))
    images = np.arange(len(got))
    first = np.argmax(np.abs(level - wanted) > 0.5, axis=1)
    away = np.abs(level[images, first] - wanted[images, first])
    are_levels = np.all((np.abs(level - np.rint(level)) < 1e-3) & (-0.5 < level) & (level < levels - 0.5), 1)
    met = (np.abs(away - 1) < 1e-3) & are_levels
    if met.sum() > min((len(got) + 1) // 2, round(OTHER_LEVEL * want.size * levels)):
        return got
    return np.where(np.reshape(met, (-1, *[1] * (got.ndim - 1))), want, got)


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
