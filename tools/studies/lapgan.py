"""LAPGAN beside one GAN of the same minutes: does a pyramid of small GANs pay on Fashion-MNIST?"""

import keras
import numpy as np

from tfgen import networks
from tfgen.models import GAN, LAPGAN
from tfgen.pictures import grid
from tools.studies._training import Budget, forget, scores, trained

published = (
    "Denton et al. (2015), recalled: log-likelihoods by Parzen windows of CIFAR-10, -1799 against -3617 of a "
    "GAN; other data and another measure, so nothing is compared."
)
SOURCE, BATCH, SAMPLES, SHOWN, SECONDS = "fashion_mnist", 64, 5_000, 16, 160
SHAPE = dict(image_shape=(28, 28, 1))
PYRAMID = dict(width=8, units=1200)
CASES = {
    "LAPGAN 7, 14, 28, SGD": (LAPGAN, PYRAMID, None),
    "LAPGAN 7, 14, 28, Adam": (LAPGAN, PYRAMID, 6e-4),
    "GAN, dense, Adam": (GAN, dict(width=1200), 2e-4),
    "GAN, convolutional, Adam": (GAN, dict(width=32, body="convolutional"), 2e-4),
}


def run(folder, data_dir, seed, seconds=SECONDS, n=SAMPLES, cases=CASES):
    rows, pictures = [], []
    for name, (cls, own, rate) in cases.items():
        model = cls(**SHAPE, **own, seed=seed)
        adam = {one: keras.optimizers.Adam(rate or 0.0, beta_1=0.5) for one in model.objectives()}
        how = {"optimizer": adam} if rate else {}
        given = dict(callbacks=[Budget(seconds)], how=how)
        cost, _ = trained(model, SOURCE, 100, BATCH, data_dir, seed, **given)
        found = scores(model, SOURCE, n, data_dir, seed)
        row = {"model": name, **found, "steps": int(model.step.numpy()), "core-seconds": round(cost)}
        rows.append(row)
        print(row, flush=True)
        if isinstance(model, LAPGAN):
            z = model.draw_codes(model.key_of(seed), SHOWN)
            stages = [np.asarray(enlarged(images)) for images in model.stages(z)]
            picture = np.clip(np.concatenate(stages), -1, 1)
            grid(picture, (-1.0, 1.0), columns=SHOWN, gap=1).save(folder / f"stages_{how_named(name)}.png")
        pictures.append(np.asarray(model.sample(SHOWN, seed=seed)))
        forget()
    grid(np.concatenate(pictures), (-1.0, 1.0), columns=SHOWN, gap=1).save(folder / "samples.png")
    protocol = (
        f"{SOURCE}, batches of {BATCH}, each model for {seconds} core-seconds of training, compilation "
        f"included. LAPGAN has {PYRAMID}, by the authors' SGD(0.02, momentum=0.5), or by Adam(6e-4, "
        "beta_1=0.5), which served it better than 2e-4 in a trial of a minute; the others by Adam(2e-4, "
        f"beta_1=0.5). Frechet distance, precision and recall of {n} samples against as many test images in "
        "the features of the data's classifier. samples.png has a row for each row of the table; "
        "stages_sgd.png and stages_adam.png show LAPGAN's samples at 7, 14 and 28 pixels."
    )
    return {"protocol": protocol, "rows": rows}


def how_named(name):
    return name.rpartition(" ")[2].lower()


def enlarged(images):
    """Images (n, h, w, c) at 28 pixels, each pixel as a square."""
    while images.shape[1] < SHAPE["image_shape"][0]:
        images = networks.up(images)
    return images
