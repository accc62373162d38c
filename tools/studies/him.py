"""Do HIM's weights know how many images they have seen, and are its ratios as good as a likelihood?"""

import numpy as np

from tfgen import pictures
from tfgen.models import HIM, VAE
from tfgen.models.variational.him import DrawnDense
from tools.studies._arrays import arrays, in_parts
from tools.studies._training import Budget, forget, scores, trained

published = (
    "Tran et al. (2017) train a Bayesian GAN of labels given inputs: test error on MNIST .0136 (variational "
    "inference of a Bayesian network .0311), recalled. No figure of theirs is of images."
)
BATCH, TRAINING = 50, 110  # the latter in core-seconds, of each model
COUNTS = (100, 1000, 60_000)
SHAPE = dict(image_shape=(28, 28, 1), latent_dim=10, width=256)


def run(folder, data_dir, seed, core_seconds=TRAINING, counts=COUNTS):
    images, _ = arrays("mnist", "train", data_dir)
    test = arrays("mnist", "test", data_dir)[0] / np.float32(255)
    rows, shown = [], [2 * test[:20] - 1]
    for name in (*counts, "VAE"):
        bayesian = name != "VAE"
        model = (
            HIM(**SHAPE, observed=name, ema_decay=0.99, seed=seed)
            if bayesian
            else VAE(**SHAPE, body="dense", ema_decay=0.99, seed=seed)
        )
        source = images[: name if bayesian else None]
        cost, _ = trained(
            model, source, 100_000, min(BATCH, len(source)), data_dir, seed,
            callbacks=[Budget(core_seconds)], dtype="uint8",
        )  # fmt: skip
        low, high = model.value_range
        found = low + (high - low) * test
        again = (in_parts(model.reconstruct, found) - low) / (high - low)
        row = {"model": "HIM" if bayesian else "VAE, Bernoulli", "images": len(source)}
        if bayesian:
            drawn = [layer for layer in model.decoder.layers if isinstance(layer, DrawnDense)]
            widths = np.concatenate([np.exp(layer.kernel_deviation).ravel() for layer in drawn])
            row["mean deviation of a weight"] = round(float(widths.mean()), 3)
            row["share of weights within 5 % of the prior's"] = round(float((widths > 0.95).mean()), 3)
        row |= {
            "squared error, test": round(float(((again - test) ** 2).sum((1, 2, 3)).mean()), 2),
            **scores(model, "mnist", 5000, data_dir, seed),
            "steps": int(model.step),
            "core-seconds": round(cost),
        }
        rows.append(row)
        print(row, flush=True)
        codes = model.draw_codes(model.key_of(seed), 20)
        made = (np.asarray(model.decode(codes)) - low) / (high - low)
        shown += [2 * part - 1 for part in (again[:20], made)]
        forget()
    pictures.grid(np.concatenate(shown), (-1.0, 1.0), columns=20).save(folder / "digits.png")
    return {
        "protocol": (
            f"MNIST, batches of {BATCH}, {core_seconds} core-seconds for each model, averages of .99; "
            f"{SHAPE}. HIM of the first 100, 1000 and of all 60,000 images, which it is told as `observed`; "
            "a VAE with dense networks of the same sizes, whose likelihood is known. A weight's prior "
            "has deviation 1. The squared error of reconstructions of the 10,000 test images, in [0, 1], by "
            "the weights' means; Frechet, precision and recall of 5000 samples, to 5000 test images. "
            "digits.png: test digits, then for each model their reconstructions and decoded draws of z."
        ),
        "rows": rows,
    }
