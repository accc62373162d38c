"""Dense layers between any two shapes."""

import math
from collections.abc import Callable, Sequence

import keras
from keras import layers

from tfgen.networks.blocks import normalized


def mlp(
    input_shape: tuple[int, ...],
    hidden: Sequence[int],
    output_shape: tuple[int, ...] | None,
    *,
    activation: str | Callable = "tanh",
    output: str | None = None,
    spectral: bool = False,
    name: str | None = None,
) -> keras.Sequential:
    """Dense layers of the `hidden` sizes between any two shapes; float32 output, linear or `output`.

    Args:
        output_shape: None for the last hidden layer instead.
        spectral: whether every layer has a kernel of spectral norm 1.
    """
    kind = "spectral" if spectral else None
    stack = [keras.Input(input_shape), layers.Flatten()]
    for units in hidden:
        stack += normalized(lambda _, units=units: layers.Dense(units, activation), kind)
    if output_shape is None:
        return keras.Sequential(stack, name=name)
    size = math.prod(output_shape)
    stack += normalized(lambda _: layers.Dense(size, output, dtype="float32"), kind)
    return keras.Sequential([*stack, layers.Reshape(output_shape, dtype="float32")], name=name)
