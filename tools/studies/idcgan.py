"""What does each of ID-CGAN's three losses do for pictures from which it takes the rain?"""

from pathlib import Path

import keras
import numpy as np

from tfgen import data, random
from tfgen.metrics import pairs
from tfgen.models import IDCGAN
from tfgen.pictures import table
from tools.studies._training import trained

published = (
    "Zhang et al. (2017) train on 700 and test on 100 rainy pictures of their own, which are not here. With "
    "the paper's weights mmderain has 23.79 dB and SSIM 0.820 on them (Rain800, colours). Other rain, other "
    "pictures: nothing can be compared."
)
SIZE, BATCH, EPOCHS, RAIN, REPEAT = 48, 8, 5, 0.03, 16
MODEL = dict(image_shape=(SIZE, SIZE, 3), width=24, strided=2, rain=RAIN)
LOSSES = {  # weights of the terms beside the squared error
    "L_E": dict(adversarial_weight=0.0, perceptual_weight=0.0),
    "L_E + L_A": dict(perceptual_weight=0.0),
    "L_E + L_A + L_P": {},
}
NETWORK, TAP = "mobilenet_v2", "b2"
SHOWN, CUT = 6, 128


def scores(made, truth):
    """Means over pictures of several sizes, of their luminance."""
    both = [
        [pairs.luminance(x[None], (-1, 1)) / 255 for x in pair] + [(0, 1)]
        for pair in zip(made, truth, strict=True)
    ]
    return {
        "PSNR, dB": round(float(np.mean([pairs.psnr(*one) for one in both])), 2),
        "SSIM": round(float(np.mean([pairs.ssim(*one) for one in both])), 4),
    }


def run(folder, data_dir, seed, epochs=EPOCHS):
    place = dict(data_dir=data_dir, download=data_dir is None)
    truth = [x / np.float32(127.5) - 1 for x in data.whole("sr_classic", "set14", **place)]
    path = Path(data_dir or ".").parent / "weights" / "mobilenet_v2_imagenet_q8.npz"
    rainy, rows, columns = None, [], {}
    for name, weights in LOSSES.items():
        model = IDCGAN(**MODEL, features=f"{NETWORK}:{path}", tap=TAP, **weights, seed=seed)
        if rainy is None:
            key = random.key(seed)
            rainy = [np.asarray(model.inputs_of({"images": x[None]}, key, k))[0] for k, x in enumerate(truth)]
            rows.append({"pictures": "rainy", **scores(rainy, truth)})
        how = {
            "optimizer": {
                "discriminator": keras.optimizers.Adam(2e-4, beta_1=0.5),
                "generator": keras.optimizers.Adam(1e-3, beta_1=0.5),
            }
        }
        options = dict(shuffle=True, repeat=REPEAT, crop="random", resample="never", flip=True)
        cost, history = trained(
            model, "sr_classic", epochs, BATCH, data_dir, seed, split="t91", how=how, **options
        )
        made = [model.translate(x[None])[0] for x in rainy]
        last = {f"{log} in training": round(history[log][-1], 4) for log in ("squares", "adversarial")}
        rows.append({"pictures": name, **scores(made, truth), **last, "core-seconds": round(cost)})
        columns[name] = made
    columns = {"rainy": rainy, **columns, "clear": truth}
    cut = {title: np.stack([x[:CUT, :CUT] for x in some[:SHOWN]]) for title, some in columns.items()}
    table(cut, (-1, 1)).save(folder / "derained.png")
    return {
        "protocol": (
            f"sr_classic: patches of {SIZE}x{SIZE} of the 91 pictures of T91, each {REPEAT} times an epoch "
            f"at random places and mirrored at random, {epochs} epochs of batches of {BATCH}, with drawn "
            f"rain of at most {RAIN:.0%} of the pixels as drops; width {MODEL['width']}, a discriminator of "
            f"34 pixels. L_P is not by the paper's VGG16, which would be downloaded, but by an 8-bit "
            f"MobileNetV2 of ImageNet, tap {TAP}; the weights are the model's, the generator's rate 1e-3. "
            "Means over the 14 pictures of Set14, whole, with rain of the study's seed; PSNR and SSIM of "
            "the luminance in 16..235. derained.png: corners of six of them."
        ),
        "rows": rows,
    }
