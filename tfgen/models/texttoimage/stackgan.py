"""StackGAN: a small image of a caption first, and then a large one of the small one and the caption.

Zhang, Xu, Li, Zhang, Wang, Huang and Metaxas. StackGAN: Text to Photo-realistic Image Synthesis with Stacked
Generative Adversarial Networks. ICCV 2017. https://arxiv.org/abs/1612.03242

Conditioning augmentation: in place of the text's features h the generator is told a draw c of a Gaussian that
is learnt of them, and kept near the standard one (section 3.2):

    c = mu(h) + sigma(h) eps
    D:    -E[log D(x, h)] - (E[log(1 - D(x, h'))] + E[log(1 - D(G, h))]) / 2,     h' of another image
    G:    -E[log D(G, h)] + lambda KL(N(mu(h), sigma(h)^2) || N(0, I))

    stage I:   G = G_1(z, c)             stage II:   G = G_2(G_1(z, c_1), c_2)

D is half as wide as G. Stage II has no z of its own, and a mu and sigma of its own; stage I is held fixed.
Layers and constants are those of the authors' code (github.com/hanzhanggit/StackGAN): eps is cut at 2, mu and
log sigma are what a leaky ReLU lets through, and the divergence is a mean over the dimensions of c with
lambda = 2, where the paper's formula is their sum with lambda = 1.

h is of an encoder that is trained before stage I's game: see `CaptionedModel`. Unlike the code, mu and sigma
begin with Glorot's weights, for h is short here and eps would drown it for thousands of steps; a wrong pair
is the right image with a wrong text, the discriminator of stage II has no further convolutions of one place,
and stage I is of any size that stage II's `scale` says.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from tfgen import loading, losses, networks, random
from tfgen.errors import InputError
from tfgen.layers import BatchNormalization
from tfgen.models.base import Recipe
from tfgen.models.registry import model
from tfgen.models.texttoimage.base import CaptionedModel
from tfgen.networks.blocks import chained, small

CUT = 2.0  # of eps
SAME = ("length", "text_dim", "text_width", "width", "latent_dim", "condition_dim")  # in both stages


def _convolution(filters, size=3, strides=1):
    how = dict(padding="same", use_bias=False, kernel_initializer=small())
    return [layers.Conv2D(filters, size, strides, **how), BatchNormalization()]


def _up(x, filters):
    """Nearest neighbours, k3, batch normalisation and ReLU, for each of the filters twice as large."""
    for count in filters:
        x = chained(x, [layers.UpSampling2D(), *_convolution(max(count, 1)), layers.ReLU()])
    return x


def _image(x, channels):
    how = dict(padding="same", activation="tanh", kernel_initializer=small(), dtype="float32")
    return layers.Conv2D(channels, 3, **how)(x)


@model(
    title="StackGAN: Text to Photo-realistic Image Synthesis with Stacked Generative Adversarial Networks",
    year=2017,
)
class StackGAN(CaptionedModel):
    """One of the two stages; stage II holds the first, which it goes on from, as `first_generator` and
    `first_conditioner`.

    Args:
        image_shape: (height, width, channels) of this stage's images: sides of stage I are 4 times a power
            of 2, of stage II `scale` times those.
        stage: 1 or 2.
        start: of stage II: the trained stage I, as `tfgen.load` takes it: a run folder, a .keras file. Its
            weights are copied when the model is made, not when it is loaded.
        scale: how many times larger stage II's images are than stage I's; a power of 2.
        blocks: residual blocks of stage II.
        condition_dim: size of c.
        kl_weight: lambda.
        length, text_dim, text_width, text_steps, width, latent_dim: see `CaptionedModel`; the same in both.
    """

    tiny = dict(
        image_shape=(8, 8, 3),
        length=6,
        text_dim=8,
        text_width=8,
        text_steps=2,
        width=8,
        latent_dim=4,
        condition_dim=4,
    )
    recipe = Recipe(
        "emoji_text",
        batch_size=32,
        epochs=320,
        model=dict(image_shape=(32, 32, 3), length=40, text_steps=4_000, width=32, ema_decay=0.995),
        data=dict(flip=True, enlarge=76 / 64),  # as the authors' code
        schedule=("halve", 1 / 6),
    )
    averaged_networks = ("generator", "conditioner")
    generator_logs = ("kl",)

    def __init__(
        self,
        image_shape=(64, 64, 3),
        stage=1,
        start=None,
        scale=4,
        blocks=2,
        length=64,
        text_dim=128,
        text_width=64,
        text_steps=2_000,
        width=64,
        latent_dim=100,
        condition_dim=128,
        kl_weight=2.0,
        **kwargs,
    ):
        self._check(image_shape, stage, start, scale)
        super().__init__(image_shape, length, text_dim, text_width, text_steps, width, latent_dim, **kwargs)
        self.stage, self.scale, self.blocks = stage, scale, blocks
        self.start = None if start is None else str(start)
        self.condition_dim, self.kl_weight = condition_dim, kl_weight
        found = self._started()
        with self.building():
            self.build_encoders()
            self.conditioner = self._conditioner("conditioner")
            if stage == 1:
                self.generator = self._first(image_shape, "generator")
            else:
                self.first_conditioner = self._conditioner("first_conditioner")
                self.first_generator = self._first(self.first_shape, "first_generator")
                self.generator = self._second()
                for network in (self.text_encoder, self.first_conditioner, self.first_generator):
                    network.trainable = False
            self.discriminator = networks.text_discriminator(
                image_shape, text_dim, width=max(width // 2, 1), units=condition_dim
            )
            if found is not None:
                self.text_encoder.set_weights(found.text_encoder.get_weights())
                for name in ("conditioner", "generator"):
                    getattr(self, f"first_{name}").set_weights(found.averaged(name).get_weights())

    # What is built.

    @staticmethod
    def _check(image_shape, stage, start, scale):
        if stage not in (1, 2) or scale not in (2, 4, 8):
            raise InputError(f"StackGAN has stages 1 and 2, of scale 2, 4 or 8; received {stage} and {scale}")
        if stage == 1 and start is not None:
            raise InputError("StackGAN's first stage has nothing to start from; omit start, or give stage=2")
        least = 4 * (scale if stage == 2 else 1)
        if any(side < 2 * least or side & (side - 1) for side in image_shape[:2]):
            raise InputError(
                f"sides of StackGAN's stage {stage} are powers of 2 from {2 * least} on; received "
                f"{image_shape}"
            )

    @property
    def first_shape(self):
        """(height, width, channels) of stage I's images."""
        *sides, channels = self.image_shape
        return (*(side // (self.scale if self.stage == 2 else 1) for side in sides), channels)

    def _started(self):
        """The trained first stage; None where there is none."""
        if self.start is None:
            return None
        found = loading.load(self.start)
        if not (isinstance(found, StackGAN) and found.stage == 1):
            raise InputError(f"start must be StackGAN's stage 1; {self.start} is {type(found).__name__}")
        for name in SAME:
            if getattr(found, name) != getattr(self, name):
                raise InputError(
                    f"both stages have one {name}; {self.start} has {getattr(found, name)}, this one "
                    f"{getattr(self, name)}"
                )
        if tuple(found.image_shape) != self.first_shape:
            raise InputError(
                f"stage 2 of {tuple(self.image_shape)} and scale {self.scale} starts from images of "
                f"{self.first_shape}; those of {self.start} are {tuple(found.image_shape)}"
            )
        return found

    @classmethod
    def from_config(cls, config):
        start = config.get("start")
        made = super().from_config({**config, "start": None})
        made.start = start
        return made

    def build_encoders(self):
        if self.stage == 1:
            super().build_encoders()
        else:
            self.text_encoder = self.build_text_encoder()

    def _conditioner(self, name):
        """h -> mu and log sigma side by side, (n, 2 condition_dim)."""
        text = keras.Input((self.text_dim,))
        x = layers.Dense(2 * self.condition_dim, dtype="float32")(text)
        return keras.Model(text, layers.LeakyReLU(0.2, dtype="float32")(x), name=name)

    def _first(self, shape, name):
        """[z, c] -> images of stage I."""
        z, c = keras.Input((self.latent_dim,)), keras.Input((self.condition_dim,))
        steps = int(math.log2(min(shape[:2]) / 4))
        maps = (*(side >> steps for side in shape[:2]), self.width << (steps - 1))
        x = layers.Dense(math.prod(maps), use_bias=False, kernel_initializer=small())(
            layers.Concatenate()([z, c])
        )
        x = networks.bottleneck(BatchNormalization()(layers.Reshape(maps)(x)), max(maps[-1] // 4, 1))
        x = _up(x, [self.width << step for step in reversed(range(steps - 1))])
        return keras.Model([z, c], _image(layers.UpSampling2D()(x), shape[2]), name=name)

    def _second(self):
        """[images of stage I, c] -> images of stage II."""
        image, c = keras.Input(self.first_shape), keras.Input((self.condition_dim,))
        width = self.width
        how = dict(padding="same", activation="relu", kernel_initializer=small())
        x = layers.Conv2D(width, 3, **how)(image)
        for filters in (2 * width, 4 * width):
            x = chained(x, [*_convolution(filters, 4, 2), layers.ReLU()])
        x = chained(networks.told(x, c), [*_convolution(4 * width), layers.ReLU()])
        for _ in range(self.blocks):
            y = chained(x, [*_convolution(4 * width), layers.ReLU(), *_convolution(4 * width)])
            x = layers.ReLU()(layers.Add()([x, y]))
        ups = int(math.log2(4 * self.scale))
        x = _up(x, [2 * width >> step for step in range(ups)])
        return keras.Model([image, c], _image(x, self.image_shape[2]), name="generator")

    # Training.

    def prepare(self):
        if self.stage == 2 and self.start is None:
            raise InputError("StackGAN's second stage goes on from a trained first one; give start=...")

    def objectives(self):
        return super().objectives() if self.stage == 1 else self.players()

    def players(self):
        players = super().players()
        own = (self.generator, self.conditioner)
        return {**players, "generator": players["generator"]._replace(networks=own)}

    def condition(self, conditioner, texts, key, first_row=0, training=False):
        """c, mu and log sigma, (n, condition_dim) each, of the features of texts, by the noise of a key."""
        mu, log_sigma = tf.split(conditioner(texts, training=training), 2, axis=1)
        eps = random.truncated_normal(key, (tf.shape(mu)[0], self.condition_dim), CUT, first_row)
        return mu + tf.exp(log_sigma) * eps, mu, log_sigma

    def given(self, texts, key, rows, first_row=0):
        """What G is given beside c, by the noise of a key: z, or in stage II the images (n, h, w, c) that
        stage I makes of texts by the same noise."""
        z = self.prior.draw(key, (rows, self.latent_dim), first_row)
        if self.stage == 1:
            return z
        c, *_ = self.condition(self.first_conditioner, texts, random.fold_in(key, 1), first_row)
        return self.first_generator([z, c], training=False)

    def _made(self, texts, key, rows, first_row=0, training=False):
        """(images, mu, log sigma) of the features of texts (n, text_dim), by the noise of a key."""
        generator, conditioner = (self.network(name, training) for name in ("generator", "conditioner"))
        noise = random.fold_in(key, self.stage)
        c, *moments = self.condition(conditioner, texts, noise, first_row, training)
        return generator([self.given(texts, key, rows, first_row), c], training=training), *moments

    def _fakes(self, step):
        return self._made(self.texts(step), step.key("z"), step.rows, step.first_row, step.training)

    def _drawn(self, step):
        return step.once(self._fakes, self.generator, self.conditioner)

    def made(self, step):
        return self._drawn(step)[0]

    def generator_objective(self, step):
        loss, _ = super().generator_objective(step)
        _, mu, log_sigma = self._drawn(step)
        kl = tf.reduce_mean(losses.normal_divergence(mu, log_sigma))  # over dimensions, too
        return loss + self.kl_weight * kl, {"kl": kl}

    # Use.

    def draw(self, key, n, first_row, captions):
        texts = self.text_encoder(captions, training=False)
        return self._made(texts, key, n, first_row)[0]

    def call(self, captions, training=False):
        texts = self.text_encoder(captions, training=False)
        return self._made(texts, random.key(self.seed), tf.shape(texts)[0], 0, training)[0]
