"""Models with an encoder and a decoder: images to codes and back."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from tfgen.errors import InputError
from tfgen.keras_private import forget_layer
from tfgen.models import door
from tfgen.models.abilities import Codes
from tfgen.models.base import SEEDED, GenerativeModel
from tfgen.models.mixture.gaussianmixture import GaussianMixture


class CodingModel(Codes, GenerativeModel):
    """An `encoder` of images and a `decoder` of codes of size `latent_dim`.

    A subclass builds the two networks (`networks.encoder` and `networks.decoder` make those that
    several papers share) and says `encode` and `decode`. A conditional model, one whose
    `label_spec` is not None, takes `labels` in each of its methods.

    Args:
        density_components, density_covariance: of `density`, the mixture of Gaussians from which
            `sample` draws its codes in place of N(0, I), and which it is until `fit_density`.
    """

    value_range = (0.0, 1.0)
    averaged_networks = own_networks = ("encoder", "decoder")

    def __init__(self, *, density_components=0, density_covariance="full", **kwargs):
        super().__init__(**kwargs)
        self.density_components, self.density_covariance = density_components, density_covariance

    @contextlib.contextmanager
    def building(self):
        with super().building():
            yield
            if self.density_components:
                self.density = self._mixture()
                size, k = self.latent_dim, self.density_components
                one = np.eye(size) if self.density.full else np.ones(size)
                self.density.set_parameters(np.full(k, 1 / k), np.zeros((k, size)), np.array([one] * k))

    def _mixture(self):
        how = dict(components=self.density_components, covariance=self.density_covariance)
        return GaussianMixture((self.latent_dim,), **how, seed=self.seed, dtype="float32")

    def checked_codes(self, z):
        """z as a tensor, once its last axis is known to be the model's."""
        z = tf.convert_to_tensor(z, tf.float32)
        if z.shape.rank is not None and z.shape[-1] not in (None, self.latent_dim):
            raise InputError(
                f"{type(self).__name__} has codes of size {self.latent_dim}; received z {z.shape}"
            )
        return z

    def fit_density(self, data, components=10, covariance="full", epochs=100):
        """Fits a mixture of Gaussians to the codes of images, from which `sample` then draws.

        Ghosh et al. From Variational to Deterministic Autoencoders. ICLR 2020, section 4.
        https://arxiv.org/abs/1903.12436. It makes a sampler of an autoencoder, whose codes nothing
        makes N(0, I). The mixture, `density`, is saved with the model; fit it again after more
        training. Likelihoods keep their prior. Memory holds the codes.

        Args:
            data: batches as for `fit`, or the arrays of one batch.
            components, covariance: as for `GaussianMixture`.
            epochs: most iterations of EM; it stops when one gains less than 1e-3 nats.

        Returns:
            the mean of -log q(z) over the codes before each iteration, in nats.
        """
        if self.label_spec is not None:
            raise InputError(
                f"{type(self).__name__} is conditional, and its codes are those of images and labels; "
                f"fit_density takes models without labels"
            )
        if not isinstance(data, tf.data.Dataset):
            data = tf.data.Dataset.from_tensor_slices(door.received(self, data, updates=False)).batch(500)
        encode = tf.function(lambda batch: self.encode(door.batch_of(self, batch)["images"]), autograph=False)
        codes = np.concatenate([encode(batch) for batch in data])
        self.density_components, self.density_covariance = components, covariance
        if hasattr(self, "density"):
            forget_layer(self, "density")
        self.density = self._mixture()
        self.density.compile()
        stop = keras.callbacks.EarlyStopping("nll", min_delta=1e-3, mode="min")
        options = dict(batch_size=1000, shuffle=False, verbose=0, callbacks=[stop])
        return self.density.fit(codes, epochs=epochs, **options).history["nll"]

    def draw_codes(self, key, n, first_row=0):
        """z of the prior, or of the density of `fit_density`: float32 (n, latent_dim)."""
        if self.density_components:
            return self.density.draw(key, n, first_row)
        return super().draw_codes(key, n, first_row)

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
            "latents": (self.latents_from_seed, [*SEEDED]),
            "sample": self.sampler(),
        }
