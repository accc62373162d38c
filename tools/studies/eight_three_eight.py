"""Do three sigmoid units learn a binary code of eight inputs, as in Rumelhart, Hinton and Williams?

The 8-3-8 network is trained from 20 random starts. A start succeeds if every rounded output is the
one-hot input, and the rounded hidden values are eight different codes of three bits.
"""

import keras
import numpy as np
import tensorflow as tf

from tfgen.models import Autoencoder

ONE_HOT = np.eye(8, dtype="float32").reshape(8, 8, 1, 1)
SEEDS, STEPS, RATE = 20, 2000, 0.03


def train(seed):
    """The network after `STEPS` steps on all eight inputs."""
    model = Autoencoder(
        (8, 1, 1), 3, body="linear", code_activation="sigmoid", output_activation="sigmoid", seed=seed
    )
    model.compile(keras.optimizers.Adam(RATE), steps_per_execution=100)
    model.fit(tf.data.Dataset.from_tensors(ONE_HOT).repeat(STEPS), verbose=0)
    return model


def run(folder, data_dir, seed):
    starts, codes = [], []
    for start in range(seed, seed + SEEDS):
        model = train(start)
        hidden, outputs = model.encode(ONE_HOT).numpy(), model.reconstruct(ONE_HOT).numpy()
        reproduced = int((np.rint(outputs) == ONE_HOT).all(axis=(1, 2, 3)).sum())
        different = len(np.unique(np.rint(hidden), axis=0))
        print(f"seed {start}: {reproduced} inputs reproduced, {different} different codes", flush=True)
        starts.append((reproduced == 8, different == 8))
        if all(starts[-1]) and not codes:
            codes = [
                {
                    "seed": start,
                    "input": "".join(str(int(v)) for v in ONE_HOT[i].ravel()),
                    "hidden values": " ".join(f"{v:.2f}" for v in hidden[i]),
                    "code": "".join(str(int(v)) for v in np.rint(hidden[i])),
                    "its output": round(float(outputs[i, i, 0, 0]), 3),
                    "largest other output": round(float(np.delete(outputs[i].ravel(), i).max()), 3),
                }
                for i in range(8)
            ]
            print(*codes, sep="\n", flush=True)
    row = {
        "starts": SEEDS,
        "reproduce all eight inputs": sum(a for a, _ in starts),
        "eight different codes": sum(b for _, b in starts),
        "successes": sum(a and b for a, b in starts),
    }
    protocol = (
        f"Seeds {seed} to {seed + SEEDS - 1}, each {STEPS} steps of Adam at {RATE} on all eight inputs, "
        f"squared error, sigmoid hidden and output units. Success: the outputs round to the inputs, and the "
        f"hidden values to eight different codes. `codes` is the first success."
    )
    return {"protocol": protocol, "rows": [row], "codes": codes}
