"""Discriminators that are classifiers, too; and those that learn from images without labels as well."""

import tensorflow as tf

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

    def heads(self, images, training=False):
        """The logits of real (n, 1) and of the classes (n, classes)."""
        images = self.fields["images"].prepared(images)
        return self.parted(self.network("discriminator", training)(images, training=training))

    def score(self, images, labels=None, training=False):
        """The logit of real, (n, 1); labels are not looked at."""
        return self.heads(images, training)[0]

    def classify(self, images):
        """P(C|x), (n, classes), of images (n, h, w, c) in `value_range`."""
        return tf.nn.softmax(self.heads(images)[1])

    def signatures(self):
        images = self.fields["images"].spec("images")
        return {**super().signatures(), "classify": (self.classify, [images])}


class HalfLabelled(Classifying):
    """One that learns from `images` with labels, and from as many `unlabelled`; its samples have no class.

    A model without classes, where that may be, learns from images alone.
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

    def unlabelled(self, step):
        """The step's images whose labels are not looked at, (n, h, w, c)."""
        return step.batch["unlabelled" if self.classes else "images"]
