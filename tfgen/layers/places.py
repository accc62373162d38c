"""Layers that know the places of an image."""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfgen.layers.kernels import normed

ATTENDED = 1024  # places whose attention is computed at once


@keras.saving.register_keras_serializable("tfgen")
class LocallyConnected2D(layers.Layer):
    """A convolution whose kernel is another at each place of its output.

        out[y, x] = sum over i, j of in[s y + i, t x + j] K[y, x, i, j] + bias[y, x],    (s, t) = `strides`

    Keras 3 has none; that of Keras 2 drew K by the fans of all places together, which makes it too small.
    Here K starts as that of Conv2D does, uniformly within sqrt(6 / (fan_in + fan_out)), by the fans of one
    place, times `gain`. It has H' W' size^2 c_in c_out numbers, for an output of (H', W').

    Args:
        filters: channels of the output.
        size: of a patch, in both directions.
        strides: between patches, one or (down, across).
        padding: "valid", or "same" as Conv2D has it.
        use_bias: whether each place and channel has a bias.
        gain: of the kernel's start.
    """

    def __init__(self, filters, size, strides=1, padding="valid", use_bias=True, gain=1.0, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.size = filters, size
        self.strides = (strides, strides) if isinstance(strides, int) else tuple(strides)
        self.padding, self.use_bias, self.gain = padding, use_bias, gain

    def build(self, input_shape):
        *places, channels = self.compute_output_shape(input_shape)[1:]
        inside, outside = (self.size**2 * n for n in (input_shape[-1], channels))
        limit = self.gain * math.sqrt(6 / (inside + outside))
        start = keras.initializers.RandomUniform(-limit, limit)
        self.kernel = self.add_weight((*places, inside, channels), start, name="kernel")
        if self.use_bias:
            self.bias = self.add_weight((*places, channels), "zeros", name="bias")

    def _padded(self, length, stride):
        """The places of the output along a side, and the zeros before and behind the input."""
        if self.padding == "valid":
            return (length - self.size) // stride + 1, 0, 0
        places = -(-length // stride)
        zeros = max((places - 1) * stride + self.size - length, 0)
        return places, zeros // 2, zeros - zeros // 2

    def _seen(self, sides):
        """The number of each input's place that a place of the output sees: (height, width, size, size).

        Places are numbered row by row; padding has the number behind the last.
        """
        rows, columns = (
            stride * np.arange(places)[:, None] + np.arange(self.size) - before
            for stride, (places, before, _) in zip(self.strides, map(self._padded, sides, self.strides))
        )
        rows, columns = rows[:, None, :, None], columns[:, None]
        inside = (rows >= 0) & (rows < sides[0]) & (columns >= 0) & (columns < sides[1])
        return np.where(inside, rows * sides[1] + columns, sides[0] * sides[1])

    def call(self, x):
        sides, seen = x.shape[1:3], self._seen(x.shape[1:3])

        # TensorFlow's gradient would be a padded copy of the input for each place of a patch.
        @tf.custom_gradient
        def product(x, kernel):
            patches = tf.reshape(_rows(x, seen), (*kernel.shape[:3], -1))

            def gradients(dy):
                return self._spread(dy, kernel, seen, sides), tf.matmul(patches, dy, transpose_b=True)

            return tf.matmul(kernel, patches, transpose_a=True), gradients

        y = product(tf.transpose(x, (1, 2, 3, 0)), tf.convert_to_tensor(self.kernel))
        y = tf.transpose(y, (3, 0, 1, 2))
        return y + self.bias if self.use_bias else y

    def _spread(self, dy, kernel, seen, sides):
        """dy (height, width, filters, n), the gradient of the output, as that of the input (h, w, c, n).

        It is a locally connected layer, too: an input's place sees the outputs whose patches it is in.
        """
        places, offsets = math.prod(sides), self.size**2
        counts = np.bincount(seen.ravel(), minlength=places + 1)[:places]
        order = np.argsort(seen.ravel(), kind="stable")[: counts.sum()]  # numbers of (output, offset)
        by = np.full((places, counts.max()), seen.size)
        by[np.arange(counts.max()) < counts[:, None]] = order
        k = tf.reshape(kernel, (seen.size, -1, self.filters))
        k = tf.transpose(tf.gather(tf.pad(k, ((0, 1), (0, 0), (0, 0))), by), (0, 1, 3, 2))
        k = tf.reshape(k, (places, by.shape[1] * self.filters, -1))
        outputs = tf.reshape(_rows(dy, by // offsets), (places, by.shape[1] * self.filters, -1))
        dx = tf.matmul(k, outputs, transpose_a=True)
        return tf.reshape(dx, (*sides, k.shape[2], -1))

    def compute_output_shape(self, input_shape):
        n, *sides, _ = input_shape
        return (n, *(self._padded(*side)[0] for side in zip(sides, self.strides)), self.filters)

    def get_config(self):
        own = dict(filters=self.filters, size=self.size, strides=self.strides, padding=self.padding)
        return {**super().get_config(), **own, "use_bias": self.use_bias, "gain": self.gain}


def _rows(x, numbers):
    """x (h, w, c, n) at numbered places, (*numbers.shape, c, n); 0 at the number behind the last."""
    x = tf.reshape(x, (x.shape[0] * x.shape[1], x.shape[2], -1))
    return tf.gather(tf.pad(x, ((0, 1), (0, 0), (0, 0))), numbers)


@tf.recompute_grad
def _attended(query, key, value):
    """softmax(query key^T) value, of (n, places, size) each."""
    logits = tf.matmul(query, key, transpose_b=True)
    # Half precision has too few digits for the sum over places.
    weights = tf.cast(tf.nn.softmax(tf.cast(logits, tf.float32)), value.dtype)
    return tf.matmul(weights, value)


@keras.saving.register_keras_serializable("tfgen")
class SelfAttention(layers.Layer):
    """x + scale * out(what each place sees of all places), of x (n, h, w, channels); scale begins at 0.

    Zhang et al. Self-Attention Generative Adversarial Networks. ICML 2019. https://arxiv.org/abs/1805.08318

        seen = softmax(query(x) key(x)^T) value(x)

    over places, of convolutions 1x1 without biases: query and key have an eighth of the channels, value
    half of them. As in BigGAN (Brock et al., 2019), key and value are the largest of each 2x2 places.

    Args:
        spectral: whether the four kernels have a spectral norm of 1.
    """

    def __init__(self, spectral=False, **kwargs):
        super().__init__(**kwargs)
        self.spectral = spectral

    def build(self, input_shape):
        channels = input_shape[-1]
        few, half = max(1, channels // 8), max(1, channels // 2)
        how = dict(use_bias=False, kernel_initializer="orthogonal", dtype=self.dtype_policy)
        self.query, self.key, self.value, self.out = (
            normed(layers.Conv2D(filters, 1, **how), self.spectral) for filters in (few, few, half, channels)
        )
        for linear in (self.query, self.key, self.value):
            linear.build(input_shape)
        self.out.build((*input_shape[:-1], half))
        self.scale = self.add_weight((), "zeros", name="scale")

    def call(self, x):
        def flat(maps):
            return tf.reshape(maps, (tf.shape(maps)[0], -1, maps.shape[-1]))

        def pooled(maps):
            return flat(tf.nn.max_pool2d(maps, 2, 2, "VALID"))

        value = pooled(self.value(x))
        query, key = flat(self.query(x)), pooled(self.key(x))
        # At 64x64 places an image has 17 MB of weights: they are made in parts, and again for the gradient,
        # so that all are never there at once.
        places = 0 if None in x.shape[1:3] else x.shape[1] * x.shape[2]
        count = max(1, places // ATTENDED)
        sizes = [places // count + (k < places % count) for k in range(count)]
        parts = [query] if count == 1 else tf.split(query, sizes, axis=1)
        seen = tf.concat([_attended(part, key, value) for part in parts], axis=1)
        maps = tf.reshape(seen, tf.concat([tf.shape(x)[:3], value.shape[-1:]], 0))
        return x + self.scale * self.out(tf.ensure_shape(maps, (*x.shape[:3], value.shape[-1])))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "spectral": self.spectral}


@keras.saving.register_keras_serializable("tfgen")
class ReflectionPadding(layers.Layer):
    """`margin` more pixels at each side of images (n, h, w, c), mirrored at the border pixel."""

    def __init__(self, margin, **kwargs):
        super().__init__(**kwargs)
        self.margin = margin

    def call(self, x):
        both = (self.margin, self.margin)
        return tf.pad(x, ((0, 0), both, both, (0, 0)), "REFLECT")

    def compute_output_shape(self, input_shape):
        n, *size, channels = input_shape
        return (n, *(s and s + 2 * self.margin for s in size), channels)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable("tfgen")
class PixelShuffle(layers.Layer):
    """Channels become places: (n, h, w, r^2 C) -> (n, r h, r w, C), r = `factor`.

    Shi et al. Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
    Neural Network. CVPR 2016, section 3.2. https://arxiv.org/abs/1609.05158

        out[r y + i, r x + j, c] = in[y, x, (r i + j) C + c]

    as TensorFlow's depth_to_space and ONNX's DepthToSpace of mode DCR have it; PyTorch's PixelShuffle has the
    channels in another order, c r^2 + r i + j.
    """

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return tf.nn.depth_to_space(x, self.factor)

    def compute_output_shape(self, input_shape):
        n, *size, channels = input_shape
        return (n, *(s and s * self.factor for s in size), channels // self.factor**2)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def _bilinear(places, size):
    """Weights of `size` pixels for places (..., m) along an axis, (..., m, size)."""
    places = tf.clip_by_value(places, 0.0, size - 1.0)[..., None]
    return tf.nn.relu(1 - tf.abs(places - tf.range(size, dtype=tf.float32)))


def _cropping(start, length, size, count):
    """Weights (n, k, count, size) by which `count` pixels of a part are made of an axis of `size`."""
    middles = (tf.range(count, dtype=tf.float32) + 0.5) / count
    return _bilinear((start[..., None] + length[..., None] * middles) * size - 0.5, size)


def _pasting(start, length, size, count):
    """Weights (n, k, size, count) by which an axis of `size` is made of a part's `count` pixels."""
    middles = (tf.range(size, dtype=tf.float32) + 0.5) / size
    shares = (middles - start[..., None]) / tf.maximum(length[..., None], 1e-6)
    inside = tf.cast((shares >= 0) & (shares <= 1), tf.float32)
    return _bilinear(shares * count - 0.5, count) * inside[..., None]


class _Boxed(layers.Layer):
    """What two warps by boxes share; a subclass says the weights of an axis."""

    def __init__(self, size=None, **kwargs):
        super().__init__(autocast=False, **kwargs)  # a box is told in float32
        self.size = size

    def call(self, maps, boxes):
        maps = maps if len(maps.shape) == 5 else maps[:, None]
        *_, height, width, channels = maps.shape
        high, wide = self.size or (height, width)
        top, left, tall, broad = tf.unstack(tf.cast(boxes, tf.float32), axis=-1)
        rows, columns = self.weights_of(top, tall, height, high), self.weights_of(left, broad, width, wide)
        rows, columns = tf.cast(rows, maps.dtype), tf.cast(columns, maps.dtype)
        n, k = tf.shape(maps)[0], boxes.shape[1]
        x = tf.matmul(rows, tf.reshape(maps, (n, maps.shape[1], height, width * channels)))
        x = tf.matmul(columns[:, :, None], tf.reshape(x, (n, k, high, width, channels)))
        return tf.ensure_shape(x, (None, k, high, wide, channels))

    def compute_output_shape(self, maps_shape, boxes_shape):
        size = self.size or maps_shape[-3:-1]
        return (maps_shape[0], boxes_shape[1], *size, maps_shape[-1])

    def compute_output_spec(self, maps, boxes):
        return keras.KerasTensor(self.compute_output_shape(maps.shape, boxes.shape), maps.dtype)

    def get_config(self):
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("tfgen")
class CropBoxes(_Boxed):
    """What lies in each of k boxes of maps (n, h, w, c), enlarged to all the place: (n, k, *size, c).

    Jaderberg, Simonyan, Zisserman and Kavukcuoglu. Spatial Transformer Networks. NeurIPS 2015.
    https://arxiv.org/abs/1506.02025

    A box (top, left, height, width), in shares of the image, is bilinear along each axis by itself, so that
    the transform is a matrix for rows and one for columns: pixel i of `size` is at top + height (i + 1/2) /
    size. `PasteBoxes` is its inverse.

    Args:
        size: (height, width) of what is made; None: that of the maps.
    """

    @staticmethod
    def weights_of(start, length, size, count):
        return _cropping(start, length, size, count)


@keras.saving.register_keras_serializable("tfgen")
class PasteBoxes(_Boxed):
    """Maps (n, h, w, c), or (n, k, h, w, c), laid into each of k boxes of a canvas: (n, k, *size, c).

    A canvas is 0 outside of its box: see `CropBoxes`, whose inverse it is.

    Args:
        size: (height, width) of the canvas; None: that of the maps.
    """

    @staticmethod
    def weights_of(start, length, size, count):
        return _pasting(start, length, count, size)


@keras.saving.register_keras_serializable("tfgen")
class PointMaps(layers.Layer):
    """Points (n, k, 3), y and x in shares of the image and whether it is visible, as maps (n, *size, k).

    A map is 1 at its point's pixel if the point is visible, and else 0.

    Args:
        size: (height, width) of the maps.
    """

    def __init__(self, size, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.size = tuple(size)

    def call(self, points):
        y, x, visible = tf.unstack(tf.cast(points, tf.float32), axis=-1)
        (rows, columns) = (
            tf.cast(
                tf.minimum(tf.floor(at * size), size - 1.0)[..., None] == np.arange(size, dtype="float32"),
                self.compute_dtype,
            )
            for at, size in zip((y, x), self.size)
        )
        rows *= tf.cast(visible > 0.5, self.compute_dtype)[..., None]
        return tf.transpose(rows[..., None] * columns[:, :, None], (0, 2, 3, 1))

    def compute_output_shape(self, points_shape):
        return (points_shape[0], *self.size, points_shape[1])

    def get_config(self):
        return {**super().get_config(), "size": self.size}
