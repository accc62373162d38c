"""An order in which to draw the pixels of an image, several at once."""

import numpy as np
import tensorflow as tf


class wavefront:
    """An order that draws several rows at once and yet no pixel before one that it depends on.

    A pixel depends on none further right than `reach` columns in the row above (and on none
    further right than one more column for each row above that). With skew > reach the pixel
    (row, column) can therefore be drawn at step skew * row + column, together with those
    `skew` columns to its left in the next row, and so on: 136 steps in place of 784 for 28x28.
    Rows take turns in width // skew lanes, each of which draws one pixel at each step.

    Attributes:
        steps, lanes: their numbers.
        pixel: (steps, lanes), the pixel that is drawn, in raster order; `idle` where none is.
        idle, outside: two numbers beyond those of the pixels, h * w and h * w + 1.
    """

    def __init__(self, height, width, reach):
        self.lanes = max(1, width // (reach + 1))
        self.skew = -(-width // self.lanes)
        self.steps = self.skew * (height - 1) + width
        self.idle, self.outside = height * width, height * width + 1
        self.width = width
        self.row, self.column = np.divmod(np.arange(height * width), width)
        self.time, self.lane = self.skew * self.row + self.column, self.row % self.lanes
        self.pixel = np.full((self.steps, self.lanes), self.idle)
        self.pixel[self.time, self.lane] = np.arange(height * width)

    def neighbours(self, taps):
        """The pixels at `taps` of the pixel that is drawn: (steps, lanes, taps); `outside` of the image."""
        result = np.full((self.steps, self.lanes, len(taps)), self.outside)
        for i, (up, right) in enumerate(taps):
            column = self.column + right
            inside = (self.row >= up) & (column >= 0) & (column < self.width)
            pixel = (self.row - up) * self.width + column
            result[self.time, self.lane, i] = np.where(inside, pixel, self.outside)
        return result

    def by_pixel(self, images):
        """(n, h, w, k) -> (h * w + 2, n, k), zero at the two numbers that are no pixels."""
        rows = tf.reshape(images, (-1, self.idle, images.shape[-1]))
        return tf.pad(tf.transpose(rows, (1, 0, 2)), [[0, 2], [0, 0], [0, 0]])

    def picture(self, rows):
        """The inverse of `by_pixel`."""
        shape = (-1, self.idle // self.width, self.width, rows.shape[-1])
        return tf.reshape(tf.transpose(rows[:-2], (1, 0, 2)), shape)
