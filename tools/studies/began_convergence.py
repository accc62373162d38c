"""Does BEGAN's measure of convergence M tell how good its images are?"""

import functools

import keras
import numpy as np

from tfgen import metrics
from tfgen.models import BEGAN
from tfgen.pictures import grid
from tools.studies._training import trained

published = "Berthelot et al. (2017), figure 6, show M and images of one run: as M falls, they get better."
SOURCE, EPOCHS, BATCH, SAMPLES, SHOWN = "fashion_mnist", 6, 64, 2_000, 12
MODEL = dict(image_shape=(28, 28, 1), width=16, depth=1)
RATES = (1e-3, 5e-2)  # of the balance: the paper's, and one for as few updates as these


def run(folder, data_dir, seed, epochs=EPOCHS, limit="[:20000]"):
    place = dict(data_dir=data_dir, download=data_dir is None)
    rows, pictures, correlations = [], [], []

    def measure(model, rate, epoch, logs):
        how = dict(metrics=["frechet"], n=SAMPLES, seed=seed, data={}, **place)
        (score,) = (one for one in metrics.evaluate(model, SOURCE, **how) if one.name == "frechet")
        rows.append(
            {
                "balance rate": rate,
                "epoch": epoch + 1,
                "M": round(logs["convergence"], 4),
                "k": round(logs["k"], 4),
                "Frechet": round(score.value, 3),
            }
        )
        print(rows[-1], flush=True)
        pictures.append(np.asarray(model.sample(SHOWN, seed=seed)))

    for rate in RATES:
        model = BEGAN(**MODEL, balance_rate=rate, seed=seed)
        watch = keras.callbacks.LambdaCallback(on_epoch_end=functools.partial(measure, model, rate))
        trained(model, SOURCE, epochs, BATCH, data_dir, seed, split="train" + limit, callbacks=[watch])
        found = [(row["M"], row["Frechet"]) for row in rows if row["balance rate"] == rate]
        ranks = [np.argsort(np.argsort(values)) for values in zip(*found)]
        correlations.append(f"{np.corrcoef(ranks)[0, 1]:.2f} at {rate:g}")
    grid(np.concatenate(pictures), (-1.0, 1.0), columns=SHOWN, gap=1).save(folder / "samples.png")
    protocol = (
        f"{SOURCE}, the first 20000 images, batches of {BATCH}, BEGAN {MODEL}. M and k are means over the "
        f"epoch; Frechet distance of {SAMPLES} samples at its end to as many test images, in the features of "
        "the data's classifier. Rank correlation of M and the distance over the epochs: "
        f"{', '.join(correlations)}. samples.png has a row for each epoch."
    )
    return {"protocol": protocol, "rows": rows}
