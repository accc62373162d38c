"""A discriminator of patches."""

import keras
from keras import layers

from tfgen.networks.blocks import chained, normalized, small


def smallest_patch(strided: int) -> int:
    """Height and width that a `patch_discriminator` takes at least."""
    return 3 * 2**strided if strided else 1  # two layers of stride 1 take a pixel each, and leave one


def patch_discriminator(
    input_channels: int | tuple[int, ...],
    *,
    width: int = 64,
    strided: int = 3,
    normalization: str | None = "instance",
    name: str = "discriminator",
) -> keras.Model:
    """Images of any size -> a map of scores (n, h', w', 1), one for each patch (Isola et al., 2017).

    A score sees 16, 34, 70, 142, 286 or 574 pixels for 1 to 6 layers of stride 2, and 1 pixel for none; two
    layers of stride 1 follow. At 70 pixels, 256x256 images have 30x30 scores. Weights start from N(0, 0.02).

    Args:
        input_channels: of the image; of several inputs as a tuple: they are joined.
        width: filters of the first layer; each further one doubles them, up to 8 times.
        strided: layers of stride 2.
        normalization: of all layers but the first and the last: None, "batch", "layer" or "instance";
            "spectral" is of every layer's kernel.
    """
    several = not isinstance(input_channels, int)
    inputs = [keras.Input((None, None, c)) for c in (input_channels if several else [input_channels])]
    x = layers.Concatenate()(inputs) if len(inputs) > 1 else inputs[0]
    everywhere = "spectral" if normalization == "spectral" else None
    size = 4 if strided else 1

    def convolution(filters, stride, **how):
        return lambda bias: layers.Conv2D(
            filters, size, stride, use_bias=bias, kernel_initializer=small(), **how
        )

    for step in range((strided or 1) + 1):
        stride = 2 if step < strided else 1
        kind = normalization if step else everywhere
        stack = [layers.ZeroPadding2D()] if strided else []
        stack += normalized(convolution(width * min(2**step, 8), stride), kind)
        x = chained(x, [*stack, layers.LeakyReLU(0.2)])
    stack = [layers.ZeroPadding2D()] if strided else []
    scores = chained(x, [*stack, *normalized(convolution(1, 1, dtype="float32"), everywhere)])
    return keras.Model(inputs if several else inputs[0], scores, name=name)
