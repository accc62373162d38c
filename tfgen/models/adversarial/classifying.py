"""Discriminators that are classifiers, too; and those that learn from images without labels as well."""

import tensorflow as tf

from tfgen import losses
from tfgen.fields import Classes, Image


def class_loss(labels, logits):
    """-E[log P(C = labels)], nats an image, of class logits (n, classes)."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


class Classifying:
    """An adversarial model whose discriminator knows the classes, and is not told them.

    By default it gives 1 + classes logits; one of other logits says by `parted` what they mean.
    """

    def parted(self, out):
        """Of what D gives (n, ...): the logit of real (n, 1), and those of the classes (n, classes)."""
        return out[:, :1], out[:, 1:]

    def logits(self, images, training=False):
        """What the discriminator gives, of images (n, h, w, c) in `value_range` or bytes."""
        images = self.fields["images"].prepared(images)
        return self.network("discriminator", training)(images, training=training)

    def heads(self, images, training=False):
        """The logits of real (n, 1) and of the classes (n, classes)."""
        return self.parted(self.logits(images, training))

    def score(self, images, labels=None, training=False):
        """The logit of real, (n, 1); labels are not looked at."""
        return self.heads(images, training)[0]

    def classify(self, images):
        """P(C|x), (n, classes), of images (n, h, w, c) in `value_range`."""
        return tf.nn.softmax(self.heads(images)[1])

    def signatures(self):
        images = self.fields["images"].spec("images")
        return {**super().signatures(), "classify": (self.classify, [images])}


class FakeClass(Classifying):
    """One whose discriminator knows another class, of fakes, the last of its classes + 1 logits.

    loss of D = CE(D(x), y) + CE(D(G(z)), fake)
    """

    adversarial_loss = losses.Minimax()
    discriminator_logs = ("real_class_loss", "fake_class_loss")

    def parted(self, out):
        classes = out[:, :-1]
        return tf.reduce_logsumexp(classes, 1, keepdims=True) - out[:, -1:], classes

    def discriminator_objective(self, step):
        """The sum of both, and each, in nats an image."""
        labels = step.batch["labels"]
        fakes, _ = self.fakes(step)
        real = class_loss(labels, self.logits(step.batch["images"], step.training))
        fake = self.logits(tf.stop_gradient(fakes), step.training)
        fake = class_loss(tf.fill(tf.shape(labels), self.classes), fake)
        return real + fake, dict(zip(self.discriminator_logs, (real, fake)))


class HalfLabelled(Classifying):
    """One that learns from `images` with labels, and from as many `unlabelled`; its samples have no class.

    A model without classes, where that may be, learns from images alone. By default D gives a logit l of each
    class, that of fakes is 0 (Salimans et al., 2016, section 5): D(x) is the sigmoid of log sum_k exp l_k;
    one of other logits says so by `outputs` and `parted`.
    """

    @property
    def fields(self):
        image = Image(self.image_shape, *self.value_range)
        if not self.classes:
            return {"images": image}
        return {"images": image, "labels": Classes(self.classes), "unlabelled": image}

    @property
    def conditions(self):
        """None: labels are for the classifier."""
        return {}

    @property
    def outputs(self):
        """How many logits D gives."""
        return self.classes or 1

    def parted(self, out):
        return tf.reduce_logsumexp(out, 1, keepdims=True), out

    def signatures(self):
        given = super().signatures()
        if self.outputs == 1:
            del given["classify"]
        return given

    def unlabelled(self, step):
        """The step's images whose labels are not looked at, (n, h, w, c)."""
        return step.batch["unlabelled" if self.classes else "images"]

    @property
    def discriminator_logs(self):
        return ("class_loss",) if self.classes else ()
