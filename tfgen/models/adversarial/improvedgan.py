"""Improved GAN: a classifier that knows fakes learns from few labels, and its features teach the generator.

Salimans, Goodfellow, Zaremba, Cheung, Radford and Chen. Improved Techniques for Training GANs. NeurIPS 2016.
https://arxiv.org/abs/1606.03498

D gives K logits l, and that of the class K + 1, "fake", is 0, so that (section 5)

    Z(x) = sum_k exp l_k(x),     D(x) = Z / (Z + 1),     p(y|x) = exp l_y / Z

    loss of D = CE(l(x), y) + 1/2 (-E_u[log D(u)] - E_z[log(1 - D(G(z)))])     x labelled, u not
    loss of G = |E_u f(u) - E_z f(G(z))|^2     feature matching, f the last hidden layer of D (section 3.1)

The means are over a batch. What is tested is an average of D (`ema_decay`). As in the authors' code for MNIST
D is dense, its weights have a length that is not learnt but set once by 500 images, and noise of standard
deviation 0.3 is added to images, 0.5 to hidden layers; the distance is a mean over features; z ~ U(0, 1).
The other techniques are switches:

    minibatch_kernels    D's last layer sees how near f is to that of the others of the batch (section 3.2)
    historical_weight    + w |theta - (1/t) sum_i theta_i|^2, for each player (3.3)
    smoothing            the target of real images is 1 - s, that of fakes stays 0 (3.4)
    reference            virtual batch normalisation in G, by so many z that never change (3.5)

Unlike the code, both updates see the same unlabelled images, with fakes and noise of their own. Without
classes it is a GAN of these techniques: D has one logit, and 1/2 is 1.
"""

import keras
import tensorflow as tf
from keras import layers

from tfgen import losses
from tfgen.errors import InputError
from tfgen.layers import MinibatchDiscrimination
from tfgen.models.adversarial.classifying import class_loss
from tfgen.models.adversarial.noisy import NoisyClassifier
from tfgen.models.registry import model

SIZE = 5  # of the vectors that minibatch discrimination compares
KEPT = dict(dtype="float32", trainable=False, autocast=False, aggregation="only_first_replica")


@keras.saving.register_keras_serializable("tfgen")
class Reference(layers.Layer):
    """z that never change, uniform in (0, 1): (size, latent_dim), whatever is given."""

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def build(self, input_shape):
        start = keras.initializers.RandomUniform(0, 1)
        self.z = self.add_weight((self.size, input_shape[-1]), start, name="z", **KEPT)

    def call(self, z):
        return tf.cast(self.z.value, z.dtype)

    def compute_output_shape(self, input_shape):
        return (self.size, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("tfgen")
class VirtualBatchNormalization(layers.Layer):
    """Normalises an example by a reference batch and itself (section 3.5): both of x (n, k) and r (m, k).

    The reference is normalised by its own moments.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, shapes):
        self.gamma = self.add_weight((shapes[0][-1],), "ones", name="gamma")
        self.beta = self.add_weight((shapes[0][-1],), "zeros", name="beta")

    def call(self, both):
        x, r = (tf.cast(part, "float32") for part in both)
        share = 1 / (r.shape[0] + 1)  # of the example in its moments
        mean, square = tf.reduce_mean(r, 0), tf.reduce_mean(r**2, 0)
        own = (1 - share) * mean + share * x, (1 - share) * square + share * x**2
        return [
            tf.cast((part - m) / tf.sqrt(s - m**2 + self.epsilon), both[0].dtype) * self.gamma + self.beta
            for part, (m, s) in ((x, own), (r, (mean, square)))
        ]

    def compute_output_shape(self, shapes):
        return shapes

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@model(title="Improved Techniques for Training GANs", year=2016)
class ImprovedGAN(NoisyClassifier):
    """A generator, and a classifier of dense layers that learns from few labels.

    Args:
        image_shape, classes, latent_dim, width: see `NoisyClassifier`.
        feature_matching: G's loss; False is the adversarial -E[log D(G(z))].
        minibatch_kernels: of minibatch discrimination; 0: none.
        historical_weight: of the distance to the mean of all past weights; 0: none.
        smoothing: 1 less the target of real images, in [0, 1/2).
        reference: how many z the virtual batch has; 0: batch normalisation.
    """

    tiny = dict(
        image_shape=(8, 8, 1), classes=3, latent_dim=4, width=16, minibatch_kernels=3, historical_weight=0.1,
        smoothing=0.1, reference=6,
    )  # fmt: skip
    adversarial_loss = losses.Minimax()

    def __init__(
        self,
        image_shape=(28, 28, 1),
        classes=10,
        latent_dim=100,
        width=1000,
        feature_matching=True,
        minibatch_kernels=0,
        historical_weight=0.0,
        smoothing=0.0,
        reference=0,
        **kwargs,
    ):
        if not 0 <= smoothing < 0.5:
            raise InputError(f"smoothing lies in [0, 1/2), as 0.1 for targets of 0.9; received {smoothing}")
        for name, value in (
            ("minibatch_kernels", minibatch_kernels),
            ("historical_weight", historical_weight),
            ("reference", reference),
        ):
            if value < 0:
                raise InputError(f"{name} must be 0 or more; received {value}")
        # Before the base's, which builds the networks.
        self.feature_matching, self.minibatch_kernels = feature_matching, minibatch_kernels
        self.historical_weight, self.smoothing, self.reference = historical_weight, smoothing, reference
        super().__init__(image_shape, classes, latent_dim, width, **kwargs)
        if historical_weight:
            self.past = {
                name: [
                    self.add_weight(v.shape, "zeros", name=f"{name}_{k}", **KEPT)
                    for k, v in enumerate(getattr(self, name).trainable_variables)
                ]
                for name in self.own_networks
            }

    def _hidden(self, z):
        if not self.reference:
            return super()._hidden(z)
        both = [z, Reference(self.reference)(z)]
        for _ in range(2):
            dense = layers.Dense(self.width // 2, use_bias=False)
            both = VirtualBatchNormalization()([dense(x) for x in both])
            both = [layers.Activation("softplus")(x) for x in both]
        return both[0]

    def _seen(self, x):
        if not self.minibatch_kernels:
            return x
        near = MinibatchDiscrimination(self.minibatch_kernels, SIZE, include_self=False)(x)
        return layers.Concatenate()([x, near])

    def discriminator_objective(self, step):
        fakes, _ = self.fakes(step)
        real, _, _ = self.judged(step, self.unlabelled(step), "unlabelled")
        fake, _, _ = self.judged(step, tf.stop_gradient(fakes), "fakes")
        loss = self.contest(real, fake) + self._distance("discriminator", step)
        if not self.classes:
            return loss, {}
        _, logits, _ = self.judged(step, step.batch["images"], "images")
        entropy = class_loss(step.batch["labels"], logits)
        return entropy + loss / 2, {"class_loss": entropy}

    def contest(self, real, fake):
        """-E[log D(u)] - E[log(1 - D(G(z)))] of scores (n, 1), real ones with a smoothed target."""
        # Cross-entropy is linear in its target: sp(-s) + smoothing (sp(s) - sp(-s)), and the last is s.
        return self.adversarial_loss.discriminator(real, fake) + self.smoothing * tf.reduce_mean(real)

    def generator_objective(self, step):
        fakes, _ = self.fakes(step)
        score, _, features = self.judged(step, fakes, "fakes")
        if self.feature_matching:
            _, _, real = self.judged(step, self.unlabelled(step), "unlabelled")
            loss = losses.matching(real, features)
        else:
            loss = self.adversarial_loss.generator(score)
        return loss + self._distance("generator", step), {}

    def _distance(self, name, step):
        """w |theta - (1/t) sum_i theta_i|^2 of a network, whose past it takes note of."""
        if not self.historical_weight:
            return 0.0
        steps, squares = tf.maximum(tf.cast(self.step.value, tf.float32), 1.0), []
        for v, past in zip(getattr(self, name).trainable_variables, self.past[name]):
            mean = past + (v.value - past) / steps
            squares.append(tf.reduce_sum((v.value - mean) ** 2))
            if step.training:
                past.assign(mean)
        return self.historical_weight * tf.add_n(squares)
