"""The exported generator: onnxruntime against the TensorFlow function that it was made from."""

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import tensorflow as tf

from tfgen import export
from tfgen.models.abilities import Codes
from tools.benchmarks import ratio, take_turns
from tools.benchmarks.training import MODELS


def run():
    rows = []
    for name, build in MODELS.items():
        if not name.startswith(("DCGAN", "VAE")):
            continue  # its generator is much like DCGAN's
        model = build()
        signature = "decode" if isinstance(model, Codes) else "generate"
        method, specs = model.signatures()[signature]
        function = tf.function(method, input_signature=specs)
        with tempfile.TemporaryDirectory() as folder:
            export.to_onnx(model, Path(folder) / "artifact")
            session = onnxruntime.InferenceSession(Path(folder) / "artifact" / "onnx" / f"{signature}.onnx")
        for batch in (1, 64):
            z = np.random.default_rng(0).normal(size=(batch, model.latent_dim)).astype("float32")
            tensor = tf.constant(z)
            ways = {
                "onnxruntime": lambda: session.run(None, {"z": z}),
                "tensorflow": lambda: function(tensor),
            }
            times = take_turns(ways, rounds=200 if batch == 1 else 40)
            rows.append({"model": name, "batch": batch, **times, **ratio(times, "onnxruntime", "tensorflow")})
    return rows
