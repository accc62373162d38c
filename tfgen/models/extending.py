"""How a model continues clips: by frames that it is given, its own frames, and in an exported graph."""

import numpy as np
import tensorflow as tf

from tfgen.errors import InputError
from tfgen.fields import Image
from tfgen.models.translating import reflected


class Extends:
    """Continues clips: `extend(frames, steps)`, by frames that become its next input.

    A subclass says `extended`, and keeps `image_shape`, `given` and `predicted`. Its batches are
    {"frames": (n, given + predicted, h, w, c)} in `value_range`.

    Attributes:
        image_shape: (height, width, channels) of a frame in training.
        given, predicted: how many frames of an example are given, and how many of them follow.
        multiple, smallest: as of `Translates`, of a frame's height and width.
        any_size: whether it takes frames of other sizes than the training's.
    """

    multiple, smallest, scale = 1, 1, 1
    any_size = False

    @property
    def fields(self):
        return {"frames": Image((self.given + self.predicted, *self.image_shape), *self.value_range)}

    @property
    def conditions(self):
        """The frames to continue."""
        return {"frames": Image((self.given, *self.image_shape), *self.value_range)}

    @classmethod
    def parts(cls, **config):
        """As of every model."""
        return ("frames",)

    @classmethod
    def fitting(cls, shape, **config):
        """The image_shape next to `shape` that a model of that configuration trains on."""
        return tuple(shape)

    def extended(self, frames, steps, training=False):
        """What follows frames (n, t, h, w, c), t at least `given`, whose sizes are multiples of `multiple`.

        Args:
            steps: how many frames follow, an integer.

        Returns:
            float32 (n, steps, h, w, c) in `value_range`.
        """
        raise NotImplementedError(f"{type(self).__name__}.extended")

    def extend(self, frames, steps):
        """The next frames of clips, float32 (n, steps, h, w, c) in `value_range`.

        A frame that was made is seen as if it were given, so that extending twice is extending once.
        Sizes that are no multiple of `multiple` are continued by reflection, and the result is cut.

        Args:
            frames: (n, t, h, w, c), t at least `given`; floats in `value_range`, or bytes.
            steps: how many frames follow, at least 1.

        Raises:
            InputError: another number of axes or channels, fewer frames, a size that the model does not
                take, values out of range, steps below 1.
        """
        owner, (least, *size, channels) = type(self).__name__, self.conditions["frames"].shape
        frames = np.asarray(frames)
        if frames.ndim != 5 or frames.shape[-1] != channels or 0 in frames.shape:
            raise InputError(
                f"{owner} continues frames (n, t, height, width, {channels}); received {frames.shape}"
            )
        if frames.shape[1] < least:
            raise InputError(
                f"{owner} continues clips of {least} frames or more; received {frames.shape[1]} of them"
            )
        height, width = frames.shape[2:4]
        if not self.any_size and [height, width] != size:
            raise InputError(
                f"{owner} continues frames of {size[0]}x{size[1]} (height x width) alone; received "
                f"{height}x{width}; resize them"
            )
        if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 1:
            raise InputError(f"steps is how many frames follow, at least 1; received {steps!r}")
        field = Image((None, None, None, channels), *self.value_range)
        frames = field.prepared(field.received(frames, "frames", owner))
        for axis, length in ((2, height), (3, width)):
            frames = tf.gather(frames, reflected(length, self.multiple, self.smallest), axis=axis)
        return self._extended(frames, int(steps))[:, :, :height, :width]

    @tf.function(autograph=False)
    def _extended(self, frames, steps):
        return self.extended(frames, steps)

    def extended_once(self, frames):
        """`extend` of plain tensors by `predicted` frames, so that it can be exported."""
        return self.extended(frames, self.predicted)

    def draw(self, key, n, first_row, frames):
        """What follows n clips of the training's size."""
        return self._extended(frames, self.predicted)

    def call(self, frames, training=False):
        return self.extended(frames, self.predicted, training)

    def _condition(self, name, field, value, key, n, first_row):
        if value is None:
            raise InputError(f"{type(self).__name__} continues clips; give frames, or use extend")
        return super()._condition(name, field, value, key, n, first_row)

    def signatures(self):
        count, *size, channels = self.conditions["frames"].shape
        size = (None, None) if self.any_size else size
        frames = tf.TensorSpec((None, count, *size, channels), tf.float32, "frames")
        return {"extend": (self.extended_once, [frames])}

    def columns(self, batch, seed=0, first_row=0):
        """{title: frames (n, h, w, c)} in `value_range`: given, predicted, and the truth.

        Args:
            batch: {"frames": (n, given + predicted, h, w, c)}.
        """
        frames = np.asarray(batch["frames"])
        made = self.sample(len(frames), seed=seed, first_row=first_row, frames=frames[:, : self.given])
        parts = {"given": frames[:, : self.given], "predicted": made, "truth": frames[:, self.given :]}
        return {
            f"{name} {k + 1}" if part.shape[1] > 1 else name: part[:, k]
            for name, part in parts.items()
            for k in range(part.shape[1])
        }
