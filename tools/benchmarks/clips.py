"""Models that continue clips: a training step against a plain Keras loop, and clips extended in one loop.

frames      a step of `fit` against a plain Keras loop over the same networks, with the same losses
extending   clips extended by one compiled loop against a compiled call of the network for each frame
"""

import keras
import numpy as np
import tensorflow as tf

from tfgen.models import ContextRNNGAN, FramePredictor
from tools.benchmarks import ratio, take_turns
from tools.benchmarks.translation import batches, bce, ours

STEPS = 16  # frames that follow


def predictor():
    return FramePredictor(**FramePredictor.recipe.model, seed=0)


def plain_framepredictor(model):
    """A function of one step, as one writes it by hand: its logs."""
    generator, discriminator, optimizers = model.generator, model.discriminator, model.default_optimizers()
    logs = ("discriminator_loss", "generator_loss", "reconstruction", "gradient_difference", "adversarial")
    means = {name: keras.metrics.Mean() for name in logs}
    data = batches(model)

    def halved(x):
        return [*(tf.nn.avg_pool2d(x, 2**k, 2**k, "VALID") for k in (3, 2, 1)), x]

    def steps(x):
        return abs(x[:, 1:] - x[:, :-1]), abs(x[:, :, 1:] - x[:, :, :-1])

    def mean(x):
        return tf.reduce_mean(abs(x))

    @tf.function
    def step(data):
        frames = next(data)["frames"]
        x, y = tf.concat(tf.unstack(frames[:, :4], axis=1), -1), halved(frames[:, 4])
        given = halved(x)

        def score(images):
            scores = discriminator([tf.concat(both, -1) for both in zip(given, images)], training=True)
            return tf.concat(scores, -1)

        g_tape = tf.GradientTape()
        with g_tape:
            fakes = generator(x, training=True)
        with tf.GradientTape() as d_tape:
            real, fake = score(y), score([tf.stop_gradient(made) for made in fakes])
            d_loss = 4 * (bce(tf.ones_like(real), real) + bce(tf.zeros_like(fake), fake))
        variables = discriminator.trainable_variables
        optimizers["discriminator"].apply_gradients(zip(d_tape.gradient(d_loss, variables), variables))
        with g_tape:
            fake = score(fakes)
            adversarial = 4 * bce(tf.ones_like(fake), fake)
            l1 = sum(mean(a - b) for a, b in zip(fakes, y))
            gdl = sum(mean(p - q) for a, b in zip(fakes, y) for p, q in zip(steps(a), steps(b)))
            g_loss = l1 + gdl + model.adversarial_weight * adversarial
        variables = generator.trainable_variables
        optimizers["generator"].apply_gradients(zip(g_tape.gradient(g_loss, variables), variables))
        for name, value in zip(logs, (d_loss, g_loss, l1, gdl, adversarial)):
            means[name].update_state(value)
        return {name: one.result() for name, one in means.items()}

    return lambda: step(data)


def against_plain_keras():
    name, got = "FramePredictor 32x32, width 16", ours(predictor())()
    for log, value in plain_framepredictor(predictor())().items():  # the same in the first step
        np.testing.assert_allclose(float(got[log]), float(value), rtol=1e-3, err_msg=f"{name} {log}")
    ways = {"tfgen": ours(predictor()), "plain": plain_framepredictor(predictor())}
    calls = {way: (lambda step=step: next(iter(step().values()))) for way, step in ways.items()}
    times = take_turns(calls, rounds=30)
    batch = FramePredictor.recipe.batch_size
    rows = [{"model": name, "batch": batch, **times, **ratio(times, "tfgen", "plain")}]
    print(rows[-1], flush=True)
    return rows


def extending(sizes=(1, 16, 64)):
    model = ContextRNNGAN(**ContextRNNGAN.recipe.model, seed=0)
    name, rows = f"ContextRNNGAN 32x32, {model.given} frames and {STEPS} more", []
    network = tf.function(model.generator)

    def calls(frames):
        state, made = model.blank(frames), []
        for k in range(model.given + STEPS - 1):
            frame, state = network([frames[:, k] if k < model.given else made[-1], state])
            made.append(frame)
        return tf.stack(made[model.given - 1 :], axis=1)

    for batch in sizes:
        frames = tf.constant(
            np.random.default_rng(0).uniform(-1, 1, (batch, model.given, 32, 32, 1)), "float32"
        )
        np.testing.assert_allclose(model.extend(frames, STEPS), calls(frames), atol=1e-4)
        ways = {"loop": lambda x=frames: model.extend(x, STEPS), "calls": lambda x=frames: calls(x)}
        times = take_turns(ways, rounds=20)
        rows.append({"model": name, "batch": batch, **times, **ratio(times, "calls", "loop")})
        print(rows[-1], flush=True)
    return rows
