"""Does 3D-GAN draw furniture, and does its discriminator describe shapes to a linear classifier?"""

import time
from pathlib import Path

import keras
import numpy as np
from sklearn.svm import SVC

from tfgen.models import GAN3D
from tfgen.pictures import grid, turning
from tools.studies._training import trained

published = (
    "Wu et al. (2016): 91.0 % on ModelNet10 and 83.3 % on ModelNet40, linear SVM on D's features, by the "
    "leaderboard of ModelNet. Their D was trained on ShapeNet at 64 x 64 x 64 voxels, ours on ModelNet10's "
    "own train split at 24 x 24 x 24: what is compared is D before and after its training, and the voxels."
)
MODEL = dict(image_shape=(24, 24, 24, 1), width=16)
RATES = {"discriminator": 5e-4, "generator": 1e-3}
BATCH, EPOCHS, PENALTIES = 32, 36, (0.1, 1.0, 10.0, 100.0)
FEATURES = 500  # volumes at a time

PROTOCOL = """ModelNet10 (classes {names}) as 24^3 voxels, the train split without labels; {MODEL}, {epochs}
epochs of batches of {BATCH}, Adam of rates {RATES} (the paper's, 1e-5 and 2.5e-3, are for 64^3
voxels and more steps: in so few, its D learns nothing). D was updated in {updates} of {steps}
steps; in the others it had been right on more than 80 % of the last batch. {cost:.0f} core-
seconds. Linear SVM: rows of mean 0 and mean square norm 1, one class against another, C of
{PENALTIES} by a fifth of the train split, accuracy on the {tested} volumes of the test split.
Features: all convolutions of D, max-pooled to 3^3 places. Filled: share of voxels above 1/2;
unlike: mean share of voxels on other sides of 1/2, over 400 volumes. samples.png, train.png:
each volume from the front, above and the side, what is farther away darker; samples.gif: 12 of
them turn."""


def volumes(data_dir):
    """{split: (bytes (n, 24, 24, 24, 1), classes)} of ModelNet10, and the names of the classes."""
    path = Path(data_dir or ".").parent / "npz" / "modelnet10_voxels24.npz"
    arrays = np.load(path)
    splits = {}
    for split in ("train", "test"):
        voxels = np.unpackbits(arrays[f"{split}_voxels_packed"], axis=-1)[..., None]
        upright = voxels.transpose(0, 1, 3, 2, 4)[:, :, ::-1]  # the file's last axis points up
        splits[split] = np.ascontiguousarray(upright) * np.uint8(255), arrays[f"{split}_label"]
    return splits, [str(name) for name in arrays["names"]]


def classified(train, test, seed):
    """(accuracy on the test rows, C) of a linear SVM, C chosen on a fifth of the train rows."""
    mean, spread = train[0].mean(0), train[0].std() * train[0].shape[1] ** 0.5 + 1e-9
    (x, y), (x_test, y_test) = (((rows - mean) / spread, labels) for rows, labels in (train, test))
    products, others = x @ x.T, x_test @ x.T  # all that a linear SVM needs of many features
    order = np.random.default_rng(seed).permutation(len(x))
    held, kept = np.split(order, [len(x) // 5])

    def svm(penalty, rows):
        return SVC(C=penalty, kernel="precomputed").fit(products[np.ix_(rows, rows)], y[rows])

    best = max(PENALTIES, key=lambda penalty: svm(penalty, kept).score(products[np.ix_(held, kept)], y[held]))
    return svm(best, order).score(others[:, order], y_test), best


def features(model, images):
    parts = [model.features(images[i : i + FEATURES]) for i in range(0, len(images), FEATURES)]
    return np.concatenate(parts)


def nearest(samples, images):
    """The mean share of voxels in which a sample differs from the nearest of other images."""
    a, b = (np.reshape(x > 0.5, (len(x), -1)).astype("float32") for x in (samples, images))
    apart = (a.sum(1)[:, None] + b.sum(1) - 2 * a @ b.T) / a.shape[1]
    if samples is images:
        np.fill_diagonal(apart, np.inf)
    return float(apart.min(1).mean())


def run(folder, data_dir, seed, epochs=EPOCHS):
    (splits, names) = volumes(data_dir)
    model, rows = GAN3D(**MODEL, seed=seed), []

    def described(what, of):
        start = time.monotonic()
        found, penalty = classified(*((of(x), y) for x, y in splits.values()), seed)
        rows.append({"linear SVM on": what, "accuracy": round(found, 4), "C": penalty})
        print(rows[-1], f"{time.monotonic() - start:.0f} s", flush=True)

    described("raw voxels", lambda x: x.reshape(len(x), -1) / np.float32(255))
    described("D's features, untrained", lambda x: features(model, x))
    optimizers = {name: keras.optimizers.Adam(rate, beta_1=0.5) for name, rate in RATES.items()}
    how = {"how": {"optimizer": optimizers}, "dtype": "uint8"}
    cost, _ = trained(model, splits["train"][0], epochs, BATCH, data_dir, seed, **how)
    described("D's features, trained", lambda x: features(model, x))
    updates = int(model.optimizers["discriminator"].iterations.numpy())
    samples = model.sample(400, seed=seed).numpy()
    real = splits["train"][0] / np.float32(255)
    some = real[np.random.default_rng(seed).permutation(len(real))]
    for what, images, others in (("samples", samples, some), ("train volumes", some[:400], some[400:])):
        found = {
            "volumes": what,
            "filled": round(float((images > 0.5).mean()), 4),
            "between 0.1 and 0.9": round(float(((images > 0.1) & (images < 0.9)).mean()), 4),
            "unlike the nearest train volume": round(nearest(images, others), 4),
            "unlike the nearest of its own kind": round(nearest(images, images), 4),
        }
        rows.append(found)
        print(found, flush=True)
    steps, tested = epochs * (len(real) // BATCH), len(splits["test"][0])
    grid(samples[:48], (0, 1), columns=6).save(folder / "samples.png")
    grid(some[:24], (0, 1), columns=6).save(folder / "train.png")
    turning(samples[:12], (0, 1), folder / "samples.gif")
    return {
        "protocol": PROTOCOL.replace("\n", " ").format_map({**globals(), **locals()}),
        "rows": rows,
    }
