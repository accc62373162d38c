"""The generator's numbers: the same everywhere, and good."""

import numpy as np
import onnxruntime
import pytest
import scipy.stats
import tensorflow as tf
import tf2onnx

from tfgen import random

KEY = random.key(3, 1)
GOLDEN = [[4032952135, 2231280310, 4230510834], [1112188036, 1309300089, 1775488675]]


@pytest.mark.parametrize("compiled", [dict(), dict(jit_compile=True)], ids=["graph", "xla"])
def test_bits_and_uniforms_are_equal_to_the_bit_and_normals_nearly(compiled):
    for draw, tolerance in ((random.bits, 0), (random.uniform, 0), (random.normal, 1e-6)):
        one = draw(KEY, (7, 5, 3), 2)
        other = tf.function(draw, **compiled)(KEY, (7, 5, 3), 2)
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


def test_these_are_the_numbers_for_ever():
    """Saved runs and exported samplers rely on them."""
    words = random.bits(random.key(1, 2), (2, 3)).numpy()
    assert words.tolist() == GOLDEN


def test_a_row_depends_on_its_number_alone():
    want, three, two = random.uniform(KEY, (5, 4))[2:], np.int64(3), np.int64(2)
    np.testing.assert_array_equal(random.uniform(KEY, (3, 4), first_row=2), want)
    np.testing.assert_array_equal(random.uniform(KEY, (three, 4), first_row=two), want)


@pytest.mark.parametrize("other", [random.key(4, 1), random.key(3, 2), random.key(3), random.key(3, 1, 0),
                                   random.key(3 + 2**32, 1), random.fold_in(KEY, 0)])  # fmt: skip
def test_other_keys_give_other_numbers(other):
    assert np.corrcoef(random.uniform(KEY, (5000,)), random.uniform(other, (5000,)))[0, 1] < 0.05
    assert not np.array_equal(random.bits(KEY, (50,)), random.bits(other, (50,)))


def test_words_may_be_tensors():
    step = tf.constant(7, tf.int64)
    np.testing.assert_array_equal(random.key(3, 7), random.key(3, step))


SEEDS = (0, 5, 2**31, 2**32 + 5, 2**63 - 1, -1, -(2**40) - 3, -(2**63))


@pytest.fixture(scope="module", params=["eager", "xla", "onnx"])
def key_of_a_tensor(request):
    """int64 scalar -> the key, computed in three ways."""
    spec = [tf.TensorSpec((), tf.int64, "seed")]
    if request.param == "onnx":
        proto, _ = tf2onnx.convert.from_function(tf.function(random.key, spec), spec, opset=18)
        run = onnxruntime.InferenceSession(proto.SerializeToString()).run
        return lambda seed: run(None, {"seed": np.array(seed, "int64")})[0]
    key = tf.function(random.key, spec, jit_compile=True) if request.param == "xla" else random.key
    return lambda seed: key(tf.constant(seed, tf.int64)).numpy()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_may_be_a_tensor(key_of_a_tensor, seed):
    np.testing.assert_array_equal(key_of_a_tensor(seed), random.key(seed))


def test_uniforms_are_uniform_and_never_at_the_ends():
    u = random.uniform(KEY, (1000, 300)).numpy()
    assert 0 < u.min() and u.max() < 1
    assert scipy.stats.kstest(u.ravel(), "uniform").pvalue > 1e-3
    lowest, highest = random._unit(tf.constant([0, 2**32 - 1], tf.uint32)).numpy()
    assert 0 < lowest and highest < 1


def test_normals_are_normal():
    z = random.normal(KEY, (1000, 301)).numpy()
    assert scipy.stats.kstest(z.ravel(), "norm").pvalue > 1e-3
    assert abs(scipy.stats.kurtosis(z.ravel())) < 0.03


@pytest.mark.parametrize("lag", [(0, 1), (1, 0), (0, 150), (1, 1), (8, 0)])
def test_neighbours_are_independent(lag):
    """300,000 pairs by rows and columns; 150 columns apart are the two words of one pair."""
    u = random.uniform(KEY, (1000, 300)).numpy()
    shifted = u[lag[0] :, lag[1] :]
    pairs = u[: shifted.shape[0], : shifted.shape[1]]
    counts, *_ = np.histogram2d(pairs.ravel(), shifted.ravel(), bins=16, range=[[0, 1], [0, 1]])
    assert scipy.stats.chisquare(counts.ravel()).pvalue > 1e-3


def test_every_bit_is_a_fair_coin_and_consecutive_steps_are_independent():
    words = np.stack([random.bits(random.key(0, step), (64, 32)) for step in range(50)])
    coins = np.unpackbits(words.view(np.uint8), axis=-1).reshape(50, -1, 32)
    n = coins.shape[0] * coins.shape[1]
    assert np.all(np.abs(coins.mean((0, 1)) - 0.5) < 5 * 0.5 / np.sqrt(n))
    same = (coins[1:] == coins[:-1]).mean()
    assert abs(same - 0.5) < 5 * 0.5 / np.sqrt(coins[1:].size)
