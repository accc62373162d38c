"""How well do a VAE's bounds and errors, and a mixture's likelihood, tell a digit that was held out?

For each digit a VAE and a Gaussian mixture are trained on the other nine, and score the test
images: AUROC of the held-out digit's against the others'.
"""

import time

import keras
import numpy as np

from tfgen import data
from tfgen.metrics import auroc, outlier_scores
from tfgen.models import VAE, GaussianMixture

VAE_ARGUMENTS = dict(body="dense", width=200, latent_dim=20)
EPOCHS, BATCH, SAMPLES = 3, 128, 20
MIXTURE = dict(components=10, regularization=1e-2)
MIXTURE_IMAGES, ITERATIONS = 10_000, 5


def arrays(split, data_dir):
    batches = data.load(
        "mnist", split, shuffle=False, batch_size=1000, drop_remainder=False,
        data_dir=data_dir, download=data_dir is None,
    )  # fmt: skip
    images, labels = (np.concatenate(part) for part in zip(*batches.as_numpy_iterator()))
    return images, labels


def run(folder, data_dir, seed, digits=range(10), test=10_000):
    (images, labels), (test_images, test_labels) = (arrays(split, data_dir) for split in ("train", "test"))
    test_images = (test_images[:test] / 255).astype("float32")
    rows = []
    for digit in digits:
        start = time.monotonic()
        keras.utils.set_random_seed(seed)  # of the order of `fit`
        known = images[labels != digit]
        known = known[np.random.default_rng(seed).permutation(len(known))]
        vae = VAE(**VAE_ARGUMENTS, seed=seed)
        vae.compile()
        vae.fit(known[: len(known) // BATCH * BATCH], batch_size=BATCH, epochs=EPOCHS, verbose=0)
        mixture = GaussianMixture(**MIXTURE, seed=seed)
        mixture.compile()
        mixture.fit(known[:MIXTURE_IMAGES], batch_size=1000, epochs=ITERATIONS, verbose=0)
        scores = {
            "VAE, ELBO": outlier_scores(vae, test_images, "elbo", seed=seed),
            f"VAE, bound by {SAMPLES} samples": outlier_scores(
                vae, test_images, "log_prob", samples=SAMPLES, seed=seed
            ),
            "VAE, squared error": outlier_scores(vae, test_images, "reconstruction"),
            "Gaussian mixture, log p(x)": outlier_scores(mixture, test_images, "log_prob"),
        }
        held_out = test_labels[:test] == digit
        row = {"held-out digit": str(digit)}
        row.update({name: round(auroc(s[~held_out], s[held_out]), 3) for name, s in scores.items()})
        rows.append(row)
        print(f"{row}, {time.monotonic() - start:.0f} s", flush=True)
    names = [name for name in rows[0] if name != "held-out digit"]
    rows.append(
        {"held-out digit": "mean", **{n: round(float(np.mean([r[n] for r in rows])), 3) for n in names}}
    )
    protocol = (
        f"MNIST. Training: the train images of nine digits, grey. VAE {VAE_ARGUMENTS}, Bernoulli, {EPOCHS} "
        f"epochs of batches of {BATCH}; Gaussian mixture {MIXTURE}, full covariance, {ITERATIONS} iterations "
        f"on {MIXTURE_IMAGES} images. AUROC of the test images of the held-out digit (outliers) against "
        f"the others', {len(test_images)} images in all; 1/2 is chance."
    )
    return {"protocol": protocol, "rows": rows}
