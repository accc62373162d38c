"""Scores of tunes, of what notes say: as the paper of C-RNN-GAN counts them, and of pairs of tones.

Mogren. C-RNN-GAN: Continuous recurrent neural networks with adversarial training. Constructive Machine
Learning Workshop at NeurIPS 2016. https://arxiv.org/abs/1611.09904

Tunes are events (n, tones, 4), as `tfgen.fields.Events` describes them; pitches are rounded to whole ones.
"""

import numpy as np
from numpy.typing import ArrayLike

from tfgen.errors import InputError
from tfgen.music import PITCH, SINCE

MAJOR, HARMONIC_MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11)  # natural minor has a major's notes
SCALES = np.array(
    [
        [(note - key) % 12 in scale for note in range(12)]
        for scale in (MAJOR, HARMONIC_MINOR)
        for key in range(12)
    ]
)
TOGETHER = 1 / 32  # quarter notes: tones that begin within so little begin together
PITCHES = 128


def _pitches(tunes):
    tunes = np.asarray(tunes)
    if tunes.ndim != 3 or tunes.shape[1] < 3 or tunes.shape[2] != 4:
        raise InputError(f"tunes are (n, tones, 4), of 3 tones or more; received shape {tunes.shape}")
    return np.clip(np.rint(tunes[..., PITCH]), 0, PITCHES - 1).astype(int)


def scale_consistency(tunes: ArrayLike) -> np.ndarray:
    """The share of a tune's tones that lie in a scale, of the major or minor one that has most: (n,)."""
    return SCALES[:, _pitches(tunes) % 12].mean(axis=2).max(axis=0)


def repetitions(tunes: ArrayLike) -> np.ndarray:
    """The share of three tones in a row that the tune has had before, by pitch and order alone: (n,)."""
    pitches = _pitches(tunes)
    triples = (pitches[:, :-2] * PITCHES + pitches[:, 1:-1]) * PITCHES + pitches[:, 2:]
    return np.array([1 - len(np.unique(row)) / len(row) for row in triples])


def polyphony(tunes: ArrayLike) -> np.ndarray:
    """The share of the times at which tones begin where at least two begin together: (n,)."""
    _pitches(tunes)
    starts = np.cumsum(np.asarray(tunes, np.float64)[..., SINCE] > TOGETHER, axis=1)
    counts = [np.unique(row, return_counts=True)[1] for row in starts]
    return np.array([(count > 1).mean() for count in counts])


def tone_span(tunes: ArrayLike) -> np.ndarray:
    """Half tones from the lowest to the highest tone of a tune: float64 (n,)."""
    return np.ptp(_pitches(tunes), axis=1).astype(np.float64)


class Bigrams:
    """Which pitch follows which: p(next | last), counted in tunes, each pair a hundredth of a time more.

    Args:
        tunes: (n, tones, 4).
    """

    def __init__(self, tunes: ArrayLike):
        pitches = _pitches(tunes)
        counts = np.full((PITCHES, PITCHES), 0.01)
        np.add.at(counts, (pitches[:, :-1], pitches[:, 1:]), 1)
        self.log_p = np.log(counts / counts.sum(axis=1, keepdims=True))

    def log_likelihood(self, tunes: ArrayLike) -> np.ndarray:
        """log p of a tune's pitches after the first, nats a tone: (n,)."""
        pitches = _pitches(tunes)
        return self.log_p[pitches[:, :-1], pitches[:, 1:]].mean(axis=1)


SCORES = {
    "scale_consistency": scale_consistency,
    "repetitions": repetitions,
    "polyphony": polyphony,
    "tone_span": tone_span,
}
RATIO = "bigram_ratio"


def scores(tunes: ArrayLike, real: ArrayLike) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{name: (value of each tune, of each real tune)} of SCORES and of the likelihood ratio, `bigram_ratio`.

    The ratio is log p(tune) - the mean log p of real tunes, nats a tone, by `Bigrams` of every second real
    tune, and the real tunes are the others: 0 for tunes as likely as those.
    """
    real = np.asarray(real)
    if len(real) < 2:
        raise InputError(f"the likelihood ratio needs two real tunes at least; received {len(real)}")
    found = {name: (function(tunes), function(real)) for name, function in SCORES.items()}
    pairs = Bigrams(real[::2])
    ours, theirs = pairs.log_likelihood(tunes), pairs.log_likelihood(real[1::2])
    return {**found, RATIO: (ours - theirs.mean(), theirs - theirs.mean())}
