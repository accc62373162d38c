"""Models whose labels are attributes, of which several may hold."""

import keras
import tensorflow as tf

from tfgen.errors import InputError
from tfgen.fields import Attributes


class Attributed:
    """Knows how frequent each of its `attributes` is in training; `sample` draws each alone as often."""

    @staticmethod
    def check_attributes(attributes):
        """Raises the InputError of another number of attributes."""
        if attributes < 1:
            raise InputError(f"attributes must be at least 1; received {attributes}")

    def keep_frequencies(self, attributes):
        """Makes `frequencies`, (attributes,), a half each until training: for the constructor."""
        half = keras.initializers.Constant(0.5)
        kept = dict(trainable=False, aggregation="only_first_replica")
        self.frequencies = self.add_weight(name="frequencies", shape=(attributes,), initializer=half, **kept)

    @property
    def fields(self):
        return {**super().fields, "labels": Attributes(self.attributes, self.frequencies)}

    def count_attributes(self, step):
        """Makes `frequencies` the mean of all batches so far; for a loss that every step computes."""
        if step.training:
            seen = tf.cast(tf.maximum(self.step.value, 1), tf.float32)
            here = step.mean(tf.reduce_mean(step.batch["labels"], axis=0))
            self.frequencies.assign_add((here - self.frequencies) / seen)
