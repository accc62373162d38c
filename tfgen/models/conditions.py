"""Models conditional on classes or attributes: what their labels are, and what networks see of them."""

import numpy as np
import tensorflow as tf

from tfgen import random
from tfgen.errors import InputError

LABELS = 0x1ABE15  # the word of a key that draws labels


def needs_classes(classes, owner):
    """Raises an InputError unless there are classes to tell apart."""
    if classes < 2:
        raise InputError(
            f"{owner} needs classes >= 2; received {classes}; images of one class are for a model without "
            f"labels, as DCGAN or VAE"
        )


class Conditions:
    """The labels of a model that has `classes`, or a `label_spec` of its own for attributes."""

    classes = 0

    @property
    def data_spec(self):
        """The tensors of one batch, as a nest of `tf.TensorSpec`."""
        images = tf.TensorSpec((None, *self.image_shape), tf.float32, "images")
        return images if self.label_spec is None else (images, self.label_spec)

    @property
    def label_spec(self):
        """Of a batch's labels: int32 (None,) of a model of `classes`; None if not conditional."""
        return tf.TensorSpec((None,), tf.int32, "labels") if self.classes else None

    def draw_labels(self, key, n, first_row):
        """n labels, all classes alike."""
        return tf.cast(random.uniform(key, (n, 1), first_row)[:, 0] * self.classes, tf.int32)

    def labels_for(self, labels, key, n, first_row):
        """Labels of n samples: those given once checked, or drawn; None if not conditional."""
        if self.label_spec is None:
            if labels is not None:
                raise InputError(f"{type(self).__name__} is not conditional; leave labels away")
            return None
        if labels is None:
            return self.draw_labels(random.fold_in(key, LABELS), n, first_row)
        return self.checked_labels(labels, n)

    def checked_labels(self, labels, n):
        """Labels of n examples as a tensor, once they are known to be the model's."""
        spec = self.label_spec
        labels = np.asarray(labels)
        shape = (n, *spec.shape[1:])
        top = self.classes - 1 if self.classes else 1
        if labels.shape not in (shape, shape[1:]) or (
            spec.dtype.is_integer and not np.issubdtype(labels.dtype, np.integer)
        ):
            raise InputError(
                f"{type(self).__name__} takes labels {spec.dtype.name} of shape {shape}, or one for all of "
                f"shape {shape[1:]}; received {labels.dtype} of shape {labels.shape}"
            )
        if labels.min() < 0 or labels.max() > top:
            raise InputError(
                f"labels of {type(self).__name__} lie in 0..{top}; received {labels.min()} to {labels.max()}"
            )
        return tf.constant(np.broadcast_to(labels, shape), spec.dtype)

    def condition(self, labels):
        """What the networks are given of labels: float32 (n, k), one-hot classes or the attributes."""
        if not self.classes:
            return labels
        # tf.one_hot, in an ONNX graph that onnx's own evaluator can run.
        classes = np.arange(self.classes, dtype="int32")
        return tf.cast(tf.expand_dims(tf.cast(labels, tf.int32), 1) == classes, tf.float32)

    def parted(self, batch):
        """(images, labels) of a batch, labels None if the model is not conditional."""
        return (batch, None) if self.label_spec is None else batch

    def run(self, name, x, labels=None, training=False):
        """The network `name` of x, and of the labels if the model is conditional."""
        if (labels is None) != (self.label_spec is None):
            raise InputError(
                f"{type(self).__name__} is not conditional; leave labels away"
                if self.label_spec is None
                else f"{type(self).__name__} is conditional; give labels {self.label_spec.shape}"
            )
        # Keras takes a list of tensors, and no array among them.
        inputs = x if labels is None else [tf.convert_to_tensor(v) for v in (x, self.condition(labels))]
        return self.network(name, training)(inputs, training=training)
