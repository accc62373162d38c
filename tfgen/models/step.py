"""One step of training or testing, on one device: its batch, its noise, what it computes once."""

import contextlib
import zlib

import tensorflow as tf

from tfgen import random

TESTING, TRAINING = 0, 1  # of the noise's two clocks: training steps, and all other draws


class Step:
    """What an objective's loss is given.

    Attributes:
        batch: {name of a field: tensor (n, ...)}, as the model's `fields` prepare it; its images are in their
            `value_range`.
        training: whether networks are run as in training.
        rows: n, an int32 scalar: examples on this device.
        playing: the name of the objective whose loss is computed, None between them.

    Noise is a function of the model's seed, the number of the step, the draw's name, and the number of
    the example in the global batch: not of the device, nor of what else is drawn.
    """

    def __init__(self, model, batch, training, waiting=()):
        self.model, self.batch, self.training = model, batch, training
        self.playing = None
        self._waiting = dict(waiting)  # objectives that are sure to be played in this step, and are not yet
        self._once, self._tapes = {}, {}  # {function: (its result, the networks that it named)}
        parts = tf.nest.flatten(batch)
        self.rows = tf.shape(parts[0])[0] if parts else None
        self._sizes = self._count()

    # Noise.

    def key(self, name):
        """The key of a draw of this step, for `tfgen.random`: uint32, shape (2,)."""
        clock = self.model.step if self.training else self.model.asked
        clock_word = TRAINING if self.training else TESTING
        return random.key(self.model.seed, clock_word, zlib.crc32(name.encode()), clock.value)

    def normal(self, name, *shape):
        """Standard normal noise, float32 (n, *shape): one name, one draw a step."""
        return random.normal(self.key(name), (self.rows, *shape), self.first_row)

    def uniform(self, name, *shape):
        """Uniform noise in (0, 1), float32 (n, *shape): one name, one draw a step."""
        return random.uniform(self.key(name), (self.rows, *shape), self.first_row)

    # The devices' shares of the global batch.

    def _count(self):
        """The examples of each replica, int32 (replicas,), and this one's number; None for a single one."""
        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1:
            return None
        place = tf.cast(context.replica_id_in_sync_group, tf.int32)
        own = self.rows * tf.one_hot(place, context.num_replicas_in_sync, dtype=tf.int32)
        sizes = context.all_reduce("SUM", own)
        least = tf.reduce_min(sizes)
        tf.debugging.Assert(least > 0, ["part devices", tf.reduce_sum(sizes), least])  # a mean of none is NaN
        return sizes, place

    @property
    def first_row(self):
        """The number in the global batch of this device's first example, int32."""
        if self._sizes is None:
            return 0
        sizes, place = self._sizes
        return tf.reduce_sum(sizes[:place])

    @property
    def share(self):
        """This device's part of the global batch, in (0, 1]."""
        return 1.0 if self._sizes is None else tf.cast(self.rows / tf.reduce_sum(self._sizes[0]), tf.float32)

    def mean(self, value):
        """The mean over the global batch of `value`, a mean over this device's examples."""
        if self._sizes is None:
            return value
        return tf.distribute.get_replica_context().all_reduce("SUM", value * self.share)

    # What is computed once.

    def once(self, function, *networks):
        """function(step), computed when it is first asked for; later calls return the same tensors.

        Where an objective that trains one of `networks` is still to be played, its tape is opened now, so
        that its update continues this computation backwards. An objective whose turn is decided inside
        the graph takes what was computed before it where it trains none of the named networks, and
        computes its own of all else.
        """
        if function not in self._once:
            for name, objective in self._waiting.items():
                if any(own is network for own in objective.networks for network in networks):
                    self._open(name, objective.variables)
            self._once[function] = function(self), networks
        return self._once[function][0]

    def _open(self, name, variables):
        if name not in self._tapes:
            self._tapes[name] = tape = tf.GradientTape(watch_accessed_variables=False)
            tape.__enter__()
            tape.watch([v.value for v in variables])
        return self._tapes[name]

    @contextlib.contextmanager
    def recording(self, name, variables):
        """The tape of an objective's update, which watches its variables and nothing else."""
        self._waiting.pop(name, None)
        tape = self._open(name, variables)
        self.playing = name
        try:
            yield tape
        finally:
            self.playing = None
            self._tapes.pop(name).__exit__(None, None, None)

    @contextlib.contextmanager
    def branch(self, objective):
        """A part of the graph that may not run, the objective's update: what it computes stays inside.

        Its tape begins inside, too, so that of what was computed outside it has what needs no tape.
        """
        outside = self._once, self._tapes, self._waiting
        untrained = {
            function: (value, networks)
            for function, (value, networks) in self._once.items()
            if networks and not any(own is network for own in objective.networks for network in networks)
        }
        self._once, self._tapes, self._waiting = untrained, {}, {}
        try:
            yield
        finally:
            self._once, self._tapes, self._waiting = outside

    def close(self):
        """Ends the tapes of objectives that did not play after all."""
        while self._tapes:
            self._tapes.popitem()[1].__exit__(None, None, None)
