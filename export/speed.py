"""An artifact in each runtime: milliseconds a call and images a second at batches of 1, 16 and 64.

    tensorflow          the SavedModel's serving signature
    tensorflow, xla     the same compiled, once for each batch
    onnxruntime         with `tfgen.export.onnx.session_options`
    openvino, litert    of their own files; OpenVINO of the ONNX file where it has none

A runtime is left out where it cannot run the signature or gives other numbers than the golden ones.
The signature is what makes images of noise, or of images; of an autoregressive model also
`sample_from(noise)`, which more runtimes can run than a seed.
"""

import statistics
import time

import numpy as np
import tensorflow as tf

from tfgen.export import golden, onnx
from tfgen.export.folders import of_role
from tfgen.export.signature import draw, sized

from .formats.openvino import OPTIONS

BATCHES = (1, 16, 64)


def take_turns(ways, rounds=30, warm_up=3):
    """Times {name: function} call by call in turn: {name: {"median_ms", "min_ms"}}.

    A function returns what must be waited for, or None, or the milliseconds that it took elsewhere, a float.
    """
    times = {name: [] for name in ways}
    for round_ in range(warm_up + rounds):
        for name, function in ways.items():
            start = time.perf_counter()
            result = function()
            if hasattr(result, "numpy"):
                result.numpy()
            if round_ >= warm_up:
                # Another process has timed itself.
                took = result if isinstance(result, float) else 1e3 * (time.perf_counter() - start)
                times[name].append(took)
    return {
        name: {"median_ms": round(statistics.median(ms), 4), "min_ms": round(min(ms), 4)}
        for name, ms in times.items()
    }


def measured(path, manifest, batches=BATCHES, rounds=None):
    """Rows of a signature and a batch: times, images a second, the fastest runtime.

    Args:
        path: of an artifact.
        manifest: its manifest; it need not be sealed yet.
        batches: how many images a call makes.
        rounds: calls of each runtime, by default 100 of what makes images of noise or of images, else 12.
    """
    fast = [one for role in ("decoder", "translator", "extender") for one in of_role(manifest, role)][:1]
    slow = [name for name in ("sample_from",) if name in manifest["signatures"]] + of_role(
        manifest, "sampler"
    )
    rounds = rounds or (100 if fast else 12)
    return [row for name in fast or slow for row in _rows(path, name, manifest, batches, rounds)]


def _rows(path, name, manifest, batches, rounds):
    inputs = [
        (tf.TensorSpec(one["shape"], one["dtype"], one["name"]), one["values"])
        for one in manifest["signatures"][name]["inputs"]
    ]
    size = next(iter(golden.load(path / "golden" / name)[0].inputs.values())).shape[-3:-1]  # if it is free
    opened = _opened(path, name, golden.bounds(golden.BOUND, manifest)[name])
    for batch in batches:
        rng = np.random.default_rng(0)
        arrays = {spec.name: draw(sized(spec, size), values, batch, rng) for spec, values in inputs}
        ways = {runtime: prepare(arrays) for runtime, prepare in opened.items()}
        times = take_turns(ways, rounds)
        yield {
            "signature": name,
            "batch": batch,
            "times": times,
            "images_per_s": {key: _rate(1e3 * batch / one["median_ms"]) for key, one in times.items()},
            "fastest": min(times, key=lambda runtime: times[runtime]["median_ms"]),
        }


def _rate(images_per_s):
    return round(images_per_s) if images_per_s >= 10 else round(images_per_s, 1)


def _opened(path, name, bound):
    """{runtime: a function of arrays} of those that give a signature's golden outputs.

    The function prepares a call: it returns one without arguments, whose result has come when it returns.
    """
    result = {}
    for runtime, open_runtime in RUNTIMES.items():
        if runtime == "litert" and not (path / "litert").exists():
            continue
        try:
            prepare = open_runtime(path, name)
            gaps = [_gap(prepare, case) for case in golden.load(path / "golden" / name)]
            if max(gaps) > bound:
                raise ValueError(f"differs by {max(gaps):.1e}")
        except Exception as error:  # each runtime has its own
            print(f"{path.name} {name} {runtime}: left out: {str(error).strip().splitlines()[-1][:150]}")
        else:
            result[runtime] = prepare
    return result


def _gap(prepare, case):
    return case.difference(dict(zip(case.outputs, prepare(case.inputs)())))


def _tensorflow(path, name, xla=False):
    loaded = tf.saved_model.load(str(path / "saved_model"))  # it holds the variables
    served = loaded.signatures[name]
    order = sorted(served.structured_outputs)

    def prepare(arrays):
        # XLA must know the number of images, and a seed must not be known.
        sizes = {key: array for key, array in arrays.items() if xla and key == "n"}
        tensors = {key: tf.constant(array) for key, array in arrays.items() if key not in sizes}

        def call(**tensors):
            sized = {key: tf.constant(array) for key, array in sizes.items()}
            return loaded.signatures[name](**tensors, **sized)

        function = tf.function(call, jit_compile=True) if xla else served

        def run():
            outputs = function(**tensors)
            return [outputs[key].numpy() for key in order]

        return run

    return prepare


def _onnxruntime(path, name):
    session = onnx.session(path / "onnx" / f"{name}.onnx")
    return lambda arrays: lambda: session.run(None, arrays)


def _openvino(path, name):
    import openvino

    own = path / "openvino" / f"{name}.xml"
    model = own if own.exists() else path / "onnx" / f"{name}.onnx"
    request = openvino.Core().compile_model(model, "CPU", OPTIONS).create_infer_request()

    def prepare(arrays):
        arrays = {key: np.array(array) for key, array in arrays.items()}
        return lambda: list(request.infer(arrays).values())

    return prepare


def _litert(path, name):
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(path / "litert" / f"{name}.tflite"), num_threads=2).get_signature_runner(name)

    def prepare(arrays):
        def run():
            outputs = runner(**arrays)
            return [outputs[key] for key in sorted(outputs)]

        return run

    return prepare


RUNTIMES = {
    "tensorflow": _tensorflow,
    "tensorflow, xla": lambda path, name: _tensorflow(path, name, xla=True),
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
    "litert": _litert,
}
