"""DB-VAE: a classifier that is shown more often what its own latent variables find rare.

Amini, Soleimany, Schwarting, Bhatia and Rus. Uncovering and Mitigating Algorithmic Bias through
Learned Latent Structure. AIES 2019. https://doi.org/10.1145/3306618.3314243

    encoder(x) -> logit of the class y = 1, and q(z|x) = N(mu(x), diag(sigma(x)^2))
    loss = CE(y, logit) + [y = 1] vae_weight * (E_q[-log p(x|z)] + beta * KL(q(z|x) || N(0, I)))
    W(x) ~ prod_i 1 / (Q_i(mu_i(x)) + alpha)            (how often x of class 1 is drawn)

Q_i is the share of the images of class 1 whose mu_i lies in the same bin as that of x. Small alpha
makes the draws even over the latents, a large one leaves the data as they are. The loss is a sum
over the pixels and latents of an image (nats) and a mean over the images drawn.

Unlike the paper, which draws each epoch's batches anew from the whole data set, an image is drawn
within the batch in which it comes: n = floor(w + u) times, u ~ U(0, 1), so that E[n] = w; here

    w(x) = min(max_weight, 1/m * prod_i (1 / (Q_i + alpha)) / sum_bins Q_i / (Q_i + alpha))

and n = 1 for class 0. The quotient would average to 1 if the latents were independent; m follows so
that w does, log m += 0.1 (mean w - 1) a step. Q is a running mean over the last 100 steps or so (from
before this one, so that images of a batch do not touch each other), in `bins` equal bins on (-3, 3)
whose outer ones are open. m and Q are weights of the model. The reconstruction is scored by
-log p(x|z), not by a p-norm.
"""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfgen import networks
from tfgen.errors import InputError, unknown
from tfgen.fields import Classes
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.variational import likelihoods
from tfgen.models.variational.base import LatentVariableModel

tfd = tfp.distributions
LIMIT = 3.0  # of the bins: three deviations of the prior
MEMORY = 100  # steps that the histograms remember


@model(title="Uncovering and Mitigating Algorithmic Bias through Learned Latent Structure", year=2019)
class DBVAE(LatentVariableModel):
    """A classifier of two classes and a VAE of the class 1, in one encoder.

    Its batches are (images, labels), labels int32 (n,): 1 for the class that is debiased, 0 for
    the other. `sample`, `decode`, `elbo` and `log_prob` are of images of class 1.

    Args:
        image_shape: (height, width, channels); images lie in [0, 1].
        latent_dim: size of z.
        width: filters next to the image.
        likelihood: p(x|z), as in `VAE`.
        vae_weight: weight of the VAE's loss, thousands of nats, against the classifier's, below one.
        beta: weight of the rate within the VAE's loss.
        alpha: of the weights w; the smaller, the more even over the latents. In a product over many
            latents the paper's 0.01 leaves little but the images at the bound: then take more.
        bins: of each latent's histogram.
        max_weight: bound on w, above 1.
        debias: False draws each image once: the same network without the paper's idea.
    """

    classes = 2
    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, alpha=0.1)
    recipe = Recipe(
        "celeb_a",
        batch_size=64,
        epochs=20,
        model=dict(image_shape=(64, 64, 3), latent_dim=16, alpha=0.5),
        data=dict(split="train[:9000]", cache=True, labels="Smiling"),
    )

    def __init__(
        self,
        image_shape=(64, 64, 3),
        latent_dim=100,
        width=32,
        likelihood="gaussian",
        vae_weight=1e-3,
        beta=1.0,
        alpha=0.01,
        bins=10,
        max_weight=10.0,
        debias=True,
        **kwargs,
    ):
        if likelihood not in likelihoods.LIKELIHOODS:
            raise unknown("likelihood", likelihood, likelihoods.LIKELIHOODS)
        if alpha <= 0 or bins < 2 or max_weight <= 1:
            raise InputError(
                f"alpha must be above 0, bins at least 2 and max_weight above 1; "
                f"received {alpha}, {bins} and {max_weight}"
            )
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim, self.width = image_shape, latent_dim, width
        self.likelihood, self.vae_weight, self.beta = likelihood, vae_weight, beta
        self.alpha, self.bins, self.max_weight, self.debias = alpha, bins, max_weight, debias
        out = likelihoods.output_shape(likelihood, image_shape)
        with self.building():
            self.encoder = networks.encoder(
                "convolutional", image_shape, width=width, outputs=2 * latent_dim + 1
            )
            self.decoder = networks.decoder("convolutional", latent_dim, out, width=width)
        kept = dict(dtype="float32", trainable=False, aggregation="only_first_replica")
        self.histogram = self.add_weight(
            (latent_dim, bins), keras.initializers.Constant(1 / bins), name="histogram", **kept
        )
        self.log_normalizer = self.add_weight((), "zeros", name="log_normalizer", **kept)

    @property
    def conditions(self):
        """None: labels are what it learns to tell, and no condition of its networks."""
        return {}

    @property
    def fields(self):
        return {**super().fields, "labels": Classes(2, fixed=True)}

    def objectives(self):
        return {
            "debiasing": Objective(
                self.loss_of_draws, (self.encoder, self.decoder), ("classification", "distortion", "rate")
            )
        }

    def default_optimizers(self):
        return keras.optimizers.Adam(5e-4)

    def posterior(self, images, labels=None, training=False):
        """q(z|x), batch shape (n,), event shape (latent_dim,)."""
        return self._posterior(self.run("encoder", images, labels, training))

    def _posterior(self, out):
        loc, scale, _ = tf.split(out, [self.latent_dim, self.latent_dim, 1], axis=-1)
        return tfd.Independent(tfd.Normal(loc, tf.nn.softplus(scale) + 1e-5), 1)

    def loss_of_draws(self, step):
        """The loss, and its three terms by image drawn: the last two are 0 for class 0."""
        images, training = step.batch["images"], step.training
        positive = tf.cast(step.batch["labels"], tf.float32)
        out = self.encoder(images, training=training)
        q = self._posterior(out)
        z = q.mean() + q.stddev() * step.normal("z", self.latent_dim)
        draws = tf.ones_like(positive)
        if self.debias and training:
            mean = tf.stop_gradient(q.mean())
            weights = self._weights(mean)
            draws = self.draws(tf.where(positive > 0, weights, 1.0), step.uniform("draws", 1)[:, 0])
            self._remember(mean, weights, positive)
        terms = {
            "classification": tf.nn.sigmoid_cross_entropy_with_logits(positive, out[:, -1]),
            "distortion": -positive * self.log_likelihood(images, z, training=training),
            "rate": positive * q.kl_divergence(self.prior_distribution),
        }
        logs = {name: tf.reduce_mean(draws * term) for name, term in terms.items()}
        vae = logs["distortion"] + self.beta * logs["rate"]
        return logs["classification"] + self.vae_weight * vae, logs

    def draws(self, weights, noise):
        """How often each image is drawn, integers as float32 (n,), on average `weights` (n,), by noise (n,)
        on (0, 1)."""
        return tf.floor(weights + noise)

    def _bins(self, mean):
        """The bins of means (n, latent_dim), one-hot float32 (n, latent_dim, bins)."""
        place = tf.floor((mean + LIMIT) * (self.bins / (2 * LIMIT)))
        return tf.one_hot(tf.cast(tf.clip_by_value(place, 0.0, self.bins - 1.0), tf.int32), self.bins)

    def _weights(self, mean):
        inverse = 1 / (self.histogram + self.alpha)
        factors = inverse / tf.reduce_sum(self.histogram * inverse, axis=1, keepdims=True)
        log_weight = tf.einsum("ndb,db->n", self._bins(mean), tf.math.log(factors)) - self.log_normalizer
        return tf.exp(tf.minimum(log_weight, tf.math.log(self.max_weight)))

    def _remember(self, mean, weights, positive):
        """Histograms and normaliser move towards those of this step's images of class 1."""
        sums = [
            tf.einsum("n,ndb->db", positive, self._bins(mean)),
            tf.reduce_sum(positive * weights),
            tf.reduce_sum(positive),
        ]
        context = tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            sums = context.all_reduce("SUM", sums)
        counts, weight, number = sums
        seen = tf.minimum(number, 1.0)  # 0 if the batch has none of class 1
        share = counts / tf.maximum(number, 1.0)
        # The first step's histograms take the place of the start, which is of no data.
        rate = seen / tf.cast(tf.clip_by_value(self.step.value, 1, MEMORY), tf.float32)
        self.histogram.assign(self.histogram + rate * (share - self.histogram))
        excess = weight / tf.maximum(number, 1.0) - 1
        self.log_normalizer.assign(self.log_normalizer + 0.1 * seen * excess)

    def resampling_weights(self, images):
        """w(x), float32 (n,), of images of class 1, by the histograms and the encoder in training."""
        return self._weights(self._posterior(self.encoder(images, training=False)).mean())

    def classify(self, images):
        """The probability of class 1, float32 (n,), of images (n, h, w, c) in [0, 1]."""
        return tf.sigmoid(self.run("encoder", images)[:, -1])

    def signatures(self):
        images = tf.TensorSpec((None, *self.image_shape), tf.float32, "images")
        return {**super().signatures(), "classify": (self.classify, [images])}
