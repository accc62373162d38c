"""SalGAN: where people look in a picture, by a map that a discriminator takes for one of people's.

Pan, Canton Ferrer, McGuinness, O'Connor, Torres, Sayrol and Giro-i-Nieto. SalGAN: Visual Saliency Prediction
with Generative Adversarial Networks. 2017. https://arxiv.org/abs/1701.01081

    generator:     content_weight BCE(S', S) - E[log D(I, S')],   first BCE(S', S) alone, for `warm_up` steps
    discriminator: -E[log D(I, S)] - E[log(1 - D(I, S'))]

I is the picture, S the map of people's fixations, S' = G(I). BCE is the mean over the places of both maps
averaged over 4x4 pixels of -S log S' - (1 - S) log(1 - S'); it is least for S' = S, where it is S's entropy
and not 0. Then one batch is the discriminator's and the next the generator's. To each loss weight_decay sum
|w|^2 is added, over the kernels of the network that it trains. The rate is AdaGrad's.

G is VGG16 up to conv5_3 and its mirror image; D sees picture and map together. In the authors' code the lines
that add the decay are statements of their own, which do nothing, and content_weight is 1/20.
"""

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses
from tfgen.errors import InputError
from tfgen.fields import Image
from tfgen.models.abilities import Played
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.translation.base import TranslationModel, nearest

VGG16 = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))  # layers of each size, and how often `width` they are wide
MEANS = (123.68, 116.779, 103.939)  # of ImageNet's red, green and blue in 0..255, which its weights expect
POOL = 4  # pixels of a map, high and wide, that the content loss averages


@model(title="SalGAN: Visual Saliency Prediction with Generative Adversarial Networks", year=2017)
class SalGAN(TranslationModel):
    """An encoder and a decoder that turn a picture into a map of saliency; `translate` gives the map.

    Its batches are {"inputs": (n, h, w, input_channels) in [-1, 1], "images": (n, h, w, 1) in [0, 1]}.

    Args:
        image_shape: (height, width, 1) in training; height and width are multiples of 16.
        input_channels: of the pictures.
        width: filters next to the picture; VGG16 has 64.
        content_weight: alpha; the paper found 0.005 best.
        weight_decay: of both networks.
        warm_up: steps of the content loss alone; the paper has 15 epochs of 10,000 pictures in batches of 32.
        pretrained: whether the encoder begins with VGG16's weights of ImageNet, as in the paper; its first
            three sizes keep them. They are of keras.applications, and are downloaded once. False when it
            has begun, for then they are the model's own.
    """

    tiny = dict(image_shape=(16, 16, 1), input_channels=3, width=4, warm_up=2)
    recipe = Recipe(
        "scene_saliency",
        batch_size=8,
        epochs=60,
        model=dict(image_shape=(128, 128, 1), input_channels=3, width=16, warm_up=750),
        data=dict(flip=True),
    )
    value_range = (0.0, 1.0)
    averaged_networks = ("generator",)
    own_networks = ("generator", "discriminator")
    adversarial_loss = losses.Minimax()
    scores = ("cc", "sim", "kl", "auc_judd", "nss")
    multiple = smallest = 16

    def __init__(
        self,
        image_shape=(192, 256, 1),
        input_channels=3,
        width=64,
        content_weight=0.005,
        weight_decay=1e-4,
        warm_up=4700,
        pretrained=False,
        **kwargs,
    ):
        if any(size % self.multiple for size in image_shape[:2]) or image_shape[-1] != 1:
            raise InputError(
                f"a SalGAN makes maps (height, width, 1) whose sizes are multiples of 16; received "
                f"{image_shape}"
            )
        if pretrained and (width, input_channels) != (64, 3):
            raise InputError(
                f"VGG16's weights are of width 64 and pictures of 3 channels; received width {width} and "
                f"{input_channels} channels; omit pretrained"
            )
        super().__init__(**kwargs)
        self.image_shape, self.input_channels, self.width = image_shape, input_channels, width
        self.content_weight, self.weight_decay, self.warm_up = content_weight, weight_decay, warm_up
        self.pretrained = False
        with self.building():
            encoder = vgg16(input_channels, width)
            if pretrained:
                _begin(encoder)
            self.generator = saliency_network(encoder, width)
            self.discriminator = discriminator((*image_shape[:2], input_channels))

    @property
    def conditions(self):
        return {"inputs": Image((*self.image_shape[:2], self.input_channels))}

    @property
    def fields(self):
        return {**self.conditions, "images": Image(self.image_shape, *self.value_range)}

    @classmethod
    def fitting(cls, shape, **config):
        return nearest((*shape[:2], 1), cls.multiple)

    def objectives(self):
        """Their turns: `warm_up` steps of the first, then the second and the third by turns."""
        g, d = (self.generator,), (self.discriminator,)

        def turn(rest):
            return lambda k: k > self.warm_up and (k - self.warm_up) % 2 == rest

        return {
            "warm_up": Objective(self.content_objective, g, stage=lambda k: k <= self.warm_up),
            "discriminator": Objective(self.discriminator_objective, d, stage=turn(1)),
            "generator": Objective(self.generator_objective, g, ("content", "adversarial"), stage=turn(0)),
        }

    def default_optimizers(self):
        """AdaGrad of rate 3e-4, whose sums of squares begin at 0."""
        return {
            name: keras.optimizers.Adagrad(3e-4, initial_accumulator_value=0.0) for name in self.objectives()
        }

    def translated(self, inputs, key, first_row=0, training=False):
        return tf.sigmoid(self.network("generator", training)(inputs, training=training))

    def content(self, logits, images):
        """BCE of a map's logits and the truth, (n, h, w, 1) each: a scalar in nats."""
        truth = tf.reduce_mean(_blocks(images), axis=(2, 4))
        of_one, of_zero = (_log_mean(tf.math.log_sigmoid(x)) for x in (logits, -logits))
        return -tf.reduce_mean(truth * of_one + (1 - truth) * of_zero)

    def decay(self, network):
        """weight_decay times the sum of the squares of all kernels of a network that learn."""
        kernels = [v for v in network.trainable_variables if len(v.shape) > 1]
        return self.weight_decay * tf.add_n([tf.reduce_sum(v.value**2) for v in kernels])

    def content_objective(self, step):
        logits = self.generator(step.batch["inputs"], training=step.training)
        return self.content(logits, step.batch["images"]) + self.decay(self.generator), {}

    def generator_objective(self, step):
        inputs = step.batch["inputs"]
        logits = self.generator(inputs, training=step.training)
        fake = self.discriminator([inputs, tf.sigmoid(logits)], training=step.training)
        logs = {
            "content": self.content(logits, step.batch["images"]),
            "adversarial": self.adversarial_loss.generator(fake),
        }
        loss = self.content_weight * logs["content"] + logs["adversarial"] + self.decay(self.generator)
        return loss, logs

    def discriminator_objective(self, step):
        played = self.played(step)
        loss = self.adversarial_loss.discriminator(played.real_scores, played.fake_scores)
        return loss + self.decay(self.discriminator), {}

    def played(self, step):
        """What is seen of the game in a step: see `abilities.Game`."""
        inputs, images = step.batch["inputs"], step.batch["images"]
        fakes = self.translated(inputs, None, training=step.training)
        real, fake = (self.discriminator([inputs, x], training=step.training) for x in (images, fakes))
        return Played(real, fake, images, fakes)


def _blocks(x):
    """Maps (n, h, w, 1) in blocks of 4x4: (n, h / 4, 4, w / 4, 4)."""
    n, height, width = (tf.shape(x)[k] for k in range(3))
    return tf.reshape(x, (n, height // POOL, POOL, width // POOL, POOL))


def _log_mean(logs):
    """log of the blocks' means of exp(logs), also where exp is 0."""
    return tf.reduce_logsumexp(_blocks(logs), axis=(2, 4)) - tf.math.log(float(POOL**2))


def _convolution(filters, size=3, **how):
    return layers.Conv2D(filters, size, padding="same", kernel_initializer="he_uniform", **how)


def vgg16(channels, width):
    """Pictures in [-1, 1] -> maps of a 16th of the height and width: VGG16 up to conv5_3 (Simonyan and
    Zisserman, 2015), a keras.Model. Its layers have the names of keras.applications."""
    pictures = keras.Input((None, None, channels))
    x = layers.Rescaling(1.0, [1 - mean / 127.5 for mean in MEANS] if channels == 3 else 0.0)(pictures)
    for size, (count, times) in enumerate(VGG16, start=1):
        if size > 1:
            x = layers.MaxPooling2D()(x)
        for k in range(1, count + 1):
            x = _convolution(width * times, activation="relu", name=f"block{size}_conv{k}")(x)
    return keras.Model(pictures, x, name="vgg16")


def _begin(encoder):
    """Gives an encoder the weights of ImageNet; those of the first three sizes stay."""
    try:
        trained = keras.applications.VGG16(include_top=False)
    except Exception as error:  # Keras raises a bare Exception where a download fails
        raise InputError(
            f"the weights of VGG16 cannot be downloaded ({str(error).splitlines()[0]}); connect to the "
            f"network, or omit pretrained"
        ) from error
    for layer in encoder.layers:
        if layer.weights:
            kernel, bias = trained.get_layer(layer.name).get_weights()
            if layer.name == "block1_conv1":  # which has seen blue, green and red, in 0..255
                kernel = 127.5 * kernel[:, :, ::-1]
            layer.set_weights([kernel, bias])
            layer.trainable = layer.name.startswith(("block4", "block5"))


def saliency_network(encoder, width):
    """Pictures -> logits of saliency (n, h, w, 1): an encoder and, from its maps, VGG16's mirror image.

    Args:
        encoder: a keras.Model of pictures (n, h, w, c), whose maps have a 16th of the height and width.
        width: filters next to the map.
    """
    x = encoder.outputs[0]
    for size, (count, times) in enumerate(reversed(VGG16)):
        if size:
            x = layers.UpSampling2D()(x)
        for _ in range(count):
            x = _convolution(width * times, activation="relu")(x)
    return keras.Model(encoder.inputs, _convolution(1, 1, dtype="float32")(x), name="generator")


def discriminator(picture_shape):
    """[pictures, maps] -> a logit (n, 1)."""
    pictures, maps = keras.Input(picture_shape), keras.Input((*picture_shape[:2], 1))
    x = _convolution(3, 1, activation="relu")(layers.Concatenate()([pictures, maps]))
    x = layers.MaxPooling2D(4)(_convolution(32, activation="relu")(x))
    for _ in range(2):
        for _ in range(2):
            x = _convolution(64, activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    for units in (100, 2):
        x = layers.Dense(units, activation="tanh")(layers.Flatten()(x))
    return keras.Model([pictures, maps], layers.Dense(1, dtype="float32")(x), name="discriminator")
