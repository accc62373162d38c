"""Are the images of CGAN, ACGAN and ProjectionGAN of the classes that they were asked for?"""

import numpy as np

from tfgen import metrics
from tfgen.models import ACGAN, CGAN, ProjectionGAN
from tfgen.pictures import grid
from tools.studies._training import forget, trained

published = "The papers report no agreement on these data."
EPOCHS, BATCH, SAMPLES = 4, 64, 10_000
MODEL = dict(image_shape=(28, 28, 1), width=32)
CASES = {
    "CGAN": (CGAN, {}),
    "ACGAN": (ACGAN, {}),
    "ProjectionGAN, 5 steps of D": (ProjectionGAN, {}),
    "ProjectionGAN, 1 step of D": (ProjectionGAN, dict(discriminator_steps=1)),
}


def run(folder, data_dir, seed, sources=("mnist",), epochs=EPOCHS, limit=""):
    place = dict(data_dir=data_dir, download=data_dir is None)
    rows = []
    for source in sources:
        pictures = []
        for name, (cls, own) in CASES.items():
            model = cls(**MODEL, **own, seed=seed)
            cost, _ = trained(model, source, epochs, BATCH, data_dir, seed, split="train" + limit)
            how = dict(metrics=["frechet", "class_agreement"], n=SAMPLES, seed=seed, data={}, **place)
            scores = {score.name: score.value for score in metrics.evaluate(model, source, **how)}
            rows.append(
                {
                    "data": source,
                    "model": name,
                    "class agreement": round(scores["class_agreement"], 4),
                    "Frechet": round(scores["frechet"], 3),
                    "core-seconds": round(cost),
                }
            )
            print(rows[-1], flush=True)
            labels = np.repeat(np.arange(10), 10).reshape(10, 10).T.ravel()  # a column for each class
            pictures.append(np.asarray(model.sample(100, seed=seed, labels=labels))[:40])
            forget()
        grid(np.concatenate(pictures), (-1.0, 1.0), columns=10, gap=1).save(folder / f"{source}.png")
    protocol = (
        f"{epochs} epochs of 60000 images in batches of {BATCH}, {MODEL}, each by its paper's optimizers. "
        f"Class agreement: share of {SAMPLES} samples that the data's classifier takes for the class asked "
        "for, all classes alike; Frechet distance to as many test images in its features. Pictures: four "
        "rows for each model in the order of the rows, a column for each class."
    )
    return {"protocol": protocol, "rows": rows}
