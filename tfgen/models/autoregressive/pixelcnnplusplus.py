"""PixelCNN++: a discretised logistic mixture, and a network of several resolutions.

Salimans, Karpathy, Chen and Kingma. PixelCNN++: Improving the PixelCNN with Discretized Logistic
Mixture Likelihood and Other Modifications. ICLR 2017. https://arxiv.org/abs/1701.05517

The likelihood (eqs. 1 to 3) is in `logistic_mixture.py`. The network has two streams of features. Those
of a pixel see, by convolutions of shifted images in place of masks,

    vertical:    all rows above it                  kernels 2x3: row above and own row
    horizontal:  also the pixels to its left        kernels 2x2: so, and column to the left and own column

A gated residual block of a stream, each + of them weight-normalised, with y = concatenated ELU:

    x + a sigmoid(b),    [a, b] = conv(dropout(y(conv(y(x)) + conv1x1(y(others)))))  (+ V label)

where `others` are, for the horizontal stream, the vertical one's features, and on the way up, in both,
the layer of the way down that it is a short-cut from. On the way down, `blocks` blocks at each of
`scales` resolutions, convolutions of stride 2 between; on the way up transposed ones. As the authors
have it, there is one more block at each but the coarsest resolution, so that each layer of the way
down has its short-cut. A pixel at stride s is that at the upper left of its s x s pixels, so that the order
stays; sizes that do not divide are rounded up and cropped. There is no blind spot, once the receptive
field covers the image.

Weights are normalised with a start from data (`initialise`), by the first batch that `fit` sees, of all
devices together, before its first step. That is before anything is traced, so that neither XLA, nor the
number of devices, nor stopping makes a difference. Those who train by `train_on_batch` alone call it.

Unlike the paper, the learning rate stays, and short-cuts and the shift by one pixel have no layers
of zeros: where the authors shift features, padding shifts the image.
"""

import functools

import keras
import tensorflow as tf
from keras import layers

from tfgen.errors import InputError
from tfgen.fields import needs_classes
from tfgen.models.autoregressive import logistic_mixture
from tfgen.models.autoregressive.base import AutoregressiveModel
from tfgen.models.autoregressive.pixelcnnplusplus_sampler import Sampler
from tfgen.models.autoregressive.shifted import ConcatELU, Dropout, Gated, NormalisedConv2D
from tfgen.models.base import Recipe
from tfgen.models.registry import model

KERNELS = {"vertical": (2, 3), "horizontal": (2, 2)}
PADDING = {"vertical": (1, 0, 1, 1), "horizontal": (1, 0, 1, 0)}  # above, below, left, right


def predictor(image_shape, outputs, width, blocks, scales, dropout, classes):
    """Images, and one-hot labels if there are classes, to (n, h, w, outputs); names are the sampler's."""
    images = keras.Input(image_shape)
    labels = keras.Input((classes,)) if classes else None
    sizes = [(-(-image_shape[0] // 2**s), -(-image_shape[1] // 2**s)) for s in range(scales)]

    def block(stream, s, i, x, *others):
        def convolve(x, part, filters, kernel=(1, 1), padding=(0,) * 4, **options):
            return NormalisedConv2D(filters, kernel, padding, name=f"{stream}_{s}_{i}_{part}", **options)(x)

        shifted = dict(kernel=KERNELS[stream], padding=PADDING[stream])
        y = convolve(ConcatELU()(x), "in", width, **shifted)
        if others:
            y = layers.Add()([y, convolve(ConcatELU()(*others), "also", width)])
        y = Dropout(dropout)(ConcatELU()(y))
        y = convolve(y, "out", 2 * width, **shifted, scale=0.1)  # blocks start close to the identity
        if classes:
            start = keras.initializers.RandomNormal(stddev=0.05)
            vector = layers.Dense(
                2 * width, use_bias=False, kernel_initializer=start, name=f"{stream}_{s}_{i}_label"
            )
            y = layers.Add()([y, layers.Reshape((1, 1, 2 * width))(vector(labels))])
        return Gated()(x, y)

    def resize(stream, x, s, name, **options):
        return NormalisedConv2D(width, KERNELS[stream], name=f"{stream}_{s}_{name}", **options)(x)

    # The channel of ones tells the image from the zeros around it.
    x = keras.ops.pad(2 * images - 1, [[0, 0], [0, 0], [0, 0], [0, 1]], constant_values=1.0)
    v = NormalisedConv2D(width, (2, 3), (2, -1, 1, 1), name="vertical_first")(x)
    above = NormalisedConv2D(width, (1, 3), (1, -1, 1, 1), name="horizontal_above")(x)
    left = NormalisedConv2D(width, (2, 1), (1, 0, 1, -1), name="horizontal_left")(x)
    h = layers.Add()([above, left])
    kept = []
    for s in range(scales):
        if s:
            v = resize("vertical", v, s, "down", padding=PADDING["vertical"], strides=2)
            h = resize("horizontal", h, s, "down", padding=PADDING["horizontal"], strides=2)
        kept.append([(v, h)])
        for i in range(blocks):
            v = block("vertical", s, i, v)
            h = block("horizontal", s, i, h, v)
            kept[s].append((v, h))
    kept[-1].pop()
    for s in reversed(range(scales)):
        if s < scales - 1:
            v = resize("vertical", v, s, "up", size=sizes[s])
            h = resize("horizontal", h, s, "up", size=sizes[s])
        for i, (from_v, from_h) in enumerate(reversed(kept[s]), start=blocks):
            v = block("vertical", s, i, v, from_v)
            h = block("horizontal", s, i, h, v, from_h)
    x = NormalisedConv2D(outputs, (1, 1), name="parameters", dtype="float32")(keras.ops.elu(h))
    return keras.Model([images, labels] if classes else images, x, name="predictor")


@model(
    title="PixelCNN++: Improving the PixelCNN with Discretized Logistic Mixture Likelihood "
    "and Other Modifications",
    year=2017,
)
class PixelCNNPlusPlus(AutoregressiveModel):
    """An image's pixels one by one, each from a mixture of discretised logistics.

    The defaults are the authors' for CIFAR-10. Images may be of any height, width and channels. The
    temperature of `sample` divides the mixture's log weights, and multiplies the logistics' scales.

    Args:
        image_shape: (height, width, channels); images lie in [0, 1].
        levels: the number of values that each channel of a pixel can take.
        width: features of each layer.
        blocks: gated residual blocks of each stream at a resolution, on the way down.
        scales: resolutions, each half of the one before.
        mixtures: components of each pixel's mixture.
        dropout: the rate at which features are dropped in training.
        classes: if given, the model is conditional on labels 0..classes - 1.
    """

    tiny = dict(image_shape=(8, 8, 1), levels=8, width=4, blocks=1, scales=1, mixtures=2)
    recipe = Recipe(
        "cifar10", batch_size=16, epochs=3, model=dict(width=24, blocks=1, mixtures=5, ema_decay=0.999)
    )

    def __init__(
        self,
        image_shape=(32, 32, 3),
        levels=256,
        width=160,
        blocks=5,
        scales=3,
        mixtures=10,
        dropout=0.5,
        classes=0,
        **kwargs,
    ):
        if min(width, blocks, scales, mixtures) < 1 or not 0 <= dropout < 1:
            raise InputError(
                f"PixelCNNPlusPlus needs width, blocks, scales and mixtures of at least 1 and dropout in "
                f"[0, 1); received width={width}, blocks={blocks}, scales={scales}, mixtures={mixtures}, "
                f"dropout={dropout}"
            )
        if classes:
            needs_classes(classes, "PixelCNNPlusPlus with labels")
        super().__init__(image_shape, levels, **kwargs)
        self.width, self.blocks, self.scales, self.mixtures = width, blocks, scales, mixtures
        self.dropout, self.classes = dropout, classes
        outputs = mixtures * logistic_mixture.size(self.image_shape[-1])
        with self.building():
            self.predictor = predictor(self.image_shape, outputs, width, blocks, scales, dropout, classes)

    def default_optimizers(self):
        return keras.optimizers.Adam(1e-3, beta_1=0.95, beta_2=0.9995)

    def nll_loss(self, step):
        drops = [layer for layer in self.predictor.layers if isinstance(layer, Dropout)]
        for k, layer in enumerate(drops):
            layer.draw = functools.partial(step.uniform, f"dropout {k}")
        return super().nll_loss(step)

    def start(self, batch):
        super().start(batch)
        self.initialise(batch["images"], batch.get("labels"))

    def initialise(self, images, labels=None):
        """Sets the length of each filter and each bias so that its features over the images have the
        mean 0 and the standard deviation 1 (0.1 at the end of a block), layer after layer."""
        images = self.quantised(tf.convert_to_tensor(images, tf.float32))
        convolutions = [one for one in self.predictor.layers if isinstance(one, NormalisedConv2D)]
        for layer in convolutions:
            layer.initialising = True
        try:
            self.predictor(images if labels is None else [images, self.fields["labels"].encoded(labels)])
        finally:
            for layer in convolutions:
                layer.initialising = False
        for name, copy in self.averages.items():
            copy.set_weights(getattr(self, name).get_weights())

    def log_likelihood(self, parameters, images):
        return logistic_mixture.log_likelihood(parameters, images, self.levels)

    def level(self, parameters, pixel, channel, noise, temperature):
        return logistic_mixture.level(parameters, pixel, channel, self.levels, noise, temperature)

    def values_from(self, noise, known, temperature, labels):
        return Sampler(self, noise, known, temperature, labels).draw()
