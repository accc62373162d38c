"""Which unconditional adversarial model comes nearest to Fashion-MNIST after as many images?"""

import numpy as np

from tfgen import metrics
from tfgen.models import (
    BEGAN,
    BSGAN,
    DCGAN,
    DRAGAN,
    EBGAN,
    FGAN,
    GAN,
    LSGAN,
    SNGAN,
    WGAN,
    WGANGP,
    GeometricGAN,
)
from tfgen.pictures import grid
from tools.studies._training import forget, trained

SOURCE = "fashion_mnist"
MODELS = (GAN, DCGAN, LSGAN, GeometricGAN, FGAN, BSGAN, DRAGAN, SNGAN, WGAN, WGANGP, EBGAN, BEGAN)
EPOCHS, BATCH, SAMPLES, SHOWN = 3, 64, 10_000, 12
BEST, SEEDS = 4, 3  # as many of the best are trained with as many seeds


def run(folder, data_dir, seed, classes=MODELS, limit=""):
    """`classes` and `limit`, as "[:2000]", take a part of the models and of the images: to try the study."""
    place = dict(data_dir=data_dir, download=data_dir is None)
    named = {cls.__name__: cls for cls in classes}
    names = list(named)

    def measured(name, seed, reference=False):
        cls = named[name]
        recipe = {key: value for key, value in cls.recipe.model.items() if key != "ema_decay"}
        model = cls(**recipe, seed=seed)
        cost, _ = trained(model, SOURCE, EPOCHS, BATCH, data_dir, seed, split="train" + limit)
        how = dict(metrics=["frechet", "precision", "recall"], n=SAMPLES, seed=seed, data={}, **place)
        found = metrics.evaluate(model, SOURCE, reference=reference, **how)
        scores = {score.name: score.value for score in found}
        scores["core-seconds"] = cost
        scores["updates of G"] = int(model.step.numpy()) // model.objectives()["generator"].every
        picture = np.asarray(model.sample(SHOWN, seed=seed))
        forget()
        print(name, seed, {key: round(float(value), 3) for key, value in scores.items()}, flush=True)
        return scores, picture

    first = {name: measured(name, seed, reference=name == names[0]) for name in names}
    training_images = first[names[0]][0]["frechet_train"]
    order = sorted(names, key=lambda name: first[name][0]["frechet"])
    again = {name: [measured(name, seed + more)[0] for more in range(1, SEEDS)] for name in order[:BEST]}
    rows = []
    for name in order:
        scores, each = first[name][0], [first[name][0], *again.get(name, [])]
        frechets = [one["frechet"] for one in each]
        rows.append(
            {
                "model": name,
                "Frechet": round(float(np.mean(frechets)), 3),
                "+-": round(float(np.std(frechets, ddof=1)), 3) if len(each) > 1 else "",
                "seeds": len(each),
                "precision": round(float(np.mean([one["precision"] for one in each])), 3),
                "recall": round(float(np.mean([one["recall"] for one in each])), 3),
                "updates of G": scores["updates of G"],
                "core-seconds": round(scores["core-seconds"]),
            }
        )
    rows.append({"model": "training images", "Frechet": round(training_images, 3)})
    grid(np.concatenate([first[name][1] for name in order]), (-1.0, 1.0), columns=SHOWN, gap=1).save(
        folder / "samples.png"
    )
    protocol = (
        f"{SOURCE}, {EPOCHS} epochs of 60000 images, in batches of {BATCH}: every discriminator sees as many "
        "real images; a model that updates its generator once in so many steps updates it less often, as "
        "stated. Networks as in each model's recipe, its paper's optimizers, no averages. Frechet distance, "
        f"precision and recall of {SAMPLES} samples against as many test images, in the features of the "
        f"data's classifier. The best {BEST} were trained with {SEEDS} seeds: mean, and standard deviation "
        "between seeds (+-). Core-seconds: processor time of training, with compilation. samples.png has a "
        "row of samples for each model, in the order of the rows."
    )
    return {"protocol": protocol, "rows": rows}
