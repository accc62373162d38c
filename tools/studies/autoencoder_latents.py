"""How much of a digit do 2, 5 and 20 numbers hold: an autoencoder beside principal components?

Deep dense autoencoders and PCA of the same size, fitted on MNIST's training images and scored on its
test images. Hinton and Salakhutdinov (2006) compare the two so.
"""

import time

import keras
import numpy as np

from tfgen import data, pictures
from tfgen.models import Autoencoder

DATASET, LATENTS, WIDTH, EPOCHS, BATCH = "mnist", (2, 5, 20), 500, 12, 200


def images_of(split, model, data_dir):
    options = dict(shuffle=False, drop_remainder=False, data_dir=data_dir, download=data_dir is None)
    return np.concatenate(list(data.load(DATASET, split, model, 500, **options).as_numpy_iterator()))


def autoencoder(latent_dim, images, seed):
    model = Autoencoder(images.shape[1:], latent_dim, width=WIDTH, output_activation="sigmoid", seed=seed)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, EPOCHS * (len(images) // BATCH))
    model.compile(keras.optimizers.Adam(rate))
    stream = data.load(images, "train", model, BATCH, seed=seed)
    model.fit(stream, epochs=EPOCHS, verbose=2)
    return model


def run(folder, data_dir, seed):
    from sklearn.decomposition import PCA

    spec = Autoencoder((28, 28, 1), 2, width=4)
    train, test = (images_of(split, spec, data_dir) for split in ("train", "test"))
    rows, shown = [], [test[:12]]
    for latent_dim in LATENTS:
        start = time.perf_counter()
        model = autoencoder(latent_dim, train, seed)
        seconds = round(time.perf_counter() - start)
        pca = PCA(latent_dim, svd_solver="covariance_eigh").fit(train.reshape(len(train), -1))
        flat = test.reshape(len(test), -1)
        projected = pca.inverse_transform(pca.transform(flat)).reshape(test.shape)
        returned = np.concatenate([model.reconstruct(test[i : i + 500]) for i in range(0, len(test), 500)])
        row = {"latent": latent_dim}
        for name, images in (("autoencoder", returned), ("PCA", projected)):
            errors = np.square(images.astype("float64") - test).sum(axis=(1, 2, 3))
            row |= {
                f"{name}, squared error an image": round(float(errors.mean()), 2),
                f"{name}, a pixel": round(float(errors.mean()) / test[0].size, 4),
            }
        rows.append(row | {"training seconds": seconds})
        print(rows[-1], flush=True)
        shown.append(returned[:12])
    shown.append(projected[:12])  # of the last size
    pictures.grid(np.concatenate(shown), columns=12).save(folder / "reconstructions.png")
    protocol = (
        f"{DATASET}, {len(train)} images of training, errors on {len(test)} of test. Dense ReLU encoder "
        f"{WIDTH}-{WIDTH // 2}-{WIDTH // 4} and its mirror image, sigmoid output, {EPOCHS} epochs of Adam "
        f"from 1e-3 to 0 by a cosine, batches of {BATCH}. PCA with the mean, fitted on the same images, "
        f"not cut off to [0, 1]. reconstructions.png, by rows: test images, autoencoders of "
        f"{', '.join(map(str, LATENTS))}, PCA of {LATENTS[-1]}."
    )
    return {"protocol": protocol, "rows": rows}
