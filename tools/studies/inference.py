"""What do BiGAN, ALI and AEGAN know of digits, and how near do their encoders come to a search?"""

import time

import keras
import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from tfgen import data
from tfgen.analysis import search
from tfgen.models import AEGAN, ALI, BiGAN
from tfgen.pictures import grid
from tools.studies._arrays import arrays, in_parts
from tools.studies._training import core_seconds, forget

published = (
    "Donahue et al. (2017), table 1, 1-NN of the layer before E's output after 400 epochs: BiGAN 97.39 %, "
    "latent regressor 97.44 % (which is AEGAN by the latent); the authors' log has 96.84 % untrained. "
    "Dumoulin et al. and Luo et al. report no figure of MNIST that was at hand."
)
IMAGE, BATCH = (28, 28, 1), 100
CONVOLUTIONAL = dict(image_shape=IMAGE, latent_dim=50, width=24, ema_decay=0.999)
STEPS = {"BiGAN": 1_600, "ALI": 1_800, "AEGAN": (2_000, 1_000)}
NEIGHBOURS, QUERIES = 60_000, 2_000
SEARCHED, SEARCH = 192, 500


def per_image(function, images):
    """(what it gives of all images at once, milliseconds an image), once it was compiled."""
    function(images)
    start = time.perf_counter()
    result = function(images)
    return result, 1e3 * (time.perf_counter() - start) / len(images)


def measured(model, train, test, searched, steps, seed):
    """What one row says of a model, and pictures of the first ten test images."""
    encoder = model.averaged("encoder")
    hidden = keras.Model(encoder.inputs[0], encoder.layers[-2].output)
    row = {}
    for name, encode in (
        ("1-NN, layer before E's output", lambda x: hidden(x, training=False)),
        ("1-NN, E(x)", model.encode),
    ):
        neighbour = KNeighborsClassifier(1, algorithm="brute").fit(in_parts(encode, train[0]), train[1])
        row[name] = round(float(neighbour.score(in_parts(encode, test[0]), test[1])), 4)
    again = in_parts(model.reconstruct, test[0])
    errors = np.sum((test[0] - again) ** 2, axis=(1, 2, 3))
    row["|x - G(E(x))|^2"] = round(float(errors.mean()), 2)
    shown = [again[:10]]
    if searched:
        images = test[0][:searched]
        _, cost = per_image(lambda x: np.asarray(model.reconstruct(x)), images)
        start = time.perf_counter()
        found = search.project(model, images, steps=steps, seed=seed)
        spent = 1e3 * (time.perf_counter() - start) / searched
        hybrid = search.project(
            model, images, steps=steps // 5, seed=seed, start=np.asarray(model.encode(images))
        )
        row |= {
            f"the same, of {searched}": round(float(errors[:searched].mean()), 2),
            f"|x - G(z)|^2, {steps} steps": round(float(found.losses.mean()), 2),
            f"from E(x), {steps // 5} steps": round(float(hybrid.losses.mean()), 2),
            "ms an image: G(E(x))": round(cost, 2),
            "ms an image: search": round(spent, 1),
        }
        shown.append(found.images[:10])
    return row, shown


def train(model, steps, source, seed, data_dir):
    """Core-seconds of so many more steps."""
    batches = data.load(source, for_model=model, batch_size=BATCH, seed=seed, data_dir=data_dir, labels=False,
                        download=data_dir is None).repeat()  # fmt: skip
    if not model.compiled:
        model.compile({name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in model.objectives()})
    start = core_seconds()
    model.fit(batches, steps_per_epoch=steps, epochs=1, verbose=0)
    cost = core_seconds() - start
    print(f"{type(model).__name__}: {steps} steps, {1e3 * cost / steps:.0f} core-ms each", flush=True)
    return cost


def run(folder, data_dir, seed, steps=STEPS, neighbours=NEIGHBOURS, queries=QUERIES, searched=SEARCHED,
        search_steps=SEARCH):  # fmt: skip
    train_set, test_set = (arrays("mnist", split, data_dir) for split in ("train", "test"))
    train_set, test_set = (
        (images[:n] / np.float32(127.5) - 1, labels[:n])
        for (images, labels), n in ((train_set, neighbours), (test_set, queries))
    )
    rows, strips = [], [test_set[0][:10]]

    def compared(name, model, cost, before):
        row, shown = measured(model, train_set, test_set, searched, search_steps, seed)
        ratio = round(row["|x - G(E(x))|^2"] / before["|x - G(E(x))|^2"], 3)
        rows.append({"model": name, "network": "trained", "ratio": ratio, **row, "core-seconds": round(cost)})
        print(rows[-1], flush=True)
        strips.extend([*shown, np.asarray(model.sample(10, seed=seed))])

    def untrained(name, model):
        row, _ = measured(model, train_set, test_set, 0, 0, seed)
        rows.append({"model": name, "network": "untrained", "ratio": 1.0, **row, "core-seconds": 0})
        return row

    for name, model in (
        ("BiGAN", BiGAN(IMAGE, ema_decay=0.999, seed=seed)),
        ("ALI", ALI(**CONVOLUTIONAL, seed=seed)),
    ):
        before = untrained(name, model)
        compared(name, model, train(model, steps[name], "mnist", seed, data_dir), before)
        forget()
    game, inverse = steps["AEGAN"]
    model = AEGAN(**CONVOLUTIONAL, gan_steps=game, seed=seed)
    before = untrained("AEGAN", model)
    cost = train(model, game, "mnist", seed, data_dir)
    played = model.get_weights()
    compared("AEGAN, by image", model, cost + train(model, inverse, "mnist", seed, data_dir), before)
    model = AEGAN(**CONVOLUTIONAL, gan_steps=game, by="latent", seed=seed)
    model.set_weights(played)  # the same game
    compared("AEGAN, by latent", model, cost + train(model, inverse, "mnist", seed, data_dir), before)
    grid(np.concatenate(strips), model.value_range, columns=10, gap=1).save(folder / "reconstructions.png")
    return {
        "protocol": (
            f"MNIST, batches of {BATCH}, Adam(2e-4, beta_1=0.5). BiGAN of the paper's dense networks, "
            f"{steps['BiGAN']} steps; ALI and AEGAN convolutional ({CONVOLUTIONAL}), {steps['ALI']} steps, "
            f"and {game} of the game and {inverse} of the encoder, which learns once by the image and once "
            f"by the latent, of the same generator. 1-NN (Euclidean) of {neighbours} training and the "
            f"first {queries} test images, by averaged networks; ratio is that of |x - G(E(x))|^2 to the "
            f"untrained network's. The search is tfgen.search.project on the first {searched} test images. "
            "reconstructions.png: test images; then for each trained row G(E(x)), what the search ended "
            "with, and samples."
        ),
        "rows": rows,
    }
