"""What the numbers of a game mean: a table of findings, each with its condition, evidence and remedy.

Goodfellow et al. Generative Adversarial Nets. 2014. https://arxiv.org/abs/1406.2661
The remedies are those of the papers that they name.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

SURE = 0.99  # accuracy on real and on fake: a game that goes on has errors on both sides
DOUBT = 0.02  # mean probability of the wrong side: what is left to learn from is 2 % of each image
SWAPPED = 0.1  # P(score of a real > of a fake): chance, and a perfect generator, give 1/2
VANISHED = 1e-6  # a gradient's norm: below it float32 sums lose it next to weights of about 1
GROWTH = 10.0  # of the kernels' root mean square in an epoch: a network learns by changing them by parts
SHARE = 0.5  # of samples with a near duplicate, of which real images have less than half as many
SATURATED = 0.95  # of the values at an end of the range, where real images have less
NOISE = 0.9  # of samples that are rougher than 99 % of the real images
DRIFT = 2.0  # times the best Frechet distance: its error with so few samples is some 10 %


class Rule(NamedTuple):
    """A line of the table.

    Attributes:
        name: of what is wrong.
        needs: names of the numbers without which it cannot be asked.
        holds: holds(now, before) of an epoch's numbers and of the list of those of the epochs before.
        evidence: evidence(now, before), what shows it, in words.
        remedy: what is known to help.
        lasting: epochs in a row after which it is said, for games swing, and the next epoch may mend it;
            None: said at the end of training, for every game begins with it.
        trend: whether it is told from the epochs before alone, and not by one look.
    """

    name: str
    needs: tuple
    holds: Callable
    evidence: Callable
    remedy: str
    lasting: int | None = 2
    trend: bool = False


def _grown(now, before):
    """(how many times, whose) of the kernels that have grown most since the epoch before."""
    last = before[-1] if before else {}
    grown = [(now[k] / last[k], k) for k in now if k.endswith("_kernels") and last.get(k)]
    return max(grown, default=(0.0, ""))


def _best(now, before):
    return min([now["frechet"], *(row["frechet"] for row in before if "frechet" in row)])


def _real(now, name):
    return f", of real images {now[name]:.0%}," if name in now else ""


def _made(now):
    """How many images the generator makes: a sample has no duplicate with a chance of exp(-s / N)."""
    return now["samples"] / -math.log(max(1 - now["duplicates"], 1 / now["samples"]))


RULES = (
    Rule(
        "discriminator wins",
        ("accuracy_real", "accuracy_fake", "doubt_real", "doubt_fake"),
        lambda now, before: (
            min(now["accuracy_real"], now["accuracy_fake"]) >= SURE
            and max(now["doubt_real"], now["doubt_fake"]) < DOUBT
        ),
        lambda now, before: (
            f"accuracy {now['accuracy_real']:.2f} on real and {now['accuracy_fake']:.2f} on fake, doubt "
            f"{max(now['doubt_real'], now['doubt_fake']):.1g}, generator gradient norm "
            f"{now.get('generator_gradient', math.nan):.2g}"
        ),
        "try one-sided label smoothing (Salimans 2016), noise at its inputs (Arjovsky and Bottou 2017), "
        "spectral normalization (Miyato 2018) or WGAN-GP (Gulrajani 2017)",
    ),
    Rule(
        "labels swapped",
        ("real_above_fake", "gap"),
        # One that has not learnt yet rises.
        lambda now, before: (
            now["real_above_fake"] < SWAPPED
            and bool(before)
            and now["gap"] < before[-1].get("gap", -math.inf)
        ),
        lambda now, before: (
            f"fakes score above real images in {1 - now['real_above_fake']:.0%} of pairs, "
            f"gap {now['gap']:.2g}"
        ),
        "look for real and fake exchanged, or a wrong sign, in a loss (Goodfellow 2014, eq. 1)",
        trend=True,
    ),
    Rule(
        "vanished gradient",
        ("generator_gradient",),
        lambda now, before: now["generator_gradient"] < VANISHED,
        lambda now, before: f"generator gradient norm {now['generator_gradient']:.2g}",
        "try the non-saturating loss (Goodfellow 2014) or WGAN-GP (Gulrajani 2017)",
    ),
    Rule(
        "learning rate too high",
        (),
        lambda now, before: _grown(now, before)[0] > GROWTH,
        lambda now, before: (
            f"kernels of {_grown(now, before)[1].removesuffix('_kernels')} have grown "
            f"{_grown(now, before)[0]:.0f} times in an epoch, to a root mean square of "
            f"{now[_grown(now, before)[1]]:.2g}"
        ),
        "lower the rate, as 2e-4 with beta_1 0.5 (Radford 2016), or use spectral normalization (Miyato 2018)",
        lasting=1,  # it will not shrink by itself
    ),
    Rule(
        "saturated outputs",
        ("saturated",),
        lambda now, before: now["saturated"] > max(SATURATED, (1 + now.get("saturated_real", 0)) / 2),
        lambda now, before: (
            f"{now['saturated']:.0%} of the fakes' values are at their ends{_real(now, 'saturated_real')}"
        ),
        "lower the rate, or normalise the generator's layers (Radford 2016)",
    ),
    Rule(
        "mode collapse",
        ("duplicates", "samples"),
        lambda now, before: (
            now["duplicates"] > SHARE and now.get("duplicates_real", 0) < now["duplicates"] / 2
        ),
        lambda now, before: (
            f"{now['duplicates']:.0%} of {now['samples']} samples{_real(now, 'duplicates_real')} have a near "
            f"duplicate, as if the generator made {_made(now):.0f} images or fewer,"
        ),
        "try minibatch discrimination (Salimans 2016), packing (Lin 2018) or WGAN-GP (Gulrajani 2017)",
    ),
    Rule(
        "missing classes",
        ("missing",),
        lambda now, before: bool(now["missing"]),
        lambda now, before: f"{', '.join(map(str, now['missing']))} in none of {now['samples']} samples",
        "try minibatch discrimination (Salimans 2016), packing (Lin 2018) "
        "or give the labels (Mirza and Osindero 2014)",
    ),
    Rule(
        "noise",
        ("rough",),
        lambda now, before: now["rough"] > NOISE,
        lambda now, before: (
            f"{now['rough']:.0%} of the samples are rougher than 99% of the real images (roughness "
            f"{now['roughness']:.2f}, of real images {now['roughness_real']:.2f}, of noise 1)"
        ),
        "train for longer, and look at the samples of each epoch; if they stay noise, lower the rate, or "
        "take a model for few images",
        lasting=None,
    ),
    Rule(
        "Frechet score drifts",
        ("frechet",),
        lambda now, before: now["frechet"] > DRIFT * _best(now, before),
        lambda now, before: f"{now['frechet']:.3g}, after a best of {_best(now, before):.3g},",
        "keep an earlier epoch, average the generator (ema_decay; Yazici 2019), "
        "or give the players rates of their own (Heusel 2017)",
        trend=True,
    ),
)
BROKEN = "not a number"
REMEDIES = {rule.name: rule.remedy for rule in RULES} | {
    BROKEN: "lower the rate, clip gradients (an optimizer with global_clipnorm=1.0), or use float32"
}


class Finding(NamedTuple):
    """What is wrong: since which epoch, from 1 on, None once trained; a key of REMEDIES; what shows it."""

    epoch: int | None
    name: str
    evidence: str

    def __str__(self):
        at = "" if self.epoch is None else f", epoch {self.epoch}"
        return f"doctor{at}: {self.name}: {self.evidence}; {REMEDIES[self.name]}"


def judge(now, before=(), trends=None):
    """{name of a rule: evidence} of what is wrong in an epoch's numbers of a game.

    Args:
        now: the numbers, {name: value}.
        before: those of the epochs before, in their order.
        trends: True asks only the rules of a trend, False only the others, None all.
    """
    before = list(before)
    return {
        rule.name: rule.evidence(now, before)
        for rule in RULES
        if trends in (None, rule.trend)
        and all(name in now for name in rule.needs)
        and rule.holds(now, before)
    }
