"""Does a photo follow an edit better by its motion and colours than by adding what the edit has changed?"""

import numpy as np

from tfgen import pictures
from tfgen.analysis import editing, latent, search
from tfgen.models import DCGAN
from tools.studies._arrays import arrays
from tools.studies._training import Budget, trained

published = (
    "Zhu et al. (2016) show pictures, and say that adding the change of the pixels brings artefacts in, as "
    "the two images do not lie on each other (recalled). No number of theirs compares."
)
SHAPE, BATCH, TRAINING = (32, 32, 3), 64, 150  # the latter in core-seconds
MODEL = dict(image_shape=SHAPE, width=32, ema_decay=0.995)
FACES, STEPS, SHOWN = 48, 300, 12
COLUMNS = ("photo", "painted", "G(z0)", "G(z*)", "added", "followed")


def shifted(images, pixels):
    """Images, so many pixels farther right; the left border fills what opens."""
    return np.concatenate([np.repeat(images[:, :, :1], pixels, 2), images[:, :, :-pixels]], axis=2)


def warmer(images):
    return np.clip(images * np.float32([0.9, 0.8, 0.6]) + np.float32([0.1, -0.1, -0.2]), -1, 1)


def box(top, left, height, width):
    mask = np.zeros((*SHAPE[:2], 1), np.float32)
    mask[top : top + height, left : left + width] = 1
    return mask


def run(folder, data_dir, seed, core_seconds=TRAINING, faces=FACES, steps=STEPS):
    model = DCGAN(**MODEL, seed=seed)
    cost, _ = trained(
        model, "celeba_small", 1000, BATCH, data_dir, seed, callbacks=[Budget(core_seconds)], labels=False
    )
    photos = arrays("celeba_small", "test", data_dir, SHAPE, ("Male",))[0][:faces] / np.float32(127.5) - 1
    found = search.project(model, photos, steps=steps, starts=2, seed=seed)
    whole, hair = box(0, 6, 32, 24), box(2, 9, 5, 14)
    blond = np.broadcast_to(np.float32([0.5, 0.25, -0.4]), photos.shape)
    edits = {
        "2 pixels to the right": (shifted(photos, 2), whole, 0.3),
        "4 pixels to the right": (shifted(photos, 4), whole, 0.3),
        "a warmer light": (warmer(photos), whole, 0.3),
        "a stroke of blond": (np.where(hair > 0, blond, photos), hair, 3.0),
    }
    rows = []
    for name, (wanted, mask, smoothness) in edits.items():
        how = dict(smoothness=smoothness, photos=photos, steps=steps)
        made = editing.edit(model, found.z, wanted, mask, **how)
        added = np.clip(photos + made.generated - found.images, -1, 1)
        ways = (photos, wanted, found.images, made.generated, added, made.images)
        if mask is whole:  # what is wanted is known, but for what comes from beyond the border
            errors = [np.mean((x - wanted)[:, 2:-2, 6:-4] ** 2) for x in (photos, *ways[3:])]
            columns = (
                "photo as it is",
                "what the model makes",
                "change added",
                "motion and colours followed",
            )
            rows.append({"edit": name, **{k: round(float(x), 4) for k, x in zip(columns, errors)}})
        picture = np.stack([images[:SHOWN] for images in ways], axis=1).reshape(-1, *SHAPE)
        file = folder / f"{name.replace(' ', '_')}.png"
        pictures.grid(picture, (-1.0, 1.0), columns=len(COLUMNS), titles=COLUMNS).save(file)
    error = np.mean((latent.decode(model, found.z) - photos) ** 2)
    protocol = (
        f"CelebA, 9000 faces of 32x32, DCGAN {MODEL}, {cost:.0f} core-seconds of training. {faces} test "
        f"faces, whose codes {steps} steps of Adam find (best of 2 starts, mean squared error {error:.4f}); "
        f"{steps} more go to the edit, whose colours are painted on columns 6 to 29. Mean squared errors, in "
        f"[-1, 1], from the photo shifted or coloured itself, at least 2 pixels inside. Pictures: "
        f"{', '.join(COLUMNS)}."
    )
    return {"protocol": protocol, "rows": rows}
