"""What a run writes while Keras' `fit` trains: metrics, samples, checkpoints."""

import csv
import json
import os
import zipfile
from pathlib import Path

import keras
import numpy as np

from tfgen.files import replacing
from tfgen.pictures import POINT, grid


class Metrics(keras.callbacks.Callback):
    """Appends a row of the epoch's metrics to a CSV file; epochs count from 1.

    Unlike keras.callbacks.CSVLogger it writes no empty columns for a validation that is not
    there, and opens the file only to write, so that an interrupted `fit` leaves it closed.
    """

    def __init__(self, path):
        super().__init__()
        self.path = Path(path)

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row, lineterminator="\n")
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow(row)
            file.flush()
            os.fsync(file.fileno())


class SampleGrid(keras.callbacks.Callback):
    """Writes FOLDER/epoch-0001.png and so on: the model's samples from the same noise.

    Of a model conditional on classes, each column is a class, from 0 on, and has its number above.

    Args:
        folder: where the pictures go; it is made when the first one is written.
        every: a picture after so many epochs.
        n: number of images in a picture, less what would be no whole row of classes; None: 64, and
            2,500 of a model of points.
        seed: that of `model.sample`.
    """

    def __init__(self, folder, every=1, n=None, seed=0):
        super().__init__()
        self.folder, self.every, self.n, self.seed = Path(folder), every, n, seed

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            points = tuple(getattr(self.model, "image_shape", ())) == POINT
            n, columns, titles, labels = self.n or (2500 if points else 64), None, None, {}
            if self.model.classes and self.model.label_spec is not None:
                columns = self.model.classes
                titles = range(columns)
                n = max(n // columns, 1) * columns
                labels["labels"] = np.arange(n) % columns
            images = self.model.sample(n, seed=self.seed, **labels)
            with replacing(self.folder / f"epoch-{epoch + 1:04d}.png") as part:
                grid(images, self.model.value_range, columns, titles=titles).save(part)


def save(model, path, run):
    """Writes a usual .keras file (weights, optimizers, averages, seed, step), always whole, with one
    more member, run.json: what the run was when this was saved."""
    with replacing(path) as part:
        model.save(part)
        with zipfile.ZipFile(part, "a") as file:
            file.writestr("run.json", json.dumps(run))


class Checkpoint(keras.callbacks.Callback):
    """Saves the model after each epoch, by `save`."""

    def __init__(self, path, run):
        super().__init__()
        self.path, self.run = Path(path), run

    def on_epoch_end(self, epoch, logs=None):
        save(self.model, self.path, self.run)
