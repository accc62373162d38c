"""Mixture of Gaussians, fitted by expectation and maximisation.

Dempster, Laird and Rubin. Maximum Likelihood from Incomplete Data via the EM Algorithm. Journal
of the Royal Statistical Society B 39(1), 1977. https://www.jstor.org/stable/2984875

    p(x) = sum_k w_k N(x; m_k, S_k)
    E:  r_k(x) = w_k N(x; m_k, S_k) / p(x)
    M:  w_k = mean_x r_k(x),   m_k = sum_x r_k(x) x / sum_x r_k(x),
        S_k = sum_x r_k(x) (x - m_k) (x - m_k)^T / sum_x r_k(x) + regularization I

An epoch of `fit` is one iteration. E sums r_k, r_k (x - m_k) and r_k (x - m_k) (x - m_k)^T batch by
batch about the means with which the epoch began, so that nothing cancels: products in float32, sums
over batches in float64. M follows at the epoch's end.

Unlike the paper, S_k has `regularization` on its diagonal, without which pixels that never change
make it singular. It makes M inexact: with it the likelihood may fall near the end, by little.
"""

import math

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from keras import tree

from tfgen import random
from tfgen.errors import InputError, unknown
from tfgen.fields import Vector
from tfgen.models import door
from tfgen.models.abilities import Density
from tfgen.models.base import GenerativeModel, Recipe
from tfgen.models.mixture import gaussians
from tfgen.models.mixture.k_means import plus_plus
from tfgen.models.monitoring import Diverged
from tfgen.models.registry import model

tfd = tfp.distributions
START = 0x57A27  # the word of the key that draws the first means
FIRST = 2000  # examples among which they are sought
SUMS = ("share", "first", "second")


class _Iteration(keras.callbacks.Callback):
    """An epoch begins with empty sums and ends with M."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.forget()

    def on_epoch_end(self, epoch, logs=None):
        self.model.maximize()


@model(title="Maximum Likelihood from Incomplete Data via the EM Algorithm", year=1977)
class GaussianMixture(Density, GenerativeModel):
    """A mixture of Gaussians of images, or of examples of any shape: image_shape=(20,) for codes.

    `fit` has the log "nll", the mean of -log p(x) in nats, of the mixture with which the epoch
    began. Epochs must have the same examples. The first `fit` calls `start` with the first 2,000
    examples, or the few more that end a batch; `set_parameters` starts elsewhere. Between the
    epochs nothing is kept but the mixture, so an interrupted epoch is done again.

    Args:
        image_shape: of an example. Images (height, width, channels) lie in [0, 1], and samples of
            them are cut off there; examples of fewer axes are any numbers.
        components: number of Gaussians.
        covariance: "full" or "diagonal".
        regularization: added to the variances.
    """

    value_range = (0.0, 1.0)
    start_examples = FIRST
    tiny = dict(image_shape=(8, 8, 1), components=3, regularization=0.05)
    recipe = Recipe("mnist", batch_size=1000, epochs=15, model=dict(regularization=1e-2))

    def __init__(
        self, image_shape=(28, 28, 1), components=10, covariance="full", regularization=1e-3, **kwargs
    ):
        if covariance not in ("full", "diagonal"):
            raise unknown("covariance", covariance, ("full", "diagonal"))
        if components < 1 or regularization < 0:
            raise InputError(
                f"a mixture needs components >= 1 and regularization >= 0; received {components} and "
                f"{regularization}"
            )
        super().__init__(**kwargs)
        self.image_shape, self.components = image_shape, components
        self.covariance, self.regularization = covariance, regularization
        size = math.prod(image_shape)
        vectors = (components, size)
        matrices = (components, size, size) if self.full else vectors
        zeros = dict(initializer="zeros", trainable=False)
        with self.building():
            self.started = self.add_weight((), name="started", dtype="int64", **zeros)
            self.mixing = self.add_weight((components,), name="mixing", **zeros)
            uniform = keras.initializers.RandomUniform(0, 1)
            self.means = self.add_weight(vectors, uniform, trainable=False, name="means")
            # L_k with S_k = L_k L_k^T, or standard deviations; L_k^-T, or their inverses.
            self.factors = self.add_weight(matrices, name="factors", **zeros)
            self.whitening = self.add_weight(matrices, name="whitening", **zeros)
            self.constants = self.add_weight((components,), name="constants", **zeros)
            options = dict(trainable=False, synchronization=tf.VariableSynchronization.ON_READ)
            options["aggregation"] = tf.VariableAggregation.SUM
            self.sums = {
                name: tf.Variable(lambda s=shape: tf.zeros(s, tf.float64), name=name, **options)
                for name, shape in zip(SUMS, ((components,), vectors, matrices))
            }
        even = np.full(components, 1 / components)
        self._set(even, self.means.numpy(), *gaussians.spherical(1.0, matrices))

    @property
    def full(self):
        return self.covariance == "full"

    @property
    def fields(self):
        if len(self.image_shape) < 3:
            return {"images": Vector(self.image_shape)}
        return super().fields

    @property
    def input_values(self):
        uniform, normal = {"distribution": "uniform", "low": 0.0, "high": 1.0}, {"distribution": "normal"}
        return {**super().input_values, "u": uniform, "z": normal}

    def objectives(self):
        """None: EM follows no gradient."""
        return {}

    def default_optimizers(self):
        return {}

    # Parameters.

    def set_parameters(self, weights, means, covariances):
        """The mixture with which the next `fit` begins.

        Args:
            weights: (components,), positive, of sum 1.
            means: (components, *image_shape).
            covariances: (components, size, size) for images of `size` values; if "diagonal", the
                variances (components, size).
        """
        given = [np.asarray(x, np.float64) for x in (weights, means, covariances)]
        wanted = [(self.components,), (self.components, *self.image_shape), tuple(self.factors.shape)]
        if [x.shape for x in given] != wanted:
            raise InputError(
                f"weights, means and covariances have shapes {wanted}; received {[x.shape for x in given]}"
            )
        if given[0].min() < 0 or abs(given[0].sum() - 1) > 1e-4:
            raise InputError(f"weights are positive and of sum 1; received {weights}")
        self._set(given[0], given[1].reshape(self.means.shape), *gaussians.factored(given[2], given[0]))
        self.started.assign(1)

    def _set(self, weights, means, factors, inverses):
        values = (weights, means, factors, inverses, gaussians.log_constants(weights, factors))
        own = (self.mixing, self.means, self.factors, self.whitening, self.constants)
        for weight, value in zip(own, values):
            weight.assign(np.asarray(value, np.float32))

    @property
    def covariances(self):
        """S_k, a float32 array (components, size, size); variances (components, size) if diagonal."""
        factors = self.factors.numpy()
        return factors @ factors.swapaxes(1, 2) if self.full else factors**2

    def distribution(self):
        """p(x) of TensorFlow Probability, of examples laid flat: event shape (size,)."""
        means, factors = self.means.value, self.factors.value
        gaussian = tfd.MultivariateNormalTriL if self.full else tfd.MultivariateNormalDiag
        return tfd.MixtureSameFamily(tfd.Categorical(probs=self.mixing.value), gaussian(means, factors))

    # Expectation.

    def rows(self, images):
        """Images (n, *image_shape) as vectors (n, size)."""
        images = self.fields["images"].prepared(images)
        if not images.shape[1:].is_compatible_with(self.image_shape):
            raise InputError(
                f"{type(self).__name__} takes images {(None, *self.image_shape)}; received {images.shape}"
            )
        return tf.reshape(images, (-1, math.prod(self.image_shape)))

    def joint(self, x):
        """log w_k N(x; m_k, S_k) of vectors x (n, size): nats, (n, components)."""
        distances = []
        for k in range(self.components):
            offset, inverse = x - self.means[k], self.whitening[k]
            white = tf.matmul(offset, inverse) if self.full else offset * inverse
            distances.append(tf.reduce_sum(white**2, axis=1))
        return self.constants - 0.5 * tf.stack(distances, axis=1)

    def log_prob(self, images):
        """log p(x), exact, of images (n, *image_shape): nats, shape (n,)."""
        return self._log_sum(self.joint(self.rows(images)))

    def _log_sum(self, joint):
        top = tf.reduce_max(joint, axis=1, keepdims=True)
        return top[:, 0] + tf.math.log(tf.reduce_sum(tf.exp(joint - top), axis=1))

    def encode(self, images):
        """Responsibilities p(k|x), (n, components), of images (n, *image_shape)."""
        return tf.nn.softmax(self.joint(self.rows(images)))

    call = encode

    def signatures(self):
        u, z = (
            tf.TensorSpec((None, size), tf.float32, name)
            for name, size in (("u", 1), ("z", self.means.shape[1]))
        )
        return {
            "encode": (self.encode, [self.data_spec]),
            "log_prob": (self.log_prob, [self.data_spec]),
            "generate": (self.generate, [u, z]),
            "sample": self.sampler(),
        }

    # Training.

    def compile(self, optimizer=None, **kwargs):
        """As in Keras; EM has no optimizer."""
        if optimizer:
            raise InputError(f"{type(self).__name__} is fitted by EM, which has no optimizer; omit it")
        super().compile({}, **kwargs)
        self.trackers["nll"] = keras.metrics.Mean("nll", dtype="float64")

    def fit(self, x=None, *args, callbacks=None, **kwargs):
        """Keras' `fit`, an iteration of EM an epoch; the callbacks see the mixture after it."""
        callbacks = [] if callbacks is None else list(tree.flatten(callbacks))
        return super().fit(x, *args, callbacks=[_Iteration(), *callbacks], **kwargs)

    def start(self, batch):
        """Means by k-means++ among the batch's images, by the model's seed; the variances are the mean
        squared distance to the nearest mean, shared among the dimensions. Nothing after `set_parameters`."""
        if int(self.started.numpy()):
            return
        x = self.rows(batch["images"]).numpy().astype(np.float64)
        if not np.isfinite(x).all():
            raise InputError("the images hold NaN or infinities; remove or repair those that do")
        noise = random.uniform(random.key(self.seed, START), (self.components, 1))[:, 0].numpy()
        means, nearest = plus_plus(x, noise)
        variance = nearest.mean() / x.shape[1] + self.regularization
        even = np.full(self.components, 1 / self.components)
        self._set(even, means, *gaussians.spherical(variance, self.factors.shape))
        self.started.assign(1)

    def train_step(self, batch):
        x = self.rows(door.batch_of(self, batch)["images"])
        self.step.assign_add(1)
        joint = self.joint(x)
        shares = tf.nn.softmax(joint)
        first, second = [], []
        for k in range(self.components):
            # In many dimensions an image has but one component; the others' rows are exact zeros.
            seen = tf.where(shares[:, k] > 0)[:, 0]
            offset = tf.gather(x, seen) - self.means[k]
            weighted = tf.gather(shares[:, k], seen)[:, None] * offset
            first.append(tf.reduce_sum(weighted, axis=0))
            outer = tf.matmul(weighted, offset, transpose_a=True) if self.full else weighted * offset
            second.append(outer if self.full else tf.reduce_sum(outer, axis=0))
        for name, value in zip(SUMS, (tf.reduce_sum(shares, axis=0), tf.stack(first), tf.stack(second))):
            self.sums[name].assign_add(tf.cast(value, tf.float64))
        return self._logged(joint)

    def test_step(self, batch):
        return self._logged(self.joint(self.rows(door.batch_of(self, batch)["images"])))

    def _logged(self, joint):
        self.trackers["nll"].update_state(tf.cast(-self._log_sum(joint), tf.float64))
        return self._results()

    def forget(self):
        """Empties the sums of the epoch."""
        with self.distribute_strategy.scope():
            for total in self.sums.values():
                total.assign(tf.zeros_like(total))

    def maximize(self):
        """M: the mixture that the sums of the epoch make."""
        with self.distribute_strategy.scope():
            share, first, second = (tf.convert_to_tensor(self.sums[name]).numpy() for name in SUMS)
        if not np.isfinite(share).all():
            raise Diverged(f"{type(self).__name__}: the images hold NaN, or lie too far from the mixture")
        counts = (share + 10 * np.finfo(np.float64).eps)[:, None]  # one without images keeps its mean
        moved = first / counts
        if self.full:
            covariances = second / counts[..., None] - moved[:, :, None] * moved[:, None, :]
            covariances += self.regularization * np.eye(moved.shape[1])
        else:
            covariances = second / counts - moved**2 + self.regularization
        weights = share / share.sum()
        self._set(weights, self.means.numpy() + moved, *gaussians.factored(covariances, weights))

    # Samples.

    def generate(self, u, z):
        """Examples (n, *image_shape) of u (n, 1) in (0, 1) and z (n, size) from N(0, I).

        A component by its weight and u, then its mean + L z.
        """
        chosen = tf.reduce_sum(tf.cast(u >= tf.cumsum(self.mixing)[:-1], tf.int32), axis=1)
        x = tf.zeros_like(z)
        for k in range(self.components):
            factor = self.factors[k]
            offset = tf.matmul(z, factor, transpose_b=True) if self.full else z * factor
            x = tf.where((chosen == k)[:, None], self.means[k] + offset, x)
        images = tf.reshape(x, (-1, *self.image_shape))
        return tf.clip_by_value(images, *self.value_range) if len(self.image_shape) == 3 else images

    def draw(self, key, n, first_row, labels=None):
        u = random.uniform(random.fold_in(key, 0), (n, 1), first_row)
        return self.generate(u, random.normal(random.fold_in(key, 1), (n, self.means.shape[1]), first_row))
