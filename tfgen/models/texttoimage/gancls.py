"""GAN-CLS: images of captions, by a discriminator that knows a real image with a wrong text.

Reed, Akata, Yan, Logeswaran, Schiele and Lee. Generative Adversarial Text to Image Synthesis. ICML 2016.
https://arxiv.org/abs/1605.05396

Both players are told h, the features of the text. s_r = D(x, h), s_w = D(x, h') with the text of another
image, s_f = D(G(z, h), h):

    D:    -E[log s_r] - (E[log(1 - s_w)] + E[log(1 - s_f)]) / 2            (Algorithm 1)
    G:    -E[log s_f]
          - E[log D(G(z, h_12), h_12)],     h_12 = (h_1 + h_2) / 2         (GAN-INT, eq. 5)

h_1 and h_2 are texts of the batch, and no image goes with their middle: D does not learn from it. Without
`matching` D sees no wrong pairs, and all their weight is the fakes': a conditional GAN. Constants are those
of the paper and of the authors' code (github.com/reedscot/icml2016).

D is half as wide as G. h is of an encoder that is trained before the game: see `CaptionedModel`. Unlike the
paper's, it is small and learns from these images alone; G has one residual block, at its first maps, and not
a second one behind; a wrong pair is the right image with a wrong text; and the code averages the features of
four captions of an image, where there is one here.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from tfgen import networks
from tfgen.layers import BatchNormalization
from tfgen.models.base import Recipe
from tfgen.models.registry import model
from tfgen.models.texttoimage.base import CaptionedModel


@model(title="Generative Adversarial Text to Image Synthesis", year=2016)
class GANCLS(CaptionedModel):
    """A generator of images of captions, and a discriminator of images with captions.

    Args:
        image_shape, length, text_dim, text_width, text_steps, width, latent_dim: see `CaptionedModel`.
        matching: whether the discriminator sees real images with wrong captions (GAN-CLS).
        interpolation: whether the generator learns from texts between two captions, too (GAN-INT).
    """

    tiny = dict(
        image_shape=(8, 8, 3), length=6, text_dim=8, text_width=8, text_steps=2, width=8, latent_dim=4
    )
    recipe = Recipe(
        "emoji_text",
        batch_size=32,
        epochs=320,
        model=dict(image_shape=(32, 32, 3), length=40, text_steps=5_000, width=48, ema_decay=0.995),
        data=dict(flip=True, enlarge=76 / 64),  # as the authors' code
        schedule=("halve", 1 / 6),
    )

    def __init__(
        self,
        image_shape=(64, 64, 3),
        length=64,
        text_dim=128,
        text_width=64,
        text_steps=2_000,
        width=64,
        latent_dim=100,
        matching=True,
        interpolation=True,
        **kwargs,
    ):
        super().__init__(image_shape, length, text_dim, text_width, text_steps, width, latent_dim, **kwargs)
        self.matching, self.interpolation = matching, interpolation
        with self.building():
            self.build_encoders()
            self.generator = self._generator()
            self.discriminator = networks.text_discriminator(
                image_shape, text_dim, width=max(width // 2, 1), units=text_dim
            )

    def _generator(self):
        z, text = keras.Input((self.latent_dim,)), keras.Input((self.text_dim,))
        up = networks.dcgan_decoder(self.image_shape, width=self.width)
        maps = up.input_shape[1:]
        x = layers.Concatenate()([z, layers.LeakyReLU(0.2)(layers.Dense(self.text_dim)(text))])
        x = layers.Dense(math.prod(maps), use_bias=False)(x)
        x = BatchNormalization()(layers.Reshape(maps)(x))
        x = networks.bottleneck(x, max(maps[-1] // 4, 1))
        return keras.Model([z, text], up(x), name="generator")

    def made(self, step):
        return step.once(self._fakes, self.generator)

    def _fakes(self, step):
        z = step.normal("z", self.latent_dim)
        return self.generator([z, self.texts(step)], training=step.training)

    def generator_objective(self, step):
        loss, logs = super().generator_objective(step)
        if self.interpolation:
            loss += self._between(step)
        return loss, logs

    def _between(self, step):
        """The generator's loss of texts in the middle between two captions of the batch."""
        texts = self.texts(step)
        half = tf.shape(texts)[0] // 2
        middle = 0.5 * (texts[:half] + texts[half : 2 * half])
        z = step.normal("z between captions", self.latent_dim)[:half]
        fakes = self.generator([z, middle], training=step.training)
        return self.adversarial_loss.generator(self.score(fakes, [middle], step.training))

    def generate(self, z, captions):
        """Images (n, h, w, c) in [-1, 1] of latents z (n, latent_dim) and captions, strings or int32
        (n, length)."""
        return self.network("generator", False)([z, self.encode_text(captions)], training=False)

    def draw(self, key, n, first_row, captions):
        return self.generate(self.prior.draw(key, (n, self.latent_dim), first_row), captions)

    def call(self, z, captions, training=False):
        texts = self.text_encoder(captions, training=False)
        return self.network("generator", training)([z, texts], training=training)
