"""A classifier of CIFAR-10 that others have trained, for scores of images of its classes."""

from pathlib import Path

import keras
import numpy as np
from keras import layers

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def resnet20(data_dir):
    """ResNet-20 of images in [-1, 1] to logits (n, 10), by the weights of
    DATA_DIR/../weights/resnet20_cifar10.npz.

    He et al. Deep Residual Learning. CVPR 2016, section 4.2. https://arxiv.org/abs/1512.03385, with shortcuts
    that leave out places and add empty channels. The file has the arrays of akamaster/pytorch_resnet_cifar10
    (BSD-2-Clause), by PyTorch's names.
    """
    arrays = np.load(Path(data_dir or ".").parent / "weights" / "resnet20_cifar10.npz")
    values = []

    def convolution(x, name, norm, stride=1):
        kernel = arrays[f"{name}.weight"].transpose(2, 3, 1, 0)
        conv = layers.Conv2D(kernel.shape[-1], 3, stride, use_bias=False)
        batch = layers.BatchNormalization(epsilon=1e-5)
        values.append((conv, [kernel]))
        parts = ("weight", "bias", "running_mean", "running_var")
        values.append((batch, [arrays[f"{norm}.{part}"] for part in parts]))
        return batch(conv(layers.ZeroPadding2D()(x)))

    images = keras.Input((32, 32, 3))
    scale = [0.5 / std for std in STD]
    x = layers.Rescaling(scale, [(0.5 - mean) / std for mean, std in zip(MEAN, STD)])(images)
    x = layers.ReLU()(convolution(x, "conv1", "bn1"))
    for stage in (1, 2, 3):
        for block in range(3):
            stride, name = 2 if stage > 1 and block == 0 else 1, f"layer{stage}.{block}"
            y = layers.ReLU()(convolution(x, f"{name}.conv1", f"{name}.bn1", stride))
            y = convolution(y, f"{name}.conv2", f"{name}.bn2")
            if stride == 2:
                empty = (y.shape[-1] - x.shape[-1]) // 2
                x = keras.ops.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (empty, empty)))
            x = layers.ReLU()(layers.Add()([x, y]))
    dense = layers.Dense(10)
    network = keras.Model(images, dense(layers.GlobalAveragePooling2D()(x)))
    values.append((dense, [arrays["linear.weight"].T, arrays["linear.bias"]]))
    for layer, value in values:
        layer.set_weights(value)
    return network
