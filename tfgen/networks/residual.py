"""A translator of residual blocks."""

import keras
from keras import layers

from tfgen.layers import ReflectionPadding
from tfgen.networks.blocks import chained, normalized, small


def resnet_translator(
    channels_in: int,
    channels_out: int,
    *,
    width: int = 64,
    blocks: int = 9,
    normalization: str | None = "instance",
    name: str = "translator",
) -> keras.Model:
    """Images -> images of the same size by residual blocks at a quarter of it (Johnson et al., 2016; Zhu et
    al., 2017): c7s1-width, d2width, d4width, `blocks` of R4width, u2width, uwidth, c7s1 with tanh.

    Height and width are free, multiples of 4 and at least 12. Borders are reflected inside. Weights start
    from N(0, 0.02).

    Args:
        normalization: of all layers but the last: "instance", "batch", "layer" or None.
    """

    def convolution(filters, size, stride=1, padding="valid", **how):
        kind = dict(strides=stride, padding=padding, kernel_initializer=small(), **how)
        return lambda bias: layers.Conv2D(filters, size, use_bias=bias, **kind)

    def up(filters):
        how = dict(strides=2, padding="same", kernel_initializer=small())
        return lambda bias: layers.Conv2DTranspose(filters, 3, use_bias=bias, **how)

    def block(x, linear, *before, rectified=True):
        after = [layers.ReLU()] if rectified else []
        return chained(x, [*before, *normalized(linear, normalization), *after])

    x = images = keras.Input((None, None, channels_in))
    x = block(x, convolution(width, 7), ReflectionPadding(3))
    for filters in (2 * width, 4 * width):
        x = block(x, convolution(filters, 3, 2, "same"))
    for _ in range(blocks):
        y = block(x, convolution(4 * width, 3), ReflectionPadding(1))
        y = block(y, convolution(4 * width, 3), ReflectionPadding(1), rectified=False)
        x = layers.Add()([x, y])
    for filters in (2 * width, width):
        x = block(x, up(filters))
    last = convolution(channels_out, 7, activation="tanh", dtype="float32")(True)
    return keras.Model(images, chained(x, [ReflectionPadding(3), last]), name=name)
