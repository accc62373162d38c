"""The sampler of PixelCNN++: each feature of each pixel once, and of each resolution only where it is new.

Ramachandran et al. Fast Generation for Convolutional Autoregressive Models. 2017.
https://arxiv.org/abs/1704.06001

A resolution of stride s is computed at every s-th row and column, when all pixels it depends on are drawn.
For each row, first all that depends on rows above only, as products of matrices over the whole row: the
vertical stream, its part in the horizontal one, and what horizontal kernels see in the row above. Then
pixel by pixel what is left: kernels at the pixel to the left, all blocks at once, and at the pixel itself.
Kept are, of each layer, the inputs of one row: memory is O(layers x width), whatever the height.
"""

import tensorflow as tf

from tfgen.models.autoregressive.pixelcnnplusplus_kernels import Kernels, flat
from tfgen.models.autoregressive.shifted import concat_elu, gated


def product(x, kernel):
    """(columns, n, inputs) by (inputs, outputs), as one product of two matrices."""
    rows = tf.reshape(x, (-1, x.shape[-1]))
    return tf.reshape(tf.matmul(rows, kernel), (x.shape[0], -1, kernel.shape[-1]))


def write(rows, index, row):
    return tf.tensor_scatter_nd_update(rows, [[index]], row[None])


def once(wanted, new, otherwise):
    """new() if it is wanted, else `otherwise`: a loop of one pass or none.

    `tf.cond` would do in TensorFlow, but the shapes in it are lost on the way to ONNX.
    """
    return tf.while_loop(lambda left, _: left, lambda *_: (False, new()), (wanted, otherwise))[1]


def beside(x, offsets, count, step=1):
    """Columns 0, step, ... of (columns, n, size) moved by each offset, zero outside, side by side."""
    right = max(0, max(offsets) + (count - 1) * step + 1 - x.shape[0])
    x = tf.pad(x, [[1, right], [0, 0], [0, 0]])
    ends = [(1 + offset, 1 + offset + (count - 1) * step + 1) for offset in offsets]
    return tf.concat([x[first:last:step] for first, last in ends], axis=-1)


class Sampler:
    """Draws the images that noise selects; everything is made for one call, inside of its graph.

    Rows are (columns, n, features). The state of a resolution is, of the vertical stream,
    (inputs of the row before of each convolution, end of the way down, what comes up for two rows), and of
    the horizontal one (inputs of "in", inputs of "out", end, what comes up): (columns + 2, blocks, n, .)
    with the place of column c at c + 1, zeros to the left, and at the end a place for what is nothing.
    """

    def __init__(self, model, noise, known, temperature, labels):
        self.model, self.temperature = model, temperature
        self.height, _, self.channels = model.image_shape
        self.width, self.blocks, self.scales = model.width, model.blocks, model.scales
        self.columns = [-(-model.image_shape[1] // 2**s) for s in range(self.scales)]
        self.n = noise.shape[0] or tf.shape(noise)[0]
        self.noise = tf.transpose(noise, (1, 2, 0, 3))
        self.known = None if known is None else tf.transpose(known, (1, 2, 0, 3))
        self.kernels = Kernels(model, labels)
        self.dtype, self.up = self.kernels.dtype, self.kernels.up

    # The vertical stream, a whole row at a time.

    def _zeros(self, *shape):
        return tf.zeros(shape, self.dtype)

    def _start(self, s):
        """The two states of resolution s before the first row."""
        n, w, columns, blocks = self.n, self.width, self.columns[s], self.blocks + self.up[s]
        inputs = tuple(self._zeros(columns + 2, n, 2 * w) for _ in range(2 * blocks))
        places = [self._zeros(columns + 2, blocks, n, 2 * w) for _ in range(2)]
        finer = s + 1 < self.scales
        coarse = self.columns[s + 1] if finer else 0
        end = self._zeros(columns if finer else 0, n, w)
        vertical = (inputs, end, self._zeros(2, columns if finer else 0, n, w))
        ends = self._zeros(columns + 2 if finer else 0, n, w)
        return vertical, (*places, ends, self._zeros(coarse + 1 if finer else 0, 4, n, w))

    def _rows(self, s, row, x, vertical, horizontal):
        """The vertical stream of resolution s and coarser at a row, and the tables of that row.

        Args:
            row: its number at resolution s.
            x: (columns, n, width), the input.
            vertical, horizontal: the states from resolution s on.

        Returns:
            the output, the new vertical states, and the tables: for each resolution the sums to which
            the pixels of the row add what they see in it: (columns, blocks, n, .) of "in" and of "out",
            and of the next resolution's input.
        """
        blocks, between = self.kernels.vertical[s]
        (inputs, end, below), *coarser = vertical
        new, seen = [], []

        def taps(x, i):
            count = x.shape[0]
            new.append(tf.pad(x, [[1, 1], [0, 0], [0, 0]]))
            return tf.concat([row[j : j + count] for row in (inputs[i], new[i]) for j in range(3)], axis=-1)

        def run(x, also=None):
            k1, b1, k2, b2, ka = blocks[len(new) // 2]
            y = product(taps(concat_elu(x), len(new)), k1) + b1
            if also is not None:
                y += product(concat_elu(also), ka)
            x = gated(x, product(taps(concat_elu(y), len(new)), k2) + b2)
            seen.append(concat_elu(x))
            return x

        kept = [x]
        for _ in range(self.blocks):
            x = run(x)
            kept.append(x)
        if between is None:
            kept.pop()
            tables = []
        else:
            (down, down_bias), (up, up_bias) = between
            count = self.columns[s + 1]

            def deeper():
                rows = [beside(one, (-1, 0, 1), count, 2) for one in (end, x)]
                start = product(tf.concat(rows, axis=-1), flat(down)) + down_bias
                y, states, tables = self._rows(s + 1, row // 2, start, coarser, horizontal[1:])
                next_y = beside(y, (1,), count)
                both = []
                for k in (up[0], up[1]):
                    even, odd = product(y, k[1]), product(y, k[2]) + product(next_y, k[0])
                    pair = tf.stack([even, odd], axis=1)
                    both.append(tf.reshape(pair, (2 * count, -1, self.width))[: x.shape[0]] + up_bias)
                return tf.stack(both), states, tables

            no_tables = tuple(self._no_tables(i) for i in range(s + 1, self.scales))
            idle = (below, tuple(coarser), no_tables)
            below, coarser, tables = once(tf.equal(row % 2, 0), deeper, idle)
            end, x = x, tf.gather(below, row % 2)
        for also in reversed(kept):
            x = run(x, also)
        return x, ((tuple(new), end, below), *coarser), (self._tables(s, seen, horizontal[0]), *tables)

    def _no_tables(self, s):
        columns, blocks, w = self.columns[s], self.blocks + self.up[s], self.width
        coarse = self.columns[s + 1] if s + 1 < self.scales else 0
        sizes = (columns, blocks, self.n, w), (columns, blocks, self.n, 2 * w), (coarse, self.n, w)
        return tuple(self._zeros(*size) for size in sizes)

    def _tables(self, s, seen, state):
        weights, columns, (*inputs, ends, _) = self.kernels.horizontal[s], self.columns[s], state
        tables = []
        for x, above, bias in zip(inputs, weights["above"], weights["bias"]):
            x = tf.transpose(x, (1, 0, 2, 3))  # blocks first
            x = tf.concat([x[:, :columns], x[:, 1 : columns + 1]], axis=-1)
            tables.append(self._by_block(x, above) + bias)
        tables[0] += self._by_block(tf.stack(seen), weights["vertical"])
        tables = [tf.transpose(table, (1, 0, 2, 3)) for table in tables]
        if weights["between"] is None:
            return (*tables, ends)
        (down, bias), _ = weights["between"]
        count = self.columns[s + 1]
        x = tf.concat([ends[: 2 * count : 2], ends[1 : 2 * count : 2]], axis=-1)
        return (*tables, product(x, flat(down[0])) + bias)

    def _by_block(self, x, kernels):
        blocks, columns, _, size = x.shape
        y = tf.matmul(tf.reshape(x, (blocks, -1, size)), kernels)
        return tf.reshape(y, (blocks, columns, -1, kernels.shape[-1]))

    # The horizontal stream, a pixel at a time.

    def _pixel(self, s, row, column, x, states, tables):
        """The horizontal stream of resolution s and coarser at a pixel.

        Returns the output (n, width), and for each resolution what is new: inputs of "in" and of "out"
        (blocks, n, .), the end of the way down, and what comes up, (4, n, width) of 2 x 2 pixels.
        """
        weights, (*inputs, ends, below) = self.kernels.horizontal[s], states[0]
        sums = []
        for rows, table, left in zip(inputs, tables[0], weights["left"]):
            sums.append(tf.unstack(tf.gather(table, column) + tf.matmul(tf.gather(rows, column), left)))
        ins, outs = [], []

        def run(x, also=0.0):
            i = len(ins)
            ins.append(concat_elu(x))
            outs.append(concat_elu(sums[0][i] + also + tf.matmul(ins[-1], weights["own"][0][i])))
            return gated(x, sums[1][i] + tf.matmul(outs[-1], weights["own"][1][i]))

        for _ in range(self.blocks):
            x = run(x)
        short_cuts, end = list(ins), x
        if weights["between"] is None:
            news, four = (), self._zeros(0, self.n, self.width)
        else:
            short_cuts.append(concat_elu(x))
            (down, _), (up, up_bias) = weights["between"]
            left, four = tf.gather(ends, column), tf.gather(below, column // 2)

            def deeper():
                start = tf.concat([left, end], axis=-1)
                start = tf.gather(tables[0][2], column // 2) + tf.matmul(start, flat(down[1]))
                y, news = self._pixel(s + 1, row // 2, column // 2, start, states[1:], tables[1:])
                kernel = tf.reshape(tf.transpose(up, (2, 0, 1, 3)), (self.width, -1))
                new = tf.matmul(y, kernel) + tf.tile(up_bias, [4])
                new = tf.stack(tf.split(new, 4, axis=-1))
                return new[0], new, news

            nothing = tuple(self._no_news(i) for i in range(s + 1, self.scales))
            idle = (tf.gather(four, row % 2 * 2 + column % 2), four, nothing)
            x, four, news = once(tf.equal(row % 2 + column % 2, 0), deeper, idle)
        also = tf.unstack(tf.matmul(tf.stack(short_cuts[::-1]), weights["short_cut"]))
        for one in also:
            x = run(x, one)
        return x, ((tf.stack(ins), tf.stack(outs), end, four), *news)

    def _no_news(self, s):
        blocks, n, w = self.blocks + self.up[s], self.n, self.width
        sizes = (blocks, n, 2 * w), (blocks, n, 2 * w), (n, w), (4 * (s + 1 < self.scales), n, w)
        return tuple(self._zeros(*size) for size in sizes)

    def _written(self, row, column, states, news):
        """The states with what is new at the pixel; no pixel of a resolution goes to its last place."""
        result = []
        for s, ((*rows, below), (*new, four)) in enumerate(zip(states, news)):
            is_new = tf.equal(row % 2**s + column % 2**s, 0)
            place = tf.where(is_new, column // 2**s + 1, self.columns[s] + 1)
            *inputs, end = [write(x, place, y) if x.shape[0] else x for x, y in zip(rows, new)]
            if below.shape[0]:
                is_new = tf.equal(row % 2 ** (s + 1) + column % 2 ** (s + 1), 0)
                place = tf.where(is_new, column // 2 ** (s + 1), self.columns[s + 1])
                below = write(below, place, four)
            result.append((*inputs, end, below))
        return tuple(result)

    # The image. A line of it is (columns + 1, n, channels + 1): zeros, then the pixels in [-1, 1] and ones.

    def _values(self, row, column, parameters):
        """The pixel that its noise selects, (n, channels) in [0, 1]."""
        noise = tf.gather(tf.gather(self.noise, row), column)
        pixel = []
        for channel in range(self.channels):
            drawn = tf.stack([*pixel, *[tf.zeros_like(noise[:, 0])] * (self.channels - channel)], axis=-1)
            level = self.model.level(parameters, drawn, channel, noise[:, channel], self.temperature)
            value = level / (self.model.levels - 1)
            if self.known is not None:
                given = tf.gather(tf.gather(self.known, row), column)[:, channel]
                value = tf.where(tf.math.is_nan(given), value, given)
            pixel.append(value)
        return tf.stack(pixel, axis=-1)

    def draw(self):
        """The images (n, h, w, c)."""
        columns = self.columns[0]
        states = [self._start(s) for s in range(self.scales)]
        vertical, horizontal = zip(*states)
        line = tf.zeros((columns + 1, self.n, self.channels + 1))
        image = tf.zeros((self.height, columns, self.n, self.channels))

        def draw_row(row, before, line, vertical, horizontal, image):
            lines = [tf.cast(one[1:], self.dtype) for one in (before, line)]
            x = tf.concat([beside(one, (-1, 0, 1), columns) for one in lines], axis=-1)
            start = product(x, flat(self.kernels.first[0])) + self.kernels.first[1]
            _, vertical, tables = self._rows(0, row, start, vertical, horizontal)
            starts = product(beside(lines[1], (-1, 0, 1), columns), flat(self.kernels.above[0]))
            starts += product(beside(lines[1], (-1,), columns), self.kernels.left[0][0, 0])
            starts += self.kernels.above[1] + self.kernels.left[1]

            def draw_pixel(column, line, horizontal):
                left = tf.cast(tf.gather(line, column), self.dtype)
                x = tf.gather(starts, column) + tf.matmul(left, self.kernels.left[0][1, 0])
                x, news = self._pixel(0, row, column, x, horizontal, tables)
                x = tf.cast(tf.nn.elu(x), self.kernels.last[0].dtype)
                values = self._values(
                    row, column, tf.matmul(x, self.kernels.last[0][0, 0]) + self.kernels.last[1]
                )
                values = tf.pad(2 * values - 1, [[0, 0], [0, 1]], constant_values=1.0)
                horizontal = self._written(row, column, horizontal, news)
                return column + 1, write(line, column + 1, values), horizontal

            start = (0, line, horizontal)
            _, drawn, horizontal = tf.while_loop(lambda column, *_: column < columns, draw_pixel, start)
            values = self.model.quantised((drawn[1:, :, :-1] + 1) / 2)
            return row + 1, line, drawn, vertical, horizontal, write(image, row, values)

        start = (0, line, line, vertical, horizontal, image)
        *_, image = tf.while_loop(lambda row, *_: row < self.height, draw_row, start)
        return tf.transpose(image, (2, 0, 1, 3))
