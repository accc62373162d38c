"""Does SRGAN give up dB for images that are nearer to the truth in features, as its paper says?"""

import sys

import numpy as np

from tfgen import runs
from tfgen.metrics import pairs
from tfgen.models import SRGAN, SRResNet
from tfgen.pictures import grid
from tools.studies import _features
from tools.studies._training import trained
from tools.studies.srresnet import CROPS, RUN, SIDE, ways, whole

published = (
    "Ledig et al. (2017), table 1, PSNR of Set5 / Set14: SRResNet 32.05 / 28.49, SRGAN with features of "
    "VGG19 29.40 / 26.02, with the squared error in their place 30.64 / 26.92; mean opinion of Set14, of 5: "
    "2.98, 3.72 and 3.43, of the truth 4.32. After 10^6 updates of SRResNet and 2 10^5 of SRGAN on 350,000 "
    "images of ImageNet."
)
EPOCHS, BATCH = 80, 16
TAP = "b5"
MODEL = dict(discriminator_width=16, tap=TAP)
JUDGES = ("b2", "b8", "head")  # other layers than the loss looks at
PATCH = 48


def patches(images):
    """Squares of images (1, h, w, c) side by side, (n, PATCH, PATCH, c)."""
    parts = []
    for image in images:
        rows, columns = (size // PATCH for size in image.shape[1:3])
        cut = image[0, : rows * PATCH, : columns * PATCH].reshape(rows, PATCH, columns, PATCH, -1)
        parts.append(cut.swapaxes(1, 2).reshape(rows * columns, PATCH, PATCH, -1))
    return np.concatenate(parts)


def run(folder, data_dir, seed, epochs=EPOCHS):
    if not (RUN / "model.keras").exists():
        sys.exit(f"train SRResNet first: tfgen train srresnet --out {RUN}")
    first, net = runs.load(RUN), _features.mobilenet(data_dir)
    how = {name: getattr(first, name) for name in ("image_shape", "width", "blocks")}
    srgan = SRGAN(**how, **MODEL, features=net, pretrained=RUN, seed=seed)
    more = SRResNet(**how, seed=seed)
    more.generator.set_weights(first.averaged("generator").get_weights())
    loading = dict(split="t91", repeat=16, flip=True, **SRGAN.data_options)
    costs, logs = {}, {}
    for name, model in (("SRResNet, as many updates more", more), ("SRGAN", srgan)):
        costs[name], logs[name] = trained(model, "sr_classic", epochs, BATCH, data_dir, seed, **loading)
    judge, far = (_features.load(data_dir, *taps) for taps in (JUDGES, JUDGES[1:2]))
    made = {}
    for split in ("set5", "set14"):
        for number, truth in enumerate(whole(split, data_dir)):
            three = ways(first, truth)
            low = first.low_resolution(truth)
            made[split, number] = {
                "bicubic": three["bicubic"],
                "SRResNet": three["SRResNet"],
                "SRResNet, as many updates more": np.asarray(more.upscale(low)),
                "SRGAN": np.asarray(srgan.upscale(low)),
                "truth": truth,
            }
    names = list(made["set5", 0])[:-1]
    real = patches([each["truth"] for each in made.values()])
    rows = []
    for name in names:
        row = {"images": name}
        for split in ("set5", "set14"):
            pair = [(each[name], each["truth"], (-1, 1)) for (own, _), each in made.items() if own == split]
            psnr, ssim, distance = (
                float(np.mean([function(*one)[0] for one in pair]))
                for function in (pairs.psnr_y, pairs.ssim_y, lambda *x: pairs.feature_distance(*x, judge))
            )
            row |= {
                f"{split} PSNR, dB": round(psnr, 2),
                f"{split} SSIM": round(ssim, 4),
                f"{split} feature distance": float(f"{distance:.3g}"),
            }
        fake = patches([each[name] for each in made.values()])
        row["Frechet of patches"] = float(f"{_features.frechet(far, real, fake):.3g}")
        rows.append(row | ({"core-seconds": round(costs[name])} if name in costs else {}))
    shown = [
        made[split, number][name][0, top : top + SIDE, left : left + SIDE]
        for split, number, top, left in CROPS
        for name in ("bicubic", "SRResNet", "SRGAN", "truth")
    ]
    titles = ["bicubic", "SRResNet", "SRGAN", "truth"]
    grid(np.stack(shown), (-1, 1), columns=4, titles=titles).save(folder / "crops.png")
    content, adversarial = (logs["SRGAN"][log][-1] for log in ("content", "adversarial"))
    return {
        "protocol": (
            f"sr_classic, from the recorded SRResNet (width {first.width}, {first.blocks} blocks), {epochs} "
            f"epochs of 16 patches {first.image_shape} of each of the 91 images of t91, batches of {BATCH}, "
            f"mirrored at random. Content loss of MobileNetV2's block {TAP[1:]} in place of VGG19's (sha256 "
            f"{judge.sha256[:12]}), scale 1/12.75, at the end {content:.2g} beside 1e-3 of "
            f"{adversarial:.2g}; discriminator of width {srgan.discriminator_width}. Set5 and Set14 by the "
            f"protocol of the study srresnet. Feature distance: of the same network's {', '.join(JUDGES)}; "
            f"Frechet distance of {len(real)} patches {PATCH}x{PATCH} in {JUDGES[1]}, pooled. These layers "
            "are not the loss's, the network is. crops.png: of Set5 and Set14."
        ),
        "rows": rows,
    }
