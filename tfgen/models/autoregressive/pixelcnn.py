"""PixelCNN: masked convolutions and a softmax over the levels of each value.

van den Oord, Kalchbrenner and Kavukcuoglu. Pixel Recurrent Neural Networks. ICML 2016,
section 3 and table 1. https://arxiv.org/abs/1601.06759

    p(x) = prod_i p(x_i,R | x_<i) p(x_i,G | x_<i, x_i,R) p(x_i,B | x_<i, x_i,R, x_i,G)   (eq. 2)

    7x7 convolution, mask A (2h features);  depth residual blocks (figure 5, left)
        x + conv1x1_2h(relu(conv3x3_h(relu(conv1x1_h(relu(x))))),  mask B;
    twice relu, 1x1 convolution (mask B);  relu, 1x1 convolution to the logits

The stack sees no pixel to the right above beyond a diagonal: the blind spot that Gated PixelCNN
(van den Oord et al., 2016b) removes. Unlike the paper, there are no layer-to-output connections;
the residual sum carries every block's output to the top.

Sampling computes each feature of each pixel once (Ramachandran et al., 2017, "Fast generation for
convolutional autoregressive models"), and several rows at once, see `wavefront`.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfgen import random
from tfgen.errors import InputError
from tfgen.models.autoregressive.base import AutoregressiveModel, inverse_cdf
from tfgen.models.autoregressive.masked_convolution import MaskedConv2D, bounds, offsets
from tfgen.models.autoregressive.wavefront import wavefront
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="Pixel Recurrent Neural Networks", year=2016)
class PixelCNN(AutoregressiveModel):
    """An image's values one by one, each from a softmax over its levels.

    The defaults are the paper's for CIFAR-10, but for `top`, which has 1024 features there.

    Args:
        image_shape: (height, width, channels); images lie in [0, 1].
        levels: the number of values that each channel of a pixel can take; 2 for binary images.
        width: h, the features of a block's 3x3 convolution; the residual sum has 2h.
        depth: the number of residual blocks.
        top: the features of the two 1x1 convolutions under the logits; 32 for MNIST in the paper.
    """

    tiny = dict(image_shape=(8, 8, 1), levels=4, width=8, depth=1)
    recipe = Recipe(
        "mnist",
        batch_size=32,
        epochs=10,
        model=dict(levels=2, width=32, depth=7, ema_decay=0.999),
        data=dict(binarize="dynamic"),
    )

    def __init__(self, image_shape=(28, 28, 1), levels=256, width=128, depth=15, top=32, **kwargs):
        if depth < 1 or min(width, top) < image_shape[-1]:
            raise InputError(
                f"PixelCNN needs depth >= 1 and width and top >= {image_shape[-1]}, a feature for each "
                f"channel; received depth={depth}, width={width}, top={top}"
            )
        super().__init__(image_shape, levels, **kwargs)
        self.width, self.depth, self.top = width, depth, top
        channels = self.image_shape[-1]

        def convolve(x, filters, size=1, mask="B", **options):
            return MaskedConv2D(filters, size, mask, channels, **options)(x)

        with self.building():
            relu = keras.ops.relu
            images = keras.Input(self.image_shape)
            x = convolve(images, 2 * width, 7, "A")
            for _ in range(depth):
                y = convolve(relu(x), width)
                y = convolve(relu(y), width, 3)
                x = x + convolve(relu(y), 2 * width)
            for _ in range(2):
                x = convolve(relu(x), top)
            logits = convolve(relu(x), channels * levels, dtype="float32")
            logits = layers.Reshape((*self.image_shape, levels), dtype="float32")(logits)
            self.predictor = keras.Model(images, logits, name="predictor")

    def default_optimizers(self):
        return keras.optimizers.RMSprop(1e-3)

    def values_from(self, noise, known, temperature, labels):
        step, state = self._sampler(noise, known, temperature)
        _, image, _ = tf.while_loop(lambda t, *_: t < self.plan.steps, step, (0, *state))
        return self.plan.picture(image)

    def grow(self, seed, line, image, ring, temperature):
        """The image of `sample_from_seed` with n = 1, a line of the wavefront a call.

        Args:
            seed, line, temperature: scalars, int64, int32 and float32; line is 0, 1, 2, ...
            image, ring: zeros at line 0, then "next_image" and "next_ring" of the call before. The
                image (1, h, w, c) is zero where nothing is drawn yet.
        """
        noise = random.uniform(random.key(seed), (1, *self.image_shape))
        step, _ = self._sampler(noise, None, temperature)
        first = line * self.plan.skew
        last = tf.minimum(first + self.plan.skew, self.plan.steps)
        image = self.plan.by_pixel(image)
        _, image, ring = tf.while_loop(lambda t, *_: t < last, step, (first, image, ring))
        return {"next_image": self.plan.picture(image), "next_ring": ring}

    def signatures(self):
        image = tf.zeros((1, *self.image_shape))
        _, (_, ring) = self._sampler(image, None, 1.0)
        specs = [
            tf.TensorSpec((), tf.int64, "seed"),
            tf.TensorSpec((), tf.int32, "line"),
            tf.TensorSpec(image.shape, tf.float32, "image"),
            tf.TensorSpec(ring.shape, tf.float32, "ring"),
            tf.TensorSpec((), tf.float32, "temperature"),
        ]
        return {**super().signatures(), "grow": (self.grow, specs)}

    @property
    def input_values(self):
        lines = -(-self.plan.steps // self.plan.skew)
        image = {"distribution": "uniform", "low": 0.0, "high": 1.0}
        # The ring holds features, which no bounds hold, and not values of images.
        state = {"image": image, "ring": {"distribution": "normal"}}
        line = {"distribution": "integers", "low": 0, "high": lines - 1}
        return {**super().input_values, **state, "line": line}

    @property
    def plan(self):
        return wavefront(*self.image_shape[:2], reach=3)

    def _sampler(self, noise, known, temperature):
        """The step of the sampler's loop, (t, image, ring) -> (t + 1, image, ring), and its first state."""
        plan, channels = self.plan, self.image_shape[-1]
        convolutions = [
            layer for layer in self.averaged("predictor").layers if isinstance(layer, MaskedConv2D)
        ]
        first, *hidden, last = range(len(convolutions))
        wide = [i for i in hidden if convolutions[i].kernel_size == 3]  # the others but the first are 1x1
        n, relu = tf.shape(noise)[0], tf.nn.relu

        # What makes the features of each channel's group: cut here, once, and not in every step.
        biases, before, own = [], [], []
        for convolution in convolutions:
            earlier, kernel = convolution.taps()
            bias = tf.cast(tf.convert_to_tensor(convolution.bias), kernel.dtype)
            inputs, filters = (bounds(size, channels) for size in kernel.shape)
            groups = [slice(*filters[c : c + 2]) for c in range(channels)]
            ends = inputs[1:] if convolution.mask == "B" else inputs[:-1]
            biases.append([bias[group] for group in groups])
            before.append([earlier[:, group] for group in groups])
            own.append([kernel[:rows, group] for rows, group in zip(ends, groups)])
        before_wide = [tf.stack([before[i][channel] for i in wide]) for channel in range(channels)]

        lanes, pixels = plan.lanes, plan.idle
        # The inputs of the 3x3 convolutions are kept for the last skew + 1 steps, as rows (n, width)
        # in the order slot, layer, lane; one more slot holds the zeros outside of the image.
        slots = plan.skew + 1
        kept = np.full(pixels + 2, slots * self.depth * lanes)
        kept[:pixels] = plan.time % slots * self.depth * lanes + plan.lane
        layer = tf.range(self.depth)[:, None, None] * lanes
        near, above = kept[plan.neighbours(offsets(3))], plan.neighbours(offsets(7))
        # Small integers, for exports hold these tables.
        pixel, above, near = (
            tf.constant(table, tf.int16 if table.max() < 2**15 else tf.int32)
            for table in (plan.pixel, above, near)
        )

        def patches(rows, index):
            """Rows (n, size) at index (..., lanes, taps), side by side: (..., lanes * n, taps * size)."""
            *axes, taps = range(len(index.shape))
            found = tf.transpose(tf.gather(rows, index), (*axes, taps + 1, taps, taps + 2))
            return tf.reshape(found, (*index.shape[:-2], lanes * n, index.shape[-1] * rows.shape[-1]))

        noise, known = plan.by_pixel(noise), None if known is None else plan.by_pixel(known)

        def step(t, image, ring):
            tables = (pixel, above, near)
            here, here_above, here_near = (tf.cast(tf.gather(table, t), tf.int32) for table in tables)
            noise_here = tf.reshape(tf.gather(noise, here), (-1, channels))
            patches_above = tf.cast(patches(image, here_above), ring.dtype)
            patches_near = patches(tf.reshape(ring, (-1, n, self.width)), here_near + layer)
            inputs = [[] for _ in convolutions]  # at the pixel itself, by channel

            def convolve(i, x=None, seen=None):
                """The features of this channel's group, (lanes * n, ...), as input `x` becomes known."""
                y = biases[i][channel]
                if seen is not None:
                    y += seen
                if x is not None:
                    inputs[i].append(x)
                if inputs[i]:
                    x = tf.cast(tf.concat(inputs[i], axis=-1), y.dtype)
                    y += tf.matmul(x, own[i][channel])
                return y

            for channel in range(channels):
                x = convolve(first, seen=tf.matmul(patches_above, before[first][channel]))
                seen_near = tf.unstack(tf.matmul(patches_near, before_wide[channel]))
                for block, i in enumerate(wide):
                    y = convolve(i - 1, relu(x))
                    y = convolve(i, relu(y), seen_near[block])
                    x += convolve(i + 1, relu(y))
                for i in (*hidden[-2:], last):
                    x = convolve(i, relu(x))
                value = inverse_cdf(x, noise_here[:, channel], temperature) / (self.levels - 1)
                if known is not None:
                    given = tf.reshape(tf.gather(known[..., channel], here), [-1])
                    value = tf.where(tf.math.is_nan(given), value, given)
                inputs[first].append(value[:, None])

            features = [tf.reshape(tf.concat(inputs[i], -1), (lanes, -1, self.width)) for i in wide]
            values = tf.reshape(tf.concat(inputs[first], -1), (lanes, -1, channels))
            return (
                t + 1,
                tf.tensor_scatter_nd_update(image, here[:, None], values),
                tf.tensor_scatter_nd_update(ring, [[t % slots]], tf.stack(features)[None]),
            )

        ring = tf.zeros((slots + 1, self.depth, lanes, n, self.width), before_wide[0].dtype)
        return step, (tf.zeros((pixels + 2, n, channels)), ring)
