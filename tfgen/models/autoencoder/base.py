"""Networks that code an image by a few numbers and are scored by how well they return it."""

import keras
import tensorflow as tf

from tfgen import networks
from tfgen.errors import unknown
from tfgen.models.coding import CodingModel

ACTIVATIONS = {"linear": tf.identity, "relu": tf.nn.relu, "sigmoid": tf.sigmoid, "tanh": tf.tanh}


class ReconstructingModel(CodingModel):
    """f(x), the code of an image, and g(f(x)), the image of a code.

    A subclass calls `build_networks` and states its objective in terms of `squared_error`.
    """

    def build_networks(self):
        """`encoder` and `decoder` by the arguments `body`, `width`, `latent_dim` and `image_shape`.

        The hidden layers are ReLU; the networks end linear, and the activations are applied to
        what they give.
        """
        for kind, name, known in (
            ("body", self.body, networks.BODIES),
            ("code_activation", self.code_activation, ACTIVATIONS),
            ("output_activation", self.output_activation, ACTIVATIONS),
        ):
            if name not in known:
                raise unknown(kind, name, known)
        hidden = tuple(max(1, self.width // k) for k in (1, 2, 4))
        self.encoder = networks.encoder(
            self.body,
            self.image_shape,
            width=self.width,
            outputs=self.latent_dim,
            hidden=hidden,
            activation="relu",
        )
        self.decoder = networks.decoder(
            self.body,
            self.latent_dim,
            self.image_shape,
            width=self.width,
            hidden=hidden[::-1],
            activation="relu",
        )

    def default_optimizers(self):
        return keras.optimizers.Adam(1e-3)

    def codes(self, images, labels=None, training=False):
        """f(x), (n, latent_dim)."""
        return ACTIVATIONS[self.code_activation](self.run("encoder", images, labels, training))

    def generated(self, z, labels=None, training=False):
        """g(z), (n, h, w, c); not cut off, so that a loss has a gradient outside of [0, 1]."""
        return ACTIVATIONS[self.output_activation](self.run("decoder", z, labels, training))

    def squared_error(self, targets, inputs, training=False):
        """|x - g(f(x'))|^2 of targets x and inputs x', (n,): the sum over pixels and channels."""
        outputs = self.generated(self.codes(inputs, training=training), training=training)
        return tf.reduce_sum(tf.square(targets - outputs), axis=(1, 2, 3))

    def encode(self, images, labels=None):
        """The codes (n, latent_dim) of images (n, h, w, c) in [0, 1]."""
        return self.codes(images, labels)

    def decode(self, z, labels=None):
        """The images (n, h, w, c), cut off at 0 and 1, of codes z (n, latent_dim)."""
        return tf.clip_by_value(self.generated(self.checked_codes(z), labels), 0.0, 1.0)
