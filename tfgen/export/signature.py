"""A method to export: traced, known to be a function of its inputs, and its golden cases."""

import re

import numpy as np
import tensorflow as tf

from tfgen.errors import InputError
from tfgen.export.golden import BOUND, Case, bound, rounded
from tfgen.export.weights import named
from tfgen.priors import numpy_draw

# TensorFlow's operations that draw noise without a seed, write variables, or call Python.
_IMPURE = re.compile(
    r"Random(?!IndexShuffle)|Multinomial|TruncatedNormal|ParameterizedTruncatedNormal|Rng|"
    r"Stateful(?!PartitionedCall)|Assign|ResourceScatter|ResourceStridedSliceAssign|(Eager)?PyFunc"
)
_SEEDS = ("seed", "key")
SIZES = ("multiple", "smallest", "scale")  # what the manifest says of free heights and widths
_BATCHES = (3, 1, 7, 64)
# What a signature is for, by which pages, servers and cards know it; an entry may say it by itself.
ROLES = {
    "sample": "sampler",
    "generate": "decoder",
    "decode": "decoder",
    "encode": "encoder",
    "log_prob": "likelihood",
    "translate": "translator",
    "extend": "extender",
}


def _named(signature, result):
    """The outputs by name, in the order of `tf.nest.flatten`.

    A dict's keys, or the signature's name for one tensor, or NAME_0, NAME_1, ... for several.
    """
    if isinstance(result, dict):
        return {key: result[key] for key in sorted(result)}
    if isinstance(result, (tuple, list)):
        return {f"{signature}_{k}": tensor for k, tensor in enumerate(result)}
    return {signature: result}


def values_of(model, spec):
    """What values an input takes, as `tfgen.priors` describes them; the golden inputs are drawn so.

    The model says so in `input_values`; what it does not name is a seed, or any number.
    """
    said = getattr(model, "input_values", {})
    if spec.name in said:
        return said[spec.name]
    if spec.dtype.is_floating:
        return {"distribution": "normal"}
    high = int(spec.dtype.max) if spec.name in _SEEDS else 1
    return {"distribution": "integers", "low": 0, "high": high}


def draw(spec, values, batch, rng):
    """An array of what `values_of` says, for a batch of so many."""
    shape = [batch if size is None else size for size in spec.shape]
    drawn = np.full(shape, batch) if values["distribution"] == "batch" else numpy_draw(values, shape, rng)
    return np.asarray(drawn).astype(spec.dtype.as_numpy_dtype)


def sized(spec, size):
    """A spec with free height and width at a size."""
    free, shape = iter(size), spec.shape.as_list()
    rest = [next(free) if x is None else x for x in shape[1:]]
    return tf.TensorSpec([*shape[:1], *rest], spec.dtype, spec.name)


def _shape(tensor):
    return None if tensor.shape.rank is None else tensor.shape.as_list()


class Signature:
    """One entry of `model.signatures()`: (method, specs), or (method, specs, role).

    A translator's images, and frames to continue, may have a free height and width, multiples of the model's
    `multiple`; its outputs are the model's `scale` times as high and wide.

    Attributes:
        name, specs, role: the entry's; the role is by default that of ROLES, or None.
        multiple, scale: of free sizes; None where only the batch is free.
        function: the method as a tf.function; its outputs are nested as the method nests them.
        served: the same with a flat dict of named outputs.
        inputs, outputs: what the manifest says of them; a shape has None for the batch.
        cases: golden cases of batch 3, 1, 7 and 64, inputs from a NumPy generator of seed 0. Of free sizes,
            the second and the fourth, of batch 1 too, are not square; the others are of the size of training.
        rounding: the most that the outputs of the first two cases change, of the largest, if each float input
            moves to the next float32; 0 without such inputs.
    """

    def __init__(self, model, name, method, specs, role=None):
        self.name, self.specs, self._model = name, specs, model
        self.role = ROLES.get(name) if role is None else role
        free = any(None in spec.shape.as_list()[1:] for spec in specs)
        of_any_size = free and self.role in ("translator", "extender")
        self.multiple, self.scale = (model.multiple, model.scale) if of_any_size else (None, None)
        self._check_names()
        self.function = tf.function(method, input_signature=specs, autograph=False)
        self.served = tf.function(
            lambda *inputs: _named(name, self.function(*inputs)), input_signature=specs, autograph=False
        )
        self._graph = self.served.get_concrete_function()
        self._check_pure(model)
        values = [values_of(model, spec) for spec in specs]
        self.inputs = [
            {"name": spec.name, "dtype": spec.dtype.name, "shape": _shape(spec), "values": drawn}
            for spec, drawn in zip(specs, values)
        ]
        results = _named(name, self.function.get_concrete_function().structured_outputs)
        self.outputs = [
            {"name": key, "dtype": tensor.dtype.name, "shape": _shape(tensor)}
            for key, tensor in results.items()
        ]
        self._check_outputs()
        rng = np.random.default_rng(0)
        draws = [
            {spec.name: draw(sized(spec, size), drawn, batch, rng) for spec, drawn in zip(specs, values)}
            for batch, size in self._sizes()
        ]
        levels = getattr(model, "output_levels", {})
        levels = {key: levels[key] for key in results if key in levels}
        self.cases = [Case(inputs, self._run(self._graph, inputs), levels) for inputs in draws]
        self.rounding = max(self._rounding(case) for case in self.cases[:2])
        self._check_method(method)
        self._check_seeds(values, rng)

    @property
    def weights(self):
        """{name: variable} of what the graph uses and of what is not trained."""
        used = {id(variable) for variable in self._graph.variables}
        weights = named(self._model).items()
        return {name: w.value for name, w in weights if id(w.value) in used or not w.trainable}

    @property
    def described(self):
        """What the manifest says of it."""
        free = {} if self.multiple is None else {name: getattr(self._model, name) for name in SIZES}
        sides = {"inputs": self.inputs, "outputs": self.outputs}
        return {"role": self.role, **sides, **free, "rounding": self.rounding}

    def _sizes(self):
        """(batch, (height, width)) of each case; the size is of those that are free."""
        if self.multiple is None:
            return [(batch, ()) for batch in _BATCHES]
        height, width = (size // self.scale for size in self._model.image_shape[:2])
        other = (height + self.multiple, width + 2 * self.multiple)
        return [(3, (height, width)), (1, other), (7, (height, width)), (1, other)]

    def _run(self, function, inputs):
        # On the CPU, where the exports are checked.
        with tf.device("CPU:0"):
            results = _named(self.name, function(*map(tf.constant, inputs.values())))
        return {output["name"]: results[output["name"]].numpy() for output in self.outputs}

    def _rounding(self, case):
        rng = np.random.default_rng(1)
        moved = {name: rounded(x, rng) for name, x in case.inputs.items() if x.dtype.kind == "f"}
        return case.difference(self._run(self._graph, {**case.inputs, **moved})) if moved else 0.0

    def _refuse(self, what):
        raise InputError(f"signature {self.name!r} cannot be exported: {what}")

    def _check_names(self):
        names = [spec.name for spec in self.specs]
        if not self.name.isidentifier() or None in names or len(set(names)) < len(names):
            self._refuse(f"it needs a Python name, and inputs of different names; received {names}")
        shapes = [spec.shape.as_list() for spec in self.specs]
        ends = [[*shape[:1], *shape[1:][-3:]] for shape in shapes]  # of clips, without the frames
        free = {k for end in ends for k, size in enumerate(end) if size is None}
        frames = [size for shape in shapes for size in shape[1:][:-3]]
        if None in frames or not free <= ({0} if self.multiple is None else {0, 1, 2}):
            self._refuse(
                "only the first size of an input, the batch, may be free; of images to translate and of "
                "frames to continue also the height and the width"
            )

    def _check_outputs(self):
        common = {x["name"] for x in self.inputs} & {x["name"] for x in self.outputs}
        if common:
            self._refuse(f"{sorted(common)} names an input and an output; return a dict with other keys")

    def _check_pure(self, model):
        graph = self._graph.graph.as_graph_def()
        nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
        for node in nodes:
            if _IMPURE.match(node.op):
                self._refuse(
                    f"op {node.op} draws noise or changes variables inside of its graph; take the "
                    f"noise, or a seed for tfgen.random, as an input"
                )
        captured = set(map(id, self._graph.captured_inputs))  # a value that Python read is a constant
        counters = {id(model.step.value): "step", id(model.asked.value): "asked"}
        for variable in self._graph.variables:
            if id(variable) in counters and id(variable.handle) in captured:
                self._refuse(
                    f"it depends on the model's counter {counters[id(variable)]!r}, so its noise would "
                    f"be frozen; take the noise, or a seed for tfgen.random, as an input"
                )

    def _check_method(self, method):
        case = self.cases[0]
        gap, most = case.difference(self._run(method, case.inputs)), bound(BOUND, self.rounding)
        if gap > most:
            self._refuse(
                f"its graph and the method itself differ by {gap:.1e} (bound {most:.0e}): either Python "
                f"draws or decides in the method, which is frozen in the graph, or its arithmetic "
                f"loses digits"
            )

    def _check_seeds(self, values, rng):
        for spec, drawn in zip(self.specs, values):
            if spec.name in _SEEDS and all(
                case.difference(self._run(self._graph, {**case.inputs, spec.name: draw(spec, drawn, 1, rng)}))
                == 0
                for case in self.cases
            ):
                self._refuse(f"two values of {spec.name!r} give the same outputs: its noise is frozen")
