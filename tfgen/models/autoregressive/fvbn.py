"""FVBN: the fully visible sigmoid belief network, a logistic regression of each value on those before.

Frey, Hinton and Dayan. Does the wake-sleep algorithm produce good density estimators? NIPS 1996.
https://papers.nips.cc/paper/1153-does-the-wake-sleep-algorithm-produce-good-density-estimators
Neal. Connectionist learning of belief networks. Artificial Intelligence 56, 1992.

    p(x_i = 1 | x_<i) = sigmoid(b_i + sum_{j < i} W_ji x_j)

The loss is convex in (W, b). Unlike the papers, values may have more levels than two: then it is the
softmax of b_ik + sum_{j < i} W_jik x_j over the levels k, with zero for the first one, which for two
levels is the sigmoid. Unlike Frey's, it has no penalty on W.
"""

import keras

from tfgen.models.autoregressive.base import AutoregressiveModel
from tfgen.models.autoregressive.masked import draw_by_rows, masked_network
from tfgen.models.base import Recipe
from tfgen.models.registry import model


@model(title="Does the Wake-Sleep Algorithm Produce Good Density Estimators?", year=1996)
class FVBN(AutoregressiveModel):
    """One logistic regression for each value of an image, on all values before it.

    Args:
        image_shape: (height, width, channels); images lie in [0, 1].
        levels: the number of values that each channel of a pixel can take; 2 for binary images.
            There are levels - 1 weights for each pair of values.
    """

    tiny = dict(image_shape=(8, 8, 1), levels=4)
    recipe = Recipe(
        "mnist", batch_size=128, epochs=30, model=dict(ema_decay=0.999), data=dict(binarize="dynamic")
    )

    def __init__(self, image_shape=(28, 28, 1), levels=2, **kwargs):
        super().__init__(image_shape, levels, **kwargs)
        with self.building():
            self.predictor = masked_network(self.image_shape, levels)

    def default_optimizers(self):
        return keras.optimizers.Adam(1e-2)

    def values_from(self, noise, known, temperature, labels):
        return draw_by_rows(self.averaged("predictor"), self.levels, noise, known, temperature)
