"""SGHMC draws from the distribution that it says, whose variance is known exactly for a quadratic loss."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.linalg import solve_discrete_lyapunov

from tfgen.errors import InputError
from tfgen.optimizers import SGHMC


def after(optimizer, steps, start, gradient):
    """The variables after so many updates, from `start`, by gradient(v) of each."""
    variables = [keras.Variable(value) for value in start]
    optimizer.build(variables)
    update = tf.function(lambda: optimizer.apply([gradient(v) for v in variables]))
    for _ in range(steps):
        update()
    return [v.numpy() for v in variables]


@pytest.mark.parametrize("temperature", [1.0, 0.01])
def test_weights_are_drawn_by_the_temperature(temperature):
    """v' = .9 v - .01 w + noise, w' = w + v': at rest var(w) solves a Lyapunov equation, 1.0026 T."""
    friction, rate = 0.1, 0.01
    moves = np.array([[1 - friction, -rate], [1 - friction, 1 - rate]])  # of (v, w)
    noise = 2 * friction * rate * temperature * np.ones((2, 2))
    exact = solve_discrete_lyapunov(moves, noise)[1, 1]
    assert exact == pytest.approx(1.00263 * temperature, rel=1e-5)
    sampler = SGHMC(rate, friction, temperature, seed=3)
    (drawn,) = after(sampler, 200, [np.zeros(10_000, "float32")], lambda w: w.value)
    assert drawn.var() == pytest.approx(exact, rel=0.05) and abs(drawn.mean()) < 0.05 * exact**0.5


def test_without_a_temperature_it_is_momentum():
    start = [np.array([1.0, -2.0], "float32"), np.float32(3.0)]
    ours = after(SGHMC(0.1, 0.2, 0.0), 5, start, lambda w: 2 * w.value)
    keras_own = after(keras.optimizers.SGD(0.1, momentum=0.8), 5, start, lambda w: 2 * w.value)
    for a, b in zip(ours, keras_own):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_noise_is_of_the_seed_the_update_and_the_variable():
    def drawn(seed, steps):
        zeros = [np.zeros((4, 2), "float32")] * 2
        return after(SGHMC(seed=seed, friction=1.0), steps, zeros, lambda w: tf.zeros_like(w.value))

    one, same, other, later = drawn(1, 1), drawn(1, 1), drawn(2, 1), drawn(1, 2)
    np.testing.assert_array_equal(one, same)
    moves = [*one, *other, *(np.subtract(later, one))]
    for k, a in enumerate(moves):
        assert all(np.abs(a - b).min() > 0 for b in moves[k + 1 :])


def test_it_is_kept_by_its_configuration():
    kept = keras.optimizers.deserialize(keras.optimizers.serialize(SGHMC(0.2, 0.3, 0.4, seed=5)))
    assert isinstance(kept, SGHMC)
    assert (float(kept.learning_rate), kept.friction, kept.temperature, kept.seed) == pytest.approx(
        (0.2, 0.3, 0.4, 5)
    )


@pytest.mark.parametrize("wrong", [dict(friction=0.0), dict(friction=1.5), dict(temperature=-1.0)])
def test_what_draws_from_nothing_is_refused(wrong):
    (value,) = wrong.values()
    with pytest.raises(InputError, match=rf"a friction in \(0, 1\] and a temperature .*received .*{value}"):
        SGHMC(**wrong)
