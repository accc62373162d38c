"""Scores of tunes, by hand."""

import numpy as np
import pytest

from tfgen.errors import InputError
from tfgen.metrics import evaluate, music
from tfgen.models import CRNNGAN


def tune(pitches, since=1.0):
    """(1, tones, 4) of pitches, and of one time between tones, or of each."""
    pitches = np.float64(pitches)
    ones = np.ones(len(pitches))
    return np.stack([ones, pitches, 80 * ones, since * ones], axis=1)[None]


def test_scale_consistency_is_that_of_the_best_scale():
    d_major = [62, 64, 66, 67, 69, 71, 73, 74]
    assert music.scale_consistency(tune(d_major)) == 1
    assert music.scale_consistency(tune([57, 59, 60, 62, 64, 65, 67, 69])) == 1  # natural minor
    assert music.scale_consistency(tune([57, 59, 60, 62, 64, 65, 68, 69])) == 1  # harmonic minor
    assert music.scale_consistency(tune([*d_major, 63, 65])) == 0.8
    assert music.scale_consistency(tune(range(60, 72))) == pytest.approx(7 / 12)


def test_repetitions_are_of_three_tones_in_their_order():
    assert music.repetitions(tune([1, 2, 3, 1, 2, 3, 1])) == pytest.approx(2 / 5)  # 123 231 312 123 231
    assert music.repetitions(tune([1, 2, 3, 3, 2, 1])) == 0
    assert music.repetitions(tune([5, 5, 5, 5])) == 0.5
    assert music.repetitions(tune([1, 2, 3, 1, 2, 3], since=np.float64([0, 1, 2, 3, 4, 5]))) == 0.25


def test_polyphony_is_the_share_of_beginnings_with_several_tones():
    since = np.float64([0, 0, 1, 1, 0, 0])  # two together, one, three together
    assert music.polyphony(tune([60] * 6, since)) == pytest.approx(2 / 3)
    assert music.polyphony(tune([60] * 6)) == 0
    assert music.polyphony(tune([60] * 6, since=0.0)) == 1


def test_the_span_is_from_the_lowest_to_the_highest():
    assert music.tone_span(tune([60, 55.4, 71.6, 62])) == 72 - 55


def test_the_ratio_is_zero_for_tunes_as_likely_as_the_real_ones_and_low_for_noise():
    real = np.concatenate([tune([60, 62, 64, 65] * 4), tune([62, 64, 65, 60] * 4)] * 3)
    of = music.scores(real[:2], real)[music.RATIO]
    assert of[0].mean() == pytest.approx(0, abs=0.05) and of[1].mean() == pytest.approx(0)
    noise = np.random.default_rng(0).integers(30, 90, (2, 16))
    assert music.scores(np.concatenate([tune(row) for row in noise]), real)[music.RATIO][0].max() < -3
    pairs = music.Bigrams(tune([60, 62, 60, 61]))
    np.testing.assert_allclose(np.exp(pairs.log_p[60, [61, 62]]), 1.01 / (2 + 1.28))


def test_a_model_of_tunes_has_these_scores_beside_those_of_the_data():
    model = CRNNGAN(**CRNNGAN.tiny, seed=0)
    found = {score.name: score for score in evaluate(model, "scales", n=20, reference=True)}
    assert set(music.SCORES) | {music.RATIO} <= set(found)
    assert found["scale_consistency_data"].value > 0.9
    assert abs(found["bigram_ratio_data"].value) < 1e-6
    assert found["bigram_ratio"].value < -0.3 and found["tone_span"].protocol["n_fake"] == 20
    assert "discriminator_accuracy" in found and "frechet" not in found
    with pytest.raises(InputError, match="CRNNGAN has no frechet; its metrics with this extractor are sc"):
        evaluate(model, "scales", metrics=["frechet"])
    with pytest.raises(InputError, match="of 3 tones or more"):
        music.tone_span(np.zeros((2, 4)))
