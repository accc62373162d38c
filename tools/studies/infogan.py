"""Do InfoGAN's categories, learnt without a label, become the ten digits?"""

import keras
import numpy as np
from scipy.optimize import linear_sum_assignment

from tfgen import metrics
from tfgen.analysis import latent
from tfgen.models import InfoGAN
from tfgen.pictures import grid
from tools.studies._arrays import arrays
from tools.studies._training import trained

published = "Chen et al. (2016), section 7.2: 5 % error, each category taken for the digit that fits best."
MODEL = dict(image_shape=(28, 28, 1), width=32)
EPOCHS, BATCH, SEEDS, SAMPLES = 15, 128, 1, 10_000


def digit_error(model, images, labels):
    """Share of images whose likeliest category is not their digit's, categories matched one to one."""
    said = np.concatenate(
        [model.infer(images[i : i + 500])["category"].numpy().argmax(1) for i in range(0, len(images), 500)]
    )
    table = np.zeros((10, 10), int)
    np.add.at(table, (said, labels), 1)
    categories, digits = linear_sum_assignment(-table)
    return 1 - table[categories, digits].sum() / len(images), np.argsort(digits)


def run(folder, data_dir, seed, epochs=EPOCHS, seeds=SEEDS, limit=""):
    images, labels = arrays("mnist", "test", data_dir)
    images = images / np.float32(127.5) - 1
    rows, tried = [], []
    for one in range(seed, seed + seeds):
        model, errors = InfoGAN(**MODEL, seed=one), []

        def measure(epoch, logs):
            errors.append(digit_error(model, images, labels)[0])
            print(one, epoch, round(errors[-1], 4), {k: round(v, 3) for k, v in logs.items()}, flush=True)

        watch = keras.callbacks.LambdaCallback(on_epoch_end=measure)
        cost, history = trained(
            model, "mnist", epochs, BATCH, data_dir, one, split="train" + limit, callbacks=[watch]
        )
        how = dict(metrics=["frechet"], n=SAMPLES, seed=one, data={}, data_dir=data_dir)
        (score,) = (
            score
            for score in metrics.evaluate(model, "mnist", download=data_dir is None, **how)
            if score.name == "frechet"
        )
        rows.append(
            {
                "seed": one,
                "digit error": round(errors[-1], 4),
                "lowest of an epoch": round(min(errors), 4),
                "categorical information, nats": round(history["categorical_information"][-1], 3),
                "Frechet": round(score.value, 3),
                "core-seconds": round(cost),
            }
        )
        print(rows[-1], flush=True)
        tried.append((errors[-1], model))
    _, model = min(tried, key=lambda pair: pair[0])
    _, order = digit_error(model, images, labels)
    z = np.repeat(latent.codes(model, 10, seed=seed)[:, None], 10, axis=1)
    z[..., :10] = np.eye(10, dtype="float32")[order]
    grid(latent.decode(model, z).reshape(-1, 28, 28, 1), (-1.0, 1.0), columns=10, gap=1).save(
        folder / "categories.png"
    )
    for code in range(2):
        z = np.zeros((10, 11, model.latent_dim), "float32")
        z[...] = latent.codes(model, 10, seed=seed + 1)[:, None]
        z[..., :10] = np.eye(10, dtype="float32")[order][:, None]
        z[..., 10 + code] = np.linspace(-2, 2, 11)
        grid(latent.decode(model, z).reshape(-1, 28, 28, 1), (-1.0, 1.0), columns=11, gap=1).save(
            folder / f"code_{code + 1}.png"
        )
    protocol = (
        f"MNIST without labels, {epochs} epochs of batches of {BATCH}, InfoGAN {MODEL} with its paper's "
        "optimizers and weights of the codes. Digit error: share of the 10000 test images whose likeliest "
        "category by Q is not that of their digit, categories and digits matched one to one. Frechet "
        f"distance of {SAMPLES} samples. Of the seed with the lower error: categories.png, a column for each "
        "category in the order of the digits, a row for each rest of the code; code_1.png and code_2.png, "
        "the continuous codes from -2 to 2, a row for each category."
    )
    return {"protocol": protocol, "rows": rows}
