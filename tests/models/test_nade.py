"""NADE: its logits are the paper's, and so are the gradients that are taken a row at a time.

See also test_autoregressive.py.
"""

import numpy as np
import pytest
import tensorflow as tf
from autoregressive_cases import spread

from tfgen.errors import InputError
from tfgen.models import NADE
from tfgen.models.autoregressive.nade import NADELayer


@pytest.mark.parametrize("levels", [2, 3])
def test_a_value_has_a_hidden_layer_on_all_before_it(levels):
    model = spread(NADE((3, 4, 1), levels=levels, width=5, seed=0))
    before, after, c, b = (w.numpy().astype("float64") for w in model.trainable_variables)
    images = np.random.default_rng(0).random((6, 3, 4, 1)).astype("float32")
    x = images.reshape(6, 12)
    logits, outputs = np.zeros((6, 12, levels)), levels - 1
    for i in range(12):
        h = 1 / (1 + np.exp(-(c + x[:, :i] @ before[:i])))  # eq. 9
        at = slice(i * outputs, (i + 1) * outputs)
        logits[:, i, 1:] = b[at] + h @ after[at].T  # eq. 10
    np.testing.assert_allclose(model(images), logits.reshape(6, 3, 4, 1, levels), atol=1e-5)


@pytest.mark.parametrize("traced", [False, True], ids=["eager", "traced"])
def test_gradients_are_those_of_the_formula(traced):
    layer = NADELayer(units=5, outputs=2)
    layer.build((None, 3, 2, 2))
    rng = np.random.default_rng(0)
    for weight in layer.trainable_variables:
        weight.assign(rng.normal(size=weight.shape))
    images, upstream = tf.constant(rng.random((4, 3, 2, 2)), tf.float32), rng.normal(size=(4, 24))

    def formula(images):
        x = tf.reshape(images, (-1, 12, 1))
        h = tf.sigmoid(layer.hidden_bias + tf.cumsum(x * layer.before, axis=1, exclusive=True))
        after = tf.reshape(layer.after, (12, 2, 5))
        return tf.reshape(tf.einsum("ndh,dkh->ndk", h, after), (-1, 24)) + layer.bias

    def gradients(function):
        watched = [images, *(v.value for v in layer.trainable_variables)]
        with tf.GradientTape() as tape:
            tape.watch(watched)
            loss = tf.reduce_sum(function(images) * upstream)
        return tape.gradient(loss, watched)

    run = tf.function(gradients) if traced else gradients
    for found, want in zip(run(layer), gradients(formula), strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-5)


def test_a_wrong_width_is_named():
    with pytest.raises(InputError, match="NADE needs width >= 1; received 0"):
        NADE((2, 3, 1), width=0)
