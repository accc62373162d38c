"""What a run writes while Keras' `fit` trains: metrics, samples, checkpoints."""

import csv
import json
import math
import os
import zipfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfgen.errors import InputError
from tfgen.files import replacing
from tfgen.models.texttoimage.base import CaptionedModel
from tfgen.pictures import POINT, captioned, grid, table


class Metrics(keras.callbacks.Callback):
    """Appends a row of the epoch's metrics to a CSV file; epochs count from 1.

    Unlike keras.callbacks.CSVLogger it writes no empty columns for a validation that is not
    there, opens the file only to write, so that an interrupted `fit` leaves it closed, and gives
    a log that comes in a later epoch a column, which is empty in the rows before.
    """

    def __init__(self, path):
        super().__init__()
        self.path = Path(path)

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
        names, rows = [], []
        if self.path.exists():
            with self.path.open(newline="") as file:
                reader = csv.DictReader(file)
                names, rows = list(reader.fieldnames or []), list(reader)
        further = [name for name in row if name not in names]
        if further:  # the first epoch, or a log that earlier ones did not have
            with replacing(self.path) as part, part.open("w", newline="") as file:
                writer = csv.DictWriter(file, [*names, *further], lineterminator="\n")
                writer.writeheader()
                writer.writerows([*rows, row])
            return
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, names, lineterminator="\n").writerow(row)
            file.flush()
            os.fsync(file.fileno())


class FirstStep(keras.callbacks.Callback):
    """Ends a `tfgen.waiting.Waiting` once the first step is done."""

    async_safe = True  # else Keras waits for the end of each step

    def __init__(self, waiting):
        super().__init__()
        self.waiting = waiting

    def on_train_batch_end(self, batch, logs=None):
        self.waiting.end()


class Rates(keras.callbacks.Callback):
    """Sets each optimizer's learning rate at the start of an epoch, from the epoch's number alone.

    Args:
        schedule: ("linear", start, end): 1 until `start`, then linear to 0 at `end`; ("halve", every).
            All are shares of the epochs.
        rates: {objective: learning rate of the first epoch}.
        epochs: number of epochs.
    """

    def __init__(self, schedule, rates, epochs):
        super().__init__()
        self.schedule, self.rates, self.epochs = schedule, rates, epochs

    def on_epoch_begin(self, epoch, logs=None):
        for name, rate in self.rates.items():
            self.model.optimizers[name].learning_rate = rate * factor(self.schedule, epoch / self.epochs)


def factor(schedule, share):
    """The factor of a learning rate, in [0, 1], when a `share` of the epochs is over.

    Raises:
        InputError: a schedule that is not as in `Rates`.
    """
    kind, *numbers = schedule
    if kind == "linear" and len(numbers) == 2 and 0 <= numbers[0] < numbers[1] <= 1:
        start, end = numbers
        return min(1.0, max(0.0, (end - share) / (end - start)))
    if kind == "halve" and len(numbers) == 1 and 0 < numbers[0] <= 1:
        return 0.5 ** math.floor(share / numbers[0] + 1e-9)  # 0.3 / 0.1 is less than 3
    raise InputError(
        f"a schedule is ('linear', start, end) or ('halve', every), in shares of the epochs from 0 to 1; "
        f"received {tuple(schedule)}"
    )


class SampleGrid(keras.callbacks.Callback):
    """Writes FOLDER/epoch-0001.png and so on: the model's samples from the same noise.

    Of a model conditional on classes, each column is a class, from 0 on, and has its number above. Of a
    model that translates or continues clips, each row is one of the `examples`, with what the model makes;
    of a model of captions, too, below the caption.

    Args:
        folder: where the pictures go; it is made when the first one is written.
        every: a picture after so many epochs.
        n: number of images in a picture, less what would be no whole row of classes; None: 64, and
            2,500 of a model of points.
        seed: that of `model.sample`.
        examples: {name of a field: array}, of a model that translates, continues clips or has captions.
    """

    def __init__(self, folder, every=1, n=None, seed=0, examples=None):
        super().__init__()
        self.examples = examples
        self.folder, self.every, self.n, self.seed = Path(folder), every, n, seed

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            with replacing(self.folder / f"epoch-{epoch + 1:04d}.png") as part:
                self._picture().save(part)

    def _picture(self):
        if isinstance(self.model, CaptionedModel):
            return captioned(self.model.rows(self.examples, seed=self.seed), self.model.value_range, 9)
        if self.examples is not None:
            return table(self.model.columns(self.examples, self.seed), self.model.value_range)
        points = tuple(getattr(self.model, "image_shape", ())) == POINT
        n, columns, titles, labels = self.n or (2500 if points else 64), None, None, {}
        if self.model.classes and self.model.label_spec is not None:
            columns = self.model.classes
            titles = range(columns)
            n = max(n // columns, 1) * columns
            labels["labels"] = np.arange(n) % columns
        images = self.model.sample(n, seed=self.seed, **labels)
        return grid(self.model.picture(images), self.model.value_range, columns, titles=titles)


class Translations(keras.callbacks.Callback):
    """Writes FOLDER/epoch-0001.txt and so on: sentences, the model's translations and those of a person.

    Args:
        folder: where the files go.
        pairs: [(source, target)], texts.
    """

    def __init__(self, folder, pairs):
        super().__init__()
        self.folder, self.pairs = Path(folder), pairs

    def on_epoch_end(self, epoch, logs=None):
        made = self.model.translate([source for source, _ in self.pairs])
        parts = [f"{source}\n  {text}\n  ({target})\n" for (source, target), text in zip(self.pairs, made)]
        with replacing(self.folder / f"epoch-{epoch + 1:04d}.txt") as part:
            part.write_text("\n".join(parts), encoding="utf-8")


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


def cut_events(folder, epochs):
    """Deletes TensorBoard's numbers of the epochs after `epochs`, which a resumed run writes again."""
    for path in Path(folder).rglob("events.out.tfevents.*"):
        kept, cut = [], False
        records = iter(tf.data.TFRecordDataset(str(path)))
        while True:
            try:
                record = next(records).numpy()
            except StopIteration:
                break
            except tf.errors.DataLossError:  # the writer was killed in the midst of the last one
                cut = True
                break
            event = tf.compat.v1.Event.FromString(record)
            if event.HasField("summary") and event.step >= epochs:
                cut = True
            else:
                kept.append(record)
        if cut:
            with replacing(path) as part, tf.io.TFRecordWriter(str(part)) as writer:
                for record in kept:
                    writer.write(record)
