"""The weights of PixelCNN++ as its sampler uses them: read, normalised and cut once, before its loops."""

import tensorflow as tf

from tfgen.models.autoregressive.shifted import normalised


def stacked(variables):
    return tf.stack([tf.convert_to_tensor(variable) for variable in variables])


def flat(kernel):
    """(..., inputs, outputs) -> (taps * inputs, outputs)."""
    return tf.reshape(kernel, (-1, kernel.shape[-1]))


class Kernels:
    """Tensors made for one call, inside of its graph; like layers are normalised together.

    Attributes:
        dtype: what the network computes in.
        up: the number of blocks on the way up, of each resolution.
        vertical: of each resolution, a list of (kernel and bias of "in", of "out", short-cut's kernel or
            None) of its blocks, with kernels (taps * inputs, filters), and the resizing layers.
        horizontal: of each resolution, a dict: for "in" and "out" the kernels over the row above, (blocks,
            taps * inputs, filters), over the pixel to the left and over the pixel's own, and the biases;
            kernels of the vertical stream's and the short-cuts' features; the resizing layers.
        first, above, left, last: (kernel, bias) of the layers at the image and of the last one.
    """

    def __init__(self, model, labels):
        self.network = model.averaged("predictor")
        self.width, self.blocks, self.scales = model.width, model.blocks, model.scales
        self.up = [self.blocks + 1] * (self.scales - 1) + [self.blocks]
        self.dtype = self.network.get_layer("vertical_first").compute_dtype
        self.vector = None if labels is None else tf.cast(model.fields["labels"].encoded(labels), self.dtype)
        self.vertical = [self._vertical(s) for s in range(self.scales)]
        self.horizontal = [self._horizontal(s) for s in range(self.scales)]
        self.first, self.above = self._one("vertical_first"), self._one("horizontal_above")
        self.left, self.last = self._one("horizontal_left"), self._one("parameters")

    def _like(self, *names):
        """Kernels (names, rows, columns, inputs, filters) and biases (names, filters) of like layers."""
        parts = [self.network.get_layer(name) for name in names]
        v, g, bias = (stacked(getattr(one, part) for one in parts) for part in ("v", "g", "bias"))
        dtype = parts[0].compute_dtype
        return tf.cast(normalised(v, g), dtype), tf.cast(bias, dtype)

    def _block(self, stream, s, part, first=0):
        count = self.blocks + self.up[s]
        return self._like(*(f"{stream}_{s}_{i}_{part}" for i in range(first, count)))

    def _stream(self, stream, s):
        """Kernels and biases of "in" and "out", and those of the resizing layers to the next resolution."""
        (k1, b1), (k2, b2) = (self._block(stream, s, part) for part in ("in", "out"))
        b2 = b2[:, None]
        if self.vector is not None:
            names = [f"{stream}_{s}_{i}_label" for i in range(k2.shape[0])]
            kernels = stacked(self.network.get_layer(name).kernel for name in names)
            b2 += tf.einsum("nc,bcf->bnf", self.vector, tf.cast(kernels, self.dtype))
        between = None
        if s + 1 < self.scales:
            between = [self._one(f"{stream}_{s + 1}_down"), self._one(f"{stream}_{s}_up")]
        return (k1, b1[:, None]), (k2, b2), between

    def _one(self, name):
        kernel, bias = self._like(name)
        return kernel[0], bias[0]

    def _vertical(self, s):
        (k1, b1), (k2, b2), between = self._stream("vertical", s)
        also, bias = self._block("vertical", s, "also", self.blocks)
        also = [None] * self.blocks + tf.unstack(also[:, 0, 0])
        b1 += tf.pad(bias, [[self.blocks, 0], [0, 0]])[:, None]
        k1, k2 = (tf.reshape(k, (len(also), -1, k.shape[-1])) for k in (k1, k2))
        return list(zip(*map(tf.unstack, (k1, b1, k2, b2)), also)), between

    def _horizontal(self, s):
        (k1, b1), (k2, b2), between = self._stream("horizontal", s)
        down, bias = self._like(*(f"horizontal_{s}_{i}_also" for i in range(self.blocks)))
        up, up_bias = self._block("horizontal", s, "also", self.blocks)
        b1 += tf.concat([bias, up_bias], axis=0)[:, None]
        both, w = (k1, k2), 2 * self.width
        return dict(
            above=[tf.reshape(k[:, 0], (k.shape[0], -1, k.shape[-1])) for k in both],
            left=[k[:, 1, 0] for k in both],
            own=[tf.unstack(k[:, 1, 1]) for k in both],
            bias=[b1[:, None], b2[:, None]],
            vertical=tf.concat([down[:, 0, 0], up[:, 0, 0, :w]], axis=0),
            short_cut=up[:, 0, 0, w:],
            between=between,
        )
