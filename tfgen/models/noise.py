"""A model's noise: every draw of a model takes its key here."""

import threading

import tensorflow as tf

from tfgen import random

# One op after the other takes 0.7 ms.
_key_of = tf.function(random.key, [tf.TensorSpec((), tf.int64)], autograph=False)


class Noise:
    """The draws of a Keras model that has a `seed`.

    A draw depends on the seed, on the step, on the number of the draw within the step and on the
    example, not on the device.
    """

    def add_clocks(self):
        """The counters `step`, of training steps, and `asked`, of unseeded draws outside of training."""
        counter = dict(dtype="int64", initializer="zeros", trainable=False)
        counter["aggregation"] = "only_first_replica"
        self._clock, self._draws = "asked", {}
        self.step = self.add_weight(name="step", **counter)
        self.asked = self.add_weight(name="asked", **counter)

    def _begin(self, clock):
        self._clock = clock
        self._draws[threading.get_ident()] = 0  # the devices' steps are traced in threads of their own

    def next_key(self):
        """The key of the next draw, for `tfgen.random`: uint32, shape (2,)."""
        thread = threading.get_ident()
        self._draws[thread] = draw = self._draws.get(thread, 0) + 1
        return random.key(self.seed, int(self._clock == "step"), getattr(self, self._clock).value, draw)

    def key_of(self, seed):
        """The key of a seed; of the model's own unsaid one, new in each call, if None."""
        if isinstance(seed, tf.Tensor):
            return random.key(seed)
        if seed is not None:
            seed = int(seed) % 2**64
            return _key_of(tf.constant(seed - (seed >> 63 << 64), tf.int64))
        self.asked.assign_add(1)
        self._begin("asked")
        return self.next_key()

    def _first_row(self, n):
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group if context else 0
        return 0 if isinstance(replica, int) and replica == 0 else replica * n

    def normal(self, n, *shape):
        """Standard normal noise of the current step, float32 (n, *shape)."""
        return random.normal(self.next_key(), (n, *shape), self._first_row(n))

    def uniform(self, n, *shape):
        """Uniform noise in (0, 1) of the current step, float32 (n, *shape)."""
        return random.uniform(self.next_key(), (n, *shape), self._first_row(n))
