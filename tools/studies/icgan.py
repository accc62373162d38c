"""Does IcGAN change an attribute of a photograph, and how much of the face stays?"""

import keras
import numpy as np

from tfgen import pictures
from tfgen.models import IcGAN
from tools.studies import _attribute_classifier
from tools.studies._arrays import arrays, in_parts
from tools.studies._training import core_seconds

published = (
    "Perarnau et al. (2016) show edits by pictures, and compare encoders and places of y by errors of their "
    "own networks; no figure of theirs is comparable."
)
NAMES = ("Smiling", "Male", "Eyeglasses", "Blond_Hair", "Black_Hair", "Bangs", "Heavy_Makeup", "Wearing_Hat")
SHOWN = NAMES[:6]  # in the picture of edits
SHAPE, BATCH = (32, 32, 3), 64
GAME, INVERSE = 2_500, 800
MODEL = dict(image_shape=SHAPE, attributes=len(NAMES), latent_dim=64, width=24, ema_decay=0.995)


def trained(model, steps, images, labels, seed):
    """Core-seconds of so many more steps."""
    if not model.compiled:
        model.compile({name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in model.objectives()})
    rng, start = np.random.default_rng(seed), core_seconds()
    for first in range(0, steps, 500):
        chosen = rng.integers(0, len(images), min(500, steps - first) * BATCH)
        history = model.fit(images[chosen], labels[chosen], batch_size=BATCH, verbose=0).history
        print(int(model.step), {k: round(v[-1], 3) for k, v in history.items()}, flush=True)
    return core_seconds() - start


def run(folder, data_dir, seed, game=GAME, inverse=INVERSE):
    (images, labels), (test, own) = (
        arrays("celeba_small", split, data_dir, SHAPE, NAMES) for split in ("train", "test")
    )
    judge, accuracies = _attribute_classifier.train(images, labels, NAMES, seed, (test, own))
    says = lambda x: judge.predict((np.asarray(x) + 1) / 2, verbose=0) > 0  # noqa: E731
    truth = test / np.float32(127.5) - 1
    model = IcGAN(**MODEL, gan_steps=game, seed=seed)
    cost = trained(model, game, images, labels, seed)
    played = model.get_weights()
    cost += trained(model, inverse, images, labels, seed + 1)
    other = IcGAN(**MODEL, gan_steps=game, by="image", seed=seed)
    other.set_weights(played)
    trained(other, inverse, images, labels, seed + 1)

    z = model.draw_codes(model.key_of(seed), len(own))
    obeyed = says(in_parts(lambda z, y: model.generate(z, y), z.numpy(), own)) == (own == 1)
    told, rows, edits = np.asarray(in_parts(model.classify, truth)) > 0.5, [], {}
    decoded = in_parts(model.edit, truth, own)
    seen = says(decoded)
    for i, name in enumerate(NAMES):
        has, new = own[:, i] == 1, own.copy()
        new[:, i] = 1 - new[:, i]
        edits[name] = in_parts(model.edit, truth, new)
        after = says(edits[name])
        flips = seen != after
        balanced = lambda right, has=has: float(np.mean([right[has].mean(), right[~has].mean()]))  # noqa: E731
        rows.append(
            {
                "attribute": name,
                "faces with it": int(has.sum()),
                "judge: balanced accuracy": accuracies[name][1],
                "E_y: balanced accuracy": balanced(told[:, i] == has),
                "samples: seen as asked for (balanced)": balanced(obeyed[:, i]),
                "edits that flip": float(flips[seen[:, i] == has, i].mean()),
                "without it: seen in the reconstruction": float(seen[~has, i].mean()),
                "without it: seen once added": float(after[~has, i].mean()),
                "with it: seen in the reconstruction": float(seen[has, i].mean()),
                "with it: seen once taken away": float(after[has, i].mean()),
                "flips of the other attributes": float(np.delete(flips, i, axis=1).mean()),
            }
        )
        print(rows[-1], flush=True)
    error = lambda made: float(np.sqrt(np.mean((made - truth) ** 2)))  # noqa: E731
    measured = {
        "root mean squared error, E_z by latent": error(decoded),
        "root mean squared error, E_z by image": error(in_parts(other.edit, truth, own)),
        "root mean squared error of the mean face": error(images.mean(0) / 127.5 - 1),
        "root mean squared error of samples with their attributes": error(
            in_parts(lambda z, y: model.generate(z, y), z.numpy(), own)
        ),
        "core-seconds": round(cost),
    }
    print(measured, flush=True)
    strip = [
        truth[:8],
        decoded[:8],
        np.asarray(other.edit(truth[:8], own[:8])),
        *(edits[n][:8] for n in SHOWN),
    ]
    strip = np.stack(strip, 1).reshape(-1, *SHAPE)
    pictures.grid(strip, model.value_range, columns=3 + len(SHOWN)).save(folder / "edits.png")
    pictures.grid(model.sample(64, seed=seed), model.value_range).save(folder / "samples.png")
    return {
        "protocol": (
            f"IcGAN({', '.join(f'{k}={v}' for k, v in MODEL.items())}) on the {len(images)} faces of "
            f"celeba_small's train split with the attributes below, batches of {BATCH}, Adam(2e-4, "
            f"beta_1=0.5): {game} steps of the game, {inverse} of the encoders; E_z by the latent, and "
            f"once more by the image, of the same generator. Measured on the {len(test)} test faces. In a "
            "row one attribute of each is switched: G(E_z(x), y'), by the latent. A classifier (trained "
            "on the real train faces) says what it sees, in shares of the test faces; edits that flip are "
            "shares of those that it saw rightly in the reconstruction. Root mean squared errors are in "
            "[-1, 1]. edits.png, by columns: truth, reconstruction by the latent, by the image, then "
            f"switched {', '.join(SHOWN)}. samples.png: drawn attributes."
        ),
        "measured": measured,
        "rows": rows,
    }
