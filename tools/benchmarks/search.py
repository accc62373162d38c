"""A search of a code, compiled and eager; the compiled one with its compilation."""

from types import SimpleNamespace
from unittest import mock

import numpy as np
import tensorflow as tf

from tfgen import search
from tfgen.models import DCGAN
from tools.benchmarks import ratio, take_turns

SHAPE, STEPS = (32, 32, 3), 300


def eagerly(**options):
    """In place of `tf.function`: the function as it is."""
    return lambda function: SimpleNamespace(get_concrete_function=lambda *_: function)


def run():
    model, rows = DCGAN(SHAPE, width=32, seed=0), []
    known = np.ones((*SHAPE[:2], 1), "float32")
    known[8:24, 8:24] = 0
    for batch in (1, 16):
        images = model.sample(batch, seed=1).numpy()

        def compiled(steps=STEPS, images=images):
            return search.inpaint(model, images, known, steps=steps, starts=1, blend=False)

        def eager(steps=STEPS, compiled=compiled):
            with mock.patch.object(tf, "function", eagerly):
                return compiled(steps)

        np.testing.assert_allclose(compiled(3).z, eager(3).z, atol=1e-3)
        times = take_turns({"compiled": compiled, "eager": eager}, rounds=5)
        rows.append({"model": "DCGAN 32x32x3, width 32", "steps": STEPS, "batch": batch, **times})
        rows[-1] |= ratio(times, "compiled", "eager")
        print(rows[-1], flush=True)
    return rows
