"""Do several generators of a posterior cover more than one, and what do the chains change?"""

import keras
import numpy as np

from tfgen import data, metrics
from tfgen.models import BayesianGAN
from tfgen.pictures import grid
from tools.studies._arrays import arrays
from tools.studies._training import core_seconds, forget
from tools.studies.mode_collapse import grid_of_plots
from tools.studies.semi_supervised import error

published = (
    "Saatci and Wilson (2017): a divergence from synthetic data that falls below a GAN's, as a figure; no "
    "number to compare. MNIST with 100 labels: about 0.98 % of errors (recalled, uncertain)."
)
POINTS = dict(image_shape=(1, 1, 2), body="dense", width=64, noise_dim=2, observed=10_000)
STEPS = {"ring": 2_000, "grid": 6_000}
BATCH, SEEDS, SHOWN = 256, 2, 2_500
KINDS = {  # (generators, share of the steps that Adam has)
    "GAN": (1, 1.0),
    "4 generators, Adam": (4, 1.0),
    "posterior, 1 generator": (1, 0.5),
    "posterior, 4 generators": (4, 0.5),
}


def run(folder, data_dir, seed, steps=STEPS, kinds=KINDS, seeds=SEEDS, labels_steps=1_500):
    place = dict(data_dir=data_dir, download=data_dir is None)
    rows = []
    for source, count in steps.items():
        pictures = []
        for kind, (generators, share) in kinds.items():
            found = []
            for own in range(seed, seed + seeds):
                model = BayesianGAN(
                    **POINTS, generator_samples=generators, burn_in=int(share * count), seed=own
                )
                optimizers = model.default_optimizers()
                for name in optimizers:
                    if name.endswith("_burn_in"):
                        optimizers[name] = keras.optimizers.Adam(1e-3, beta_1=0.5)
                model.compile(optimizers)
                batches = data.load(source, "train", model, BATCH, seed=own, labels=False, **place).repeat()
                start = core_seconds()
                model.fit(batches, steps_per_epoch=count, verbose=0)
                scores = {"core-seconds": core_seconds() - start}
                scores |= {one.name: one.value for one in metrics.modes(model, source, seed=own, **place)}
                found.append(scores)
                print(source, kind, own, scores, flush=True)
                if own == seed:
                    pictures.append(model.sample(SHOWN, seed=own).numpy())
                forget()
            mean = {name: np.mean([scores[name] for scores in found]) for name in found[0]}
            row = {
                "data": source,
                "model": kind,
                "modes": ", ".join(str(int(scores["modes"])) for scores in found),
                "KL, nats": round(float(mean["mode_kl"]), 3),
                "high quality": round(float(mean["high_quality"]), 3),
                "core-seconds": round(float(mean["core-seconds"])),
            }
            rows.append(row)
        grid_of_plots(pictures).save(folder / f"{source}.png")
    digits = dict(image_shape=(28, 28, 1), classes=10, width=24, generator_samples=2, observed=60_000)
    model = BayesianGAN(**digits, burn_in=labels_steps // 2, seed=seed)
    model.compile()
    batches = data.load(
        "mnist", "train", model, 64, seed=seed, labelled=100, epochs=range(labels_steps // 900 + 1), **place
    )
    start, says = core_seconds(), []
    for _ in range(2):  # as Adam ends, and the chains
        model.fit(batches, steps_per_epoch=labels_steps // 2, verbose=0)
        says.append(error(model.classify, *arrays("mnist", "test", data_dir)))
        print("mnist", says, flush=True)
    cost = core_seconds() - start
    grid(model.sample(40, seed=seed).numpy(), (-1.0, 1.0), columns=20).save(folder / "digits.png")
    protocol = (
        f"{POINTS}, batches of {BATCH}, {steps} steps, {seeds} seeds. Adam(1e-3, beta_1=0.5) in all of them, "
        "or in half of them and then chains of SGHMC(1e-4, friction=0.1) of the temperature 1 / 10000. "
        "Scores as tfgen.metrics.modes computes them, of 2500 points; counts of modes are listed by seed, "
        "other scores averaged. Pictures: a plot for each row, of the first seed. MNIST with 100 labels, "
        f"{digits}, batches of 64, {labels_steps // 2} steps of DCGAN's Adam: {says[0]:.2%} of the test "
        f"images are taken for another class; after as many steps of the chains {says[1]:.2%}; {cost:.0f} "
        "core-seconds. digits.png: its samples."
    )
    return {"protocol": protocol, "rows": rows}
