"""Weights as a number: which weights made these features, and whose scores are these."""

import hashlib

import numpy as np


def weights_sha256(weights):
    """Of shapes, dtypes and values, in order; names do not matter: 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for value in weights:
        value = np.ascontiguousarray(value)
        digest.update(f"{value.shape} {value.dtype}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def weights_hash(model):
    """Twelve hexadecimal digits that are a function of a model's weights.

    The same after `save` and `load`; another one after any update. Scores carry it as `weights` in
    their protocol, so that a card does not show the scores of an earlier checkpoint.

    Args:
        model: a `GenerativeModel`, whose counters of steps and of unseeded draws do not count.
    """
    counters = {id(model.step), id(model.asked)}
    return weights_sha256(v.numpy() for v in model.weights if id(v) not in counters)[:12]
