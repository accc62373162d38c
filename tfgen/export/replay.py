"""Calls what is in a SavedModel. As a script it does so as a stranger would:

    python -P replay.py SAVED_MODEL GOLDEN OUT

calls each signature with the inputs in GOLDEN/NAME.npz and writes OUT/NAME.npz, with
TensorFlow and NumPy alone. So this file imports nothing of tfgen.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    for name in ("tfgen", "keras", "tensorflow_probability"):
        sys.modules[name] = None  # to import one is an error

import numpy as np
import tensorflow as tf


def call(loaded, name, inputs):
    """The outputs of the method `name` ("method/NUMBER") and of the serving signature ("served/NAME")."""
    inputs = {key: tf.constant(array) for key, array in inputs.items()}
    method = tf.nest.flatten(getattr(loaded, name)(*inputs.values()))
    served = loaded.signatures[name](**inputs)
    return {
        **{f"method/{k}": output.numpy() for k, output in enumerate(method)},
        **{f"served/{key}": output.numpy() for key, output in served.items()},
    }


def main(saved_model, golden, out):
    loaded = tf.saved_model.load(saved_model)
    for path in Path(golden).glob("*.npz"):
        cases = {}
        with np.load(path) as arrays:
            for key in arrays.files:
                number, side, name = key.split("/")
                if side == "inputs":
                    cases.setdefault(number, {})[name] = arrays[key]
        results = {
            f"{number}/{key}": output
            for number, inputs in cases.items()
            for key, output in call(loaded, path.stem, inputs).items()
        }
        np.savez(Path(out) / path.name, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
