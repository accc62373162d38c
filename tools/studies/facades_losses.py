"""Do pix2pix's two terms together give facades better than each alone, from labels and to labels?"""

import numpy as np

from tfgen.metrics import pairs
from tfgen.models import Pix2Pix
from tfgen.pictures import grid
from tools.studies import _facades, _features
from tools.studies._training import trained

published = (
    "Isola et al. (2017), table 1, of photographs of Cityscapes that a segmentation network reads (pixel "
    "accuracy, class accuracy, IoU): L1 0.42, 0.15, 0.11; cGAN 0.57, 0.22, 0.16; L1 + cGAN 0.66, 0.23, 0.17; "
    "true photographs 0.80, 0.26, 0.21. Other scenes, and a better reader: the order of the rows is what "
    "compares. Of labels made of photographs: L1 alone comes nearer than the cGAN (section 4.6)."
)
SIZE, EPOCHS, BATCH = 64, 12, 1
MODEL = dict(image_shape=(SIZE, SIZE, 3), input_channels=3, width=24, depth=6)
LOSSES = {  # weights of the two terms
    "L1": dict(adversarial_weight=0.0),
    "cGAN": dict(l1_weight=0.0),
    "L1 + cGAN": {},
}
TAP = "b5"


def translate(model, images, seed):
    return np.concatenate([model.translate(images[i : i + 50], seed=seed) for i in range(0, len(images), 50)])


def run(folder, data_dir, seed, epochs=EPOCHS):
    maps, photos = _facades.pairs("test", SIZE, data_dir)
    known, seen = _facades.pairs("train", SIZE, data_dir)
    judge = _features.load(data_dir, TAP)
    options = dict(flip=True, enlarge=286 / 256, crop="random")
    made, costs, reader = {}, {}, None
    for task, pair in (("to labels", ("photo", "label_map")), ("to photos", ("label_map", "photo"))):
        for name, weights in LOSSES.items():
            model = Pix2Pix(**MODEL, **weights, seed=seed)
            costs[task, name], history = trained(
                model, "facades_paired", epochs, BATCH, data_dir, seed, pair=pair, **options
            )
            made[task, name] = translate(model, photos if task == "to labels" else maps, seed)
            print(task, name, {log: round(values[-1], 3) for log, values in history.items()}, flush=True)
            reader = reader or model  # the first: L1, to labels
    nearest = [np.argmin(np.mean((seen - one) ** 2, axis=(1, 2, 3))) for one in photos]
    alike = [np.argmin(np.mean((known - one) ** 2, axis=(1, 2, 3))) for one in maps]
    facade = np.float32(_facades.PALETTE[1] / 127.5 - 1)
    made["to labels", "facade everywhere"] = np.broadcast_to(facade, maps.shape)
    made["to labels", "the commonest at each place"] = np.broadcast_to(_facades.majority(known), maps.shape)
    made["to labels", "those of the nearest photo"] = known[nearest]
    made["to photos", "median photo"] = np.broadcast_to(np.median(seen, axis=0), photos.shape)
    made["to photos", "photo of the nearest labels"] = seen[alike]
    made["to photos", "true photos"] = photos
    rows = []
    for (task, name), images in made.items():
        row = {"task": task, "images": name}
        if task == "to labels":
            row |= _facades.label_scores(images, maps)
        else:
            row |= {
                **_facades.label_scores(translate(reader, images, seed), maps),
                "L1": round(float(2 * pairs.l1(images, photos, (-1, 1)).mean()), 3),
                "Frechet": round(_features.frechet(judge, photos, images), 3),
            }
        cost = costs.get((task, name))
        rows.append(row | ({"core-seconds": round(cost)} if cost else {}))
    some = np.arange(0, 96, 12)
    for task, given, truth in (("to labels", photos, maps), ("to photos", maps, photos)):
        shown = {"given": given, **{name: made[task, name] for name in LOSSES}, "truth": truth}
        cells = np.stack([images[some] for images in shown.values()], axis=1).reshape(-1, SIZE, SIZE, 3)
        titles = list(shown)
        picture = grid(cells, (-1, 1), columns=len(shown), titles=titles)
        picture.save(folder / f"{task.replace(' ', '_')}.png")
    return {
        "protocol": (
            f"facades_paired, {len(known)} pairs at {SIZE}x{SIZE}, {epochs} epochs of batches of {BATCH}, "
            f"mirrored and enlarged by 286/256 at random, the paper's optimizers, width {MODEL['width']}, "
            f"depth {MODEL['depth']}; L1 of weight 100. Means over {len(photos)} test pairs. To labels: a "
            "pixel's class is that of the nearest of the 12 colours; class accuracy and IoU are means over "
            "classes. To photos: the same scores of what the first network (L1, to labels) reads in the "
            "photos made, as the paper's table 1 has a network read them; L1 of values in [-1, 1]; Frechet "
            f"distance in MobileNetV2's {TAP}, pooled. Pictures: test pairs, what each loss makes of them, "
            "the truth."
        ),
        "rows": rows,
    }
