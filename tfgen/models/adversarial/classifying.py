"""Discriminators that are classifiers, too, from one body."""

import tensorflow as tf


def class_loss(labels, logits):
    """-E[log P(C = labels)], nats an image, of class logits (n, classes)."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


class Classifying:
    """An adversarial model whose discriminator gives 1 + classes logits, and is not told the class."""

    def heads(self, images, training=False):
        """The logits of real (n, 1) and of the classes (n, classes)."""
        images = self.fields["images"].prepared(images)
        out = self.network("discriminator", training)(images, training=training)
        return out[:, :1], out[:, 1:]

    def score(self, images, labels=None, training=False):
        """The logit of real, (n, 1); labels are not looked at."""
        return self.heads(images, training)[0]

    def classify(self, images):
        """P(C|x), (n, classes), of images (n, h, w, c) in `value_range`."""
        return tf.nn.softmax(self.heads(images)[1])

    def signatures(self):
        images = self.fields["images"].spec("images")
        return {**super().signatures(), "classify": (self.classify, [images])}
