"""Does disCVAE's gate find faces, and does a changed attribute change how a face is seen?"""

import keras
import numpy as np

from tfgen import data, pictures
from tfgen.models import Attribute2Image
from tools.studies import _attribute_classifier
from tools.studies._arrays import arrays, in_parts

NAMES = ("Smiling", "Male", "Eyeglasses", "Blond_Hair", "Black_Hair", "Bangs", "Young", "Wearing_Hat")
SHOWN = NAMES[:4]  # in the picture of edits
SHAPE, BATCH, EPOCHS = (64, 64, 3), 64, 30
MODEL = dict(image_shape=SHAPE, latent_dim=128, background_dim=32, width=24, deviation=0.2, ema_decay=0.999)
published = (
    "Yan et al. (2016) train on masked LFW faces, and show gates, layers and edits by pictures; their "
    "figures, of nearest neighbours and errors of attributes and pixels, are on LFW and CUB."
)


def places():
    """Where CelebA's alignment puts the face in these crops, and a frame beside it: masks (64, 64).

    The eyes are at row 33 and the mouth at row 47, about column 32.
    """
    y, x = np.mgrid[:64, :64]
    return (y - 39) ** 2 / 15**2 + (x - 32) ** 2 / 11**2 <= 1, (y < 48) & ((x < 8) | (x >= 56))


def run(folder, data_dir, seed):
    (images, labels), (test, own) = (
        arrays("celeba_small", split, data_dir, SHAPE) for split in ("train", "test")
    )
    names = data.attributes("celeba_small", data_dir=data_dir, download=data_dir is None)
    columns = [names.index(name) for name in NAMES]
    judge, accuracies = _attribute_classifier.train(
        images, labels[:, columns], NAMES, seed, (test, own[:, columns])
    )
    model = Attribute2Image(**MODEL, seed=seed)
    batches = data.load((images, labels), for_model=model, batch_size=BATCH, seed=seed)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, EPOCHS * len(batches))
    model.compile(keras.optimizers.Adam(rate))
    for epoch in range(EPOCHS):
        history = model.fit(batches, verbose=0).history
        print(f"epoch {epoch + 1} of {EPOCHS}:", {k: round(v[-1], 1) for k, v in history.items()}, flush=True)
    truth = test.astype(np.float32) / 255
    scores = model.evaluate(truth, own, batch_size=250, verbose=0, return_dict=True)

    codes = in_parts(model.encode, truth, own)
    gates = in_parts(lambda z, y: model.composition(z, y)["gate"], codes, own)[..., 0]
    says = lambda images: judge.predict(images, verbose=0) > 0  # noqa: E731
    decoded = in_parts(model.decode, codes, own)
    seen, rows, edits = says(decoded), [], {}
    face, frame = places()
    for i, (name, column) in enumerate(zip(NAMES, columns)):
        has, new = own[:, column] == 1, own.copy()
        new[:, column] = 1 - new[:, column]
        edits[name] = in_parts(model.edit, truth, own, new)
        after, change = says(edits[name]), np.abs(edits[name] - decoded).mean((0, -1))
        flips = seen != after
        rows.append(
            {
                "attribute": name,
                "faces with it": int(has.sum()),
                "classifier: accuracy": accuracies[name][0],
                "classifier: balanced accuracy": accuracies[name][1],
                "edits that flip": float(flips[seen[:, i] == has, i].mean()),
                "without it: seen in the reconstruction": float(seen[~has, i].mean()),
                "without it: seen once added": float(after[~has, i].mean()),
                "with it: seen in the reconstruction": float(seen[has, i].mean()),
                "with it: seen once taken away": float(after[has, i].mean()),
                "flips of the other attributes": float(np.delete(flips, i, axis=1).mean()),
                "change on the face / at the frame": float(change[face].mean() / change[frame].mean()),
            }
        )
        print(rows[-1], flush=True)
    measured = {
        "test distortion, nats": scores["distortion"],
        "test rate, nats": scores["rate"],
        "test overlap, nats": scores["overlap"],
        "root mean squared error of reconstructions": float(np.sqrt(np.mean((decoded - truth) ** 2))),
        "mean gate": float(gates.mean()),
        "mean gate on the face": float(gates[:, face].mean()),
        "mean gate at the frame": float(gates[:, frame].mean()),
        "images whose gate is higher on the face": float(
            np.mean(gates[:, face].mean(1) > gates[:, frame].mean(1))
        ),
    }
    print(measured, flush=True)

    parts = model.composition(codes[:8], own[:8])
    parts["gate"] = np.repeat(parts["gate"], 3, axis=-1)
    strip = np.concatenate([truth[:8], decoded[:8], *parts.values()])
    pictures.grid(strip, columns=8).save(folder / "layers.png")
    strip = [truth[:6], decoded[:6], *(edits[name][:6] for name in SHOWN)]
    pictures.grid(np.stack(strip, 1).reshape(-1, *SHAPE), columns=len(strip)).save(folder / "edits.png")
    pictures.grid(model.sample(64, seed=seed)).save(folder / "samples.png")
    return {
        "protocol": (
            f"Attribute2Image({', '.join(f'{k}={v}' for k, v in MODEL.items())}) trained {EPOCHS} epochs on "
            f"the {len(images)} faces of celeba_small's train split at 64x64, in batches of {BATCH} by Adam "
            f"from 1e-3 to 0 by a cosine, without masks; measured on the {len(test)} test faces. The face is "
            f"an ellipse about eyes and mouth, where the alignment puts them; the frame is eight columns at "
            f"either side, above the shoulders. In a row one attribute of each test face is switched: "
            f"encoded with its own attributes, decoded with the new ones. A classifier (trained on the real "
            f"train faces; its scores on the real test faces beside) says what it sees, in shares of the "
            f"test faces; edits that flip are shares of those that it saw rightly in the reconstruction. "
            f"Change is the mean absolute difference of edit and reconstruction, that on the face over that "
            f"at the frame. layers.png, by rows: truth, reconstruction, gate, foreground, background. "
            f"edits.png, by columns: truth, reconstruction, switched {', '.join(SHOWN)}."
        ),
        "measured": measured,
        "rows": rows,
    }
