"""Tunes as MIDI files and as pictures: events (tones, 4) as `tfgen.fields.Events` describes them."""

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from tfgen.errors import InputError

MIDI = (".mid", ".midi")
TICKS = 480  # of a quarter note, in the files that are written
TEMPO = 96  # quarter notes a minute
PAUSE = 2.0  # quarter notes between tunes in one file
LOWEST, HIGHEST = 24, 96  # pitches of a picture: six octaves around the middle C
COLUMNS, WIDEST = 8, 512  # of a picture: for a quarter note, and at most
ROWS = 2  # of a picture, for a pitch
LENGTH, PITCH, INTENSITY, SINCE = range(4)


def _mido():
    try:
        import mido
    except ImportError:
        raise InputError("MIDI files need the package mido; pip install mido, or tfgen[music]") from None
    return mido


def read_midi(path: str | Path) -> np.ndarray:
    """The tones of a MIDI file, of all its tracks and channels but drums, in the order of their beginnings.

    Returns:
        float32 (tones, 4): length, pitch, intensity and since, as `tfgen.fields.Events` has them. Tones that
        begin together are in the order of their pitches.

    Raises:
        InputError: mido is not installed, no MIDI file, or one without notes.
    """
    mido = _mido()
    try:
        file = mido.MidiFile(path, clip=True)
        messages = [message for track in file.tracks for message in _timed(track)]
    except (OSError, EOFError, ValueError, KeyError, IndexError) as error:
        raise InputError(f"cannot read {path} as MIDI: {str(error) or type(error).__name__}") from None
    sounding, tones = {}, []
    for time, message in sorted(messages, key=lambda timed: (timed[0], timed[1].type == "note_on")):
        at = message.channel, message.note
        begun = sounding.pop(at, None)
        if begun is not None:
            start, velocity = begun
            tones.append((start, message.note, (time - start) / file.ticks_per_beat, velocity))
        if message.type == "note_on" and message.velocity:
            sounding[at] = time, message.velocity
    if not tones:
        raise InputError(f"{path} is a MIDI file without notes; remove it, or give one that has some")
    tones = np.float64(sorted(tones))
    since = np.diff(tones[:, 0], prepend=tones[0, 0]) / file.ticks_per_beat
    return np.stack([tones[:, 2], tones[:, 1], tones[:, 3], since], axis=1).astype(np.float32)


def _timed(track):
    """(ticks from the beginning, message) of a track's notes; channel 9 is of drums."""
    time = 0
    for message in track:
        time += message.time
        if message.type in ("note_on", "note_off") and message.channel != 9:
            yield time, message


def write_midi(tunes: ArrayLike, path: str | Path, tempo: float = TEMPO) -> None:
    """Writes tunes one after another into a MIDI file; values are rounded to those that MIDI has.

    Args:
        tunes: (n, tones, 4), as `sample` of a model of music gives them.
        path: the file.
        tempo: quarter notes a minute.

    Raises:
        InputError: mido is not installed, arrays of another shape.
    """
    mido = _mido()
    tunes, start, changes = _checked(tunes), 0.0, []
    for tune in tunes:
        begins = start + np.cumsum(tune[:, SINCE])
        for begin, (length, pitch, intensity, _) in zip(begins, tune):
            note, ticks = int(np.clip(np.rint(pitch), 0, 127)), round(begin * TICKS)
            loud = int(np.clip(np.rint(intensity), 1, 127))  # a tone of intensity 0 would be none
            changes += [(ticks, 1, note, loud), (ticks + max(1, round(length * TICKS)), 0, note, 0)]
        start = float((begins + tune[:, LENGTH]).max()) + PAUSE
    track, now = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo))]), 0
    for ticks, on, note, loud in sorted(changes):
        kind = "note_on" if on else "note_off"
        track.append(mido.Message(kind, note=note, velocity=loud, time=ticks - now))
        now = ticks
    mido.MidiFile(ticks_per_beat=TICKS, tracks=[track]).save(path)


def _checked(tunes):
    tunes = np.asarray(tunes, np.float64)
    if tunes.ndim != 3 or tunes.shape[2] != 4 or not tunes.size:
        raise InputError(f"tunes are arrays (n, tones, 4), none of them 0; received shape {tunes.shape}")
    if np.isnan(tunes).any():
        raise InputError("the tunes hold NaN; remove or repair those that do")
    return tunes


def piano_rolls(tunes: ArrayLike, high: float = 1.0) -> np.ndarray:
    """Tunes as pictures: time to the right, 8 columns a quarter note, pitch upwards, the louder the brighter.

    Args:
        tunes: (n, tones, 4).
        high: the brightness of the intensity 127.

    Returns:
        float32 (n, 146, w, 1) in [0, high]: two rows for each pitch of six octaves, w the columns of the
        longest tune, at most 512. Tones beyond are drawn at the edges, those after the last column not.
    """
    tunes = _checked(tunes)
    begins = np.cumsum(tunes[..., SINCE], axis=1)
    ends = begins + tunes[..., LENGTH]
    width = int(np.clip(np.ceil(COLUMNS * ends.max()), 1, WIDEST))
    rolls = np.zeros((len(tunes), HIGHEST - LOWEST + 1, width, 1), np.float32)
    for roll, tune, first, last in zip(rolls, tunes, begins, ends):
        rows = HIGHEST - np.clip(np.rint(tune[:, PITCH]), LOWEST, HIGHEST).astype(int)
        first = np.rint(COLUMNS * first).astype(int)
        last = np.maximum(np.rint(COLUMNS * last).astype(int), first + 1)
        for row, left, right, loud in zip(rows, first, last, tune[:, INTENSITY]):
            part = roll[row, left:right]
            np.maximum(part, np.clip(loud / 127, 0.25, 1) * high, out=part)
            if right - left > 1 and right <= width:
                roll[row, right - 1] *= 0.5  # so that two tones of a pitch are seen apart
    return rolls.repeat(ROWS, axis=1)
