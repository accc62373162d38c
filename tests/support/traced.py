"""What a traced function writes, asked of its graph: nothing runs."""

import re

_WRITES = re.compile(r"Assign|ResourceScatter|ResourceApply|ResourceSparseApply|ResourceStridedSliceAssign")
_SKIPPED = {
    "If": 1,
    "StatelessIf": 1,
    "Case": 1,
    "StatelessCase": 1,
}  # inputs that their functions do not see


def operations(concrete):
    """The names of all operations of a ConcreteFunction and of the functions it calls."""
    graph = concrete.graph.as_graph_def()
    return {node.op for node in graph.node} | {n.op for one in graph.library.function for n in one.node_def}


def writes(concrete):
    """[(variable, scope)] of each operation that writes a variable, also in branches and loops.

    Args:
        concrete: a ConcreteFunction.

    Returns:
        A tf.Variable's handle as it was captured, and the operation's name behind those of its callers.
    """
    graph = concrete.graph.as_graph_def()
    library = {one.signature.name: one for one in graph.library.function}
    known = {inner.op.name: outer for outer, inner in concrete.graph.captures}
    found = []

    def walk(nodes, handles, scope):
        for node in nodes:
            inputs = [handles.get(name.lstrip("^").split(":")[0]) for name in node.input]
            path = f"{scope}/{node.name}"
            if node.op == "Identity":
                handles[node.name] = inputs[0]
            if _WRITES.search(node.op):
                assert inputs[0] is not None, f"{path} writes what cannot be followed"
                found.append((inputs[0], path))
            for attribute in node.attr.values():
                for called in (attribute.func.name, *(one.name for one in attribute.list.func)):
                    if called in library:
                        body = library[called]
                        names = [argument.name for argument in body.signature.input_arg]
                        given = dict(zip(names, inputs[_SKIPPED.get(node.op, 0) :]))
                        walk(body.node_def, given, path)

    walk(graph.node, known, "")
    return found
