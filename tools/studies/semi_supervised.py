"""How well do classifiers know MNIST's digits from 100 labels and 60,000 images without?"""

import keras
import numpy as np
import tensorflow as tf

from tfgen import data, random
from tfgen.analysis.probe import classifier_of
from tfgen.models import VAE, CatGAN, ImprovedGAN
from tfgen.models.adversarial.classifying import class_loss
from tfgen.pictures import grid
from tools.studies._arrays import arrays
from tools.studies._training import core_seconds, forget, trained

published = (
    "Test error of MNIST with 100 labels: ImprovedGAN 0.93 % +- 0.065 (Salimans et al., 2016, 93 +- 6.5 "
    "errors), CatGAN 1.91 % +- 0.10 (Springenberg, 2016, 191 +- 10 errors), both as ssl_bad_gan's README "
    "lists them: after 300 passes over the 60,000 images of a wider network, here after a few."
)
MODELS = {"ImprovedGAN": ImprovedGAN, "CatGAN": CatGAN}
LABELLED, DRAWS, BATCH, WIDTH, DECAY = 100, 3, 100, 500, 0.999
STEPS, ALONE, VAE_EPOCHS = 2000, 1000, 4
PROBE, TUNED = 300, 150  # as in the study `probe`
PROTOCOL = """MNIST, {labelled} labels, 10 of each class, drawn by the seed, and the {count} train images
without labels, in batches of {BATCH} of each; {draws} draws. ImprovedGAN and CatGAN of width {WIDTH} (the
authors' code has 1000), {steps} steps, {passes:.1f} passes over the images, else with their defaults;
tested is the average of D (decay {DECAY}), beside it D as it learnt last. Supervised alone: the same D
under the same noise on the labelled images alone, {few_steps} steps of Adam 1e-3. VAE: 10 codes of a dense
network of 400 units, {vae_epochs} passes without labels; a linear probe of the codes, {PROBE} steps, and
then the encoder fine-tuned with it, {TUNED} steps, as in the study `probe`. Error on the 10,000 test
images, mean and standard deviation over draws; nothing was chosen by it. Pictures: samples of the first
draw."""


def error(says, images, labels):
    """The share of images (n, h, w, c), bytes, whose most probable class is not their label."""
    parts = [np.argmax(says(images[i : i + 500]), axis=1) for i in range(0, len(images), 500)]
    return float(np.mean(np.concatenate(parts) != labels))


def alone(seed, images, labels, steps):
    """What D says of classes that saw the labelled images alone, under its noise."""
    model = ImprovedGAN(width=WIDTH, seed=seed)
    images = tf.constant(images / np.float32(255))
    model.start({"unlabelled": images})
    network, optimizer = model.discriminator, keras.optimizers.Adam(1e-3)
    optimizer.build(network.trainable_variables)

    @tf.function
    def learn(number):
        keys = random.row_keys(random.key(seed, number), len(images))
        with tf.GradientTape() as tape:
            loss = class_loss(labels, network([images, keys], training=True)[0])
        optimizer.apply(tape.gradient(loss, network.trainable_variables), network.trainable_variables)
        return loss

    for number in tf.range(steps):
        learn(number)
    return model.classify


def probes(model, seed, images, labels):
    """{way: what it says of classes} of a VAE's codes, linear and fine-tuned."""
    keras.utils.set_random_seed(seed)
    x = images / np.float32(255)
    batches = tf.data.Dataset.from_tensor_slices((x, labels)).shuffle(len(x), seed).repeat().batch(50)
    probe, tuned = classifier_of(model, 10), classifier_of(model, 10, False)
    probe.fit(batches.take(PROBE), shuffle=False, verbose=0)
    tuned.set_weights(probe.get_weights())
    tuned.optimizer.learning_rate = 3e-4
    tuned.fit(batches.take(TUNED), shuffle=False, verbose=0)
    return {
        f"VAE, {way}": lambda x, one=one: one.predict_on_batch(x / np.float32(255))
        for way, one in (("linear probe", probe), ("fine-tuned", tuned))
    }


def run(folder, data_dir, seed, steps=STEPS, draws=DRAWS, vae_epochs=VAE_EPOCHS, few_steps=ALONE):
    images, labels = arrays("mnist", "test", data_dir)
    place = dict(data_dir=data_dir, download=data_dir is None)
    vae = VAE(latent_dim=10, body="dense", width=400, seed=seed)
    vae_cost, _ = trained(vae, "mnist", vae_epochs, 128, data_dir, seed)
    found, costs = {}, {"VAE, linear probe": [vae_cost]}
    labelled, count = LABELLED, data.size("mnist", **place)

    def note(name, says, cost=None):
        found.setdefault(name, []).append(error(says, images, labels))
        if cost is not None:
            costs.setdefault(name, []).append(cost)
        print(name, found[name], flush=True)

    for draw in range(seed, seed + draws):
        for name, cls in MODELS.items():
            model = cls(width=WIDTH, ema_decay=DECAY, seed=draw)
            how = dict(labelled=labelled, dtype="uint8", epochs=range(steps * BATCH // count + 1))
            model.compile()
            start = core_seconds()
            batches = data.load("mnist", "train", model, BATCH, seed=draw, **how, **place)
            history = model.fit(batches, epochs=1, steps_per_epoch=steps, verbose=0).history
            cost = core_seconds() - start
            print(name, draw, cost, {key: values[-1] for key, values in history.items()}, flush=True)
            note(name, model.classify, cost)
            note(f"{name}, last D", lambda x: tf.nn.softmax(model.heads(x, training=True)[1]))
            if draw == seed:
                grid(model.sample(60, seed=seed).numpy(), (0, 1), columns=10).save(
                    folder / f"{name.lower()}.png"
                )
            forget()
        half = data.load(
            "mnist", batch_size=labelled, labelled=labelled, labels=True, seed=draw, epochs=range(1), **place
        )
        few = next(half.as_numpy_iterator())
        start = core_seconds()
        says = alone(draw, few["images"], few["labels"], few_steps)
        note("supervised alone", says, core_seconds() - start)
        for name, says in probes(vae, draw, few["images"], few["labels"]).items():
            note(name, says)
    rows = [
        {
            "classifier": name,
            "test error, %": round(100 * float(np.mean(values)), 2),
            "standard deviation": round(100 * float(np.std(values, ddof=1)), 2) if draws > 1 else None,
            "draws": draws,
            "published, %": {"ImprovedGAN": "0.93 +- 0.065", "CatGAN": "1.91 +- 0.10"}.get(name),
            "core-seconds a run": round(np.mean(costs[name])) if name in costs else None,
        }
        for name, values in found.items()
    ]
    passes = steps * BATCH / count
    protocol = PROTOCOL.replace("\n", " ").format_map({**globals(), **locals()})
    return {"protocol": protocol, "rows": rows}
