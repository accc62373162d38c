"""What the studies of adversarial models share: training on a source, and its cost."""

import gc
import resource
import time

import keras

from tfgen import data, metrics


def core_seconds():
    """Processor time of this process: what else the machine does hardly changes it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Budget(keras.callbacks.Callback):
    """Ends a training after so many core-seconds of it."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def on_train_begin(self, logs=None):
        self.end = core_seconds() + self.seconds

    def on_train_batch_end(self, batch, logs=None):
        if core_seconds() >= self.end:
            self.model.stop_training = True


def trained(
    model, source, epochs, batch_size, data_dir, seed, split="train", callbacks=(), how=None, **options
):
    """Trains `model`, compiled by `how`, else by its paper's optimizers; returns (core-seconds, history)."""
    place = dict(data_dir=data_dir, download=data_dir is None)
    batches = data.load(source, split, model, batch_size, seed=seed, **options, **place)
    model.compile(**(how or {}))
    start, since = core_seconds(), time.monotonic()
    history = model.fit(batches, epochs=epochs, verbose=0, callbacks=list(callbacks)).history
    cost = core_seconds() - start
    print(
        f"{type(model).__name__} seed {seed}: {time.monotonic() - since:.0f} s, {cost:.0f} core-s", flush=True
    )
    return cost, history


def scores(model, source, n, data_dir, seed):
    """{"frechet", "precision", "recall"} of n samples against as many test images of a source."""
    how = dict(metrics=["frechet", "precision", "recall"], n=n, seed=seed, data={})
    found = metrics.evaluate(model, source, **how, data_dir=data_dir, download=data_dir is None)
    return {one.name: round(one.value, 3) for one in found}


def forget():
    """Frees the graphs of models that are gone."""
    keras.backend.clear_session()
    gc.collect()
