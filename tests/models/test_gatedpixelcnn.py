"""Gated PixelCNN: its equations, its receptive field, its classes. See also test_autoregressive.py."""

import numpy as np
import pytest
import tensorflow as tf
from autoregressive_cases import sensitivity, spread

from tfgen.errors import InputError
from tfgen.models import GatedPixelCNN

SIZE = dict(levels=2, width=4, top=4, seed=0)


@pytest.mark.parametrize("kernel_size, depth", [(3, 2), (5, 2), (3, 3)])
def test_the_receptive_field_is_a_rectangle_without_a_blind_spot(kernel_size, depth):
    row, column, shape = 7, 6, (9, 13)
    model = GatedPixelCNN((*shape, 1), depth=depth, kernel_size=kernel_size, **SIZE)
    reach = 3 + (depth - 1) * (kernel_size // 2)
    expected = np.zeros(shape, bool)
    expected[row - reach - 1 : row, column - reach : column + reach + 1] = True
    expected[row, column - reach : column] = True
    seen = sensitivity(model)[row * shape[1] + column].reshape(shape)
    np.testing.assert_array_equal(seen, expected)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gate(x):
    half = x.shape[-1] // 2
    return np.tanh(x[..., :half]) * sigmoid(x[..., half:])


def test_two_layers_are_those_of_the_paper():
    """On an image of one pixel, where a convolution is what its kernel has for the own pixel."""
    model = spread(GatedPixelCNN((1, 1, 1), depth=2, kernel_size=3, classes=3, **SIZE), 0.5)
    network = model.predictor

    def own(name, x):
        layer = network.get_layer(name)
        kernel = layer.masked() if hasattr(layer, "masked") else layer.kernel
        row, column = (-1, kernel.shape[1] // 2) if name.startswith("vertical") else (-1, -1)
        return x @ np.asarray(kernel[row, column]) + (0 if layer.bias is None else layer.bias.numpy())

    def of_class(name):
        return network.get_layer(name).kernel.numpy()[2]

    a = network.get_layer("vertical_0").bias.numpy()  # there is no row above
    b = network.get_layer("horizontal_0").bias.numpy() + own("across_0", a)
    h = own("residual_0", gate(b + of_class("horizontal_class_0")))
    v = gate(a + of_class("vertical_class_0"))
    a = own("vertical_1", v)
    b = own("horizontal_1", h) + own("across_1", a)
    h = h + own("residual_1", gate(b + of_class("horizontal_class_1")))
    want = own("logits", np.maximum(own("top", np.maximum(h, 0)), 0))
    image = tf.constant([[[[1.0]]]])
    np.testing.assert_allclose(model(image, tf.constant([2]))[0, 0, 0, 0], want, rtol=1e-5)


def test_colour_groups_of_a_gated_unit_keep_their_order():
    """A width that three channels do not divide."""
    model = GatedPixelCNN((2, 2, 3), levels=2, width=7, depth=2, kernel_size=3, top=5, seed=0)
    np.testing.assert_array_equal(sensitivity(model), np.tri(12, k=-1, dtype=bool))
    images = model.sample(8, seed=0)
    np.testing.assert_array_equal(images, model.sample(8, seed=0, naive=True))


def test_classes_are_learnt():
    """Images all black of class 0, all white of class 1."""
    model = GatedPixelCNN((2, 3, 1), depth=2, kernel_size=3, classes=2, **SIZE)
    model.compile("adam")
    model.optimizers["likelihood"].learning_rate = 0.03
    labels = np.arange(16, dtype="int32") % 2
    images = np.broadcast_to(labels[:, None, None, None], (16, 2, 3, 1)).astype("float32")
    data = tf.data.Dataset.from_tensors((images, labels)).repeat(60)
    model.fit(data, verbose=0)
    assert model.sample(20, seed=0, labels=1).numpy().mean() > 0.9
    assert model.sample(20, seed=0, labels=0).numpy().mean() < 0.1
    own, other = (model.log_prob(images, lab).numpy().mean() for lab in (labels, 1 - labels))
    assert own > -0.5 and other < -4


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(image_shape=(8, 8, 3), width=2), "width and top >= 3"),
        (dict(depth=1), "depth >= 2"),
        (dict(kernel_size=4), "odd kernel_size >= 3; received 4"),
        (dict(kernel_size=1), "odd kernel_size >= 3; received 1"),
        (dict(classes=1), "classes >= 2; received 1"),
    ],
)
def test_a_wrong_constructor_argument_is_named(arguments, message):
    with pytest.raises(InputError, match=message):
        GatedPixelCNN(**arguments)


@pytest.mark.parametrize(
    "labels, message", [([0, 3], "lie in 0..1; received 0 to 3"), ([0, 1, 1], r"of shape \(2,\)")]
)
def test_wrong_labels_are_named(labels, message):
    model = GatedPixelCNN((2, 3, 1), depth=2, kernel_size=3, classes=2, **SIZE)
    with pytest.raises(InputError, match=message):
        model.sample(2, labels=labels)
    with pytest.raises(InputError, match="conditional; give labels"):
        model.log_prob(np.zeros((1, 2, 3, 1)))
