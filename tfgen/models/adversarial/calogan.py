"""CaloGAN: showers of particles in the layers of a calorimeter, by the energy that is asked for.

Paganini, de Oliveira and Nachman. CaloGAN: Simulating 3D High Energy Particle Showers in Multilayer
Electromagnetic Calorimeters with Generative Adversarial Networks. Physical Review D 97, 2018.
https://arxiv.org/abs/1705.02355

A calorimeter has three layers of unlike cells: 3 x 96, 12 x 12 and 12 x 6. G takes z E / 100 GeV, so that
twice the energy is twice the input, and makes each layer by a stream of locally connected layers as in
LAGAN. A layer goes on from the one before it (the carry, at the layer's size) by an attention that says,
cell by cell, how much of either it takes:

    x_i = a_1 stream_i + a_2 carry_i,    a = softmax(W [stream_i, carry_i] + (0, -10)),    shower = ReLU(x)

D sees of each layer features of a convolution and locally connected layers, their minibatch discrimination,
the share of lit cells and its minibatch discrimination; and the energies: of the layers / 10 GeV, together
/ 100 GeV, |E_drawn - E_asked|, 10 if that is above 5 GeV, and a minibatch discrimination of the layers'.
The losses are cross-entropies, and for G (D cannot change it)

    0.05 mean |E_drawn - E_asked|, GeV

G is updated twice for each update of D. Constants and layers are those of the authors' code
(github.com/hep-lbdl/CaloGAN, models/ as it was with locally connected layers).

A shower is one image: the first layer above, the second below it on the left, the third to the right of
that, and 0 elsewhere; `layers_of` takes it apart. So it is sampled, saved, exported and drawn as any other
image.

Unlike the authors' code there is one kind of particle, fakes have the energies of the batch, D learns from
every second batch, kernels begin by the fans of a place and the last ones small (Keras 2 took the fans of
all places, which makes all of them small), and no cell is above the highest energy.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tfgen import losses
from tfgen.errors import InputError
from tfgen.fields import Image, Vector
from tfgen.layers import BatchNormalization, LocallyConnected2D, MinibatchDiscrimination
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.models.base import Recipe
from tfgen.models.registry import model

CARRIED = -10.0  # bias of the carry's logit at the start
TOO_FAR = 5.0  # GeV
START = 0.1  # of the last kernels: the first showers have cells of about 0.1 GeV


def overlap(cells, others):
    """(cells, others): the share of each cell of a side that lies in each of the others, rows of sum 1."""
    edges, far = np.arange(cells + 1) / cells, np.arange(others + 1) / others
    low, high = np.maximum(edges[:-1, None], far[:-1]), np.minimum(edges[1:, None], far[1:])
    return (np.maximum(high - low, 0) * cells).astype(np.float32)


@keras.saving.register_keras_serializable("tfgen")
class Resampled(layers.Layer):
    """(n, h, w, c) -> (n, *cells, c): a layer's cells as those of another of its extent, means by area."""

    def __init__(self, cells, **kwargs):
        super().__init__(**kwargs)
        self.cells = tuple(cells)

    def call(self, x):
        down, across = (tf.cast(overlap(*sides), x.dtype) for sides in zip(self.cells, x.shape[1:3]))
        x = tf.tensordot(tf.tensordot(x, down, [[1], [1]]), across, [[1], [1]])  # (n, c, h, w)
        return tf.transpose(x, (0, 2, 3, 1))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.cells, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "cells": self.cells}


def _normal(x):
    return BatchNormalization()(layers.LeakyReLU(0.3)(x))


@model(
    title="CaloGAN: Simulating 3D High Energy Particle Showers in Multilayer Electromagnetic Calorimeters "
    "with Generative Adversarial Networks",
    year=2018,
)
class CaloGAN(AdversarialModel):
    """A generator of showers of a given energy in three layers, and a discriminator that adds energies up.

    Images are energies of cells in GeV, in [0, highest]; labels are the energies asked for, in GeV. D sees a
    batch at once: what it says of a shower depends on the others.

    Args:
        cells: (rows, columns) of each of the three layers, from the first to the last.
        lowest, highest: of the energies that can be asked for, in GeV.
        latent_dim: size of z.
        width: filters of D's first convolution; G begins with half as many.
        energy_weight: of the error of the energy, for each GeV.
    """

    tiny = dict(cells=((2, 8), (4, 4), (4, 2)), latent_dim=4, width=8)
    recipe = Recipe("showers", batch_size=128, epochs=60, model=dict(latent_dim=64, width=32))
    adversarial_loss = losses.Minimax()
    decades = 4
    generator_logs = ("energy_error",)

    def __init__(
        self,
        cells=((3, 96), (12, 12), (12, 6)),
        lowest=1.0,
        highest=100.0,
        latent_dim=1024,
        width=64,
        energy_weight=0.05,
        **kwargs,
    ):
        if len(cells) != 3 or any(len(each) != 2 or min(each) < 1 for each in cells):
            raise InputError(f"CaloGAN has three layers of (rows, columns); received cells={cells}")
        if not 0 < lowest < highest:
            raise InputError(f"CaloGAN needs 0 < lowest < highest GeV; received {lowest} and {highest}")
        super().__init__(**kwargs)
        self.cells, self.lowest, self.highest = tuple(map(tuple, cells)), lowest, highest
        self.latent_dim, self.width, self.energy_weight = latent_dim, width, energy_weight
        with self.building():
            self.generator = self._generator()
            self.discriminator = self._discriminator()

    @property
    def image_shape(self):
        (rows, columns), second, third = self.cells
        return (rows + max(second[0], third[0]), max(columns, second[1] + third[1]), 1)

    @property
    def regions(self):
        """(top, left, rows, columns) of each layer in an image."""
        (rows, columns), second, third = self.cells
        return ((0, 0, rows, columns), (rows, 0, *second), (rows, second[1], *third))

    @property
    def value_range(self):
        return (0.0, float(self.highest))

    @property
    def fields(self):
        return {
            "images": Image(self.image_shape, *self.value_range, "GeV"),
            "labels": Vector((), float(self.lowest), float(self.highest), "GeV"),
        }

    def layers_of(self, images):
        """The three layers, (n, *cells, 1) each, of images (n, h, w, 1), arrays or tensors."""
        return tuple(images[:, y : y + rows, x : x + columns] for y, x, rows, columns in self.regions)

    def _padded(self, region):
        """The padding that puts a layer in its place of an image."""
        height, width, _ = self.image_shape
        y, x, rows, columns = region
        return layers.ZeroPadding2D(((y, height - y - rows), (x, width - x - columns)), dtype="float32")

    def _generator(self):
        z, energy = keras.Input((self.latent_dim,)), keras.Input((1,))
        h = layers.Multiply()([z, layers.Rescaling(1 / self.highest)(energy)])
        made, parts = None, []
        for cells, region in zip(self.cells, self.regions):
            made = self._stream(h, cells) if made is None else self._attended(self._stream(h, cells), made)
            shower = layers.ReLU(self.highest, dtype="float32")(made)
            parts.append(self._padded(region)(shower))
        return keras.Model([z, energy], layers.Add(dtype="float32")(parts), name="generator")

    def _stream(self, h, cells):
        rows, columns = cells[0] + 2, cells[1] + 2
        x = layers.Dense(rows * columns * (self.width // 2))(h)
        x = layers.Reshape((rows, columns, self.width // 2))(x)
        x = _normal(layers.Conv2D(16, 2, padding="same", kernel_initializer="he_uniform")(x))
        x = layers.LeakyReLU(0.3)(LocallyConnected2D(6, 2)(x))
        return LocallyConnected2D(1, 2, use_bias=False, gain=START)(x)

    def _attended(self, stream, before):
        both = layers.Concatenate()([stream, Resampled(stream.shape[1:3])(before)])
        attention = LocallyConnected2D(2, 3, padding="same")
        logits = attention(both)
        attention.bias.assign(np.broadcast_to((0.0, CARRIED), attention.bias.shape))
        weighted = layers.Multiply()([both, layers.Softmax()(logits)])
        return ops.sum(weighted, axis=-1, keepdims=True)

    def _discriminator(self):
        images, asked = keras.Input(self.image_shape), keras.Input((1,))
        height, width, _ = self.image_shape
        features, energies = [], []
        for y, x, rows, columns in self.regions:
            crop = ((y, height - y - rows), (x, width - x - columns))
            layer = layers.Cropping2D(crop, dtype="float32")(images)
            features += self._features(layer)
            energies.append(ops.sum(layer, axis=(1, 2)))
        energies = layers.Concatenate(dtype="float32")(energies)
        drawn = ops.sum(energies, axis=1, keepdims=True)
        error = ops.abs(drawn - asked)
        further = [
            *(energies / 10.0, drawn / 100.0, error, 10.0 * ops.cast(error > TOO_FAR, "float32")),
            ops.tanh(MinibatchDiscrimination(10, 10)(energies)),
        ]
        x = layers.Concatenate(dtype="float32")([*features, *further])
        return keras.Model([images, asked], layers.Dense(1, dtype="float32")(x), name="discriminator")

    def _features(self, layer):
        x = layers.LeakyReLU(0.3)(layers.Conv2D(self.width, 2, padding="same")(layer))
        for filters, size, strides in ((16, 3, (1, 2)), (8, 2, 1), (8, 2, (1, 2))):
            x = _normal(LocallyConnected2D(filters, size, strides)(layers.ZeroPadding2D()(x)))
        x = layers.Flatten()(x)
        lit = ops.mean(ops.cast(layer > 0.0, "float32"), axis=(1, 2))
        return [x, lit, *(ops.tanh(MinibatchDiscrimination(10, 10)(one)) for one in (x, lit))]

    def default_optimizers(self):
        """Adam of beta_1 0.5, of rate 2e-5 for D and 2e-4 for G, as in the authors' code."""
        rates = {"discriminator": 2e-5, "generator": 2e-4}
        return {name: keras.optimizers.Adam(rate, beta_1=0.5) for name, rate in rates.items()}

    def objectives(self):
        each = super().objectives()
        return {**each, "discriminator": each["discriminator"]._replace(every=2)}

    def fakes(self, step):
        """As many fakes as the step has examples, and their z; each update has its own."""
        return self._fakes(step, f"z of {step.playing}")

    def generator_objective(self, step):
        energies = step.batch["labels"]
        fakes, _ = self.fakes(step)
        error = tf.reduce_mean(abs(tf.reduce_sum(fakes, (1, 2, 3)) - energies))
        loss = self.adversarial_loss.generator(self.score(fakes, energies, step.training))
        return loss + self.energy_weight * error, {"energy_error": error}
