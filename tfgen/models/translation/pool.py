"""A pool of earlier translations, from which a discriminator is shown some."""

import keras
import tensorflow as tf


class Pool(keras.layers.Layer):
    """Keeps up to `size` images; half of those shown are old ones, which new ones replace.

    Shrivastava et al. Learning from Simulated and Unsupervised Images through Adversarial Training. CVPR
    2017, section 2.3. https://arxiv.org/abs/1612.07828. As in CycleGAN's code, images are exchanged one after
    another: until it is full the pool stores the image and shows it; then, with a chance of 1/2, it shows a
    random old one and stores the new one in its place, or else shows the new one.

    It is part of the model's state, so that a resumed training is the one that never stopped.

    Args:
        size: most images; 0 shows what is given.
        image_shape: (height, width, channels).
    """

    def __init__(self, size, image_shape, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.size = size
        # The replicas read one pool, in which the first one's images are kept.
        kept = dict(initializer="zeros", trainable=False, aggregation="only_first_replica")
        self.images = self.add_weight(name="images", shape=(size, *image_shape), **kept)
        self.filled = self.add_weight(name="filled", shape=(), dtype="int32", **kept)
        self.built = True

    def exchange(self, images, noise):
        """The images (n, h, w, c) to show for new ones; noise (n, 2) is uniform on (0, 1)."""
        if not self.size:
            return images
        n = tf.shape(images)[0]

        def one(k, pool, filled, shown):
            full = filled == self.size
            old = tf.minimum(tf.cast(noise[k, 1] * self.size, tf.int32), self.size - 1)
            place = tf.where(full, old, filled)
            swaps = full & (noise[k, 0] < 0.5)
            seen = tf.where(swaps, pool[place], images[k])
            shown = tf.tensor_scatter_nd_update(shown, [[k]], seen[None])
            kept = tf.where(swaps | ~full, images[k], pool[place])
            pool = tf.tensor_scatter_nd_update(pool, [[place]], kept[None])
            return k + 1, pool, tf.minimum(filled + 1, self.size), shown

        start = (0, self.images.value, self.filled.value, images)
        _, pool, filled, shown = tf.while_loop(lambda k, *_: k < n, one, start)
        self.images.assign(pool)
        self.filled.assign(filled)
        return shown
