"""Auxiliary classifier GAN: the discriminator says the class, instead of being told.

Odena, Olah and Shlens. Conditional Image Synthesis with Auxiliary Classifier GANs. ICML 2017.
https://arxiv.org/abs/1610.09585

D(x) gives P(S|x), real or fake, and P(C|x), the class, from one body (eq. 2 and 3):

    L_S = E[log P(S = real|x)] + E[log P(S = fake|G(z, c))]
    L_C = E[log P(C = c|x)] + E[log P(C = c|G(z, c))]

D maximises L_S + L_C, and G maximises L_C - L_S: the classes are no contest, both players want
them right, D on real images and fakes alike. In -L_S the generator has the non-saturating
-E[log P(S = real|G(z, c))]; of L_C it moves the second part alone.

Unlike the paper, the networks are `StandardGAN`'s, without dropout, and fakes have the classes of the real
images of their batch.
"""

import tensorflow as tf

from tfgen import losses
from tfgen.models.adversarial.base import ConditionalGAN
from tfgen.models.adversarial.classifying import Classifying, class_loss
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="Conditional Image Synthesis with Auxiliary Classifier GANs", year=2017)
class ACGAN(Classifying, ConditionalGAN):
    """A generator of images of a class, and a discriminator that is a classifier too.

    Args:
        image_shape, classes, kwargs: see `ConditionalGAN`.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, classes=3)
    recipe = Recipe("mnist", batch_size=128, epochs=15, model=dict(image_shape=(28, 28, 1), width=32))
    adversarial_loss = losses.Minimax()
    discriminator_logs = ("real_class_loss", "fake_class_loss")

    def build_discriminator(self):
        return super().build_discriminator(1 + self.classes, conditions=0)

    def discriminator_objective(self, step):
        """-L_S - L_C, and the two parts of -L_C in nats an image."""
        images, labels, training = step.batch["images"], step.batch["labels"], step.training
        fakes, _ = self.fakes(step)
        real, real_classes = self.heads(images, training)
        fake, fake_classes = self.heads(tf.stop_gradient(fakes), training)
        parts = class_loss(labels, real_classes), class_loss(labels, fake_classes)
        loss = self.adversarial_loss.discriminator(real, fake) + sum(parts)
        return loss, dict(zip(self.discriminator_logs, parts))

    def generator_objective(self, step):
        labels, training = step.batch["labels"], step.training
        fakes, _ = self.fakes(step)
        fake, classes = self.heads(fakes, training)
        return self.adversarial_loss.generator(fake) + class_loss(labels, classes), {}
