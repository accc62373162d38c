"""Covariances (k, size, size), or variances (k, size), of k Gaussians, and what is made of them.

A factor L has S = L L^T, and `inverse`, L^-T, whitens: the entries of (x - mean) L^-T have
variance 1. Of variances they are the standard deviations and their inverses. All is float64.
"""

import math

import numpy as np
import tensorflow as tf

from tfgen.errors import InputError


def factored(covariances, weights):
    """Factors and inverses of covariances; an InputError names a component that has none."""
    if np.ndim(covariances) == 2:
        _check(covariances.min(1), weights, "")
        factors = np.sqrt(covariances)
        return factors, 1 / factors
    # In place of NumPy's, whose threads wait for each other where cores are busy. NaN if it fails.
    with tf.device("CPU:0"):
        factors = tf.linalg.cholesky(covariances)
        inverses = tf.linalg.triangular_solve(factors, tf.eye(factors.shape[-1], dtype=factors.dtype))
    _check(np.diagonal(factors.numpy(), axis1=1, axis2=2).min(1), weights, " or covariance='diagonal'")
    return factors.numpy(), inverses.numpy().swapaxes(1, 2)


def _check(smallest, weights, advice):
    """Raises an InputError unless the smallest variance of each component is a positive number."""
    k = np.argmin(smallest)  # that of a NaN if there is one
    if not smallest[k] > 0:
        raise InputError(
            f"the covariance of component {k}, of weight {weights[k]:.2g}, is singular; raise "
            f"regularization, or take fewer components{advice}"
        )


def spherical(variance, shape):
    """Factors and inverses of covariances of `shape` that are all variance * I."""
    one = np.eye(shape[-1]) if len(shape) == 3 else np.ones(shape[-1])
    factors = np.broadcast_to(math.sqrt(variance) * one, shape)
    return factors, factors / variance


def log_constants(weights, factors):
    """log w_k - log |L_k| - size/2 log 2 pi, shape (k,); -inf for a weight of 0."""
    logs = np.log(np.diagonal(factors, axis1=1, axis2=2) if factors.ndim == 3 else factors)
    with np.errstate(divide="ignore"):
        return np.log(weights) - logs.sum(1) - factors.shape[-1] / 2 * math.log(2 * math.pi)
