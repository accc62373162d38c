"""Does CycleGAN learn to label photographs of facades without a pair?"""

import numpy as np

from tfgen.models import CycleGAN
from tfgen.pictures import grid
from tools.studies._facades import label_scores, pairs
from tools.studies._training import trained

published = "Zhu et al. (2017): no figure for facades; nothing is compared."
SIZE, EPOCHS, BATCH = 64, 12, 1
MODEL = dict(image_shape=(SIZE, SIZE, 3), input_channels=3, width=24, blocks=4)


def translated(translate, images):
    return np.concatenate([translate(images[i : i + 10]) for i in range(0, len(images), 10)])


def run(folder, data_dir, seed, epochs=EPOCHS):
    maps, photos = pairs("test", SIZE, data_dir)
    known, seen = pairs("train", SIZE, data_dir)
    model = CycleGAN(**MODEL, seed=seed)
    options = dict(flip=True, enlarge=286 / 256, crop="random")
    cost, history = trained(model, "cycle_gan/facades", epochs, BATCH, data_dir, seed, **options)
    labels, drawn = translated(model.translate, photos), translated(model.translate_back, maps)
    again = translated(model.translate_back, labels)
    nearest = [np.argmin(np.mean((seen - one) ** 2, axis=(1, 2, 3))) for one in photos]
    some = np.arange(0, 96, 12)
    columns = [photos, labels, maps, again, drawn]
    rows = np.stack([images[some] for images in columns], axis=1).reshape(-1, SIZE, SIZE, 3)
    titles = ["photo", "G(photo)", "labels", "F(G)", "F(labels)"]
    grid(rows, model.value_range, columns=5, titles=titles).save(folder / "translations.png")
    return {
        "protocol": (
            f"cycle_gan/facades at {SIZE}x{SIZE}, unpaired, {epochs} epochs of batches of {BATCH}, "
            f"mirrored and enlarged by 286/256 at random, a constant rate, {MODEL}. Photos of the "
            f"{len(photos)} test pairs of facades_paired are translated to label maps, whose pixels "
            "are the class of the nearest of the 12 colours; class accuracy and IoU are means over "
            "classes. translations.png: photo, its translation, the truth, the translation back, and "
            "the truth's translation."
        ),
        "rows": [
            {
                "labels": "CycleGAN",
                **label_scores(labels, maps),
                "|F(G(photo)) - photo|": round(float(np.mean(np.abs(again - photos))), 3),
                "cycle loss in training": round(history["cycle"][-1], 3),
                "core-seconds": round(cost),
            },
            {"labels": "those of the nearest photo", **label_scores(known[nearest], maps)},
        ],
    }
