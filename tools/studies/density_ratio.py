"""b-GAN, which estimates a density ratio, beside f-GAN: how near do they come to Fashion-MNIST?"""

import numpy as np

from tfgen.models import FGAN, DensityRatioGAN
from tfgen.pictures import grid
from tools.studies._arrays import arrays
from tools.studies._training import forget, scores, trained

published = "Uehara et al. (2016) show pictures of CIFAR-10 and CelebA; no figure is compared."
SOURCE, EPOCHS, BATCH, SAMPLES, SHOWN = "fashion_mnist", 2, 64, 10_000, 12
NETWORKS = dict(image_shape=(28, 28, 1), width=32)
CASES = {
    "f-GAN, Pearson": (FGAN, dict(divergence="pearson")),
    "f-GAN, Pearson, saturating": (FGAN, dict(divergence="pearson", saturating=True)),
    "b-GAN, Pearson": (DensityRatioGAN, dict(divergence="pearson", relative=0.0)),
    "b-GAN, relative Pearson, a = 0.1": (DensityRatioGAN, dict(divergence="pearson", relative=0.1)),
    "b-GAN, relative Pearson, a = 0.5": (DensityRatioGAN, dict(divergence="pearson", relative=0.5)),
    "b-GAN, KL": (DensityRatioGAN, dict(divergence="kl", relative=0.0)),
}


def run(folder, data_dir, seed, limit="", n=SAMPLES):
    """`limit`, as "[:2000]", takes a part of the images: to try the study."""
    rows, pictures = [], []
    real = test_images(data_dir)
    for name, (cls, own) in CASES.items():
        model = cls(**NETWORKS, **own, seed=seed)
        cost, _ = trained(model, SOURCE, EPOCHS, BATCH, data_dir, seed, split="train" + limit)
        found = scores(model, SOURCE, n, data_dir, seed)
        fake = model.sample(1000, seed=seed)
        if isinstance(model, DensityRatioGAN):
            ratios = [float(np.mean(model.density_ratio(images))) for images in (real, fake)]
            found |= {"r of real": round(ratios[0], 3), "r of fakes": round(ratios[1], 3)}
        rows.append({"model": name, **found, "core-seconds": round(cost)})
        print(rows[-1], flush=True)
        pictures.append(np.asarray(fake[:SHOWN]))
        forget()
    grid(np.concatenate(pictures), (-1.0, 1.0), columns=SHOWN, gap=1).save(folder / "samples.png")
    protocol = (
        f"{SOURCE}, {EPOCHS} epochs of 60000 images, batches of {BATCH}, {NETWORKS}, Adam(2e-4, beta_1=0.5) "
        f"of all, no averages. Frechet distance, precision and recall of {n} samples against as many test "
        "images in the features of the data's classifier. r is the mean estimated ratio of 1000 test images "
        "and of 1000 fakes: 1 for both if the generator is perfect. samples.png has a row for each row."
    )
    return {"protocol": protocol, "rows": rows}


def test_images(data_dir):
    """1000 test images (n, h, w, c) in [-1, 1]."""
    images, _ = arrays(SOURCE, "test[:1000]", data_dir)
    return np.float32(images) / 127.5 - 1
