"""A callback that watches games as they are trained, says what goes wrong, and what is known to help."""

import collections
import math

import keras

from tfgen.doctor.judge import BROKEN, RULES, Finding, judge
from tfgen.doctor.measure import broken_weights, kernels, look, probe
from tfgen.models.abilities import Games, needs
from tfgen.models.monitoring import not_finite

LOGGED = (  # the numbers that join an epoch's logs
    *("accuracy_fake", "accuracy_real", "gap", "real_above_fake", "generator_gradient"),
    *("discriminator_gradient", "duplicates", "saturated", "rough", "missing_classes", "frechet"),
)


class TrainingDoctor(keras.callbacks.Callback):
    """Looks at a model of `Games` at the end of each epoch, prints what is wrong, a line each.

    `findings` has them all; one that lasts is said once. The numbers join the epoch's logs as
    doctor_*, for the callbacks that come after this one: shares in 0..1, `gap` in units of the
    score, `*_gradient` norms of the objectives' gradients, `frechet` in squared units of the
    features; where a model has several games, with the game's name before. They are functions of the
    model alone, and neither its weights nor its noise are touched.

    Args:
        data: training data as `fit` takes it, of which the first `measure.SAMPLES` examples are looked at
            in every epoch; None leaves what fakes alone can tell.
        extractor: a `tfgen.metrics.Extractor`, for the Frechet score, and missing classes if it knows any.

    Raises:
        InputError: from `fit`, a model without games.
    """

    async_safe = True  # it may look at a step's losses while the next step runs

    def __init__(self, data=None, extractor=None):
        super().__init__()
        self.data, self.extractor = data, extractor
        self.findings = []
        self._lasting = collections.Counter()  # epochs in a row, by game and name
        self._before = collections.defaultdict(list)  # the numbers of each epoch, by game
        self._last = {}  # what was found in the last epoch, by game
        self._epoch, self._steps, self._broken, self._largest = 0, 0, False, None

    def on_train_begin(self, logs=None):
        needs(self.model, Games, "TrainingDoctor")
        self._probe = None if self.data is None else probe(self.model, self.data)
        self._kernels = kernels(self.model)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._steps, self._broken = epoch + 1, int(self.model.step.numpy()), False
        weights = broken_weights(self.model)
        if weights:
            self._broken = True
            self._say(BROKEN, f"before the epoch's first step in {weights}")

    def on_train_batch_end(self, batch, logs=None):
        bad = not_finite(self.model, logs)
        if bad and not self._broken:
            self._broken = True
            before = "" if self._largest is None else f", the last look's largest output was {self._largest}"
            self._say(
                BROKEN,
                f"first {bad[0]} at step {self._steps + batch + 1}, by its end in "
                f"{broken_weights(self.model) or 'no weight'}{before}",
            )

    def on_epoch_end(self, epoch, logs=None):
        looks = looks_at(self.model, self._probe, self.extractor)
        outputs = [output for _, _, heard in looks for output in heard]
        bad = broken_weights(self.model) or broken_output(outputs)
        if bad and not self._broken:
            self._say(BROKEN, f"after the epoch's last step in {bad}")
        self._broken = bool(bad)
        finite = [output for output in outputs if math.isfinite(output[1])]
        if finite:
            self._largest = "{1:.3g}, of {0}".format(*max(finite, key=lambda output: output[1]))
        grown, self._kernels = self._kernels, kernels(self.model)
        for name, numbers, _ in looks:
            before = [*self._before[name], grown] if not self._before[name] else self._before[name]
            numbers |= self._kernels
            found = {} if bad else judge(numbers, before)
            self._before[name].append(numbers)
            self._last[name] = found
            for rule in RULES:
                at = name, rule.name
                self._lasting[at] = self._lasting[at] + 1 if rule.name in found else 0
                if self._lasting[at] == rule.lasting:
                    epochs = f" for {rule.lasting} epochs" if rule.lasting > 1 else ""
                    self._say(rule.name, f"{of_game(name)}{found[rule.name]}{epochs}")
            if logs is not None:
                before = f"doctor_{name}_" if name else "doctor_"
                logs.update({before + key: float(numbers[key]) for key in LOGGED if key in numbers})

    def on_train_end(self, logs=None):
        for name, found in self._last.items():
            for rule in RULES:
                if rule.lasting is None and rule.name in found:
                    self._say(rule.name, f"{of_game(name)}{found[rule.name]}, at the end")

    def _say(self, name, evidence):
        self.findings.append(Finding(self._epoch, name, evidence))
        print(f"\n{self.findings[-1]}", flush=True)


def looks_at(model, at, extractor=None):
    """[(the game's name, its numbers, [(layer, its largest output)])] of all games of a model."""
    return [(game.name, *look(model, game, at, extractor)) for game in model.games()]


def broken_output(outputs):
    """The first layer whose outputs are no numbers; None where all are."""
    return next((at for at, top in outputs if not math.isfinite(top)), None)


def of_game(name):
    """The beginning of evidence, where a model has several games."""
    return f"game {name}: " if name else ""
