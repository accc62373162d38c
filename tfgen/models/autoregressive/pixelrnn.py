"""PixelRNN: two-dimensional LSTMs and a softmax over the levels of each value.

van den Oord, Kalchbrenner and Kavukcuoglu. Pixel Recurrent Neural Networks. ICML 2016,
section 3 and table 1. https://arxiv.org/abs/1601.06759

    7x7 convolution, mask A (2h features);  depth residual blocks (figure 5, right)
        x + conv1x1_2h(LSTM_h(x)),  mask B, with the layers of `lstm.py`;
    twice relu, 1x1 convolution (mask B);  relu, 1x1 convolution to the logits

A Row LSTM sees a triangle above the pixel, two Diagonal LSTMs see all pixels before it. Unlike in
the paper, their maps have one more column, of zeros, on the right: by mask A no feature sees its own
pixel, so that otherwise the LSTM from the right would not see the last pixel of the row above.
Unlike the paper, there are no layer-to-output connections; the residual sum carries every layer to
the top.

Sampling computes each state of each pixel once, see `pixel_rnn_sampler.py`.
"""

import keras
from keras import layers

from tfgen.errors import InputError, unknown
from tfgen.models.autoregressive.base import AutoregressiveModel
from tfgen.models.autoregressive.lstm import DiagonalBiLSTM, RowLSTM
from tfgen.models.autoregressive.masked_convolution import MaskedConv2D
from tfgen.models.autoregressive.pixelrnn_sampler import EDGE, draw
from tfgen.models.base import Recipe
from tfgen.models.registry import model

LSTMS = {"row": RowLSTM, "diagonal": DiagonalBiLSTM}


def stack(images, levels, width, depth, top, lstm, conditions=None):
    """Logits (n, h, w, c, levels) of a Keras input of images, and of `conditions` (n, h, w, k) if given."""
    channels = images.shape[-1]
    if lstm not in LSTMS:
        raise unknown("lstm", lstm, LSTMS)
    if depth < 1 or min(width, top) < channels:
        raise InputError(
            f"a PixelRNN needs depth >= 1 and width and top >= {channels}, a feature for each channel; "
            f"received depth={depth}, width={width}, top={top}"
        )

    def convolve(x, filters, size=1, mask="B", **options):
        return MaskedConv2D(filters, size, mask, channels, **options)(x)

    x = images
    if lstm == "diagonal":
        x, conditions = (None if one is None else layers.ZeroPadding2D(EDGE)(one) for one in (x, conditions))
    x = convolve(x, 2 * width, 7, "A")
    for _ in range(depth):
        layer = LSTMS[lstm](width, channels)
        y = layer(x) if conditions is None else layer(x, conditions)
        x = x + convolve(y, 2 * width)
    x = x[:, :, : images.shape[2]]
    for _ in range(2):
        x = convolve(keras.ops.relu(x), top)
    logits = convolve(keras.ops.relu(x), channels * levels, dtype="float32")
    return layers.Reshape((*images.shape[1:], levels), dtype="float32")(logits)


@model(title="Pixel Recurrent Neural Networks", year=2016)
class PixelRNN(AutoregressiveModel):
    """An image's values one by one, each from a softmax over its levels.

    The defaults are the paper's for CIFAR-10, but for `top`, which has 1024 features there; for MNIST
    it has width=16, depth=7.

    Args:
        image_shape: (height, width, channels); images lie in [0, 1].
        levels: the number of values that each channel of a pixel can take; 2 for binary images.
        width: h, the features of an LSTM's state; the residual sum has 2h.
        depth: the number of LSTM layers.
        top: the features of the two 1x1 convolutions under the logits; 32 for MNIST in the paper.
        lstm: "diagonal", which sees all earlier pixels, or "row", which is faster and sees a triangle.
    """

    tiny = dict(image_shape=(8, 8, 1), levels=4, width=8, depth=1)
    recipe = Recipe(
        "mnist",
        batch_size=16,
        epochs=2,
        model=dict(levels=2, width=16, depth=7, ema_decay=0.999),
        data=dict(binarize="dynamic"),
    )

    def __init__(
        self, image_shape=(28, 28, 1), levels=256, width=128, depth=12, top=32, lstm="diagonal", **kwargs
    ):
        super().__init__(image_shape, levels, **kwargs)
        self.width, self.depth, self.top, self.lstm = width, depth, top, lstm
        with self.building():
            images = keras.Input(self.image_shape)
            logits = stack(images, levels, width, depth, top, lstm)
            self.predictor = keras.Model(images, logits, name="predictor")

    def default_optimizers(self):
        return keras.optimizers.RMSprop(1e-3)

    def values_from(self, noise, known, temperature, labels):
        return draw(self.averaged("predictor"), noise, known, temperature)
