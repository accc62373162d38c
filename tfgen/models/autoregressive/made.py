"""MADE: an autoencoder whose weights are masked so that it keeps an order of the values.

Germain, Gregor, Murray and Larochelle. MADE: Masked Autoencoder for Distribution Estimation. ICML 2015.
https://arxiv.org/abs/1502.03509

    h = relu((W * M_W) x + b),   logits = (V * M_V) h + c                           (eq. 8)
    M_W[k, d] = 1 if m(k) >= d, else 0;   M_V[d, k] = 1 if d > m(k), else 0         (eq. 9 and 10)

with 1 <= m(k) <= D - 1 the degree of hidden unit k; further hidden layers likewise (eq. 12 to 15).
Unlike the paper, the degrees are spread evenly rather than drawn, and there is one set of masks and one
order, that of the image, which the paper calls "1 mask". Values may have more levels than two, with a
softmax in place of the sigmoid. Unlike the authors' code (github.com/mgermain/MADE), whose optimizer is
Adagrad of rate 0.01 and which can connect inputs and outputs directly, it is Adam of rate 1e-3, without
direct connections.
"""

import keras

from tfgen.errors import InputError
from tfgen.models.autoregressive.base import AutoregressiveModel
from tfgen.models.autoregressive.masked import draw_by_rows, masked_network
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="MADE: Masked Autoencoder for Distribution Estimation", year=2015)
class MADE(AutoregressiveModel):
    """One network for all conditionals: a value's logits see the units that see earlier values alone.

    The defaults are the paper's best for one set of masks on binarised MNIST.

    Args:
        image_shape: (height, width, channels); images lie in [0, 1].
        levels: the number of values that each channel of a pixel can take; 2 for binary images.
        width: the units of a hidden layer. With fewer than there are values, the degrees have gaps, and
            some values see no nearer than a gap.
        depth: the number of hidden layers.
    """

    tiny = dict(image_shape=(8, 8, 1), levels=4, width=24, depth=2)
    recipe = Recipe(
        "mnist",
        batch_size=128,
        epochs=30,
        model=dict(width=2000, depth=1, ema_decay=0.999),
        data=dict(binarize="dynamic"),
    )

    def __init__(self, image_shape=(28, 28, 1), levels=2, width=8000, depth=1, **kwargs):
        if min(width, depth) < 1:
            raise InputError(f"MADE needs width and depth >= 1; received width={width}, depth={depth}")
        super().__init__(image_shape, levels, **kwargs)
        self.width, self.depth = width, depth
        with self.building():
            self.predictor = masked_network(self.image_shape, levels, width, depth)

    def default_optimizers(self):
        return keras.optimizers.Adam(1e-3)

    def values_from(self, noise, known, temperature, labels):
        return draw_by_rows(self.averaged("predictor"), self.levels, noise, known, temperature)
