"""Six models of a few lines, each with one thing that a mechanism can be wrong about.

They are for tests of what all models share, where a model of the zoo would take longer and show less.
Images are (4, 4, 1) in [0, 1].
"""

import keras
import tensorflow as tf
from keras import layers

from tfgen import random
from tfgen.fields import Attributes, Classes, Image, Tokens, Vector
from tfgen.layers import BatchNormalization
from tfgen.models.base import GenerativeModel, Objective

SIZE = 16


def dense(name, inputs=SIZE, outputs=SIZE, *between, **last):
    return keras.Sequential(
        [keras.Input((inputs,)), *between, layers.Dense(outputs, dtype="float32", **last)], name=name
    )


def flat(images):
    return tf.reshape(images, (-1, SIZE))


class Probe(GenerativeModel):
    """Its samples are the network `generator` of normal noise."""

    value_range, image_shape = (0.0, 1.0), (4, 4, 1)
    averaged_networks = ("generator",)

    def default_optimizers(self):
        return {name: keras.optimizers.Adam(0.01) for name in self.objectives()}

    def made(self, z, training=False):
        return tf.reshape(
            tf.sigmoid(self.network("generator", training)(z, training=training)), (-1, 4, 4, 1)
        )

    def generate(self, z):
        return self.made(z)

    def draw(self, key, n, first_row, **given):
        return self.made(random.normal(key, (n, SIZE), first_row))

    def signatures(self):
        z = tf.TensorSpec((None, SIZE), tf.float32, "z")
        return {"generate": (self.generate, [z]), "sample": self.sampler()}

    def square(self, step, name="z"):
        """The mean square of images made of noise minus the batch's."""
        made = self.made(step.normal(name, SIZE), training=step.training)
        return tf.reduce_mean((made - step.batch["images"]) ** 2)


@keras.saving.register_keras_serializable("probes")
class One(Probe):
    """One objective, over a network with batch statistics."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.building():
            self.generator = dense(
                "generator", SIZE, SIZE, layers.Dense(8, use_bias=False), BatchNormalization(), layers.ReLU()
            )

    def objectives(self):
        return {"square": Objective(lambda step: (self.square(step), {}), (self.generator,))}


@keras.saving.register_keras_serializable("probes")
class Two(Probe):
    """Two objectives; the second is due in every second step, and goes on with what the first began."""

    def __init__(self, every=2, **kwargs):
        super().__init__(**kwargs)
        self.every = every
        with self.building():
            self.generator, self.judge = dense("generator"), dense("judge", SIZE, 1)

    def objectives(self):
        return {
            "judge": Objective(self.judges, (self.judge,), ("gap",)),
            "generator": Objective(self.makes, (self.generator,), every=self.every),
        }

    def fakes(self, step):
        return self.made(step.normal("z", SIZE), training=step.training)

    def judges(self, step):
        fakes = tf.stop_gradient(step.once(self.fakes, self.generator))
        real, fake = self.judge(flat(step.batch["images"])), self.judge(flat(fakes))
        loss = tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))
        return loss, {"gap": tf.reduce_mean(real) - tf.reduce_mean(fake)}

    def makes(self, step):
        return -tf.reduce_mean(self.judge(flat(step.once(self.fakes, self.generator)))), {}


@keras.saving.register_keras_serializable("probes")
class Trunk(Probe):
    """Two objectives whose networks share a layer."""

    averaged_networks = ("generator", "second")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.building():
            z, trunk = keras.Input((SIZE,)), layers.Dense(SIZE, activation="tanh")
            self.generator, self.second = (
                keras.Model(z, layers.Dense(SIZE, dtype="float32")(trunk(z)), name=name)
                for name in ("generator", "second")
            )

    def objectives(self):
        def loss(network):
            def of(step):
                made = network(step.normal("z", SIZE), training=step.training)
                return tf.reduce_mean((made - flat(step.batch["images"])) ** 2), {}

            return of

        return {
            "first": Objective(loss(self.generator), (self.generator,)),
            "second": Objective(loss(self.second), (self.second,), every=2),
            "both": Objective(self.agree, (self.generator, self.second), every=3),
        }

    def agree(self, step):
        z = step.normal("z", SIZE)
        return tf.reduce_mean((self.generator(z) - self.second(z)) ** 2), {}


@keras.saving.register_keras_serializable("probes")
class State(Probe):
    """A number beside the network, which the training moves and follows."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.building():
            self.generator = dense("generator")
            kept = dict(trainable=False, aggregation="mean", dtype="float32", autocast=False)
            self.level = self.add_weight((), "zeros", name="level", **kept)

    def objectives(self):
        return {"square": Objective(self.follows, (self.generator,), ("level",))}

    def follows(self, step):
        level = self.level + 0.0
        if step.training:
            self.level.assign(0.9 * level + 0.1 * tf.reduce_mean(step.batch["images"]))
        return (1 + level) * self.square(step), {"level": level}


@keras.saving.register_keras_serializable("probes")
class Given(Probe):
    """A field of each kind."""

    @property
    def fields(self):
        return {
            "images": Image((4, 4, 1), 0.0, 1.0),
            "labels": Classes(3),
            "inputs": Image((2, 4, 1), -1.0, 1.0),
            "captions": Tokens(5, 7),
            "places": Vector((2,), 0.0, 2.0),
            "traits": Attributes(3),
        }

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.building():
            self.table = keras.Sequential([keras.Input((5,)), layers.Embedding(7, 2), layers.Flatten()])
            self.generator = dense("generator", 10 + 3 + 8 + 2 + 3 + SIZE)

    def told(self, given, z, training=False):
        parts = [self.fields[name].encoded(given[name]) for name in self.conditions]
        parts[2] = self.table(parts[2])
        parts = [tf.reshape(tf.cast(x, tf.float32), (tf.shape(z)[0], -1)) for x in parts]
        x = tf.ensure_shape(tf.concat([*parts, z], axis=1), (None, 26 + SIZE))
        return self.made(x, training)

    def objectives(self):
        return {"square": Objective(self.misses, (self.generator, self.table))}

    def misses(self, step):
        made = self.told(step.batch, step.normal("z", SIZE), step.training)
        return tf.reduce_mean((made - step.batch["images"]) ** 2), {}

    def draw(self, key, n, first_row, **given):
        return self.told(given, random.normal(key, (n, SIZE), first_row))


@keras.saving.register_keras_serializable("probes")
class Stages(Probe):
    """A network that grows: a second objective takes over after the third step."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.building():
            self.generator, self.grown = dense("generator"), dense("grown")

    def objectives(self):
        return {
            "small": Objective(
                lambda step: (self.square(step), {}), (self.generator,), stage=lambda k: k <= 3
            ),
            "large": Objective(self.corrects, (self.generator, self.grown), stage=lambda k: k > 3),
        }

    def corrects(self, step):
        made = self.made(step.normal("z", SIZE), training=step.training)
        made = flat(made) + self.grown(flat(made))
        return tf.reduce_mean((made - flat(step.batch["images"])) ** 2), {}


ALL = (One, Two, Trunk, State, Given, Stages)
