"""Several networks of one kind, as one mixture."""

import tensorflow as tf

from tfgen.errors import InputError


class Ensemble:
    """Networks name_1, name_2, ..., attributes of a model, of equal inputs and outputs.

    In use each is its average, where the model has one of it (`GenerativeModel.network`).

    Args:
        model: of which they become attributes; its constructor makes the ensemble where it makes networks.
        name: of the networks, without their number.
        size: how many.
        build: a function of nothing that makes one.

    Raises:
        InputError: an ensemble of none.
    """

    def __init__(self, model, name, size, build):
        if size < 1:
            raise InputError(f"an ensemble has at least 1 {name}; received {size}")
        self.model, self.names = model, [f"{name}_{k}" for k in range(1, size + 1)]
        for own in self.names:
            setattr(model, own, build())

    def __getitem__(self, place):
        """The network that learns, at a place from 0 on."""
        return getattr(self.model, self.names[place])

    def outputs(self, x, training=False, first=None):
        """What each of the `first` members, all if None, makes of x: a list of tensors (n, ...)."""
        return [self.model.network(name, training)(x, training=training) for name in self.names[:first]]

    def mixed(self, x, u, weights, training=False):
        """Row i of a member that u_i chooses, as many members as there are weights: (n, ...).

        All members make all rows, so that shapes are fixed for XLA and for exports.

        Args:
            x: (n, ...), what the members take.
            u: (n,), in (0, 1).
            weights: the members' shares, positive numbers whose sum is 1.
        """
        outputs = self.outputs(x, training, len(weights))
        ends = tf.cumsum(tf.constant(weights, tf.float32))[:-1]
        chosen = tf.reduce_sum(tf.cast(u[:, None] >= ends, tf.int32), axis=1)
        rest = len(outputs[0].shape) - 1
        hot = tf.reshape(tf.one_hot(chosen, len(weights)), (-1, len(weights), *[1] * rest))
        # A product would make NaN of what another member has made infinite.
        return tf.reduce_sum(tf.where(hot > 0, tf.stack(outputs, axis=1), 0.0), axis=1)
