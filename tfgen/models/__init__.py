"""The table of contents: every model by family and year.

`from tfgen.models import WGANGP` and `get("wgangp")` import a model when it is asked for;
`CATALOGUE` is read without TensorFlow.
"""

import importlib
from collections.abc import Mapping
from typing import NamedTuple

from tfgen.errors import unknown


class Entry(NamedTuple):
    cls: str
    module: str
    family: str
    year: int
    title: str


_ENTRIES = [
    Entry("GaussianMixture", "mixture.gaussian_mixture", "mixture", 1977,
          "Maximum Likelihood from Incomplete Data via the EM Algorithm"),
    Entry("Autoencoder", "autoencoder.autoencoder", "autoencoder", 2006,
          "Reducing the Dimensionality of Data with Neural Networks"),
    Entry("DenoisingAutoencoder", "autoencoder.denoising_autoencoder", "autoencoder", 2010,
          "Stacked Denoising Autoencoders"),
    Entry("VAE", "vae.vae", "variational autoencoder", 2014, "Auto-Encoding Variational Bayes"),
    Entry("CVAE", "vae.cvae", "variational autoencoder", 2015,
          "Learning Structured Output Representation using Deep Conditional Generative Models"),
    Entry("IWAE", "vae.iwae", "variational autoencoder", 2016, "Importance Weighted Autoencoders"),
    Entry("Attribute2Image", "vae.attribute2image", "variational autoencoder", 2016,
          "Attribute2Image: Conditional Image Generation from Visual Attributes"),
    Entry("VAEGAN", "vae.vae_gan", "variational autoencoder", 2016,
          "Autoencoding beyond Pixels Using a Learned Similarity Metric"),
    Entry("CVAEGAN", "vae.cvae_gan", "variational autoencoder", 2017,
          "CVAE-GAN: Fine-Grained Image Generation through Asymmetric Training"),
    Entry("DBVAE", "vae.db_vae", "variational autoencoder", 2019,
          "Uncovering and Mitigating Algorithmic Bias through Learned Latent Structure"),
    Entry("FVBN", "autoregressive.fvbn", "autoregressive", 1996,
          "Does the Wake-Sleep Algorithm Produce Good Density Estimators?"),
    Entry("NADE", "autoregressive.nade", "autoregressive", 2011,
          "The Neural Autoregressive Distribution Estimator"),
    Entry("MADE", "autoregressive.made", "autoregressive", 2015,
          "MADE: Masked Autoencoder for Distribution Estimation"),
    Entry("PixelCNN", "autoregressive.pixel_cnn", "autoregressive", 2016, "Pixel Recurrent Neural Networks"),
    Entry("PixelRNN", "autoregressive.pixel_rnn", "autoregressive", 2016, "Pixel Recurrent Neural Networks"),
    Entry("MultiScalePixelRNN", "autoregressive.multi_scale_pixel_rnn", "autoregressive", 2016,
          "Pixel Recurrent Neural Networks"),
    Entry("GatedPixelCNN", "autoregressive.gated_pixel_cnn", "autoregressive", 2016,
          "Conditional Image Generation with PixelCNN Decoders"),
    Entry("PixelCNNPlusPlus", "autoregressive.pixel_cnn_plus_plus", "autoregressive", 2017,
          "PixelCNN++: Improving the PixelCNN with Discretized Logistic Mixture Likelihood "
          "and Other Modifications"),
    Entry("GAN", "gan.gan", "adversarial", 2014, "Generative Adversarial Nets"),
    Entry("CGAN", "gan.cgan", "adversarial", 2014, "Conditional Generative Adversarial Nets"),
    Entry("DCGAN", "gan.dcgan", "adversarial", 2016,
          "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks"),
    Entry("FGAN", "gan.f_gan", "adversarial", 2016,
          "f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization"),
    Entry("InfoGAN", "gan.info_gan", "adversarial", 2016,
          "InfoGAN: Interpretable Representation Learning by Information Maximizing GANs"),
    Entry("WGAN", "gan.wgan", "adversarial", 2017, "Wasserstein GAN"),
    Entry("WGANGP", "gan.wgan_gp", "adversarial", 2017, "Improved Training of Wasserstein GANs"),
    Entry("LSGAN", "gan.ls_gan", "adversarial", 2017, "Least Squares Generative Adversarial Networks"),
    Entry("GeometricGAN", "gan.geometric_gan", "adversarial", 2017, "Geometric GAN"),
    Entry("ACGAN", "gan.ac_gan", "adversarial", 2017,
          "Conditional Image Synthesis with Auxiliary Classifier GANs"),
    Entry("DRAGAN", "gan.dragan", "adversarial", 2017, "On Convergence and Stability of GANs"),
    Entry("EBGAN", "gan.eb_gan", "adversarial", 2017, "Energy-based Generative Adversarial Network"),
    Entry("BEGAN", "gan.be_gan", "adversarial", 2017,
          "BEGAN: Boundary Equilibrium Generative Adversarial Networks"),
    Entry("ProjectionGAN", "gan.projection_gan", "adversarial", 2018, "cGANs with Projection Discriminator"),
    Entry("BSGAN", "gan.bs_gan", "adversarial", 2018,
          "Boundary-Seeking Generative Adversarial Networks"),
    Entry("SNGAN", "gan.sn_gan", "adversarial", 2018,
          "Spectral Normalization for Generative Adversarial Networks"),
]  # fmt: skip
CATALOGUE = {entry.cls.lower(): entry for entry in _ENTRIES}


def get(name):
    """The class of a model by its name in the catalogue, as "dcgan"; case does not matter."""
    entry = CATALOGUE.get(str(name).lower())
    if entry is None:
        raise unknown("model", name, CATALOGUE)
    return getattr(importlib.import_module(f"tfgen.models.{entry.module}"), entry.cls)


def load_all():
    """Imports every model, which registers it with Keras."""
    return {name: get(name) for name in CATALOGUE}


class _Models(Mapping):
    def __getitem__(self, name):
        return get(name) if name in CATALOGUE else {}[name]

    def __iter__(self):
        return iter(CATALOGUE)

    def __len__(self):
        return len(CATALOGUE)


MODELS = _Models()  # {name: class}, each imported when it is looked up


def __getattr__(name):
    for entry in _ENTRIES:
        if entry.cls == name:
            return get(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return [*globals(), *(entry.cls for entry in _ENTRIES)]
