"""Categorical GAN: a classifier that is sure of real images, and of fakes is not.

Springenberg. Unsupervised and Semi-supervised Learning with Categorical Generative Adversarial Networks. ICLR
2016. https://arxiv.org/abs/1511.06390

D gives p(y|x) over K categories, none of them "fake". H is the entropy in nats (eq. 7 and 9):

    loss of D = -H[E_u p(y|u)] + E_u H[p(y|u)] - E_z H[p(y|G(z))] + w CE(p(y|x), y)     x labelled, u not
    loss of G = -H[E_z p(y|G(z))] + E_z H[p(y|G(z))]

D is to be sure of each real image, to use all categories alike, and to be unsure of fakes; G makes images
of which D is sure, of all categories. The means over categories are over the batch. Without classes D finds
`categories` of its own.

Unlike the paper, networks, noise and optimizers are those of `NoisyClassifier` and of Salimans et al. (2016):
D's lengths begin from data, where the paper normalises by the batch. That w is 1 is our choice.
"""

import tensorflow as tf

from tfgen import losses
from tfgen.errors import InputError
from tfgen.models.adversarial.classifying import class_loss
from tfgen.models.adversarial.noisy import NoisyClassifier
from tfgen.models.registry import model


def each_entropy(logits):
    """E H[p(y|x)], in nats, of logits (n, K)."""
    log_p = tf.nn.log_softmax(logits)
    return -tf.reduce_mean(tf.reduce_sum(tf.exp(log_p) * log_p, 1))


def entropy_of_all(logits):
    """H[E p(y|x)], in nats: of the batch's mean."""
    rows = tf.cast(tf.shape(logits)[0], tf.float32)
    log_mean = tf.reduce_logsumexp(tf.nn.log_softmax(logits), 0) - tf.math.log(rows)
    return -tf.reduce_sum(tf.exp(log_mean) * log_mean)


class Categorical(losses.Loss):
    """The paper's, of logits (n, K) in place of scores."""

    zero_decides = False

    def discriminator(self, real, fake):
        return self.generator(real) - each_entropy(fake)

    def generator(self, fake, real=None):
        return each_entropy(fake) - entropy_of_all(fake)


@model(
    title="Unsupervised and Semi-supervised Learning with Categorical Generative Adversarial Networks",
    year=2016,
)
class CatGAN(NoisyClassifier):
    """A classifier that learns from few labels, or finds categories without any, against a generator.

    Args:
        image_shape, classes, latent_dim, width: see `NoisyClassifier`.
        categories: K, where there are no classes.
        class_weight: w.
    """

    tiny = dict(image_shape=(8, 8, 1), classes=3, latent_dim=4, width=16)
    adversarial_loss = Categorical()

    def __init__(
        self,
        image_shape=(28, 28, 1),
        classes=10,
        latent_dim=100,
        width=1000,
        categories=20,
        class_weight=1.0,
        **kwargs,
    ):
        if categories < 2:
            raise InputError(f"categories must be at least 2; received {categories}")
        self.categories, self.class_weight = categories, class_weight
        super().__init__(image_shape, classes, latent_dim, width, **kwargs)

    @property
    def outputs(self):
        return self.classes or self.categories

    def parted(self, logits):
        """-H[p(y|x)], how sure D is (n, 1), and the logits of the categories."""
        log_p = tf.nn.log_softmax(logits)
        return tf.reduce_sum(tf.exp(log_p) * log_p, 1, keepdims=True), logits

    def discriminator_objective(self, step):
        fakes, _ = self.fakes(step)
        _, real, _ = self.judged(step, self.unlabelled(step), "unlabelled")
        _, fake, _ = self.judged(step, tf.stop_gradient(fakes), "fakes")
        loss = self.adversarial_loss.discriminator(real, fake)
        if not self.classes:
            return loss, {}
        _, logits, _ = self.judged(step, step.batch["images"], "images")
        entropy = class_loss(step.batch["labels"], logits)
        return loss + self.class_weight * entropy, {"class_loss": entropy}

    def generator_objective(self, step):
        fakes, _ = self.fakes(step)
        _, logits, _ = self.judged(step, fakes, "fakes")
        return self.adversarial_loss.generator(logits), {}
