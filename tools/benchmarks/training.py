"""The training step: against a plain Keras loop over the same networks, and with XLA."""

import math
import time
import zlib

import keras
import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.layers import SpectralNormalization
from tfgen.models import (
    DCGAN,
    GAN3D,
    SNGAN,
    VAE,
    WGANGP,
    BigGAN,
    GatedPixelCNN,
    InfoGAN,
    PixelCNN,
    PixelCNNPlusPlus,
    PixelRNN,
)
from tfgen.models.autoregressive import logistic_mixture
from tfgen.models.autoregressive.base import AutoregressiveModel
from tfgen.models.step import TRAINING
from tools.benchmarks import ratio, take_turns

BATCH = 128
MODELS = {
    "DCGAN 28x28 width 64": lambda: DCGAN((28, 28, 1), width=64, seed=0),
    "WGAN-GP 28x28 width 32": lambda: WGANGP((28, 28, 1), width=32, seed=0),
    "SNGAN 28x28 width 32": lambda: SNGAN((28, 28, 1), width=32, seed=0),
    "InfoGAN 28x28 width 32": lambda: InfoGAN((28, 28, 1), width=32, seed=0),
    "VAE 28x28 convolutional": lambda: VAE((28, 28, 1), seed=0),
    "VAE 28x28 dense 200-200": lambda: VAE((28, 28, 1), body="dense", width=200, latent_dim=50, seed=0),
}
# D always learns, as in the plain loop.
ALWAYS = dict(highest_accuracy=1.0, seed=0)
MODELS["GAN3D 24x24x24 width 16"] = lambda: GAN3D((24, 24, 24, 1), width=16, **ALWAYS)
# Models of pixels, in batches of 16.
GREY = dict(image_shape=(28, 28, 1), levels=2, seed=0)
MODELS |= {
    "PixelCNN 28x28, width 32, depth 7": lambda: PixelCNN(**GREY, width=32, depth=7),
    "Gated PixelCNN 28x28, width 32, depth 7": lambda: GatedPixelCNN(**GREY, width=32, depth=7),
    "Row LSTM 28x28, width 16, depth 7": lambda: PixelRNN(**GREY, width=16, depth=7, lstm="row"),
    "Diagonal BiLSTM 28x28, width 16, depth 7": lambda: PixelRNN(**GREY, width=16, depth=7),
    "PixelCNN++ 32x32x3, width 24, a block each": lambda: PixelCNNPlusPlus(
        width=24, blocks=1, mixtures=5, dropout=0.0, seed=0
    ),
}


# Of classes, in batches of 64.
BIG = dict(image_shape=(32, 32, 3), width=16, attention=16, discriminator_steps=1, seed=0)
MODELS["BigGAN 32x32, width 16, attention"] = lambda: BigGAN(**BIG)


def batch_of(model):
    if isinstance(model, BigGAN):
        return 64
    return 16 if isinstance(model, AutoregressiveModel) else BATCH


def batches(model):
    low, high = model.value_range
    shape = (batch_of(model), *model.image_shape)
    images = np.random.default_rng(0).uniform(low, high, shape).astype("float32")
    batch = (images, np.arange(len(images)) % model.classes) if model.classes else images
    return iter(tf.data.Dataset.from_tensors(batch).repeat())


def function_of(model, **kwargs):
    """One call of what `fit` calls for each batch: its logs."""
    model.compile(**kwargs)
    model.make_train_function()
    data = batches(model)
    return lambda: model.train_function(data)


def turn(function, steps=1):
    """`function`, so many times, and one tensor to wait for."""

    def run():
        for _ in range(steps):
            logs = function()
        return next(iter(logs.values()))

    return run


def steps_of(model):
    """How many steps make a round of the game: an update of each network."""
    return max(objective.every for objective in model.objectives().values())


class PlainVAE(keras.Model):
    """As keras.io writes it, with its three means: `fit` calls its steps as it calls ours.

    A step of some milliseconds would otherwise be compared by what Keras' `fit` itself takes.
    """

    def __init__(self, model):
        super().__init__()
        self.encoder, self.decoder = model.encoder, model.decoder
        self.means = [keras.metrics.Mean(name=name) for name in ("loss", "reconstruction_loss", "kl_loss")]

    def train_step(self, x):
        with tf.GradientTape() as tape:
            mean, raw = tf.split(self.encoder(x, training=True), 2, axis=-1)
            scale = tf.nn.softplus(raw) + 1e-5
            logits = self.decoder(mean + scale * tf.random.normal(tf.shape(mean)), training=True)
            nll = tf.nn.sigmoid_cross_entropy_with_logits(x, logits)
            nll = tf.reduce_mean(tf.reduce_sum(nll, axis=(1, 2, 3)))
            rate = 0.5 * tf.reduce_sum(mean**2 + scale**2 - 1 - 2 * tf.math.log(scale), axis=1)
            rate = tf.reduce_mean(rate)
            loss = nll + rate
        variables = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        for tracker, value in zip(self.means, (loss, nll, rate)):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.means}


def plain_vae(model):
    plain, data = PlainVAE(model), batches(model)
    plain.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
    plain.make_train_function()
    return lambda: plain.train_function(data)


def plain_likelihood(model):
    predictor, optimizer = model.predictor, model.default_optimizers()
    nats, bits = keras.metrics.Mean(), keras.metrics.Mean()
    data, variables = batches(model), predictor.trainable_variables

    def log_likelihood(out, x):
        if isinstance(model, PixelCNNPlusPlus):
            return logistic_mixture.log_likelihood(out, x, model.levels)
        level = tf.cast(x * (model.levels - 1), tf.int32)
        return -tf.nn.sparse_softmax_cross_entropy_with_logits(level, out)

    @tf.function
    def step(data):
        x = tf.round(next(data) * (model.levels - 1)) / (model.levels - 1)
        with tf.GradientTape() as tape:
            each = log_likelihood(predictor(x, training=True), x)
            loss = -tf.reduce_mean(tf.reduce_sum(each, axis=(1, 2, 3)))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        nats.update_state(loss)
        bits.update_state(loss / (math.prod(model.image_shape) * math.log(2)))
        return {"likelihood_loss": nats.result(), "bits_per_dim": bits.result()}

    return lambda: step(data)


# The losses of the games as one writes them by hand: of (network, real, fakes, z), and (network, fakes, z).

bce = keras.losses.BinaryCrossentropy(from_logits=True)


def dcgan_losses(alpha):
    def d_loss(discriminator, real, fakes, z):
        real, fake = discriminator(real, training=True), discriminator(fakes, training=True)
        return {"discriminator_loss": bce(tf.ones_like(real), real) + bce(tf.zeros_like(fake), fake)}

    def g_loss(discriminator, fakes, z):
        fake = discriminator(fakes, training=True)
        return {"generator_loss": bce(tf.ones_like(fake), fake)}

    return d_loss, g_loss


def wgan_gp_losses(alpha):
    def d_loss(critic, real, fakes, z):
        between = real + alpha() * (fakes - real)
        with tf.GradientTape() as tape:
            tape.watch(between)
            score = critic(between, training=True)
        slope = tf.sqrt(tf.reduce_sum(tape.gradient(score, between) ** 2, axis=(1, 2, 3)) + 1e-12)
        penalty = tf.reduce_mean((slope - 1) ** 2)
        loss = tf.reduce_mean(critic(fakes, training=True)) - tf.reduce_mean(critic(real, training=True))
        return {"discriminator_loss": loss + 10 * penalty, "gradient_penalty": penalty}

    def g_loss(critic, fakes, z):
        return {"generator_loss": -tf.reduce_mean(critic(fakes, training=True))}

    return d_loss, g_loss


def sn_gan_losses(alpha):
    def d_loss(discriminator, real, fakes, z):
        for layer in discriminator.layers:
            if isinstance(layer, SpectralNormalization):
                layer.advance()
        real, fake = discriminator(real, training=True), discriminator(fakes, training=True)
        return {
            "discriminator_loss": tf.reduce_mean(tf.nn.relu(1 - real)) + tf.reduce_mean(tf.nn.relu(1 + fake))
        }

    def g_loss(discriminator, fakes, z):
        return {"generator_loss": -tf.reduce_mean(discriminator(fakes, training=True))}

    return d_loss, g_loss


def info_gan_losses(alpha):
    def parts(out, z):
        """L_I of ten categories and two codes."""
        logit, logits, mean = tf.split(out, [1, 10, 2], axis=1)
        log_q = -tf.nn.softmax_cross_entropy_with_logits(z[:, :10], logits)
        normal = tf.reduce_sum(-0.5 * (z[:, 10:12] - mean) ** 2 - 0.5 * math.log(2 * math.pi), axis=1)
        return logit, tf.reduce_mean(log_q) + math.log(10), tf.reduce_mean(normal) + 2 * math.log(2)

    def d_loss(discriminator, real, fakes, z):
        real = discriminator(real, training=True)[:, :1]
        fake, category, codes = parts(discriminator(fakes, training=True), z)
        loss = bce(tf.ones_like(real), real) + bce(tf.zeros_like(fake), fake)
        return {"discriminator_loss": loss - category - codes}

    def g_loss(discriminator, fakes, z):
        fake, category, codes = parts(discriminator(fakes, training=True), z)
        loss = bce(tf.ones_like(fake), fake) - category - codes
        return {
            "generator_loss": loss,
            "categorical_information": category,
            "continuous_information": codes,
        }

    return d_loss, g_loss


def plain_biggan(model, latents=None):
    """The loop by hand, with a pass of the generator for each update: a function of one step."""
    generator, discriminator, optimizers = model.generator, model.discriminator, model.default_optimizers()
    kernels = [v for v in generator.trainable_variables if v.name == "kernel" and "embedding" not in v.path]
    normal = {net: [layer for layer in net._flatten_layers() if isinstance(layer, SpectralNormalization)]
              for net in (generator, discriminator)}  # fmt: skip
    means = {name: keras.metrics.Mean() for name in ("discriminator_loss", "generator_loss", "orthogonality")}
    latents, data = latents or fresh_latents, batches(model)

    def advanced(net):
        for layer in normal[net]:
            layer.advance()

    def orthogonality(kernel):
        w = tf.reshape(kernel, (-1, kernel.shape[-1]))
        return tf.reduce_sum((tf.matmul(w, w, transpose_a=True) * (1 - tf.eye(w.shape[1]))) ** 2)

    @tf.function
    def step(data):
        real, labels = next(data)
        y = tf.one_hot(labels, model.classes)
        fakes = generator([latents(model), y], training=True)
        advanced(discriminator)
        with tf.GradientTape() as tape:
            scores = [discriminator([x, y], training=True) for x in (real, fakes)]
            d_loss = tf.reduce_mean(tf.nn.relu(1 - scores[0])) + tf.reduce_mean(tf.nn.relu(1 + scores[1]))
        variables = discriminator.trainable_variables
        optimizers["discriminator"].apply_gradients(zip(tape.gradient(d_loss, variables), variables))
        with tf.GradientTape() as tape:
            fakes = generator([latents(model), y], training=True)
            penalty = tf.add_n([orthogonality(v.value) for v in kernels])
            score = discriminator([fakes, y], training=True)
            g_loss = model.orthogonal_weight * penalty - tf.reduce_mean(score)
        advanced(generator)
        variables = generator.trainable_variables
        optimizers["generator"].apply_gradients(zip(tape.gradient(g_loss, variables), variables))
        for mean, value in zip(means.values(), (d_loss, g_loss, penalty)):
            mean.update_state(value)
        return {name: mean.result() for name, mean in means.items()}

    return lambda: step(data)


LOSSES = {
    DCGAN: dcgan_losses,
    GAN3D: dcgan_losses,
    WGANGP: wgan_gp_losses,
    SNGAN: sn_gan_losses,
    InfoGAN: info_gan_losses,
}


def fresh_latents(model):
    if isinstance(model, DCGAN):
        return tf.random.uniform((BATCH, model.latent_dim), -1, 1)
    if isinstance(model, GAN3D):
        return tf.random.uniform((BATCH, model.latent_dim))
    if isinstance(model, InfoGAN):
        category = tf.one_hot(tf.random.uniform((BATCH,), 0, 10, tf.int32), 10)
        return tf.concat([category, tf.random.uniform((BATCH, model.latent_dim - 10), -1, 1)], axis=1)
    return tf.random.normal((batch_of(model), model.latent_dim))


def plain_gan(model, latents=fresh_latents, alpha=lambda: tf.random.uniform((BATCH, 1, 1, 1))):
    """The loop by hand, with a pass of the generator for each update: a function of one step."""
    generator, discriminator = model.generator, model.discriminator
    optimizers, every = model.default_optimizers(), steps_of(model)
    d_loss, g_loss = LOSSES[type(model)](alpha)
    means, count = {}, [0]
    data = batches(model)

    def track(losses):
        for name, value in losses.items():
            if name not in means:
                means[name] = keras.metrics.Mean()
            means[name].update_state(value)

    def update_discriminator(data):
        real, z = next(data), latents(model)
        fakes = generator(z, training=True)
        with tf.GradientTape() as tape:
            losses = d_loss(discriminator, real, fakes, z)
        variables = discriminator.trainable_variables
        gradients = tape.gradient(losses["discriminator_loss"], variables)
        optimizers["discriminator"].apply_gradients(zip(gradients, variables))
        track(losses)

    def update_generator():
        z = latents(model)
        with tf.GradientTape() as tape:
            losses = g_loss(discriminator, generator(z, training=True), z)
        variables = generator.trainable_variables
        gradients = tape.gradient(losses["generator_loss"], variables)
        optimizers["generator"].apply_gradients(zip(gradients, variables))
        track(losses)

    def of(updates):
        @tf.function
        def step(data):
            for update in updates:
                update(*(data,) if update is update_discriminator else ())
            return {name: mean.result() for name, mean in means.items()}

        return step

    one, both = of([update_discriminator]), of([update_discriminator, update_generator])

    def step():
        count[0] += 1
        return (one if count[0] % every else both)(data)

    return step


def check(name, build):
    """That the plain loop does the same: equal losses in the first step, of the noise of ours."""
    model = build()
    if isinstance(model, AutoregressiveModel):
        plain = plain_likelihood(build())()
    elif isinstance(model, BigGAN):
        key = random.key(model.seed, TRAINING, zlib.crc32(b"z"), 1)
        plain = plain_biggan(build(), lambda model: model.draw_codes(key, batch_of(model)))()
    else:
        z = "z" if model.discriminator_steps == 1 else "z of discriminator"
        key = [random.key(model.seed, TRAINING, zlib.crc32(draw.encode()), 1) for draw in (z, "alpha")]
        plain = plain_gan(
            build(),
            lambda model: model.draw_codes(key[0], BATCH),
            lambda: random.uniform(key[1], (BATCH, 1, 1, 1)),
        )()
    ours = function_of(model, jit_compile=False)()
    for log, value in plain.items():
        np.testing.assert_allclose(float(ours[log]), float(value), rtol=1e-3, err_msg=f"{name} {log}")


def noise_of(model):
    """One draw of a step's latents."""
    if isinstance(model, VAE):
        return tf.function(
            lambda: random.normal(random.key(0, 1, model.step.value), (BATCH, model.latent_dim))
        )
    return tf.function(lambda: model.draw_codes(random.key(0, 1, model.step.value), batch_of(model)))


def against_plain_keras():
    rows = []
    for name, build in MODELS.items():
        model = build()
        steps = steps_of(model)
        ways = {"tfgen": turn(function_of(model), steps)}
        if isinstance(model, VAE):
            plain = plain_vae(build())
        elif isinstance(model, BigGAN):
            check(name, build)
            plain = plain_biggan(build())
        else:
            check(name, build)
            plain = (
                plain_likelihood(build()) if isinstance(model, AutoregressiveModel) else plain_gan(build())
            )
        ways["plain"] = turn(plain, steps)
        if not isinstance(model, AutoregressiveModel):
            ways["one draw of noise"] = noise_of(model)
        times = take_turns(ways, rounds=40)
        rows.append(
            {
                "model": name,
                "batch": batch_of(model),
                "steps": steps,
                **times,
                **ratio(times, "tfgen", "plain"),
            }
        )
        print(rows[-1], flush=True)
    return rows


def _seconds(function):
    start = time.perf_counter()
    function().numpy()
    return round(time.perf_counter() - start, 1)


def with_and_without_xla():
    """Times of a round of the game, and of the first step, in which a function is traced and compiled."""
    rows = []
    for name, build in MODELS.items():
        row, ways = {"model": name}, {}
        for way, compiled in (("xla", True), ("graph", False)):
            model = build()
            row["batch"] = batch_of(model)
            function = function_of(model, jit_compile=compiled)
            row[f"{way} first_s"] = _seconds(turn(function))
            ways[way] = turn(function, steps_of(model))
        if steps_of(model) > 1:
            row["xla unrolled first_s"] = _unrolled(build(), steps_of(model))
        times = take_turns(ways, rounds=15, warm_up=10)
        rows.append({**row, "steps": steps_of(model), **times, **ratio(times, "xla", "graph")})
        print(rows[-1], flush=True)
    return rows


def _unrolled(model, steps):
    """Seconds of the first call, were a round of the game one function without a cond."""
    model.compile()
    data, names = batches(model), list(model.objectives())

    @tf.function(jit_compile=True)
    def round_(batch):
        for step in range(1, steps + 1):
            due = [name for name in names if step % model.objectives()[name].every == 0]
            logs = model._train(batch, due)
        return logs

    return _seconds(lambda: next(iter(round_(next(data)).values())))
