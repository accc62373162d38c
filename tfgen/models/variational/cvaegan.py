"""CVAE-GAN: a conditional VAE whose generator matches features of a discriminator and a classifier.

Bao, Chen, Wen, Li and Hua. CVAE-GAN: Fine-Grained Image Generation through Asymmetric Training.
ICCV 2017. https://arxiv.org/abs/1703.10155

Encoder E gives q(z|x, c) = N(mu, diag(exp(s))), G is the decoder, D tells real from generated, C
tells the class; f_D and f_C are the inputs of their last layers. With a real batch (x, c),
x_f = G(z, c) for z ~ q(z|x, c), and x_p = G(z_p, c_p) for z_p ~ N(0, I) and a random class c_p:

    L_C  = -E[log P(c|x)]                                                              (eq. 4)
    L_D  = -E[log D(x)] - E[log(1 - D(x_f))] - E[log(1 - D(x_p))]             (Algorithm 1)
    L_KL = 1/2 (|mu|^2 + sum(exp(s) - s - 1))                                          (eq. 6)
    L_G  = 1/2 (|x - x_f|^2 + |f_D(x) - f_D(x_f)|^2 + |f_C(x) - f_C(x_f)|^2)           (eq. 7)
    L_GD = 1/2 |E f_D(x) - E f_D(x_p)|^2                                               (eq. 3)
    L_GC = 1/2 sum_c |E[f_C(x)|c] - E[f_C(x_p)|c]|^2                                   (eq. 5)

Norms and L_KL are sums of an image, means over the batch. Each network follows (Algorithm 1)

    C: L_C      D: L_D      G: lambda_2 L_G + lambda_3 L_GD + lambda_4 L_GC
    E: lambda_1 L_KL + lambda_2 L_G

The losses are asymmetric: D and C learn by cross entropy, but G never sees it, it matches means.
G and E are one objective here, the sum of both: L_KL does not depend on G, nor L_GD and L_GC on E.

Expectations of eq. 3 and 5 are moving averages; the gradient is that of the batch's own mean.

Unlike the paper, the networks are DCGAN's at every place, with normalisation in G alone and weights that
start as Glorot's, and G
meets C and D after their update of the same step.
"""

import keras
import tensorflow as tf

from tfgen import losses, networks
from tfgen.fields import needs_classes
from tfgen.models.abilities import Game, Games, Played
from tfgen.models.base import Objective, Recipe
from tfgen.models.coding import CodingModel
from tfgen.models.registry import model


class Centres(keras.layers.Layer):
    """Means of the features of each class over the batches so far, later ones weighing more.

    Sums and counts are discounted by `decay` a batch, so that a class that a batch lacks keeps its
    mean, and the first batches are not biased towards the start.
    """

    def __init__(self, classes, features, decay):
        super().__init__(dtype="float32")
        self.classes, self.decay = classes, decay
        # The replicas compute equal values, so that the first one's stand for all.
        weight = dict(trainable=False, initializer="zeros", aggregation="only_first_replica")
        self.sums = self.add_weight(name="sums", shape=(classes, features), **weight)
        self.counts = self.add_weight(name="counts", shape=(classes, 1), **weight)

    def call(self, features, labels, training=False):
        """Means (classes, features), and whether a class has been seen, (classes, 1), 0 or 1."""
        members = tf.one_hot(labels, self.classes)
        sums = tf.matmul(members, features, transpose_a=True)
        counts = tf.reduce_sum(members, axis=0)[:, None]
        context = tf.distribute.get_replica_context()
        if context:  # the batch is that of all devices
            sums, counts = context.all_reduce("SUM", [sums, counts])
        batch = sums / tf.maximum(counts, 1.0)
        sums, counts = self.decay * self.sums + sums, self.decay * self.counts + counts
        if training:
            self.sums.assign(sums)
            self.counts.assign(counts)
        moving = tf.math.divide_no_nan(sums, counts)
        return batch + tf.stop_gradient(moving - batch), tf.cast(counts > 0, tf.float32)


@model(title="CVAE-GAN: Fine-Grained Image Generation through Asymmetric Training", year=2017)
class CVAEGAN(Games, CodingModel):
    """An encoder and a generator of images of a class, with a discriminator and a classifier.

    Args:
        image_shape: (height, width, channels); images lie in [-1, 1].
        classes: number of classes, at least 2; labels are 0 to classes - 1.
        latent_dim: size of z.
        width: filters next to the image, of every network.
        rate_weight, pairwise_weight, mean_weight, class_mean_weight: lambda_1 to lambda_4.
        decay: of the moving averages of features, for each batch.
    """

    value_range = (-1.0, 1.0)
    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, classes=3)
    recipe = Recipe(
        "mnist",
        batch_size=64,
        epochs=6,
        # After so few steps with the paper's 1e-3, samples still mix the classes.
        model=dict(width=32, latent_dim=16, mean_weight=0.1, class_mean_weight=0.1, ema_decay=0.999),
    )

    def __init__(
        self,
        image_shape=(28, 28, 1),
        classes=10,
        latent_dim=256,
        width=64,
        rate_weight=3.0,
        pairwise_weight=1.0,
        mean_weight=1e-3,
        class_mean_weight=1e-3,
        decay=0.9,
        **kwargs,
    ):
        needs_classes(classes, "CVAEGAN")
        super().__init__(**kwargs)
        self.image_shape, self.classes = image_shape, classes
        self.latent_dim, self.width, self.decay = latent_dim, width, decay
        self.rate_weight, self.pairwise_weight = rate_weight, pairwise_weight
        self.mean_weight, self.class_mean_weight = mean_weight, class_mean_weight
        with self.building():
            body = "convolutional"
            self.encoder = networks.encoder(
                body, image_shape, width=width, outputs=2 * latent_dim, conditions=classes
            )
            self.decoder = networks.decoder(body, latent_dim, image_shape, width=width, conditions=classes)
            self.discriminator = self._with_features(1, "discriminator")
            self.classifier = self._with_features(classes, "classifier")
            for name, net, groups in (("mean", "discriminator", 1), ("class_mean", "classifier", classes)):
                size = getattr(self, net).output_shape[0][-1]
                for kind in ("real", "fake"):
                    setattr(self, f"{kind}_{name}", Centres(groups, size, decay))

    def _with_features(self, outputs, name):
        """Images to (features, logits), the features being the last layer's input."""
        net = networks.dcgan_discriminator(self.image_shape, width=self.width, outputs=outputs)
        return keras.Model(net.inputs, [net.get_layer("flat").output, *net.outputs], name=name)

    def objectives(self):
        logs = ("rate", "pairwise", "mean_feature", "class_mean_feature")
        return {
            "classifier": Objective(self.classifier_loss, (self.classifier,), ("accuracy",)),
            "discriminator": Objective(self.discriminator_loss, (self.discriminator,)),
            "generator": Objective(self.generator_loss, (self.encoder, self.decoder), logs),
        }

    def default_optimizers(self):
        """Those of DCGAN (Radford et al., 2016, section 4)."""
        return {name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in self.objectives()}

    def posterior(self, images, labels, training=False):
        """Mean and log variance of q(z|x, c), (n, latent_dim) each."""
        return tf.split(self.run("encoder", images, labels, training), 2, axis=-1)

    def generated(self, z, labels, training=False):
        return tf.tanh(self.run("decoder", z, labels, training))

    def fakes(self, step):
        """((mean, log variance), x_f, x_p, c_p) with the objective's noise."""
        images, labels, training = step.batch["images"], step.batch["labels"], step.training
        mean, log_variance = self.posterior(images, labels, training)
        z = mean + tf.exp(0.5 * log_variance) * step.normal(f"posterior of {step.playing}", self.latent_dim)
        drawn, key = step.normal(f"prior of {step.playing}", self.latent_dim), f"classes of {step.playing}"
        classes = self.fields["labels"].draw(step.key(key), step.rows, step.first_row)
        prior = self.generated(drawn, classes, training)
        return (mean, log_variance), self.generated(z, labels, training), prior, classes

    def games(self):
        return [Game("decoder", "discriminator", self.played)]

    def played(self, step):
        """What is seen of the game in a step: see `abilities.Game`. Its fakes are of the prior."""
        images, labels = step.batch.get("images"), step.batch["labels"]
        fakes = self.generated(step.normal("z", self.latent_dim), labels, step.training)
        real, fake = (
            None if shown is None else self.discriminator(shown, training=step.training)[1]
            for shown in (images, fakes)
        )
        return Played(real, fake, images, fakes)

    def classifier_loss(self, step):
        """L_C, nats an image, and the share of right classes."""
        images, labels, training = step.batch["images"], step.batch["labels"], step.training
        _, logits = self.classifier(images, training=training)
        right = tf.cast(tf.argmax(logits, axis=-1, output_type=tf.int32) == labels, tf.float32)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.reduce_mean(loss), {"accuracy": tf.reduce_mean(right)}

    def discriminator_loss(self, step):
        """L_D, nats an image."""
        images, training = step.batch["images"], step.training
        _, again, prior, _ = self.fakes(step)
        _, real = self.discriminator(images, training=training)
        _, fake = self.discriminator(tf.concat([again, prior], axis=0), training=training)
        half, other = tf.split(fake, 2)
        loss = losses.Minimax().discriminator(real, half)
        return loss + tf.reduce_mean(tf.nn.softplus(other)), {}  # -log(1 - D) is the logit's softplus

    def generator_loss(self, step):
        """lambda_1 L_KL + lambda_2 L_G + lambda_3 L_GD + lambda_4 L_GC, sums of an image."""
        images, labels, training = step.batch["images"], step.batch["labels"], step.training
        (mean, log_variance), again, prior, classes = self.fakes(step)
        rate = 0.5 * tf.reduce_sum(mean**2 + tf.exp(log_variance) - log_variance - 1, axis=-1)
        pairwise = 0.5 * tf.reduce_sum((images - again) ** 2, axis=(1, 2, 3))
        centres = []
        for name, net, own, drawn in (
            ("mean", self.discriminator, tf.zeros_like(labels), tf.zeros_like(classes)),
            ("class_mean", self.classifier, labels, classes),
        ):
            features = tf.cast(net(tf.concat([images, again, prior], 0), training=training)[0], tf.float32)
            real, close, fake = tf.split(features, 3)
            pairwise += 0.5 * tf.reduce_sum((real - close) ** 2, axis=-1)
            real, seen = getattr(self, f"real_{name}")(real, own, training=training)
            fake, made = getattr(self, f"fake_{name}")(fake, drawn, training=training)
            centres.append(0.5 * tf.reduce_sum(seen * made * (real - fake) ** 2))
        rate, pairwise = tf.reduce_mean(rate), tf.reduce_mean(pairwise)
        loss = self.rate_weight * rate + self.pairwise_weight * pairwise
        loss += self.mean_weight * centres[0] + self.class_mean_weight * centres[1]
        logs = ("rate", "pairwise", "mean_feature", "class_mean_feature")
        return loss, dict(zip(logs, (rate, pairwise, *centres)))

    def encode(self, images, labels=None):
        """The mean of q(z|x, c), (n, latent_dim), of images (n, h, w, c) in [-1, 1]."""
        return self.run("encoder", images, labels)[:, : self.latent_dim]

    def decode(self, z, labels=None):
        """Images (n, h, w, c) in [-1, 1] of z (n, latent_dim)."""
        return self.generated(self.checked_codes(z), labels)
