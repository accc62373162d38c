"""AdaGAN's coverage by its number of components, beside a plain ensemble and one GAN of as many steps."""

import keras
import numpy as np

from tfgen import data, metrics
from tfgen.models import AdaGAN
from tfgen.pictures import grid
from tools.studies._training import core_seconds, forget
from tools.studies.mode_collapse import grid_of_plots

published = (
    "Tolstikhin et al. (2017): coverages of mixtures of Gaussians and of stacked MNIST, by other networks "
    "and budgets; no figure was at hand to compare."
)
POINTS = dict(image_shape=(1, 1, 2), body="dense", width=64, noise_dim=2)
DIGITS = dict(image_shape=(28, 28, 3), width=24)
# (networks, components, steps of a component, of a judge, batch, seeds)
CASES = {
    "ring": (POINTS, 5, 750, 250, 256, 2),
    "grid": (POINTS, 3, 4500, 300, 256, 1),
    "stacked_mnist": (DIGITS, 3, 1000, 200, 64, 1),
}
NEAR = 0.02  # of points of the plane in [-1, 1]: the standard deviation of a ring's mode
SHOWN = 2_500


class PlainEnsemble(AdaGAN):
    """The same, but all components learn all data."""

    def weighed(self, step, place):
        return step.batch["images"]


def run(folder, data_dir, seed, cases=CASES, n=10_000):
    place = dict(data_dir=data_dir, download=data_dir is None)
    rows = []

    def trained(source, kind, seed):
        """[(components, steps, scores, picture)] of a training, at the end of each component."""
        networks, components, stage, judge, batch, _ = cases[source]
        total = components * stage + (components - 1) * judge
        if kind == "one GAN":
            model = AdaGAN(**networks, components=1, stage_steps=total, seed=seed)
        else:
            cls = PlainEnsemble if kind == "plain ensemble" else AdaGAN
            model = cls(**networks, components=components, stage_steps=stage, judge_steps=judge, seed=seed)
        rate = 1e-3 if networks is POINTS else 2e-4
        model.compile({name: keras.optimizers.Adam(rate, beta_1=0.5) for name in model.objectives()})
        batches = data.load(source, "train", model, batch, seed=seed, labels=False, **place).repeat()
        found, start, evaluated = [], core_seconds(), 0.0
        for t in range(1, components + 1):
            steps = stage if t == 1 else judge + stage
            model.fit(batches, steps_per_epoch=steps, epochs=1, verbose=0)
            before = core_seconds()
            how = dict(n=None if networks is POINTS else n, seed=seed, **place)
            scores = {one.name: one.value for one in metrics.modes(model, source, **how)}
            scores["core-seconds"] = before - start - evaluated
            picture = model.sample(SHOWN if networks is POINTS else 20, seed=seed).numpy()
            if networks is POINTS:
                scores["covered"] = covered(picture, real[source])
            evaluated += core_seconds() - before
            found.append((t, int(model.step.numpy()), scores, picture))
            print(source, kind, seed, t, {key: round(value, 3) for key, value in scores.items()}, flush=True)
        forget()
        return found

    real = {name: points(name, seed, place) for name in cases if cases[name][0] is POINTS}
    for source, (networks, *_, seeds) in cases.items():
        pictures = []
        for kind in ("AdaGAN", "plain ensemble", "one GAN"):
            runs = [trained(source, kind, seed + more) for more in range(seeds)]
            pictures += [picture for *_, picture in runs[0]]
            for each in zip(*runs):
                mean = {key: np.mean([scores[key] for _, _, scores, _ in each]) for key in each[0][2]}
                row = {
                    "data": source,
                    "model": kind,
                    "components": each[0][0] if kind != "one GAN" else 1,
                    "steps": each[0][1],
                    "modes": ", ".join(str(int(scores["modes"])) for _, _, scores, _ in each),
                    "KL, nats": round(float(mean["mode_kl"]), 3),
                    "high quality": round(float(mean["high_quality"]), 3) if "high_quality" in mean else "",
                    "covered": round(float(mean["covered"]), 3) if "covered" in mean else "",
                    "core-seconds": round(float(mean["core-seconds"])),
                }
                rows.append(row)
        if networks is POINTS:
            grid_of_plots(pictures).save(folder / f"{source}.png")
        else:
            grid(np.concatenate(pictures), (-1.0, 1.0), columns=20, gap=1).save(folder / f"{source}.png")
    told = "; ".join(
        f"{source}: {own}, batches of {batch}, components of {stage} steps, judges of {judge}, {seeds} seeds"
        for source, (own, _, stage, judge, batch, seeds) in cases.items()
    )
    protocol = (
        f"{told}. Adam of rate 1e-3 for points and 2e-4 for digits, beta_1 0.5. A training is measured as "
        "each component ends; one GAN, of the same networks, after as many steps; the plain ensemble is "
        "AdaGAN all of whose components learn all data. Scores as tfgen.metrics.modes computes them, of 2500 "
        f"points and of {n} stacks of digits; counts of modes are listed by seed, other scores averaged. "
        f"Covered: the share of real points with one of {SHOWN} samples within {NEAR}. Pictures, of the "
        "first seed: plots in the order of the table, or a row of samples for each row."
    )
    return {"protocol": protocol, "rows": rows}


def points(source, seed, place):
    """5000 real points (n, 2) of a source."""
    batches = data.load(source, "train", batch_size=5_000, seed=seed, labels=False, **place)
    return np.reshape(next(batches.as_numpy_iterator()), (-1, 2))


def covered(samples, real):
    """The share of real points (n, 2) with a sample (m, 1, 1, 2) within NEAR."""
    samples = np.reshape(samples, (-1, 2))
    hits = [
        np.min(np.linalg.norm(part[:, None] - samples[None], axis=2), axis=1) < NEAR
        for part in np.array_split(real, 20)
    ]
    return float(np.mean(np.concatenate(hits)))
