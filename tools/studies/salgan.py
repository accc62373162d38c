"""Does SalGAN say where people look better than the centre of a picture, and what does its game add?"""

from pathlib import Path

import keras
import numpy as np
import tensorflow_datasets as tfds

from tfgen import features
from tfgen.metrics.saliency import auc_judd, cc, fixations_at, kl, nss, sim
from tfgen.models import SalGAN
from tfgen.models.translation.salgan import saliency_network
from tfgen.pictures import table
from tools.studies._training import trained

published = (
    "Pan et al. (2017), from recollection: AUC-Judd .86, NSS 2.04, CC .73, SIM .63, KL 1.07 on MIT300, "
    "trained on 10,000 pictures of SALICON by VGG16 at 256x192. Other pictures, other people: nothing can "
    "be compared."
)
SIZE, BATCH, WARM_UP, EPOCHS = 128, 8, 9, 17
MODEL = dict(image_shape=(SIZE, SIZE, 1), width=8)
RATES = {"warm_up": 1e-3, "generator": 2e-5, "discriminator": 4e-4}
WEIGHTS = {"BCE": None, "SalGAN, content_weight 0.005": 0.005, "SalGAN, content_weight 0.05": 0.05}
ENCODER, TAP = "mobilenet_v2", "b12"


def pictures(split, data_dir):
    """(pictures in [-1, 1], maps in [0, 1], fixations bool) of scene_saliency, (n, 128, 128, c)."""
    rows = list(
        tfds.as_numpy(tfds.load("scene_saliency", split=split, data_dir=data_dir, download=data_dir is None))
    )
    images = np.stack([row["image"] for row in rows]) / np.float32(127.5) - 1
    maps = np.stack([row["saliency"] for row in rows]) / np.float32(255)
    return images, maps, np.stack([fixations_at(row["fixations"], *maps.shape[1:3]) for row in rows])


def scores(made, maps, fixations):
    made = np.broadcast_to(made, maps.shape)
    values = {
        "AUC-Judd": auc_judd(made, fixations),
        "NSS": nss(made, fixations),
        "CC": cc(made, maps),
        "SIM": sim(made, maps, (0, 1)),
        "KL": kl(made, maps, (0, 1)),
    }
    return {name: round(float(value.mean()), 3) for name, value in values.items()}


def centre(size):
    """A Gaussian in the middle, of a quarter of the picture's size as deviation."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size - 0.5
    return np.exp(-(x**2 + y**2) / (2 * 0.25**2))[None, ..., None]


def built(data_dir, seed, warm_up, **config):
    """A SalGAN whose encoder is a MobileNetV2 that stays as it is."""
    path = Path(data_dir or ".").parent / "weights" / "mobilenet_v2_imagenet_q8.npz"
    encoder = features.load(f"{ENCODER}:{path}", (TAP,)).network
    encoder.trainable = False
    keras.utils.set_random_seed(seed)
    generator = saliency_network(encoder, MODEL["width"])
    return SalGAN(**MODEL, **config, warm_up=warm_up, generator=generator, seed=seed)


def run(folder, data_dir, seed, epochs=EPOCHS):
    images, maps, fixations = pictures("test", data_dir)
    _, known, _ = pictures("train", data_dir)
    rows = {
        "people's own maps": scores(maps, maps, fixations),
        "mean of the train maps": scores(known.mean(0, keepdims=True), maps, fixations),
        "Gaussian in the centre": scores(centre(SIZE), maps, fixations),
    }
    columns = {"picture": images / 2 + 0.5}
    steps = len(known) // BATCH
    for name, weight in WEIGHTS.items():
        config = {} if weight is None else {"content_weight": weight}
        warm_up = epochs if weight is None else min(WARM_UP, epochs)
        model = built(data_dir, seed, warm_up * steps, **config)
        how = {"optimizer": {objective: keras.optimizers.Adam(rate) for objective, rate in RATES.items()}}
        cost, _ = trained(model, "scene_saliency", epochs, BATCH, data_dir, seed, how=how, flip=True)
        made = np.concatenate([model.translate(images[i : i + 20]) for i in range(0, len(images), 20)])
        rows[name] = {**scores(made, maps, fixations), "core-seconds": round(cost)}
        columns[name] = made
    columns["people"] = maps
    some = np.arange(0, 96, 12)
    table({title: shown[some] for title, shown in columns.items()}).save(folder / "maps.png")
    return {
        "protocol": (
            f"scene_saliency at {SIZE}x{SIZE}, {len(known)} train pictures mirrored at random, {epochs} "
            f"epochs of batches of {BATCH}; width {MODEL['width']}. The encoder is not the paper's VGG16, "
            f"which would be downloaded, but an 8-bit MobileNetV2 of ImageNet up to {TAP}, which is not "
            f"trained. Adam in the place of AdaGrad, of rates {RATES}. BCE: the content loss alone; SalGAN: "
            f"{WARM_UP} epochs of it and then discriminator and generator by turns, with the paper's "
            f"content_weight and with that of the authors' code. Means over {len(images)} test pictures; "
            "AUC-Judd and NSS by the fixations, the others by the maps. The Gaussian has a quarter of the "
            "size as deviation. maps.png: test pictures, the maps of all, and people's."
        ),
        "rows": [{"map": name, **row} for name, row in rows.items()],
    }
