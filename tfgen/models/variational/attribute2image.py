"""Images from visual attributes: conditional VAE (CVAE), and the layered, disentangling disCVAE.

Yan, Yang, Sohn and Lee. Attribute2Image: Conditional Image Generation from Visual Attributes.
ECCV 2016. https://arxiv.org/abs/1512.00570

    CVAE       x = f(z, y)                              z ~ N(0, I), attributes y
    disCVAE    x = g * x_F + (1 - g) * x_B,             z = (z_F, z_B) ~ N(0, I)
               (x_F, g) = f_F(z_F, y), the foreground and the gate of each pixel;
               x_B = f_B(z_B), the background, which no attribute reaches
    loss = E_q[-log N(image; x, deviation^2)] + KL(q(z|image, y) || p(z))
         + E_q[sum g (1 - g) (x_F - x_B)^2 / (2 deviation^2)] + gate_cost * E_q[sum g]
         = distortion + rate + overlap + gate_cost * gate, of which the CVAE has the first two

All are nats an image: sums over pixels and latents, and means over the batch.

Unlike the paper, nobody says which pixels are foreground. There each image comes with a mask, by
which x_F and g are trained; here three things tell the layers apart. The background is a smooth
field, 4 by 4 colours between which it is interpolated. The overlap makes each layer answer for the
pixels that it shows: with the distortion it is 1 / (2 deviation^2) times
sum g (image - x_F)^2 + (1 - g) (image - x_B)^2, so that the loss stays above -log p(image | y).
And the foreground pays `gate_cost` nats a pixel, so that it shows only where it explains more.
Also unlike the paper, q is one Gaussian of diagonal covariance given the whole image and y, where
there z_F is inferred from the cut-out foreground and z_B after it, from the draw of z_F; and there
x_F is black outside of the mask and the background is added to it, x = x_F + (1 - g) * x_B.
"""

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from keras import layers

from tfgen import networks
from tfgen.errors import InputError, unknown
from tfgen.models.attributed import Attributed
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.variational.base import LatentVariableModel

tfd = tfp.distributions
CELLS = 4  # the background is a smooth field of so many colours across and down


@model(title="Attribute2Image: Conditional Image Generation from Visual Attributes", year=2016)
class Attribute2Image(Attributed, LatentVariableModel):
    """A VAE of images given attributes, in two layers: what they describe, and the rest.

    `sample` without labels draws each attribute alone, as often as it was seen in training.

    Args:
        image_shape: (height, width, channels); images lie in [0, 1].
        attributes: how many; labels are float32 (n, attributes) in [0, 1].
        latent_dim: size of z, with both layers' parts.
        background_dim: size of z_B, the last of z; 0 gives the vanilla CVAE, without layers.
        width: filters next to the image.
        body: "convolutional" or "dense", as in `networks.encoder`.
        deviation: of the Gaussian p(x|z, y) about the composed image; the paper's 1, for images
            in [-1, 1], is 0.5 in [0, 1].
        gate_cost: nats for a pixel that is all foreground.
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, attributes=3, background_dim=2)
    recipe = Recipe(
        "celeb_a",
        batch_size=64,
        epochs=30,
        model=dict(
            image_shape=(64, 64, 3),
            latent_dim=128,
            background_dim=32,
            width=24,
            deviation=0.2,
            ema_decay=0.999,
        ),
        data=dict(split="train[:9000]", cache=True),
    )

    def __init__(
        self,
        image_shape=(64, 64, 3),
        attributes=40,
        latent_dim=256,
        background_dim=64,
        width=32,
        body="convolutional",
        deviation=0.5,
        gate_cost=0.05,
        **kwargs,
    ):
        self.check_attributes(attributes)
        if not 0 <= background_dim < latent_dim:
            raise InputError(
                f"background_dim is a part of latent_dim {latent_dim}, or 0 for no layers; "
                f"received {background_dim}"
            )
        if deviation <= 0 or gate_cost < 0:
            raise InputError(
                f"deviation must be positive and gate_cost not negative; received {deviation} and {gate_cost}"
            )
        if body not in networks.BODIES:
            raise unknown("body", body, networks.BODIES)
        super().__init__(**kwargs)
        self.image_shape, self.attributes, self.latent_dim = image_shape, attributes, latent_dim
        self.background_dim, self.width, self.body = background_dim, width, body
        self.deviation, self.gate_cost = deviation, gate_cost
        self.keep_frequencies(attributes)
        with self.building():
            self.encoder = self._encoder()
            self.decoder = self._decoder()

    def _encoder(self):
        """Features of the image join the attributes after the convolutions, as in the paper."""
        images, labels = keras.Input(self.image_shape), keras.Input((self.attributes,))
        features = networks.encoder(self.body, self.image_shape, width=self.width, outputs=16 * self.width)(
            images
        )
        x = layers.Concatenate()([layers.LeakyReLU(0.2)(features), labels])
        x = layers.Dense(8 * self.width, "relu")(x)
        codes = layers.Dense(2 * self.latent_dim, dtype="float32")(x)
        return keras.Model([images, labels], codes, name="encoder")

    def _decoder(self):
        """The layers in the order gate, foreground, background; of the vanilla CVAE, the image alone."""
        *size, channels = self.image_shape
        z, labels = keras.Input((self.latent_dim,)), keras.Input((self.attributes,))
        front = self.latent_dim - self.background_dim
        shape = (*size, channels + (self.background_dim > 0))
        out = networks.decoder(self.body, front, shape, width=self.width, conditions=self.attributes)(
            [z[:, :front], labels]
        )
        if self.background_dim:
            field = layers.Dense(8 * self.width, "relu")(z[:, front:])
            field = layers.Dense(CELLS * CELLS * channels, dtype="float32")(field)
            field = layers.Reshape((CELLS, CELLS, channels), dtype="float32")(field)
            out = layers.Concatenate(dtype="float32")([out, layers.Resizing(*size, dtype="float32")(field)])
        out = layers.Activation("sigmoid", dtype="float32")(out)
        return keras.Model([z, labels], out, name="decoder")

    # Images.

    def _split(self, out):
        """Gate, foreground and background of the decoder's output (..., channels)."""
        return tf.split(out, [1, self.image_shape[-1], self.image_shape[-1]], axis=-1)

    def _composed(self, out):
        if not self.background_dim:
            return out
        gate, foreground, background = self._split(out)
        return gate * foreground + (1 - gate) * background

    def composition(self, z, labels):
        """What an image is composed of: {"gate": (n, h, w, 1), "foreground", "background": (n, h, w, c)}.

        Args:
            z: codes (n, latent_dim).
            labels: float32 (n, attributes).

        Returns:
            three tensors in [0, 1]; the gate is 1 where the foreground hides the background.
        """
        if not self.background_dim:
            raise InputError("an Attribute2Image of background_dim=0 has no layers; use decode")
        parts = self._split(self.run("decoder", self.checked_codes(z), labels))
        return dict(zip(("gate", "foreground", "background"), parts))

    def observation(self, z, labels=None, training=False):
        """p(x|z, y), batch shape that of z less its last axis, event shape image_shape."""
        mean = self._composed(self.decoded(z, labels, training))
        return tfd.Independent(tfd.Normal(mean, self.deviation), 3)

    def log_likelihood(self, images, z, labels=None, training=False):
        """log p(x|z, y) in nats, shape that of z less its last axis."""
        return self.observation(z, labels, training).log_prob(images)

    def decode(self, z, labels=None):
        """The composed images, (n, h, w, c) in [0, 1], of z (n, latent_dim)."""
        return self._composed(self.run("decoder", self.checked_codes(z), labels))

    def edit(self, images, labels, new_labels):
        """Images with other attributes: encoded with their own, decoded with the new ones.

        Args:
            images: (n, h, w, c) in [0, 1].
            labels: their attributes (n, attributes) in [0, 1], or one set for all.
            new_labels: the attributes to give them, alike.

        Returns:
            (n, h, w, c) in [0, 1]; with unchanged labels, `reconstruct`.
        """
        labels, new_labels = (
            self.fields["labels"].for_samples(y, len(images), "labels", type(self).__name__)
            for y in (labels, new_labels)
        )
        return self.decode(self.encode(images, labels), new_labels)

    # Training.

    def objectives(self):
        logs = ("distortion", "rate", *(["overlap", "gate"] if self.background_dim else []))
        return {"elbo": Objective(self.elbo_loss, (self.encoder, self.decoder), logs)}

    def default_optimizers(self):
        return keras.optimizers.Adam(3e-4)

    def elbo_loss(self, step):
        """distortion + rate + overlap + gate_cost * gate, in nats an image; "gate" counts pixels."""
        images, labels, training = step.batch["images"], step.batch["labels"], step.training
        self.count_attributes(step)
        q = self.posterior(images, labels, training)
        z = q.mean() + q.stddev() * step.normal("z", self.latent_dim)
        out = self.decoded(z, labels, training)
        each = tfd.Independent(tfd.Normal(self._composed(out), self.deviation), 3)
        distortion = -tf.reduce_mean(each.log_prob(images))
        rate = tf.reduce_mean(q.kl_divergence(self.prior_distribution))
        loss, logs = distortion + rate, {"distortion": distortion, "rate": rate}
        if self.background_dim:
            gate, foreground, background = self._split(out)
            apart = gate * (1 - gate) * (foreground - background) ** 2
            logs["overlap"] = tf.reduce_mean(tf.reduce_sum(apart, (1, 2, 3))) / (2 * self.deviation**2)
            logs["gate"] = tf.reduce_mean(tf.reduce_sum(gate, axis=(1, 2, 3)))
            loss += logs["overlap"] + self.gate_cost * logs["gate"]
        return loss, logs
