"""Sources that a formula draws, to try a model of volumes or of measured values: no data, no simulation.

solids     balls, boxes, cylinders, cones and rings of any size and place: volumes 24 x 24 x 24, five classes.
jets       one prong (0) or two (1) of energy around the middle of 25 x 25 pixels: GeV.
showers    a shower in the layers of `CaloGAN`, as an image 15 x 96: GeV; its label is its energy, 1 to 100.
"""

import numpy as np

from tfgen.data.sources import Fixed
from tfgen.data.splits import ranges

COUNTS = {"train": 4000, "test": 1000}
SEEDS = {"train": 0, "test": 1}
SOLIDS = ("ball", "box", "cylinder", "cone", "ring")
LAYERS = ((0, 0, 3, 96, 0.15), (3, 0, 12, 12, 0.8), (3, 12, 12, 6, 0.05))  # top, left, rows, columns, share
SPOTS = 200  # of a jet or a shower, each of the same energy


def solids(stream, count, side=24):
    """(bytes (count, side, side, side, 1), classes (count,))."""
    classes = stream.randint(len(SOLIDS), size=count)
    size, at = stream.uniform(0.3, 0.8, (count, 3)), stream.uniform(-0.2, 0.2, (count, 3))
    ticks = (np.arange(side) + 0.5) * 2 / side - 1
    volumes = np.zeros((count, side, side, side, 1), np.uint8)
    for volume, kind, radius, place in zip(volumes, classes, size, at):
        y, z, x = np.meshgrid(*((ticks - p) / r for p, r in zip(place, radius)), indexing="ij")
        axis = np.hypot(x, y)
        inside = (
            axis**2 + z**2 < 1,
            np.maximum(np.maximum(abs(x), abs(y)), abs(z)) < 0.8,
            (axis < 0.9) & (abs(z) < 0.9),
            axis < (z + 1) / 2 * (abs(z) < 1),
            (axis - 0.7) ** 2 + (z / 2) ** 2 < 0.06,
        )[kind]
        volume[..., 0] = 255 * inside
    return volumes, classes.astype(np.int32)


def _spots(stream, rows, columns, spread, middle, count):
    """The shares of an area's cells, (rows, columns), of spots that fall around a place of it."""
    down, across = (stream.laplace(m, s, count) for m, s in zip(middle, spread))
    return np.histogram2d(down, across, (rows, columns), ((0, rows), (0, columns)))[0] / count


def jets(stream, count):
    """(GeV, float32 (count, 25, 25, 1); 1 for two prongs, (count,))."""
    classes = stream.randint(2, size=count)
    images = np.zeros((count, 25, 25, 1), np.float32)
    for image, two in zip(images, classes):
        share = stream.uniform(0.2, 0.5) * two
        prongs = ((1 - share, (12.5, 12.5)), (share, (stream.uniform(17, 21), 12.5)))
        wide = stream.uniform(0.5, 1.5 - two, 2)
        for part, place in prongs[: 1 + two]:
            image[..., 0] += 275 * part * _spots(stream, 25, 25, wide, place, SPOTS)
    return images, classes.astype(np.int32)


def showers(stream, count):
    """(GeV, float32 (count, 15, 96, 1); the energies, float32 (count,))."""
    energies = stream.uniform(1, 100, count).astype(np.float32)
    images = np.zeros((count, 15, 96, 1), np.float32)
    for image, energy in zip(images, energies):
        depth = stream.dirichlet([40 * share for *_, share in LAYERS])
        for (top, left, rows, columns, _), share in zip(LAYERS, depth):
            spread = 0.05 * rows, 0.03 * columns
            layer = _spots(stream, rows, columns, spread, (rows / 2, columns / 2), SPOTS)
            image[top : top + rows, left : left + columns, 0] = energy * share * layer
    return images, energies


FORMULAS = {"solids": solids, "jets": jets, "showers": showers}


class Formula(Fixed):
    """What a formula of `FORMULAS` draws of a split, always the same."""

    def __init__(self, name, split):
        parts = []
        for part, start, stop in ranges(split, COUNTS):
            drawn = FORMULAS[name](np.random.RandomState(SEEDS[part]), COUNTS[part])  # its stream is frozen
            parts.append([each[start:stop] for each in drawn])
        images, labels = map(np.concatenate, zip(*parts))
        classes = None if labels.dtype == np.float32 else int(labels.max()) + 1
        super().__init__(images, labels, classes)
        self.class_names = SOLIDS if name == "solids" else ()
