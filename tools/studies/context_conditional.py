"""Does filling holes of unlabelled photographs make a better classifier of 1000 labels?"""

import keras
import numpy as np
import tensorflow as tf

from tfgen import data, metrics
from tfgen.models import CCGAN
from tfgen.models.adversarial.classifying import class_loss
from tfgen.pictures import grid
from tools.studies._training import core_seconds, forget

published = (
    "Denton et al. (2016): accuracy on STL-10 75.67 +- 0.50 % (CC-GAN) and 77.79 +- 0.80 % (CC-GAN^2), "
    "recalled. Of other photographs, 100,000 of them without labels, and of a network of VGG's depth: no "
    "figure of theirs is comparable."
)
LABELLED, DRAWS, BATCH, WIDTH, DECAY = 1000, 2, 50, 24, 0.999
STEPS, ALONE = 4000, 2000
PROTOCOL = """The 10,000 train images of CIFAR-10's subset, of which {LABELLED} have labels, 100 of each
class, drawn by the seed, mirrored by chance; {draws} draws. CCGAN of width {WIDTH}, {steps} steps in
batches of {BATCH} labelled and as many unlabelled images, else with its defaults; tested is the average of
D (decay {DECAY}). Supervised alone: the same D and average, {alone_steps} steps of the same optimizer on
the labelled images alone. Error on the 2,000 test images, mean and standard deviation over draws; nothing
was chosen by it. Squared error of what fills a hole in the middle of 500 test images, in [-1, 1], beside
that of the mean of the known pixels. Pictures of the first draw: holes, what fills them, the images, and
samples of z alone."""


def alone(model, batches):
    """Trains D of the model on labelled images alone; its average is what `classify` asks."""
    network, optimizer = model.discriminator, keras.optimizers.Adam(2e-4, beta_1=0.5)
    optimizer.build(network.trainable_variables)

    @tf.function
    def learn(images, labels, decay):
        with tf.GradientTape() as tape:
            loss = class_loss(labels, model.heads(images, training=True)[1])
        optimizer.apply(tape.gradient(loss, network.trainable_variables), network.trainable_variables)
        for mean, value in zip(model.averages["discriminator"].weights, network.weights):
            mean.assign(decay * mean + (1 - decay) * value if value.trainable else value)

    for step, batch in enumerate(batches, 1):
        learn(batch["images"], batch["labels"], tf.constant(min(DECAY, (1 + step) / (10 + step))))


def filled(model, images, seed):
    """(holes, what fills them, mean squared error in the hole, that of the known pixels' mean)."""
    mask = np.ones((*images.shape[:3], 1), np.float32)
    mask[:, 8:24, 8:24] = 0
    made = model.complete(images, mask, model.draw_codes(model.key_of(seed), len(images))).numpy()
    mean = (images * mask).sum((1, 2), keepdims=True) / mask.sum((1, 2), keepdims=True)
    hole = np.broadcast_to(mask == 0, images.shape)
    errors = [float(((other - images)[hole] ** 2).mean()) for other in (made, mean + 0 * images)]
    return images * mask - (1 - mask), made, *errors


def run(folder, data_dir, seed, steps=STEPS, draws=DRAWS, alone_steps=ALONE):
    place = dict(data_dir=data_dir, download=data_dir is None)
    how = dict(labelled=LABELLED, flip=True, dtype="uint8", **place)
    count, found, costs, holes = data.size("cifar10", **place), {}, {}, []
    for draw in range(seed, seed + draws):
        for name in ("CCGAN", "supervised alone"):
            model = CCGAN(width=WIDTH, ema_decay=DECAY, seed=draw)
            wanted, start = steps if name == "CCGAN" else alone_steps, core_seconds()
            epochs = range(-(-wanted * BATCH // count))
            batches = data.load("cifar10", "train", model, BATCH, seed=draw, epochs=epochs, **how)
            if name == "CCGAN":
                model.compile()
                history = model.fit(batches, epochs=1, steps_per_epoch=wanted, verbose=0).history
                print({key: values[-1] for key, values in history.items()}, flush=True)
                x = data.examples("cifar10", 500, model, **place)["images"]
                empty, made, *errors = filled(model, x, seed)
                holes.append(errors)
                if draw == seed:
                    samples = model.sample(20, seed=seed).numpy()
                    rows = [part[i : i + 10] for i in (0, 10) for part in (empty, made, x, samples)]
                    grid(np.concatenate(rows), (-1, 1), columns=10).save(folder / "holes.png")
            else:
                alone(model, batches.take(wanted))
            costs.setdefault(name, []).append(core_seconds() - start)
            (score,) = metrics.evaluate(model, "cifar10", metrics=["classify_error"], **place)
            found.setdefault(name, []).append(score.value)
            print(name, found, costs, holes, flush=True)
            forget()
    rows = [
        {
            "classifier": name,
            "test error, %": round(100 * float(np.mean(values)), 2),
            "standard deviation": round(100 * float(np.std(values, ddof=1)), 2) if draws > 1 else None,
            "draws": draws,
            "squared error of holes": round(float(np.mean(holes, axis=0)[0]), 4) if name == "CCGAN" else None,
            "of the mean": round(float(np.mean(holes, axis=0)[1]), 4) if name == "CCGAN" else None,
            "core-seconds a run": round(np.mean(costs[name])),
        }
        for name, values in found.items()
    ]
    protocol = PROTOCOL.replace("\n", " ").format_map({**globals(), **locals()})
    return {"protocol": protocol, "rows": rows}
