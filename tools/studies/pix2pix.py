"""Does pix2pix make photographs of label maps that unseen truths resemble?"""

import numpy as np

from tfgen.metrics import pairs
from tfgen.models import Pix2Pix
from tfgen.pictures import grid
from tools.studies import _facades
from tools.studies._training import trained

published = "Isola et al. (2017): no figure for facades from labels; nothing is compared."
SIZE, EPOCHS, BATCH = 128, 16, 1
MODEL = dict(image_shape=(SIZE, SIZE, 3), input_channels=3, width=32, depth=7)


def scores(made, truth):
    values = made, truth, (-1, 1)
    return {
        "L1": round(float(2 * pairs.l1(*values).mean()), 3),  # in [-1, 1], as the loss has it
        "PSNR, dB": round(float(pairs.psnr(*values).mean()), 2),
    }


def run(folder, data_dir, seed, epochs=EPOCHS):
    inputs, photos = _facades.pairs("test", SIZE, data_dir)
    known, seen = _facades.pairs("train", SIZE, data_dir)
    model = Pix2Pix(**MODEL, seed=seed)
    options = dict(pair=("label_map", "photo"), flip=True, enlarge=286 / 256, crop="random")
    cost, history = trained(model, "facades_paired", epochs, BATCH, data_dir, seed, **options)
    made = np.concatenate([model.translate(one[None], seed=seed) for one in inputs])
    nearest = [np.argmin(np.mean((known - one) ** 2, axis=(1, 2, 3))) for one in inputs]
    trivial = {
        "median photo": np.broadcast_to(np.median(seen, axis=0), photos.shape),
        "mean photo": np.broadcast_to(seen.mean(0), photos.shape),
        "photo of the nearest label map": seen[nearest],
    }
    some = np.arange(0, 96, 12)
    rows = np.stack([inputs[some], made[some], photos[some]], axis=1).reshape(-1, SIZE, SIZE, 3)
    grid(rows, model.value_range, columns=3, titles=["labels", "pix2pix", "photo"]).save(
        folder / "translations.png"
    )
    return {
        "protocol": (
            f"facades_paired, {len(known)} pairs at {SIZE}x{SIZE}, labels to photos, {epochs} epochs "
            f"of batches of {BATCH}, mirrored and enlarged by 286/256 at random, the paper's losses "
            "and optimizers, width 32 and depth 7. L1 of values in [-1, 1] and PSNR, means over "
            f"{len(photos)} test pairs. translations.png: test label maps, their translations, the "
            "truth."
        ),
        "rows": [
            {
                "translation": "pix2pix",
                **scores(made, photos),
                "L1 in training": round(history["l1"][-1], 3),
                "core-seconds": round(cost),
            },
            *({"translation": name, **scores(images, photos)} for name, images in trivial.items()),
        ],
    }
