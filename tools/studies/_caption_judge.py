"""A joint encoder of images and captions, by which a study asks which caption an image shows."""

import zlib

import keras
import numpy as np
import tensorflow as tf
from keras import layers

BUCKETS, SIZE = 4096, 64


def words_of(text):
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()


def _pieces(text):
    """Words, and three letters after one another of each."""
    for word in words_of(text):
        yield word
        yield from (f"#{word}#"[i : i + 3] for i in range(len(word)))


def multi_hot(texts):
    """float32 (n, BUCKETS): which pieces a text has; rows have length 1."""
    rows = np.zeros((len(texts), BUCKETS), np.float32)
    for row, text in zip(rows, texts):
        row[[zlib.crc32(piece.encode()) % BUCKETS for piece in _pieces(text)]] = 1
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def _images(shape):
    x = image = keras.Input(shape)
    x = layers.RandomTranslation(0.1, 0.1, fill_mode="nearest")(layers.RandomFlip("horizontal")(x))
    for width in (32, 64, 128):
        stride = max(shape[0] // 32, 1) if width == 32 else 1  # larger images are not much slower
        x = layers.Conv2D(width, 2 * stride + 1, stride, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D()(layers.ReLU()(layers.BatchNormalization()(x)))
    x = layers.Dropout(0.2)(layers.Flatten()(x))
    return keras.Model(image, layers.UnitNormalization()(layers.Dense(SIZE)(x)))


def _texts():
    x = text = keras.Input((BUCKETS,))
    x = layers.Dense(SIZE)(layers.Dropout(0.2)(x))
    return keras.Model(text, layers.UnitNormalization()(x))


class Judge:
    """Encoders that learn that images in [-1, 1] and their captions belong together (InfoNCE, both ways)."""

    def __init__(self, shape, seed):
        keras.utils.set_random_seed(seed)
        self.images, self.texts, self.scale = _images(shape), _texts(), tf.Variable(10.0)

    def train(self, images, captions, steps, batch=256):
        adam = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps))
        weights = [*self.images.trainable_variables, *self.texts.trainable_variables]
        rows = multi_hot(captions)

        @tf.function
        def step(x, t):
            with tf.GradientTape() as tape:
                scores = self.scale * tf.matmul(
                    self.images(x, training=True), self.texts(t, training=True), transpose_b=True
                )
                own = tf.range(tf.shape(x)[0])
                losses = [
                    tf.nn.sparse_softmax_cross_entropy_with_logits(own, logits)
                    for logits in (scores, tf.transpose(scores))
                ]
                loss = tf.reduce_mean(losses)
            values = [weight.value for weight in weights]
            adam.apply(tape.gradient(loss, values), weights)
            return loss

        rng = np.random.default_rng(0)
        for k in range(steps):
            chosen = rng.permutation(len(images))[:batch]
            loss = step(tf.constant(images[chosen]), tf.constant(rows[chosen]))
            if k % 100 == 99:
                print("judge", k + 1, round(float(loss), 3), flush=True)

    def features(self, images):
        return self.images.predict(np.asarray(images), batch_size=250, verbose=0)

    def found(self, images, captions, pool, k=10):
        """Whether the own caption of each image (n,) is among the k of `pool` that are nearest to it."""
        own = self.texts.predict(multi_hot(captions), verbose=0)
        among = self.texts.predict(multi_hot(pool), verbose=0)
        features = self.features(images)
        better = features @ among.T > (features * own).sum(1, keepdims=True) + 1e-6
        return better.sum(1) < k
