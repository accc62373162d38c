"""AM-GAN: each fake has a class to become, or LabelGAN, where any will do.

Zhou, Cai, Rong, Song, Ren, Zhang, Yu and Wang. Activation Maximization Generative Adversarial Nets. ICLR
2018. https://arxiv.org/abs/1703.02000

D is a softmax over K classes of real images and one of fakes. With v(t) the one-hot of a fake's target t
among the K + 1 (eq. 14, 15):

    loss of D = E_(x,y) CE(v(y), D(x)) + E_z CE(v(K + 1), D(G(z)))
    loss of G = E_z CE(v(t), D(G(z)))

The target is dynamic, the class among the K that D finds most likely in G(z), or predefined: G is told it,
and is conditional. In LabelGAN (Salimans et al., 2016, as the paper writes it) there is none, and

    loss of G = -E_z log sum_(k <= K) D_k(G(z)),

whose gradient raises the logits of all K classes at once: "overlaid gradients" (section 3.1).

Unlike the authors' code, whose rate falls linearly, the rate stays, and D has neither dropout nor noise at
its input; fakes with predefined targets have the classes of the real images of their batch.
"""

import keras
import tensorflow as tf

from tfgen.errors import unknown
from tfgen.fields import needs_classes
from tfgen.models.adversarial.base import StandardGAN
from tfgen.models.adversarial.classifying import FakeClass, class_loss
from tfgen.models.base import Recipe
from tfgen.models.registry import model

TARGETS = ("dynamic", "predefined", "any")


@model(title="Activation Maximization Generative Adversarial Nets", year=2018)
class AMGAN(FakeClass, StandardGAN):
    """A generator whose images D is to take for one of its classes; D is told the class of real images.

    Args:
        image_shape: (height, width, channels), of any size from 8x8 on.
        classes: number of classes, at least 2; labels are 0 to classes - 1.
        target: of a fake: "dynamic", the class it is most like; "predefined", the class that G is told;
            "any", LabelGAN's.
        kwargs: `latent_dim`, `width` and `body`, as StandardGAN has them.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, classes=3)
    recipe = Recipe("mnist", batch_size=100, epochs=15, model=dict(image_shape=(28, 28, 1), width=32))

    def __init__(self, image_shape=(28, 28, 1), classes=10, target="dynamic", **kwargs):
        needs_classes(classes, "AMGAN")
        if target not in TARGETS:
            raise unknown("target", target, TARGETS)
        self.classes, self.target = classes, target
        super().__init__(image_shape, **kwargs)

    @property
    def conditions(self):
        """The classes that G is told, where targets are predefined."""
        return super().conditions if self.target == "predefined" else {}

    def build_discriminator(self):
        return super().build_discriminator(self.classes + 1, conditions=0)

    def default_optimizers(self):
        """The rate of the authors' code."""
        return {name: keras.optimizers.Adam(4e-4, beta_1=0.5) for name in self.objectives()}

    def generator_objective(self, step):
        fakes, _ = self.fakes(step)
        return self.persuasion(self.logits(fakes, step.training), step.batch["labels"]), {}

    def persuasion(self, logits, labels):
        """G's loss of the logits (n, classes + 1) of fakes; `labels` (n,) are the predefined targets."""
        score, classes = self.parted(logits)
        if self.target == "any":
            return self.adversarial_loss.generator(score)
        dynamic = self.target == "dynamic"
        return class_loss(tf.argmax(classes, 1, output_type=tf.int32) if dynamic else labels, logits)
