"""What do searches in the latent space of DCGAN make of a hole in a face, and of faces that have none?"""

import time

import numpy as np

from tfgen import pictures
from tfgen.analysis import latent, search
from tfgen.metrics import pairs
from tfgen.models import DCGAN
from tools.studies import _features
from tools.studies._arrays import arrays
from tools.studies._training import Budget, trained

published = (
    "Yeh et al. (2017), CelebA at 64x64, PSNR with a hole in the middle: 19.4 dB, context encoders 21.3 dB "
    "(recalled). Not comparable: 200,000 faces and 1,500 steps there. Zhu et al. (2016): a network's guess, "
    "then steps, has the least error on five sets."
)
SHAPE, BATCH, TRAINING = (32, 32, 3), 64, 900  # the latter in core-seconds
MODEL = dict(image_shape=SHAPE, width=32, ema_decay=0.995)
FACES, STEPS, STARTS = 256, 300, 2
TAP = "b4"


def border_mean(images, known):
    """The hole filled with the mean of the pixels around it."""
    near = search.near_hidden(known).numpy() > 0
    mean = (images * near).sum((1, 2), keepdims=True) / near.sum((1, 2), keepdims=True)
    return np.where(known > 0, images, mean)


def nearest(images, known, train):
    """The hole filled from the training image whose known pixels are nearest."""
    hole = known[0, :, :, 0] > 0
    ours, theirs = images[:, hole].reshape(len(images), -1), train[:, hole].reshape(len(train), -1)
    squares = (ours**2).sum(1)[:, None] - 2 * ours @ theirs.T + (theirs**2).sum(1)
    return np.where(known > 0, images, train[squares.argmin(1)])


def run(folder, data_dir, seed, core_seconds=TRAINING, faces=FACES, steps=STEPS):
    train, test = (
        images[0] / np.float32(127.5) - 1
        for images in (
            arrays("celeba_small", split, data_dir, SHAPE, ("Male",)) for split in ("train", "test")
        )
    )
    model = DCGAN(**MODEL, seed=seed)
    cost, _ = trained(
        model, "celeba_small", 1000, BATCH, data_dir, seed, callbacks=[Budget(core_seconds)], labels=False
    )
    real = test[:faces]
    known = np.ones((faces, *SHAPE[:2], 1), np.float32)
    known[:, 8:24, 8:24] = 0
    how = dict(steps=steps, starts=STARTS, seed=seed)
    results, seconds = {}, {}
    for name, options in (
        ("context", dict(loss="context")),
        ("context, as it is", dict(loss="context", blend=False)),
        ("squares", dict(loss="squares")),
    ):
        start = time.perf_counter()
        results[name] = search.inpaint(model, real, known, **options, **how)
        seconds[name] = (time.perf_counter() - start) / faces
    filled = {
        "mean of the border": border_mean(real, known),
        "mean face": np.where(known > 0, real, train.mean(0)),
        "nearest face": nearest(real, known, train),
        **{f"DCGAN, {name}": found.images for name, found in results.items()},
    }
    network = _features.load(data_dir, TAP)
    rows = []
    for name, images in filled.items():
        images = images.astype(np.float32)
        rows.append(
            {
                "of a face with a hole": name,
                "PSNR": round(float(np.mean(pairs.psnr(images, real, (-1.0, 1.0)))), 2),
                "Frechet": float(f"{_features.frechet(network, real, images):.3g}"),
                "seconds an image": round(seconds[name[7:]], 3) if name[7:] in seconds else None,
            }
        )
    guess = search.fit_inverse(model, seed=seed)
    start = guess.predict(real, verbose=0)
    for name, z in (
        ("a network's guess", start),
        (f"{steps} steps", search.project(model, real, **how).z),
        ("a guess, then steps", search.project(model, real, start=start, **{**how, "starts": 1}).z),
        ("a random code", latent.codes(model, faces, seed)),
    ):
        error = np.mean((latent.decode(model, z) - real) ** 2)
        rows.append({"of a whole face": name, "mean squared error": round(float(error), 4)})
    grey = np.where(known > 0, real, 0)
    ways = [real, grey, *(filled[f"DCGAN, {name}"] for name in results), filled["nearest face"]]
    columns = ["face", "hole", *results, "nearest face"]
    picture = np.stack([images[:12] for images in ways], axis=1).reshape(-1, *SHAPE)
    pictures.grid(picture, (-1.0, 1.0), columns=len(columns), titles=columns).save(folder / "faces.png")
    samples = np.asarray(model.sample(64, seed=seed))
    pictures.grid(samples, (-1.0, 1.0), columns=16).save(folder / "samples.png")
    protocol = (
        f"CelebA, {len(train)} faces of 32x32, DCGAN {MODEL}, {cost:.0f} core-seconds of training; "
        f"{faces} test faces, 16x16 pixels in the middle hidden (a quarter); {steps} steps of Adam, rate .1, "
        f"the best of {STARTS} starts. PSNR of whole images, whose known pixels are exact. Frechet: to the "
        f"faces themselves, in {TAP} of MobileNetV2 (ImageNet), of {faces} images in more dimensions: for "
        f"comparison within the table alone. faces.png: {columns}."
    )
    return {"protocol": protocol, "rows": rows}
