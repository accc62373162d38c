"""VAE/GAN: reconstruction is judged in the features of a discriminator.

Larsen, Sonderby, Larochelle and Winther. Autoencoding beyond pixels using a learned similarity
metric. ICML 2016. https://arxiv.org/abs/1512.09300

    z ~ q(z|x),  x~ = Dec(z),  z_p ~ N(0, I),  x_p = Dec(z_p)
    L_prior = KL(q(z|x) || N(0, I))
    L_llike = -E_q[log N(Dis_l(x) | Dis_l(x~), I)]
            = 1/2 |Dis_l(x) - Dis_l(x~)|^2 + constant
    L_GAN   = -log Dis(x) - 1/2 log(1 - Dis(x~)) - 1/2 log(1 - Dis(x_p))

    Algorithm 1:  encoder          L_prior + L_llike
                  decoder          gamma L_llike - L_GAN
                  discriminator    L_GAN

L_prior is a sum over latents and L_llike over features, nats an image less the constant; all three
are means over the batch. gamma is therefore a weight on a sum over features: 1e-5 is what a
revision of the authors' code has for faces and 16,384 features. At fewer features and steps the
recipe has 1e-3, with which reconstructions follow their images much sooner. Dis_l is the last
convolution's output, normalised and rectified. The discriminator and the decoder normalise what they
are given in one batch: x, x~ and x_p; x~ and x_p.

Unlike Algorithm 1, the three updates follow one another (the decoder's last), each with a forward
pass and noise of its own. As in another revision of that code, real and fake images weigh the same in
L_GAN; no revision has that and a gamma of 1e-5 together. Their rates are annealed; here they are constant.
Unlike theirs, the encoder has no batch normalisation, and no update is left out when the
discriminator is far ahead.
"""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfgen import losses, networks
from tfgen.errors import InputError
from tfgen.models.abilities import Game, Games, Played
from tfgen.models.base import Objective, Recipe
from tfgen.models.coding import CodingModel
from tfgen.models.registry import model

tfd = tfp.distributions


@model(title="Autoencoding beyond Pixels Using a Learned Similarity Metric", year=2016)
class VAEGAN(Games, CodingModel):
    """An encoder, a decoder that is also a generator, and a discriminator.

    It has q(z|x) but no p(x|z) over pixels, hence no bound on log p(x).

    Args:
        image_shape: (height, width, channels); images lie in [-1, 1].
        latent_dim: size of z.
        width: filters of the layers next to the image; each halving of the size doubles them.
        gamma: weight of L_llike, a sum over features, in the decoder's loss.
    """

    value_range = (-1.0, 1.0)
    tiny = dict(latent_dim=4, width=8, image_shape=(16, 16, 1))
    recipe = Recipe(
        "celeb_a",
        batch_size=64,
        epochs=14,
        model=dict(image_shape=(32, 32, 3), width=32, gamma=1e-3, ema_decay=0.99),
        data=dict(split="train[:9000]", cache=True),
    )

    def __init__(self, image_shape=(64, 64, 3), latent_dim=128, width=64, gamma=1e-5, **kwargs):
        if gamma < 0:
            raise InputError(f"gamma must not be negative; received {gamma}")
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim, self.width, self.gamma = image_shape, latent_dim, width, gamma
        with self.building():
            self.encoder = networks.encoder("convolutional", image_shape, width=width, outputs=2 * latent_dim)
            self.decoder = networks.dcgan_generator(image_shape, latent_dim, width=width)
            net = networks.dcgan_discriminator(image_shape, width=width, normalization="batch")
            self.discriminator = keras.Model(net.inputs, [net.get_layer("features").output, *net.outputs])

    def objectives(self):
        return {
            "encoder": Objective(self.encoder_loss, (self.encoder,), ("rate", "feature_distortion")),
            "discriminator": Objective(self.discriminator_loss, (self.discriminator,)),
            "decoder": Objective(self.decoder_loss, (self.decoder,)),
        }

    def default_optimizers(self):
        return {name: keras.optimizers.RMSprop(3e-4) for name in self.objectives()}

    def posterior(self, images, training=False):
        """q(z|x), batch shape (n,), event shape (latent_dim,)."""
        loc, scale = tf.split(self.run("encoder", images, training=training), 2, axis=-1)
        return tfd.Independent(tfd.Normal(loc, tf.nn.softplus(scale) + 1e-5), 1)

    def terms(self, step):
        """L_prior, L_llike and L_GAN of a batch, scalars; L_llike without its constant."""
        images, training, n = step.batch["images"], step.training, step.rows
        q = self.posterior(images, training)
        z = q.mean() + q.stddev() * step.normal(f"posterior of {step.playing}", self.latent_dim)
        drawn = step.normal(f"prior of {step.playing}", self.latent_dim)
        fakes = self.decoder(tf.concat([z, drawn], 0), training=training)
        features, logits = self.discriminator(tf.concat([images, fakes], 0), training=training)
        features = tf.cast(tf.reshape(features, (3 * n, -1)), tf.float32)
        real, reconstructed, _ = tf.split(features, 3)
        likelihood = 0.5 * tf.reduce_sum((real - reconstructed) ** 2, axis=1)
        prior = q.kl_divergence(tfd.Independent(tfd.Normal(tf.zeros(self.latent_dim), 1.0), 1))
        gan = losses.Minimax().discriminator(logits[:n], logits[n:])
        return tf.reduce_mean(prior), tf.reduce_mean(likelihood), gan

    def games(self):
        return [Game("decoder", "discriminator", self.played)]

    def played(self, step):
        """What is seen of the game in a step: see `abilities.Game`. Its fakes are of the prior."""
        fakes, images = self.run("decoder", step.normal("z", self.latent_dim), training=step.training), None
        shown = fakes
        if "images" in step.batch:
            images = step.batch["images"]
            shown = tf.concat([images, fakes], 0)
        scores = self.discriminator(shown, training=step.training)[1]
        return Played(None if images is None else scores[: step.rows], scores[-step.rows :], images, fakes)

    def encoder_loss(self, step):
        prior, likelihood, _ = self.terms(step)
        return prior + likelihood, {"rate": prior, "feature_distortion": likelihood}

    def discriminator_loss(self, step):
        _, _, gan = self.terms(step)
        return gan, {}

    def decoder_loss(self, step):
        _, likelihood, gan = self.terms(step)
        return self.gamma * likelihood - gan, {}

    def encode(self, images, labels=None):
        """The mean of q(z|x), (n, latent_dim), of images (n, h, w, c) in [-1, 1]."""
        return self.run("encoder", images, labels)[:, : self.latent_dim]

    def decode(self, z, labels=None):
        """Images (n, h, w, c) in [-1, 1] of z (n, latent_dim)."""
        return self.run("decoder", self.checked_codes(z), labels)
