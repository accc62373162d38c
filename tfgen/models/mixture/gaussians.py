"""Covariances (k, size, size), or variances (k, size), of k Gaussians, and what is made of them.

A factor L has S = L L^T, and `inverse`, L^-T, whitens: the entries of (x - mean) L^-T have
variance 1. Of variances they are the standard deviations and their inverses. All is float64.
"""

import math

import numpy as np

from tfgen.errors import InputError


def factored(covariances, weights):
    """Factors and inverses of covariances; an InputError names a component that has none."""
    full, factors, inverses = np.ndim(covariances) == 3, [], []
    for k, covariance in enumerate(covariances):
        try:
            if not full and not covariance.min() > 0:
                raise np.linalg.LinAlgError
            factors.append(np.linalg.cholesky(covariance) if full else np.sqrt(covariance))
        except np.linalg.LinAlgError:
            raise InputError(
                f"the covariance of component {k}, of weight {weights[k]:.2g}, is singular; raise "
                f"regularization, or take fewer components" + (" or covariance='diagonal'" if full else "")
            ) from None
        inverses.append(np.linalg.inv(factors[-1]).T if full else 1 / factors[-1])
    return np.array(factors), np.array(inverses)


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
