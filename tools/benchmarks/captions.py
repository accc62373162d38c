"""Models of captions: a step of the game in `fit` against a plain Keras loop over the same networks.

As one writes it by hand, the loop shows a real image to the discriminator anew with each of its two texts.
"""

import zlib

import keras
import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.models import GANCLS
from tfgen.models.step import TRAINING
from tools.benchmarks import ratio, take_turns

BATCH = 32
MODELS = {
    "GANCLS 32x32, width 48": lambda: GANCLS(**GANCLS.recipe.model, seed=0),
}
bce = keras.losses.BinaryCrossentropy(from_logits=True)


def batches(model):
    rng = np.random.default_rng(0)
    batch = {
        "images": tf.constant(rng.uniform(-1, 1, (BATCH, *model.image_shape)), tf.float32),
        "captions": tf.constant(rng.integers(1, 128, (BATCH, model.length)), tf.int32),
    }
    return iter(tf.data.Dataset.from_tensors(batch).repeat())


def ours(model):
    """One call of what `fit` calls for each batch of the game: its logs."""
    model.compile(jit_compile=False)
    model.step.assign(model.text_steps)  # the encoders have learnt
    model.make_train_function()
    data = batches(model)
    return lambda: model.train_function(data)


def plain(model, noise=None):
    """The loop by hand, with a pass of the generator for each update: a function of one step."""
    generator, discriminator, optimizers = model.generator, model.discriminator, model.default_optimizers()
    means = {name: keras.metrics.Mean() for name in ("discriminator_loss", "generator_loss")}
    noise = noise or (lambda name, rows: tf.random.normal((rows, model.latent_dim)))
    data = batches(model)

    @tf.function
    def step(data):
        batch = next(data)
        images, half = batch["images"], BATCH // 2
        texts = model.text_encoder(batch["captions"], training=False)
        fakes = generator([noise("z", BATCH), texts], training=True)
        with tf.GradientTape() as tape:
            real = discriminator([images, texts], training=True)
            wrong = discriminator([images, tf.roll(texts, 1, axis=0)], training=True)
            fake = discriminator([fakes, texts], training=True)
            zeros = bce(tf.zeros_like(wrong), wrong) + bce(tf.zeros_like(fake), fake)
            d_loss = bce(tf.ones_like(real), real) + 0.5 * zeros
        variables = discriminator.trainable_variables
        optimizers["discriminator"].apply_gradients(zip(tape.gradient(d_loss, variables), variables))
        with tf.GradientTape() as tape:
            fakes = generator([noise("z", BATCH), texts], training=True)
            middle = 0.5 * (texts[:half] + texts[half:])
            between = generator([noise("z between captions", BATCH)[:half], middle], training=True)
            scores = [discriminator(pair, training=True) for pair in ([fakes, texts], [between, middle])]
            g_loss = sum(bce(tf.ones_like(score), score) for score in scores)
        variables = generator.trainable_variables
        optimizers["generator"].apply_gradients(zip(tape.gradient(g_loss, variables), variables))
        for mean, value in zip(means.values(), (d_loss, g_loss)):
            mean.update_state(value)
        return {name: mean.result() for name, mean in means.items()}

    return lambda: step(data)


def check(name, build):
    """That the plain loop does the same: equal losses in the first step, of the noise of ours."""
    model = build()

    def noise(draw, rows):
        key = random.key(model.seed, TRAINING, zlib.crc32(draw.encode()), model.text_steps + 1)
        return random.normal(key, (rows, model.latent_dim))

    by_hand, got = plain(build(), noise)(), ours(model)()
    for log, value in by_hand.items():
        np.testing.assert_allclose(float(got[log]), float(value), rtol=1e-3, err_msg=f"{name} {log}")


def against_plain_keras():
    rows = []
    for name, build in MODELS.items():
        check(name, build)
        ways = {"tfgen": ours(build()), "plain": plain(build())}
        calls = {way: (lambda step=step: step()["generator_loss"]) for way, step in ways.items()}
        times = take_turns(calls, rounds=30)
        rows.append({"model": name, "batch": BATCH, **times, **ratio(times, "tfgen", "plain")})
        print(rows[-1], flush=True)
    return rows
