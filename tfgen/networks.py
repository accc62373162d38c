"""Networks that several papers share. A network of one paper is in its file."""

import math

import keras
from keras import layers

from tfgen.layers import BatchNormalization, LayerNormalization


def _halvings(image_shape):
    """How often the shorter side can be halved until about 4 pixels are left, at least once."""
    return max(1, int(math.log2(min(image_shape[:2]) / 4)))


def dcgan_generator(image_shape, latent_dim, width, activation="tanh", initializer="glorot_uniform"):
    """z -> image by strided up-convolutions (Radford et al., 2016, figure 1), for any image size.

    64x64 at width 128 is the paper's 1024, 512, 256, 128 filters from 4x4 on. Unlike the
    authors' code, kernels are 4x4: a multiple of the stride leaves no checkerboard. Sizes that
    are no multiple of the stride are made a little larger and cropped about the centre.
    """
    height, width_px, channels = image_shape
    steps = _halvings(image_shape)
    rows, columns = -(-height // 2**steps), -(-width_px // 2**steps)
    filters = width * 2 ** (steps - 1)
    stack = [
        keras.Input((latent_dim,)),
        layers.Dense(rows * columns * filters, use_bias=False, kernel_initializer=initializer),
        layers.Reshape((rows, columns, filters)),
        BatchNormalization(),
        layers.ReLU(),
    ]
    up = dict(kernel_size=4, strides=2, padding="same", kernel_initializer=initializer)
    for step in reversed(range(steps - 1)):
        stack += [
            layers.Conv2DTranspose(width * 2**step, use_bias=False, **up),
            BatchNormalization(),
            layers.ReLU(),
        ]
    stack.append(layers.Conv2DTranspose(channels, activation=activation, dtype="float32", **up))
    extra = rows * 2**steps - height, columns * 2**steps - width_px
    if any(extra):
        stack.append(layers.Cropping2D([(e // 2, e - e // 2) for e in extra], dtype="float32"))
    return keras.Sequential(stack, name="generator")


def dcgan_discriminator(
    image_shape,
    width,
    outputs=1,
    normalization=None,
    initializer="glorot_uniform",
    name="discriminator",
    activation=None,
):
    """image -> `outputs` numbers by strided convolutions (Radford et al., 2016).

    Args:
        normalization: None, "batch", or "layer"; never on the first layer, as in the paper.
        activation: None is the paper's, the leaky ReLU of slope 0.2.
    """
    stack = [keras.Input(image_shape)]
    for step in range(_halvings(image_shape)):
        normalized = normalization if step else None
        stack.append(
            layers.Conv2D(
                width * 2**step, 4, 2, "same", use_bias=normalized is None, kernel_initializer=initializer
            )
        )
        if normalized is not None:
            stack.append(BatchNormalization() if normalized == "batch" else LayerNormalization())
        stack.append(layers.LeakyReLU(0.2) if activation is None else layers.Activation(activation))
    stack += [layers.Flatten(), layers.Dense(outputs, kernel_initializer=initializer, dtype="float32")]
    return keras.Sequential(stack, name=name)


BODIES = ("convolutional", "dense", "linear")


def encoder(
    body, image_shape, width, outputs, conditions=0, hidden=None, activation=None, normalization=None
):
    """Images (n, h, w, c), and a vector (n, conditions) if any, to (n, outputs).

    Args:
        body: "convolutional", a `dcgan_discriminator`; "dense", two hidden layers of `width`
            units with tanh; "linear", none.
        hidden: other sizes of the hidden layers of "dense".
        activation: another one of the hidden layers.
        normalization: of "convolutional".
    """
    options = (width, outputs, hidden, activation, normalization)
    if not conditions:
        return _encoder(body, image_shape, *options)
    images, vector = keras.Input(image_shape), keras.Input((conditions,))
    if body == "convolutional":
        *size, _ = image_shape
        planes = layers.Reshape((*size, conditions))(layers.RepeatVector(math.prod(size))(vector))
        x = layers.Concatenate()([images, planes])
    else:
        x = layers.Concatenate()([layers.Flatten()(images), vector])
    out = _encoder(body, tuple(x.shape[1:]), *options)(x)
    return keras.Model([images, vector], out, name="encoder")


def _encoder(body, shape, width, outputs, hidden, activation, normalization):
    if body == "convolutional":
        how = dict(name="encoder", activation=activation, normalization=normalization)
        return dcgan_discriminator(shape, width, outputs, **how)
    return mlp(shape, _hidden(body, width, hidden), (outputs,), activation or "tanh", name="encoder")


def _hidden(body, width, hidden):
    return () if body == "linear" else hidden or (width, width)


def decoder(body, latent_dim, width, output_shape, conditions=0, hidden=None, activation=None, output=None):
    """Codes (n, latent_dim), and a vector (n, conditions) if any, to (n, *output_shape), with the
    activation `output` at the end; arguments as those of `encoder`, but up-convolutions have ReLU always."""
    size = latent_dim + conditions
    if body == "convolutional":
        net = dcgan_generator(output_shape, size, width, activation=output)
    else:
        sizes = _hidden(body, width, hidden)
        net = mlp((size,), sizes, output_shape, activation or "tanh", name="decoder", output=output)
    if not conditions:
        return net
    z, vector = keras.Input((latent_dim,)), keras.Input((conditions,))
    return keras.Model([z, vector], net(layers.Concatenate()([z, vector])), name="decoder")


def mlp(input_shape, hidden, output_shape, activation="tanh", name=None, output=None):
    """Dense layers of the `hidden` sizes between any two shapes; float32 output, linear or `output`."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Flatten(),
            *(layers.Dense(units, activation) for units in hidden),
            layers.Dense(math.prod(output_shape), output, dtype="float32"),
            layers.Reshape(output_shape, dtype="float32"),
        ],
        name=name,
    )
