"""Images of half and of twice the size, for networks of several resolutions."""

import tensorflow as tf


def down(x: tf.Tensor) -> tf.Tensor:
    """The mean of each four pixels of (n, h, w, c), (n, h / 2, w / 2, c)."""
    return tf.nn.avg_pool2d(x, 2, 2, "VALID")


def up(x: tf.Tensor) -> tf.Tensor:
    """Each pixel of (n, h, w, c) four times, (n, 2 h, 2 w, c)."""
    return tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)


def smooth_up(x: tf.Tensor) -> tf.Tensor:
    """(n, h, w, c) of known h and w at twice the size, (n, 2 h, 2 w, c), float32: bilinear."""
    return tf.image.resize(x, [2 * size for size in x.shape[1:3]], "bilinear")
