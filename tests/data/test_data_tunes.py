"""Tunes: MIDI files, arrays of events, written ones, and the tones that a batch has of them."""

import sys

import numpy as np
import pytest

from tfgen import data, music
from tfgen.data import tunes
from tfgen.errors import InputError
from tfgen.models import CRNNGAN, DCGAN

TUNE = np.float32([[[1, 60, 80, 0], [1, 64, 80, 0], [0.5, 67, 90, 1], [0.5, 72, 70, 0.5], [2, 48, 1, 0.5]]])


@pytest.fixture(scope="module")
def model():
    return CRNNGAN(tones=6, width=4, seed=0)


def test_a_midi_file_says_what_was_written(tmp_path):
    music.write_midi(TUNE, tmp_path / "tune.mid")
    np.testing.assert_array_equal(music.read_midi(tmp_path / "tune.mid"), TUNE[0])
    music.write_midi(np.repeat(TUNE, 2, axis=0), tmp_path / "two.mid")
    two = music.read_midi(tmp_path / "two.mid")
    np.testing.assert_array_equal(two[:5], TUNE[0])
    assert two[5, 3] == TUNE[0, -1, 0] + music.PAUSE  # after the last tone has ended
    np.testing.assert_array_equal(two[6:], TUNE[0, 1:])


def test_a_note_ends_before_the_next_of_its_pitch_and_drums_are_left_out(tmp_path):
    import mido

    on = [
        mido.Message("note_on", note=60, velocity=64, time=0),
        mido.Message("note_on", note=60, velocity=0, time=96),
    ]
    drum = mido.Message("note_on", channel=9, note=35, time=0)
    again = [
        mido.Message("note_on", note=60, velocity=32, time=0),
        mido.Message("note_off", note=60, time=48),
    ]
    mido.MidiFile(ticks_per_beat=96, tracks=[mido.MidiTrack([drum, *on, *again])]).save(tmp_path / "x.mid")
    np.testing.assert_array_equal(music.read_midi(tmp_path / "x.mid"), [[1, 60, 64, 0], [0.5, 60, 32, 1]])


def test_a_midi_file_without_notes_or_that_is_none_is_one_line(tmp_path, model, monkeypatch):
    import mido

    folder = tmp_path / "empty"
    folder.mkdir()
    mido.MidiFile(tracks=[mido.MidiTrack()]).save(folder / "empty.mid")
    with pytest.raises(InputError, match=r"empty\.mid is a MIDI file without notes; remove it") as error:
        data.load(folder, for_model=model)
    assert "\n" not in str(error.value)
    (tmp_path / "bad.mid").write_bytes(b"no music")
    with pytest.raises(InputError, match=r"cannot read .*bad\.mid as MIDI"):
        data.load(tmp_path / "bad.mid", for_model=model)
    with pytest.raises(InputError, match="does not exist"):
        data.load(tmp_path / "none.mid", for_model=model)
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(InputError, match=r"need the package mido; pip install mido, or tfgen\[music\]"):
        music.read_midi(tmp_path / "bad.mid")


def test_a_folder_has_pieces_and_splits(tmp_path, model):
    for name in ("train/a.mid", "train/deep/b.MID", "test/c.mid"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        music.write_midi(TUNE, tmp_path / name)
    assert data.size(tmp_path, "train") == 2 and data.size(tmp_path, "all") == 3
    line = data.describe(tmp_path, for_model=model, batch_size=2)
    assert line.endswith(": 2 tunes of 5 to 5 tones; split train; 6 tones of each, in the middle")
    batch = next(data.load(tmp_path, for_model=model, batch_size=2).as_numpy_iterator())
    assert batch.shape == (2, 6, 4) and batch.dtype == np.float32
    np.testing.assert_array_equal(batch[0, :5], TUNE[0])
    # It begins again when all tones have ended: the last is the longest.
    np.testing.assert_array_equal(batch[0, 5], [1, 60, 80, 2])


def test_arrays_of_whole_numbers_are_in_24ths_of_a_quarter_note(model):
    event = np.int16([[0, 24, 65, 0], [0, 12, 60, 1], [24, 24, 72, 0], [0, 48, 50, 0], [6, 6, 51, 1]])
    source = tunes.of_arrays({"event": event, "start": np.array([0, 3, 5])}, "train", "it")
    assert source.count == 2 and source.tones == [3, 2]
    found = source.windows(np.int32([0]), 3)[0].numpy()
    np.testing.assert_array_equal(
        found, [[0.5, 60, 80, 0], [1, 65, 80, 0], [1, 72, 80, 1]]
    )  # low tones first
    with pytest.raises(InputError, match="the dict has tunes of another form; give event"):
        data.load({"event": event[:, :2], "start": np.array([0])}, for_model=model)
    with pytest.raises(InputError, match="has a piece without notes"):
        data.load({"events": np.zeros((2, 0, 4))}, for_model=model)


def test_what_is_longer_than_a_model_takes_is_cut(model):
    events = np.tile(np.float32([20, 60, 80, 30]), (4, 8, 1))
    batch = next(data.load({"events": events}, for_model=model, batch_size=4).as_numpy_iterator())
    assert batch[..., 0].max() == batch[:, 1:, 3].max() == 8 and batch[..., 1].min() == 60


def test_a_window_is_of_tones_in_a_row_at_another_place_in_each_epoch():
    pitches = np.arange(20.0)
    piece = np.column_stack([np.ones(20), pitches, np.full(20, 80.0), np.ones(20)])
    source = tunes.Tunes([tunes.piece_of(piece, "it")] * 2)
    first = source.windows(np.int32([0, 1, 2]), 5, np.float32([0, 0.5, 0.999])).numpy()
    np.testing.assert_array_equal(first[:, 0, 1], [0, 8, 15])
    assert (np.diff(first[..., 1]) == 1).all() and not first[:, 0, 3].any() and (first[:, 1:, 3] == 1).all()
    whole = source.windows(np.int32([0]), 45).numpy()
    np.testing.assert_array_equal(whole[0, :, 1], np.arange(45) % 20)
    model = CRNNGAN(tones=5, width=4, seed=0)
    given = dict(for_model=model, batch_size=40, crop="random", epochs=range(2), seed=3)
    batches = [list(data.load("scales", "test", **given).as_numpy_iterator()) for _ in range(2)]
    np.testing.assert_array_equal(batches[0][0], batches[1][0])
    assert batches[0][0].shape == (40, 5, 4)
    assert not np.array_equal(batches[0][0], batches[0][3])  # of the same pieces in the next epoch


def test_written_tunes_are_of_one_key():
    from tfgen.metrics import music as scores

    source = tunes.scales("train")
    assert source.count == 400 and min(source.tones) >= tunes.WRITTEN
    found = source.windows(np.arange(400, dtype="int32"), 90).numpy()
    assert (scores.scale_consistency(found) == 1).all() and 0 < scores.polyphony(found).mean() < 0.5
    assert tunes.scales("test[:10]").count == 10 and len(np.unique(found[:, :8, 1], axis=0)) > 300


def test_models_and_sources_of_other_kinds_are_one_line(model):
    with pytest.raises(InputError, match=r"CRNNGAN makes tunes; digits has images; give a folder of \.mid"):
        data.load("digits", for_model=model)
    with pytest.raises(InputError, match="DCGAN trains on images; scales has tunes"):
        data.load("scales", for_model=DCGAN((8, 8, 1), latent_dim=2, width=4))
    with pytest.raises(InputError, match="scales is tunes, which have no ink to binarize"):
        data.load("scales", for_model=model, binarize="static")
    with pytest.raises(InputError, match="scales has tunes that are taken as they are; omit flip"):
        data.load("scales", for_model=model, flip=True)
    with pytest.raises(InputError, match="but CRNNGAN takes tunes of"):
        data.load("scales", for_model=model, image_shape=(5, 4))


def test_a_piano_roll_shows_when_what_sounds():
    roll = music.piano_rolls(TUNE, high=127.0)[0, ..., 0]
    assert roll.shape == (146, 4 * 8)
    row = lambda pitch: 2 * (music.HIGHEST - pitch)  # noqa: E731
    np.testing.assert_array_equal(roll[row(60), :9], [80] * 7 + [40, 0])
    assert roll[row(67), 7] == 0 and roll[row(67), 8] == 90 and roll[row(67) + 1, 8] == 90
    assert roll[row(48), 16] == pytest.approx(127 / 4)  # soft tones are seen
    with pytest.raises(InputError, match="tunes are arrays"):
        music.piano_rolls(TUNE[0])
