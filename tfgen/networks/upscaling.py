"""The residual network of super-resolution."""

import keras
from keras import layers

from tfgen.layers import PixelShuffle
from tfgen.networks.blocks import chained, normalized


def rectified() -> keras.Layer:
    """PReLU of one slope a channel, which any size of images has in common; slopes begin at 0.25."""
    return layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25), shared_axes=[1, 2])


def residual_upscaler(
    channels: int, *, width: int = 64, blocks: int = 16, name: str = "generator"
) -> keras.Model:
    """Images (n, h, w, channels) -> (n, 4 h, 4 w, channels) (Ledig et al., 2017, figure 4).

    k9n(width) and PReLU; `blocks` residual blocks of k3 with batch normalisation, PReLU, k3 with batch
    normalisation; k3 with batch normalisation, and the sum with what entered the first block; twice k3 of
    4 width filters, pixels shuffled to twice the size, PReLU; k9, linear. Height and width are free.
    """

    def convolution(filters, size=3):
        return lambda bias: layers.Conv2D(filters, size, padding="same", use_bias=bias)

    images = keras.Input((None, None, channels))
    first = x = chained(images, [convolution(width, 9)(True), rectified()])
    for _ in range(blocks):
        y = chained(x, [*normalized(convolution(width), "batch"), rectified()])
        x = layers.Add()([x, chained(y, normalized(convolution(width), "batch"))])
    x = layers.Add()([first, chained(x, normalized(convolution(width), "batch"))])
    for _ in range(2):
        x = chained(x, [convolution(4 * width)(True), PixelShuffle(2), rectified()])
    last = layers.Conv2D(channels, 9, padding="same", dtype="float32")
    return keras.Model(images, last(x), name=name)


def residual_upscaler_reach(blocks: int) -> int:
    """How many pixels of its input to each side a pixel of `residual_upscaler` sees.

    4 of the first layer, 2 of each block, 1 of the layer behind them and 1 of the next; then half a pixel,
    at twice the size, and 4 pixels of the output, which is 1 of the input.
    """
    return 2 * blocks + 8
