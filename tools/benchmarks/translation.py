"""Models that translate: a training step against a plain Keras loop, and an image in each runtime.

translation   a step of `fit` against a plain Keras loop over the same networks, with the same losses
translating   images of 256x256 (upscaled: of 128x128) in each runtime, at batches of 1 and 8
memory        the most memory that one image takes, by its size
"""

import json
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from export import speed
from tfgen import export, random
from tfgen.export import folders
from tfgen.models import CycleGAN, Pix2Pix, SRResNet
from tfgen.models.step import TRAINING
from tools.benchmarks import ratio, take_turns

ROOT = Path(__file__).parents[2]
TRAINED = {  # the recipes, but for how long and on what
    "Pix2Pix 128x128, width 32": lambda: Pix2Pix(**Pix2Pix.recipe.model, seed=0),
    "CycleGAN 64x64, width 32, 6 blocks": lambda: CycleGAN(**CycleGAN.recipe.model, seed=0),
    "SRResNet 64x64, width 32, 8 blocks": lambda: SRResNet(**SRResNet.recipe.model, seed=0),
}
USED = {  # at the papers' sizes; Pix2Pix and CycleGAN of the recipes' width
    "Pix2Pix 256x256, width 32": lambda: Pix2Pix(width=32, seed=0),
    "CycleGAN 256x256, width 32, 6 blocks": lambda: CycleGAN(width=32, blocks=6, seed=0),
    "SRResNet 128x128 to 512x512": lambda: SRResNet((512, 512, 3), seed=0),
}
BATCHES, ROUNDS = (1, 8), 5
MADE = (256, 512, 1024, 2048)  # pixels of a side of a translation, for the memory
TILE = 64


def batches(model):
    """The same batch again and again: {name: images (n, h, w, c)}, n of the recipe."""
    rng = np.random.default_rng(0)
    batch = {
        name: tf.constant(rng.uniform(-1, 1, (model.recipe.batch_size, *field.shape)), tf.float32)
        for name, field in model.fields.items()
    }
    return iter(tf.data.Dataset.from_tensors(batch).repeat())


def ours(model):
    """One call of what `fit` calls for each batch: its logs."""
    model.compile(jit_compile=False)
    model.make_train_function()
    data = batches(model)
    return lambda: model.train_function(data)


# The loops as one writes them by hand: (model, the keys of a step's dropout) -> a function of one step.

bce = keras.losses.BinaryCrossentropy(from_logits=True)


def _l1(a, b):
    return tf.reduce_mean(abs(a - b))


def _tracked(names):
    means = {name: keras.metrics.Mean() for name in names}

    def track(**values):
        for name, value in values.items():
            means[name].update_state(value)

    return track, lambda: {name: mean.result() for name, mean in means.items()}


def plain_pix2pix(model, keys):
    generator, discriminator, optimizers = model.generator, model.discriminator, model.default_optimizers()
    track, results = _tracked(("discriminator_loss", "generator_loss", "l1", "adversarial"))
    data = batches(model)

    @tf.function
    def step(data):
        batch = next(data)
        x, y = batch["inputs"], batch["images"]
        g_tape = tf.GradientTape()
        with g_tape:
            fakes = generator([x, keys()], training=True)
        with tf.GradientTape() as d_tape:
            real = discriminator([x, y], training=True)
            fake = discriminator([x, tf.stop_gradient(fakes)], training=True)
            d_loss = 0.5 * (bce(tf.ones_like(real), real) + bce(tf.zeros_like(fake), fake))
        variables = discriminator.trainable_variables
        optimizers["discriminator"].apply_gradients(zip(d_tape.gradient(d_loss, variables), variables))
        with g_tape:
            fake = discriminator([x, fakes], training=True)
            l1, adversarial = _l1(y, fakes), bce(tf.ones_like(fake), fake)
            g_loss = adversarial + model.l1_weight * l1
        variables = generator.trainable_variables
        optimizers["generator"].apply_gradients(zip(g_tape.gradient(g_loss, variables), variables))
        track(discriminator_loss=d_loss, generator_loss=g_loss, l1=l1, adversarial=adversarial)
        return results()

    return lambda: step(data)


def plain_cyclegan(model, keys):
    to_b, to_a = model.translator_ab, model.translator_ba
    d_a, d_b = model.discriminator_a, model.discriminator_b
    optimizers = model.default_optimizers()
    track, results = _tracked(("translators_loss", "adversarial", "cycle", "discriminators_loss"))
    data = batches(model)

    def squares(score, target):
        return tf.reduce_mean((score - target) ** 2)

    @tf.function
    def step(data):
        batch = next(data)
        a, b = batch["images_a"], batch["images_b"]
        with tf.GradientTape() as tape:
            fake_a, fake_b = to_a(b, training=True), to_b(a, training=True)
            adversarial = squares(d_a(fake_a, training=True), 1) + squares(d_b(fake_b, training=True), 1)
            cycle = _l1(to_a(fake_b, training=True), a) + _l1(to_b(fake_a, training=True), b)
            loss = adversarial + model.cycle_weight * cycle
        variables = [*to_b.trainable_variables, *to_a.trainable_variables]
        optimizers["translators"].apply_gradients(zip(tape.gradient(loss, variables), variables))
        shown_a = model.pool_a.exchange(fake_a, tf.random.uniform((1, 2)))
        shown_b = model.pool_b.exchange(fake_b, tf.random.uniform((1, 2)))
        with tf.GradientTape() as tape:
            d_loss = 0.5 * (
                squares(d_a(a, training=True), 1)
                + squares(d_a(shown_a, training=True), 0)
                + squares(d_b(b, training=True), 1)
                + squares(d_b(shown_b, training=True), 0)
            )
        variables = [*d_a.trainable_variables, *d_b.trainable_variables]
        optimizers["discriminators"].apply_gradients(zip(tape.gradient(d_loss, variables), variables))
        track(translators_loss=loss, adversarial=adversarial, cycle=cycle, discriminators_loss=d_loss)
        return results()

    return lambda: step(data)


def plain_srresnet(model, keys):
    network, optimizer = model.generator, model.default_optimizers()
    track, results = _tracked(("generator_loss", "psnr"))
    data = batches(model)

    @tf.function
    def step(data):
        images = next(data)["images"]
        low = model.low_resolution(images)
        with tf.GradientTape() as tape:
            made = network((low + 1) / 2, training=True)
            loss = tf.reduce_mean((images - made) ** 2)
        variables = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        track(generator_loss=loss, psnr=tf.reduce_mean(tf.image.psnr(images, made, 2.0)))
        return results()

    return lambda: step(data)


PLAIN = {Pix2Pix: plain_pix2pix, CycleGAN: plain_cyclegan, SRResNet: plain_srresnet}


def fresh_keys():
    return tf.cast(tf.random.uniform((1, 2), 0, 2**31 - 1, tf.int32), tf.uint32)


def check(name, build):
    """That the plain loop does the same: equal losses in the first step, of the noise of ours."""
    model = build()
    key = random.key(model.seed, TRAINING, zlib.crc32(b"dropout"), 1)
    plain = PLAIN[type(model)](build(), lambda: random.row_keys(key, 1, 0))()
    got = ours(model)()
    for log, value in plain.items():
        np.testing.assert_allclose(float(got[log]), float(value), rtol=1e-3, err_msg=f"{name} {log}")


def against_plain_keras():
    rows = []
    for name, build in TRAINED.items():
        check(name, build)
        batch = build().recipe.batch_size
        ways = {"tfgen": ours(build()), "plain": PLAIN[type(build())](build(), fresh_keys)}
        calls = {way: (lambda step=step: next(iter(step().values()))) for way, step in ways.items()}
        times = take_turns(calls, rounds=30)
        rows.append({"model": name, "batch": batch, **times, **ratio(times, "tfgen", "plain")})
        print(rows[-1], flush=True)
    return rows


def by_runtime():
    rows = []
    for name, build in USED.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = _artifact(build(), Path(folder) / "artifact")
            manifest = folders.opened(folder)
            # The other direction of a CycleGAN is the same network.
            rows += [{"artifact": name, **row} for row in speed.measured(folder, manifest, BATCHES, ROUNDS)]
    return rows


def _artifact(model, folder):
    """The export of `translate` alone."""
    model.signatures = {"translate": model.signatures()["translate"]}.copy
    formats = {"saved_model": export.saved_model, "onnx": export.onnx}
    export.write(model, folder, formats)
    return folder


# Memory: each size in a process of its own, whose largest size the system has noted.


def memory():
    rows = []
    for name, build in USED.items():
        with tempfile.TemporaryDirectory() as folder:
            model = build()
            folder = _artifact(model, Path(folder) / "artifact")
            ways = {"whole": name, "onnxruntime": str(folder / "onnx" / "translate.onnx")}
            ways |= {} if model.reach is None else {f"tiles of {TILE}": name}
            for side in MADE:
                row = {"model": name.split()[0], "made": f"{side}x{side}"}
                for way, what in ways.items():
                    command = [sys.executable, "-m", __name__, way, str(side // model.scale), what]
                    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
                    row[way] = json.loads(out.splitlines()[-1])
                rows.append(row)
                print(row, flush=True)
    return rows


def _mb(kind):
    """MB of this process now, "VmRSS", or at most since it was last asked to forget, "VmHWM"."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(kind))
    return int(line.split()[1]) / 1024


def _before():
    Path("/proc/self/clear_refs").write_text("5")  # forgets the largest size
    return _mb("VmRSS")


def main():
    """Prints the MB that one image of a size takes, over those of the process that has the model."""
    way, side, what = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    rng = np.random.default_rng(0)
    if way != "onnxruntime":
        model = USED[what]()
        image = rng.integers(0, 256, (1, side, side, model.conditions["inputs"].shape[-1]), np.uint8)
        before = _before()
        model.translate(image, **({} if way == "whole" else {"tile": TILE}))
    else:
        session = export.onnx.session(what)
        image, *others = session.get_inputs()
        feeds = {one.name: np.array(0, "int64") for one in others}
        feeds[image.name] = rng.uniform(-1, 1, (1, side, side, image.shape[-1])).astype("float32")
        before = _before()
        session.run(None, feeds)
    print(json.dumps(round(_mb("VmHWM") - before)))


if __name__ == "__main__":
    main()
