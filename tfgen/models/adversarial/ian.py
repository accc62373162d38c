"""IAN: an encoder reads the features of the discriminator, which tells images, copies and inventions apart.

Brock, Lim, Ritchie and Weston. Neural Photo Editing with Introspective Adversarial Networks. ICLR 2017.
https://arxiv.org/abs/1609.07093

    z^ ~ q(z|x), from D's last maps of x,   x^ = G(z^),   z ~ N(0, I)

    D:    -E[log D_real(x)] - E[log D_copy(x^)] - E[log D_made(G(z))], D of three classes
    G:    -E[log D_real(G(z))] - E[log D_real(x^)] + image_weight L_image + L_feature
    E:    image_weight L_image + L_feature + KL(q(z|x) || p(z))

    L_image = E|x - x^|,    L_feature = E(f(x) - f(x^))^2 in each of D's maps

D and G with orthogonality times the sum of |W^T W - I| over the kernels W of their convolutions, columns or
rows of W, whichever are fewer. E is dense layers and trains nothing of D. Errors are means over pixels and
features, the divergence over latents, as in the authors' code, which has another 2 before the pixels.

    q(z|x):   z_0 = mu(x) + sigma(x) e,   z = (z_0 - m(z_0)) exp(-s(z_0))

is an inverse autoregressive flow, where a MADE gives m and s of a value from the values before it. G's last
layer gives a and b in (0, 1) of each channel, whose value is the mean of Beta(a, b) on [-1, 1], (a - b) /
(a + b); green sees the a and b of red, and blue those of both. It is a multiscale dilated convolution: one
kernel of 3x3 at dilations 1 to `scales` and, as its mean, of 1x1, each with a gain. D ends in minibatch
discrimination.

Unlike the paper, dilated convolutions are in the last layer alone, and the rest is DCGAN's, as in one of
the models that the authors published; the MADE has the order of z; minibatch discrimination gives means
over the batch, where sums would drown the features; D, G and E follow one another in each step, where there
D and G have batches by turns; signs are those of the words, where the printed ones contradict.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfgen import networks
from tfgen.errors import InputError
from tfgen.layers import BatchNormalization, MinibatchDiscrimination
from tfgen.models.adversarial.base import AdversarialModel
from tfgen.models.adversarial.inference import Encoding
from tfgen.models.autoregressive.masked import MaskedDense
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model

REAL, COPY, MADE = range(3)


@keras.saving.register_keras_serializable("tfgen")
class MultiscaleDilation(layers.Layer):
    """The sum of convolutions by one kernel of 3x3 at several dilations, and by its mean, of 1x1.

    Args:
        filters: of each.
        scales: the largest dilation; all from 1 on are there.
    """

    def __init__(self, filters, scales, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.scales = filters, scales

    def build(self, input_shape):
        equal = keras.initializers.Constant(1 / (self.scales + 1))
        self.kernel = self.add_weight((3, 3, input_shape[-1], self.filters), "orthogonal", name="kernel")
        self.gains = self.add_weight((self.scales + 1, self.filters), equal, name="gains")

    def whole(self):
        """The kernel of all scales, (2 scales + 1, 2 scales + 1, channels, filters)."""
        places = np.zeros((self.scales + 1, 2 * self.scales + 1, 3), "float32")
        places[0, self.scales] = 1 / 3  # the mean
        for scale in range(1, self.scales + 1):
            for tap in range(3):
                places[scale, self.scales + scale * (tap - 1), tap] = 1
        places = np.einsum("sar,sbq->sabrq", places, places)
        kernel, gains = (tf.convert_to_tensor(w) for w in (self.kernel, self.gains))
        return tf.einsum("sabrq,rqio,so->abio", tf.cast(places, kernel.dtype), kernel, gains)

    def call(self, x):
        return tf.nn.conv2d(x, self.whole(), 1, "SAME")

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "scales": self.scales}


def orthogonality(kernels):
    """The sum over kernels (..., columns) of |W^T W - I|, of |W W^T - I| where columns are more than rows."""
    total = 0.0
    for kernel in kernels:
        w = tf.reshape(kernel, (-1, kernel.shape[-1]))
        product = tf.matmul(w, w, transpose_a=w.shape[0] >= w.shape[1], transpose_b=w.shape[0] < w.shape[1])
        total += tf.reduce_sum(abs(product - tf.eye(min(w.shape))))
    return total


def likelihood_loss(logits, kind):
    """-E[log D_kind] of logits (n, 3)."""
    return -tf.reduce_mean(tf.nn.log_softmax(logits)[:, kind])


@model(title="Neural Photo Editing with Introspective Adversarial Networks", year=2017)
class IAN(Encoding, AdversarialModel):
    """A generator, a discriminator of three classes, and an encoder of its features with a flow.

    Args:
        image_shape: (height, width, channels), whose sides can be halved; images lie in [-1, 1].
        latent_dim: size of z, at least 2.
        width: filters of D's first convolution; each halving of the size doubles them.
        scales: of the dilated convolutions of G's last layer.
        kernels: of D's minibatch discrimination.
        image_weight: of L_image.
        orthogonality: the weight of the kernels' distance from orthogonal ones.
    """

    tiny = dict(image_shape=(8, 8, 3), latent_dim=4, width=8, scales=2, kernels=6)
    recipe = Recipe(
        "celeb_a",
        batch_size=32,
        epochs=15,
        model=dict(image_shape=(32, 32, 3), width=32, scales=3, kernels=100, ema_decay=0.995),
        data=dict(split="train[:9000]", cache=True),
    )
    averaged_networks = ("generator", "discriminator", "encoder", "flow")

    def __init__(
        self,
        image_shape=(64, 64, 3),
        latent_dim=100,
        width=128,
        scales=4,
        kernels=500,
        image_weight=3.0,
        orthogonality=1e-3,
        **kwargs,
    ):
        if not networks.halvings(image_shape):
            raise InputError(f"IAN takes images whose sides can be halved, from 8 on; received {image_shape}")
        for name, value, least in (
            ("latent_dim", latent_dim, 2),
            ("scales", scales, 1),
            ("kernels", kernels, 1),
        ):
            if value < least:
                raise InputError(f"{name} must be at least {least}; received {value}")
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim, self.width = image_shape, latent_dim, width
        self.scales, self.kernels = scales, kernels
        self.image_weight, self.orthogonality = image_weight, orthogonality
        self._depth = networks.halvings(image_shape)
        with self.building():
            self.discriminator = self._discriminator()
            self.encoder = self._encoder(self.discriminator.outputs[-2].shape[1:])
            self.flow = self._flow()
            self.generator = self._generator()

    def _discriminator(self):
        """Images -> the maps of each convolution, and logits (n, 3)."""
        x, maps = keras.Input(self.image_shape), []
        images = x
        for step in range(self._depth):
            how = dict(strides=2, padding="same", use_bias=not step, kernel_initializer="orthogonal")
            x = layers.Conv2D(self.width * 2**step, 4, **how)(x)
            x = layers.LeakyReLU(0.2)(BatchNormalization()(x) if step else x)
            maps.append(x)
        x = layers.GlobalAveragePooling2D()(x)
        near = MinibatchDiscrimination(self.kernels, 5, include_self=False, average=True)(x)
        x = layers.Concatenate()([x, near])
        return keras.Model(images, [*maps, layers.Dense(3, dtype="float32")(x)], name="discriminator")

    def _encoder(self, shape):
        """Maps (n, h, w, c) -> mu and log sigma of z_0, (n, 2 latent_dim)."""
        maps = keras.Input(shape)
        x = layers.Dense(8 * self.width, use_bias=False)(layers.Flatten()(maps))
        x = layers.ReLU()(BatchNormalization()(x))
        return keras.Model(maps, layers.Dense(2 * self.latent_dim, dtype="float32")(x), name="encoder")

    def _flow(self):
        """z_0 -> m and s, (n, latent_dim) each."""
        size = self.latent_dim
        z = keras.Input((size,))
        x = MaskedDense(size, (1, size), (1, size - 1), "relu", dtype="float32")(z)
        outputs = [MaskedDense(size, (1, size - 1), (0, size - 1), dtype="float32")(x) for _ in range(2)]
        return keras.Model(z, outputs, name="flow")

    def _generator(self):
        height, width, channels = self.image_shape
        sides, filters = (height >> self._depth, width >> self._depth), self.width << (self._depth - 1)
        z = keras.Input((self.latent_dim,))
        x = layers.Reshape((*sides, filters))(layers.Dense(sides[0] * sides[1] * filters, use_bias=False)(z))
        x = layers.ReLU()(BatchNormalization()(x))
        for step in reversed(range(self._depth)):
            how = dict(strides=2, padding="same", use_bias=False, kernel_initializer="orthogonal")
            x = layers.Conv2DTranspose(max(1, self.width << step >> 1), 4, **how)(x)
            x = layers.ReLU()(BatchNormalization()(x))
        before = []
        for channel in range(channels):
            y = MultiscaleDilation(2, self.scales, dtype="float32", name=f"channel_{channel}")(x)
            if before:
                seen = before[0] if channel == 1 else layers.Concatenate(dtype="float32")(before)
                y += MultiscaleDilation(2, self.scales, dtype="float32", name=f"before_{channel}")(seen)
            before.append(layers.Activation("sigmoid", dtype="float32")(y))
        # Two values of 0 have a mean, too.
        means = [(y[..., :1] - y[..., 1:]) / (y[..., :1] + y[..., 1:] + 1e-6) for y in before]
        images = layers.Concatenate(dtype="float32")(means) if channels > 1 else means[0]
        return keras.Model(z, images, name="generator")

    # Training.

    def objectives(self):
        own = (self.encoder, self.flow)
        return {
            "discriminator": Objective(self.discriminator_objective, (self.discriminator,)),
            "generator": Objective(
                self.generator_objective, (self.generator,), ("image_loss", "feature_loss")
            ),
            "encoder": Objective(self.encoder_objective, own, ("rate",)),
        }

    def _seen(self, step):
        return self.discriminator(step.batch["images"], training=step.training)

    def _copies(self, step):
        """x^, and the divergence of q(z|x), nats a latent: a scalar."""
        maps = tf.stop_gradient(step.once(self._seen, self.discriminator)[-2])
        mean, log_deviation = tf.split(self.encoder(maps, training=step.training), 2, axis=1)
        e = step.normal("z of x", self.latent_dim)
        z, log_scale = self.flowed(mean + tf.exp(log_deviation) * e, step.training)
        # log q(z|x) - log p(z), less what both have in common
        rate = tf.reduce_mean(0.5 * (z**2 - e**2) - log_deviation + log_scale)
        return self.generator(z, training=step.training), rate

    def _copied(self, step):
        return step.once(self._copies, self.generator, self.encoder, self.flow)

    def _judged(self, step):
        """Logits (n, 3) of x^, L_image and L_feature, by the discriminator that has just learnt."""
        images, (copies, _) = step.batch["images"], self._copied(step)
        *maps, _ = self.discriminator(images, training=step.training)
        *again, logits = self.discriminator(copies, training=step.training)
        errors = [
            tf.reduce_mean((tf.cast(a, tf.float32) - tf.cast(b, tf.float32)) ** 2)
            for a, b in zip(maps, again)
        ]
        return logits, tf.reduce_mean(abs(images - copies)), tf.add_n(errors) / len(errors)

    def _compared(self, step):
        return step.once(self._judged, self.generator, self.encoder, self.flow)

    def _orthogonal(self, name):
        kernels = [v.value for v in self.objectives()[name].variables if len(v.shape) == 4]
        return self.orthogonality * orthogonality(kernels)

    def discriminator_objective(self, step):
        (copies, _), (fakes, _) = self._copied(step), self.fakes(step)
        loss = likelihood_loss(step.once(self._seen, self.discriminator)[-1], REAL)
        for kind, images in ((COPY, copies), (MADE, fakes)):
            logits = self.discriminator(tf.stop_gradient(images), training=step.training)[-1]
            loss += likelihood_loss(logits, kind)
        return loss + self._orthogonal("discriminator"), {}

    def generator_objective(self, step):
        logits, image, feature = self._compared(step)
        made = self.discriminator(self.fakes(step)[0], training=step.training)[-1]
        loss = likelihood_loss(made, REAL) + likelihood_loss(logits, REAL) + self._orthogonal("generator")
        logs = {"image_loss": image, "feature_loss": feature}
        return loss + self.image_weight * image + feature, logs

    def encoder_objective(self, step):
        (_, rate), (_, image, feature) = self._copied(step), self._compared(step)
        return self.image_weight * image + feature + rate, {"rate": rate}

    def score(self, images, labels=None, training=False):
        """The logit of real against both others, (n, 1), of images (n, h, w, c) of one batch."""
        logits = self.run("discriminator", images, labels, training)[-1]
        return logits[:, :1] - tf.reduce_logsumexp(logits[:, 1:], axis=1, keepdims=True)

    # Use.

    def flowed(self, z, training=False):
        """z_0 (n, latent_dim) as z, and s of z_0, of the same shape."""
        shift, log_scale = self.network("flow", training)(z, training=training)
        return (z - shift) * tf.exp(-log_scale), log_scale

    def encode(self, images, labels=None):
        """The flow of mu(x), (n, latent_dim), of images (n, h, w, c) in [-1, 1]."""
        maps = self.run("discriminator", images, labels)[-2]
        return self.flowed(self.run("encoder", maps)[:, : self.latent_dim])[0]
