"""Scores by what a feature network sees: MobileNetV2 of ImageNet, from a file beside the data."""

import sys
from pathlib import Path

import numpy as np

from tfgen import features
from tfgen.metrics import Moments, frechet_distance

FILE = "weights/mobilenet_v2_imagenet_q8.npz"  # beside the folder of TensorFlow Datasets


def mobilenet(data_dir):
    """The name of MobileNetV2 for `tfgen.features`."""
    path = Path(data_dir or "data").resolve().parent / FILE
    if not path.is_file():
        sys.exit(f"there is no {path}, 8-bit weights of MobileNetV2 as tfgen.features reads them")
    return f"mobilenet_v2:{path}"


def pooled(network, images, value_range=(-1.0, 1.0)):
    """Means over the places of the network's maps, (n, channels), of images (n, h, w, c)."""
    parts = [
        np.concatenate([np.mean(maps, axis=(1, 2)) for maps in network(images[k : k + 100], value_range)], -1)
        for k in range(0, len(images), 100)
    ]
    return np.concatenate(parts)


def frechet(network, real, fake):
    """Frechet distance of images in the pooled maps of a network."""
    seen = [pooled(network, images) for images in (real, fake)]
    moments = [Moments(x.shape[1]).update(x) for x in seen]
    return frechet_distance(*moments)


def load(data_dir, *taps):
    """The loaded network of these taps."""
    return features.load(mobilenet(data_dir), taps)
