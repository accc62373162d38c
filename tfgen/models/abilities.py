"""What a model can do beside `sample`; ask by isinstance(model, Codes).

A family says what a model is, an ability what it can do: a BiGAN plays a game and has codes, a
VAE/GAN too. Each ability states what its model must have, and gives what follows from it. `Translates`
and `Extends`, which give much, have files of their own.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfgen import priors, random
from tfgen.errors import InputError, unknown
from tfgen.models.extending import Extends
from tfgen.models.translating import Translates


class Game(NamedTuple):
    """A generator and a discriminator that play against each other.

    Attributes:
        generator, discriminator: the names of the model's networks, as attributes.
        play: play(step) of a `Step` gives a `Played`; a step whose batch is empty has no real ones.
        zero_decides: whether a score of 0 is the discriminator's boundary between real and fake.
        name: of the game, where a model has several; it precedes its numbers.
    """

    generator: str
    discriminator: str
    play: Callable
    zero_decides: bool = True
    name: str = ""


class Played(NamedTuple):
    """What is seen of a game in a step: scores (n, ...), high for real, and images (n, h, w, c)."""

    real_scores: object
    fake_scores: object
    reals: object
    fakes: object


class Games:
    """Plays one or more games: the doctor watches it, and discriminators have an accuracy."""

    def games(self):
        """A list of `Game`: one of `generator` and `discriminator`, unless a model says more."""
        return [Game("generator", "discriminator", self.played, self.adversarial_loss.zero_decides)]

    def played(self, step):
        """What is seen of the one game in a step, a `Played`."""
        raise NotImplementedError(f"{type(self).__name__}.played")


class Latents:
    """Makes images of codes z (n, latent_dim) of a `prior`, by `decode(z, labels)` or `generate`."""

    prior = priors.Normal()

    def draw_codes(self, key, n, first_row=0, **options):
        """The codes of a key, float32 (n, latent_dim); `options` are those of the prior's `draw`."""
        return self.prior.draw(key, (n, self.latent_dim), first_row, **options)

    def latents_from_seed(self, seed, n):
        """The codes (n, latent_dim) of `sample`; seed and n are int64 and int32 scalars."""
        return self.draw_codes(random.key(seed), n)

    @property
    def input_values(self):
        integers = {"distribution": "integers", "low": 0}
        of_search = {"mask": {**integers, "high": 1}, "k": {**integers, "high": 499}}  # its mask and step
        return {**super().input_values, **of_search, "z": self.prior.values}


class Codes(Latents):
    """Has codes of images, too: `encode(images, labels)`, `decode(z, labels)`, `reconstruct`."""

    def encode(self, images, labels=None):
        """Codes (n, latent_dim) of images (n, h, w, c) in `value_range`."""
        raise NotImplementedError(f"{type(self).__name__}.encode")

    def decode(self, z, labels=None):
        """Images (n, h, w, c) in `value_range` of codes z (n, latent_dim)."""
        raise NotImplementedError(f"{type(self).__name__}.decode")

    def reconstruct(self, images, labels=None):
        """decode(encode(images)): (n, h, w, c) in `value_range`."""
        return self.decode(self.encode(images, labels), labels)


class Density:
    """Knows `log_prob(images, ...)`, exactly or as a bound: nats, shape (n,)."""


class Completes:
    """Draws what is hidden of images."""

    def completed(self, images, mask, seed=None, **given):
        """Images (n, h, w, c) in `value_range`, which are kept where a mask (n, h, w, 1) is 1, not 0.

        given: labels of a conditional model and options, as `sample` has them.
        """
        raise NotImplementedError(f"{type(self).__name__}.completed")


class TranslatesSentences:
    """Turns sentences of one language into another: its fields `inputs` and `images` are `Words`.

    A model states `likeliest(inputs)`, tokens (n, length) of tokens (n, length).
    """

    def translate(self, texts):
        """Translations of sentences, a list of texts of a list of texts; of one text, a text.

        Words stand between spaces; the model takes its likeliest word each time.

        Raises:
            InputError: a sentence that is empty, too long or no string.
        """
        if isinstance(texts, str):
            return self.translate([texts])[0]
        if not len(texts):
            raise InputError("translate needs a sentence at least; received none")
        taken, made = self.fields["inputs"], self.fields["images"]
        tokens = self._likeliest(tf.constant(np.stack([taken.parsed(text) for text in texts])))
        return [made.text(row) for row in tokens.numpy()]

    @tf.function(autograph=False, reduce_retracing=True)
    def _likeliest(self, inputs):
        return self.likeliest(inputs)


EVERY = (Games, Latents, Codes, Density, Completes, Translates, Extends, TranslatesSentences)
ABILITIES = {ability.__name__: ability for ability in EVERY}


def get(name):
    """The ability of that name, as "Codes"; case does not matter."""
    for own, ability in ABILITIES.items():
        if own.lower() == str(name).lower():
            return ability
    raise unknown("ability", name, ABILITIES)


def needs(model, ability, purpose):
    """Raises the InputError of a model that lacks what `purpose` needs."""
    if not isinstance(model, ability):
        raise InputError(
            f"{purpose} needs a model with the ability {ability.__name__}; {type(model).__name__} has none; "
            f"tfgen.models.list_models(ability={ability.__name__!r}) names those that have"
        )
