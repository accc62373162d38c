"""Tunes: sampling as one loop against a call for each tone, and a step against a plain Keras loop."""

import keras
import numpy as np
import tensorflow as tf

from tfgen import losses
from tfgen.models import CRNNGAN
from tfgen.models.music.crnngan import NOISE, TONE, mean_probability
from tools.benchmarks import ratio, take_turns

SIZES = dict(tones=64, width=100, pretraining=0, freezing=0, seed=0)  # both learn in each step
NAME, BATCH = "CRNNGAN, 64 tones, width 100", 20


def by_tone(model):
    """A function of noise (n, tones, 4): events, by one call of a compiled step for each tone."""
    cell = model.averaged("generator").layers[1].cell

    @tf.function
    def step(noise, states):
        nothing = tf.zeros_like(noise[:, :1])
        return cell(tf.concat([noise, tf.repeat(nothing, TONE + 1, axis=1)], axis=1), states)

    def sample(noise):
        states, made = [tf.zeros((len(noise), size)) for size in cell.state_size], []
        for t in range(model.tones):
            tone, states = step(noise[:, t], states)
            made.append(tone)
        return model.events(tf.stack(made, axis=1))

    return sample


def plain(model, events):
    """The same step by hand: a pass of G for both updates, one of D for real and fake tunes together."""
    generator, discriminator, loss = model.generator, model.discriminator, losses.Minimax()
    optimizers = model.default_optimizers()
    means = {name: keras.metrics.Mean() for name in optimizers}
    data = iter(tf.data.Dataset.from_tensors(events).repeat())
    known = tf.zeros((BATCH, model.tones, TONE + 1))

    @tf.function
    def step(batch):
        spread = tf.random.uniform(tf.shape(batch)) - 0.5
        real = (batch + spread * model.steps_of_values - model.mean) / model.deviation
        noise = tf.concat([tf.random.uniform((BATCH, model.tones, NOISE)), known], axis=2)
        with tf.GradientTape() as of_g:
            fakes = generator(noise, training=True)
            with tf.GradientTape() as of_d:
                logits, _ = discriminator(tf.concat([real, tf.stop_gradient(fakes)], axis=0), training=True)
                d_loss = loss.discriminator(*tf.split(mean_probability(logits), 2))
            variables = discriminator.trainable_variables
            gradients = of_d.gradient(d_loss, variables)
            optimizers["discriminator"].apply_gradients(zip(gradients, variables))
            logits, _ = discriminator(fakes, training=True)
            g_loss = loss.generator(mean_probability(logits))
        variables = generator.trainable_variables
        optimizers["generator"].apply_gradients(zip(of_g.gradient(g_loss, variables), variables))
        for name, value in (("discriminator", d_loss), ("generator", g_loss)):
            means[name].update_state(value)
        return {name: mean.result() for name, mean in means.items()}

    return lambda: step(next(data))


def run():
    model, rows = CRNNGAN(**SIZES), []
    slow = by_tone(model)
    for batch in (1, 16, 64):
        noise = tf.random.stateless_uniform((batch, model.tones, NOISE), (0, 0))
        np.testing.assert_array_equal(model._compiled(noise), slow(noise))
        ways = {
            "one loop": lambda noise=noise: model._compiled(noise),
            "a call a tone": lambda noise=noise: slow(noise),
        }
        times = take_turns(ways, rounds=20)
        compared = ratio(times, "one loop", "a call a tone")
        rows.append({"model": NAME, "what": "sampling", "batch": batch, **times, **compared})
        print(rows[-1], flush=True)
    events = model.sample(BATCH, seed=1)
    model.compile(jit_compile=False)
    model.make_train_function()
    data = iter(tf.data.Dataset.from_tensors(events).repeat())
    ways = {
        "tfgen": lambda: model.train_function(data)["generator_loss"],
        "plain": lambda step=plain(CRNNGAN(**SIZES), events): step()["generator"],
    }
    times = take_turns(ways, rounds=20)
    rows.append({"model": NAME, "what": "step", "batch": BATCH, **times, **ratio(times, "tfgen", "plain")})
    print(rows[-1], flush=True)
    return rows
