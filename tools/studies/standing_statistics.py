"""Does an averaged generator gain by batch statistics of its own?"""

import numpy as np

from tfgen import metrics
from tfgen.models import DCGAN
from tfgen.pictures import grid
from tools.studies._training import trained

published = "Brock et al. (2019) compute them for each truncation; no figure of theirs is compared."
BATCH, SAMPLES, SEEDS = 128, 5000, (0, 1)
MODEL = dict(image_shape=(28, 28, 1), width=32, ema_decay=0.999)
WAYS = (
    "the network that learns",
    "its average, statistics of training",
    "its average, statistics of its own",
)


def run(folder, data_dir, seed, epochs=2, source="fashion_mnist"):
    rows, pictures = [], {}

    def score(model):
        how = dict(metrics=["frechet"], n=SAMPLES, seed=seed, data_dir=data_dir, download=data_dir is None)
        return round(metrics.evaluate(model, source, **how)[0].value, 3)

    for own in SEEDS:
        model = DCGAN(**MODEL, seed=seed + own)
        plain = DCGAN(**{**MODEL, "ema_decay": None}, seed=seed + own)
        for epoch in range(1, epochs + 1):
            how = dict(optimizer=model.optimizers or None)
            cost, _ = trained(model, source, 1, BATCH, data_dir, seed + epoch, how=how)
            plain.generator.set_weights(model.generator.get_weights())
            of_training = score(model)
            for way, one in zip(WAYS, (plain, model)):
                pictures[way] = one.sample(20, seed=seed).numpy()
            kept = model.averages["generator"].get_weights()
            model.standing_statistics(100, batch_size=BATCH, seed=seed + 1)
            pictures[WAYS[2]] = model.sample(20, seed=seed).numpy()
            scores = (score(plain), of_training, score(model))
            model.averages["generator"].set_weights(kept)
            row = {"seed": seed + own, "steps": int(model.step.numpy()), **dict(zip(WAYS, scores))}
            rows.append({**row, "core-seconds": round(cost)})
            print(rows[-1], flush=True)
    grid(np.concatenate(list(pictures.values())), (-1.0, 1.0), columns=20, gap=1).save(folder / "samples.png")
    protocol = (
        f"DCGAN, {source}, {MODEL}, batches of {BATCH}; the average's decay is (1 + t) / (10 + t) in so few "
        f"steps. Frechet distance of {SAMPLES} samples to as many test images in the features of the data's "
        "classifier: of the network that learns, of its average with the running statistics that training "
        f"leaves, and with means over 100 batches of {BATCH} samples of the average. samples.png: a row "
        "each, of one seed. The study biggan has the same of BigGAN: rows of truncation 6, which is none."
    )
    return {"protocol": protocol, "rows": rows}
