"""What models of two domains share of which no pairs are known."""

import tensorflow as tf

from tfgen import losses
from tfgen.fields import Image
from tfgen.models.abilities import Game, Played
from tfgen.models.translating import SEED
from tfgen.models.translation.base import TranslationModel


class TwoDomains(TranslationModel):
    """G: A -> B and F: B -> A, each against a discriminator of its target.

    A subclass states `adversarial_loss`, `objectives` and `default_optimizers`, and makes its networks by
    `make_networks`, within `building`. G is `translator_ab`, F `translator_ba`.

    Attributes:
        image_shape: (height, width, channels) of domain B in training; those of A have its height and width.
        input_channels: of domain A.
    """

    averaged_networks = ("translator_ab", "translator_ba")
    own_networks = (*averaged_networks, "discriminator_a", "discriminator_b")
    adversarial_loss = losses.Loss()
    source, target = "images_a", "images_b"

    @property
    def fields(self):
        size, limits = self.image_shape[:2], self.value_range
        return {
            "images_a": Image((*size, self.input_channels), *limits),
            "images_b": Image(self.image_shape, *limits),
        }

    def make_networks(self, translator, discriminator):
        """Makes all four.

        Args:
            translator: translator(channels, channels of what it makes, name=...) gives a network of images,
                and of keys of their noise where the model is `stochastic`.
            discriminator: discriminator(channels, name=...).
        """
        channels = {"a": self.input_channels, "b": self.image_shape[-1]}
        for source, target in ("ab", "ba"):
            name = f"translator_{source}{target}"
            setattr(self, name, translator(channels[source], channels[target], name=name))
        for domain, count in channels.items():
            name = f"discriminator_{domain}"
            setattr(self, name, discriminator(count, name=name))

    # What a step computes.

    def to_a(self, step):
        """F(b) of the step's images, (n, h, w, input_channels)."""
        return step.once(self._to_a, self.translator_ba)

    def _to_a(self, step):
        return self.passed(step, "translator_ba", step.batch["images_b"])

    def to_b(self, step):
        """G(a) of the step's images, (n, h, w, channels)."""
        return step.once(self._to_b, self.translator_ab)

    def _to_b(self, step):
        return self.passed(step, "translator_ab", step.batch["images_a"])

    def again(self, step):
        """F(G(a)) and G(F(b)) of the step's images, with gradients by both translators."""
        to_a, to_b = self.to_a(step), self.to_b(step)
        return self.passed(step, "translator_ba", to_b), self.passed(step, "translator_ab", to_a)

    def passed(self, step, name, images):
        """Images through a translator, whose noise is the same in all passes of the step."""
        key = step.key(name) if self.stochastic else None
        return self.through(name, images, key, step.first_row, step.training)

    def score(self, domain, images, training=False):
        """What the discriminator of domain "a" or "b" says of images (n, h, w, c): high for real ones."""
        return getattr(self, f"discriminator_{domain}")(images, training=training)

    # The games.

    def games(self):
        return [
            Game("translator_ba", "discriminator_a", self.played_a, self.adversarial_loss.zero_decides, "a"),
            Game("translator_ab", "discriminator_b", self.played_b, self.adversarial_loss.zero_decides, "b"),
        ]

    def played_a(self, step):
        """What is seen of the game over domain A: see `abilities.Game`."""
        return self._played(step, "a", self.to_a(step))

    def played_b(self, step):
        """What is seen of the game over domain B: see `abilities.Game`."""
        return self._played(step, "b", self.to_b(step))

    def _played(self, step, domain, fakes):
        images = step.batch[f"images_{domain}"]
        real, fake = (self.score(domain, seen, step.training) for seen in (images, fakes))
        return Played(real, fake, images, fakes)

    # Use.

    def translated(self, inputs, key, first_row=0, training=False):
        """G(a), images (n, h, w, channels) in `value_range`."""
        return self.through("translator_ab", inputs, key, first_row, training)

    def translated_back(self, images, key, first_row=0):
        """F(b), (n, h, w, input_channels) in `value_range`; sizes are multiples of `multiple`."""
        return self.through("translator_ba", images, key, first_row)

    def translate_back(self, images, seed=0):
        """From B to A: as `translate`, of images (n, h, w, channels)."""
        return self._any_size(self.translated_back, self.fields["images_b"], "images", images, seed)

    def translated_back_by_seed(self, images, seed=None):
        """`translate_back` of plain tensors, as `translated_by_seed`."""
        return self.translated_back(images, self._plain_key(seed))

    def columns(self, batch, seed=0, first_row=0):
        a, b, place = batch["images_a"], batch["images_b"], (self.key_of(seed), first_row)
        to_b, to_a = self.translated(a, *place), self.translated_back(b, *place)
        there = {"a": a, "a to b": to_b, "a again": self.translated_back(to_b, *place)}
        return {**there, "b": b, "b to a": to_a, "b again": self.translated(to_a, *place)}

    def signatures(self):
        images = tf.TensorSpec((None, None, None, self.image_shape[-1]), tf.float32, "images")
        seed = [SEED] if self.stochastic else []
        back = (self.translated_back_by_seed, [images, *seed], "translator")
        return {**super().signatures(), "translate_back": back}

    @property
    def input_values(self):
        return {**super().input_values, "images": self.fields["images_b"].values}
