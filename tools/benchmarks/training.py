"""The training step: against a plain Keras loop over the same networks, and with XLA."""

import keras
import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.models import DCGAN, VAE, WGANGP
from tools.benchmarks import ratio, take_turns

BATCH = 128
MODELS = {
    "DCGAN 28x28 width 64": lambda: DCGAN((28, 28, 1), width=64, seed=0),
    "VAE 28x28 convolutional": lambda: VAE((28, 28, 1), seed=0),
    "VAE 28x28 dense 200-200": lambda: VAE((28, 28, 1), body="dense", width=200, latent_dim=50, seed=0),
    "WGAN-GP 28x28 width 32": lambda: WGANGP((28, 28, 1), width=32, seed=0),
}


def batches(model):
    low, high = model.value_range
    images = np.random.default_rng(0).uniform(low, high, (BATCH, *model.image_shape)).astype("float32")
    return iter(tf.data.Dataset.from_tensors(tf.constant(images)).repeat())


def step_of(model, **kwargs):
    """One call of what `fit` calls for each batch."""
    model.compile(**kwargs)
    model.make_train_function()
    data = batches(model)
    return lambda: next(iter(model.train_function(data).values()))


def plain_dcgan(model):
    generator, discriminator = model.generator, model.discriminator
    g_optimizer, d_optimizer = (keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(2))
    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    data = batches(model)

    @tf.function
    def step(data):
        real = next(data)
        z = tf.random.uniform((BATCH, 100), -1, 1)
        with tf.GradientTape() as tape:
            real_logits = discriminator(real, training=True)
            fake_logits = discriminator(generator(z, training=True), training=True)
            d_loss = bce(tf.ones_like(real_logits), real_logits) + bce(
                tf.zeros_like(fake_logits), fake_logits
            )
        gradients = tape.gradient(d_loss, discriminator.trainable_variables)
        d_optimizer.apply_gradients(zip(gradients, discriminator.trainable_variables))
        z = tf.random.uniform((BATCH, 100), -1, 1)
        with tf.GradientTape() as tape:
            fake_logits = discriminator(generator(z, training=True), training=True)
            g_loss = bce(tf.ones_like(fake_logits), fake_logits)
        gradients = tape.gradient(g_loss, generator.trainable_variables)
        g_optimizer.apply_gradients(zip(gradients, generator.trainable_variables))
        return d_loss + g_loss

    return lambda: step(data)


def plain_vae(model):
    encoder, decoder = model.encoder, model.decoder
    variables = [*encoder.trainable_variables, *decoder.trainable_variables]
    optimizer = keras.optimizers.Adam(1e-3)
    data = batches(model)

    @tf.function
    def step(data):
        x = next(data)
        with tf.GradientTape() as tape:
            mean, raw = tf.split(encoder(x, training=True), 2, axis=-1)
            scale = tf.nn.softplus(raw) + 1e-5
            logits = decoder(mean + scale * tf.random.normal(tf.shape(mean)), training=True)
            nll = tf.nn.sigmoid_cross_entropy_with_logits(x, logits)
            rate = 0.5 * tf.reduce_sum(mean**2 + scale**2 - 1 - 2 * tf.math.log(scale), axis=1)
            loss = tf.reduce_mean(tf.reduce_sum(nll, axis=(1, 2, 3)) + rate)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return loss

    return lambda: step(data)


def noise_of(model):
    """One draw of a step's latents."""
    draw = random.uniform if isinstance(model, DCGAN) else random.normal
    return tf.function(lambda: draw(random.key(0, model.step.value, 1), (BATCH, model.latent_dim)))


def against_plain_keras():
    rows = []
    for name, build in MODELS.items():
        if name.startswith("WGAN"):
            continue
        plain = plain_dcgan if name.startswith("DCGAN") else plain_vae
        ways = {"tfgen": step_of(build()), "plain": plain(build()), "one draw of noise": noise_of(build())}
        times = take_turns(ways, rounds=40)
        rows.append({"model": name, "batch": BATCH, **times, **ratio(times, "tfgen", "plain")})
    return rows


def with_and_without_xla():
    rows = []
    for name, build in MODELS.items():
        ways = {"xla": step_of(build(), jit_compile=True), "graph": step_of(build(), jit_compile=False)}
        times = take_turns(ways, rounds=15, warm_up=10)
        rows.append({"model": name, "batch": BATCH, **times, **ratio(times, "xla", "graph")})
    return rows
