"""Networks that several papers share, each made by a function. A network of one paper is in its file.

Where a model needs what is inside of a network, its layer has a name: `network.get_layer("features")`.
"""

from tfgen.networks.blocks import halvings
from tfgen.networks.captions import bottleneck, text_discriminator, text_encoder, told
from tfgen.networks.conditional import BODIES, decoder, encoder, projection
from tfgen.networks.dcgan import dcgan_decoder, dcgan_discriminator, dcgan_encoder, dcgan_generator
from tfgen.networks.dense import mlp
from tfgen.networks.ensemble import Ensemble
from tfgen.networks.patches import patch_discriminator, smallest_patch
from tfgen.networks.pyramids import down, smooth_up, up
from tfgen.networks.residual import residual_down, residual_up, resnet_translator
from tfgen.networks.unet import unet
from tfgen.networks.upscaling import residual_upscaler, residual_upscaler_reach

__all__ = [
    "BODIES",
    "Ensemble",
    "bottleneck",
    "dcgan_decoder",
    "dcgan_discriminator",
    "dcgan_encoder",
    "dcgan_generator",
    "decoder",
    "down",
    "encoder",
    "halvings",
    "mlp",
    "patch_discriminator",
    "projection",
    "residual_down",
    "residual_up",
    "residual_upscaler",
    "residual_upscaler_reach",
    "resnet_translator",
    "smallest_patch",
    "smooth_up",
    "text_discriminator",
    "text_encoder",
    "told",
    "unet",
    "up",
]
