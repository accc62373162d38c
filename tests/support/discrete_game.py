"""The game on four points whose probabilities are known: real ones of P, fakes of Q."""

import numpy as np
import tensorflow as tf
from scipy.optimize import minimize

P, Q = np.array([4, 3, 2, 1]) / 10, np.array([1, 2, 2, 5]) / 10
SEEN = [tf.constant(np.repeat(np.arange(4), np.rint(10 * share).astype(int))) for share in (P, Q)]


def scores(v):
    """(real, fake), (10, 1) each, of the scores v (4,) of the points."""
    return [tf.gather(tf.convert_to_tensor(v), seen)[:, None] for seen in SEEN]


def best(loss):
    """The scores (4,) that minimise loss(real, fake), and the least loss."""

    def value_and_gradient(v):
        v = tf.constant(v, tf.float64)
        with tf.GradientTape() as tape:
            tape.watch(v)
            value = loss(*scores(v))
        return float(value), tf.convert_to_tensor(tape.gradient(value, v)).numpy()

    found = minimize(value_and_gradient, np.full(4, 0.1), jac=True, method="BFGS", options={"gtol": 1e-9})
    return found.x, found.fun


def js_divergence():
    """Jensen and Shannon's, in nats."""
    middle = (P + Q) / 2
    return 0.5 * np.sum(P * np.log(P / middle)) + 0.5 * np.sum(Q * np.log(Q / middle))
