"""What does StackGAN's second stage add to images of the first that are merely enlarged?"""

import numpy as np
import tensorflow as tf

from tfgen import data, pictures
from tfgen.metrics.frechet import Moments, frechet_distance
from tfgen.models import StackGAN
from tools.studies._caption_judge import Judge
from tools.studies._training import core_seconds
from tools.studies.text_to_image import CROPPED, EACH, asked, groups, sampled, whole

published = (
    "Zhang et al. (2017): an inception score of 3.70 +- 0.04 on CUB (GAN-INT-CLS 2.88 +- 0.04) and 8.45 +- "
    "0.03 on COCO, at 256x256; recalled: 3.20 +- 0.01 on Oxford-102. No inception network has seen emoji, "
    "and these stages are 32x32 and 64x64: no figure is comparable."
)
SIDES, BATCH = (32, 64), 32
TEXT, FIRST, SECOND, JUDGE = 4_000, 8_000, 1_200, 300
MODEL = dict(length=40, width=32, latent_dim=64, condition_dim=64, kl_weight=0.2, ema_decay=0.99)


def trained(model, steps, data_dir, seed):
    """Core-seconds of so many steps, whose rate falls to 0 over the second half."""
    model.compile()
    cost, done = 0, 0
    while done < steps:
        part = min(500, steps - done)
        for name, optimizer in model.optimizers.items():
            if name != "text":
                optimizer.learning_rate = 2e-4 * min(1.0, 2 * (1 - done / steps))
        batches = data.load(
            "emoji_text", "train", model, BATCH, seed=seed + done, flip=True, enlarge=CROPPED,
            epochs=range(1_000), data_dir=data_dir, download=data_dir is None,
        )  # fmt: skip
        start = core_seconds()
        history = model.fit(batches.take(part), epochs=1, verbose=0).history
        cost, done = cost + core_seconds() - start, done + part
        logs = {name: round(values[-1], 3) for name, values in history.items() if np.isfinite(values[-1])}
        print(f"stage {model.stage}", done, round(cost), "core-s", logs, flush=True)
    return cost


def enlarged(images, side):
    return np.clip(tf.image.resize(images, (side, side), "bicubic").numpy(), -1, 1)


def run(folder, data_dir, seed, text=TEXT, first=FIRST, second=SECOND, judged=JUDGE):
    small, large = SIDES
    one = StackGAN((small, small, 3), text_steps=text, seed=seed, **MODEL)
    cost = {"stage I": trained(one, text + first, data_dir, seed)}
    one.save(folder / "stage_one.keras")
    how = dict(stage=2, start=folder / "stage_one.keras", scale=large // small, text_steps=text)
    two = StackGAN((large, large, 3), **how, seed=seed, **MODEL)
    cost["stage II"] = trained(two, second, data_dir, seed + 1)
    (folder / "stage_one.keras").unlink()

    (images, train), (others, test) = (whole(split, data_dir, two) for split in ("train", "test"))
    judge = Judge((large, large, 3), seed + 1)
    judge.train(images, train, judged)
    captions = groups(train, test, np.random.default_rng(seed))
    truth = {**dict(zip(train, images)), **dict(zip(test, others))}
    real = Moments(64).update(judge.features(images))

    def of_one(texts, each):
        made, rows = sampled(one, texts, each, seed)
        return enlarged(made, large), rows

    kinds = {
        "real": (lambda texts, each: (np.stack([truth[text] for text in texts]), texts)),
        "stage I, enlarged": of_one,
        "stage II": lambda texts, each: sampled(two, texts, each, seed),
    }
    rows = []
    for name, images_of in kinds.items():
        made = others if name == "real" else images_of(train, 1)[0]
        of = asked(judge, lambda texts, images_of=images_of: images_of(texts, EACH), captions, test)
        distance = frechet_distance(real, Moments(64).update(judge.features(made)))
        rough = float(np.mean(np.abs(np.diff(made, axis=1))) + np.mean(np.abs(np.diff(made, axis=2))))
        rows.append({"images": name, **of, "frechet": float(distance), "steps between neighbours": rough})
        print(rows[-1], flush=True)
    rows.append({"images": "chance", **{f"R@10, {name}": 10 / len(test) for name in captions}})
    for file, name in (("train.png", "training captions"), ("test.png", "test captions of seen words")):
        strips = {}
        for text in list(dict.fromkeys(captions[name]))[:8]:
            stages = [of_one([text], 4)[0], sampled(two, [text], 4, seed)[0]]
            strips[text] = np.concatenate([truth[text][None], *stages])
        pictures.captioned(strips, two.value_range, 9).save(folder / file)
    shown = ", ".join(f"{k}={v}" for k, v in MODEL.items())
    return {
        "protocol": (
            f"StackGAN({shown}) on the {len(train)} emoji of emoji_text's train split, mirrored and "
            f"cropped at random, in batches of {BATCH}: the text encoder {text} steps, stage I at "
            f"{small}x{small} {first}, stage II at {large}x{large} {second}, on the averages of stage I; "
            "each stage's rate falls to 0 over its second half. Both have the same captions and noise; stage "
            "I is enlarged by bicubic interpolation. R@10 and Frechet distance as in the study "
            f"text_to_image, by a joint encoder of {large}x{large} that learns the same pairs for {judged} "
            "steps. Steps between neighbours: mean absolute difference of neighbouring pixels, down plus "
            "across, in [-1, 1]. In the pictures the caption's own image comes first, then four of stage I "
            "enlarged, and the four that stage II makes of them."
        ),
        "measured": {f"core-seconds, {name}": round(value) for name, value in cost.items()},
        "rows": rows,
    }
