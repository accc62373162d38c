"""Sampling from PixelRNN: each state of each pixel is computed once.

The cache follows Ramachandran et al. Fast Generation for Convolutional Autoregressive Models. 2017.
https://arxiv.org/abs/1704.06001
"""

import numpy as np
import tensorflow as tf

from tfgen.models.autoregressive.base import inverse_cdf
from tfgen.models.autoregressive.lstm import MaskedLSTM, RowLSTM, cell
from tfgen.models.autoregressive.masked_convolution import MaskedConv2D, bounds, offsets
from tfgen.models.autoregressive.wavefront import wavefront

EDGE = (0, 0), (0, 1)  # the column that a network of Diagonal BiLSTMs has on the right of the image


def draw(network, noise, known, temperature, conditions=None):
    """The images (n, h, w, c) that noise selects, by one loop in which each pixel is computed once.

    Row LSTM: the loop of `wavefront`, which draws several rows at once. Kept are the states of the
    last width / lanes + 1 steps: those of the row above. Diagonal BiLSTM: pixel by pixel, as the
    states from the right need the whole row above; when a row is finished, theirs are computed for
    all layers together, from the last column to the first. Kept are two rows of states and one of
    the layers' inputs. In both, memory is O(width * depth), besides the image.

    Args:
        network: the Keras model that `stack` made.
        conditions: (n, h, w, k), those that the network's layers see.
        others: as in `AutoregressiveModel.values_from`.
    """
    cells = [layer for layer in network.layers if isinstance(layer, MaskedLSTM)]
    if isinstance(cells[0], RowLSTM):
        return _by_rows(_Pixels(network, cells, noise, known, temperature, conditions), cells)
    if known is None:  # the column on the right is given as zeros
        known = tf.fill(tf.shape(noise), np.float32(np.nan))
    wider = [None if x is None else tf.pad(x, [[0, 0], *EDGE, [0, 0]]) for x in (noise, known, conditions)]
    pixels = _Pixels(network, cells, *wider[:2], temperature, wider[2])
    return _by_pixels(pixels, cells)[:, :, :-1]


def _times(x, kernel):
    return tf.cast(tf.matmul(tf.cast(x, kernel.dtype), kernel), tf.float32)


def _kernels(cells, direction=0, own=False):
    """What maps earlier inputs, one's own if wanted, conditions, 1 and states to gates: (layers, k, 4h)."""

    def whole(one):
        parts = one.kernels()
        if not own:
            del parts[one.input_taps - 1]
        return tf.cast(tf.concat([part[direction] for part in parts], axis=0), one.compute_dtype)

    return tf.stack([whole(one) for one in cells])


class _Pixels:
    """The pixels that are drawn at one step of a `wavefront`, all lanes * n as one batch.

    All weights are read and cut here, once, and not in every step.
    """

    def __init__(self, network, cells, noise, known, temperature, conditions):
        self.height, self.width, self.channels = noise.shape[1:]
        self.n, self.depth, self.size = tf.shape(noise)[0], len(cells), cells[0].width
        self.levels, self.temperature = network.output_shape[-1], temperature
        reach = 3 if isinstance(cells[0], RowLSTM) else self.width
        self.plan = wavefront(self.height, self.width, reach)
        self.noise = self.plan.by_pixel(noise)
        self.known = None if known is None else self.plan.by_pixel(known)
        self.conditions = None if conditions is None else self.plan.by_pixel(tf.cast(conditions, tf.float32))
        self.pixel = tf.constant(self.plan.pixel, tf.int32)
        self.above = tf.constant(self.plan.neighbours(offsets(7)), tf.int32)

        convolutions = [layer for layer in network.layers if isinstance(layer, MaskedConv2D)]
        self.first, self.first_bias = convolutions[0].taps()[0], tf.convert_to_tensor(convolutions[0].bias)
        self.own = [self.cut(one.taps()[1], one.mask) for one in convolutions]
        self.bias = [self.cut(tf.convert_to_tensor(one.bias)[None]) for one in convolutions]
        self.input = []
        for one in cells:
            kernel = tf.cast(one.kernels()[one.input_taps - 1][0], one.compute_dtype)
            parts = zip(*(self.cut(gate, "B") for gate in tf.split(kernel, 4, axis=-1)))
            self.input.append([tf.concat(part, axis=-1) for part in parts])

    def group(self, size, channel):
        """The features of a channel's group."""
        return slice(*bounds(size, self.channels)[channel : channel + 2])

    def cut(self, kernel, mask=None):
        """What makes each channel's features: columns of that group, and rows as far as the mask lets."""
        inputs, filters = kernel.shape
        ends = bounds(inputs, self.channels)
        rows = [inputs if mask is None else ends[c + (mask == "B")] for c in range(self.channels)]
        return [kernel[: rows[c], self.group(filters, c)] for c in range(self.channels)]

    def image(self):
        return tf.zeros((self.height * self.width + 2, self.n, self.channels))

    def at(self, rows, t):
        """What rows (h * w + 2, n, k) have at the pixels of step t: (lanes * n, k)."""
        return tf.reshape(tf.gather(rows, tf.gather(self.pixel, t)), (-1, rows.shape[-1]))

    def gates(self, t, kernel, inputs, states):
        """Gates (layers, lanes * n, 4 * size) of inputs and states, and of the conditions at step t."""
        if self.conditions is not None:
            here = self.at(self.conditions, t)
            inputs = [*inputs, tf.tile(here[None], (self.depth, 1, 1))]
        one = tf.ones_like(states[0][..., :1])
        return _times(tf.concat([*inputs, one, *states], axis=-1), kernel)

    def draw(self, t, image, gates, before, beside=None):
        """Values at the pixels of step t.

        Args:
            image: (h * w + 2, n, c), zero where nothing is drawn yet.
            gates: (layers, lanes * n, 4 * size), without the part that the own pixel's input makes.
            before: (layers, lanes * n, size), the cells c before.
            beside: (layers, lanes * n, size), added to the states h; nothing if None.

        Returns:
            (image, x, h, c): the image with the values, and the inputs (layers, lanes * n, 2 * size),
            states and cells of all layers.
        """
        lanes, depth, channels = self.plan.lanes, self.depth, self.channels
        patches = tf.gather(image, tf.gather(self.above, t))  # (lanes, taps, n, c)
        patches = tf.reshape(tf.transpose(patches, (0, 2, 1, 3)), (-1, self.first.shape[0]))
        start = _times(patches, self.first) + self.first_bias
        noise = self.at(self.noise, t)
        known = None if self.known is None else self.at(self.known, t)
        gates = tf.reshape(gates, (depth, -1, 4, self.size))
        x, h, c, total, values = [[[] for _ in range(depth)] for _ in range(4)] + [[]]
        hidden = [[], [], []]

        def convolve(i, inputs):
            return _times(tf.concat(inputs, axis=-1), self.own[i][channel]) + self.bias[i][channel]

        for channel in range(channels):
            group, double = self.group(self.size, channel), self.group(2 * self.size, channel)
            y = start[:, double]
            if values:
                y += _times(tf.concat(values, axis=-1), self.own[0][channel])
            for i in range(depth):
                x[i].append(y)
                known_gates = tf.reshape(gates[i, :, :, group], (-1, self.input[i][channel].shape[-1]))
                mine = _times(tf.concat(x[i], axis=-1), self.input[i][channel]) + known_gates
                state, memory = cell(mine, before[i, :, group])
                h[i].append(state)
                c[i].append(memory)
                total[i].append(state if beside is None else state + beside[i, :, group])
                y += convolve(1 + i, total[i])
            for i in range(3):
                hidden[i].append(tf.nn.relu(y))
                y = convolve(1 + depth + i, hidden[i])
            value = inverse_cdf(y, noise[:, channel], self.temperature) / (self.levels - 1)
            if known is not None:
                value = tf.where(tf.math.is_nan(known[:, channel]), value, known[:, channel])
            values.append(value[:, None])

        drawn = tf.reshape(tf.concat(values, axis=-1), (lanes, -1, channels))
        image = tf.tensor_scatter_nd_update(image, tf.gather(self.pixel, t)[:, None], drawn)
        return (image, *(tf.stack([tf.concat(one, axis=-1) for one in parts]) for parts in (x, h, c)))


def _by_rows(pixels, cells):
    """The images of a network of Row LSTMs."""
    plan, depth, size, n = pixels.plan, pixels.depth, pixels.size, pixels.n
    kernel = _kernels(cells)
    # h and c of the last skew + 1 steps, as rows (n, 2 * size) in the order slot, layer, lane; one
    # more slot holds the zeros outside of the image.
    slots, lanes = plan.skew + 1, plan.lanes
    kept = np.full(pixels.height * pixels.width + 2, slots * depth * lanes)
    kept[:-2] = plan.time % slots * depth * lanes + plan.lane
    above = tf.constant(kept[plan.neighbours([(1, tap) for tap in cells[0].state_taps])], tf.int32)
    inside = tf.constant(plan.neighbours([(0, -1)]) != plan.outside)
    layer = np.arange(depth, dtype="int32")[:, None, None] * lanes

    def step(t, image, ring, left):
        found = tf.gather(tf.reshape(ring, (-1, n, 2 * size)), tf.gather(above, t) + layer)
        h, c = tf.split(tf.transpose(found, (0, 1, 3, 2, 4)), 2, axis=-1)  # (layers, lanes, n, taps, size)
        h, c = tf.reshape(h, (depth, -1, 3 * size)), tf.reshape(c[..., 1, :], (depth, -1, size))
        left = tf.where(tf.gather(inside, t), tf.reshape(left, (depth, lanes, -1)), 0.0)
        left = tf.reshape(left, (depth, -1, 2 * size))
        image, x, h, c = pixels.draw(t, image, pixels.gates(t, kernel, [left], [h]), c)
        states = tf.reshape(tf.concat([h, c], axis=-1), (1, depth, lanes, -1, 2 * size))
        return t + 1, image, tf.tensor_scatter_nd_update(ring, [[t % slots]], states), x

    ring = tf.zeros((slots + 1, depth, lanes, n, 2 * size))
    state = (0, pixels.image(), ring, tf.zeros((depth, lanes * n, 2 * size)))
    return pixels.plan.picture(tf.while_loop(lambda t, *_: t < plan.steps, step, state)[1])


def _by_pixels(pixels, cells):
    """The images of a network of Diagonal BiLSTMs."""
    width, depth, size, n = pixels.width, pixels.depth, pixels.size, pixels.n
    left_kernel, right_kernel = _kernels(cells), _kernels(cells, direction=1, own=True)
    zero = tf.zeros((depth, n, size))

    def put(rows, column, value):
        return tf.tensor_scatter_nd_update(rows, [[column]], value[None])

    def draw_row(row, image, lefts, rights, inputs):
        """Left, right: the states (columns, layers, n, size) of the row above; afterwards of this row."""

        def rightwards(column, image, lefts, inputs, h, c):
            t = row * width + column
            gates = pixels.gates(t, left_kernel, [], [h, tf.gather(lefts, column)])
            image, x, h, c = pixels.draw(t, image, gates, c, tf.gather(rights, column))
            return column + 1, image, put(lefts, column, h), put(inputs, column, x), h, c

        state = (0, image, lefts, inputs, zero, zero)
        state = tf.while_loop(lambda column, *_: column < width, rightwards, state)
        _, image, lefts, inputs, _, _ = state

        def leftwards(column, rights, h, c):
            above, x = tf.gather(rights, column), tf.gather(inputs, column)
            h, c = cell(pixels.gates(row * width + column, right_kernel, [x], [h, above]), c)
            return column - 1, put(rights, column, h), h, c

        state = (width - 1, rights, zero, zero)
        _, rights, _, _ = tf.while_loop(lambda column, *_: column >= 0, leftwards, state)
        return row + 1, image, lefts, rights, inputs

    states = tf.zeros((width, depth, n, size))
    state = (0, pixels.image(), states, states, tf.zeros((width, depth, n, 2 * size)))
    return pixels.plan.picture(tf.while_loop(lambda row, *_: row < pixels.height, draw_row, state)[1])
