"""What one measures of jets as images: mass, transverse momentum, and N-subjettiness."""

from pathlib import Path

import numpy as np

PIXEL = 0.1  # of azimuth and of rapidity


def jets(data_dir):
    """(images (n, 25, 25, 1) in GeV, classes (n,), {name: (n,)} that the file says) of jets25.npz."""
    file = np.load(Path(data_dir or ".").parent / "npz" / "jets25.npz")
    lit = np.unpackbits(file["mask_packed"], axis=1, count=625) > 0
    images = np.zeros(lit.shape, np.float32)
    images[lit] = file["value"]
    told = {name: file[name] for name in ("pt", "mass", "tau21")}
    return images.reshape(-1, 25, 25, 1), file["label"].astype(np.int32), told


def places(size):
    """(down, across) of each pixel from the middle one, flat."""
    middle = (np.arange(size) - (size - 1) / 2) * PIXEL
    return (each.ravel() for each in np.meshgrid(middle, middle, indexing="ij"))


def mass_and_pt(images):
    """The mass and transverse momentum of images (n, s, s, 1), GeV, (n,) each, of pixels without mass.

    Across is rapidity, down azimuth, both from the middle pixel.
    """
    pt = images.reshape(len(images), -1).astype(np.float64)
    phi, eta = places(images.shape[1])
    x, y, z, e = (pt @ each for each in (np.cos(phi), np.sin(phi), np.sinh(eta), np.cosh(eta)))
    return np.sqrt(np.maximum(e**2 - x**2 - y**2 - z**2, 0)), np.hypot(x, y)


def axes(pt, places, numbers=(2, 1)):
    """{n: places (n, 2)} of the exclusive kt clustering of pixels, by its n last clusters.

    Two clusters of least min(pt)^2 (distance)^2 are merged; the harder one gives the place (winner takes
    all), as in the authors' models/tau2.py.
    """
    pt, at, found = pt.copy(), places.copy(), {}
    distance = ((at[:, None] - at[None]) ** 2).sum(-1)
    cost = np.minimum(pt[:, None], pt) ** 2 * distance
    np.fill_diagonal(cost, np.inf)
    alive = np.arange(len(pt))
    while True:
        if len(alive) in numbers:
            found[len(alive)] = at[alive]
        if len(alive) == 1:
            return found
        a, b = divmod(int(cost[np.ix_(alive, alive)].argmin()), len(alive))
        i, j = alive[a], alive[b]
        if pt[i] < pt[j]:
            i, j = j, i
        pt[i] += pt[j]
        alive = alive[alive != j]
        distance = ((at[i] - at[alive]) ** 2).sum(-1)
        cost[i, alive] = cost[alive, i] = np.minimum(pt[i], pt[alive]) ** 2 * distance
        cost[i, i] = np.inf


def tau21(images):
    """tau_2 / tau_1 of images (n, s, s, 1), (n,); NaN with fewer than two lit pixels.

    tau_n = sum of pt times the distance to the nearest of n axes, over the sum of pt.
    """
    every = np.stack(list(places(images.shape[1])), axis=1)
    ratios = np.full(len(images), np.nan)
    for k, image in enumerate(images.reshape(len(images), -1)):
        lit = image > 0
        if lit.sum() < 2:
            continue
        pt, at = image[lit].astype(np.float64), every[lit]
        tau = {}
        for n, ends in axes(pt, at).items():
            tau[n] = (pt * np.sqrt(((at[:, None] - ends) ** 2).sum(-1)).min(1)).sum()
        ratios[k] = tau[2] / tau[1]
    return ratios
