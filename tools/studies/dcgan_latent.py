"""What can one do with the codes of DCGAN? Ways between samples, arithmetic on faces, nearest neighbours."""

import numpy as np

from tfgen.analysis import latent
from tfgen.models import DCGAN
from tfgen.pictures import grid
from tools.studies import _attribute_classifier
from tools.studies._arrays import arrays
from tools.studies._training import trained

published = (
    "Radford et al. (2016), figure 7, show by pictures of their choice that smiling woman - neutral woman + "
    "neutral man gives smiling men, each by the mean of three codes."
)
NAMES = ("Male", "Smiling", "Blond_Hair")
SHAPE, BATCH, EPOCHS, POOL, TRIES = (32, 32, 3), 64, 60, 5_000, 500
MODEL = dict(image_shape=SHAPE, width=32, ema_decay=0.995)


def run(folder, data_dir, seed, epochs=EPOCHS):
    (images, attributes), test = (
        arrays("celeba_small", split, data_dir, SHAPE, NAMES) for split in ("train", "test")
    )
    judge, accuracies = _attribute_classifier.train(images, attributes, NAMES, seed, test)
    model = DCGAN(**MODEL, seed=seed)
    trained(model, images, epochs, BATCH, data_dir, seed)

    def says(images):
        return judge.predict((np.asarray(images) + 1) / 2, verbose=0) > 0

    z, rng = latent.codes(model, POOL, seed=seed + 1), np.random.default_rng(seed)
    has, rows, shown = says(latent.decode(model, z)), [], []

    def three(**sides):
        """`TRIES` times three codes whose samples have these attributes, as far as the judge says."""
        fits = np.all([has[:, NAMES.index(name)] == side for name, side in sides.items()], axis=0)
        return rng.choice(np.flatnonzero(fits), (TRIES, 3))

    for name, other in (("Smiling", "Male"), ("Blond_Hair", "Male")):
        a = three(**{name: True, other: False})
        b = three(**{name: False, other: False})
        c = three(**{name: False, other: True})
        want = np.array([NAMES.index(name), NAMES.index(other)])
        means = [z[group].mean(axis=1) for group in (a, b, c)]
        results = {
            "a: one code": latent.decode(model, z[a[:, 0]]),
            "a: mean of three": latent.decode(model, means[0]),
            "c: mean of three": latent.decode(model, means[2]),
            "a - b + c": latent.decode(model, means[0] - means[1] + means[2]),
        }
        for what, result in results.items():
            found = says(result)[:, want]
            rows.append(
                {
                    "attribute": name,
                    "codes": what,
                    "judged to have it": round(float(found[:, 0].mean()), 3),
                    "judged male": round(float(found[:, 1].mean()), 3),
                    "both": round(float(found.all(axis=1).mean()), 3),
                }
            )
            print(rows[-1], flush=True)
        shown += [latent.arithmetic(model, z[a[i]], z[b[i]], z[c[i]]) for i in range(6)]
    grid(np.concatenate(shown), (-1.0, 1.0), columns=8, gap=1).save(folder / "arithmetic.png")
    ways = latent.interpolate(model, z[:6], z[6:12], 12)
    grid(ways.reshape(-1, *SHAPE), (-1.0, 1.0), columns=12, gap=1).save(folder / "interpolation.png")
    samples = np.asarray(model.sample(8, seed=seed))
    grid(np.asarray(model.sample(96, seed=seed)), (-1.0, 1.0), columns=16, gap=1).save(folder / "samples.png")
    train = images / np.float32(127.5) - 1
    found, *_ = latent.neighbours(samples, train, 7)
    pairs = np.concatenate([samples[:, None], found], axis=1)
    grid(pairs.reshape(-1, *SHAPE), (-1.0, 1.0), columns=8, gap=1).save(folder / "neighbours.png")
    _, ours, _ = latent.neighbours(np.asarray(model.sample(200, seed=seed + 2)), train, 1)
    _, real, _ = latent.neighbours(test[0][:200] / np.float32(127.5) - 1, train, 1)
    right = ", ".join(f"{name} {accuracies[name][1]:.2f}" for name in NAMES)
    protocol = (
        f"CelebA, {len(images)} images of 32x32, {epochs} epochs of batches of {BATCH}, DCGAN {MODEL}. A "
        f"classifier of attributes (balanced accuracy on test images: {right}) chooses codes among {POOL}, "
        "and judges the results: a has the attribute and is female, b has it not and is female, c has it "
        f"not and is male; {TRIES} draws of three codes each. arithmetic.png: a, b, c and the result, two to "
        "a row. interpolation.png: ways between samples in twelve steps. neighbours.png: samples before "
        f"their seven nearest training images; the median distance to the nearest is {np.median(ours):.2f} "
        f"for 200 samples and {np.median(real):.2f} for 200 test images."
    )
    return {"protocol": protocol, "rows": rows}
