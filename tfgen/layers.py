"""Layers of two or more papers."""

import keras
import tensorflow as tf
from keras import layers


def batch_normalization():
    """Keras' own; its statistics are of the whole global batch when several devices train."""
    several = tf.distribute.get_strategy().num_replicas_in_sync > 1
    return layers.BatchNormalization(synchronized=several)


@keras.saving.register_keras_serializable("tfgen")
class LayerNormalization(layers.Layer):
    """gain * (x - mean) / sqrt(variance + epsilon) + bias over all axes but the first.

    Ba et al. Layer Normalization. 2016. https://arxiv.org/abs/1607.06450
    The gain and the bias are one for each channel, as Gulrajani et al. (2017) use it in critics.

    Not Keras': its variance treats the mean as a constant, which leaves first derivatives
    right and makes second ones wrong by some percent, without an error. A gradient penalty
    is trained by second derivatives; here they are right to float64 finite differences.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=input_shape[-1:], initializer="ones")
        self.bias = self.add_weight(name="bias", shape=input_shape[-1:], initializer="zeros")

    def call(self, x):
        axes = tuple(range(1, len(x.shape)))
        wide = tf.cast(x, "float32") if x.dtype in (tf.float16, tf.bfloat16) else x
        centred = wide - tf.reduce_mean(wide, axes, keepdims=True)
        variance = tf.reduce_mean(centred**2, axes, keepdims=True)
        normal = tf.cast(centred * tf.math.rsqrt(variance + self.epsilon), x.dtype)
        return normal * self.gain + self.bias

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
