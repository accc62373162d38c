"""Adversarial models of several generators, each of which makes a share of the samples."""

from tfgen import networks, priors
from tfgen.errors import unknown
from tfgen.models.adversarial.base import BODIES, AdversarialModel, judge


class Member:
    """One generator's part in the game.

    Attributes:
        place: its number, from 0 on.
    """

    def __init__(self, model, place):
        self.model, self.place = model, place

    def fakes(self, step):
        """As many fakes as the step has examples, (n, h, w, c), the same for both players."""
        return step.once(self._fakes, self.model.generators[self.place])

    def _fakes(self, step):
        z = self.model.noise(step, f"z of component {self.place + 1}")
        return self.model.generators[self.place](z, training=step.training)


class EnsembleGAN(AdversarialModel):
    """Generators of one kind, and what they make together.

    z (n, latent_dim) is a generator's noise, `noise_dim` values of `noise_prior`, and a number in (0, 1) that
    chooses it. A subclass builds `generators`, an `Ensemble`.

    Args:
        image_shape: (height, width, channels); with dense networks of any size.
        noise_dim: size of the noise of each generator.
        width, body: of all networks, see `StandardGAN`.
    """

    own_networks = ()
    noise_prior = priors.Normal()

    def __init__(self, image_shape=(64, 64, 3), noise_dim=100, width=64, body="convolutional", **kwargs):
        if body not in BODIES:
            raise unknown("body", body, BODIES)
        super().__init__(**kwargs)
        self.image_shape, self.noise_dim, self.width, self.body = image_shape, noise_dim, width, body
        self.latent_dim = noise_dim + 1
        self.prior = priors.Joint((self.noise_prior, noise_dim), (priors.Uniform(0.0, 1.0), 1))

    def build_generator(self):
        how = dict(width=self.width, activation="relu", output="tanh")
        return networks.decoder(self.body, self.noise_dim, self.image_shape, **how)

    def build_discriminator(self, normalization="batch", outputs=1):
        how = dict(width=self.width, outputs=outputs, normalization=normalization)
        return judge(self.body, self.image_shape, **how)

    def noise(self, step, name):
        """A draw of the step, (n, noise_dim)."""
        return self.noise_prior.draw(step.key(name), (step.rows, self.noise_dim), step.first_row)

    def mixture(self, z, u, members):
        """Images (n, h, w, c) of noise z (n, noise_dim) and u (n,), of so many members in equal shares."""
        return self.generators.mixed(z, u, [1 / members] * members)

    def members(self):
        """How many of the generators make samples."""
        return len(self.generators.names)

    def generate(self, z, labels=None):
        """Images (n, h, w, c) in [-1, 1] of latents z (n, latent_dim)."""
        return self.mixture(z[:, :-1], z[:, -1], self.members())

    def call(self, z, labels=None, training=False):
        return self.generate(z)
