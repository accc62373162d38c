"""Does CaloGAN draw showers of the energy asked for, with the depth of the real ones, and how fast?"""

import importlib.util
import time
from pathlib import Path

import keras
import numpy as np
from scipy.stats import wasserstein_distance

from tfgen.models import CaloGAN
from tfgen.pictures import grid
from tools.studies._training import trained

published = (
    "Paganini et al. (2018) have showers of Geant4, 100,000 of each particle for 50 epochs on GPUs; 1772 ms "
    "a shower by Geant4, 13.1 ms by CaloGAN on a CPU at batch 1 and 0.012 ms on a GPU at batch 1024: "
    "recalled, not looked up. Ours are of a formula, which takes 2 ms a shower, and no figure is compared."
)
MODEL = dict(latent_dim=256, width=16, energy_weight=0.2)
RATES = {"discriminator": 1e-4, "generator": 1e-3}
TRAIN, TEST, BATCH, EPOCHS = 6000, 1500, 64, 24
ASKED, EACH = (5, 20, 50, 80, 100), 200
LAYERS = ("first", "second", "third")
PROTOCOL = """{TRAIN} electron showers of 1 to 100 GeV, uniform, in 3x96, 12x12 and 12x6 cells, drawn by a
formula and not by a simulation (npz/em_showers.py of the data: Grindhammer and Peters'
parametrisation), and {TEST} more for tests. CaloGAN {MODEL}, {epochs} epochs of batches of
{BATCH}, Adam of rates {RATES} (the authors' are 2e-5 and 2e-4, for many more
steps); {cost:.0f} core-seconds. Energy: {EACH} showers for each energy asked; slope and offset
of the line of drawn by asked, width: the deviation at one energy. Shares of the layers, depth
(mean number of the layer, 0 to 2, by energy) and lit cells (above 1e-4 GeV): of as many drawn
as test showers, of their energies; distances are scipy's Wasserstein distances, beside those
of train and test showers. Speed on this machine, busy with another training. showers.png:
pairs, drawn above the formula's of the same energy, over four decades."""


def formula(data_dir):
    """`shower(E, photon, rng)` of the data's folder."""
    path = Path(data_dir or ".").parent / "npz" / "em_showers.py"
    spec = importlib.util.spec_from_file_location("em_showers", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.shower


def drawn_by_formula(shower, model, energies, rng):
    """Images of showers of these energies, float32 (n, h, w, 1), as the model has them."""
    images = np.zeros((len(energies), *model.image_shape), np.float32)
    for image, energy in zip(images, energies):
        for (y, x, rows, columns), layer in zip(model.regions, shower(energy, False, rng)):
            image[y : y + rows, x : x + columns, 0] = layer
    return images


def shares(model, images):
    """{what: (n,)}: of each layer the share of the energy, the depth, and the share of lit cells."""
    each = np.stack([x.sum((1, 2, 3)) for x in model.layers_of(images)], axis=1)
    each /= np.maximum(each.sum(1, keepdims=True), 1e-6)
    found = {f"share of the {name} layer": each[:, k] for k, name in enumerate(LAYERS)}
    found["depth"] = each @ np.arange(3)
    for name, layer in zip(LAYERS, model.layers_of(images)):
        found[f"lit cells of the {name} layer"] = (layer > 1e-4).mean((1, 2, 3))
    return found


def sampled(model, energies, seed):
    parts = [energies[i : i + 100] for i in range(0, len(energies), 100)]
    return np.concatenate(
        [model.sample(len(x), seed, labels=x, first_row=100 * k) for k, x in enumerate(parts)]
    )


def run(folder, data_dir, seed, epochs=EPOCHS, train=TRAIN, test=TEST):
    shower, rng = formula(data_dir), np.random.default_rng(seed)
    model, rows = CaloGAN(**MODEL, seed=seed), []
    energies = rng.uniform(1, 100, train + test).astype(np.float32)
    start = time.perf_counter()
    images = drawn_by_formula(shower, model, energies, rng)
    pace = len(images) / (time.perf_counter() - start)
    optimizers = {name: keras.optimizers.Adam(rate, beta_1=0.5) for name, rate in RATES.items()}
    data = {"images": images[:train], "labels": energies[:train]}
    how = {"optimizer": optimizers}
    cost, history = trained(model, data, epochs, BATCH, data_dir, seed, how=how)
    print({name: [round(v, 3) for v in values[:: max(1, epochs // 6)]] for name, values in history.items()})
    asked = np.repeat(np.float32(ASKED), EACH)
    drawn = sampled(model, asked, seed).sum((1, 2, 3))
    slope, offset = (round(float(value), 3) for value in np.polyfit(asked, drawn, 1))
    rows.append({"energy": "line of drawn by asked", "slope": slope, "offset, GeV": offset})
    of_formula = images[train:].sum((1, 2, 3)) / energies[train:]
    for one in ASKED:
        here = drawn[asked == one]
        rows.append(
            {
                "energy": f"{one} GeV asked",
                "drawn, GeV": f"{here.mean():.1f} +- {here.std():.1f}",
                "formula, GeV": f"{one * of_formula.mean():.1f} +- {one * of_formula.std():.1f}",
            }
        )
    made = sampled(model, energies[train:], seed + 1)
    real, fake, other = (shares(model, x) for x in (images[train:], made, images[:train]))
    for name, ours in real.items():
        rows.append(
            {
                "of a shower": name,
                "formula": f"{ours.mean():.3f} +- {ours.std():.3f}",
                "drawn": f"{fake[name].mean():.3f} +- {fake[name].std():.3f}",
                "Wasserstein distance": float(f"{wasserstein_distance(ours, fake[name]):.3g}"),
                "train and test": float(f"{wasserstein_distance(ours, other[name]):.3g}"),
            }
        )
    rows.append({"showers a second": "by the formula", "rate": round(pace)})
    for size in (1, 64, 1024):
        some = np.resize(energies, size)
        model.sample(size, 0, labels=some)
        times = []
        for k in range(5):
            start = time.perf_counter()
            model.sample(size, k, labels=some).numpy()
            times.append(time.perf_counter() - start)
        rows.append({"showers a second": f"CaloGAN, {size} at once", "rate": round(size / np.median(times))})
    for row in rows:
        print(row, flush=True)
    order = np.argsort(energies[train:])[:: test // 8][:8]
    pairs = np.stack([made[order], images[train:][order]], axis=1).reshape(-1, *model.image_shape)
    grid(model.picture(pairs), model.value_range, columns=2).save(folder / "showers.png")
    protocol = PROTOCOL.replace("\n", " ").format_map({**globals(), **locals()})
    return {"protocol": protocol, "rows": rows}
