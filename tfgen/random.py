"""Random numbers that are a function of (key, row, column) and of nothing else.

Jarzynski and Olano. Hash Functions for GPU Rendering. JCGT 9(3), 2020: pcg3d.

A counter-based generator on 32-bit integers. TensorFlow's own stateless floats differ
between XLA and plain graphs; integer arithmetic does not, so the bits and the uniforms
here are equal eagerly, in graphs, under XLA and in exported graphs. A row is an example:
what it gets depends on its number alone, so neither the size of the batch nor the number
of devices that share it changes its noise.

The hash mixes three words (x, y, z) = (row's key, row's key, column):

    v = 1664525 v + 1013904223;  x += y z;  y += z x;  z += x y;  v ^= v >> 16;
    x += y z;  y += z x;  z += x y
"""

import contextlib
import math
import random as python_random
from collections.abc import Iterator

import tensorflow as tf


def _word(value):
    """An integer, or a tensor of integers, modulo 2**32."""
    if isinstance(value, int):
        return tf.constant(value % 2**32, tf.uint32)
    return tf.cast(value, tf.uint32)


def _mix(x, y, z):
    factor, term, half = (tf.constant(word, tf.uint32) for word in (1664525, 1013904223, 16))
    x, y, z = (v * factor + term for v in (x, y, z))
    x += y * z
    y += z * x
    z += x * y
    x, y, z = (tf.bitwise.bitwise_xor(v, tf.bitwise.right_shift(v, half)) for v in (x, y, z))
    x += y * z
    y += z * x
    return x, y


def _mix_integers(x, y, z):
    """`_mix` of Python's integers, which adds nothing to a graph."""
    x, y, z = ((1664525 * v + 1013904223) % 2**32 for v in (x, y, z))
    x = (x + y * z) % 2**32
    y = (y + z * x) % 2**32
    z = (z + x * y) % 2**32
    x, y, z = (v ^ (v >> 16) for v in (x, y, z))
    x = (x + y * z) % 2**32
    return x, (y + z * x) % 2**32


def fold_in(key: tf.Tensor, word: int | tf.Tensor) -> tf.Tensor:
    """A new key: `key`, uint32 of shape (2,), joined with an integer or an integer scalar."""
    return tf.stack(_mix(key[0], key[1], _word(word)))


def key(seed: int | tf.Tensor, *words) -> tf.Tensor:
    """The key of a seed and of any further integers: uint32, shape (2,).

    Args:
        seed: an integer below 2**64 in magnitude, or an int64 scalar, as in exported graphs.
        words: integers or integer scalars, as a step or the number of a draw.
    """
    words = [len(words), *words]
    if isinstance(seed, tf.Tensor):
        low = tf.cast(seed, tf.uint32)
        # The difference divides exactly, for runtimes round quotients each in their way.
        high = _word((seed - tf.cast(low, tf.int64)) // 2**32)
        result = tf.stack([low, high])
    else:
        seed = int(seed) % 2**64
        result = seed % 2**32, seed // 2**32
        while words and isinstance(words[0], int):
            result = _mix_integers(*result, words.pop(0) % 2**32)
        result = tf.constant(result, tf.uint32)
    for word in words:
        result = fold_in(result, word)
    return result


def _rows(n, first_row):
    """The numbers of n rows, uint32 (n,)."""
    return tf.cast(tf.range(tf.cast(n, tf.int32)) + tf.cast(first_row, tf.int32), tf.uint32)


def _pairs(key, rows, columns, first_row):
    """Two words for each row and column: two uint32 tensors of shape (rows, columns)."""
    x, y = _mix(key[0], key[1], _rows(rows, first_row))
    return _mix(x[:, None], y[:, None], tf.cast(tf.range(columns), tf.uint32)[None, :])


def row_keys(key: tf.Tensor, n: int | tf.Tensor, first_row: int | tf.Tensor = 0) -> tf.Tensor:
    """A key for each row, uint32 (n, 2), for layers that draw noise of their own; arguments as in `bits`."""
    return tf.stack(_mix(key[0], key[1], _rows(n, first_row)), axis=1)


def uniform_of_rows(keys: tf.Tensor, columns: int | tf.Tensor, word: int = 0) -> tf.Tensor:
    """Uniform on the open interval (0, 1), float32 (n, columns), row k by the k-th of `row_keys` alone.

    Args:
        keys: uint32 (n, 2).
        columns: an integer or an integer scalar.
        word: an integer; each has noise of its own.
    """
    x, y = _mix(keys[:, 0], keys[:, 1], _word(word))
    column = tf.cast(tf.range(columns), tf.uint32)
    return _unit(_mix(x[:, None], y[:, None], column[None, :])[0])


def normal_of_rows(keys: tf.Tensor, columns: int | tf.Tensor, word: int = 0) -> tf.Tensor:
    """Standard normal by Box and Muller, float32 (n, columns); arguments as in `uniform_of_rows`."""
    x, y = _mix(keys[:, 0], keys[:, 1], _word(word))
    column = tf.cast(tf.range((columns + 1) // 2), tf.uint32)
    x, y = _mix(x[:, None], y[:, None], column[None, :])
    return _box_muller(x, y)[:, :columns]


def _columns(shape):
    return math.prod(int(size) for size in shape[1:])


def bits(key: tf.Tensor, shape: tuple, first_row: int | tf.Tensor = 0) -> tf.Tensor:
    """Uniform 32-bit words: uint32 of `shape`, whose first axis counts rows.

    Args:
        key: uint32, shape (2,), from `key` or `fold_in`.
        shape: the first size may be a scalar tensor, the others are integers.
        first_row: the number of the first row; row k is the same in every call.
    """
    columns = _columns(shape)
    words = tf.concat(_pairs(key, shape[0], (columns + 1) // 2, first_row), axis=1)
    return tf.reshape(words[:, :columns], (shape[0], *shape[1:]))


def _unit(words):
    # 23 bits and a half: exact in float32, and never 0 nor 1.
    return (
        tf.cast(tf.cast(tf.bitwise.right_shift(words, tf.constant(9, tf.uint32)), tf.int32), tf.float32) + 0.5
    ) * 2.0**-23


def uniform(key: tf.Tensor, shape: tuple, first_row: int | tf.Tensor = 0) -> tf.Tensor:
    """Uniform on the open interval (0, 1): float32 of `shape`; arguments as in `bits`."""
    return _unit(bits(key, shape, first_row))


def normal(key: tf.Tensor, shape: tuple, first_row: int | tf.Tensor = 0) -> tf.Tensor:
    """Standard normal by Box and Muller: float32 of `shape`; arguments as in `bits`."""
    columns = _columns(shape)
    values = _box_muller(*_pairs(key, shape[0], (columns + 1) // 2, first_row))
    return tf.reshape(values[:, :columns], (shape[0], *shape[1:]))


def _box_muller(x, y):
    """Twice as many normal numbers, beside each other, as there are pairs of words (n, columns)."""
    radius, angle = tf.sqrt(-2.0 * tf.math.log(_unit(x))), 2.0 * math.pi * _unit(y)
    return tf.concat([radius * tf.cos(angle), radius * tf.sin(angle)], axis=1)


# Polynomials of w = -log(1 - x^2), from the highest power on: of w - 2.5 below 5, of sqrt(w) - 3 above.
_NEAR = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 2.1858087e-04,
    -1.25372503e-03, -4.17768164e-03, 0.246640727, 1.50140941,
)  # fmt: skip
_FAR = (
    -2.00214257e-04, 1.00950558e-04, 1.34934322e-03, -3.67342844e-03, 5.73950773e-03,
    -7.6224613e-03, 9.43887047e-03, 1.00167406, 2.83297682,
)  # fmt: skip


def _inverse_erf(x):
    """The x' with erf(x') = x, of float32 in (-1, 1), to 1e-6 of it; ONNX has no such operation.

    Giles. Approximating the erfinv function. GPU Computing Gems, 2011, single precision.
    """
    w = -tf.math.log((1 - x) * (1 + x))
    near, far = w - 2.5, tf.sqrt(tf.maximum(w, 5.0)) - 3.0
    low, high = _NEAR[0], _FAR[0]
    for a, b in zip(_NEAR[1:], _FAR[1:]):
        low, high = a + low * near, b + high * far
    return x * tf.where(w < 5, low, high)


def truncated_normal(
    key: tf.Tensor, shape: tuple, limit: float | tf.Tensor, first_row: int | tf.Tensor = 0
) -> tf.Tensor:
    """Standard normal, given that its magnitude is at most `limit`: float32 of `shape`; other arguments as in
    `bits`.

    By the inverse distribution function of one uniform number: every limit moves the same noise, and it is
    the distribution that drawing anew until a value lies within the limit has. Values beyond 5.3 do not
    come from 23 bits, so that a limit of 6 is none.
    """
    limit = tf.cast(limit, tf.float32)
    x = (2.0 * uniform(key, shape, first_row) - 1.0) * tf.math.erf(limit * math.sqrt(0.5))
    # The bounds are for what rounding adds.
    return tf.clip_by_value(math.sqrt(2.0) * _inverse_erf(x), -limit, limit)


@contextlib.contextmanager
def initial_weights(seed: int) -> Iterator[None]:
    """Context in which Keras' layers get the initial weights of a seed."""
    state = python_random.getstate()
    python_random.seed(seed)  # where Keras' initializers take theirs
    try:
        yield
    finally:
        python_random.setstate(state)
