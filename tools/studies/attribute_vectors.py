"""Does adding an attribute's vector to a code of VAE/GAN give the decoded face the attribute?"""

import numpy as np

from tfgen import data, pictures
from tfgen.analysis import latent
from tfgen.models import VAEGAN
from tools.studies import _attribute_classifier
from tools.studies._arrays import arrays

NAMES = (
    "Bald", "Bangs", "Black_Hair", "Blond_Hair", "Eyeglasses", "Heavy_Makeup", "Male", "Mustache",
    "Pale_Skin", "Smiling", "Wearing_Hat", "Young",
)  # fmt: skip
SHAPE, BATCH, EPOCHS = (32, 32, 3), 64, 14
MODEL = dict(image_shape=SHAPE, latent_dim=128, width=32, gamma=1e-3, ema_decay=0.99)
published = (
    "Larsen et al. (2016), figure 5, show the vectors' effect on CelebA by pictures; their table of "
    "attribute similarity is of another experiment, with conditional models."
)


def run(folder, data_dir, seed):
    (images, attributes), test = (
        arrays("celeba_small", split, data_dir, SHAPE, NAMES) for split in ("train", "test")
    )
    judge, accuracies = _attribute_classifier.train(images, attributes, NAMES, seed, test)
    model = VAEGAN(**MODEL, seed=seed)
    model.compile()
    batches = data.load(images, for_model=model, batch_size=BATCH, seed=seed)
    for epoch in range(EPOCHS):
        history = model.fit(batches, verbose=0).history
        print(f"epoch {epoch + 1} of {EPOCHS}:", {k: round(v[-1], 3) for k, v in history.items()}, flush=True)

    def floats(images):
        return images.astype(np.float32) / 127.5 - 1

    def says(images):
        return judge.predict((images + 1) / 2, verbose=0) > 0

    vectors = latent.attribute_vector(model, floats(images), attributes)
    truth, has = floats(test[0]), test[1] == 1
    codes = latent.encode(model, truth)
    random = np.random.default_rng(seed).normal(size=vectors.shape)
    random *= np.linalg.norm(vectors, axis=1, keepdims=True) / np.linalg.norm(random, axis=1, keepdims=True)
    plain, rows = says(latent.decode(model, codes)), []
    for i, name in enumerate(NAMES):
        row = {
            "attribute": name,
            "classifier: accuracy": accuracies[name][0],
            "classifier: balanced accuracy": accuracies[name][1],
        }
        for side, sign in (("without", 1), ("with", -1)):
            rows_of = has[:, i] == (sign < 0)
            kinds = {
                "truth": says(truth)[rows_of, i],
                "reconstruction": plain[rows_of, i],
                f"{'+' if sign > 0 else '-'} vector": None,
                f"{'+' if sign > 0 else '-'} 2 vectors": None,
                "random vector": None,
            }
            moves = dict(zip(list(kinds)[2:], (sign * vectors[i], 2 * sign * vectors[i], random[i])))
            for kind, move in moves.items():
                kinds[kind] = says(latent.decode(model, codes[rows_of] + move))[:, i]
            row[f"images {side} it"] = int(rows_of.sum())
            row |= {f"{side} it, {kind}": float(said.mean()) for kind, said in kinds.items()}
        rows.append(row)
        print(row, flush=True)

    shown = np.flatnonzero(~has[:, NAMES.index("Eyeglasses")])[:8]
    columns = [truth[shown], latent.decode(model, codes[shown])]
    columns += [latent.decode(model, codes[shown] + vector) for vector in vectors]
    strip = np.stack(columns, axis=1).reshape(-1, *SHAPE)
    pictures.grid(strip, model.value_range, columns=len(columns)).save(folder / "vectors.png")
    pictures.grid(model.sample(64, seed=seed), model.value_range).save(folder / "samples.png")
    both = latent.reconstructions(model, truth[:32]).reshape(-1, *SHAPE)
    pictures.grid(both, model.value_range, columns=8).save(folder / "reconstructions.png")
    return {
        "protocol": (
            f"VAEGAN({', '.join(f'{k}={v}' for k, v in MODEL.items())}) trained {EPOCHS} epochs on the "
            f"{len(images)} faces of celeba_small's train split at {SHAPE[0]}x{SHAPE[1]}. A vector is the "
            f"mean code of the train faces with an attribute less that of those without. Shown are shares of "
            f"the {len(truth)} test faces, apart by whether they have the attribute, in which a classifier "
            f"(trained on the real train faces; its scores on the real test faces beside) sees the "
            f"attribute: in the face itself, its reconstruction, and the decoded code moved by the vector, "
            f"added to faces without the attribute and taken from those with it; a random vector of equal "
            f"length for comparison. vectors.png: truth, reconstruction, and plus each of {', '.join(NAMES)}."
        ),
        "rows": rows,
    }
