"""How many decibels does a denoising autoencoder win on test digits, by kind of corruption?

PSNR = 10 log10(1 / mean squared error of an image's pixels), mean over the test images; noisy
images of Gaussian noise are also scored cut off to [0, 1], as one would show them.
"""

import keras
import numpy as np

from tfgen import data, pictures
from tfgen.models import DenoisingAutoencoder

DATASET, EPOCHS, BATCH = "mnist", 5, 200
CORRUPTIONS = (("gaussian", 0.5), ("masking", 0.5), ("salt_and_pepper", 0.25))


def psnr(images, truth):
    errors = np.square(np.asarray(images, "float64") - truth).mean(axis=(1, 2, 3))
    return round(float(np.mean(10 * np.log10(1 / errors))), 2)


def run(folder, data_dir, seed):
    options = dict(data_dir=data_dir, download=data_dir is None)
    rows, shown = [], []
    for corruption, level in CORRUPTIONS:
        model = DenoisingAutoencoder((28, 28, 1), corruption=corruption, level=level, seed=seed)
        stream = data.load(DATASET, "train", model, BATCH, seed=seed, **options)
        rate = keras.optimizers.schedules.CosineDecay(1e-3, EPOCHS * len(stream))
        model.compile(keras.optimizers.Adam(rate))
        model.fit(stream, epochs=EPOCHS, verbose=2)
        test = data.load(DATASET, "test", model, 500, **options)
        clean, noisy, denoised = [], [], []
        for i, images in enumerate(test.as_numpy_iterator()):
            clean.append(images)
            noisy.append(model.corrupt(images, seed=seed, first_row=500 * i).numpy())
            denoised.append(model.reconstruct(noisy[-1]).numpy())
        clean, noisy, denoised = map(np.concatenate, (clean, noisy, denoised))
        row = {
            "corruption": corruption,
            "level": level,
            "PSNR of noisy, dB": psnr(noisy, clean),
            "PSNR of noisy cut off, dB": psnr(np.clip(noisy, 0, 1), clean),
            "PSNR of denoised, dB": psnr(denoised, clean),
        }
        rows.append(row)
        print(row, flush=True)
        shown += [] if shown else [clean[:12]]
        shown += [noisy[:12], denoised[:12]]
    pictures.grid(np.concatenate(shown), columns=12).save(folder / "denoised.png")
    protocol = (
        f"{DATASET}, the paper's network of one hidden layer of {model.latent_dim} sigmoid units, one for "
        f"each corruption, {EPOCHS} epochs of Adam from 1e-3 to 0 by a cosine, batches of {BATCH}; scored on "
        f"{len(clean)} test images. denoised.png, by rows: clean, then noisy and denoised of "
        f"{', '.join(kind for kind, _ in CORRUPTIONS)}."
    )
    return {"protocol": protocol, "rows": rows}
