"""What is watched while a model trains: means of its losses, and whether they are numbers."""

import collections
import math

import keras
import tensorflow as tf


class Means(keras.metrics.Metric):
    """The means of several scalars over the steps, in one variable: one update a step, not two each.

    NaN before the first update, for there is no loss yet: an objective with `every=5` may not be due in
    an epoch of four steps, and 0 would look like a loss.

    Args:
        logs: the names of the scalars.
    """

    def __init__(self, logs, name):
        super().__init__(name=name)
        self.logs = logs
        self.sums = self.add_variable((len(logs) + 1,), "zeros", name="sums")  # the last counts steps

    def update_state(self, values, share=1.0):
        """`values` is {log: scalar} of a step, `share` this device's part of its batch."""
        values = [tf.cast(values[log], tf.float32) for log in self.logs]
        self.sums.assign_add(share * tf.stack([*values, 1.0]))

    def result(self):
        sums = tf.convert_to_tensor(self.sums)
        return dict(zip(self.logs, tf.unstack(sums[:-1] / sums[-1])))  # 0 / 0 is NaN


def shared(trackers):
    """{log: mean} of the logs that several `Means` have: over the updates of them all."""
    means = [x for x in trackers if isinstance(x, Means)]
    counts = collections.Counter(log for one in means for log in one.logs)
    found = {}
    for log in (log for log, count in counts.items() if count > 1):
        sums = [(one.logs.index(log), tf.convert_to_tensor(one.sums)) for one in means if log in one.logs]
        found[log] = sum(values[place] for place, values in sums) / sum(values[-1] for _, values in sums)
    return found


def not_finite(model, logs):
    """Names of the logs that are NaN or infinite, without those of objectives that wait for an update."""
    bad = [name for name, value in logs.items() if not math.isfinite(value)]
    if not bad:
        return bad
    trackers = [x for x in model.trackers.values() if isinstance(x, Means)]
    waiting = [x for x in trackers if not float(tf.convert_to_tensor(x.sums)[-1])]
    return [name for name in bad if not any(name in x.logs for x in waiting)]


class Diverged(ArithmeticError):
    """Raised when a loss becomes NaN or infinite."""


class StopAtNaN(keras.callbacks.Callback):
    """Ends `fit` with one line when an objective's loss is not finite."""

    async_safe = True  # it may look at the numbers while the next step runs

    def on_epoch_begin(self, epoch, logs=None):
        self.first = int(self.model.step.numpy()) + 1

    def on_train_batch_end(self, batch, logs=None):
        bad = not_finite(self.model, logs)
        for name in self.model.objectives():
            if f"{name}_loss" in bad:
                loss = logs[f"{name}_loss"]
                raise Diverged(
                    f"{type(self.model).__name__}: the loss of objective {name!r} is {loss} at step "
                    f"{self.first + batch}; try a lower learning rate, clipped gradients "
                    f"(an optimizer with global_clipnorm=1.0), or float32"
                )


class Optimizers:
    """A model's optimizers as the single one that Keras' callbacks ask for (`model.optimizer`).

    `ReduceLROnPlateau`, `LearningRateScheduler` and `TensorBoard` go through `optimizers`.
    """

    built = True

    def __init__(self, optimizers):
        self.optimizers = list(optimizers)

    @property
    def variables(self):
        return [variable for one in self.optimizers for variable in one.variables]

    @property
    def iterations(self):
        return self.optimizers[0].iterations

    @property
    def learning_rate(self):
        """Of the first optimizer; setting it sets all."""
        return self.optimizers[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, rate):
        for one in self.optimizers:
            one.learning_rate = rate
