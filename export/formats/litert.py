"""The format "litert": one file for each signature, run by `ai_edge_litert`.

`Interpreter(FILE).get_signature_runner(NAME)(**inputs)` gives the outputs by name, for any batch.
The interpreter has LiteRT's built-in operations alone: a signature that needs another of
TensorFlow's is refused with that operation's name. So are those that take a seed, for LiteRT
divides no 64-bit integers.
"""

import re

from tfgen.export import golden

from .saved import imported, saved

REQUIRED = False
BOUND = golden.BOUND
PACKAGES = ("tensorflow", "keras", "ai_edge_litert")


def write(signatures, folder):
    import tensorflow as tf

    imported("ai_edge_litert")
    folder.mkdir()
    refused = {}
    for signature in signatures:
        with saved(signature) as model:
            # From a SavedModel, whose variables it freezes; those of a function it reads as NaN.
            converter = tf.lite.TFLiteConverter.from_saved_model(model, signature_keys=[signature.name])
            try:
                content = converter.convert()
            except Exception as error:  # the converter's own have no common class
                refused[signature.name] = _reason(str(error))
                continue
        _file(folder, signature.name).write_bytes(content)
    return refused


def differences(folder, cases):
    """{signature: largest difference from its cases}, run in LiteRT."""
    return {name: _difference(_file(folder, name), name, some) for name, some in cases.items()}


def remove(folder, signature):
    _file(folder, signature).unlink()


def _file(folder, signature):
    return folder / f"{signature}.tflite"


def _difference(path, name, cases):
    interpreter = imported("ai_edge_litert.interpreter").Interpreter(str(path))
    try:
        runner = interpreter.get_signature_runner(name)
        return max(case.difference(runner(**case.inputs)) for case in cases)
    except (RuntimeError, ValueError):  # of an operation that the interpreter has not, or not in this type
        return float("inf")


def _reason(error):
    lacking = sorted(set(re.findall(r"'tf\.(\w+)' op is neither", error)))
    if lacking:
        return f"LiteRT lacks TensorFlow's operation {', '.join(lacking)}"
    return f"LiteRT's converter fails: {error.strip().splitlines()[0][:200]}"
