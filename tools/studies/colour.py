"""Does a discriminator give grey images colours that L1 alone leaves out, and that help to recognise them?"""

import numpy as np

from tfgen.colour import colourfulness, grey, halves
from tfgen.metrics import pairs
from tfgen.models import Pix2Pix
from tfgen.pictures import grid
from tools.studies._arrays import arrays
from tools.studies._resnet20 import resnet20
from tools.studies._training import trained

published = (
    "Isola et al. (2017), section 4.5, on ImageNet at 256x256: 22.5 % of the images coloured by L1 + cGAN "
    "were taken for real ones (27.8 % of Zhang et al., 2016). Nothing of it is measured here."
)
EPOCHS, BATCH, SHOWN = 3, 16, 10
MODEL = dict(image_shape=(32, 32, 3), width=32, depth=4, strided=1, colour="lab")
LOSSES = {"L1": 0.0, "L1 + cGAN": 1.0}  # the adversarial term's weight


def scores(made, truth, labels, classifier):
    correct = classifier.predict(made, batch_size=500, verbose=0).argmax(axis=1) == labels
    return {
        "PSNR, dB": round(float(pairs.psnr(made, truth, (-1, 1)).mean()), 2),
        "mean of |a| and |b|": round(float(110 * np.mean(np.abs(halves(made)[1]))), 2),
        "colourfulness": round(float(colourfulness(made).mean()), 1),
        "accuracy": round(float(correct.mean()), 3),
    }


def run(folder, data_dir, seed, epochs=EPOCHS):
    truth, labels = arrays("cifar10", "test", data_dir)
    truth = truth / np.float32(127.5) - 1
    classifier = resnet20(data_dir)
    inputs = np.asarray(grey(truth))
    made = {"true colours": truth, "grey": np.repeat(inputs, 3, axis=-1)}
    rows = {name: scores(images, truth, labels, classifier) for name, images in made.items()}
    for name, weight in LOSSES.items():
        model = Pix2Pix(**MODEL, adversarial_weight=weight, seed=seed)
        cost, history = trained(model, "cifar10", epochs, BATCH, data_dir, seed, flip=True)
        parts = [model.translate(inputs[i : i + 100], seed=seed) for i in range(0, len(inputs), 100)]
        made[name] = np.concatenate(parts)
        rows[name] = {
            **scores(made[name], truth, labels, classifier),
            "L1 in training": round(history["l1"][-1], 4),
            "core-seconds": round(cost),
        }
    some = [np.flatnonzero(labels == label)[k] for label in range(SHOWN) for k in range(2)]
    shown = {"grey": made["grey"], **{name: made[name] for name in LOSSES}, "true colours": truth}
    table = np.stack([images[some] for images in shown.values()], axis=1).reshape(-1, 32, 32, 3)
    grid(table, (-1, 1), columns=len(shown) * 2, titles=list(shown) * 2).save(folder / "coloured.png")
    return {
        "protocol": (
            f"cifar10, 10,000 train images at 32x32, {epochs} epochs of batches of {BATCH}, mirrored at "
            f"random, the paper's optimizers, {MODEL}; L1 of weight 100, with and without the adversarial "
            f"term. Means over {len(truth)} test images, coloured from the grey images of their lightness. "
            "Colourfulness: Hasler and Suesstrunk (2003), 15 slightly, 33 moderately, 45 averagely "
            "colourful. Accuracy: of a ResNet-20 trained on the colour images of CIFAR-10 (akamaster/"
            "pytorch_resnet_cifar10). coloured.png: two test images of a class in a row, each grey, "
            "coloured by L1, by L1 + cGAN, and true."
        ),
        "rows": [{"images": name, **row} for name, row in rows.items()],
    }
