"""Bounds on log p(x): images a second of the streamed importance bound, with and without XLA.

"graph" is `log_prob` of K draws of each image, as `evaluate` calls it; "xla" the same compiled;
"decoder" runs the decoder on as many z, in graph mode, and nothing else: no bound can be quicker;
"naive" is `log_prob` with TFP's Bernoulli in the place of `likelihoods.log_prob`.
"""

import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.models import VAE
from tfgen.models.variational import likelihoods
from tools.benchmarks import ratio, take_turns

IMAGES, SAMPLES, FULL = 100, 250, (10_000, 5000)  # what is timed, and what the minutes are for


def naive_log_prob(likelihood, images, out):
    return likelihoods.distribution(likelihood, out).log_prob(images)


def run():
    model = VAE((28, 28, 1), body="dense", width=200, latent_dim=50, seed=0)
    images = tf.constant(np.random.default_rng(0).uniform(size=(IMAGES, 28, 28, 1)) < 0.2, tf.float32)
    z = random.normal(random.key(0), (50 * IMAGES, model.latent_dim))

    def bound(**how):
        function = tf.function(lambda: model.log_prob(images, SAMPLES, seed=0), **how)
        return function, function().numpy()  # traced

    @tf.function
    def decoder():
        for _ in tf.range(SAMPLES // 50):
            out = model.decoder(z, training=False)
        return out[0, 0, 0, 0]

    graph, values = bound()
    xla, compiled = bound(jit_compile=True)
    quick, likelihoods.log_prob = likelihoods.log_prob, naive_log_prob
    try:
        naive, expected = bound()
    finally:
        likelihoods.log_prob = quick
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    np.testing.assert_allclose(compiled, expected, rtol=1e-5)
    times = take_turns(dict(graph=graph, xla=xla, naive=naive, decoder=decoder), rounds=12, warm_up=1)
    draws = IMAGES * SAMPLES
    minutes = {
        name: round(times[name]["median_ms"] / 60_000 * FULL[0] * FULL[1] / draws, 2)
        for name in ("graph", "xla", "naive")
    }
    return [
        {
            "model": "VAE 28x28 dense 200-200, 50 latents",
            "images": IMAGES,
            "samples": SAMPLES,
            **times,
            "images_per_second_at_5000": round(1000 * draws / FULL[1] / times["graph"]["median_ms"], 2),
            "minutes_for_10000_images_at_5000": minutes,
            "naive_over_graph": ratio(times, "naive", "graph"),
            "xla_over_graph": ratio(times, "xla", "graph"),
            "graph_over_decoder": ratio(times, "graph", "decoder"),
        }
    ]
