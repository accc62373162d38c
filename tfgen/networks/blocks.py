"""What the builders share."""

import keras

from tfgen import layers
from tfgen.errors import unknown

NORMALIZATIONS = {
    "batch": layers.BatchNormalization,
    "layer": layers.LayerNormalization,
    "instance": layers.InstanceNormalization,
}


def normalized(linear, normalization):
    """The layers [linear, its normalisation if any].

    Args:
        linear: bias -> a Dense or convolutional layer; before a normalisation it has no bias.
        normalization: None, "spectral" (of the kernel), "batch", "layer" or "instance".
    """
    if normalization is None:
        return [linear(True)]
    if normalization == "spectral":
        return [layers.SpectralNormalization(linear(True))]
    if normalization not in NORMALIZATIONS:
        raise unknown("normalization", normalization, [*NORMALIZATIONS, "spectral"])
    return [linear(False), NORMALIZATIONS[normalization]()]


def halvings(image_shape: tuple[int, ...]) -> int:
    """How often the sides of (height, width, channels) can be halved, to no less than 4 pixels."""
    count, sides = 0, image_shape[:2]
    while min(sides) >> count >= 8 and not any(side >> count & 1 for side in sides):
        count += 1
    return count


def small():
    """N(0, 0.02); an initializer gives layers of one shape equal weights, so each needs its own."""
    return keras.initializers.RandomNormal(stddev=0.02)


def chained(x, stack):
    for layer in stack:
        x = layer(x)
    return x
