"""Models that continue clips, by a generator that may have an adversary."""

from tfgen import losses
from tfgen.errors import InputError
from tfgen.models.abilities import Extends, Games
from tfgen.models.base import GenerativeModel, Objective


class FramesGAN(Extends, Games, GenerativeModel):
    """A `generator` of frames and, unless `adversarial_weight` is 0, a `discriminator` that judges them.

    A subclass says `extended`, `played`, both objectives, and `generator_logs`, those beside "adversarial".
    """

    averaged_networks = ("generator",)
    any_size = True
    adversarial_loss = losses.Minimax()
    generator_logs = ()

    @staticmethod
    def check_counts(given, predicted):
        """Raises the InputError of an example without frames that are given, or that follow."""
        if min(given, predicted) < 1:
            raise InputError(f"given and predicted are 1 at least; received {given} and {predicted}")

    def objectives(self):
        logs = (*self.generator_logs, *["adversarial"] * bool(self.adversarial_weight))
        generator = Objective(self.generator_objective, (self.generator,), logs)
        if not self.adversarial_weight:
            return {"generator": generator}
        plays = Objective(self.discriminator_objective, (self.discriminator,))
        return {"discriminator": plays, "generator": generator}

    def games(self):
        return super().games() if self.adversarial_weight else []
