"""The format "onnx": one file for each signature, and the gate that tf2onnx lacks."""

import contextlib
import logging
import os

from tfgen.errors import InputError
from tfgen.export import golden, onnx_gradients
from tfgen.export.onnx_graph import by_rows, nodes

REQUIRED = True
BOUND = golden.BOUND
PACKAGES = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxslim", "onnxruntime")
OPSET = 18  # the newest that tf2onnx writes


def write(signatures, folder):
    import onnx

    folder.mkdir()
    for signature in signatures:
        onnx.save(convert(signature), folder / f"{signature.name}.onnx")


def differences(folder, cases):
    """{signature: largest difference from its cases}, run in onnxruntime."""
    return {name: _difference(folder / f"{name}.onnx", name, some) for name, some in cases.items()}


def session_options(shapes):
    """The options of onnxruntime that are fastest on a CPU, by the shapes of the inputs.

    For small graphs a second thread gains nothing at batches of 1 to 64, and where others use the cores, too,
    its waiting for work costs half of the speed (loops: even alone). Images of any height are large: 0, which
    is a thread for each core.
    """
    return {"intra_op_num_threads": 0 if any(len(s) == 4 and s[1] is None for s in shapes) else 1}


def session(path):
    """An onnxruntime session on the CPU with the `session_options` of its inputs."""
    import onnx
    import onnxruntime

    types = [one.type.tensor_type for one in onnx.load(path).graph.input]
    shapes = [
        [dim.dim_value if dim.HasField("dim_value") else None for dim in type.shape.dim] for type in types
    ]
    options = onnxruntime.SessionOptions()
    for name, value in session_options(shapes).items():
        setattr(options, name, value)
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _difference(path, name, cases):
    try:
        one = session(path)
        names = [output.name for output in one.get_outputs()]
        runs = [dict(zip(names, one.run(names, case.inputs))) for case in cases]
    except Exception as error:  # onnxruntime's own have no common class
        raise InputError(f"signature {name!r}: onnxruntime cannot run its graph: {error}") from error
    return max(case.difference(got) for got, case in zip(runs, cases))


def convert(signature):
    """The ONNX graph of a signature, checked as a graph but not yet run."""
    import onnxslim
    import tf2onnx

    # With this name set (its value does not matter) tf2onnx does not copy the graph before each of its
    # passes, a third of the time; a pass that fails is then an error, and is not left out unseen.
    os.environ.setdefault("TF2ONNX_CATCH_ERRORS", "FALSE")
    onnx_gradients.register()
    with _quiet("tf2onnx"), whole_outputs(), _frozen_as_graphs():
        proto, _ = tf2onnx.convert.from_function(signature.served, signature.specs, opset=OPSET)
    _check(signature, proto)
    shapes = {x["name"]: x["shape"] for x in (*signature.inputs, *signature.outputs)}
    for end, values in (("", proto.graph.input), ("_of_output", proto.graph.output)):
        for value in values:
            for place, size in enumerate(shapes[value.name]):
                if size is None:  # tf2onnx calls it unk__1 and so on
                    sides = {len(shapes[value.name]) - 3: "height", len(shapes[value.name]) - 2: "width"}
                    name = "batch" if place == 0 else f"{sides[place]}{end}"
                    value.type.tensor_type.shape.dim[place].dim_param = name
    # Its passes over a graph with loops never end by themselves: after the third (of ten) each merges
    # some nodes of a thousand, and takes as long as the first.
    os.environ.setdefault("ONNXSLIM_MAX_ITER", "3")
    proto = onnxslim.slim(proto)
    by_rows(proto.graph)
    del proto.graph.value_info[:]  # runtimes infer these shapes, as the check below does
    _check(signature, proto)
    return proto


@contextlib.contextmanager
def whole_outputs():
    """Inside, tf2onnx leaves a Reshape alone that makes an output of the graph.

    Its optimizer may put a Squeeze behind a Reshape, and tells those who read it. Of an output it tells
    nobody: images of one channel came with a fifth axis, in one of some 25 conversions of CycleGAN, since
    the order of names in a set decides whether the Reshape is the last node.
    """
    from tf2onnx.optimizer.reshape_optimizer import ReshapeOptimizer

    optimize = ReshapeOptimizer._optimize_reshape

    def careful(self, node, graph):
        return node.output[0] not in graph.outputs and optimize(self, node, graph)

    ReshapeOptimizer._optimize_reshape = careful
    try:
        yield
    finally:
        ReshapeOptimizer._optimize_reshape = optimize


@contextlib.contextmanager
def _frozen_as_graphs():
    """Inside, TensorFlow freezes a function into a graph alone.

    It makes a function of that graph, too: a fifth of a conversion, for tf2onnx asks it for its graph again.
    """
    from tensorflow.python.framework import convert_to_constants as freezing

    make = freezing._construct_concrete_function
    freezing._construct_concrete_function = lambda function, graph, indices: _Frozen(graph)
    try:
        yield
    finally:
        freezing._construct_concrete_function = make


class _Frozen:
    """What tf2onnx asks of a frozen function: `frozen.graph.as_graph_def(add_shapes=True)`."""

    def __init__(self, graph):
        self.graph, self._definition = self, graph

    def as_graph_def(self, add_shapes):  # tf2onnx infers the shapes where it imports the graph
        return self._definition


@contextlib.contextmanager
def _quiet(name):
    # tf2onnx logs an unsupported op and goes on; `_check` makes an error of it.
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _place(node):
    """The layer that made a node, of whose name TensorFlow has written the calls that led to it."""
    calls = ("StatefulPartitionedCall", "PartitionedCall")
    return "/".join(part for part in node.name.split("/") if part.split("_")[0] not in calls) or node.name


def _check(signature, proto):
    import onnx

    for side in ("input", "output"):
        want = [x["name"] for x in getattr(signature, f"{side}s")]
        got = [value.name for value in getattr(proto.graph, side)]
        if got != want:
            raise InputError(
                f"signature {signature.name!r} cannot be written as ONNX: its graph has the {side}s "
                f"{got} instead of {want}; a tensor made outside of the method becomes an input: keep "
                f"such constants as NumPy arrays"
            )
    unknown = [node for node in nodes(proto.graph) if not onnx.defs.has(node.op_type)]
    if unknown:
        found = sorted({f"{node.op_type} (in {_place(node)})" for node in unknown})
        advice = "write the method with other TensorFlow operations"
        if all("Grad" in node.op_type for node in unknown):
            advice = "omit --search, whose step is a gradient"
        raise InputError(
            f"signature {signature.name!r} cannot be written as ONNX: it uses {', '.join(found)}, "
            f"which ONNX lacks; {advice}"
        )
    try:
        onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise InputError(f"signature {signature.name!r}: its ONNX graph is invalid: {error}") from error
