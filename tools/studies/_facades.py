"""Pairs of facades, and how label maps are scored."""

import numpy as np

from tfgen import data
from tfgen.metrics import label_maps

# The colours of the 12 classes; JPEG's noise is removed by taking the nearest.
PALETTE = np.array(
    [(0, 0, 222), (0, 48, 255), (1, 128, 255), (1, 207, 255), (32, 255, 224), (112, 254, 142),
     (192, 255, 63), (255, 240, 2), (255, 159, 0), (255, 80, 0), (252, 1, 2), (174, 0, 1)]
)  # fmt: skip


def pairs(split, size, data_dir):
    """(label maps, photos) of facades_paired, float32 (n, size, size, 3) in [-1, 1]."""
    batches = data.load(
        "facades_paired", split, image_shape=(size, size, 3), batch_size=100, shuffle=False,
        drop_remainder=False, pair=("label_map", "photo"), data_dir=data_dir, download=data_dir is None,
    )  # fmt: skip
    parts = [(batch["inputs"], batch["images"]) for batch in batches.as_numpy_iterator()]
    return tuple(np.concatenate(part) / np.float32(127.5) - 1 for part in zip(*parts))


def classes(maps):
    """The class of each pixel of label maps (n, h, w, 3) in [-1, 1]: int (n, h, w)."""
    colours = (np.asarray(maps)[..., None, :] + 1) * 127.5
    return np.argmin(((colours - PALETTE) ** 2).sum(-1), axis=-1)


def majority(maps):
    """The commonest class at each place of label maps, as a map (h, w, 3) in [-1, 1]."""
    counts = np.stack([(classes(maps) == k).sum(0) for k in range(len(PALETTE))])
    return np.float32(PALETTE[counts.argmax(0)] / 127.5 - 1)


def label_scores(made, truth):
    """Pixel accuracy, and the means over the truth's classes of accuracy and of intersection over union."""
    counts = label_maps.confusion(made, truth, (-1, 1), PALETTE).sum(axis=0)
    scores = label_maps.agreement(counts).items()
    return {name.replace("_", " ").replace("class iou", "IoU"): round(share, 3) for name, share in scores}
