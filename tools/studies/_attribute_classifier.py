"""A small network that tells attributes of images, the judge of studies that change them."""

import keras
import numpy as np

from tfgen import networks

BATCH, EPOCHS = 64, 8


def train(images, attributes, names, seed, test):
    """A network that tells several attributes, and how well it does.

    Each attribute's two sides have the same weight, however rare it is, so that a score above 0
    means that an image looks more like those that have the attribute.

    Args:
        images, attributes: uint8 (n, h, w, c), and 0 or 1 (n, k).
        names: of the k attributes.
        seed: of the weights and of the order.
        test: (images, attributes) that it is tested on.

    Returns:
        a keras model of images (n, h, w, c) in [0, 1] to scores (n, k), and
        {name: (accuracy, balanced accuracy)} on `test`; balanced is the mean of those of the
        images that have the attribute and of those that lack it.
    """
    keras.utils.set_random_seed(seed)
    attributes = np.asarray(attributes, np.float32)
    share = attributes.mean(0)
    weights = np.where(attributes == 1, 0.5 / share, 0.5 / (1 - share))

    def loss(target, scores):
        has, weight = keras.ops.split(target, 2, axis=-1)
        each = keras.ops.maximum(scores, 0) - scores * has + keras.ops.softplus(-keras.ops.abs(scores))
        return keras.ops.mean(weight * each, axis=-1)

    model = networks.dcgan_discriminator(
        images.shape[1:], width=32, outputs=len(names), normalization="batch"
    )
    steps = EPOCHS * (len(images) // BATCH)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)), loss)
    target, rng = np.concatenate([attributes, weights], 1).astype(np.float32), np.random.default_rng(seed)
    for epoch in range(EPOCHS):
        x, order = images.astype(np.float32) / 255, rng.permutation(len(images))
        mirrored = rng.uniform(size=len(images)) < 0.5
        x[mirrored] = x[mirrored, :, ::-1]
        order = order[: len(order) // BATCH * BATCH]
        history = model.fit(x[order], target[order], BATCH, shuffle=False, verbose=0).history
        print(f"classifier: epoch {epoch + 1} of {EPOCHS}, loss {history['loss'][-1]:.3f}", flush=True)
    images, truth = test
    says = model.predict(images.astype(np.float32) / 255, verbose=0) > 0
    right = says == (np.asarray(truth) == 1)
    accuracies = {}
    for i, name in enumerate(names):
        sides = [right[truth[:, i] == side, i].mean() for side in (0, 1)]
        accuracies[name] = (float(right[:, i].mean()), float(np.mean(sides)))
    return model, accuracies
