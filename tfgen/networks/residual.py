"""Residual blocks, and a translator of them."""

from collections.abc import Callable

import keras
from keras import layers

from tfgen.layers import Recomputed, ReflectionPadding
from tfgen.networks.blocks import chained, normalized, small

LARGE = 1024  # places of maps that take more memory than it takes time to make them again


def _convolution(filters, size, normalization):
    def linear(bias):
        return layers.Conv2D(filters, size, padding="same", use_bias=bias, kernel_initializer="orthogonal")

    return normalized(linear, normalization)


def _chained(x, stack):
    """As `chained`; of large maps, those inside are not kept for the gradient."""
    large = None not in x.shape[1:3] and x.shape[1] * x.shape[2] >= LARGE
    return chained(x, [Recomputed(stack)] if large else stack)


def residual_up(
    x: keras.KerasTensor, filters: int, normalize: Callable, normalization: str | None = "spectral"
) -> keras.KerasTensor:
    """Maps (n, h, w, c) -> (n, 2 h, 2 w, filters) (Brock et al., 2019, figure 15 b; Miyato et al., 2018).

    normalize, ReLU, up, k3, normalize, ReLU, k3; and what entered, by k1 and up, is added. Up is by nearest
    neighbours.

    Args:
        normalize: a function of maps, called twice: a normalisation, which may be told a condition.
        normalization: of the convolutions, as "spectral".
    """
    up = [layers.ReLU(), layers.UpSampling2D(), *_convolution(filters, 3, normalization)]
    y = _chained(normalize(x), up)
    y = chained(layers.ReLU()(normalize(y)), _convolution(filters, 3, normalization))
    # A convolution of one place goes before the enlargement as well as behind it, at a quarter of the cost.
    x = layers.UpSampling2D()(chained(x, _convolution(filters, 1, normalization)))
    return layers.Add()([x, y])


def residual_down(
    x: keras.KerasTensor,
    filters: int,
    *,
    first: bool = False,
    halved: bool = True,
    normalization: str | None = "spectral",
) -> keras.KerasTensor:
    """Maps (n, h, w, c) -> (n, h / 2, w / 2, filters), or (n, h, w, filters) if not `halved` (Brock et al.,
    2019, figure 15 c; Miyato et al., 2018).

    ReLU, k3, ReLU, k3, and the mean of each 2x2 places; what entered is added, by means and k1, or itself
    where the size and the filters are the same. The `first` block, whose x is an image, has no ReLU before.
    """
    inner = [_convolution(filters, 3, normalization) for _ in range(2)]
    stack = [*inner[0], layers.ReLU(), *inner[1]]
    # A convolution of an image's few channels is made again quickly.
    y = _chained(x, stack) if first else chained(layers.ReLU()(x), stack)
    if halved:
        x, y = layers.AveragePooling2D(2)(x), layers.AveragePooling2D(2)(y)
    if halved or x.shape[-1] != filters:
        x = chained(x, _convolution(filters, 1, normalization))
    return layers.Add()([x, y])


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
