"""What does truncation trade, and what does BigGAN add to ProjectionGAN in the same minutes?"""

import keras
import numpy as np

from tfgen.metrics import Moments, frechet_distance, precision_recall
from tfgen.models import BigGAN, ProjectionGAN
from tfgen.pictures import grid
from tools.studies._arrays import arrays
from tools.studies._resnet20 import resnet20
from tools.studies._training import trained

published = (
    "Brock et al. (2019): an Inception score of 166.5 and a FID of 7.4 on ImageNet at 128x128; 9.22 and "
    "14.73 on all of CIFAR-10 (appendix C.2, read in others' words). Both are in Inception's features, of "
    "larger networks that trained for days; nothing is compared."
)
BATCH, SAMPLES, CLASSES = 64, 2000, 10
TRUNCATIONS = (0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 6.0)
SHOWN = (0.3, 1.0, 6.0)
MODEL = dict(image_shape=(32, 32, 3), discriminator_steps=1, ema_decay=0.99)
BIGGAN = dict(width=16, attention=0)
PROJECTION = dict(width=48)
RATES = {"generator": 2e-4, "discriminator": 4e-4}
EPOCHS = {"BigGAN": 7, "ProjectionGAN": 12}


def adam(rates):
    return {name: keras.optimizers.Adam(rate, beta_1=0.0, beta_2=0.999) for name, rate in rates.items()}


class Judge:
    """ResNet-20 of CIFAR-10, of which the pooled features and the classes of images are asked."""

    def __init__(self, data_dir):
        network = resnet20(data_dir)
        self.network = keras.Model(network.input, [network.layers[-1].input, network.output])
        images, _ = arrays("cifar10", "test", data_dir)
        self.features, _ = self.of(images / np.float32(127.5) - 1)

    def of(self, images):
        return [np.asarray(x) for x in self.network.predict(images, 250, verbose=0)]

    def scores(self, images, labels):
        features, logits = self.of(images)
        moments = [Moments(x.shape[1]).update(x) for x in (self.features, features)]
        precision, recall = precision_recall(self.features, features)
        return {
            "Frechet": round(frechet_distance(*moments), 3),
            "class agreement": round(float(np.mean(logits.argmax(1) == labels)), 4),
            "precision": round(precision, 3),
            "recall": round(recall, 3),
        }


def samples(model, seed, **options):
    labels = np.arange(SAMPLES) % CLASSES
    parts = [
        model.sample(250, seed, first_row=row, labels=labels[row : row + 250], **options).numpy()
        for row in range(0, SAMPLES, 250)
    ]
    return np.concatenate(parts), labels


def run(folder, data_dir, seed, epochs=None, rates=RATES, biggan=BIGGAN):
    judge, rows, pictures = Judge(data_dir), [], {}
    epochs = epochs or EPOCHS

    def add(name, truncation, statistics, cost, images, labels):
        row = {"model": name, "truncation": truncation, "statistics": statistics}
        rows.append({**row, **judge.scores(images, labels), "core-seconds": round(cost)})
        print(rows[-1], flush=True)

    for cls, own in ((ProjectionGAN, PROJECTION), (BigGAN, biggan)):
        name = cls.__name__
        model = cls(**MODEL, **own, seed=seed)
        how = dict(optimizer=adam(rates)) if cls is BigGAN else {}
        cost, _ = trained(model, "cifar10", epochs[name], BATCH, data_dir, seed, flip=True, how=how)
        images, labels = samples(model, seed)
        add(name, None, "of training", cost, images, labels)
        pictures[name] = images[:80]
        for truncation in TRUNCATIONS if cls is BigGAN else ():
            model.standing_statistics(50, batch_size=100, seed=seed + 1, truncation=truncation)
            images, labels = samples(model, seed, truncation=truncation)
            add(name, truncation, "standing", cost, images, labels)
            if truncation in SHOWN:
                pictures[f"BigGAN-{truncation:g}"] = images[:80]
    del pictures["BigGAN"]
    for name, images in pictures.items():
        grid(images, (-1.0, 1.0), columns=CLASSES, gap=1).save(folder / f"{name.lower()}.png")
    protocol = (
        f"cifar10, the subset of 10000 + 2000 images, mirrored; batches of {BATCH}; {MODEL}; BigGAN "
        f"{biggan}, Adam of {rates}, beta 0 and 0.999; ProjectionGAN {PROJECTION}, its paper's Adam; epochs "
        f"{epochs}, chosen for alike core-seconds. {SAMPLES} samples, all classes alike, against the 2000 "
        "test images in the 64 pooled features of a ResNet-20 of all of CIFAR-10, which is also the judge "
        "of classes. Statistics: of batch normalisation in G's average: those that training leaves, or "
        "means over 50 batches of 100 samples of the same truncation; 6 cuts off nothing. Pictures: a "
        "column a class."
    )
    return {"protocol": protocol, "rows": rows}
