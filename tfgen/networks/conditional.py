"""Encoders and decoders of images that may be told a vector, as a class or attributes."""

import math
from collections.abc import Callable, Sequence

import keras
from keras import layers

from tfgen.layers import SpectralNormalization
from tfgen.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgen.networks.dense import mlp

BODIES = ("convolutional", "dense", "linear")


def encoder(
    body: str,
    image_shape: tuple[int, ...],
    *,
    width: int,
    outputs: int | None,
    conditions: int = 0,
    hidden: Sequence[int] | None = None,
    activation: str | Callable | None = None,
    normalization: str | None = None,
) -> keras.Model:
    """Images (n, h, w, c), and a vector (n, conditions) if any, to (n, outputs).

    Args:
        body: "convolutional", a `dcgan_discriminator`; "dense", two hidden layers of `width`
            units with tanh; "linear", none.
        outputs: None for the features, flattened, instead.
        hidden: other sizes of the hidden layers of "dense".
        activation: another one of the hidden layers.
        normalization: of "convolutional"; "spectral" is of every body.
    """

    def network(shape):
        if body == "convolutional":
            how = dict(width=width, outputs=outputs, activation=activation, normalization=normalization)
            return dcgan_discriminator(shape, name="encoder", **how)
        how = dict(activation=activation or "tanh", spectral=normalization == "spectral")
        out = None if outputs is None else (outputs,)
        return mlp(shape, _hidden(body, width, hidden), out, name="encoder", **how)

    if not conditions:
        return network(image_shape)
    images, vector = keras.Input(image_shape), keras.Input((conditions,))
    if body == "convolutional":
        *size, _ = image_shape
        planes = layers.Reshape((*size, conditions))(layers.RepeatVector(math.prod(size))(vector))
        x = layers.Concatenate()([images, planes])
    else:
        x = layers.Concatenate()([layers.Flatten()(images), vector])
    return keras.Model([images, vector], network(tuple(x.shape[1:]))(x), name="encoder")


def _hidden(body, width, hidden):
    return () if body == "linear" else hidden or (width, width)


def decoder(
    body: str,
    latent_dim: int,
    output_shape: tuple[int, ...],
    *,
    width: int,
    conditions: int = 0,
    hidden: Sequence[int] | None = None,
    activation: str | Callable | None = None,
    output: str | None = None,
) -> keras.Model:
    """Codes (n, latent_dim), and a vector (n, conditions) if any, to (n, *output_shape), with the
    activation `output` at the end; arguments as those of `encoder`, but up-convolutions have ReLU always."""
    size = latent_dim + conditions
    if body == "convolutional":
        net = dcgan_generator(output_shape, size, width=width, activation=output)
    else:
        sizes = _hidden(body, width, hidden)
        net = mlp(
            (size,), sizes, output_shape, activation=activation or "tanh", output=output, name="decoder"
        )
    if not conditions:
        return net
    z, vector = keras.Input((latent_dim,)), keras.Input((conditions,))
    return keras.Model([z, vector], net(layers.Concatenate()([z, vector])), name="decoder")


def projection(
    phi: keras.KerasTensor, one_hot: keras.KerasTensor, initializer: str = "glorot_uniform"
) -> keras.KerasTensor:
    """f(phi) + <V y, phi>, (n, 1), of phi (n, size) and y (n, classes) (Miyato and Koyama, 2018, eq. 6).

    f and V have a spectral norm of 1; the layer "embed" is V, "projection" the inner product. float32.
    """
    how = dict(kernel_initializer=initializer, dtype="float32")
    f = SpectralNormalization(layers.Dense(1, **how))(phi)
    embed = layers.Dense(phi.shape[1], use_bias=False, **how)
    v = SpectralNormalization(embed, name="embed")(one_hot)
    product = layers.Dot(axes=1, dtype="float32", name="projection")([v, phi])
    return layers.Add(dtype="float32")([f, product])
