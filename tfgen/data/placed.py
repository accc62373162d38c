"""placed_digits: digits of MNIST at places of a larger image, with the word for each and its box.

An image is 32 x 32, black but for one digit, which is cut out by its ink, scaled to 10 to 24 pixels of height
in its own proportions, and pasted anywhere. Its caption is "zero" to "nine", its place the box of the ink.
"""

import numpy as np
import tensorflow as tf
from PIL import Image

from tfgen.data.sources import Arrays
from tfgen.data.splits import ranges

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COUNTS = {"train": 20_000, "test": 2_000}
SEEDS = {"train": 0, "test": 1}
SIDE = 32
HEIGHTS = (10, 24)  # of a digit, both included
INK = 64  # of 255, from which a pixel is part of the digit's box


def box_of(image, least=INK):
    """(top, left, height, width) in pixels of what is at least so bright in an image (h, w)."""
    rows, columns = (np.flatnonzero((image >= least).any(axis=axis)) for axis in (1, 0))
    return rows[0], columns[0], rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]


def paste(digit, height, u):
    """A digit, bytes (h, w), on a canvas, and its box in shares of the canvas.

    Args:
        height: of its ink, in pixels.
        u: (2,) in [0, 1): where, of all places where it fits.
    """
    top, left, tall, wide = box_of(digit)
    width = int(np.clip(round(height * wide / tall), 3, SIDE))
    cut = Image.fromarray(digit[top : top + tall, left : left + wide])
    y, x = (int(share * (SIDE + 1 - size)) for share, size in zip(u, (height, width)))
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    canvas[y : y + height, x : x + width] = np.asarray(cut.resize((width, height), Image.Resampling.BILINEAR))
    return canvas, np.float32([y, x, height, width]) / SIDE


class PlacedDigits(Arrays):
    """The source of that name.

    Args:
        digits: digits(split) are the `Arrays` of one channel to draw from.
        split: of this source; its digits are of the same split.
    """

    def __init__(self, digits, split):
        images, labels, places = [], [], []
        for name, start, stop in ranges(split, COUNTS):
            found, stream = digits(name), np.random.RandomState(SEEDS[name])  # its stream is frozen
            which = stream.randint(found.count, size=COUNTS[name])
            heights = stream.randint(HEIGHTS[0], HEIGHTS[1] + 1, COUNTS[name])
            where = stream.uniform(size=(COUNTS[name], 2))
            rows = slice(start, stop)
            drawn = tf.gather(found.images[..., 0], which[rows]).numpy()
            for pair in map(paste, drawn, heights[rows], where[rows]):
                images.append(pair[0])
                places.append(pair[1])
            labels.append(tf.gather(found.labels, which[rows]).numpy().astype(np.int32))
        labels = np.concatenate(labels)
        super().__init__(np.stack(images)[..., None], labels, len(WORDS), captions=[WORDS[k] for k in labels])
        self.places, self.class_names = np.stack(places)[:, None], WORDS
