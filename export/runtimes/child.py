"""Runs signatures in one of Python's runtimes: python -P child.py RUNTIME JOBS ANSWERS

As a stranger would: with the runtime and NumPy alone. So this file imports nothing of tfgen, and what
is in BLOCKED cannot be imported. `__init__.py` beside it says what is read and written.
"""

import base64
import functools
import importlib.metadata
import json
import sys
from pathlib import Path

ALLOWED = {  # what a runtime needs of what others must do without
    "tensorflow": ("tensorflow",),
    "onnx": ("onnx",),
    "openvino-saved_model": ("tensorflow", "keras"),  # its converter asks whether it has a Keras model
}
BLOCKED = ("tfgen", "tensorflow_probability", "tf_keras", "keras", "tensorflow", "onnx")

if __name__ == "__main__":
    for name in BLOCKED:
        if name not in ALLOWED.get(sys.argv[1], ()):
            sys.modules[name] = None  # to import one is an error

import numpy as np


@functools.cache
def _loaded(path):
    import tensorflow as tf

    return tf.saved_model.load(path)


def tensorflow(path, signature, outputs):
    """The serving signature's outputs by name, and those of the method as "method/NUMBER"."""
    import tensorflow as tf

    loaded = _loaded(path)

    def run(inputs):
        inputs = {name: tf.constant(array) for name, array in inputs.items()}
        served = loaded.signatures[signature](**inputs)
        method = tf.nest.flatten(getattr(loaded, signature)(*inputs.values()))
        return {**served, **{f"method/{k}": tensor for k, tensor in enumerate(method)}}

    return run


def onnxruntime(path, signature, outputs):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda inputs: dict(zip(outputs, session.run(outputs, inputs)))


def onnx(path, signature, outputs):
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(path)
    return lambda inputs: dict(zip(outputs, evaluator.run(outputs, inputs)))


def _compiled(model, outputs):
    import openvino

    # CPUs that can would calculate in bfloat16 else.
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(inputs):
        # Its outputs may have lost their names, but not their order. It needs arrays that are writable.
        results = compiled({name: np.array(array) for name, array in inputs.items()})
        return {name: results[place] for place, name in enumerate(outputs)}

    return run


def openvino(path, signature, outputs):
    return _compiled(path, outputs)


def openvino_saved_model(path, signature, outputs):
    import openvino

    model = openvino.convert_model(_loaded(path).signatures[signature])
    order = [next(k for k, port in enumerate(model.outputs) if name in port.names) for name in outputs]
    run = _compiled(model, range(len(outputs)))

    def named(inputs):
        results = run(inputs)
        return {name: results[place] for name, place in zip(outputs, order)}

    return named


def ai_edge_litert(path, signature, outputs):
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(path).get_signature_runner(signature)
    return lambda inputs: runner(**inputs)


def _answer(open_model, job):
    run = open_model(job["path"], job["signature"], job["outputs"])
    cases = []
    for tensors in job["inputs"]:
        results = run({tensor["name"]: _unpacked(tensor) for tensor in tensors})
        cases.append([_packed(name, np.asarray(array)) for name, array in results.items()])
    return cases


def _unpacked(tensor):
    data = base64.b64decode(tensor["data"])
    return np.frombuffer(data, tensor["dtype"]).reshape(tensor["shape"])


def _packed(name, array):
    data = base64.b64encode(array.tobytes()).decode()
    return {"name": name, "dtype": array.dtype.name, "shape": array.shape, "data": data}


def main(runtime, jobs, answers):
    open_model = globals()[runtime.replace("-", "_")]
    package = runtime.partition("-")[0].replace("_", "-")
    with open(answers, "a", buffering=1) as stream:
        print(json.dumps({"versions": {package: importlib.metadata.version(package)}}), file=stream)
        for job in json.loads(Path(jobs).read_text()):
            try:
                answer = {"outputs": _answer(open_model, job)}
            except Exception as error:  # each runtime has its own
                answer = {"error": str(error) or type(error).__name__}
            print(json.dumps(answer), file=stream)


if __name__ == "__main__":
    main(*sys.argv[1:])
