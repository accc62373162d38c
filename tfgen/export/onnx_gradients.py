"""TensorFlow's operations that a gradient inside of a graph has, and tf2onnx lacks, as ONNX's own.

Those of convolutions are convolutions, which tf2onnx knows. Those of pooling and resizing are refused
(`onnx.convert` says so).
"""

import functools

import numpy as np


def register():
    """Tells tf2onnx how to write them."""
    from tf2onnx import constants
    from tf2onnx.handler import tf_op

    for name, write in WRITERS.items():
        tf_op.register_handler(write, 7, [name], constants.ONNX_DOMAIN, {})


def _elementwise(write):
    """A handler of nodes of two inputs and one output of their shape, which write(make, node, a, b) gives."""

    def handler(graph, node, **_):
        @functools.cache
        def stored(x):
            return graph.make_const(f"{node.name}/{x}", np.float32(x)).output[0]

        def make(kind, *inputs):
            names = [stored(x) if isinstance(x, float) else x for x in inputs]
            return graph.make_node(kind, names).output[0]

        shape, dtype = graph.get_shape(node.output[0]), graph.get_dtype(node.output[0])
        made = write(make, node, *node.input)
        graph.remove_node(node.name)
        graph.make_node("Identity", [made], outputs=node.output, shapes=[shape], dtypes=[dtype])

    return handler


def _relu(make, node, above, x):
    return make("Where", make("Greater", x, 0.0), above, 0.0)


def _leaky_relu(make, node, above, x):
    below = make("Mul", above, float(node.get_attr_value("alpha")))
    return make("Where", make("Greater", x, 0.0), above, below)


def _elu(make, node, above, y):
    return make("Where", make("Greater", y, 0.0), above, make("Mul", above, make("Add", y, 1.0)))


def _tanh(make, node, y, above):
    return make("Mul", above, make("Sub", 1.0, make("Mul", y, y)))


def _sigmoid(make, node, y, above):
    return make("Mul", above, make("Mul", y, make("Sub", 1.0, y)))


def _softplus(make, node, above, x):
    return make("Mul", above, make("Sigmoid", x))


def _rsqrt(make, node, y, above):
    return make("Mul", make("Mul", above, -0.5), make("Mul", y, make("Mul", y, y)))


def _shapes(graph, node, **_):
    """ShapeN: the shapes of several tensors."""
    inputs, outputs, ranks = [*node.input], [*node.output], [len(graph.get_shape(x)) for x in node.input]
    dtypes = [graph.get_dtype(x) for x in outputs]
    graph.remove_node(node.name)
    for x, output, rank, dtype in zip(inputs, outputs, ranks, dtypes):
        sizes = graph.make_node("Shape", [x]).output[0]
        of_output = dict(outputs=[output], dtypes=[dtype], shapes=[[rank]])
        graph.make_node("Cast", [sizes], attr={"to": dtype}, **of_output)


def _offsets(graph, node, **_):
    """ConcatOffset: where each tensor begins in their concatenation, from its axis and their shapes."""
    axis, *shapes = node.input
    outputs, dtype, rank = [*node.output], graph.get_dtype(node.output[0]), graph.get_shape(node.output[0])
    place = int(graph.get_node_by_output(axis).get_tensor_value())
    along = graph.make_const(f"{node.name}/axis", np.eye(rank[0], dtype=np.int32)[place]).output[0]
    here = graph.make_const(f"{node.name}/first", np.zeros(rank, np.int32)).output[0]
    graph.remove_node(node.name)
    for shape, output in zip(shapes, outputs):
        graph.make_node("Identity", [here], outputs=[output], dtypes=[dtype], shapes=[rank])
        step = graph.make_node("Mul", [shape, along]).output[0]
        here = graph.make_node("Add", [here, step]).output[0]


WRITERS = {
    "ReluGrad": _elementwise(_relu),
    "LeakyReluGrad": _elementwise(_leaky_relu),
    "EluGrad": _elementwise(_elu),
    "TanhGrad": _elementwise(_tanh),
    "SigmoidGrad": _elementwise(_sigmoid),
    "SoftplusGrad": _elementwise(_softplus),
    "RsqrtGrad": _elementwise(_rsqrt),
    "ShapeN": _shapes,
    "ConcatOffset": _offsets,
}
