"""Feature extractors: what a metric looks at instead of pixels, each with a hash."""

import dataclasses
import hashlib
import math
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfgen.errors import InputError, unknown

NAMES = ("classifier", "inception", "pixels")


@dataclasses.dataclass(frozen=True)
class Extractor:
    """Images to features, shape (n, d).

    Attributes:
        name: "inception", "classifier", "pixels", "keras" or "onnx".
        sha256: of the weights; of the file if it is an ONNX file.
        input_shape: (h, w, c) that the network takes; h and w are None where any size goes.
        value_range: (low, high) that the network takes.
        function: float32 images of that shape and range -> features.
        logits: features -> logits of classes (n, classes), or of attributes; None where there are none.
        attributes: whether each logit is of an attribute that an image has or lacks, so that they are
            no classes of which it has one.
        accuracy: of those classes, or the mean of the attributes', on images of the extractor's own
            data that it was not trained on; None likewise.
        chance: the accuracy of a guess that is the commonest class of those images; None likewise.
    """

    name: str
    sha256: str
    input_shape: tuple
    value_range: tuple
    function: Callable
    logits: Callable | None = None
    attributes: bool = False
    accuracy: float | None = None
    chance: float | None = None

    resizing = "bilinear, antialiased"  # where the size differs

    def __call__(self, images, value_range):
        """Features, float32 (n, d).

        Args:
            images: (n, h, w, c), c = 1 or 3. Another size than the network's is resized, one
                channel is repeated three times.
            value_range: (low, high) of the images; scaled to the network's own.
        """
        images = np.asarray(images)
        if images.ndim != 4 or not len(images):
            raise InputError(f"expected images of shape (n, h, w, c), n >= 1; received {images.shape}")
        low, high = value_range
        slack = 1e-3 * (high - low)
        if not (images.min() >= low - slack and images.max() <= high + slack):  # NaN too
            raise InputError(
                f"expected finite images in [{low}, {high}]; received values from "
                f"{images.min()} to {images.max()}"
            )
        if images.shape[3] != self.input_shape[2] and images.shape[3] != 1:
            raise InputError(
                f"extractor {self.name!r} expects {self.input_shape[2]} channels; "
                f"received images of {images.shape[3]}"
            )
        size = [want or have for want, have in zip(self.input_shape, images.shape[1:])]
        step = max(1, min(512, 2**23 // math.prod(size)))  # 32 MiB of pixels at once
        parts = [self._features(images[i : i + step], low, high, size) for i in range(0, len(images), step)]
        return np.concatenate(parts)

    def _features(self, images, low, high, size):
        x = tf.cast(images, tf.float32)
        to_low, to_high = self.value_range
        x = (x - low) * ((to_high - to_low) / (high - low)) + to_low
        if x.shape[1:3] != tuple(size[:2]):
            x = tf.image.resize(x, size[:2], "bilinear", antialias=True)
        features = np.asarray(self.function(tf.repeat(x, size[2] // x.shape[3], axis=3)), np.float32)
        if math.prod(features.shape[1:]) != max(features.shape[1:]):
            raise InputError(
                f"extractor {self.name!r} must give features of shape (n, d), so end it in a pooling "
                f"layer; it gave {features.shape}"
            )
        return features.reshape(len(features), -1)

    def probabilities(self, images, value_range):
        """Probabilities of the classes, which sum to 1, or of each attribute: float32 (n, classes)."""
        if self.logits is None:
            raise InputError(f"extractor {self.name!r} has no classes; use the extractor 'classifier'")
        logits = self.logits(self(images, value_range))
        return (tf.sigmoid(logits) if self.attributes else tf.nn.softmax(logits)).numpy()

    @property
    def classes(self):
        """Whether it tells classes apart, of which each image has one."""
        return self.logits is not None and not self.attributes

    @property
    def doubt(self):
        """Why its features say little of images, in one line; None where nothing is known against them.

        It is in doubt if it is nearer to guessing than to knowing.
        """
        if self.chance is None or self.accuracy - self.chance >= (1 - self.chance) / 2:
            return None
        return (
            f"the extractor {self.name!r} is right for {self.accuracy:.0%} of images that it has not seen, "
            f"where guessing is for {self.chance:.0%}; its features say little, and so do scores by them; "
            "give more labelled images, or the extractor 'inception'"
        )

    @property
    def protocol(self):
        """What a `Score` says of its extractor."""
        size = "x".join(str(side or "any") for side in self.input_shape)
        return {
            "extractor": self.name,
            "extractor_sha256": self.sha256,
            "extractor_accuracy": self.accuracy,
            "input": f"{size} in [{self.value_range[0]:g}, {self.value_range[1]:g}]",
            "resizing": self.resizing,
        }


def extractor(
    which: Extractor | keras.Model | str | Path,
    *,
    image_shape: tuple[int, int, int] | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
) -> Extractor:
    """The extractor that `which` names.

    Args:
        which: an `Extractor`, which is returned as it is; or one of
            "pixels": the values themselves, of images made at most 32x32: a baseline that
                needs neither weights nor labels (and `image_shape`).
            "inception": the 2048 pooled features of Inception v3 at 299x299 through
                keras.applications, the field's protocol. Those are Keras' ImageNet weights, not
                the TensorFlow graph of 2015, so the distances differ from papers'. The first
                use downloads 88 MB; "inception:PATH" reads that file instead.
            a `keras.Model`, or the path of a .keras file: its output, pooled to (n, d).
            the path of an .onnx file: its first output of its one input (needs onnxruntime).
            The classifier of a data set is made by `tfgen.metrics.classifier`.
        image_shape: (h, w, c) of the images, for "pixels".
        value_range: (low, high) that a Keras model or an ONNX file of one's own takes.
    """
    if isinstance(which, Extractor):
        return which
    if isinstance(which, keras.Model):
        return _keras(which, value_range)
    which = str(which)
    if which == "pixels":
        return _pixels(image_shape)
    if which == "inception" or which.startswith("inception:"):
        return _inception(which[len("inception:") :] or "imagenet")
    if which.endswith((".keras", ".onnx")):
        if not Path(which).is_file():
            raise InputError(f"there is no extractor file {which}")
        return _onnx(which, value_range) if which.endswith(".onnx") else _keras_file(which, value_range)
    raise unknown("extractor", which, [*NAMES, "a .keras file", "an .onnx file"])


def weights_sha256(weights):
    """Of shapes, dtypes and values, in order; names do not matter: 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for value in weights:
        value = np.ascontiguousarray(value)
        digest.update(f"{value.shape} {value.dtype}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def _pixels(image_shape):
    height, width, channels = image_shape
    shape = (min(height, 32), min(width, 32), channels)
    return Extractor("pixels", weights_sha256([]), shape, (0.0, 1.0), keras.layers.Flatten())


def _keras(model, value_range, name="keras"):
    shape = getattr(model, "input_shape", None)
    if not (isinstance(shape, tuple) and len(shape) == 4 and shape[3] in (1, 3)):
        raise InputError(
            f"an extractor must take images of shape (n, h, w, c), c = 1 or 3; model {model.name!r} "
            f"takes {shape}"
        )
    return Extractor(name, weights_sha256(model.get_weights()), tuple(shape[1:]), value_range, traced(model))


def traced(model):
    """The model in use as one graph for batches of any size."""
    spec = tf.TensorSpec(model.input_shape, tf.float32)
    return tf.function(lambda images: model(images, training=False), input_signature=[spec], autograph=False)


def _keras_file(path, value_range):
    try:
        model = keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise InputError(f"{path} is no Keras model that can be read: {_line(error)}") from error
    return _keras(model, value_range)


def _inception(weights):
    if weights != "imagenet" and not Path(weights).is_file():
        raise InputError(f"there is no file of Inception v3 weights {weights}")
    try:
        model = keras.applications.InceptionV3(
            include_top=False, pooling="avg", input_shape=(299, 299, 3), weights=weights
        )
    except Exception as error:  # Keras raises a bare Exception where a download fails
        raise InputError(
            f"the weights of Inception v3 cannot be downloaded ({_line(error)}); connect to the network, "
            "give a file of them as 'inception:PATH', or use the extractor 'classifier' or 'pixels'"
        ) from error
    return _keras(model, (-1.0, 1.0), "inception")


def _onnx(path, value_range):
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common class of their own
        raise InputError(f"{path} is no ONNX model that can be run: {_line(error)}") from error
    given = session.get_inputs()
    shape = [side if isinstance(side, int) else None for side in given[0].shape]
    first = len(shape) == 4 and shape[1] in (1, 3) and shape[3] not in (1, 3)  # n, c, h, w
    if first:
        shape = [shape[0], *shape[2:], shape[1]]
    fits = len(given) == 1 and given[0].type == "tensor(float)" and len(shape) == 4
    if not (fits and shape[0] is None and shape[3] in (1, 3)):
        raise InputError(
            "an extractor must have one float32 input of images (n, h, w, c) or (n, c, h, w), n free; "
            f"{path} takes {', '.join(f'{x.name} {x.shape} {x.type}' for x in given)}"
        )
    output = session.get_outputs()[0].name

    def run(x):
        x = np.moveaxis(x.numpy(), 3, 1) if first else x.numpy()
        return session.run([output], {given[0].name: np.ascontiguousarray(x)})[0]

    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return Extractor("onnx", digest, tuple(shape[1:]), value_range, run)


def _line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0]
