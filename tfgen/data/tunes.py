"""Sources of tunes: MIDI files, arrays of events, and tunes that a formula writes.

A piece is events (tones, 4), as `tfgen.fields.Events` describes them; an example of a source is a piece, of
which a batch has so many tones in a row as the model takes. A piece that is shorter begins again.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgen import music
from tfgen.data.folders import split_of
from tfgen.data.sources import Source, numbers
from tfgen.data.splits import ranges
from tfgen.errors import InputError

TICKS = 24  # of a quarter note, in arrays of whole numbers
VELOCITY = 80.0  # of tones whose intensity is not known
COUNTS, SEEDS = {"train": 400, "test": 100}, {"train": 0, "test": 1}
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
PHRASES, WRITTEN = ("up", "down", "arpeggio", "chord"), 96  # tones of a written piece, at least


class Tunes(Source):
    """Pieces of music.

    Args:
        pieces: events (tones, 4) each, of any number of tones.
    """

    kind = "tunes"

    def __init__(self, pieces):
        self.count, self.tones = len(pieces), [len(piece) for piece in pieces]
        with tf.device("CPU"):
            self.events = tf.constant(np.concatenate(pieces))
            self.sizes = tf.constant(self.tones, tf.int32)
        self.starts = tf.cumsum(self.sizes, exclusive=True)

    @property
    def shapes(self):
        return {"images": (None, 4)}

    def examples(self, key):
        return numbers(self.count, key)

    def windows(self, index, tones, place=None):
        """float32 (n, tones, 4): tones in a row of the pieces `index` (n,).

        Args:
            place: where in a piece, in [0, 1), (n,); None: in the middle. The first tone begins at once.
        """
        row = index % self.count
        size, start = tf.gather(self.sizes, row), tf.gather(self.starts, row)
        free = tf.cast(tf.maximum(size - tones + 1, 1), tf.float32)
        first = tf.cast(tf.floor(free * (0.5 if place is None else place)), tf.int32)
        rows = start[:, None] + (first[:, None] + tf.range(tones)) % size[:, None]
        events = tf.gather(self.events, rows)
        since = tf.concat([tf.zeros_like(events[:, :1, 3:]), events[:, 1:, 3:]], axis=1)
        return tf.concat([events[..., :3], since], axis=2)


def are(arrays):
    """Whether named arrays are of tunes."""
    return "events" in arrays or {"event", "start"} <= set(arrays)


def piece_of(events, origin):
    """Events (tones, 4), float32, tones that begin together in the order of their pitches.

    The first tone's time is that since the last one ends, which a piece that begins again needs.
    """
    events = np.asarray(events, np.float32)
    if not len(events):
        raise InputError(f"{origin} has a piece without notes; remove it")
    if not np.isfinite(events).all() or (events < 0).any():
        raise InputError(f"{origin} has tones of negative values or NaN; remove or repair them")
    begins = np.cumsum(events[:, 3].astype(np.float64))
    order = np.lexsort((events[:, 1], begins))
    since = np.diff(begins[order], prepend=0.0)
    since[0] = (begins + events[:, 0]).max() - begins.max()
    return np.column_stack([events[order, :3], since]).astype(np.float32)


def of_arrays(arrays, split, origin):
    """The `Tunes` of a dict of arrays: "event" with "start", or "events".

    Args:
        arrays: "event", whole numbers (tones, 3 or more): quarter notes / 24 since the tone before and of its
            length, pitch; or floats (tones, 4) as `tfgen.fields.Events`; and "start", where pieces begin. Or
            "events", floats (n, tones, 4).
    """
    if "events" in arrays:
        pieces = list(np.asarray(arrays["events"]))
        bad = np.ndim(arrays["events"]) != 3 or np.shape(arrays["events"])[2] != 4
    else:
        events, start = np.asarray(arrays["event"]), np.asarray(arrays["start"])
        bad = events.ndim != 2 or events.shape[1] < 3 or start.ndim != 1
        bad = bad or (np.issubdtype(events.dtype, np.floating) and events.shape[1] != 4)
        if not bad:
            if np.issubdtype(events.dtype, np.integer):
                since, length, pitch = events[:, :3].T.astype(np.float32)
                loud = np.full(len(events), VELOCITY, np.float32)
                events = np.column_stack([length / TICKS, pitch, loud, since / TICKS])
            pieces = [part for part in np.split(events, start) if len(part)]
    if bad or not pieces:
        raise InputError(
            f"{origin} has tunes of another form; give event (tones, 3), whole numbers, since and length in "
            f"24ths of a quarter note and pitch, with start, where pieces begin; or events (n, tones, 4)"
        )
    return _split({"train": [piece_of(piece, origin) for piece in pieces]}, split)


def of_folder(root, files, split):
    """The `Tunes` of MIDI files below a folder; folders train and test right below are splits."""
    found = {}
    for path in files:
        top = path.relative_to(root).parts[0] if path != root else ""
        found.setdefault(split_of(top) or "train", []).append(path)
    read = {}
    for name, start, stop in ranges(split, {name: len(paths) for name, paths in found.items()}):
        read.setdefault(name, {}).update(dict.fromkeys(found[name][start:stop]))
    paths = [path for each in read.values() for path in each]
    return Tunes([piece_of(music.read_midi(path), path) for path in paths])


def midi_files(folder):
    """The MIDI files below a folder, sorted."""
    return sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in music.MIDI)


def _split(splits, split):
    parts = ranges(split, {name: len(pieces) for name, pieces in splits.items()})
    return Tunes([piece for name, start, stop in parts for piece in splits[name][start:stop]])


def scales(split):
    """The `Tunes` "scales": runs, arpeggios and chords of a key, in quarters and eighths; always the same."""
    splits = {
        name: [piece_of(_written(stream), "scales") for _ in range(COUNTS[name])]
        for name, stream in ((name, np.random.RandomState(seed)) for name, seed in SEEDS.items())
    }
    return _split(splits, split)


def _written(stream):
    """A piece of one key, of notes (beginning, length, pitch, intensity) as events (tones, 4)."""
    scale, key = SCALES[("major", "minor")[stream.randint(2)]], 48 + stream.randint(12)
    notes, now = [], 0.0
    while len(notes) < WRITTEN:
        kind, degree, length = PHRASES[stream.randint(4)], stream.randint(7), (0.5, 1.0)[stream.randint(2)]
        steps = {"up": range(8), "down": range(7, -1, -1), "arpeggio": (0, 2, 4, 7), "chord": (0, 2, 4)}[kind]
        for place, step in enumerate(steps):
            octave, at = divmod(degree + step, 7)
            notes.append((now, length, key + 12 * octave + scale[at], 72.0 if place else 96.0))
            now += 0 if kind == "chord" else length
        now += length if kind == "chord" else 0
    begin, length, pitch, loud = np.float64(notes).T
    return np.column_stack([length, pitch, loud, np.diff(begin, prepend=0.0)])
