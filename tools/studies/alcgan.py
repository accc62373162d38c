"""Do AL-CGAN's photographs have the lightness and the hue that were asked for, and keep to the layout?"""

import numpy as np

from tfgen import data
from tfgen.data import measures
from tfgen.models import ALCGAN, Pix2Pix
from tfgen.pictures import grid, to_uint8
from tools.studies import _facades, _features
from tools.studies._training import Budget, trained

published = "Karacan et al. (2016) show pictures of ADE20K and Transient Attributes; recalled: no figures."
SIZE, BATCH, SECONDS, READER_EPOCHS = 64, 8, 420, 8
ASKED = ("lightness", "redness", "yellowness")
MODEL = dict(image_shape=(SIZE, SIZE, 3), input_channels=3, attributes=len(ASKED), width=32, depth=4)
READER = dict(image_shape=(SIZE, SIZE, 3), input_channels=3, width=24, depth=6, adversarial_weight=0.0)
TAP = "b5"


def in_parts(function, *arrays):
    return np.concatenate([function(*(x[i : i + 50] for x in arrays)) for i in range(0, len(arrays[0]), 50)])


def labelled(split, data_dir):
    """(label maps, photos, attributes) of facades_paired."""
    place = dict(data_dir=data_dir, download=data_dir is None)
    batches = data.load(
        "facades_paired", split, ALCGAN(**{**MODEL, "width": 4, "seed": 0}), 53, shuffle=False,
        drop_remainder=False, labels=ASKED, **place,
    )  # fmt: skip
    parts = [
        [batch[name] for name in ("inputs", "images", "labels")] for batch in batches.as_numpy_iterator()
    ]
    return tuple(map(np.concatenate, zip(*parts)))


def run(folder, data_dir, seed, seconds=SECONDS, reader_epochs=READER_EPOCHS):
    maps, photos, own = labelled("test", data_dir)
    _, seen, _ = labelled("train", data_dir)
    known = measures.measure(to_uint8(seen, (-1, 1)), ASKED)
    reader = Pix2Pix(**READER, seed=seed)
    options = dict(flip=True, enlarge=286 / 256, crop="random")
    reader_cost, _ = trained(
        reader, "facades_paired", reader_epochs, 4, data_dir, seed, pair=("photo", "label_map"), **options
    )
    model = ALCGAN(**MODEL, ema_decay=0.999, seed=seed)
    cost, history = trained(
        model, "facades_paired", 10_000, BATCH, data_dir, seed, labels=ASKED,
        callbacks=[Budget(seconds)], **options,
    )  # fmt: skip
    epochs = len(history["generator_loss"])
    print({name: round(values[-1], 2) for name, values in history.items()}, flush=True)

    def drawn(asked, at=seed):
        return in_parts(
            lambda layouts, labels: np.asarray(model.translate(layouts, at, labels=labels)), maps, asked
        )

    def found(images):
        return measures.ranked(measures.measure(to_uint8(images, (-1, 1)), ASKED), known)

    exchanged, even = np.roll(own, 53, axis=0), np.full_like(own, 0.5)
    nearest = [np.argmin(np.mean((seen - one) ** 2, axis=(1, 2, 3))) for one in photos]
    cases = {  # images, and what was asked of them
        "AL-CGAN, asked for the photo's own": (drawn(own), own),
        "AL-CGAN, asked for those of another photo": (drawn(exchanged), exchanged),
        "AL-CGAN, asked for 0.5 (beside the photo's own)": (drawn(even), own),
        "the nearest training photo": (seen[nearest], own),
        "true photos": (photos, own),
        "median photo": (np.broadcast_to(np.median(seen, axis=0), photos.shape), own),
    }
    judge = _features.load(data_dir, TAP)
    rows = []
    for name, (images, asked) in cases.items():
        measured = found(images)
        flat = np.ptp(measured, axis=0) == 0
        r = [np.nan if f else np.corrcoef(a, m)[0, 1] for a, m, f in zip(asked.T, measured.T, flat)]
        read = in_parts(lambda some: np.asarray(reader.translate(some, seed=seed)), images)
        rows.append(
            {
                "images": name,
                **{f"r of {word}": None if np.isnan(x) else round(float(x), 3) for word, x in zip(ASKED, r)},
                "mean |asked - measured|": round(float(abs(asked - measured).mean()), 3),
                **_facades.label_scores(read, maps),
                "Frechet": round(_features.frechet(judge, photos, images), 1),
            }
        )
    some = np.arange(0, 96, 12)
    shown = {
        "layout": maps,
        "own": cases["AL-CGAN, asked for the photo's own"][0],
        "seed + 1": drawn(own, seed + 1),
    }
    for place, words in enumerate((("dark", "light"), ("green", "red"), ("blue", "yellow"))):
        for value, word in zip((0.05, 0.95), words):
            asked = own.copy()
            asked[:, place] = value
            shown[word] = drawn(asked)
    shown["photo"] = photos
    cells = np.stack([images[some] for images in shown.values()], axis=1).reshape(-1, SIZE, SIZE, 3)
    grid(cells, (-1, 1), columns=len(shown), titles=list(shown)).save(folder / "asked.png")
    return {
        "protocol": (
            f"facades_paired at {SIZE}x{SIZE}: 400 pairs train, 106 test layouts are drawn. Attributes are "
            f"measured of each photo ({', '.join(ASKED)}: means of L, a, b of CIE Lab): its rank among the "
            f"training photos, in [0, 1]. ALCGAN of width {MODEL['width']}, depth {MODEL['depth']}, batches "
            f"of {BATCH}, mirrored and enlarged by 286/256 at random, the paper's loss, Adam of DCGAN, "
            f"average of weights 0.999, {cost:.0f} core-seconds: {epochs} epochs. r is the "
            "correlation of what was asked with the same measures of what was drawn. "
            f"Accuracies and IoU are of what a network, which learnt label maps ({reader_epochs} epochs of "
            f"L1, {reader_cost:.0f} core-seconds), "
            f"reads in the images; Frechet distance to the true photos in MobileNetV2's {TAP}, pooled. "
            "asked.png: test layouts; the photo's own attributes, two seeds; each attribute at 0.05 and 0.95."
        ),
        "rows": rows,
    }
