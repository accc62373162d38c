"""Autoencoder.

Rumelhart, Hinton and Williams. Learning representations by back-propagating errors. Nature 323,
1986. https://doi.org/10.1038/323533a0
Hinton and Salakhutdinov. Reducing the Dimensionality of Data with Neural Networks. Science 313,
2006. https://doi.org/10.1126/science.1127647

    loss = E |x - g(f(x))|^2      (the sum over the pixels of an image, the mean over images)

The targets are the inputs, and what f(x) cannot hold is lost. Where f and g are linear, the best
f(x) spans the principal subspace of the data (Baldi and Hornik, 1989).

Unlike the papers, hidden units are ReLU, trained from random weights by Adam in place of layers
pretrained as Boltzmann machines; the error is squared, where the second has cross-entropy.
"""

import tensorflow as tf

from tfgen.models.autoencoder.base import ReconstructingModel
from tfgen.models.base import Objective, Recipe
from tfgen.models.registry import model


@model(title="Reducing the Dimensionality of Data with Neural Networks", year=2006)
class Autoencoder(ReconstructingModel):
    """An encoder f and a decoder g of images. `sample` decodes z ~ N(0, I), though nothing makes
    the codes so.

    The network of the first paper that codes eight one-hot inputs by three units is
    `Autoencoder((8, 1, 1), 3, body="linear", code_activation="sigmoid", output_activation="sigmoid")`.

    Args:
        image_shape: (height, width, channels); images lie in [0, 1].
        latent_dim: size of the code.
        width: units of the first hidden layer ("dense"), or filters next to the image.
        body: "dense", three hidden layers of width, width/2 and width/4 units, and their mirror
            image; "convolutional", strided, and up-convolutions; "linear", no hidden layer.
        code_activation, output_activation: "linear", "relu", "sigmoid" or "tanh".
    """

    tiny = dict(image_shape=(8, 8, 1), latent_dim=4, width=8, body="convolutional")
    recipe = Recipe("mnist", 128, 30, dict(output_activation="sigmoid", ema_decay=0.999))

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=30,
        width=1000,
        body="dense",
        code_activation="linear",
        output_activation="linear",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim, self.width, self.body = image_shape, latent_dim, width, body
        self.code_activation, self.output_activation = code_activation, output_activation
        with self.building():
            self.build_networks()

    def objectives(self):
        return {"reconstruction": Objective(self.reconstruction_loss, (self.encoder, self.decoder))}

    def reconstruction_loss(self, step):
        images = step.batch["images"]
        return tf.reduce_mean(self.squared_error(images, images, step.training)), {}
