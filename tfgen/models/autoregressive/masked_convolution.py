"""A convolution that sees the pixels before one's own, and of one's own the channels before.

van den Oord, Kalchbrenner and Kavukcuoglu. Pixel Recurrent Neural Networks. ICML 2016,
section 3.4 and figure 2. https://arxiv.org/abs/1601.06759
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable("tfgen")
class MaskedConv2D(layers.Layer):
    """A convolution over the pixels before one's own, and part of one's own.

    Features form `channels` groups of about equal size, one for each channel of the image. Mask
    "A" lets a group see the own pixel in the groups before it, mask "B" in itself as well.

    The rows below are never seen: the kernel, (height // 2 + 1, width, inputs, filters), has none.
    Nor are the columns to the right in the own row: if that is all, it has width // 2 + 1 columns.

    Args:
        kernel_size: an odd number, or (height, width).
        parts: the filters are so many parts side by side, each of which has the groups; 2 of a gated unit.
    """

    def __init__(self, filters, kernel_size, mask, channels, parts=1, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.mask = filters, kernel_size, mask
        self.channels, self.parts = channels, parts
        height, width = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        self.above, self.left = height // 2, width // 2
        self.right = self.left if self.above else 0

    def build(self, input_shape):
        inputs, width = input_shape[-1], self.left + 1 + self.right
        shape = (self.above + 1, width, inputs, self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape)
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        group_in = group_of(inputs, self.channels)[:, None]
        group_out = np.tile(group_of(self.filters // self.parts, self.channels), self.parts)
        self.seen = np.ones(shape, bool)  # NumPy: a tensor made here cannot be exported
        self.seen[-1, self.left :] = 0
        self.seen[-1, self.left] = group_in < group_out if self.mask == "A" else group_in <= group_out

    def call(self, x):
        if self.left:
            x = tf.pad(x, [[0, 0], [self.above, 0], [self.left, self.right], [0, 0]])
        return tf.nn.conv2d(x, self.masked(), 1, "VALID") + self.bias

    def masked(self):
        """The kernel, zero where it may not see."""
        kernel = tf.convert_to_tensor(self.kernel)
        return kernel * tf.cast(self.seen, kernel.dtype)

    def taps(self):
        """The kernel by what it meets: earlier pixels, (taps * inputs, filters), and one's own."""
        kernel = tf.cast(self.masked(), self.compute_dtype)
        before = self.above * kernel.shape[1] + self.left
        kernel = tf.reshape(kernel, (-1, *kernel.shape[2:]))
        return tf.reshape(kernel[:before], (-1, self.filters)), kernel[before]

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        own = dict(filters=self.filters, kernel_size=self.kernel_size, mask=self.mask)
        return {**super().get_config(), **own, "channels": self.channels, "parts": self.parts}


def group_of(features, channels):
    """The channel that each of so many features belongs to."""
    return np.arange(features) * channels // features


def bounds(features, channels):
    """The first feature of each channel, and the number of all."""
    return [-(-channel * features // channels) for channel in range(channels + 1)]


def offsets(kernel_size):
    """(rows up, columns to the right) of the earlier pixels that a masked kernel sees, in raster order."""
    margin = kernel_size // 2
    taps = range(margin * kernel_size + margin)
    return [(margin - tap // kernel_size, tap % kernel_size - margin) for tap in taps]
