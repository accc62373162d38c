"""Gated PixelCNN: two stacks of convolutions without a blind spot, gated units, classes.

van den Oord, Kalchbrenner, Vinyals, Espeholt, Graves and Kavukcuoglu. Conditional Image Generation
with PixelCNN Decoders. NeurIPS 2016. https://arxiv.org/abs/1606.05328

    gate(a, b) = tanh(a) sigmoid(b)                                                     (eq. 2)
    vertical stack, of the rows above:  a = W_v * v,               v' = gate(a + V_v l)
    horizontal stack, of the own row:   b = W_h * h + 1x1(a),      h' = h + 1x1(gate(b + V_h l))

of a class's one-hot label l (eq. 4), the layer of figure 2. The first layer has 7 columns and rows,
mask A, and no residual connection; all others have mask B and `kernel_size`. At the top relu, 1x1
convolution, relu, 1x1 convolution to the logits, of the horizontal stack alone.

The vertical stack is moved down by a row once, where it starts, so that its feature of a row knows the
rows above it; it needs no masks. A kernel of size k has k // 2 + 1 rows of it. After all layers a pixel
sees each one left of it and above it that is at most

    3 + (depth - 1) (k // 2) columns away, and one row more.

Sampling computes each feature of each pixel once: a row of the vertical stack in one matrix product
for each layer, then the row's pixels one by one. It keeps the last k // 2 rows of the inputs of each
vertical layer, the last k // 2 pixels of those of each horizontal layer, and one row of what passes from
one stack to the other: O(n k w width depth) numbers, whatever the height.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tfgen.errors import InputError
from tfgen.fields import needs_classes
from tfgen.models.autoregressive.base import AutoregressiveModel, inverse_cdf
from tfgen.models.autoregressive.masked_convolution import MaskedConv2D, bounds, group_of
from tfgen.models.base import Recipe
from tfgen.models.registry import model

FIRST = 7  # the size of the first layer's kernels


def gate(x):
    """tanh of the first half of the features, times the sigmoid of the second."""
    a, b = ops.split(x, 2, axis=-1)
    return ops.tanh(a) * ops.sigmoid(b)


@model(title="Conditional Image Generation with PixelCNN Decoders", year=2016)
class GatedPixelCNN(AutoregressiveModel):
    """An image's values one by one, each from a softmax over its levels.

    The defaults are the paper's for ImageNet at 32x32, but for `top`.

    Args:
        image_shape: (height, width, channels); images lie in [0, 1].
        levels: the number of values that each channel of a pixel can take; 2 for binary images.
        width: p, the features of each stack; a layer's convolutions have 2p.
        depth: the number of layers, the first among them.
        kernel_size: k, of all layers but the first; odd.
        top: the features of the 1x1 convolution under the logits.
        classes: if given, the model is p(x | class) of labels 0, ..., classes - 1.
    """

    tiny = dict(image_shape=(8, 8, 1), levels=4, width=8, depth=2, kernel_size=3, classes=3)
    recipe = Recipe(
        "mnist",
        batch_size=32,
        epochs=10,
        model=dict(levels=2, width=32, depth=7, kernel_size=5, ema_decay=0.999),
        data=dict(binarize="dynamic"),
    )

    def __init__(
        self,
        image_shape=(28, 28, 1),
        levels=256,
        width=384,
        depth=20,
        kernel_size=5,
        top=32,
        classes=0,
        **kwargs,
    ):
        if depth < 2 or min(width, top) < image_shape[-1]:
            raise InputError(
                f"GatedPixelCNN needs depth >= 2 and width and top >= {image_shape[-1]}, a feature for each "
                f"channel; received depth={depth}, width={width}, top={top}"
            )
        if kernel_size < 3 or kernel_size % 2 == 0:
            raise InputError(f"GatedPixelCNN needs an odd kernel_size >= 3; received {kernel_size}")
        if classes:
            needs_classes(classes, "GatedPixelCNN with labels")
        super().__init__(image_shape, levels, **kwargs)
        self.width, self.depth, self.kernel_size = width, depth, kernel_size
        self.top, self.classes = top, classes
        with self.building():
            self.predictor = self._network()

    def _network(self):
        channels = self.image_shape[-1]

        def convolve(x, filters, name, size=(1, 1), mask="B", **options):
            return MaskedConv2D(filters, size, mask, channels, name=name, **options)(x)

        images, labels = keras.Input(self.image_shape), keras.Input((self.classes,))

        def gated(x, name):
            if self.classes:
                of_class = layers.Dense(2 * self.width, use_bias=False, name=name)(labels)
                x = x + layers.Reshape((1, 1, -1))(of_class)
            return gate(x)

        h = images
        v = layers.Cropping2D(((0, 1), (0, 0)))(layers.ZeroPadding2D(((1, 0), (0, 0)))(images))
        for i, size in enumerate(self._sizes):
            margin = size // 2
            a = layers.ZeroPadding2D(((margin, 0), (margin, margin)))(v)
            a = layers.Conv2D(2 * self.width, (margin + 1, size), name=f"vertical_{i}")(a)
            b = convolve(h, 2 * self.width, f"horizontal_{i}", (1, size), "B" if i else "A", parts=2)
            b = b + layers.Conv2D(2 * self.width, 1, use_bias=False, name=f"across_{i}")(a)
            x = convolve(gated(b, f"horizontal_class_{i}"), self.width, f"residual_{i}")
            h = h + x if i else x
            if i < self.depth - 1:
                v = gated(a, f"vertical_class_{i}")
        x = convolve(ops.relu(h), self.top, "top")
        logits = convolve(ops.relu(x), channels * self.levels, "logits", dtype="float32")
        logits = layers.Reshape((*self.image_shape, self.levels), dtype="float32")(logits)
        return keras.Model([images, labels] if self.classes else images, logits, name="predictor")

    @property
    def _sizes(self):
        return [FIRST] + [self.kernel_size] * (self.depth - 1)

    def default_optimizers(self):
        return keras.optimizers.RMSprop(1e-3)

    def values_from(self, noise, known, temperature, labels):
        height = self.image_shape[0]
        by_row = (1, 2, 0, 3)  # (h, w, n, c)
        noise = tf.transpose(noise, by_row)
        given = None if known is None else tf.transpose(known, by_row)
        n = noise.shape[2] or tf.shape(noise)[2]
        above, start = self._vertical(n, labels)
        draw_row = self._horizontal(n, temperature)

        def step(row, image, last, *kept):
            entering, kept = above(last, kept)
            last = draw_row(*entering, noise[row], None if given is None else given[row])
            image = tf.tensor_scatter_nd_update(image, [[row]], last[None])
            return row + 1, image, last, *kept

        state = (0, tf.zeros_like(noise), tf.zeros_like(noise[0]), *start)
        _, image, *_ = tf.while_loop(lambda row, *_: row < height, step, state)
        return tf.transpose(image, (2, 0, 1, 3))

    def _read(self, name, part="kernel"):
        """A weight in the precision of the network."""
        return tf.cast(tf.convert_to_tensor(getattr(self._layer(name), part)), self.compute_dtype)

    def _layer(self, name):
        return self.averaged("predictor").get_layer(name)

    @property
    def _by_group(self):
        """The order of a gated unit's 2p features in which those of a channel's group stand together."""
        group = group_of(self.width, self.image_shape[-1])
        return np.argsort(np.tile(group, 2), kind="stable")

    def _vertical(self, n, labels):
        """The vertical stack, a row at a time.

        Returns a function of the row above (w, n, c) and of the rows that it keeps for each layer,
        (rows, w, n, inputs), to what enters the horizontal stack, and to the rows to keep; and the
        rows to keep at the start. What enters: into the first layer (w, n, 2p), and into all others
        (w, depth - 1, n, 2p), in the order of the groups.
        """
        columns, channels, dtype = *self.image_shape[1:], self.compute_dtype
        kernels, biases, of_class, enter, bias, kept = [], [], [], [], [], []
        one_hot = None if labels is None else tf.cast(self.fields["labels"].encoded(labels), dtype)
        for i, size in enumerate(self._sizes):
            kernels.append(tf.reshape(self._read(f"vertical_{i}"), (-1, 2 * self.width)))
            biases.append(self._read(f"vertical_{i}", "bias"))
            enter.append(tf.gather(self._read(f"across_{i}")[0, 0], self._by_group, axis=1))
            into = self._read(f"horizontal_{i}", "bias")[None]
            if labels is None:
                of_class.append(0.0)
            else:
                into += tf.matmul(one_hot, self._read(f"horizontal_class_{i}"))
                if i < self.depth - 1:
                    of_class.append(tf.matmul(one_hot, self._read(f"vertical_class_{i}")))
            bias.append(tf.gather(into, self._by_group, axis=1))
            inputs = self.width if i else channels
            kept.append(tf.zeros((size // 2, columns, n, inputs), dtype))

        def above(x, kept):
            x, entering, keep = tf.cast(x, dtype), [], []
            for i, size in enumerate(self._sizes):
                rows = tf.concat([kept[i], x[None]], axis=0)
                keep.append(rows[1:])
                margin = size // 2
                rows = tf.pad(rows, [[0, 0], [margin, margin], [0, 0], [0, 0]])
                seen = [rows[up, k : k + columns] for up in range(margin + 1) for k in range(size)]
                seen = tf.concat(seen, axis=-1)
                a = tf.matmul(tf.reshape(seen, (-1, seen.shape[-1])), kernels[i]) + biases[i]
                entering.append(tf.reshape(tf.matmul(a, enter[i]), (columns, n, 2 * self.width)) + bias[i])
                if i < self.depth - 1:
                    x = gate(tf.reshape(a, (columns, n, 2 * self.width)) + of_class[i])
            return (entering[0], tf.stack(entering[1:], axis=1)), keep

        return above, kept

    def _horizontal(self, n, temperature):
        """A function that draws a row (w, n, c): of what enters from above, of its noise and given values."""
        columns, channels, dtype = *self.image_shape[1:], self.compute_dtype
        into = [f"horizontal_{i}" for i in range(self.depth)]
        out = [f"residual_{i}" for i in range(self.depth)] + ["top", "logits"]

        # A group's kernel is cut here, once: from its inputs to its own and all later features.
        before, own, ends, biases = [], {}, {}, {}
        for name in into + out:
            earlier, kernel = self._layer(name).taps()
            start, ends[name] = (bounds(size, channels) for size in kernel.shape)
            if name in into:
                earlier, kernel = (tf.gather(one, self._by_group, axis=1) for one in (earlier, kernel))
                before.append(earlier)
                ends[name] = [2 * end for end in bounds(self.width, channels)]
            else:
                biases[name] = tf.cast(tf.convert_to_tensor(self._layer(name).bias), kernel.dtype)[None]
            own[name] = [kernel[start[c] : start[c + 1], ends[name][c] :] for c in range(channels)]
        before_first, before = before[0], tf.stack(before[1:])
        place = tf.range(columns)[:, None, None]

        def draw_row(enter_first, enter, noise, given):
            def known(column, window, ring):
                """What rows above and pixels to the left say to each layer; its own values come after."""
                left_first = tf.matmul(tf.cast(window, dtype), before_first)
                return (
                    tf.gather(enter_first, column) + left_first,
                    tf.gather(enter, column) + tf.matmul(ring, before),
                )

            def draw(column, row, window, ring, known_first, known_others):
                noise_here = tf.gather(noise, column)
                given_here = noise_here if given is None else tf.gather(given, column)
                start = dict(zip(into, [known_first, *tf.unstack(known_others)])) | biases
                seen = {name: [] for name in own}

                def see(name, x):
                    """What the inputs of this channel's group add to this group and all later ones."""
                    kernel = own[name][channel]
                    seen[name].append(tf.matmul(tf.cast(x, kernel.dtype), kernel))

                def features(name):
                    """Those of this channel's group, from all that has been seen."""
                    end = ends[name]
                    first, last = end[channel], end[channel + 1]
                    parts = [y[:, first - end[c] : last - end[c]] for c, y in enumerate(seen[name])]
                    return sum(parts, start[name][:, first:last])

                values, inputs = [], [[] for _ in into[1:]]
                for channel in range(channels):
                    h = None
                    for i, name in enumerate(into):
                        if i:
                            inputs[i - 1].append(h)
                            see(name, h)
                        see(out[i], gate(features(name)))
                        h = h + features(out[i]) if i else features(out[i])
                    for name in out[-2:]:
                        see(name, tf.nn.relu(h))
                        h = features(name)
                    value = inverse_cdf(h, noise_here[:, channel], temperature) / (self.levels - 1)
                    if given is not None:
                        kept = given_here[:, channel]
                        value = tf.where(tf.math.is_nan(kept), value, kept)
                    values.append(value[:, None])
                    see(into[0], values[-1])
                values = tf.concat(values, axis=-1)
                inputs = tf.stack([tf.concat(groups, axis=-1) for groups in inputs])
                row = tf.where(place == column, values, row)
                window = tf.concat([window[:, channels:], values], axis=-1)
                ring = tf.concat([ring[..., self.width :], inputs], axis=-1)
                # Already now, for XLA to write it once, and not to look it up in each element of a gate.
                following = known(tf.minimum(column + 1, columns - 1), window, ring)
                return column + 1, row, window, ring, *following

            window = tf.zeros((n, before_first.shape[0]))
            ring = tf.zeros((self.depth - 1, n, before.shape[1]), dtype)
            state = (0, tf.zeros_like(noise), window, ring, *known(0, window, ring))
            return tf.while_loop(lambda column, *_: column < columns, draw, state)[1]

        return draw_row
