"""A dense discriminator that classifies under noise, and its generator: what learns from 100 labels.

Rasmus et al. Semi-Supervised Learning with Ladder Networks. NeurIPS 2015. https://arxiv.org/abs/1507.02672
Its sizes and noise are those of the code of Salimans et al. (2016), for MNIST. D's weights have a length that
is not learnt, but set once by images, as of weight normalisation that begins from data.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from tfgen import priors, random
from tfgen.errors import InputError
from tfgen.fields import needs_classes
from tfgen.layers import BatchNormalization, KeyedNoise
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.models.adversarial.classifying import HalfLabelled
from tfgen.models.base import Recipe

NOISE = 0.3, 0.5  # standard deviations, at the images and at hidden layers
HIDDEN = 1, 2, 4, 4, 4  # by which `width` is divided


@keras.saving.register_keras_serializable("tfgen")
class DirectedDense(layers.Layer):
    """Dense, with the kernel g v / |v| of each unit: v is learnt, and its length g if `learns_length`.

    While `initialising`, a call sets g and the bias so that over its input each unit has the mean 0 and the
    standard deviation 1.
    """

    def __init__(self, units, activation=None, learns_length=False, **kwargs):
        super().__init__(**kwargs)
        self.units, self.activation = units, keras.activations.get(activation)
        self.learns_length, self.initialising = learns_length, False

    def build(self, input_shape):
        start = keras.initializers.RandomNormal(stddev=0.1)
        kept = dict(dtype="float32", autocast=False)
        self.v = self.add_weight((input_shape[-1], self.units), start, name="v", **kept)
        self.g = self.add_weight((self.units,), "ones", trainable=self.learns_length, name="g", **kept)
        self.bias = self.add_weight((self.units,), "zeros", name="bias", **kept)

    def call(self, x):
        directions = tf.math.l2_normalize(self.v.value, 0)
        if self.initialising:
            mean, variance = tf.nn.moments(tf.matmul(tf.cast(x, "float32"), directions), 0)
            self.g.assign(1 / tf.maximum(tf.sqrt(variance), 1e-3))  # a unit that does not vary stays finite
            self.bias.assign(-mean * self.g)
        kernel = tf.cast(directions * self.g, x.dtype)
        return self.activation(tf.matmul(x, kernel) + tf.cast(self.bias, x.dtype))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        activation = keras.activations.serialize(self.activation)
        own = dict(units=self.units, activation=activation, learns_length=self.learns_length)
        return {**super().get_config(), **own}


class NoisyClassifier(HalfLabelled, AdversarialModel):
    """Images in [0, 1], z ~ U(0, 1), and D of dense layers; a subclass states the losses.

    Its batches are {"images": (n, h, w, c), "labels": (n,), "unlabelled": (n, h, w, c)}, of
    `tfgen.data.load(..., labelled=100)`; without classes they are images. `start` sets D's lengths by the
    first 500 images.

    Args:
        image_shape: (height, width, channels), any.
        classes: at least 2; 0: there are no labels.
        latent_dim: size of z.
        width: units of D's first hidden layer; the others have a half and quarters, those of G a half.
    """

    value_range = (0.0, 1.0)
    averaged_networks = ("discriminator", "generator")
    prior = priors.Uniform(0.0, 1.0)
    start_examples = 500
    recipe = Recipe(
        "mnist",
        batch_size=100,
        epochs=20,
        model=dict(image_shape=(28, 28, 1), ema_decay=0.9999),
        data=dict(labelled=100),
    )

    def __init__(self, image_shape=(28, 28, 1), classes=10, latent_dim=100, width=1000, **kwargs):
        if classes:
            needs_classes(classes, type(self).__name__)
        if width < 4:
            raise InputError(f"width must be at least 4; received {width}")
        super().__init__(**kwargs)
        self.image_shape, self.classes = image_shape, classes
        self.latent_dim, self.width = latent_dim, width
        with self.building():
            self.generator, self.discriminator = self._generator(), self._discriminator()

    def _generator(self):
        z = keras.Input((self.latent_dim,))
        return keras.Model(z, self._image(self._hidden(z)), name="generator")

    def _hidden(self, z):
        """G's second hidden layer (n, width / 2)."""
        for _ in range(2):
            z = BatchNormalization()(layers.Dense(self.width // 2, use_bias=False)(z))
            z = layers.Activation("softplus")(z)
        return z

    def _image(self, x):
        last = DirectedDense(math.prod(self.image_shape), "sigmoid", learns_length=True, dtype="float32")
        return layers.Reshape(self.image_shape, dtype="float32")(last(x))

    def _discriminator(self):
        """[images, a key of noise for each] -> [logits (n, outputs), f (n, features)]."""
        images, keys = keras.Input(self.image_shape), keras.Input((2,), dtype="uint32")
        x = KeyedNoise(NOISE[0])(layers.Flatten()(images), keys)
        for number, part in enumerate(HIDDEN, 1):
            features = DirectedDense(self.width // part, "relu")(x)
            x = KeyedNoise(NOISE[1], number)(features, keys)
        last = DirectedDense(self.outputs, learns_length=True, dtype="float32")
        return keras.Model([images, keys], [last(self._seen(x)), features], name="discriminator")

    def _seen(self, x):
        """What D's last layer is given of the last hidden one."""
        return x

    def default_optimizers(self):
        return {name: keras.optimizers.Adam(3e-3, beta_1=0.5) for name in self.objectives()}

    def start(self, batch):
        """Sets lengths and biases of D so that over images its units have the mean 0 and deviation 1."""
        images = batch["unlabelled" if self.classes else "images"]
        keys = random.row_keys(random.key(self.seed), tf.shape(images)[0])
        dense = [one for one in self.discriminator.layers if isinstance(one, DirectedDense)]
        for layer in dense:
            layer.initialising = True
        try:
            self.discriminator([images, keys], training=True)
        finally:
            for layer in dense:
                layer.initialising = False
        for name, copy in self.averages.items():
            copy.set_weights(getattr(self, name).get_weights())

    def logits(self, images, training=False):
        images = self.fields["images"].prepared(images)
        keys = tf.zeros((tf.shape(images)[0], 2), tf.uint32)
        return self.network("discriminator", training)([images, keys], training=False)[0]

    def judged(self, step, images, name):
        """(logit of real (n, 1), logits (n, outputs), f (n, features)) of images, with noise of that name."""
        keys = random.row_keys(step.key(f"noise of {name} for {step.playing}"), step.rows, step.first_row)
        network = self.network("discriminator", step.training)
        logits, features = network([images, keys], training=step.training)
        return *self.parted(logits), tf.cast(features, tf.float32)

    def fakes(self, step):
        """As many fakes as the step has examples, and their z; each update has its own."""
        return self._fakes(step, f"z of {step.playing}")
