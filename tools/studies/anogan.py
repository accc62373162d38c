"""Does AnoGAN, which has seen a single digit, tell it from the others, and a VAE of as much training?"""

import numpy as np

from tfgen import pictures
from tfgen.analysis import search
from tfgen.metrics import auroc, outlier_scores
from tfgen.models import DCGAN, VAE
from tools.studies._arrays import arrays
from tools.studies._training import Budget, core_seconds, forget, trained

PUBLISHED = (0.966, 0.992, 0.850, 0.887, 0.894, 0.883, 0.947, 0.935, 0.849, 0.924)  # of the digits 0 to 9
published = (
    "Ruff et al. (2018), Deep One-Class Classification, table 1, AUROC of AnoGAN on MNIST: the last column, "
    f"recalled, mean {np.mean(PUBLISHED):.3f}. They train on one digit, too, but score all 10,000 test "
    "images, normalise their contrast, train larger networks, and average over seeds (recalled)."
)
SHAPE, BATCH, TRAINING = (28, 28, 1), 64, 22  # the latter in core-seconds
GAN = dict(image_shape=SHAPE, width=16, latent_dim=20)
AUTOENCODER = dict(image_shape=SHAPE, body="dense", width=200, latent_dim=20)
EACH, STEPS, WEIGHT, SHOWN = 100, 150, 0.1, 2


def nearest(images, train):
    """The squared distance of each of the images to the nearest of the training images."""
    ours, theirs = (x.reshape(len(x), -1) for x in (images, train))
    return ((ours**2).sum(1)[:, None] - 2 * ours @ theirs.T + (theirs**2).sum(1)).min(1)


def run(folder, data_dir, seed, digits=range(10), core_seconds_each=TRAINING):
    (images, labels), (test, truth) = (arrays("mnist", split, data_dir) for split in ("train", "test"))
    rows, shown, samples, spent = [], [], [], core_seconds()
    for digit in digits:
        rng = np.random.default_rng([seed, digit])
        own, others = (
            rng.choice(np.flatnonzero(rows_of), EACH, replace=False)
            for rows_of in (truth == digit, truth != digit)
        )
        asked = test[np.concatenate([own, others])] / np.float32(255)
        train = images[labels == digit]
        gan, vae = DCGAN(**GAN, seed=seed), VAE(**AUTOENCODER, seed=seed)
        for model in (gan, vae):
            budget = Budget(core_seconds_each)
            trained(model, train, 10_000, BATCH, data_dir, seed, callbacks=[budget], dtype="uint8")
        since = core_seconds()
        # `outlier_scores` by "search" are the losses of this, of which the picture shows the images.
        found = search.unusual(gan, 2 * asked - 1, weight=WEIGHT, steps=STEPS, seed=seed)
        cost = core_seconds() - since
        scores = {
            "AnoGAN": found.losses,
            "VAE, ELBO": outlier_scores(vae, asked, "elbo", seed=seed),
            "VAE, squared error": outlier_scores(vae, asked, "reconstruction"),
            "nearest training image": nearest(asked, train / np.float32(255)),
        }
        row = {name: round(auroc(s[:EACH], s[EACH:]), 3) for name, s in scores.items()}
        rows.append({"digit": str(digit), **row, "AnoGAN, published": PUBLISHED[digit]})
        print(rows[-1], f"search {cost:.0f} core-s", flush=True)
        some = [*range(SHOWN), *range(EACH, EACH + SHOWN)]
        wanted = 2 * asked[some] - 1
        shown.append(np.stack([wanted, found.images[some], abs(wanted - found.images[some]) - 1], axis=1))
        samples.append(np.asarray(gan.sample(12, seed=seed)))
        forget()
    names = [name for name in rows[0] if name != "digit"]
    rows.append({"digit": "mean", **{n: round(float(np.mean([row[n] for row in rows])), 3) for n in names}})
    titles = [*(["digit", "G(z)", "apart"] * SHOWN), *(["other", "G(z)", "apart"] * SHOWN)]
    table = np.concatenate(shown).reshape(-1, *SHAPE)
    pictures.grid(table, (-1.0, 1.0), columns=len(titles), titles=titles).save(folder / "search.png")
    pictures.grid(np.concatenate(samples), (-1.0, 1.0), columns=12).save(folder / "samples.png")
    protocol = (
        f"MNIST. For each digit DCGAN {GAN} and VAE {AUTOENCODER}, Bernoulli, trained on the train images of "
        f"that digit alone, {core_seconds_each} core-seconds each with compilation, batches of {BATCH}, the "
        f"papers' optimizers. AUROC of {EACH} test images of other digits (outliers) against {EACH} of the "
        f"digit, drawn by the seed; 1/2 is chance, and of so few images a value's standard error is .01 to "
        f".04. AnoGAN: {STEPS} steps of Adam, rate .1, from one start, weight {WEIGHT}, the least loss. "
        f"Nearest training image: its squared distance. {core_seconds() - spent:.0f} core-seconds in all. "
        f"search.png: a row for each digit, {SHOWN} images of it and {SHOWN} others, each with the nearest "
        f"G(z) and the residual |x - G(z)|; samples.png: a row for each digit's DCGAN."
    )
    return {"protocol": protocol, "rows": rows}
