"""Clips of consecutive frames. An example is a window of one clip; windows begin at every frame.

The last fifth of every clip is the split "test", and a window lies in one split, for neighbours look alike.
Of an array of many clips it is the last fifth of the clips, and a source may have splits of its own.

moving_digits    clips of 20 frames of 32 x 32, on which two of scikit-learn's digits, 16 x 16, move in
                 straight lines and bounce, as digits of MNIST do on 64 x 64 in
                 Srivastava, Mansimov and Salakhutdinov. Unsupervised Learning of Video Representations using
                 LSTMs. ICML 2015, https://arxiv.org/abs/1502.04681. Those of the test are other digits.
"""

import os
import re

import numpy as np
import tensorflow as tf
from scipy import ndimage

from tfgen.data.sources import Files, Source, numbers
from tfgen.data.splits import ranges
from tfgen.errors import InputError

SHARE = 0.8  # of a clip is "train", where it has no splits of its own
MOVING = {"train": 1000, "test": 200}  # clips
SEEDS = {"train": 0, "test": 1}
FRAMES, SIDE, SPEED = 20, 32, (2.0, 3.0)  # of a clip; pixels; pixels a frame, the least and the most
GIVE = "give an .npz file of arrays (n, height, width, channels) of consecutive frames, or a folder for each"


class Windows:
    """What sources of clips share: an example's frames are fitted as one image.

    Attributes:
        length: frames of an example.
    """

    kind, example = "clips", "clip"

    @property
    def shape(self):
        return self.shapes["frames"]

    @property
    def members(self):
        return {"frames": self}


class Clips(Windows, Source):
    """Clips in memory.

    Args:
        frames: bytes (n, h, w, c), those of all clips one after another.
        starts: the first frame of each example.
        length: frames of an example.
    """

    def __init__(self, frames, starts, length):
        with tf.device("CPU"):
            self.frames, self.starts = tf.constant(frames), tf.constant(starts, tf.int32)
        self.count, self.length = len(starts), length

    @property
    def shapes(self):
        return {"frames": (self.length, *self.frames.shape[1:])}

    def examples(self, key):
        return numbers(self.count, key)

    def read(self, fit, index):
        first = tf.gather(self.starts, index % self.count)
        return fit([tf.gather(self.frames, first + k) for k in range(self.length)], index), None


class ClipFiles(Windows, Files):
    """Clips of image files, which are read when their turn comes.

    Args:
        paths: for each frame of an example, the files of all examples.
    """

    def __init__(self, paths):
        super().__init__(paths, names=tuple(f"frame {k + 1}" for k in range(len(paths))))
        self.length = len(paths)

    @property
    def shapes(self):
        found = set(super().shapes.values())
        (shape,) = found if len(found) == 1 else [(None, None, None)]
        return {"frames": (self.length, *shape)}


def of_clips(splits, split, length, origin, whole=False):
    """The source of the windows of clips.

    Args:
        splits: {name: [clip]}; a clip is an array of bytes (t, h, w, c), or a list of paths.
        split: which of them, as `tfgen.data.splits` reads it; it counts windows.
        length: frames of a window; None: of the whole clips, which are of one length.
        origin: how a line calls the source.
        whole: whether a clip stays in one piece, where the splits have to be made.
    """
    if "test" not in splits and "validation" not in splits:
        splits = _cut(splits.get("train", []), whole)
    if length is None:
        lengths = sorted({len(clip) for clips in splits.values() for clip in clips})
        if len(lengths) > 1:
            raise InputError(
                f"{origin} has clips of {lengths[0]} to {lengths[-1]} frames; give for_model=..., whose "
                "clips are of one length"
            )
        length = lengths[0]
    windows = {
        name: [(clip, start) for clip in clips for start in range(len(clip) - length + 1)]
        for name, clips in splits.items()
    }
    for name, found in windows.items():
        if not found and name in split:
            longest = max(map(len, splits[name]), default=0)
            raise InputError(
                f"{origin} has no clip of {length} frames in {name!r}, where the longest has {longest}; give "
                f"longer clips"
            )
    windows = {name: found for name, found in windows.items() if found}
    chosen = [
        window
        for name, start, stop in ranges(split, {name: len(each) for name, each in windows.items()})
        for window in windows[name][start:stop]
    ]
    if isinstance(chosen[0][0], list):
        return ClipFiles([[clip[start + k] for clip, start in chosen] for k in range(length)])
    clips = {id(clip): clip for clip, _ in chosen}
    first = dict(zip(clips, np.cumsum([0, *map(len, clips.values())])))
    return Clips(np.concatenate([*clips.values()]), [first[id(clip)] + k for clip, k in chosen], length)


def _cut(clips, whole):
    """{"train": clips, "test": clips}: the last fifth of each, or of all of them."""
    if whole:
        end = round(SHARE * len(clips))
        return {"train": clips[:end], "test": clips[end:]}
    ends = [round(SHARE * len(clip)) for clip in clips]
    return {
        "train": [clip[:end] for clip, end in zip(clips, ends)],
        "test": [clip[end:] for clip, end in zip(clips, ends)],
    }


def of_arrays(splits, split, length, origin, images):
    """As `of_clips`, of {split: {name: array}}: each a clip (t, h, w[, c]), or several (n, t, h, w, c).

    Args:
        images: makes any array bytes (n, h, w, c).
    """
    found = {each: clips_in(arrays, origin, images) for each, arrays in splits.items()}
    check([clip for clips in found.values() for clip in clips], origin)
    arrays = [array for each in splits.values() for array in each.values() if np.ndim(array) > 2]
    return of_clips(found, split, length, origin, all(np.ndim(array) == 5 for array in arrays))


def clips_in(arrays, origin, images):
    """[bytes (t, h, w, c)] of {name: array}, as `of_arrays` takes them; labels are left out."""
    clips = []
    for array in map(np.asarray, arrays.values()):
        if array.ndim > 2:
            clips += list(images(array)) if array.ndim == 5 else [images(array)]
    if any(clip.dtype != np.uint8 for clip in clips):
        raise InputError(f"{origin} has values above 1; frames are bytes, or floats in [0, 1]")
    return clips


def check(clips, origin):
    """Raises an InputError of clips [(t, h, w, c)] that are none, or not of one size."""
    if not clips:
        raise InputError(f"{origin} has no clips; {GIVE}")
    shapes = sorted({clip.shape[1:] for clip in clips})
    if len(shapes) > 1:
        sizes = " and ".join("x".join(map(str, shape)) for shape in shapes[:2])
        raise InputError(
            f"{origin} has clips of {sizes} (height x width x channels); resize them to one size"
        )


def of_folder(folder, split, length):
    """As `of_clips`, of a `tfgen.data.folders.Folder` in which each folder of images is a clip."""
    splits = {}
    for name, files in folder.splits.items():
        clips = {}
        for parts in sorted(files, key=in_order):
            clips.setdefault(parts[:-1], []).append(os.path.join(folder.root, *parts))
        splits[name] = list(clips.values())
    return of_clips(splits, split, length, folder.root)


def in_order(parts):
    """For `sorted`: frame 10 comes behind frame 9."""
    return [(int(n or -1), text) for part in parts for text, n in re.findall(r"(\D*)(\d*)", part)]


def moving_digits(digits, split, length):
    """The source "moving_digits"; `digits` are {split: bytes (n, 8, 8)}."""
    splits = {}
    for name in MOVING:
        if name in split or "all" in split:
            large = np.stack([ndimage.zoom(one, 2, order=1) for one in digits[name]])
            splits[name] = list(moving(large, np.random.RandomState(SEEDS[name]), MOVING[name]))
        else:
            splits[name] = []
    return of_clips(splits, split, length, "moving_digits")


def moving(images, stream, count, length=FRAMES, side=SIDE, speed=SPEED, several=2):
    """Clips of images that move in straight lines and bounce from the border.

    Args:
        images: bytes (n, h, w), no larger than `side`, of which each clip has `several`.
        stream: a NumPy RandomState.
        speed: pixels a frame, the least and the most.

    Returns:
        bytes (count, length, side, side, 1); where two images overlap the brighter is seen.
    """
    which = stream.randint(len(images), size=(count, several))
    angle = stream.uniform(0, 2 * np.pi, (count, several))
    pace = stream.uniform(*speed, (count, several, 1)) * np.stack([np.cos(angle), np.sin(angle)], -1)
    room = side - np.array(images.shape[1:])
    place = stream.uniform(0, 1, (count, several, 2)) * room + np.arange(length)[:, None, None, None] * pace
    place = place % np.maximum(2 * room, 1)
    place = np.rint(np.minimum(place, 2 * room - place)).astype(int)  # there and back
    clips = np.zeros((count, length, side, side, 1), np.uint8)
    height, width = images.shape[1:]
    for k, t, m in np.ndindex(count, length, several):
        y, x = place[t, k, m]
        seen = clips[k, t, y : y + height, x : x + width, 0]
        np.maximum(seen, images[which[k, m]], out=seen)
    return clips
