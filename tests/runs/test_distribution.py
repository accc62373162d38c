"""Two processes on one machine train as one does: same global batches, same numbers."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest

SCRIPT = """
import json, sys
import numpy as np, tensorflow as tf
multi = sys.argv[2] == "multi"
strategy = tf.distribute.MultiWorkerMirroredStrategy() if multi else tf.distribute.get_strategy()
from tfgen.models import DCGAN, WGANGP
images = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 1), dtype=np.uint8)
options = tf.data.Options()
options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
data = tf.data.Dataset.from_tensor_slices(images).batch(8).with_options(options)
results = {}
for cls, extra in ((DCGAN, dict(ema_decay=0.9)), (WGANGP, dict(discriminator_steps=2))):
    with strategy.scope():
        model = cls(image_shape=(16, 16, 1), latent_dim=4, width=4, seed=0, **extra)
        model.compile()
    history = model.fit(data, epochs=2, verbose=0).history
    results[cls.__name__] = [list(history.values()), [w.numpy().tolist() for w in model.weights]]
json.dump(results, open(sys.argv[1], "w"))
"""


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@pytest.mark.timeout(180)
def test_two_workers_give_what_one_gives(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    root = str(pathlib.Path(__file__).parents[2])
    processes = []
    for index, kind in ((None, "one"), (0, "multi"), (1, "multi")):
        env = {**os.environ, "PYTHONPATH": root, "TF_CPP_MIN_LOG_LEVEL": "3"}
        if index is not None:
            task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
            env["TF_CONFIG"] = json.dumps(task)
        out = tmp_path / f"{kind}{index}.json"
        command = [sys.executable, script, out, kind]
        pipes = dict(stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        processes.append((out, subprocess.Popen(command, env=env, **pipes)))
    results = []
    for out, process in processes:
        _, errors = process.communicate(timeout=170)
        assert process.returncode == 0, errors.decode()[-2000:]
        results.append(json.loads(out.read_text()))
    alone, *together = results
    for worker in together:
        for name, (history, weights) in alone.items():
            np.testing.assert_allclose(worker[name][0], history, rtol=1e-5, atol=1e-5)
            for a, b in zip(worker[name][1], weights, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
