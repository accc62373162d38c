"""What does the discriminator's knowledge of classes do for samples: AM-GAN, LabelGAN, AC-GAN, ArtGAN?"""

import keras
import numpy as np

from tfgen import metrics
from tfgen.models import ACGAN, AMGAN, ArtGAN
from tfgen.pictures import grid
from tools.studies._training import forget, trained

published = (
    "Zhou et al. (2018), table 1, Inception score of CIFAR-10 with a dynamic and with a predefined target: "
    "AM-GAN 8.83 and 8.35, LabelGAN 8.63 and 7.88, AC-GAN* 7.41 and 7.79, GAN 7.04; AM scores of AM-GAN 0.08 "
    "and 0.05. They are of colour photographs, of other networks and of a classifier of theirs: only their "
    "order can be compared. Tan et al. (2017) have pictures, and Parzen log-likelihoods that are recalled."
)
MODELS = {
    "AMGAN, dynamic": lambda **how: AMGAN(target="dynamic", **how),
    "AMGAN, predefined": lambda **how: AMGAN(target="predefined", **how),
    "LabelGAN": lambda **how: AMGAN(target="any", **how),
    "ACGAN": ACGAN,
    "ArtGAN": ArtGAN,
}
SHAPE, BATCH, EPOCHS, WIDTH, RATE, SAMPLES = (28, 28, 1), 64, 5, 16, 2e-4, 10_000
PROTOCOL = """Fashion-MNIST, {epochs} epochs of {steps} steps in batches of {BATCH}, networks of width
{WIDTH}, Adam {RATE} with beta_1 0.5 for all, where AM-GAN's own rate is twice as much. Of {samples} samples
against as many test images in the features of the project's classifier: Frechet distance, precision and
recall, AM score (nats, 0 is best), and, of models that are told a class, the share of samples that the
classifier gives that class. Error: of what D says itself of the test images' classes. One run each.
Pictures: samples, rows of 10 by class for models that are told it."""


def run(folder, data_dir, seed, epochs=EPOCHS, samples=SAMPLES):
    rows, steps = [], 60_000 // BATCH
    for name, build in MODELS.items():
        model = build(image_shape=SHAPE, width=WIDTH, seed=seed)
        optimizer = {one: keras.optimizers.Adam(RATE, beta_1=0.5) for one in model.objectives()}
        how = dict(how={"optimizer": optimizer}, dtype="uint8")
        cost, history = trained(model, "fashion_mnist", epochs, BATCH, data_dir, seed, **how)
        told = model.label_spec is not None
        wanted = ["frechet", "precision", "recall", "am_score", "classify_error"] + ["class_agreement"] * told
        place = dict(data_dir=data_dir, download=data_dir is None, data={}, n=samples, seed=seed)
        found = {s.name: s.value for s in metrics.evaluate(model, "fashion_mnist", metrics=wanted, **place)}
        given = {"labels": np.arange(60) // 10 + 2} if told else {}
        drawn = model.sample(60, seed=seed, **given).numpy()
        file = name.lower().replace(", ", "_")
        grid(drawn, (-1, 1), columns=10).save(folder / f"{file}.png")
        rows.append(
            {
                "model": name,
                "frechet": round(found["frechet"], 2),
                "precision": round(found["precision"], 3),
                "recall": round(found["recall"], 3),
                "AM score": round(found["am_score"], 3),
                "class agreement": round(found["class_agreement"], 3) if told else None,
                "D's error, %": round(100 * found["classify_error"], 2),
                "core-seconds": round(cost),
            }
        )
        print(rows[-1], {key: values[-1] for key, values in history.items()}, flush=True)
        forget()
    protocol = PROTOCOL.replace("\n", " ").format_map({**globals(), **locals()})
    return {"protocol": protocol, "rows": rows}
