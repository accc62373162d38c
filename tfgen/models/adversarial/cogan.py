"""Coupled GAN: images of two domains that belong together, learned from images that do not.

Liu and Tuzel. Coupled Generative Adversarial Networks. NeurIPS 2016. https://arxiv.org/abs/1606.07536

Two GANs, of the domains a and b, play side by side on one z:

    V = sum_k  E_x[log D_k(x)] + E_z[log(1 - D_k(G_k(z)))],     k = a, b

G_a and G_b share their first layers, which decide what z shows, and D_a and D_b their last ones, which judge
it; each domain has a last layer of G and a first layer of D of its own, for its looks. So G_a(z) and G_b(z)
come to show the same, though no pair is ever seen.

With `classes` the images of a have labels, and D a classifier c on f, its last hidden layer, which is shared:
what it learns from a it can be asked of b (section 5, unsupervised domain adaptation). D then minimises

    -V / 2 + class_weight CE(c(f(x_a)), y) + feature_weight E_z |f(G_a(z)) - f(G_b(z))|^2

Networks and weights are those of the authors' PyTorch code, which has the last term, in D's update alone, and
the mean of the two games in place of the sum. As in their Caffe code weight decay is of kernels alone. Unlike
both, G continues the pass that D was shown, batch normalisation has gains and biases, and images may have
another size than 28x28.
"""

import itertools
from typing import NamedTuple

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses, priors
from tfgen.errors import InputError
from tfgen.fields import Classes, Image, needs_classes
from tfgen.layers import BatchNormalization
from tfgen.models.abilities import Game, Games, Latents, Played
from tfgen.models.base import SEEDED, GenerativeModel, Objective, Recipe
from tfgen.models.options import Option
from tfgen.models.registry import model

DOMAINS = ("a", "b")
SMALLEST = 16  # of which D's two convolutions leave one pixel


class Heads(NamedTuple):
    """What D says of a pair: lists of domain a's tensor and domain b's.

    Attributes:
        scores: logits (n, 1), high for real.
        features: f, (n, features).
        classes: logits (n, classes); [] of a model without classes.
    """

    scores: list
    features: list
    classes: list


def _started(**options):
    """Options of a layer that begins as the authors' do: Glorot's weights times sqrt(2), biases of 0.1."""
    start = keras.initializers.VarianceScaling(2.0, "fan_avg", "uniform")
    return dict(kernel_initializer=start, bias_initializer=keras.initializers.Constant(0.1), **options)


def _prelu(**options):
    return layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25), **options)


def _sizes(size):
    """Of an image's height or width: those of the four maps from which G's last layer makes 3 pixels more."""
    sizes = [size - 3]
    while len(sizes) < 4:
        sizes.insert(0, (sizes[0] + 1) // 2)
    return sizes


@model(title="Coupled Generative Adversarial Networks", year=2016)
class CoGAN(Games, Latents, GenerativeModel):
    """One z becomes a pair of images, of domain a and of domain b; with `classes` also a classifier of both.

    Its batches are {"images_a": (n, h, w, c), "images_b": (n, h, w, c)}, in [0, 1], and with `classes`
    "labels_a", (n,). The domains have images of one shape.

    Args:
        image_shape: (height, width, channels), 16x16 or larger.
        latent_dim: size of z.
        width: filters of G's first layer; the next three have half as many each.
        features: size of D's last hidden layer; its convolutions have a 25th and a tenth as many filters.
        classes: of the images of domain a; 0: there are no labels.
        class_weight, feature_weight: of the terms that `classes` adds to D's loss.
        weight_decay: half of it times the sum of squares of its kernels joins each objective.
    """

    tiny = dict(image_shape=(16, 16, 1), latent_dim=4, width=16, features=50, classes=3)
    recipe = Recipe(
        "mnist",
        batch_size=64,
        epochs=10,
        model=dict(image_shape=(28, 28, 1), width=256, classes=10),
        data=dict(domains="digits"),
    )
    value_range = (0.0, 1.0)
    averaged_networks = ("generator", "discriminator")
    own_networks = ("generator", "discriminator")
    adversarial_loss = losses.Minimax()
    prior = priors.Normal()
    options = {"domain": Option(0.0, 0.0, 2.0, "0 for images of domain a, 1 for those of domain b")}

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=100,
        width=1024,
        features=500,
        classes=0,
        class_weight=10.0,
        feature_weight=0.01,
        weight_decay=5e-4,
        **kwargs,
    ):
        if len(image_shape) != 3 or min(image_shape[:2]) < SMALLEST or image_shape[2] < 1:
            raise InputError(
                f"a CoGAN takes images (height, width, channels) of {SMALLEST}x{SMALLEST} at least; received "
                f"image_shape={tuple(image_shape)}"
            )
        for name, value, least in (("width", width, 8), ("features", features, 25)):
            if value < least:
                raise InputError(f"{name} must be at least {least}; received {value}")
        if classes:
            needs_classes(classes, type(self).__name__)
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim = image_shape, latent_dim
        self.width, self.features = width, features
        self.classes, self.class_weight, self.feature_weight = classes, class_weight, feature_weight
        self.weight_decay = weight_decay
        with self.building():
            self.generator, self.discriminator = self._generator(), self._discriminator()

    def _generator(self):
        """z -> [image of a, image of b]."""
        (rows, *heights), (columns, *widths) = map(_sizes, self.image_shape[:2])
        z = keras.Input((self.latent_dim,))
        x = layers.Dense(rows * columns * self.width, **_started(use_bias=False))(z)
        x = layers.Reshape((rows, columns, self.width))(x)
        for halving, size in enumerate(zip(heights, widths), 1):
            x = _prelu(shared_axes=[1, 2])(BatchNormalization()(x))
            odd = [length % 2 for length in size]  # twice the map before, or one pixel less
            up = dict(strides=2, padding="same", output_padding=tuple(1 - x for x in odd), use_bias=False)
            x = layers.Conv2DTranspose(self.width >> halving, 3, **_started(**up))(x)
        x = _prelu(shared_axes=[1, 2], name="shared")(BatchNormalization()(x))
        images = []
        for name in DOMAINS:
            last = _started(activation="sigmoid", dtype="float32", name=f"last_{name}")
            wide = layers.Conv2DTranspose(self.image_shape[2], 6, **last)(x)
            images.append(layers.Cropping2D(1, dtype="float32")(wide))
        return keras.Model(z, images, name="generator")

    def _discriminator(self):
        """[image of a, image of b] -> the lists of `Heads`, one after another."""
        tied = [
            layers.Conv2D(self.features // 10, 5, **_started(name="tied")),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(self.features, **_started()),
            _prelu(),
        ]
        heads = [layers.Dense(1, dtype="float32", **_started(name="score"))]
        if self.classes:
            heads.append(layers.Dense(self.classes, dtype="float32", **_started(name="classes")))
        images, features = [], []
        for name in DOMAINS:
            images.append(keras.Input(self.image_shape))
            x = layers.Conv2D(self.features // 25, 5, **_started(name=f"first_{name}"))(images[-1])
            x = layers.MaxPooling2D()(x)
            for layer in tied:
                x = layer(x)
            features.append(x)
        score, *classes = ([head(x) for x in features] for head in heads)
        outputs = itertools.chain(score, features, *classes)
        return keras.Model(images, list(outputs), name="discriminator")

    @classmethod
    def parts(cls, **config):
        return ("images_a", "images_b")

    @property
    def fields(self):
        image = Image(self.image_shape, *self.value_range)
        labels = {"labels_a": Classes(self.classes)} if self.classes else {}
        return {"images_a": image, **labels, "images_b": image}

    @property
    def conditions(self):
        """None: which domain is an option."""
        return {}

    def objectives(self):
        games = [f"discriminator_{name}" for name in DOMAINS]
        logs = (*games, *(("class_loss", "feature_distance") if self.classes else ()))
        return {
            "discriminator": Objective(self.discriminator_objective, (self.discriminator,), logs),
            "generator": Objective(
                self.generator_objective, (self.generator,), tuple(f"generator_{name}" for name in DOMAINS)
            ),
        }

    def default_optimizers(self):
        """Adam of rate 2e-4 and beta_1 0.5, as in the authors' code."""
        return {name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in self.objectives()}

    def heads(self, images, training=False):
        """The `Heads` of [images of a, images of b], (n, h, w, c) each."""
        found = self.network("discriminator", training)(list(images), training=training)
        return Heads(found[:2], found[2:4], found[4:])

    def fakes(self, step):
        """[images of a, images of b] of the step's z, one for both."""
        return step.once(self._fakes, self.generator)

    def _fakes(self, step):
        z = self.draw_codes(step.key("z"), step.rows, step.first_row)
        return self.network("generator", step.training)(z, training=step.training)

    def _decay(self, name):
        kernels = [v for v in self.objectives()[name].variables if v.name == "kernel"]
        return 0.5 * self.weight_decay * tf.add_n([tf.reduce_sum(v.value**2) for v in kernels])

    def discriminator_objective(self, step):
        batch = step.batch
        real = self.heads([batch[f"images_{name}"] for name in DOMAINS], step.training)
        fake = self.heads([tf.stop_gradient(images) for images in self.fakes(step)], step.training)
        scores = zip(DOMAINS, real.scores, fake.scores)
        logs = {f"discriminator_{name}": self.adversarial_loss.discriminator(r, f) for name, r, f in scores}
        loss = sum(logs.values()) / 2
        if self.classes:
            entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["labels_a"], real.classes[0])
            a, b = (tf.cast(features, tf.float32) for features in fake.features)
            logs["class_loss"] = tf.reduce_mean(entropy)
            logs["feature_distance"] = tf.reduce_mean(tf.reduce_sum((a - b) ** 2, axis=1))
            loss += self.class_weight * logs["class_loss"] + self.feature_weight * logs["feature_distance"]
        return loss + self._decay("discriminator"), logs

    def generator_objective(self, step):
        scores = self.heads(self.fakes(step), step.training).scores
        logs = {f"generator_{name}": self.adversarial_loss.generator(s) for name, s in zip(DOMAINS, scores)}
        return sum(logs.values()) / 2 + self._decay("generator"), logs

    def games(self):
        zero = self.adversarial_loss.zero_decides
        plays = (self.played_a, self.played_b)
        return [Game("generator", "discriminator", play, zero, name) for play, name in zip(plays, DOMAINS)]

    def played_a(self, step):
        """What is seen of the game over domain a: see `abilities.Game`."""
        return self._played(step, 0)

    def played_b(self, step):
        """What is seen of the game over domain b: see `abilities.Game`."""
        return self._played(step, 1)

    def _played(self, step, which):
        reals = [step.batch.get(f"images_{name}") for name in DOMAINS]
        fakes = self.fakes(step)
        real = None if reals[which] is None else self.heads(reals, step.training).scores[which]
        return Played(real, self.heads(fakes, step.training).scores[which], reals[which], fakes[which])

    def generate_pair(self, z):
        """{"images_a": G_a(z), "images_b": G_b(z)}, (n, h, w, c) in [0, 1], of latents z (n, latent_dim)."""
        images = self.network("generator", training=False)(z, training=False)
        return {f"images_{name}": part for name, part in zip(DOMAINS, images)}

    def generate(self, z, domain=0):
        """Images (n, h, w, c) in [0, 1] of latents z (n, latent_dim).

        Args:
            domain: 0 for images of domain a, 1 for those of b; one for all, or (n,).
        """
        a, b = self.generate_pair(z).values()
        return tf.where(tf.reshape(tf.less(domain, 1), (-1, 1, 1, 1)), a, b)

    def draw(self, key, n, first_row, domain=0):
        return self.generate(self.draw_codes(key, n, first_row), domain)

    def classify(self, images, domain=1):
        """p(y|x), (n, classes), of images (n, h, w, c) of domain b, or of a where it is 0.

        Images lie in [0, 1] or are bytes.

        Raises:
            InputError: the model has no classes, or another domain.
        """
        if not self.classes:
            raise InputError("this CoGAN was trained without labels; build it with classes=... to classify")
        if domain not in (0, 1):
            raise InputError(f"domain is 0 for a or 1 for b; received {domain}")
        images = self.fields["images_b"].prepared(images)
        return tf.nn.softmax(self.heads([images, images]).classes[domain])

    def call(self, z, training=False):
        return self.network("generator", training)(z, training=training)

    def signatures(self):
        z, images = tf.TensorSpec((None, self.latent_dim), tf.float32, "z"), self.fields["images_b"]
        classify = {"classify": (self.classify, [images.spec("images")])} if self.classes else {}
        # A page shows a choice of labels.
        return {
            "generate": (self.generate, [z, Classes(2).spec("labels")]),
            "generate_pair": (self.generate_pair, [z]),
            "latents": (self.latents_from_seed, [*SEEDED]),
            "sample": self.sampler(),
            **classify,
        }

    @property
    def input_values(self):
        domain, images = Classes(2).values, self.fields["images_b"].values
        return {**super().input_values, "images": images, "domain": domain, "labels": domain}
