"""The generator and the discriminator of DCGAN."""

import math
from collections.abc import Callable, Sequence

import keras
from keras import layers

from tfgen.layers import BatchNormalization
from tfgen.networks.blocks import normalized


def _halvings(image_shape):
    """How often the shorter side can be halved until about 4 pixels are left, at least once."""
    return max(1, int(math.log2(min(image_shape[:2]) / 4)))


def _first_maps(image_shape, width):
    """The shape (h, w, filters) of the generator's first maps, and of the discriminator's last."""
    steps = _halvings(image_shape)
    return *(-(-size // 2**steps) for size in image_shape[:2]), width * 2 ** (steps - 1)


def _upwards(image_shape, width, activation, initializer):
    """The layers from the first maps to an image."""
    steps, stack = _halvings(image_shape), []
    up = dict(kernel_size=4, strides=2, padding="same", kernel_initializer=initializer)
    for step in reversed(range(steps - 1)):
        stack += [
            layers.Conv2DTranspose(width * 2**step, use_bias=False, **up),
            BatchNormalization(),
            layers.ReLU(),
        ]
    stack.append(layers.Conv2DTranspose(image_shape[2], activation=activation, dtype="float32", **up))
    extra = [-size % 2**steps for size in image_shape[:2]]
    if any(extra):
        stack.append(layers.Cropping2D([(e // 2, e - e // 2) for e in extra], dtype="float32"))
    return stack


def dcgan_generator(
    image_shape: tuple[int, int, int],
    latent_dim: int,
    *,
    width: int,
    hidden: Sequence[int] = (),
    activation: str | Callable | None = "tanh",
    initializer: str | keras.Initializer = "glorot_uniform",
    name: str = "generator",
) -> keras.Sequential:
    """z -> image by strided up-convolutions (Radford et al., 2016, figure 1), for any image size.

    64x64 at width 128 is the paper's 1024, 512, 256, 128 filters from 4x4 on. Unlike the
    authors' code, kernels are 4x4: a multiple of the stride leaves no checkerboard. Sizes that
    are no multiple of the stride are made a little larger and cropped about the centre.

    Args:
        image_shape: (height, width, channels).
        width: filters of the layer next to the image; each halving of the size doubles them.
        hidden: units of dense layers, normalised and rectified, before the paper's first.
        activation: of the image, float32; None for none.
    """
    maps = _first_maps(image_shape, width)
    first = dict(use_bias=False, kernel_initializer=initializer)
    stack = [keras.Input((latent_dim,))]
    for units in hidden:
        stack += [layers.Dense(units, **first), BatchNormalization(), layers.ReLU()]
    stack += [
        layers.Dense(math.prod(maps), **first),
        layers.Reshape(maps),
        BatchNormalization(),
        layers.ReLU(),
        *_upwards(image_shape, width, activation, initializer),
    ]
    return keras.Sequential(stack, name=name)


def dcgan_discriminator(
    image_shape: tuple[int, int, int],
    *,
    width: int,
    outputs: int | None = 1,
    normalization: str | None = None,
    initializer: str | keras.Initializer = "glorot_uniform",
    activation: str | Callable | None = None,
    name: str = "discriminator",
) -> keras.Sequential:
    """image -> `outputs` numbers by strided convolutions (Radford et al., 2016).

    Args:
        image_shape: (height, width, channels).
        width: filters of the layer next to the image; each halving of the size doubles them.
        outputs: None for the flattened features instead.
        normalization: None, "batch", "layer" or "instance"; never on the first layer, as in the paper.
            "spectral" is of every layer's kernel.
        activation: None is the paper's, the leaky ReLU of slope 0.2.

    Returns:
        A keras.Sequential. Its layer "features" gives the last maps (n, h, w, filters), "flat" has them flat.
    """
    stack = [keras.Input(image_shape)]
    steps = _halvings(image_shape)
    for step in range(steps):
        how = dict(strides=2, padding="same", kernel_initializer=initializer)
        stack += normalized(
            lambda bias, how=how, filters=width * 2**step: layers.Conv2D(filters, 4, use_bias=bias, **how),
            normalization if step or normalization == "spectral" else None,
        )
        label = "features" if step == steps - 1 else None
        stack.append(
            layers.LeakyReLU(0.2, name=label)
            if activation is None
            else layers.Activation(activation, name=label)
        )
    stack.append(layers.Flatten(name="flat"))
    if outputs is not None:
        stack += normalized(
            lambda _: layers.Dense(outputs, kernel_initializer=initializer, dtype="float32"),
            "spectral" if normalization == "spectral" else None,
        )
    return keras.Sequential(stack, name=name)


def dcgan_encoder(image_shape: tuple[int, int, int], *, width: int, name: str = "encoder") -> keras.Model:
    """Image -> maps: what a `dcgan_discriminator` normalised by the batch does before it flattens them.

    Args:
        image_shape: (height, width, channels).
        width: filters of the layer next to the image; each halving of the size doubles them.
    """
    body = dcgan_discriminator(image_shape, width=width, outputs=None, normalization="batch")
    return keras.Model(body.inputs, body.get_layer("features").output, name=name)


def dcgan_decoder(
    image_shape: tuple[int, int, int], *, width: int, name: str = "decoder"
) -> keras.Sequential:
    """Maps -> image in [-1, 1]: what follows the first layer of a `dcgan_generator`.

    Args:
        image_shape: (height, width, channels).
        width: filters of the layer next to the image; its maps are those of a `dcgan_encoder` of it.
    """
    maps = keras.Input(_first_maps(image_shape, width))
    return keras.Sequential([maps, *_upwards(image_shape, width, "tanh", "glorot_uniform")], name=name)
