"""The formats "onnx_fp16" and "onnx_int8": the ONNX files with their weights stored in fewer bits.

A weight is cast back to float32 as the file is loaded, in which everything is calculated, so inputs,
outputs, noise and speed are those of float32; the file is a half or a fourth as large. For 8 bits

    weight = integer * scale,  integer in -127..127,  a scale for each place along one axis,

the axis that loses least.

On generators of 20 k to 170 k trained weights (VAE, DCGAN, PixelCNN) onnxruntime 1.31 does worse:
arithmetic in half precision is 1.2 to 2 times slower on the CPU, breaks the seeds' noise and cannot
convert loops; `quantize_dynamic` and `quantize_static` lose 1.2 to 5 times as much, leave ConvTranspose
or the loops as they are, and are slower, the former 5 times for convolutions.
"""

import numpy as np

from tfgen.errors import InputError
from tfgen.export import onnx as fp32

LEAST = 256  # values of a weight for which it pays


class Stored:
    """A format of `tfgen.export.write`: {signature: file} beside "onnx", of which it is made.

    Args:
        name: of the precision.
        store: a weight -> the arrays that are kept, of which the first is cast to float32 and
            multiplied by the others.
        bound: on the difference.
    """

    PACKAGES = ("onnx", "onnxruntime")
    REQUIRED = False

    def __init__(self, name, store, bound):
        self.name, self.store, self.BOUND = name, store, bound

    def write(self, signatures, folder):
        import onnx

        folder.mkdir()
        refused = {}
        for signature in signatures:
            source = folder.parent / "onnx" / f"{signature.name}.onnx"
            if not source.exists():
                raise InputError(f"{self.name} is made of the ONNX files; add onnx to the formats")
            proto = onnx.load(source)
            if self._stored(proto):
                onnx.checker.check_model(proto, full_check=True)
                onnx.save(proto, folder / source.name)
            else:
                refused[signature.name] = f"it has no weights of {LEAST} values or more"
        return refused

    def differences(self, folder, cases):
        return fp32.differences(folder, cases)

    def remove(self, folder, signature):
        (folder / f"{signature}.onnx").unlink()

    def _stored(self, proto):
        """Stores the graph's weights in fewer bits, in place; how many there were."""
        from onnx import TensorProto, helper, numpy_helper

        graph, kept, nodes = proto.graph, [], []
        for weight in graph.initializer:
            array = numpy_helper.to_array(weight)
            if array.dtype != np.float32 or array.size < LEAST:
                kept.append(weight)
                continue
            name = f"{weight.name}/{self.name}"
            first, *scales = self.store(array)
            kept.append(numpy_helper.from_array(first, name))
            cast = f"{name}/float32" if scales else weight.name
            nodes.append(helper.make_node("Cast", [name], [cast], to=TensorProto.FLOAT))
            for scale in scales:
                kept.append(numpy_helper.from_array(scale, f"{name}/scale"))
                nodes.append(helper.make_node("Mul", [cast, f"{name}/scale"], [weight.name]))
        nodes_before = len(graph.node)
        for field, items in ((graph.initializer, kept), (graph.node, [*nodes, *graph.node])):
            items = [type(item).FromString(item.SerializeToString()) for item in items]
            del field[:]
            field.extend(items)
        return len(graph.node) - nodes_before


def half(weight):
    return (weight.astype(np.float16),)


def eighth(weight):
    """int8 of the weight's shape, and a scale that multiplies it: float32, of size 1 on all axes but one."""
    return min(
        (_along(weight, axis) for axis in range(weight.ndim)), key=lambda stored: _loss(weight, *stored)
    )


def _along(weight, axis):
    others = tuple(other for other in range(weight.ndim) if other != axis)
    scale = np.abs(weight).max(axis=others, keepdims=True) / 127
    scale[scale == 0] = 1
    return np.rint(weight / scale).astype(np.int8), scale.astype(np.float32)


def _loss(weight, integer, scale):
    return float(((integer * scale - weight) ** 2).sum())


# The worst value of 64 images; trained VAE, CVAE, DCGAN and PixelCNN: 1e-4 to 3e-3. A step of an 8-bit
# picture is 4e-3. (Where a value is drawn from levels, a changed one changes all that follow it: 1.)
FP16 = Stored("fp16", half, 1e-2)
# The same models: 2e-3 to 7e-2, at the edges of few images; on average less than a step.
INT8 = Stored("int8", eighth, 1e-1)
