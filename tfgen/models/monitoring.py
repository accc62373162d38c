"""What is watched while a model trains: means of its losses, and whether they are numbers."""

import math

import keras
import tensorflow as tf


class Means(keras.metrics.Metric):
    """The means of several scalars over the steps, in one variable: one update a step, not two each.

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
        means = tf.math.divide_no_nan(sums[:-1], sums[-1])
        return dict(zip(self.logs, tf.unstack(means)))


class Diverged(ArithmeticError):
    """A loss is no longer a number."""


class StopAtNaN(keras.callbacks.Callback):
    """Ends `fit` with one line when an objective's loss is not finite."""

    async_safe = True  # it may look at the numbers while the next step runs

    def on_epoch_begin(self, epoch, logs=None):
        self.first = int(self.model.step.numpy()) + 1

    def on_train_batch_end(self, batch, logs=None):
        for name in self.model.objectives():
            loss = logs[f"{name}_loss"]
            if not math.isfinite(loss):
                raise Diverged(
                    f"{type(self.model).__name__}: the loss of objective {name!r} is {loss} at step "
                    f"{self.first + batch}; try a lower learning rate, clipped gradients "
                    f"(an optimizer with global_clipnorm=1.0), or float32"
                )
