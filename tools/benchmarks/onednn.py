"""A model's training step with TensorFlow's oneDNN kernels against the one without them."""

import contextlib

from tools.benchmarks import children, ratio, take_turns, training

CASES = (
    "DCGAN 28x28 width 64",
    "WGAN-GP 28x28 width 32",
    "SNGAN 28x28 width 32",
    "InfoGAN 28x28 width 32",
    "VAE 28x28 convolutional",
    "VAE 28x28 dense 200-200",
)
# As this processor is, and as one without AVX-512 is, where TensorFlow leaves oneDNN off: it holds
# oneDNN's kernels to AVX2, in both ways; TensorFlow's own are compiled for AVX.
INSTRUCTIONS = {"": {}, "oneDNN held to AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"}}


def prepare(name):
    """A function that makes a round of the game."""
    model = training.MODELS[name]()
    call = training.turn(training.function_of(model), training.steps_of(model))
    return lambda: call().numpy()


def run():
    rows = []
    for name in CASES:
        for instructions, limit in INSTRUCTIONS.items():
            with contextlib.ExitStack() as stack:
                ways = {
                    way: stack.enter_context(
                        children.way(__name__, name, TF_ENABLE_ONEDNN_OPTS=value, **limit)
                    )
                    for way, value in (("on", "1"), ("off", "0"))
                }
                times = take_turns(ways, rounds=25, warm_up=6)
            row = {"model": name, "batch": training.BATCH, "instructions": instructions}
            rows.append({**row, **times, **ratio(times, "on", "off")})
            print(rows[-1], flush=True)
    return rows
