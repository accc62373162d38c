"""SRResNet: a deep residual network for four times the height and width, trained by the squared error.

Ledig, Theis, Huszar, Caballero, Cunningham, Acosta, Aitken, Tejani, Totz, Wang and Shi. Photo-Realistic
Single Image Super-Resolution Using a Generative Adversarial Network. CVPR 2017.
https://arxiv.org/abs/1609.04802

    l_MSE = 1 / (r^2 W H) sum over places (I_HR - G(I_LR))^2,   r = 4     (eq. 4)

I_LR is bicubic of I_HR. The network is given low-resolution images in [0, 1], and makes high-resolution
ones in [-1, 1] (section 3.2). Batch normalisation has running averages in use.

Unlike the paper, what it makes is cut to [-1, 1] in use.
"""

import keras
import tensorflow as tf

from tfgen import networks
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.superresolution.base import SuperResolutionModel


@model(
    title="Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", year=2017
)
class SRResNet(SuperResolutionModel):
    """A residual network with sub-pixel convolutions, of the least squared error.

    Its batches are images (n, h, w, c) in [-1, 1], patches of the size of `image_shape`.

    Args:
        image_shape: (height, width, channels) of the patches in training; sizes are multiples of 4.
        width: filters of the layers.
        blocks: residual blocks.
    """

    tiny = dict(image_shape=(8, 8, 3), width=4, blocks=1)
    recipe = Recipe(
        "sr_classic",
        batch_size=16,
        epochs=50,
        model=dict(image_shape=(64, 64, 3), width=32, blocks=8),
        data=dict(split="t91", repeat=16, flip=True),
        schedule=("linear", 0.5, 1.0),
    )
    averaged_networks = ("generator",)
    own_networks = ("generator",)

    def __init__(self, image_shape=(96, 96, 3), width=64, blocks=16, **kwargs):
        self.check_sizes(image_shape)
        super().__init__(**kwargs)
        self.image_shape, self.width, self.blocks = image_shape, width, blocks
        with self.building():
            self.generator = networks.residual_upscaler(image_shape[-1], width=width, blocks=blocks)

    @property
    def reach(self):
        return networks.residual_upscaler_reach(self.blocks)

    def objectives(self):
        return {"generator": Objective(self.generator_objective, (self.generator,), ("psnr",))}

    def default_optimizers(self):
        """Adam of rate 1e-4 and beta_1 0.9 (section 3.2)."""
        return keras.optimizers.Adam(1e-4, beta_1=0.9)

    def upscaled(self, inputs, training=False):
        return self.network("generator", training)((inputs + 1) / 2, training=training)

    def generator_objective(self, step):
        images = step.batch["images"]
        made = self.upscaled(self.low_resolution(images), step.training)
        squares = tf.reduce_mean((images - made) ** 2, axis=(1, 2, 3))
        psnr = -10 / tf.math.log(10.0) * tf.math.log(tf.maximum(squares / 4, 1e-10))
        return tf.reduce_mean(squares), {"psnr": tf.reduce_mean(psnr)}
