"""A model whose posterior and evidence are known: x = W z + b + noise of unit variance."""

import keras
import numpy as np
import scipy.stats
import tensorflow as tf

from tfgen.models import VAE

SHAPE, LATENT = (2, 3, 1), 2


def affine(kernel, bias, shape):
    net = keras.Sequential(
        [keras.Input(SHAPE if len(kernel) == 6 else (LATENT,)), keras.layers.Flatten(),
         keras.layers.Dense(len(bias)), keras.layers.Reshape(shape)]
    )  # fmt: skip
    net.set_weights([np.float32(kernel), np.float32(bias)])
    return net


def linear_gaussian(cls=VAE, **kwargs):
    """A model with the exact q(z|x), five images, and their log p(x).

    W's columns are orthogonal, so that the posterior's covariance is diagonal as q's is.
    """
    rng = np.random.default_rng(0)
    w = np.linalg.qr(rng.normal(size=(6, LATENT)))[0] * [1.5, 0.7]
    b = rng.normal(size=6)
    variance = 1 / (1 + np.array([1.5, 0.7]) ** 2)
    to_mean = w * variance
    scale = np.log(np.expm1(np.sqrt(variance) - 1e-5))  # softplus' inverse
    networks = dict(
        decoder=affine(w.T, b, SHAPE),
        encoder=affine(
            np.hstack([to_mean, np.zeros((6, LATENT))]), np.hstack([-b @ to_mean, scale]), (2 * LATENT,)
        ),
    )
    how = dict(likelihood="gaussian", body="dense", width=4, seed=0)
    model = cls(SHAPE, LATENT, **how, **networks, **kwargs)
    model.value_range = (-20.0, 20.0)  # of a Gaussian's images
    x = rng.normal(size=(5, LATENT)) @ w.T + b + rng.normal(size=(5, 6))
    evidence = scipy.stats.multivariate_normal(b, w @ w.T + np.eye(6)).logpdf(x)
    return model, tf.constant(x.reshape(5, *SHAPE), tf.float32), evidence


def poorly_encoded(cls=VAE, **kwargs):
    """`linear_gaussian` with a q(z|x) that does not look at x."""
    model, x, evidence = linear_gaussian(cls, **kwargs)
    model.encoder.set_weights([np.zeros((6, 2 * LATENT)), np.array([0.3, 0, 0.5, 0.5])])
    return model, x, evidence
