"""What a gradient keeps."""

import keras
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable("tfgen")
class Recomputed(layers.Layer):
    """Layers in turn, what is between them being made again for the gradient rather than kept for it.

    The result of the last is not made again, as no gradient asks for it. None of the layers may write what
    it keeps, as the statistics of batches: it would write it twice.

    Args:
        stack: layers of one input each.
    """

    def __init__(self, stack, **kwargs):
        super().__init__(**kwargs)
        self.stack = list(stack)

    def build(self, input_shape):
        for layer in self.stack:
            if not layer.built:  # as those of a configuration are
                layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)

    def call(self, x):
        def chain(x):
            for layer in self.stack:
                x = layer(x)
            return x

        return tf.recompute_grad(chain)(x)

    def compute_output_shape(self, input_shape):
        for layer in self.stack:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def get_config(self):
        return {**super().get_config(), "stack": [keras.saving.serialize_keras_object(x) for x in self.stack]}

    @classmethod
    def from_config(cls, config):
        stack = [keras.saving.deserialize_keras_object(x) for x in config["stack"]]
        return cls(**{**config, "stack": stack})
