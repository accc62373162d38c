"""Networks that are told what a text says, and the encoder of the text."""

import math

import keras
from keras import layers, ops

from tfgen.networks.blocks import chained, normalized, small
from tfgen.networks.dcgan import dcgan_encoder


def text_encoder(
    length: int, vocabulary: int, outputs: int, *, width: int = 64, name: str = "text_encoder"
) -> keras.Model:
    """Texts (n, length), int32 with 0 where they have ended, to (n, outputs), float32.

    Characters are embedded, three convolutions over five characters with ReLU follow, and the mean over the
    text's own characters, so that it does not matter how long the padding is.

    Args:
        vocabulary: how many numbers a character may have, with 0.
        width: filters; half as many numbers embed a character.
    """
    texts = keras.Input((length,), dtype="int32")
    there = ops.expand_dims(ops.not_equal(texts, 0), -1)
    unit = keras.initializers.RandomNormal(stddev=1.0)
    x = layers.Embedding(vocabulary, width // 2, embeddings_initializer=unit)(texts)
    for _ in range(3):
        x = layers.Conv1D(width, 5, padding="same", activation="relu")(x * ops.cast(there, x.dtype))
    there = ops.cast(there, "float32")
    count = ops.maximum(ops.sum(there, axis=1), 1.0)
    mean = ops.sum(ops.cast(x, "float32") * there, axis=1) / count
    return keras.Model(texts, layers.Dense(outputs, dtype="float32")(mean), name=name)


def told(maps: keras.KerasTensor, vector: keras.KerasTensor) -> keras.KerasTensor:
    """Maps (n, h, w, c) and a vector (n, k), repeated at each place, as (n, h, w, c + k)."""
    places, size = maps.shape[1:3], vector.shape[-1]
    planes = layers.Reshape((*places, size))(layers.RepeatVector(math.prod(places))(vector))
    return layers.Concatenate()([maps, planes])


def bottleneck(x: keras.KerasTensor, filters: int, slope: float = 0.0) -> keras.KerasTensor:
    """x, maps (n, h, w, c), and what k1, k3 of `filters` and k3 of c make of them (Reed et al., 2016).

    Batch normalisation follows each convolution, and a ReLU of that slope all but the last, and the sum.
    """
    y = x
    for size, width in ((1, filters), (3, filters), (3, x.shape[-1])):
        if y is not x:
            y = layers.LeakyReLU(slope)(y)
        y = chained(
            y,
            normalized(
                lambda bias, size=size, width=width: layers.Conv2D(
                    width, size, padding="same", use_bias=bias, kernel_initializer=small()
                ),
                "batch",
            ),
        )
    return layers.LeakyReLU(slope)(layers.Add()([x, y]))


def text_discriminator(
    image_shape: tuple[int, int, int],
    text_dim: int,
    *,
    width: int,
    units: int = 128,
    name: str = "discriminator",
) -> keras.Model:
    """Images (n, h, w, c) and the features of texts (n, text_dim), to logits (n, 1), float32.

    Convolutions of stride 2 make maps of the images, as a DCGAN's, and a `bottleneck` follows; there the text
    joins, by a dense layer, and a convolution of one place and a dense layer judge both (Reed et al., 2016;
    Zhang et al., 2017). Unlike there, no batch normalisation follows that convolution: the mean score of a
    batch of fakes would be that of real images. The layers "see", of images, and "judge", of maps and texts,
    are its halves, so that images that are judged with several texts are seen once.

    Args:
        image_shape: (height, width, channels).
        width: filters next to the image; each halving of the size doubles them.
        units: of the dense layer of the text.
    """
    eye = dcgan_encoder(image_shape, width=width)
    maps = bottleneck(eye.output, max(eye.output.shape[-1] // 4, 1), 0.2)
    see = keras.Model(eye.inputs, maps, name="see")

    maps, text = keras.Input(see.output.shape[1:]), keras.Input((text_dim,))
    x = told(maps, layers.LeakyReLU(0.2)(layers.Dense(units, kernel_initializer=small())(text)))
    how = dict(filters=maps.shape[-1], kernel_size=1, kernel_initializer=small())
    x = layers.Flatten()(layers.LeakyReLU(0.2)(layers.Conv2D(**how)(x)))
    logits = layers.Dense(1, kernel_initializer=small(), dtype="float32")(x)
    judge = keras.Model([maps, text], logits, name="judge")

    images, text = keras.Input(image_shape), keras.Input((text_dim,))
    return keras.Model([images, text], judge([see(images), text]), name=name)
