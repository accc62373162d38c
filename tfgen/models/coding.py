"""Models with an encoder and a decoder: images to codes and back."""

import tensorflow as tf

from tfgen import random
from tfgen.errors import InputError
from tfgen.models.base import GenerativeModel


class CodingModel(GenerativeModel):
    """An `encoder` of images and a `decoder` of codes of size `latent_dim`.

    A subclass builds the two networks (`networks.encoder` and `networks.decoder` make those that
    several papers share) and says `encode` and `decode`. A conditional model, one whose
    `label_spec` is not None, takes `labels` in each of its methods.
    """

    value_range = (0.0, 1.0)
    averaged_networks = ("encoder", "decoder")

    @property
    def data_spec(self):
        images = tf.TensorSpec((None, *self.image_shape), tf.float32, "images")
        return images if self.label_spec is None else (images, self.label_spec)

    def condition(self, labels):
        """What the networks are given of labels: float32 (n, k), one-hot classes or the attributes."""
        return tf.one_hot(labels, self.classes) if self.classes else labels

    def run(self, name, x, labels=None, training=False):
        """The network `name` of x, and of the labels if the model is conditional."""
        if (labels is None) != (self.label_spec is None):
            raise InputError(
                f"{type(self).__name__} is not conditional; leave labels away"
                if self.label_spec is None
                else f"{type(self).__name__} is conditional; give labels {self.label_spec.shape}"
            )
        inputs = x if labels is None else [x, self.condition(labels)]
        return self.network(name, training)(inputs, training=training)

    def encode(self, images, labels=None):
        """Codes (n, latent_dim) of images (n, h, w, c) in `value_range`."""
        raise NotImplementedError(f"{type(self).__name__}.encode")

    def decode(self, z, labels=None):
        """Images (n, h, w, c) in `value_range` of codes z (n, latent_dim)."""
        raise NotImplementedError(f"{type(self).__name__}.decode")

    def checked_codes(self, z):
        """z as a tensor, once its last axis is known to be the model's."""
        z = tf.convert_to_tensor(z, tf.float32)
        if z.shape.rank is not None and z.shape[-1] not in (None, self.latent_dim):
            raise InputError(
                f"{type(self).__name__} has codes of size {self.latent_dim}; received z {z.shape}"
            )
        return z

    def reconstruct(self, images, labels=None):
        """decode(encode(images)): (n, h, w, c) in `value_range`."""
        return self.decode(self.encode(images, labels), labels)

    def draw_codes(self, key, n, first_row):
        """z ~ N(0, I), float32 (n, latent_dim)."""
        return random.normal(key, (n, self.latent_dim), first_row)

    def draw(self, key, n, first_row, labels=None):
        """Decoded draws of z."""
        return self.decode(self.draw_codes(key, n, first_row), labels)

    def call(self, images, labels=None, training=False):
        return self.reconstruct(images, labels)

    def signatures(self):
        labels = [] if self.label_spec is None else [self.label_spec]
        images = tf.TensorSpec((None, *self.image_shape), tf.float32, "images")
        z = tf.TensorSpec((None, self.latent_dim), tf.float32, "z")
        return {
            "encode": (self.encode, [images, *labels]),
            "decode": (self.decode, [z, *labels]),
            "reconstruct": (self.reconstruct, [images, *labels]),
        }
