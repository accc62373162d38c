"""How many modes does ALI find, beside a GAN of the same generator: ring, grid, 1000 stacked digits?"""

import keras
import numpy as np

from tfgen import metrics
from tfgen.models import ALI, DCGAN, GAN
from tfgen.pictures import grid
from tools.studies._arrays import in_parts
from tools.studies._training import forget, trained
from tools.studies.mode_collapse import grid_of_plots

published = (
    "Srivastava et al. (2017) report of ALI 2.8 of 8, 15.8 of 25, and 16 of 1000 with a KL of 5.4 "
    "(recalled); by other networks and budgets, which are not comparable."
)
POINTS = dict(image_shape=(1, 1, 2), body="dense", width=128, latent_dim=2, ema_decay=0.999)
STACKED = dict(image_shape=(28, 28, 3), width=24, latent_dim=64, ema_decay=0.999)
CASES = {
    "ring": (POINTS, GAN, 256, 2),
    "grid": (POINTS, GAN, 256, 2),
    "stacked_mnist": (STACKED, DCGAN, 64, 1),
}
EPOCHS = {"ring": 12, "grid": 12, "stacked_mnist": 1}
SHOWN = 2_500


def run(folder, data_dir, seed, epochs=EPOCHS, n=26_000):
    place, rows = dict(data_dir=data_dir, download=data_dir is None), []
    for source, (arguments, other, batch, seeds) in CASES.items():
        pictures, points = [], arguments is POINTS
        for cls in (ALI, other):
            found = []
            for more in range(seeds):
                model = cls(**arguments, seed=seed + more)
                rate = 1e-3 if points else 2e-4
                optimizers = {name: keras.optimizers.Adam(rate, beta_1=0.5) for name in model.objectives()}
                how = dict(how={"optimizer": optimizers}, labels=False)
                cost, _ = trained(model, source, epochs[source], batch, data_dir, seed + more, **how)
                scores = metrics.modes(model, source, n=None if points else n, seed=seed, **place)
                found.append({one.name: one.value for one in scores} | {"cost": cost})
                print(source, cls.__name__, found[-1], flush=True)
                if not more:
                    pictures.append(model.sample(SHOWN if points else 40, seed=seed).numpy())
                if not more and cls is ALI and points:  # what it makes of its own samples
                    pictures.append(in_parts(model.reconstruct, pictures[-1]))
                forget()
            mean = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
            rows.append(
                {
                    "data": source,
                    "model": cls.__name__,
                    "modes": ", ".join(str(int(one["modes"])) for one in found),
                    "KL, nats": round(mean["mode_kl"], 3),
                    "high quality": round(mean["high_quality"], 3) if points else "",
                    "core-seconds": round(mean["cost"]),
                }
            )
        if points:
            grid_of_plots(pictures).save(folder / f"{source}.png")
        else:
            grid(np.concatenate(pictures), (-1.0, 1.0), columns=20, gap=1).save(folder / f"{source}.png")
    return {
        "protocol": (
            f"Points: {EPOCHS['ring']} epochs of 100000, batches of 256, {POINTS}, Adam(1e-3, beta_1=0.5), "
            "2 seeds, whose counts are listed (of 8 and of 25) and whose other scores are averaged. "
            f"Stacked digits: {EPOCHS['stacked_mnist']} epoch of 128000, batches of 64, {STACKED}, "
            "Adam(2e-4, beta_1=0.5), one seed. Scores as tfgen.metrics.modes computes them, of 2500 "
            f"points and {n} stacks. ring.png and grid.png, of the first seed: samples of ALI, their "
            "reconstructions, samples of the GAN; stacked_mnist.png: two rows of samples of each model."
        ),
        "rows": rows,
    }
