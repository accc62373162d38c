"""Does a projection onto y = A x help super-resolution of faces, and what does KL cost against MSE?"""

import numpy as np
import tensorflow as tf

from tfgen.degradation import bicubic
from tfgen.metrics import pairs
from tfgen.models import AffGAN
from tfgen.pictures import grid
from tools.studies import _features
from tools.studies._arrays import arrays
from tools.studies._training import trained

published = "Sonderby et al. (2017) use other sets and networks; their figures were not at hand to compare."
SHAPE, BATCH = (64, 64, 3), 16
MODEL = dict(image_shape=SHAPE, width=32, blocks=4, discriminator_width=32)
EPOCHS = {"mse": 1, "kl": 2}
TAP = "b12"


def run(folder, data_dir, seed, epochs=EPOCHS, source="celeba_small"):
    images = arrays(source, "test", data_dir, image_shape=SHAPE, labels=False)
    images = np.reshape(images, (-1, *SHAPE)).astype("float32") / 127.5 - 1
    network = _features.load(data_dir, TAP)
    affine = AffGAN(**MODEL, criterion="mse", seed=seed)  # whose A all share
    low = affine.low_resolution(images).numpy()
    smooth = bicubic(low, *SHAPE[:2])
    made = {
        "nearest, A+ y": affine.least(low),
        "bicubic": smooth,
        "bicubic, projected": affine.projected(smooth, low),
    }
    costs, steps = {}, 9000 // BATCH * epochs["kl"]
    for projection in (True, False):
        start = None
        for loss in ("mse", "kl"):
            name = f"{loss}, {'projected' if projection else 'not projected'}"
            model = AffGAN(**MODEL, criterion=loss, projection=projection, noise_steps=steps, seed=seed)
            if start is not None:
                model.generator.set_weights(start)
            costs[name], _ = trained(
                model, source, epochs[loss], BATCH, data_dir, seed, flip=True, labels=False
            )
            start = model.generator.get_weights()
            made[name] = np.concatenate([model.upscale(low[k : k + 100]) for k in range(0, len(low), 100)])
    rows = [
        {
            "images": name,
            "PSNR, dB": round(float(pairs.psnr(np.clip(x, -1, 1), images, (-1, 1)).mean()), 2),
            "Frechet": round(_features.frechet(network, images, np.clip(x, -1, 1)), 3),
            "largest |A x - y|": float(f"{np.abs(affine.low_resolution(x) - low).max():.1e}"),
            **({"core-seconds": round(costs[name])} if name in costs else {}),
        }
        for name, x in ((name, np.asarray(x)) for name, x in made.items())
    ]
    some = np.arange(0, 80, 8)
    shown = [tf.repeat(tf.repeat(low, 4, axis=1), 4, axis=2), *list(made.values())[1:], images]
    titles = ["given", *list(made)[1:], "truth"]
    cells = np.stack([np.asarray(x)[some] for x in shown], axis=1).reshape(-1, *SHAPE)
    grid(cells, (-1, 1), columns=len(shown), titles=titles).save(folder / "faces.png")
    return {
        "protocol": (
            f"{source}, 9000 faces at 64x64 from 16x16 by means of 4x4 pixels, batches of {BATCH}, mirrored "
            f"at random, width 32 and 4 blocks; {epochs['mse']} epoch of criterion mse, then {epochs['kl']} "
            "of kl from its network, with instance noise of 0.1 that falls to 0 over them. PSNR of RGB, "
            f"mean over {len(images)} test faces; Frechet distance of all of them in MobileNetV2's block "
            f"{TAP[1:]}, pooled (sha256 {network.sha256[:12]}). For these two images are cut to [-1, 1], for "
            "A x - y they are not. faces.png: test faces."
        ),
        "rows": rows,
    }
