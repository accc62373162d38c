"""What do Parzen windows say of a GAN on MNIST, as in Goodfellow et al., and of what is no model at all?

Goodfellow et al. Generative Adversarial Nets. NeurIPS 2014, table 1. https://arxiv.org/abs/1406.2661
Theis, van den Oord and Bethge. A Note on the Evaluation of Generative Models. ICLR 2016, section 3.2.
https://arxiv.org/abs/1511.01844
"""

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from tfgen.metrics import parzen_log_likelihood
from tfgen.models import GAN
from tfgen.pictures import grid
from tools.studies._arrays import arrays
from tools.studies._training import trained

WIDTH, EPOCHS, BATCH = 512, 15, 128
SAMPLES, VALIDATION, SHOWN = 10_000, 1000, 60
TRAIN = "[:50000]"  # the others choose sigma

published = (
    "Goodfellow et al., table 1: adversarial net 225 +- 2 nats, deep GSN 214 +- 1.1, DBN 138 +- 2. Theis et "
    "al., table 1: training images 243, centres of k-means 313."
)


def run(folder, data_dir, seed, epochs=EPOCHS, samples=SAMPLES, test=10_000):
    """`epochs`, `samples` and `test` (images) make it quick: to try the study."""

    def pixels(split):
        images, _ = arrays("mnist", split, data_dir)
        return (images / 255).reshape(len(images), -1)

    training, validation, images = pixels("train" + TRAIN), pixels("train[50000:]"), pixels("test")[:test]
    validation = validation[:VALIDATION]
    rows = []

    def measure(name, points):
        found = parzen_log_likelihood(points, images, validation)
        rows.append(
            {
                "samples of": name,
                "nats": round(found.mean, 1),
                "+-": round(found.standard_error, 1),
                "sigma": round(found.sigma, 3),
            }
        )
        print(rows[-1], flush=True)

    model = GAN(width=WIDTH, seed=seed)
    measure("GAN, untrained", (np.asarray(model.sample(samples, seed=seed)) + 1).reshape(samples, -1) / 2)
    trained(model, "mnist", epochs, BATCH, data_dir, seed, split="train" + TRAIN)
    drawn = np.asarray(model.sample(samples, seed=seed))
    measure("GAN", (drawn + 1).reshape(samples, -1) / 2)
    chosen = np.random.default_rng(seed).permutation(len(training))[:samples]
    measure("training images, as many", training[chosen])
    means = MiniBatchKMeans(
        samples, init="random", n_init=1, batch_size=samples, max_iter=2, random_state=seed
    )
    measure("means of k-means, as many", means.fit(training).cluster_centers_)
    grid(drawn[:SHOWN], columns=12).save(folder / "samples.png")
    protocol = (
        f"MNIST, pixels in [0, 1]. GAN of dense layers, two of {WIDTH} units each, {epochs} epochs "
        f"of batches of {BATCH} of the first 50,000 training images. {samples} samples; sigma from 0.1 "
        f"to 1 by {VALIDATION} other training images; log p of {len(images)} test images. It misleads "
        f"(tfgen/metrics/parzen.py): for comparison with the published value only."
    )
    return {"protocol": protocol, "rows": rows}
