"""The memory of training at 128x128: the peak of a process that builds a model of the paper's size and takes
two steps, batches of 16, beside that of the process before it builds the model."""

import json
import math
import resource
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfgen.models import BigGAN, ProGAN

ROOT = Path(__file__).parents[2]
BATCH, STEPS = 16, 2
LAST = 10**9  # a step of ProGAN's last stage
CASES = {"BigGAN": lambda: BigGAN(seed=0), "ProGAN, last stage": lambda: ProGAN(seed=0)}


def memory():
    rows = []
    for name in CASES:
        command = [sys.executable, "-m", __name__, name]
        out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        rows.append({"model": name, "image": "128x128", "batch": BATCH, **json.loads(out.splitlines()[-1])})
        print(rows[-1], flush=True)
    return rows


def _peak_gb():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)


def main():
    before, model = _peak_gb(), CASES[sys.argv[1]]()
    if isinstance(model, ProGAN):
        model.step.assign(LAST)
    built = _peak_gb()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (BATCH, *model.image_shape), np.uint8)
    batch = (images, np.arange(BATCH) % model.classes) if model.classes else images
    model.compile(jit_compile=False)
    start, peaks = time.monotonic(), []
    note = keras.callbacks.LambdaCallback(on_train_batch_end=lambda *_, **__: peaks.append(_peak_gb()))
    model.fit(tf.data.Dataset.from_tensors(batch).repeat(STEPS), verbose=0, callbacks=[note])
    found = {
        "million parameters": round(sum(math.prod(v.shape) for v in model.trainable_variables) / 1e6, 1),
        "peak_gb": _peak_gb(),
        "after_steps_gb": peaks,
        "built_gb": built,
        "before_gb": before,
        "finite": all(np.isfinite(weights).all() for weights in model.get_weights()),
        "seconds": round(time.monotonic() - start),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
