"""Clips: windows of consecutive frames, which lie in one clip and in one split."""

import numpy as np
import pytest
from data_cases import complaint, fields, noise, save, together

from tfgen.data import describe, examples, load, size
from tfgen.data.clips import moving
from tfgen.fields import Image


def net(length=3, shape=(8, 8, 1), low=-1.0):
    return fields(frames=Image((length, *shape), low))


def numbered(start, count, side=8):
    """Frames that are constant and hold their number."""
    numbers = np.arange(start, start + count, dtype=np.uint8)
    return numbers[:, None, None, None] * np.ones((1, side, side, 1), np.uint8)


def source(kind, root):
    """Clips of 20 and 15 frames."""
    clips = {"walk": numbered(0, 20), "run": numbered(100, 15)}
    if kind == "dict":
        return {**clips, "labels": np.arange(2)}
    if kind == "npz":
        np.savez(root / "clips.npz", **clips)
        return root / "clips.npz"
    for name, clip in clips.items():
        for number, frame in enumerate(clip):  # in the alphabet 10.png comes before 9.png
            save(root / name / f"{number}.png", frame[..., 0])
    return root


def windows(dataset):
    """The numbers of each window's frames."""
    return together(dataset)["frames"][:, :, 0, 0, 0].tolist()


@pytest.mark.parametrize("kind", ["npz", "dict", "folders"])
def test_windows_lie_in_one_clip_and_in_one_split(kind, tmp_path):
    origin = source(kind, tmp_path)
    given = dict(for_model=net(), batch_size=8, dtype="uint8")
    of = {split: windows(load(origin, split, shuffle=False, **given)) for split in ("train", "test")}
    # 16 of 20 frames are train, and 12 of 15.
    assert sorted(of["train"]) == [[k, k + 1, k + 2] for k in (*range(14), *range(100, 110))]
    assert sorted(of["test"]) == [[k, k + 1, k + 2] for k in (16, 17, 112)]
    both = windows(load(origin, "train", epochs=range(2), **given))
    one, other = both[:24], both[24:]
    assert sorted(one) == sorted(other) == sorted(of["train"]) and one != other
    assert len(windows(load(origin, "train[:5]", shuffle=False, **given))) == 5
    floats = together(load(origin, "train", shuffle=False, **{**given, "dtype": "float32"}))["frames"]
    np.testing.assert_allclose((floats[:, :, 0, 0, 0] + 1) * 127.5, of["train"], atol=1e-4)


def test_of_an_array_of_clips_the_last_fifth_of_the_clips_is_test():
    clips = np.stack([numbered(10 * k, 3) for k in range(10)])
    given = dict(for_model=net(), batch_size=1, shuffle=False, dtype="uint8")
    assert [first for first, *_ in windows(load(clips, "train", **given))] == list(range(0, 80, 10))
    assert [first for first, *_ in windows(load(clips, "test", **given))] == [80, 90]
    own = {"train_frames": clips[:2], "test_frames": clips[5:6]}
    assert [first for first, *_ in windows(load(own, "train", **given))] == [0, 10]
    assert [first for first, *_ in windows(load(own, "test", **given))] == [50]


@pytest.mark.parametrize("kind", ["arrays", "folders"])
def test_crops_and_mirrors_are_of_the_whole_clip(kind, tmp_path):
    """All frames of a clip are one picture, and stay so."""
    pictures = noise(6, 12, 14, 3)
    clips = np.repeat(pictures[:, None], 5, 1)
    if kind == "folders":
        for number, clip in enumerate(clips):
            for k, frame in enumerate(clip):
                save(tmp_path / "train" / f"clip{number}" / f"{k}.png", frame)
        save(tmp_path / "test" / "clip" / "0.png", pictures[0])
        origin = tmp_path
    else:
        origin = {"train_frames": clips, "test_frames": clips}
    model = net(5, (8, 8, 3))
    options = dict(for_model=model, batch_size=6, flip=True, enlarge=1.25, crop="random", dtype="uint8")
    frames = together(load(origin, epochs=range(2), **options))["frames"]
    assert frames.shape == (12, 5, 8, 8, 3)
    np.testing.assert_array_equal(frames, np.repeat(frames[:, :1], 5, 1))
    assert len(np.unique(frames[:, 0], axis=0)) == 12
    grey = together(load(origin, for_model=net(5), batch_size=6, shuffle=False))["frames"]
    assert grey.shape == (6, 5, 8, 8, 1) and grey.min() >= -1


def test_digits_move_in_straight_lines_and_bounce():
    spot = np.full((1, 2, 2), 200, np.uint8)
    clips = moving(spot, np.random.RandomState(0), 4, length=30, side=12, speed=(1.0, 1.0), several=1)
    assert clips.shape == (4, 30, 12, 12, 1) and (clips.sum((2, 3, 4)) == 800).all()
    ticks = np.arange(12)
    seen = clips[..., 0] / 800
    place = np.stack([seen.sum(3) @ ticks, seen.sum(2) @ ticks], -1) - 0.5  # of the spot's corner
    assert place.min() == 0 and place.max() == 10 and abs(np.diff(place, axis=1)).max() <= 1
    # Away from a border the way of five frames is five pixels long, but for the rounding.
    inside = ((place > 0) & (place < 10)).all(-1)
    free = np.all([inside[:, k : k + 25] for k in range(6)], axis=0)
    way = np.linalg.norm(place[:, 5:] - place[:, :-5], axis=-1)[free]
    assert len(way) > 10 and abs(way - 5).max() < 1.5


def test_moving_digits_are_the_same_each_time_and_other_digits_are_the_test():
    assert size("moving_digits") == 1000 and size("moving_digits", "test") == 200
    model = net(4, (32, 32, 1))
    first, again = (examples("moving_digits", 3, model)["frames"] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (3, 4, 32, 32, 1) and (first[:, 0] != first[:, 1]).any()
    line = describe("moving_digits", for_model=model, batch_size=1000)
    assert line.startswith("moving_digits: 17000 clips of 4x32x32x1; split train")


def test_what_is_no_clip_is_one_line(tmp_path):
    short = {"a": numbered(0, 3), "b": numbered(0, 2)}
    np.savez(tmp_path / "labels.npz", labels=np.arange(3))
    for args, message in (
        (
            (short, "train"),
            "the dict has no clip of 5 frames in 'train', where the longest has 2; give",
        ),
        (
            ("digits", "train"),
            "trains on frames; digits has images, labels; give an .npz file of arrays",
        ),
        ((tmp_path / "labels.npz", "train"), "labels.npz has no clips; give an .npz file"),
        (({"a": numbered(0, 9), "b": numbered(0, 9, 6)}, "train"), "has clips of 6x6x1 and 8x8x1 (height x"),
        ((numbered(0, 9) * 2.0, "train"), "has values above 1; frames are bytes, or floats in [0, 1]"),
    ):
        assert message in complaint(*args, for_model=net(5), batch_size=1)
    given = dict(for_model=net(), batch_size=1)
    assert "clips, which are not cached; omit cache" in complaint(numbered(0, 9), cache=True, **given)
    assert "is frames, which have no ink" in complaint(numbered(0, 9), binarize="static", **given)
    plain = fields(images=Image((8, 8, 1)))
    assert "trains on images; moving_digits has frames" in complaint("moving_digits", for_model=plain)
    save(tmp_path / "clip" / "0.png", noise(8, 8))
    save(tmp_path / "clip" / "1.png", noise(8, 9))
    assert "the images of the clip" in complaint(tmp_path, "all", for_model=net(2, (8, 8, 1)), batch_size=1)
