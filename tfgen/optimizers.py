"""Optimizers that Keras does not have."""

import keras
import tensorflow as tf

from tfgen import random
from tfgen.errors import InputError

SAMPLER = 0x56B3C001  # the second word of the noise's key, which no model uses


@keras.saving.register_keras_serializable("tfgen")
class SGHMC(keras.optimizers.Optimizer):
    """Draws weights from a posterior, by stochastic gradient Hamiltonian Monte Carlo.

    Chen, Fox and Guestrin. Stochastic Gradient Hamiltonian Monte Carlo. ICML 2014, eq. 15.
    https://arxiv.org/abs/1402.4102

        v <- (1 - friction) v - rate * gradient + sqrt(2 friction rate temperature) n,    n ~ N(0, 1)
        w <- w + v

    For small rates w is distributed as exp(-loss / temperature). A loss that is a mean over examples, and
    has the N-th part of -log p(w), is N times smaller than -log of the posterior of N examples, so that
    the temperature is 1 / N, and `learning_rate` N times the paper's. A temperature of 0 is Keras' SGD
    with momentum. Noise is a function of the seed, of the number of the update, and of the variable's place.

    Args:
        learning_rate: a number, or a schedule of Keras.
        friction: in (0, 1].
        temperature: at least 0.
        seed: an integer; optimizers of one training need different ones.
        kwargs: as those of Keras' optimizers.

    Raises:
        InputError: a friction or temperature of another range.
    """

    def __init__(self, learning_rate=1e-3, friction=0.01, temperature=1.0, seed=0, name="sghmc", **kwargs):
        if not (0 < friction <= 1 and temperature >= 0):
            raise InputError(
                f"SGHMC takes a friction in (0, 1] and a temperature of at least 0; received "
                f"{friction} and {temperature}"
            )
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.friction, self.temperature, self.seed = friction, temperature, seed

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.velocities = [self.add_variable_from_reference(v, "velocity") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        place = self._get_variable_index(variable)
        rate, velocity = tf.cast(learning_rate, variable.dtype), self.velocities[place]
        key = random.key(self.seed, SAMPLER, tf.cast(self.iterations.value, tf.int64), place)
        noise = tf.reshape(random.normal(key, (1, max(1, variable.shape.num_elements()))), variable.shape)
        scale = tf.sqrt(2 * self.friction * self.temperature * rate)
        moved = (1 - self.friction) * velocity - rate * gradient + scale * tf.cast(noise, variable.dtype)
        self.assign(velocity, moved)
        self.assign_add(variable, moved)

    def get_config(self):
        own = dict(friction=self.friction, temperature=self.temperature, seed=self.seed)
        return {**super().get_config(), **own}
