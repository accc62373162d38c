"""The U-Net of pix2pix."""

import keras
from keras import layers

from tfgen.layers import KeyedDropout
from tfgen.networks.blocks import chained, normalized, small


def unet(
    channels_in: int,
    channels_out: int,
    *,
    width: int = 64,
    depth: int = 8,
    dropout: float = 0.5,
    normalization: str | None = "instance",
    name: str = "translator",
) -> keras.Model:
    """Images -> images of the same size, by halvings and doublings with skips (Isola et al., 2017, 6.1.1).

    Down: `depth` convolutions 4x4 of stride 2, of width, 2, 4, 8, 8, ... times width filters, leaky ReLU 0.2
    between them. Up: as many transposed ones, ReLU before each, joined with the maps of their size, and tanh
    at the end. The first layer, the innermost and the last have no normalisation. Weights start from
    N(0, 0.02). Height and width are free, multiples of 2**depth.

    The first three layers up have dropout, in use too: it is the network's only noise. Its keys are an
    input, a row for each image (`tfgen.random.row_keys`), so that one key gives one image.

    Args:
        dropout: the rate; with 0 the network has no keys.
        normalization: "instance", "batch", "layer" or None.

    Returns:
        A keras.Model of [images, keys], keys uint32 (n, 2), or of images if `dropout` is 0.
    """
    images, keys = keras.Input((None, None, channels_in)), keras.Input((2,), dtype="uint32", name="keys")

    def down(filters):
        how = dict(strides=2, padding="same", kernel_initializer=small())
        return lambda bias: layers.Conv2D(filters, 4, use_bias=bias, **how)

    def up(filters, **options):
        how = dict(strides=2, padding="same", kernel_initializer=small(), **options)
        return lambda bias: layers.Conv2DTranspose(filters, 4, use_bias=bias, **how)

    filters = [width * min(2**step, 8) for step in range(depth)]
    x, maps = images, []
    for step in range(depth):
        kind = normalization if 0 < step < depth - 1 else None
        rectified = [layers.LeakyReLU(0.2)] if step else []
        x = chained(x, [*rectified, *normalized(down(filters[step]), kind)])
        maps.append(x)
    for place, step in enumerate(reversed(range(depth - 1))):
        x = chained(x, [layers.ReLU(), *normalized(up(filters[step]), normalization)])
        if dropout and place < 3:
            x = KeyedDropout(dropout, place)(x, keys)
        x = layers.Concatenate()([x, maps[step]])
    x = chained(x, [layers.ReLU(), up(channels_out, activation="tanh", dtype="float32")(True)])
    return keras.Model([images, keys] if dropout else images, x, name=name)
