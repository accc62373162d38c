"""Are GAN-CLS's images of a word of the class that the word is of?"""

from pathlib import Path

import numpy as np

from tfgen import data, pictures
from tfgen.models import GANCLS
from tools.studies._resnet20 import resnet20
from tools.studies._training import core_seconds
from tools.studies.text_to_image import CROPPED, sampled

published = "Reed et al. (2016) have no such figure; ResNet-20's authors report 91.7 % of the whole test set."
BATCH, TEXT, GAME = 32, 2_000, 5_000
MODEL = dict(image_shape=(32, 32, 3), length=32, width=48, latent_dim=64, ema_decay=0.995)
CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()
ASKED = (*CLASSES, "fire engine", "sports car", "ostrich")


def split_of(name, data_dir):
    """(images in bytes, the search words of each, labels) of the subset of CIFAR-10, by number."""
    import tensorflow_datasets as tfds

    records = list(tfds.as_numpy(tfds.load("cifar10", split=name, data_dir=data_dir, download=False)))
    records.sort(key=lambda record: record["id"])
    with np.load(Path(data_dir).parent / "npz" / "cifar10_subset_words.npz") as words:
        texts = [str(text) for text in words[name]]
    return np.stack([r["image"] for r in records]), texts, np.array([r["label"] for r in records])


def run(folder, data_dir, seed, text=TEXT, game=GAME):
    images, words, _ = split_of("train", data_dir)
    others, test, labels = split_of("test", data_dir)
    model = GANCLS(**MODEL, text_steps=text, seed=seed)
    model.compile()
    cost, done = 0, 0
    while done < text + game:
        part = min(300, text + game - done)
        for name in ("discriminator", "generator"):
            model.optimizers[name].learning_rate = 2e-4 * min(1.0, 2 * (1 - done / (text + game)))
        batches = data.load(
            {"images": images, "captions": words}, "train", model, BATCH, seed=seed + done, flip=True,
            enlarge=CROPPED, epochs=range(9),
        )  # fmt: skip
        start = core_seconds()
        history = model.fit(batches.take(part), epochs=1, verbose=0).history
        cost, done = cost + core_seconds() - start, done + part
        logs = {name: round(values[-1], 3) for name, values in history.items() if np.isfinite(values[-1])}
        print(done, round(cost), "core-s", logs, flush=True)

    judge = resnet20(data_dir)
    says = lambda x: judge.predict(np.asarray(x), batch_size=250, verbose=0).argmax(1)  # noqa: E731
    found = says(sampled(model, test, 1, seed)[0]) == labels
    truth = says(others / np.float32(127.5) - 1) == labels
    seen = np.isin(test, words)
    rows = [
        {
            "captions": name,
            "how many": int(which.sum()),
            "samples: of the word's class": float(found[which].mean()),
            "real images": float(truth[which].mean()),
            "chance": 0.1,
        }
        for name, which in (("in training", seen), ("not in training", ~seen), ("all", seen | ~seen))
        if which.any()
    ]
    for number, name in enumerate(CLASSES):
        made = says(model.sample(100, seed=seed, captions=name))
        which = labels == number
        rows.append(
            {
                "captions": f"of {name}",
                "how many": int(which.sum()),
                "samples: of the word's class": float(found[which].mean()),
                "samples of the class's own name": float((made == number).mean()),
                "real images": float(truth[which].mean()),
                "chance": 0.1,
            }
        )
    strips = {text: np.asarray(model.sample(8, seed=seed, captions=text)) for text in ASKED}
    pictures.captioned(strips, model.value_range).save(folder / "asked.png")
    shown = ", ".join(f"{k}={v}" for k, v in MODEL.items())
    return {
        "protocol": (
            f"GANCLS({shown}) on {len(images)} images of CIFAR-10 with the words by which they were searched "
            f"({len(set(words))} different ones), mirrored and cropped at random, in batches of {BATCH}: the "
            f"text encoder {text} steps, the game {game}, its rate falling to 0 over the second half. A "
            f"sample for the words of each of {len(test)} test images: the share that a ResNet-20 (trained "
            "by others on all of CIFAR-10) says to be of the image's class; beside it the share of the real "
            "images themselves. asked.png: samples of words of ours."
        ),
        "measured": {"core-seconds": round(cost)},
        "rows": rows,
    }
