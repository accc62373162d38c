"""A model whose objectives a test gives, and what a test sees of its weights."""

import itertools

import keras
import numpy as np
import tensorflow as tf

from tfgen.models.base import GenerativeModel

IMAGES = np.random.default_rng(0).uniform(-1, 1, (5, 2, 2, 1)).astype("float32")
RATE = 0.1


class Toy(GenerativeModel):
    """A body of features and two heads, trained by the objectives that a test gives."""

    averaged_networks = ("body",)
    image_shape = (2, 2, 1)

    def __init__(self, given=lambda model: {}, **kwargs):
        super().__init__(**kwargs)
        self.given, self.passes = given, 0
        with self.building():
            flat = keras.layers.Flatten()
            self.body = keras.Sequential([keras.Input((2, 2, 1)), flat, keras.layers.Dense(3, "tanh")])
            self.left, self.right = (
                keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]) for _ in range(2)
            )

    def objectives(self):
        return self.given(self)

    def default_optimizers(self):
        return {name: keras.optimizers.SGD(RATE) for name in self.objectives()}

    def features(self, step):
        self.passes += 1
        return self.body(step.batch["images"], training=step.training)

    def shared(self, step):
        return step.once(self.features, self.body)

    def left_loss(self, step):
        return tf.reduce_mean((self.left(self.shared(step)) - 1) ** 2), {}

    def right_loss(self, step):
        return tf.reduce_mean((self.right(self.shared(step)) + 2) ** 2), {}

    def game_loss(self, step):
        """What the body is trained by: the left head's opinion of its features."""
        return tf.reduce_mean(self.left(self.shared(step)) ** 2), {}


def toy(given=lambda model: {}, **how):
    model = Toy(given, seed=0)
    model.compile(jit_compile=False, **how)
    return model


def weights(network):
    return np.concatenate([np.ravel(w) for w in network.get_weights()])


def rested(seen):
    """Of weights before and after each step: whether the step left them as they were."""
    return [np.array_equal(before, after) for before, after in itertools.pairwise(seen)]
