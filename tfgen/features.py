"""Feature networks: images as a network sees them that was trained to tell things apart.

For losses and scores of content: two images are near where their features are, though their pixels are not.

    load("vgg19", ("block5_conv4",))             papers' network, by keras.applications: downloads once
    load("vgg19:WEIGHTS.h5")                     the same from a file that you have; so "vgg16"
    load("mobilenet_v2:WEIGHTS.npz", ("b13",))   an 8-bit MobileNetV2 of 3 MB: see `_mobilenet`
    load("features.keras", ("conv2",))           layers of a network of yours
    load("random")                               three convolutions of fixed random weights: for tests

A feature network is never trained and never saved: a model keeps its name, and loads it when it trains.
"""

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfgen.errors import InputError, unknown

VGG = {  # the last convolution of each size
    "vgg16": ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3"),
    "vgg19": ("block1_conv2", "block2_conv2", "block3_conv4", "block4_conv4", "block5_conv4"),
}


def _vgg_layers(last):
    for block in last:
        for number in range(1, int(block[-1]) + 1):
            yield f"{block[:-1]}{number}"
        yield f"{block[:6]}_pool"


VGG_MEANS = (103.939, 116.779, 123.68)  # of ImageNet's blue, green and red, in 0..255
MOBILENET = (  # expansion, channels, blocks, stride of the first block
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
)  # fmt: skip
MOBILENET_BLOCKS = tuple(f"b{k}" for k in range(sum(blocks for _, _, blocks, _ in MOBILENET)))
KNOWN = {  # {name: all taps}
    **{name: tuple(_vgg_layers(last)) for name, last in VGG.items()},
    "mobilenet_v2": ("stem", *MOBILENET_BLOCKS, "head"),
    "random": ("conv1", "conv2", "conv3"),
}
USUAL = {  # taps, where none are asked for: one of each size
    **VGG,
    "mobilenet_v2": ("b0", "b2", "b5", "b12", "head"),
    "random": ("conv1", "conv2", "conv3"),
}


class Features:
    """A feature network that is loaded when it is first used; a call gives its maps of images.

    It is no layer and no part of a model: nothing trains it, a model's file and exports do not hold it. It
    computes in float32 whatever the precision of a model.

    Args:
        which: a name of this module's first lines, the path of a .keras file, or a `keras.Model`.
        taps: names of layers whose outputs are the maps, in order; None for one of each size, or a network's
            own outputs where it is yours.
        value_range: (low, high) that a network of yours takes.

    Attributes:
        name: of the network: "vgg16", "vgg19", "mobilenet_v2", "random" or "keras".
        taps: names of the layers; of a network of yours ("output",) where none were asked for.
        value_range: (low, high) that the network takes, known once it is loaded.

    Raises:
        InputError: another name, or a tap that the network is known not to have.
    """

    def __init__(self, which="vgg19", taps=None, value_range=(-1.0, 1.0)):
        self._network, self._weights = None, ()
        self.name, self._source = _named(which)
        if taps is not None:
            if isinstance(taps, str) or not taps:
                raise InputError(f"taps are names of layers, as ('b3', 'b6'); received {taps!r}")
            for tap in taps:
                if tap not in KNOWN.get(self.name, (tap,)):
                    raise unknown(f"tap of {self.name}", tap, KNOWN[self.name])
        self.taps = tuple(taps or USUAL.get(self.name, ("output",)))
        self.value_range = tuple(value_range)

    def load(self):
        """Reads or downloads the network unless that is done; returns self.

        Raises:
            InputError: no file, a file of something else, a failed download, a layer that it does not have.
        """
        if self._network is None:
            # Also where a step is being traced, and whatever the model's precision is.
            with tf.init_scope(), _policy("float32"):
                network = self._built()
                # As tensors: a step that uses them depends on no variable that a file would have to hold.
                self._weights = [
                    [tf.convert_to_tensor(v.value) for v in kind]
                    for kind in (network.trainable_variables, network.non_trainable_variables)
                ]
                self._network = network
        return self

    def _built(self):
        if self.name in VGG:
            self.value_range = (0.0, 255.0)
            return _vgg(self.name, self._source, self.taps)
        if self.name == "mobilenet_v2":
            self.value_range = (-1.0, 1.0)
            return _mobilenet(self._source, self.taps)
        if self.name == "random":
            self.value_range = (-1.0, 1.0)
            return _random(self.taps)
        return _own(self._source, self.taps)

    @property
    def network(self):
        """The `keras.Model` of images in `value_range`, whose outputs are the maps."""
        return self.load()._network

    @property
    def channels(self):
        """Of the images that the network takes."""
        return self.network.inputs[0].shape[-1]

    def __call__(self, images, value_range=(-1.0, 1.0)):
        """The maps at the taps, a list of float32 (n, h', w', channels).

        Args:
            images: (n, h, w, c) of any size that the network takes; one channel is repeated for a network
                of three.
            value_range: (low, high) of the images, scaled to the network's own.

        Raises:
            InputError: another number of channels; as `load`.
        """
        self.load()
        low, high = value_range
        to_low, to_high = self.value_range
        x = (tf.cast(images, tf.float32) - low) * ((to_high - to_low) / (high - low)) + to_low
        if x.shape[-1] != self.channels:
            if x.shape[-1] != 1:
                raise InputError(
                    f"the feature network {self.name!r} takes images of {self.channels} channels; received "
                    f"{x.shape}; give images of 1 or {self.channels} channels"
                )
            x = tf.repeat(x, self.channels, axis=-1)
        maps, _ = self._network.stateless_call(*self._weights, x, training=False)
        return maps if isinstance(maps, list) else [maps]

    @property
    def sha256(self):
        """Of the network's weights: 64 hexadecimal digits."""
        from tfgen.metrics.extractors import weights_sha256  # which needs models, and they this module

        return weights_sha256(self.load()._network.get_weights())

    @property
    def protocol(self):
        """What a record or a `Score` says of it."""
        return {"features": self.name, "taps": list(self.taps), "features_sha256": self.sha256}


def load(
    which: "str | keras.Model" = "vgg19",
    taps: Sequence[str] | None = None,
    value_range: tuple[float, float] = (-1.0, 1.0),
) -> "Features":
    """The `Features` of these arguments, loaded.

    Raises:
        InputError: as `Features` and `Features.load`.
    """
    return Features(which, taps, value_range).load()


def difference(maps: Sequence[tf.Tensor], others: Sequence[tf.Tensor]) -> tf.Tensor:
    """Sum over the taps of the mean squared difference of two lists of maps: a scalar."""
    return tf.add_n([tf.reduce_mean((a - b) ** 2) for a, b in zip(maps, others, strict=True)])


def _named(which):
    """(name, source) of what a user writes; the source is a path, a keras.Model or None."""
    if isinstance(which, keras.Model):
        return "keras", which
    text = str(which)
    name, _, path = text.partition(":")
    if name in (*VGG, "mobilenet_v2"):
        if name == "mobilenet_v2" and not path:
            raise InputError(
                "mobilenet_v2 needs a file of its weights, 'mobilenet_v2:PATH.npz'; received 'mobilenet_v2'"
            )
        return name, path or None
    if text == "random":
        return "random", None
    if text.endswith(".keras"):
        return "keras", text
    raise unknown("feature network", which, [*VGG, "mobilenet_v2:PATH.npz", "random", "a .keras file"])


@contextlib.contextmanager
def _policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _tapped(network, taps, name):
    """The outputs of layers of a functional network, of images in its own range."""
    known = [layer.name for layer in network.layers if not isinstance(layer, layers.InputLayer)]
    for tap in taps:
        if tap not in known:
            raise unknown(f"tap of {name}", tap, known)
    return keras.Model(network.inputs, [network.get_layer(tap).output for tap in taps])


def _vgg(name, path, taps):
    """VGG of Simonyan and Zisserman (2015, https://arxiv.org/abs/1409.1556), by keras.applications; the maps
    are those after the ReLU. It takes red, green and blue in 0..255, and itself subtracts the means."""
    if path and not Path(path).is_file():
        raise InputError(f"there is no file of {name} weights {path}")
    build = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}[name]
    try:
        network = build(include_top=False, weights=path or "imagenet", input_shape=(None, None, 3))
    except Exception as error:  # Keras raises a bare Exception where a download fails
        if path:
            raise InputError(f"{path} is no file of {name} weights without top: {_line(error)}") from error
        raise InputError(
            f"the weights of {name} cannot be downloaded ({_line(error)}); connect to the network, give a "
            f"file of them as '{name}:PATH', or take another network, as 'mobilenet_v2:PATH.npz'"
        ) from error
    maps = _tapped(network, taps, name)
    images = keras.Input((None, None, 3))
    return keras.Model(images, maps(images[..., ::-1] - np.float32(VGG_MEANS)))


def _mobilenet(path, taps):
    """MobileNetV2 of width 1 (Sandler et al., 2018, https://arxiv.org/abs/1801.04381) from an .npz file.

    The file has the arrays of its 8-bit weights, batch normalisation folded in, as those of the .tflite that
    Google's Coral project published under Apache 2.0: for a layer NAME (stem, b0_dw, b0_project, b1_expand,
    ..., head) NAME/q, bytes (out, h, w, in), or (1, h, w, channels) of a depthwise one; NAME/sz, (scale,
    zero), so that a weight is scale (q - zero); NAME/b, float32 biases. It takes images in [-1, 1]. A tap bK
    is what block K gives, K from 0 to 16.
    """
    if not Path(path).is_file():
        raise InputError(f"there is no file of MobileNetV2 weights {path}")
    try:
        with np.load(path) as file:
            arrays = dict(file)
        return _mobilenet_of(arrays, taps)
    except (KeyError, ValueError, OSError, AttributeError) as error:
        raise InputError(f"{path} is no .npz file of MobileNetV2 weights: {_line(error)}") from error


def _mobilenet_of(arrays, taps):
    values = []

    def convolution(x, name, stride=1, rectified=True, depthwise=False):
        scale, zero = arrays[f"{name}/sz"]
        kernel = (arrays[f"{name}/q"].astype(np.float32) - zero) * scale
        how = dict(strides=stride, padding="same", name=name, kernel_initializer="zeros")
        if depthwise:
            kernel = np.moveaxis(kernel, 0, -1)
            how["depthwise_initializer"] = how.pop("kernel_initializer")
            layer = layers.DepthwiseConv2D(kernel.shape[:2], **how)
        else:
            kernel = np.transpose(kernel, (1, 2, 3, 0))
            layer = layers.Conv2D(kernel.shape[-1], kernel.shape[:2], **how)
        values.append((layer, [kernel, arrays[f"{name}/b"]]))
        x = layer(x)
        return layers.ReLU(6.0)(x) if rectified else x

    images = keras.Input((None, None, 3))
    x = convolution(images, "stem", 2)
    ends, names = {"stem": x}, iter(MOBILENET_BLOCKS)
    for expansion, _, blocks, first_stride in MOBILENET:
        for block in range(blocks):
            if ends.keys() >= set(taps):
                break
            name, before = next(names), x
            if expansion > 1:
                x = convolution(x, f"{name}_expand")
            x = convolution(x, f"{name}_dw", first_stride if block == 0 else 1, depthwise=True)
            x = convolution(x, f"{name}_project", rectified=False)
            x = layers.Add()([before, x]) if block else x
            ends[name] = x
    if "head" in taps:
        ends["head"] = convolution(x, "head")
    for layer, value in values:
        layer.set_weights(value)
    return keras.Model(images, [ends[tap] for tap in taps])


def _random(taps):
    """Convolutions 3x3 of strides 1, 2 and 2, with ReLU, whose weights are always the same random ones."""
    rng = np.random.default_rng(0)
    x = images = keras.Input((None, None, 3))
    ends, values = {}, []
    for number, (stride, filters) in enumerate(((1, 8), (2, 12), (2, 16)), start=1):
        fan_in = 9 * x.shape[-1]
        kernel = rng.normal(0, math.sqrt(2 / fan_in), (3, 3, x.shape[-1], filters)).astype(np.float32)
        layer = layers.Conv2D(filters, 3, stride, "same", activation="relu", kernel_initializer="zeros")
        ends[f"conv{number}"] = x = layer(x)
        values.append((layer, [kernel, np.zeros(filters, np.float32)]))
    for layer, value in values:
        layer.set_weights(value)
    return keras.Model(images, [ends[tap] for tap in taps])


def _own(source, taps):
    """A network of the user's, or that of a .keras file."""
    if not isinstance(source, keras.Model):
        if not Path(source).is_file():
            raise InputError(f"there is no feature network {source}")
        try:
            network = keras.models.load_model(source, compile=False)
        except (ValueError, TypeError, OSError, KeyError) as error:
            raise InputError(f"{source} is no Keras model that can be read: {_line(error)}") from error
    else:
        network = source
    shape = getattr(network, "input_shape", None)
    if not (isinstance(shape, tuple) and len(shape) == 4 and shape[3] in (1, 3)):
        raise InputError(
            f"a feature network takes images (n, h, w, c), c = 1 or 3; {network.name!r} takes {shape}"
        )
    return network if taps == ("output",) else _tapped(network, taps, network.name)


def _line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0]
