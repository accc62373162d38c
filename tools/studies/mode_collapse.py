"""How many modes does an adversarial model find: on a ring, on a grid, among 1000 stacked digits?"""

import keras
import numpy as np

from tfgen import metrics
from tfgen.losses import DIVERGENCES
from tfgen.models import BSGAN, DCGAN, DRAGAN, EBGAN, FGAN, GAN, LSGAN, SNGAN, WGAN, WGANGP, GeometricGAN
from tfgen.models.monitoring import Diverged
from tfgen.pictures import grid, scatter
from tools.studies._training import forget, trained

published = (
    "Metz et al. 2017 (ring, stacked digits) and Lin et al. 2018 (grid) have other networks and budgets: no "
    "number of theirs is comparable."
)
POINTS = dict(image_shape=(1, 1, 2), body="dense", width=128, latent_dim=16)
STACKED = dict(image_shape=(28, 28, 3), width=32)
PLANE = {
    "GAN": (GAN, {}),
    "LSGAN": (LSGAN, {}),
    "GeometricGAN": (GeometricGAN, {}),
    "BSGAN": (BSGAN, {}),
    **{f"FGAN {divergence}": (FGAN, dict(divergence=divergence)) for divergence in DIVERGENCES},
    "DRAGAN": (DRAGAN, {}),
    "SNGAN": (SNGAN, {}),
    "WGAN": (WGAN, {}),
    "WGANGP": (WGANGP, {}),
    "EBGAN": (EBGAN, dict(margin=1.0)),
}
DIGITS = {cls.__name__: (cls, {}) for cls in (DCGAN, LSGAN, DRAGAN, SNGAN, WGANGP)}
EPOCHS = {"ring": 12, "grid": 12, "stacked_mnist": 1}
BATCH = {"ring": 256, "grid": 256, "stacked_mnist": 64}
SEEDS, SHOWN = 2, 2_500


def run(folder, data_dir, seed, epochs=EPOCHS, digits=DIGITS, plane=PLANE, seeds=SEEDS):
    place = dict(data_dir=data_dir, download=data_dir is None)
    rows = []

    def measured(source, name, cls, arguments, seed):
        model = cls(**arguments, seed=seed)
        try:
            how = toy_optimizers(model) if source in ("ring", "grid") else None
            cost, _ = trained(model, source, epochs[source], BATCH[source], data_dir, seed, how=how)
        except Diverged as error:
            print(source, name, seed, error, flush=True)
            return None, np.zeros((1, 1, 1, 2), "float32")
        found = metrics.modes(model, source, seed=seed, **place)
        scores = {score.name: score.value for score in found} | {"core-seconds": cost}
        print(source, name, seed, {key: round(value, 4) for key, value in scores.items()}, flush=True)
        picture = np.asarray(model.sample(SHOWN if source in ("ring", "grid") else 20, seed=seed))
        forget()
        return scores, picture

    for source, cases in (("ring", plane), ("grid", plane), ("stacked_mnist", digits)):
        points = source != "stacked_mnist"
        pictures = []
        for name, (cls, own) in cases.items():
            arguments = {**(POINTS if points else STACKED), **own}
            runs = [measured(source, name, cls, arguments, seed + i) for i in range(seeds if points else 1)]
            pictures.append(runs[0][1])
            ended = [scores for scores, _ in runs if scores is not None]
            keys = ("mode_kl", "high_quality", "core-seconds")
            mean = {key: float(np.mean([one.get(key, np.nan) for one in ended or [{}]])) for key in keys}
            counts = [int(scores["modes"]) if scores else "diverged" for scores, _ in runs]
            rows.append(
                {
                    "data": source,
                    "model": name,
                    "modes": ", ".join(map(str, counts)),
                    "KL, nats": round(mean["mode_kl"], 3) if ended else "",
                    "high quality": round(mean["high_quality"], 3) if points and ended else "",
                    "core-seconds": round(mean["core-seconds"]) if ended else "",
                }
            )
        if points:
            grid_of_plots(pictures).save(folder / f"{source}.png")
        else:
            grid(np.concatenate(pictures), (-1.0, 1.0), columns=20, gap=1).save(folder / f"{source}.png")
    protocol = (
        f"Points: {EPOCHS['ring']} epochs of 100000, batches of {BATCH['ring']}, {POINTS}, of EBGAN with a "
        f"margin of 1; {SEEDS} seeds, whose counts are listed (of 8 and of 25) and whose other scores are "
        f"averaged. Stacked digits: {EPOCHS['stacked_mnist']} epoch of 128000, batches of "
        f"{BATCH['stacked_mnist']}, {STACKED}, one seed. Points by Adam(1e-3, beta_1=0.5), WGAN by "
        "RMSprop(5e-4); digits by each paper's optimizers. Scores as tfgen.metrics.modes computes them, of "
        "2500 points and of 26000 stacks of digits; real stacks of test images give 1000 modes and a KL of "
        "0.02. Pictures: a plot for each model in the order of the rows, of the first seed; "
        "stacked_mnist.png has a row for each."
    )
    return {"protocol": protocol, "rows": rows}


def toy_optimizers(model):
    """Ten times the rates for images, or there is little to see in these minutes."""
    if isinstance(model, WGAN):  # whose paper warns of momentum
        return {"optimizer": {name: keras.optimizers.RMSprop(5e-4) for name in model.objectives()}}
    return {"optimizer": {name: keras.optimizers.Adam(1e-3, beta_1=0.5) for name in model.objectives()}}


def grid_of_plots(pictures):
    """One picture of the scatter plots of several sets of points in [-1, 1], five in a row."""
    plots = [np.asarray(scatter(points, (-1.0, 1.0), side=180)) for points in pictures]
    plots = np.stack([plot.reshape(180, 180, -1)[..., :1] for plot in plots]) / 255
    return grid(plots.astype("float32"), columns=5, gap=4)
