"""Which of CycleGAN, DualGAN and DiscoGAN labels photographs of facades best without a pair?"""

import json
from pathlib import Path

import keras
import numpy as np

from tfgen.models import DiscoGAN, DualGAN
from tfgen.pictures import grid
from tools.studies._facades import label_scores, majority, pairs
from tools.studies._training import trained

published = (
    "Yi et al. (2017), of facades to labels, as recalled (pixel accuracy, class accuracy, IoU): DualGAN "
    "0.27, 0.13, 0.06, a GAN alone 0.22, 0.10, 0.05, a conditional GAN on pairs 0.54, 0.33, 0.19; at "
    "256x256, trained for longer: a hint, no comparison."
)
SIZE = 64
SHAPE = dict(image_shape=(SIZE, SIZE, 3), input_channels=3)
RUNS = {  # model, its arguments, epochs, batch size
    DualGAN: (dict(width=24, depth=6, clip=None, cycle_weight=100.0, critic_steps=2), 10, 1),
    DiscoGAN: (dict(width=16, gan_curriculum=1000), 120, 8),
}
RATE = 2e-4  # of DualGAN: the paper's 5e-5 is for many more steps
RECORDED = Path(__file__).parents[2] / "results/studies/cyclegan/result.json"


def in_tens(translate, images):
    return np.concatenate([translate(images[i : i + 10]) for i in range(0, len(images), 10)])


def run(folder, data_dir, seed, epochs=None):
    maps, photos = pairs("test", SIZE, data_dir)
    known, seen = pairs("train", SIZE, data_dir)
    rows = [json.loads(RECORDED.read_text())["rows"][0]]
    shown, titles = [photos, maps], ["photo", "truth"]
    for cls, (config, most, batch) in RUNS.items():
        model = cls(**SHAPE, **config, seed=seed)
        options = dict(flip=True, enlarge=286 / 256, crop="random")
        if cls is DualGAN:
            rates = {name: keras.optimizers.RMSprop(RATE) for name in model.objectives()}
            options["how"] = dict(optimizer=rates)
        cost, _ = trained(model, "cycle_gan/facades", epochs or most, batch, data_dir, seed, **options)
        low, high = model.value_range

        def scaled(images, low=low, high=high):  # from [-1, 1]
            return (images + 1) / 2 * (high - low) + low

        labels = in_tens(model.translate, scaled(photos))
        again = in_tens(model.translate_back, labels)
        labels, again = (2 * (x - low) / (high - low) - 1 for x in (labels, again))
        rows.append(
            {
                "labels": cls.__name__,
                **label_scores(labels, maps),
                "|F(G(photo)) - photo|": round(float(np.mean(np.abs(again - photos))), 3),
                "core-seconds": round(cost),
            }
        )
        print(rows[-1], flush=True)
        shown += [labels, again]
        titles += [cls.__name__, "and back"]
    nearest = [np.argmin(np.mean((seen - one) ** 2, axis=(1, 2, 3))) for one in photos]
    trivial = {
        "those of the nearest photo": known[nearest],
        "the commonest at each place": np.broadcast_to(majority(known), maps.shape),
    }
    rows += [{"labels": name, **label_scores(made, maps)} for name, made in trivial.items()]
    some = np.arange(0, 96, 12)
    picture = np.stack([images[some] for images in shown], axis=1).reshape(-1, SIZE, SIZE, 3)
    grid(picture, (-1, 1), columns=len(shown), titles=titles).save(folder / "translations.png")
    return {
        "protocol": (
            f"As the study cyclegan, whose row is repeated: cycle_gan/facades at {SIZE}x{SIZE}, unpaired, "
            f"mirrored and enlarged by 286/256 at random; photos of the {len(photos)} test pairs of "
            "facades_paired are translated to label maps, whose pixels are the class of the nearest of the "
            "12 colours; class accuracy and IoU are means over classes. "
            + "; ".join(
                f"{cls.__name__} {config}, {most} epochs of batches of {batch}"
                for cls, (config, most, batch) in RUNS.items()
            )
            + f"; DualGAN by RMSprop of rate {RATE}, DiscoGAN by its paper's optimizers. translations.png: "
            "photo, truth, and of each model the labels and the way back."
        ),
        "rows": rows,
    }
