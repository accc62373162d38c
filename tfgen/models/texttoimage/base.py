"""What models of images and their captions share: the text's encoder, and the game that it is trained before.

The encoder learns first and alone, with an encoder of images, that a text is nearer to its own image than to
others, and an image to its own text (Reed, Akata, Schiele and Lee. Learning Deep Representations of
Fine-grained Visual Descriptions. CVPR 2016. https://arxiv.org/abs/1605.05395), F = phi(v) . psi(t):

    text:  1/n^2 sum_{i != j} max(0, 1 + F(v_i, t_j) - F(v_i, t_i)) + max(0, 1 + F(v_j, t_i) - F(v_i, t_i))

Then it is held fixed, and h = psi(t) is what the players of the game are told.

Unlike the paper, whose text encoder has a recurrent layer over its convolutions and whose images are features
of a network trained before, the text encoder is `tfgen.networks.text_encoder`, and both learn from the
images and captions alone.
"""

import keras
import numpy as np
import tensorflow as tf

from tfgen import losses, networks, priors
from tfgen.errors import InputError
from tfgen.fields import Image, Tokens
from tfgen.models.abilities import Games, Played
from tfgen.models.base import GenerativeModel, Objective

VOCABULARY = 128  # the bytes of ASCII


def joint_loss(images, texts):
    """The objective "text" of features (n, size) of images and of their texts, and the share of images that
    are nearest to their own text: two scalars."""
    scores = tf.matmul(images, texts, transpose_b=True)  # of image i and text j
    own, n = tf.linalg.diag_part(scores), tf.shape(scores)[0]
    other = 1 - tf.eye(n)
    hinges = tf.nn.relu(1 + scores - own[:, None]) + tf.nn.relu(1 + scores - own)
    found = tf.reduce_mean(tf.cast(tf.reduce_max(scores, axis=1) <= own, tf.float32))
    return tf.reduce_sum(other * hinges) / tf.cast(n, tf.float32) ** 2, found


def matching_loss(real, fake, wrong=None):
    """What a discriminator minimises of logits (n, 1) of images with their text, of fakes with theirs, and of
    images with another's: a scalar.

        -E[log s_r] - (E[log(1 - s_w)] + E[log(1 - s_f)]) / 2,     or    -E[log s_r] - E[log(1 - s_f)]
    """
    fakes = tf.reduce_mean(tf.nn.softplus(fake))
    if wrong is not None:
        fakes = 0.5 * (tf.reduce_mean(tf.nn.softplus(wrong)) + fakes)
    return tf.reduce_mean(tf.nn.softplus(-real)) + fakes


class CaptionedModel(Games, GenerativeModel):
    """Images of captions, by a game that begins when the encoder of the text has learnt.

    A subclass builds `generator`, `discriminator`, a `networks.text_discriminator`, and by `build_encoders`
    what both are told by, and states `made`, the generator's images of texts.

    Args:
        image_shape: (height, width, channels).
        length: characters of the longest caption; those of data are cut.
        text_dim: size of a text's features, h.
        text_width: filters of the text encoder.
        text_steps: steps in which the encoders learn, before the game.
        width: filters of the generator next to the image; each halving of the size doubles them.
        latent_dim: size of z.
    """

    averaged_networks = ("generator",)
    generator_logs = ()
    matching = True  # whether D sees images with the text of another
    adversarial_loss = losses.Minimax()
    prior = priors.Normal()

    def __init__(
        self,
        image_shape=(64, 64, 3),
        length=64,
        text_dim=128,
        text_width=64,
        text_steps=2_000,
        width=64,
        latent_dim=100,
        **kwargs,
    ):
        counts = dict(length=length, text_dim=text_dim, text_width=text_width, text_steps=text_steps)
        for name, value in {**counts, "width": width, "latent_dim": latent_dim}.items():
            if value < 1:
                raise InputError(f"{name} of {type(self).__name__} must be at least 1; received {value}")
        super().__init__(**kwargs)
        self.image_shape, self.width, self.latent_dim = image_shape, width, latent_dim
        self.length, self.text_dim, self.text_width = length, text_dim, text_width
        self.text_steps = text_steps

    @property
    def fields(self):
        return {
            "images": Image(self.image_shape, *self.value_range),
            "captions": Tokens(self.length, VOCABULARY),
        }

    def build_encoders(self):
        """`text_encoder`, captions -> h, and `image_encoder`, images -> features of the same size."""
        self.text_encoder = self.build_text_encoder()
        self.image_encoder = networks.dcgan_discriminator(
            self.image_shape,
            width=self.width,
            outputs=self.text_dim,
            normalization="batch",
            name="image_encoder",
        )

    def build_text_encoder(self):
        return networks.text_encoder(self.length, VOCABULARY, self.text_dim, width=self.text_width)

    # Training.

    def reads(self, k):
        """Whether the encoders learn in step k, and not the players."""
        return k <= self.text_steps

    def plays(self, k):
        """Whether the players learn in step k."""
        return not self.reads(k)

    def objectives(self):
        encoders = (self.text_encoder, self.image_encoder)
        return {
            "text": Objective(self.text_objective, encoders, ("text_found",), stage=self.reads),
            **{name: one._replace(stage=self.plays) for name, one in self.players().items()},
        }

    def players(self):
        """The objectives of the game."""
        return {
            "discriminator": Objective(self.discriminator_objective, (self.discriminator,)),
            "generator": Objective(self.generator_objective, (self.generator,), self.generator_logs),
        }

    def default_optimizers(self):
        """Adam of rate 2e-4 and beta_1 0.5; of the encoders, of rate 1e-3."""
        rates = {"text": dict(learning_rate=1e-3), "other": dict(learning_rate=2e-4, beta_1=0.5)}
        return {name: keras.optimizers.Adam(**rates.get(name, rates["other"])) for name in self.objectives()}

    def text_objective(self, step):
        texts = self.text_encoder(step.batch["captions"], training=step.training)
        images = self.image_encoder(step.batch["images"], training=step.training)
        loss, found = joint_loss(images, texts)
        return loss, {"text_found": found}

    def texts(self, step):
        """h, (n, text_dim), of the step's captions."""
        return step.once(self._texts)

    def _texts(self, step):
        return self.text_encoder(step.batch["captions"], training=False)

    def made(self, step):
        """What the generator makes of the step's texts, once a step: images (n, h, w, c)."""
        raise NotImplementedError(f"{type(self).__name__}.made")

    def described(self, step):
        """What both players are told of the step's examples, the texts first: a list of tensors (n, ...)."""
        return [self.texts(step)]

    def score(self, images, asked, training=False):
        """Logits (n, 1) of images and what is `asked` of them: high if D takes them for a real pair."""
        return self.discriminator([images, *asked], training=training)

    def played(self, step):
        """What is seen of the game in a step: see `abilities.Game`."""
        images, fakes, asked = step.batch["images"], self.made(step), self.described(step)
        scores = (self.score(x, asked, step.training) for x in (images, fakes))
        return Played(*scores, images, fakes)

    def discriminator_objective(self, step):
        (texts, *others), training = self.described(step), step.training
        fakes = tf.stop_gradient(self.made(step))
        see, judge = (self.discriminator.get_layer(half) for half in ("see", "judge"))
        maps = see(step.batch["images"], training=training)
        real, wrong = judge([maps, texts, *others], training=training), None
        if self.matching:  # the text of the example before, never its own, in the image's own places
            wrong = judge([maps, tf.roll(texts, 1, axis=0), *others], training=training)
        return matching_loss(real, self.score(fakes, [texts, *others], training), wrong), {}

    def generator_objective(self, step):
        scores = self.score(self.made(step), self.described(step), step.training)
        return self.adversarial_loss.generator(scores), {}

    # Use.

    def encode_text(self, captions):
        """h, float32 (n, text_dim), of captions: strings, or int32 (n, length)."""
        if not isinstance(captions, tf.Tensor):
            captions = self.fields["captions"].for_samples(
                captions, len(captions), "captions", type(self).__name__
            )
        return self.text_encoder(captions, training=False)

    def rows(self, examples, each=8, seed=0):
        """What a picture shows of examples {name of a field: array (n, ...)}: {caption: images}, the
        caption's own image and then `each` samples of it, (1 + each, h, w, c) in `value_range`."""
        given = {name: np.repeat(examples[name], each, axis=0) for name in self.conditions}
        made = np.asarray(self.sample(len(given["captions"]), seed, **given))
        made = made.reshape(-1, each, *made.shape[1:])
        own = np.asarray(self.fields["images"].prepared(examples["images"]))[:, None]
        texts = map(self.fields["captions"].text, examples["captions"])
        return dict(zip(texts, np.concatenate([own, made], axis=1)))

    def signatures(self):
        return {"sample": self.sampler()}
