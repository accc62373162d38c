"""Tiny runs of models that translate, of images that are 8x8 or 12x12."""

import keras
import numpy as np
from eager import eagerly

from tfgen import runs

TINY = {
    "pix2pix": dict(width=4, depth=2, strided=1),
    "cyclegan": dict(width=4, blocks=1, strided=1, pool_size=2),
}


def pairs(path, count=10):
    """Colour images that have their negative, grey, as partner: 8 train, the rest is test."""
    inputs = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), np.uint8)
    images = 255 - inputs[..., :1]
    parts = {"train": slice(8), "test": slice(8, None)}
    arrays = {"inputs": inputs, "images": images}
    np.savez(path, **{f"{split}_{name}": x[at] for split, at in parts.items() for name, x in arrays.items()})
    return path


def domains(path):
    """8 dark grey images and 6 bright ones of colour, 13 pixels high and wide; of the test 3 and 2."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, (a, b) in {"train": (8, 6), "test": (3, 2)}.items():
        arrays[f"{split}_images_a"] = rng.integers(0, 100, (a, 13, 13, 1), np.uint8)
        arrays[f"{split}_images_b"] = rng.integers(150, 256, (b, 13, 13, 3), np.uint8)
    np.savez(path, **arrays)
    return path


def trained(name, root, **options):
    """A run folder of "pix2pix" or "cyclegan"."""
    source = (pairs if name == "pix2pix" else domains)(root / f"{name}.npz")
    how = dict(arguments=TINY[name], epochs=1, batch_size=4, verbose=0)
    with eagerly():
        runs.train(name, root / name, source, **{**how, **options})
    return root / name


def scaling(factor):
    """A network that multiplies grey images of any size by a factor."""
    images = keras.Input((None, None, 1))
    start = keras.initializers.Constant(factor)
    conv = keras.layers.Conv2D(1, 1, use_bias=False, kernel_initializer=start)
    return keras.Model(images, conv(images))
