"""Does a mixture of Gaussians on the codes make a sampler of an autoencoder, as in Ghosh et al.?

Ghosh et al. From Variational to Deterministic Autoencoders. ICLR 2020.
https://arxiv.org/abs/1903.12436
"""

import numpy as np

from tfgen import data, metrics
from tfgen.models import VAE, Autoencoder, GaussianMixture
from tfgen.pictures import grid

SOURCE, SHAPE = "mnist", (28, 28, 1)
EPOCHS, ITERATIONS, COMPONENTS, SAMPLES, LATENT = 5, 8, 10, 10_000, 20
SHOWN = 12  # samples of each in the picture


def run(folder, data_dir, seed, limit=""):
    """`limit`, as "[:2000]", takes a part of the training images: to try the study."""
    place = dict(data_dir=data_dir, download=data_dir is None)

    def batches(model, size):
        return data.load(SOURCE, "train" + limit, model, size, seed=seed, **place)

    rows, pictures = [], []

    def measure(name, codes, model, reference=False):
        how = dict(metrics=["frechet"], n=SAMPLES, seed=seed, data={}, reference=reference, **place)
        scores = {score.name: score.value for score in metrics.evaluate(model, SOURCE, **how)}
        rows.append({"model": name, "codes from": codes, "Frechet": round(scores["frechet"], 3)})
        if reference:
            nothing = {
                "model": "training images",
                "codes from": "",
                "Frechet": round(scores["frechet_train"], 3),
            }
            rows.append(nothing)
        pictures.append(model.sample(SHOWN, seed=seed))
        print(rows[-1], flush=True)

    mixture = GaussianMixture(SHAPE, COMPONENTS, regularization=1e-2, seed=seed)
    mixture.compile()
    mixture.fit(batches(mixture, 1000), epochs=ITERATIONS, verbose=2)
    measure("mixture of the pixels", "", mixture, reference=True)
    for cls in (Autoencoder, VAE):
        model = cls(SHAPE, LATENT, width=32, body="convolutional", seed=seed)
        model.compile()
        model.fit(batches(model, 128), epochs=EPOCHS, verbose=2)
        measure(cls.__name__, "N(0, I)", model)
        nll = model.fit_density(batches(model, 1000), COMPONENTS)
        print(f"{len(nll)} iterations of EM, {nll[-1]:.3f} nats", flush=True)
        measure(cls.__name__, f"{COMPONENTS} Gaussians", model)
    grid(np.concatenate(pictures), columns=SHOWN).save(folder / "samples.png")
    protocol = (
        f"{SOURCE}, {EPOCHS} epochs of batches of 128 for both autoencoders: {LATENT} codes, convolutions "
        f"of width 32 (ReLU in the encoder of Autoencoder, leaky in VAE's), each by its own loss and "
        f"Adam(1e-3). {COMPONENTS} Gaussians with full covariances, on the codes of the training images, or, "
        f"{ITERATIONS} iterations, on their pixels. Frechet distance of {SAMPLES} samples to as many test "
        f"images in the features of the data's classifier. samples.png has a row of samples for each row but "
        f"the training images."
    )
    return {"protocol": protocol, "rows": rows}
