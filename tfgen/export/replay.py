"""Calls what is in a SavedModel. As a script it does so as a stranger would:

    python -P replay.py SAVED_MODEL IN OUT

calls each signature NAME with the arrays in IN/NAME.K.npz and writes OUT/NAME.K.npz, with
TensorFlow and NumPy alone. So this file imports nothing of tfgen.
"""

import gc
import sys
from pathlib import Path

if __name__ == "__main__":
    gc.disable()  # its imports make a million objects and no garbage
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


def main(saved_model, given, out):
    loaded = tf.saved_model.load(saved_model)
    for path in Path(given).glob("*.npz"):
        with np.load(path) as arrays:
            np.savez(Path(out) / path.name, **call(loaded, path.name.split(".")[0], dict(arrays)))


if __name__ == "__main__":
    main(*sys.argv[1:])
