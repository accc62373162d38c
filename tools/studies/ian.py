"""How do IAN's samples, reconstructions and edits of faces look?"""

import numpy as np
import scipy.ndimage
import tensorflow as tf

from tfgen import pictures
from tfgen.analysis import search
from tfgen.models import IAN
from tools.studies import _features
from tools.studies._arrays import arrays, in_parts
from tools.studies._training import Budget, trained

published = (
    "Brock et al. (2017) show samples, reconstructions and edits of CelebA by pictures; their figures are of "
    "SVHN with 1000 labels (18.50 +- 0.38 %) and of CIFAR-100, and are not comparable."
)
SHAPE, BATCH, TRAINING = (32, 32, 3), 32, 800  # the latter in core-seconds
MODEL = dict(image_shape=SHAPE, latent_dim=64, width=24, scales=2, kernels=50, ema_decay=0.995)
TAP = "b4"
BRUSHES = {  # rows, columns and colour that the user paints
    "hair, blond": (slice(1, 7), slice(10, 22), (0.7, 0.4, -0.1)),
    "hair, black": (slice(1, 7), slice(10, 22), (-0.9, -0.9, -0.9)),
    "mouth, white": (slice(23, 25), slice(13, 19), (0.7, 0.6, 0.6)),
}
STEPS, RATE, SHARPNESS = 40, 0.05, 6.0


def edited(model, images, brush):
    """The photo editor: z moves until the painted patch has its colour; what changed goes into the photo.

    y = x^ + M D + (1 - M) (x - x^), of the change D of the reconstruction x^ and a mask M of where it is.
    """
    rows, columns, colour = brush
    patch = np.zeros((len(images), *SHAPE[:2], 1), np.float32)
    patch[:, rows, columns] = 1
    wanted = np.broadcast_to(np.float32(colour), images.shape)

    def loss(z, made, wanted, patch):
        return tf.reduce_sum(patch * (made - wanted) ** 2, axis=(1, 2, 3))

    start = np.asarray(model.encode(images))
    again = np.asarray(model.decode(start))
    z, _ = search.search(model, loss, (wanted, patch), steps=STEPS, rate=RATE, start=start)
    change = np.asarray(model.decode(z)) - again
    mask = scipy.ndimage.gaussian_filter(np.abs(change).mean(-1, keepdims=True), (0, 1, 1, 0))
    mask = np.clip(SHARPNESS * mask, 0, 1)
    return np.clip(again + mask * change + (1 - mask) * (images - again), -1, 1).astype(np.float32)


def run(folder, data_dir, seed, core_seconds=TRAINING):
    test = arrays("celeba_small", "test", data_dir, SHAPE, ("Male",))[0] / np.float32(127.5) - 1
    network, model = _features.load(data_dir, TAP), IAN(**MODEL, seed=seed)
    cost, history = trained(
        model, "celeba_small", 1000, BATCH, data_dir, seed, callbacks=[Budget(core_seconds)], labels=False
    )
    print({key: round(values[-1], 3) for key, values in history.items()}, flush=True)
    again, codes = (in_parts(method, test) for method in (model.reconstruct, model.encode))
    drawn = np.concatenate([model.sample(250, seed=seed, first_row=k) for k in range(0, len(test), 250)])
    row = {
        "Frechet, samples": round(float(_features.frechet(network, test, drawn)), 3),
        "Frechet, reconstructions": round(float(_features.frechet(network, test, again)), 3),
        "Frechet, mean face": round(float(_features.frechet(network, test, 0 * test + test.mean(0))), 3),
        "root mean squared error": round(float(np.sqrt(np.mean((again - test) ** 2))), 4),
        "of the mean face": round(float(np.sqrt(np.mean((test.mean(0) - test) ** 2))), 4),
        "deviation of a latent": round(float(codes.std(axis=0).mean()), 3),
        "epochs": len(history["generator_loss"]),
        "core-seconds": round(cost),
    }
    strips = [test[:10], again[:10], *(edited(model, test[:10], brush) for brush in BRUSHES.values())]
    pictures.grid(np.concatenate(strips), model.value_range, columns=10).save(folder / "edits.png")
    pictures.grid(drawn[:60], model.value_range, columns=20).save(folder / "samples.png")
    return {
        "protocol": (
            f"celeba_small at 32x32, batches of {BATCH}, {core_seconds} core-seconds, by the paper's "
            f"optimizer at a constant rate; {MODEL}. Frechet distance of as many samples, and of "
            f"reconstructions, to the {len(test)} test faces in pooled maps of MobileNetV2 ({TAP}); the root "
            "mean squared error of reconstructions in [-1, 1]. edits.png: test faces, reconstructions, and "
            f"the faces with a patch painted: {', '.join(BRUSHES)}; {STEPS} steps of Adam on z, and the "
            "change put into the face."
        ),
        "rows": [row],
    }
