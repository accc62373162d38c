"""The domain transfer network: translations that keep what a fixed function sees.

Taigman, Polyak and Wolf. Unsupervised Cross-Domain Image Generation. ICLR 2017.
https://arxiv.org/abs/1611.02200

G = g o f translates images a of a source domain to a target domain, of which there are images b without
labels. f is a classifier's representation of the source; it is trained first, or given, and then fixed. D
tells three classes: 1, a translated from the source; 2, G of a target image; 3, a real target image.

    discriminator: -E log D_1(G(a)) - E log D_2(G(b)) - E log D_3(b)
    generator:     L_GANG + const_weight L_CONST + identity_weight L_TID + tv_weight L_TV
        L_GANG  = -E log D_3(G(a)) - E log D_3(G(b))
        L_CONST = E|f(G(a)) - f(a)|^2          mean over the values of the representation
        L_TID   = E|G(b) - b|^2                mean over the values of the image
        L_TV    = E sum_ij sqrt((z_i,j+1 - z_ij)^2 + (z_i+1,j - z_ij)^2),     z = G(a)

The generator's update moves g alone. The default weights are for digits. Grey images are repeated to
colour for an f of colour.

Unlike the paper, the classifier learns in the first `feature_steps` steps of the same training, and
g and D are DCGAN's, for images of any one size, with weights that start as Glorot's.
"""

import keras
import tensorflow as tf
from keras import layers

from tfgen import networks
from tfgen.errors import InputError
from tfgen.fields import Classes, Image
from tfgen.models.abilities import Game, Played
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.translation.base import TranslationModel

SOURCE, TARGET, REAL = range(3)  # what D tells apart
POOLED = 3


def _representation(image_shape, *, width, code_dim):
    """Three convolutions 3x3, each rectified and pooled, and a layer that sees the rest."""
    stack = [keras.Input(image_shape)]
    for step in range(POOLED):
        stack += [
            layers.Conv2D(width * 2**step, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
        ]
    stack += [layers.Flatten(), layers.Dense(code_dim, "relu", dtype="float32")]
    return keras.Sequential(stack, name="feature_network")


def cross_entropy(logits, kind):
    """-E log softmax(logits)[kind], a scalar, of logits (n, classes)."""
    return -tf.reduce_mean(tf.nn.log_softmax(logits)[:, kind])


def total_variation(images):
    """L_TV of images (n, h, w, c), a scalar: the sum over pixels and channels, mean over images."""
    down = tf.pad(images[:, 1:] - images[:, :-1], ((0, 0), (0, 1), (0, 0), (0, 0)))
    right = tf.pad(images[:, :, 1:] - images[:, :, :-1], ((0, 0), (0, 0), (0, 1), (0, 0)))
    square = down**2 + right**2
    flat = square == 0  # where the root has no derivative
    length = tf.where(flat, 0.0, tf.sqrt(tf.where(flat, 1.0, square)))
    return tf.reduce_mean(tf.reduce_sum(length, axis=(1, 2, 3)))


@model(title="Unsupervised Cross-Domain Image Generation", year=2017)
class DTN(TranslationModel):
    """A decoder of a fixed representation, against a discriminator of three classes.

    Its batches are {"images_a": (n, h, w, input_channels), "labels_a": (n,), "images_b": (n, h, w,
    channels)}, images in [-1, 1]; without labels where the representation is given. It translates images of
    its own size alone.

    Args:
        image_shape: (height, width, channels) of the target domain, of any size from 8x8 on.
        input_channels: of the source domain; as many as `channels`, unless those are 1.
        source_classes: of the source domain, at least 2.
        width: filters next to the image, of all networks.
        code_dim: size of the representation.
        feature_steps: steps that train the representation, before all others.
        const_weight, identity_weight, tv_weight: alpha, beta and gamma.
        feature_network: f, images (n, h, w, input_channels) -> (n, code_dim), in place of the one that is
            trained first; it stays as it is.
    """

    tiny = dict(
        image_shape=(8, 8, 1), input_channels=3, source_classes=3, width=4, code_dim=8, feature_steps=2,
        tv_weight=0.1,
    )  # fmt: skip
    recipe = Recipe(
        "svhn_cropped",
        batch_size=128,
        epochs=30,
        model=dict(image_shape=(32, 32, 1), input_channels=3, feature_steps=5000),
        data=dict(domains="mnist"),
    )
    averaged_networks = ("decoder",)
    own_networks = ("feature_network", "decoder", "discriminator")
    source, target = "images_a", "images_b"
    any_size = False

    def __init__(
        self,
        image_shape=(32, 32, 1),
        input_channels=3,
        source_classes=10,
        width=64,
        code_dim=128,
        feature_steps=5000,
        const_weight=15.0,
        identity_weight=15.0,
        tv_weight=0.0,
        **kwargs,
    ):
        channels = image_shape[-1]
        if channels not in (1, input_channels):
            raise InputError(
                f"the representation of DTN sees both domains, so the target has 1 channel or as many as the "
                f"source; received {channels} and {input_channels}"
            )
        if min(image_shape[:2]) < 2**POOLED:
            raise InputError(f"DTN takes images of 8x8 pixels at least; received {image_shape}")
        if source_classes < 2 or feature_steps < 1:
            raise InputError(
                f"DTN learns to tell at least 2 classes apart, in at least 1 step; received "
                f"source_classes={source_classes} and feature_steps={feature_steps}"
            )
        super().__init__(**kwargs)
        self.image_shape, self.input_channels = image_shape, input_channels
        self.source_classes, self.width, self.code_dim = source_classes, width, code_dim
        self.feature_steps = feature_steps
        self.const_weight, self.identity_weight, self.tv_weight = const_weight, identity_weight, tv_weight
        self.learns_features = "feature_network" not in self._given_networks
        with self.building():
            source_shape = (*image_shape[:2], input_channels)
            self.feature_network = _representation(source_shape, width=width, code_dim=code_dim)
            if self.learns_features:
                self.classifier = networks.mlp((code_dim,), (), (source_classes,), name="classifier")
            self.decoder = networks.dcgan_generator(image_shape, code_dim, width=width, name="decoder")
            self.discriminator = networks.dcgan_discriminator(
                image_shape, width=width, outputs=3, normalization="batch"
            )

    @property
    def fields(self):
        limits = self.value_range
        fields = {"images_a": Image((*self.image_shape[:2], self.input_channels), *limits)}
        if self.learns_features:
            fields["labels_a"] = Classes(self.source_classes, fixed=True)
        return {**fields, "images_b": Image(self.image_shape, *limits)}

    def objectives(self):
        first, later = (lambda k: k <= self.feature_steps), (lambda k: k > self.feature_steps)
        weights = dict(const=self.const_weight, identity=self.identity_weight, tv=self.tv_weight)
        logs = ("adversarial", *(name for name, weight in weights.items() if weight))
        stage = later if self.learns_features else None
        game = {
            "discriminator": Objective(self.discriminator_objective, (self.discriminator,), stage=stage),
            "generator": Objective(self.generator_objective, (self.decoder,), logs, stage=stage),
        }
        if not self.learns_features:
            return game
        learning = (self.feature_network, self.classifier)
        return {
            "classifier": Objective(self.classifier_objective, learning, ("accuracy",), stage=first),
            **game,
        }

    def default_optimizers(self):
        """Adam, of DCGAN's rate 2e-4 and beta_1 0.5 in the game, and of rate 1e-3 for the classifier."""
        rates = {"classifier": keras.optimizers.Adam(1e-3)}
        return {
            name: rates.get(name) or keras.optimizers.Adam(2e-4, beta_1=0.5) for name in self.objectives()
        }

    def features(self, images):
        """f, (n, code_dim) float32, of images (n, h, w, c) of either domain, in [-1, 1]."""
        if images.shape[-1] != self.input_channels:
            images = tf.repeat(images, self.input_channels, axis=-1)
        return self.feature_network(images, training=False)

    def made(self, step):
        """(f(a), G(a), G(b)) of the step's images."""
        return step.once(self._made, self.decoder)

    def _made(self, step):
        codes = [self.features(step.batch[name]) for name in ("images_a", "images_b")]
        decoder = self.network("decoder", step.training)
        return codes[0], *(decoder(code, training=step.training) for code in codes)

    def logits(self, images, training=False):
        """D's logits of its three classes, (n, 3)."""
        return self.discriminator(images, training=training)

    def classifier_objective(self, step):
        images, labels = step.batch["images_a"], step.batch["labels_a"]
        logits = self.classifier(self.feature_network(images, training=step.training), training=step.training)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        right = tf.argmax(logits, axis=1, output_type=tf.int32) == labels
        return tf.reduce_mean(loss), {"accuracy": tf.reduce_mean(tf.cast(right, tf.float32))}

    def discriminator_objective(self, step):
        _, from_a, from_b = self.made(step)
        kinds = {SOURCE: tf.stop_gradient(from_a), TARGET: tf.stop_gradient(from_b)}
        kinds[REAL] = step.batch["images_b"]
        logits = {kind: self.logits(images, step.training) for kind, images in kinds.items()}
        return sum(cross_entropy(x, kind) for kind, x in logits.items()), {}

    def generator_objective(self, step):
        codes, from_a, from_b = self.made(step)
        adversarial = sum(cross_entropy(self.logits(x, step.training), REAL) for x in (from_a, from_b))
        loss, logs = adversarial, {"adversarial": adversarial}
        terms = {
            "const": (self.const_weight, lambda: (self.features(from_a) - codes) ** 2),
            "identity": (self.identity_weight, lambda: (from_b - step.batch["images_b"]) ** 2),
            "tv": (self.tv_weight, lambda: total_variation(from_a)),
        }
        for name, (weight, term) in terms.items():
            if weight:
                logs[name] = tf.reduce_mean(term())
                loss += weight * logs[name]
        return loss, logs

    def games(self):
        return [Game("decoder", "discriminator", self.played)]

    def played(self, step):
        """What is seen of the game over translations: see `abilities.Game`. A score is the logarithm of
        the odds of a real image."""
        images, (_, fakes, _) = step.batch["images_b"], self.made(step)
        real, fake = (self.odds(seen, step.training) for seen in (images, fakes))
        return Played(real, fake, images, fakes)

    def odds(self, images, training=False):
        """log D_3 - log (D_1 + D_2), (n, 1)."""
        logits = self.logits(images, training)
        return logits[:, REAL:] - tf.reduce_logsumexp(logits[:, :REAL], axis=1, keepdims=True)

    def translated(self, inputs, key, first_row=0, training=False):
        """G(a), images (n, h, w, channels) in [-1, 1]; there is no noise."""
        return self.through("decoder", self.features(inputs), key, first_row, training)

    def columns(self, batch, seed=0, first_row=0):
        a, b = batch["images_a"], batch["images_b"]
        return {
            "a": a,
            "a to b": self.translated(a, None),
            "b": b,
            "b to b": self.translated(tf.convert_to_tensor(b), None),
        }

    def signatures(self):
        source = self.fields["images_a"].spec("inputs")
        return {**super().signatures(), "features": (self.features, [source])}
