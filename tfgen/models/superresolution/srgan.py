"""SRGAN: super-resolution by features and an adversary, for details that a squared error averages away.

Ledig, Theis, Huszar, Caballero, Cunningham, Acosta, Aitken, Tejani, Totz, Wang and Shi. Photo-Realistic
Single Image Super-Resolution Using a Generative Adversarial Network. CVPR 2017.
https://arxiv.org/abs/1609.04802

    discriminator: -E[log D(I_HR)] - E[log(1 - D(G(I_LR)))]                              (eq. 2)
    generator:     l_X + 1e-3 E[-log D(G(I_LR))]                                         (eq. 3 and 6)
    l_X:           mean over places of (phi(I_HR) - phi(G(I_LR)))^2 / 12.75^2            (eq. 5, section 3.2)

G is SRResNet's network and starts as a trained one, "to avoid undesired local optima"; phi are the maps of a
layer of VGG19 behind its ReLU, of the fourth convolution before the fifth pooling (VGG54). With features=None
l_X is the squared error of the pixels (SRGAN-MSE). D and G are updated in turn, on the same G(I_LR).

Unlike the paper, whose eq. 5 divides by places alone, l_X is a mean over channels too, and the rate of 1e-4
stays; the paper goes on for as long at 1e-5. In use, what the network makes is cut to [-1, 1].
"""

import keras
import tensorflow as tf
from keras import layers

from tfgen import loading, losses, networks
from tfgen.errors import InputError
from tfgen.features import Features, difference
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model
from tfgen.models.superresolution.base import PlayedSuperResolution
from tfgen.models.superresolution.srresnet import SRResNet
from tfgen.networks.blocks import normalized


def discriminator(image_shape, width):
    """Images -> (n, 1) (figure 4): k3, of width, 2, 4, 8 times width filters, each once of stride 1 and once
    of stride 2, batch normalisation behind all but the first, leaky ReLU 0.2; dense, 16 width units and 1."""
    stack = [keras.Input(image_shape)]
    for times in (1, 2, 4, 8):
        for stride in (1, 2):
            first = len(stack) == 1
            how = dict(filters=times * width, kernel_size=3, strides=stride, padding="same")
            stack += normalized(
                lambda bias, how=how: layers.Conv2D(use_bias=bias, **how), None if first else "batch"
            )
            stack.append(layers.LeakyReLU(0.2))
    stack += [layers.Flatten(), layers.Dense(16 * width), layers.LeakyReLU(0.2)]
    return keras.Sequential([*stack, layers.Dense(1, dtype="float32")], name="discriminator")


def total_variation(images):
    """|differences of neighbours|, below and to the right, mean over the places of images (n, h, w, c)."""
    down = tf.reduce_mean(abs(images[:, 1:] - images[:, :-1]))
    return down + tf.reduce_mean(abs(images[:, :, 1:] - images[:, :, :-1]))


@model(
    title="Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", year=2017
)
class SRGAN(PlayedSuperResolution):
    """A residual network with sub-pixel convolutions against a discriminator, near to the truth in features.

    Its batches are images (n, h, w, c) in [-1, 1], patches of the size of `image_shape`.

    Args:
        image_shape: (height, width, channels) of the patches in training; sizes are multiples of 4.
        width: filters of the generator's layers.
        blocks: residual blocks.
        discriminator_width: filters of the discriminator next to the image.
        features: the network of the content loss, by a name of `tfgen.features`: "vgg19" is downloaded when
            training begins, "mobilenet_v2:PATH.npz", the path of a .keras file of images in [-1, 1]; None for
            the pixels themselves. It is not saved with the model, and an export has no need of it.
        tap: the layer of it whose maps are compared.
        feature_scale: factor of the maps.
        adversarial_weight: of the generator's second term.
        tv_weight: of the total variation of G(I_LR); the paper has 2e-8 beside maps of low layers.
        pretrained: a trained `SRResNet` of the same width and blocks, as `tfgen.load` takes it: a run folder,
            a .keras file. Its weights are copied when the model is made, not when it is loaded.
    """

    tiny = dict(
        image_shape=(16, 16, 3), width=4, blocks=1, discriminator_width=4, features="random", tap="conv2"
    )
    recipe = Recipe(
        "sr_classic",
        batch_size=16,
        epochs=20,
        model=dict(image_shape=(96, 96, 3), width=32, blocks=8, discriminator_width=32),
        data=dict(split="t91", repeat=16, flip=True),
    )
    averaged_networks = ("generator",)
    own_networks = ("generator", "discriminator")
    adversarial_loss = losses.Minimax()

    def __init__(
        self,
        image_shape=(96, 96, 3),
        width=64,
        blocks=16,
        discriminator_width=64,
        features="vgg19",
        tap="block5_conv4",
        feature_scale=1 / 12.75,
        adversarial_weight=1e-3,
        tv_weight=0.0,
        pretrained=None,
        **kwargs,
    ):
        self.check_sizes(image_shape)
        super().__init__(**kwargs)
        self.image_shape, self.width, self.blocks = image_shape, width, blocks
        self.discriminator_width = discriminator_width
        self.features, self.tap, self.feature_scale = features, tap, feature_scale
        self.adversarial_weight, self.tv_weight = adversarial_weight, tv_weight
        self.pretrained = None if pretrained is None else str(pretrained)
        self.content_features = None if features is None else Features(features, (tap,))
        weights = self._pretrained_weights()
        with self.building():
            self.generator = networks.residual_upscaler(image_shape[-1], width=width, blocks=blocks)
            self.discriminator = discriminator(image_shape, discriminator_width)
            if weights is not None:
                self.generator.set_weights(weights)

    def _pretrained_weights(self):
        if self.pretrained is None:
            return None
        found, wanted = loading.load(self.pretrained), (self.width, self.blocks, self.image_shape[-1])
        known = isinstance(found, SRResNet)
        received = (found.width, found.blocks, found.image_shape[-1]) if known else type(found).__name__
        if received != wanted:
            raise InputError(
                f"pretrained must be an SRResNet of (width, blocks, channels) {wanted}; {self.pretrained} is "
                f"of {received}"
            )
        return found.averaged("generator").get_weights()

    @classmethod
    def from_config(cls, config):
        # What is loaded has weights of its own, and the file that it began from may be gone.
        made = super().from_config({**config, "pretrained": None})
        made.pretrained = config.get("pretrained")
        return made

    @property
    def reach(self):
        return networks.residual_upscaler_reach(self.blocks)

    def prepare(self):
        if self.content_features is not None:
            self.content_features.load()

    def objectives(self):
        logs = ("content", "adversarial", *(["total_variation"] if self.tv_weight else []))
        return {
            "discriminator": Objective(self.discriminator_objective, (self.discriminator,)),
            "generator": Objective(self.generator_objective, (self.generator,), logs),
        }

    def default_optimizers(self):
        """Adam of rate 1e-4 and beta_1 0.9 (section 3.2)."""
        return {name: keras.optimizers.Adam(1e-4, beta_1=0.9) for name in self.objectives()}

    def upscaled(self, inputs, training=False):
        return self.network("generator", training)((inputs + 1) / 2, training=training)

    def content(self, images, others):
        """l_X of images and others, (n, h, w, c): a scalar."""
        if self.content_features is None:
            return tf.reduce_mean((images - others) ** 2)
        maps = (self.content_features(each, self.value_range) for each in (images, others))
        return self.feature_scale**2 * difference(*maps)

    def discriminator_objective(self, step):
        fakes = tf.stop_gradient(self.fakes(step))
        real, fake = (self.score(images, step.training) for images in (step.batch["images"], fakes))
        return self.adversarial_loss.discriminator(real, fake), {}

    def generator_objective(self, step):
        fakes = self.fakes(step)
        logs = {
            "content": self.content(step.batch["images"], fakes),
            "adversarial": self.adversarial_loss.generator(self.score(fakes, step.training)),
        }
        loss = logs["content"] + self.adversarial_weight * logs["adversarial"]
        if self.tv_weight:
            logs["total_variation"] = total_variation(fakes)
            loss += self.tv_weight * logs["total_variation"]
        return loss, logs
