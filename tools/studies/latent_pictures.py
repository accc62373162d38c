"""What do the codes of a VAE of MNIST look like? Manifold, ways, traversals, neighbours."""

import time

import keras
import numpy as np

from tfgen import data
from tfgen.analysis import latent
from tfgen.metrics import active_units
from tfgen.models import VAE
from tfgen.pictures import grid

PLANE = dict(body="dense", width=300, latent_dim=2)
MODEL = dict(body="convolutional", width=32, latent_dim=12)
EPOCHS = {"plane": 25, "model": 5}
BATCH = 128


def trained(arguments, epochs, data_dir, seed):
    start = time.monotonic()
    model = VAE(**arguments, seed=seed)
    model.compile(keras.optimizers.Adam(1e-3))
    place = dict(data_dir=data_dir, download=data_dir is None)
    batches = data.load("mnist", "train", model, BATCH, seed=seed, dtype="uint8", **place)
    history = model.fit(batches, epochs=epochs, verbose=0).history
    print(f"latent_dim={model.latent_dim}: {time.monotonic() - start:.0f} s, {history['elbo_loss'][-1]:.1f}")
    return model


def save(images, path):
    images = np.asarray(images)
    grid(images.reshape(-1, *images.shape[2:]), columns=images.shape[1], gap=1).save(path)


def run(folder, data_dir, seed, epochs=EPOCHS):
    place = dict(data_dir=data_dir, download=data_dir is None)
    plane = trained(PLANE, epochs["plane"], data_dir, seed)
    save(latent.manifold(plane, 20), folder / "manifold.png")
    model = trained(MODEL, epochs["model"], data_dir, seed)
    test = data.load("mnist", "test", model, 1000, shuffle=False, drop_remainder=False, **place)
    images = next(iter(test)).numpy()
    for kind in latent.KINDS:
        z = latent.codes(model, 16, seed=seed)
        save(latent.interpolate(model, z[:8], z[8:], 12, kind), folder / f"{kind}_of_samples.png")
        ways = latent.interpolate(model, images[:8], images[8:16], 12, kind)
        save(ways, folder / f"{kind}_of_images.png")
    active, variances = active_units(model, test)
    order = np.argsort(-variances)
    save(latent.traverse(model, latent.encode(model, images[:1])[0], order), folder / "traversals.png")
    pairs = latent.reconstructions(model, images[:48])
    save(pairs.reshape(6, 16, *pairs.shape[2:]), folder / "reconstructions.png")
    samples = np.asarray(model.sample(8, seed=seed))
    train = data.load("mnist", "train", model, 500, shuffle=False, drop_remainder=False, **place)
    rows = []
    for space, features in (("pixels", None), ("code", model.encode)):
        found, *_ = latent.neighbours(samples, train, 9, features)
        picture = np.concatenate([samples[:, None], found], axis=1)
        save(picture, folder / f"neighbours_by_{space}.png")
        # How near a real image that was not trained on has its nearest one, to compare.
        _, real, _ = latent.neighbours(images[:200], train, 1, features)
        many = np.asarray(model.sample(200, seed=seed + 1))
        _, ours, _ = latent.neighbours(many, train, 1, features)
        rows.append(
            {
                "measured in": space,
                "samples to nearest training image, median": round(float(np.median(ours)), 3),
                "smallest": round(float(ours.min()), 3),
                "test images to nearest training image, median": round(float(np.median(real)), 3),
            }
        )
        print(rows[-1], flush=True)
    protocol = (
        f"MNIST, grey, 60000 train images, batches of {BATCH}. manifold.png: VAE {PLANE}, "
        f"{epochs['plane']} epochs, 20 x 20 codes at the normal's quantiles. The others: VAE {MODEL}, "
        f"{epochs['model']} epochs, {active} active units; ways in twelve steps between samples and between "
        f"test images; traversals of the code of one test image from -3 to 3, the dimensions by variance of "
        f"the code; test images left of their reconstructions; samples before their nine nearest training "
        f"images. Rows: Euclidean distances of 200 samples and of 200 test images."
    )
    return {"protocol": protocol, "rows": rows}
